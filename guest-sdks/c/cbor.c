#include "cbor.h"

#include <stdlib.h>
#include <string.h>

// The major types of RFC 8949, section 3.1.
enum { UINT, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };
enum { FALSE_ = 20, TRUE_, NULL_, UNDEFINED, HALF = 25, SINGLE, DOUBLE, INDEFINITE = 31 };

// Writing

static bool reserve(cbor_writer *w, size_t more) {
  if (w->failed) return false;
  if (w->cap - w->len >= more) return true;
  size_t cap = w->cap ? w->cap : 64;
  while (cap - w->len < more) {
    if (cap > SIZE_MAX / 2) return w->failed = true, false;
    cap *= 2;
  }
  uint8_t *data = (uint8_t *)realloc(w->data, cap);
  if (!data) return w->failed = true, false;
  w->data = data;
  w->cap = cap;
  return true;
}

void cbor_raw(cbor_writer *w, const void *data, size_t len) {
  if (!reserve(w, len) || len == 0) return;
  memcpy(w->data + w->len, data, len);
  w->len += len;
}

static size_t make_head(uint8_t *out, int major, uint64_t arg) {
  int size = arg < 24 ? 0 : arg <= 0xff ? 1 : arg <= 0xffff ? 2 : arg <= 0xffffffff ? 4 : 8;
  int info = size == 0 ? (int)arg : size == 1 ? 24 : size == 2 ? 25 : size == 4 ? 26 : 27;
  out[0] = (uint8_t)(major << 5 | info);
  for (int i = 0; i < size; i++) out[1 + i] = (uint8_t)(arg >> 8 * (size - 1 - i));
  return 1 + (size_t)size;
}

static void head(cbor_writer *w, int major, uint64_t arg) {
  uint8_t h[9];
  cbor_raw(w, h, make_head(h, major, arg));
}

void cbor_uint(cbor_writer *w, uint64_t v) { head(w, UINT, v); }
void cbor_int(cbor_writer *w, int64_t v) { head(w, v < 0 ? NEGATIVE : UINT, (uint64_t)(v < 0 ? ~v : v)); }
void cbor_text(cbor_writer *w, const char *s, size_t len) { head(w, TEXT, len), cbor_raw(w, s, len); }
void cbor_bytes(cbor_writer *w, const void *data, size_t len) { head(w, BYTES, len), cbor_raw(w, data, len); }
void cbor_array(cbor_writer *w, size_t items) { head(w, ARRAY, items); }
void cbor_map(cbor_writer *w, size_t pairs) { head(w, MAP, pairs); }
void cbor_tag(cbor_writer *w, uint64_t tag) { head(w, TAG, tag); }
void cbor_bool(cbor_writer *w, bool v) { head(w, SIMPLE, v ? TRUE_ : FALSE_); }
void cbor_null(cbor_writer *w) { head(w, SIMPLE, NULL_); }

static double half_value(uint16_t h) {
  int exp = h >> 10 & 31;
  uint64_t mant = h & 1023, sign = (uint64_t)(h >> 15) << 63, bits;
  if (exp == 31) bits = 0x7ff0000000000000 | mant << 42;
  else if (exp) bits = (uint64_t)(exp - 15 + 1023) << 52 | mant << 42;
  else {
    double v = (double)mant / 16777216; // subnormal: mant * 2^-24
    memcpy(&bits, &v, 8);
  }
  bits |= sign;
  double v;
  memcpy(&v, &bits, 8);
  return v;
}

// half_bits sets *h to the half that equals v; it returns false if there is none.
static bool half_bits(double v, uint16_t *h) {
  uint64_t b;
  memcpy(&b, &v, 8);
  int exp = (int)(b >> 52 & 0x7ff) - 1023;
  uint64_t mant = b & 0xfffffffffffff;
  uint16_t sign = (uint16_t)(b >> 63 << 15);
  if (exp == 1024) *h = (uint16_t)(sign | 0x7c00 | mant >> 42);
  else if (exp >= -14 && exp <= 15) *h = (uint16_t)(sign | (exp + 15) << 10 | mant >> 42);
  else if (exp >= -24 && exp < -14) *h = (uint16_t)(sign | (mant | 1ull << 52) >> (28 - exp));
  else *h = sign;
  double back = half_value(*h);
  return memcmp(&back, &v, 8) == 0;
}

