// What a microservice asks of its host.
#include "runtime.h"

#include <string.h>

// take fetches the answer of n bytes that waits in the host.
static uint8_t *take(size_t n) {
  uint8_t *p = (uint8_t *)amino_temp(n + 1);
  if (p) amino_import_take(p);
  return p;
}

const uint8_t *amino_send_frame(const uint8_t *frame, size_t len, size_t *reply_len) {
  return take(*reply_len = amino_import_invoke(frame, (uint32_t)len));
}

const char *amino_config(const char *key) {
  int32_t n = amino_import_config(key, (uint32_t)strlen(key));
  if (n < 0) return NULL;
  uint8_t *p = take((size_t)n);
  return p ? amino_text(p, (size_t)n) : NULL;
}

amino_value amino_self(void) {
  size_t n = amino_import_self();
  uint8_t *p = take(n);
  const char *wrong = NULL;
  amino_value v = p ? amino_normal_value(p, n, CBOR_LEVELS, &wrong) : NULL;
  if (wrong) amino_fail_as(AMINO_INTERNAL, "the host's answer is broken: %s", wrong);
  return v;
}

amino_time amino_now(void) { return amino_import_now(); }

void amino_random(void *out, size_t len) { amino_import_random(out, (uint32_t)len); }
