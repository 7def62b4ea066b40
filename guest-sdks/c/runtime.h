// What the files of this SDK share; not for users.
#ifndef AMINO_RUNTIME_H
#define AMINO_RUNTIME_H

#include "amino.h"

// amino_handle runs the call in a call frame and returns the reply frame. It
// stays until amino_release, which frees all that the call used.
const cbor_writer *amino_handle(const uint8_t *frame, size_t len);
const cbor_writer *amino_manifest(void);
void amino_release(void);

// amino_send_frame sends a request frame and returns the reply frame, in
// temporary memory, or NULL if there is no memory for it.
const uint8_t *amino_send_frame(const uint8_t *frame, size_t len, size_t *reply_len);

// amino_no_memory fails the call with AMINO_MEMORY_LIMIT and returns NULL.
void *amino_no_memory(void);

// amino_temp_free ends the life of all temporary memory.
void amino_temp_free(void);

// amino_text copies len bytes into a temporary string. A zero byte in it fails
// the call, for a C string would end there.
const char *amino_text(const uint8_t *data, size_t len);

// amino_normal_value checks the item in data, with the given levels of nesting,
// and returns it as a value, or NULL with *wrong set.
amino_value amino_normal_value(const uint8_t *data, size_t len, int levels, const char **wrong);

// amino_parse_time reads RFC 3339 text; amino_print_time writes it, in UTC.
bool amino_parse_time(const char *s, size_t len, amino_time *t);
size_t amino_print_time(char out[36], amino_time t);

// The conversions behind amino_read_ and amino_to_: false if v does not fit.
bool amino_as_int(amino_value v, int64_t min, uint64_t max, uint64_t *out);
bool amino_as_float(amino_value v, double *out);
bool amino_as_text(amino_value v, const char **out);
bool amino_as_time(amino_value v, amino_time *out);
const char *amino_kind_name(amino_value v);

// The imports of ABI.md. Outside WebAssembly a test provides them.
#ifdef __wasm__
#define IMPORT(NAME) __attribute__((import_module("amino"), import_name(#NAME)))
#else
#define IMPORT(NAME)
#endif

IMPORT(invoke) uint32_t amino_import_invoke(const void *frame, uint32_t len);
IMPORT(take) void amino_import_take(void *out);
IMPORT(self) uint32_t amino_import_self(void);
IMPORT(config) int32_t amino_import_config(const char *key, uint32_t len);
IMPORT(log) void amino_import_log(int32_t level, const char *text, uint32_t len);
IMPORT(now) int64_t amino_import_now(void);
IMPORT(random) void amino_import_random(void *out, uint32_t len);

#endif