void cbor_float(cbor_writer *w, double v) {
  uint8_t b[9];
  uint64_t bits;
  uint16_t h;
  size_t size = 8;
  if (v != v) v = half_value(0x7e00); // one NaN stands for all
  memcpy(&bits, &v, 8);
  if (half_bits(v, &h)) size = 2, bits = h;
  else if (v >= -3.4028234663852886e38 && v <= 3.4028234663852886e38 && (double)(float)v == v) {
    float f = (float)v;
    uint32_t single;
    memcpy(&single, &f, 4);
    size = 4, bits = single;
  }
  b[0] = (uint8_t)(SIMPLE << 5 | (size == 2 ? HALF : size == 4 ? SINGLE : DOUBLE));
  for (size_t i = 0; i < size; i++) b[1 + i] = (uint8_t)(bits >> 8 * (size - 1 - i));
  cbor_raw(w, b, 1 + size);
}

// Reading what came from outside

typedef struct {
  const uint8_t *p, *end;
  const char *wrong;
} input;

static bool wrong(input *in, const char *what) {
  if (!in->wrong) in->wrong = what;
  return false;
}

static bool read_head(input *in, int *major, int *info, uint64_t *arg) {
  if (in->p == in->end) return wrong(in, "cut short");
  *major = *in->p >> 5;
  *info = *in->p++ & 31;
  *arg = (uint64_t)*info;
  if (*info < 24 || *info == INDEFINITE) return true;
  if (*info > 27) return wrong(in, "a reserved length");
  size_t size = (size_t)1 << (*info - 24);
  if ((size_t)(in->end - in->p) < size) return wrong(in, "cut short");
  *arg = 0;
  while (size--) *arg = *arg << 8 | *in->p++;
  return true;
}

static bool utf8(const uint8_t *p, size_t n) {
  for (const uint8_t *end = p + n; p < end;) {
    uint8_t c = *p++;
    if (c < 0x80) continue;
    int more = c >= 0xc2 && c <= 0xdf ? 1 : c >= 0xe0 && c <= 0xef ? 2 : c >= 0xf0 && c <= 0xf4 ? 3 : 0;
    if (more == 0 || end - p < more) return false;
    uint8_t lo = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80, hi = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    for (; more--; lo = 0x80, hi = 0xbf)
      if (*p < lo || *p > hi) return false;
      else p++;
  }
  return true;
}

static bool at_break(input *in) {
  if (in->p == in->end || *in->p != 0xff) return false;
  in->p++;
  return true;
}

static bool copy(input *in, cbor_writer *w, int levels);

// insert_head puts a head before what was written since start, whose length was
// not known.
static void insert_head(cbor_writer *w, size_t start, int major, uint64_t arg) {
  uint8_t h[9];
  size_t size = make_head(h, major, arg);
  if (!reserve(w, size)) return;
  memmove(w->data + start + size, w->data + start, w->len - start);
  memcpy(w->data + start, h, size);
  w->len += size;
}

static bool copy_chunk(input *in, cbor_writer *w, int major, uint64_t n) {
  if (n > (uint64_t)(in->end - in->p)) return wrong(in, "cut short");
  if (major == TEXT && !utf8(in->p, (size_t)n)) return wrong(in, "text that is not UTF-8");
  cbor_raw(w, in->p, (size_t)n);
  in->p += n;
  return true;
}

static bool copy_string(input *in, cbor_writer *w, int major, int info, uint64_t n) {
  if (info != INDEFINITE) {
    if (n > (uint64_t)(in->end - in->p)) return wrong(in, "cut short");
    head(w, major, n);
    return copy_chunk(in, w, major, n);
  }
  size_t start = w->len;
  while (!at_break(in)) {
    int m;
    if (!read_head(in, &m, &info, &n)) return false;
    if (m != major || info == INDEFINITE) return wrong(in, "a chunk of another type");
    if (!copy_chunk(in, w, major, n)) return false;
  }
  if (!w->failed) insert_head(w, start, major, w->len - start);
  return true;
}

static bool copy_key(input *in, cbor_writer *w, int levels) {
  size_t at = w->len;
  if (!copy(in, w, levels)) return false;
  int major = w->failed ? UINT : w->data[at] >> 5;
  if (major != UINT && major != NEGATIVE && major != TEXT) return wrong(in, "a key that is neither text nor integer");
  return true;
}

