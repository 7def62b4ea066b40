// The exports of ABI.md.
#include "runtime.h"

#include <stdlib.h>

#define EXPORT(NAME) __attribute__((export_name(#NAME)))

static uint64_t answer(const cbor_writer *w) { return (uint64_t)(uintptr_t)w->data << 32 | w->len; }

EXPORT(amino_abi_v1) void amino_abi_v1(void) {}

EXPORT(amino_alloc) void *amino_alloc(uint32_t len) {
  amino_release();
  return malloc(len ? len : 1);
}

EXPORT(amino_invoke) uint64_t amino_invoke(uint8_t *frame, uint32_t len) {
  const cbor_writer *reply = amino_handle(frame, len);
  free(frame);
  return answer(reply);
}

EXPORT(amino_describe) uint64_t amino_describe(void) { return answer(amino_manifest()); }

__attribute__((weak)) void amino_on_resume(void) {}

EXPORT(amino_resume) void amino_resume(void) { amino_on_resume(); }
