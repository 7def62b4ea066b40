#include "amino.h"

typedef struct {
  int64_t balance;
} wallet;

AMINO_MICROSERVICE(wallet, "Holds money.", "TwoPhaseCommit")

AMINO_NEW(wallet, (option_s64 balance), "Begins with balance, or with nothing.") { self->balance = balance ? *balance : 0; }

AMINO_METHOD(wallet, deposit, (s64 amount), s64, "Adds amount and returns the balance.") { return self->balance += amount; }

AMINO_METHOD(wallet, withdraw, (s64 amount), s64, "Takes amount away and returns the balance, or fails if there is less.") {
  self->balance -= amount; // before it is checked: a method that fails leaves no trace
  if (self->balance < 0) return amino_fail("it holds %lld less than that", (long long)-self->balance);
  return self->balance;
}

AMINO_READONLY(wallet, balance, (), s64, "Returns the balance.") { return self->balance; }