static bool copy_items(input *in, cbor_writer *w, int major, int info, uint64_t n, int levels) {
  if (levels == 0) return wrong(in, "nested too deep");
  bool open = info == INDEFINITE;
  size_t start = w->len;
  if (!open && n > (uint64_t)(in->end - in->p)) return wrong(in, "cut short");
  if (!open) head(w, major, n);
  uint64_t i = 0;
  for (; open ? !at_break(in) : i < n; i++) {
    if (major == MAP && !copy_key(in, w, levels - 1)) return false;
    if (!copy(in, w, levels - 1)) return false;
  }
  if (open && !w->failed) insert_head(w, start, major, i);
  return true;
}

static bool copy_time(input *in, cbor_writer *w, uint64_t tag) {
  cbor_tag(w, tag);
  size_t at = w->len;
  if (in->p < in->end && *in->p >> 5 == TAG) return wrong(in, "a tag in a time"); // else tags would nest without limit
  if (!copy(in, w, 0)) return false;
  int first = w->failed ? 0 : w->data[at], major = first >> 5;
  bool number = major == UINT || major == NEGATIVE || first >= (SIMPLE << 5 | HALF);
  if (!w->failed && (tag == 0 ? major != TEXT : !number)) return wrong(in, "a time that is neither text nor a number");
  return true;
}

static bool copy_simple(input *in, cbor_writer *w, int info, uint64_t arg) {
  double d;
  float f;
  uint32_t single = (uint32_t)arg;
  switch (info) {
  case FALSE_:
  case TRUE_: return cbor_bool(w, info == TRUE_), true;
  case NULL_:
  case UNDEFINED: return cbor_null(w), true;
  case HALF: return cbor_float(w, half_value((uint16_t)arg)), true;
  case SINGLE: return memcpy(&f, &single, 4), cbor_float(w, f), true;
  case DOUBLE: return memcpy(&d, &arg, 8), cbor_float(w, d), true;
  case INDEFINITE: return wrong(in, "an end with no beginning");
  }
  return wrong(in, "an unknown simple value");
}

static bool copy(input *in, cbor_writer *w, int levels) {
  int major, info;
  uint64_t arg;
  do { // unknown tags are skipped
    if (!read_head(in, &major, &info, &arg)) return false;
    if (info == INDEFINITE && (major < BYTES || major == TAG)) return wrong(in, "a reserved length");
  } while (major == TAG && arg > 1);
  switch (major) {
  case NEGATIVE:
    if (arg > INT64_MAX) return wrong(in, "an integer below -2^63");
    // fallthrough
  case UINT: return head(w, major, arg), true;
  case BYTES:
  case TEXT: return copy_string(in, w, major, info, arg);
  case ARRAY:
  case MAP: return copy_items(in, w, major, info, arg, levels);
  case TAG: return copy_time(in, w, arg);
  default: return copy_simple(in, w, info, arg);
  }
}

const char *cbor_normal(cbor_writer *w, const uint8_t *data, size_t len, int levels) {
  input in = {data, data + len, NULL};
  if (!copy(&in, w, levels)) return in.wrong;
  return in.p == in.end ? NULL : "more than one value";
}

// Reading what is in normal form

const uint8_t *cbor_next(const uint8_t *p, cbor_item *item) {
  static const cbor_kind kinds[] = {CBOR_INT, CBOR_INT, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_TIME, CBOR_NULL};
  int major = *p >> 5, info = *p++ & 31;
  uint64_t arg = (uint64_t)info;
  if (info >= 24) {
    arg = 0;
    for (int n = 1 << (info - 24); n--;) arg = arg << 8 | *p++;
  }
  *item = (cbor_item){.kind = kinds[major], .negative = major == NEGATIVE, .u = arg, .data = p};
  if (major == BYTES || major == TEXT) return p + arg;
  if (major != SIMPLE) return p;
  float f;
  uint32_t single = (uint32_t)arg;
  switch (info) {
  case FALSE_:
  case TRUE_: item->kind = CBOR_BOOL, item->u = info == TRUE_; break;
  case HALF: item->kind = CBOR_FLOAT, item->f = half_value((uint16_t)arg); break;
  case SINGLE: item->kind = CBOR_FLOAT, memcpy(&f, &single, 4), item->f = f; break;
  case DOUBLE: item->kind = CBOR_FLOAT, memcpy(&item->f, &arg, 8); break;
  }
  return p;
}

const uint8_t *cbor_skip(const uint8_t *p) {
  for (uint64_t left = 1; left; left--) {
    cbor_item item;
    p = cbor_next(p, &item);
    if (item.kind == CBOR_ARRAY) left += item.u;
    else if (item.kind == CBOR_MAP) left += 2 * item.u;
    else if (item.kind == CBOR_TIME) left++;
  }
  return p;
}
