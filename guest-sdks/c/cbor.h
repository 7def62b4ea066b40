// CBOR (RFC 8949) as ABI.md has it. Bytes from outside pass through cbor_normal
// once, which checks them and rewrites them in the shortest form; everything
// else in this SDK reads only what cbor_normal or a writer wrote.
#ifndef AMINO_CBOR_H
#define AMINO_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CBOR_LEVELS 64 // how deep arrays and maps may nest in a value

#ifdef __cplusplus
extern "C" {
#endif

// A cbor_writer appends to memory it grows with realloc. When memory runs out it
// is marked failed and ignores what follows. A zero cbor_writer is empty.
typedef struct {
  uint8_t *data;
  size_t len, cap;
  bool failed;
} cbor_writer;

void cbor_raw(cbor_writer *w, const void *data, size_t len);
void cbor_uint(cbor_writer *w, uint64_t v);
void cbor_int(cbor_writer *w, int64_t v);
void cbor_float(cbor_writer *w, double v); // half, single or double: the shortest that loses nothing
void cbor_text(cbor_writer *w, const char *s, size_t len);
void cbor_bytes(cbor_writer *w, const void *data, size_t len);
void cbor_array(cbor_writer *w, size_t items); // items follow
void cbor_map(cbor_writer *w, size_t pairs);   // key, value, key, value follow
void cbor_tag(cbor_writer *w, uint64_t tag);   // an item follows
void cbor_bool(cbor_writer *w, bool v);
void cbor_null(cbor_writer *w);

// cbor_normal appends the one item that data holds, in its shortest form with
// definite lengths and without unknown tags. It returns NULL, or what is wrong.
const char *cbor_normal(cbor_writer *w, const uint8_t *data, size_t len, int levels);

typedef enum {
  CBOR_INT,   // u, or -1 - u if negative
  CBOR_FLOAT, // f
  CBOR_TEXT,  // data, u bytes
  CBOR_BYTES, // data, u bytes
  CBOR_ARRAY, // u items follow
  CBOR_MAP,   // u pairs follow
  CBOR_TIME,  // tag u (0 or 1); its item follows
  CBOR_BOOL,  // u
  CBOR_NULL,
} cbor_kind;

typedef struct {
  cbor_kind kind;
  bool negative;
  uint64_t u;
  double f;
  const uint8_t *data;
} cbor_item;

// cbor_next reads the item at p, which must be in normal form, and returns where
// the next one begins: behind a scalar, inside an array, map or time.
const uint8_t *cbor_next(const uint8_t *p, cbor_item *item);

// cbor_skip returns where the item at p, with all that is in it, ends.
const uint8_t *cbor_skip(const uint8_t *p);

#ifdef __cplusplus
}
#endif
#endif
