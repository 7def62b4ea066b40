// The wall of the sandbox: the exports and imports of ABI.md.
#include "runtime.h"

#include <stdlib.h>

#define EXPORT(NAME) __attribute__((export_name(#NAME)))
#define IMPORT(NAME) __attribute__((import_module("amino"), import_name(#NAME)))

IMPORT(invoke) uint32_t amino_import_invoke(const void *frame, uint32_t len);
IMPORT(take) void amino_import_take(void *out);
IMPORT(self) uint32_t amino_import_self(void);
IMPORT(config) int32_t amino_import_config(const char *key, uint32_t len);
IMPORT(log) void amino_import_log(int32_t level, const char *text, uint32_t len);
IMPORT(now) int64_t amino_import_now(void);
IMPORT(random) void amino_import_random(void *out, uint32_t len);

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
