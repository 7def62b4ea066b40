#include "amino.h"

typedef struct {
  int64_t n;
} counter;

AMINO_MICROSERVICE(counter, "Counts.")

AMINO_NEW(counter, (option_s64 start), "Begins at start, or at 0.") { self->n = start ? *start : 0; }

AMINO_METHOD(counter, add, (s64 by), s64, "Adds by and returns the sum.") { return self->n += by; }

AMINO_READONLY(counter, get, (), s64, "Returns the sum.") { return self->n; }
