// Values: CBOR items in normal form, in temporary memory.
#include "runtime.h"

#include <stdlib.h>
#include <string.h>

// Behind every value in memory stands a stop, so that a walk past its end finds
// null and not other memory.
enum { STOP = 0xff };

static const uint8_t null_item[] = {0xf6, STOP};
const amino_value amino_end_ = (amino_value)(null_item + 1);

static const uint8_t *bytes_of(amino_value v) { return v ? (const uint8_t *)v : null_item; }

static cbor_item item_of(amino_value v) {
  cbor_item item;
  cbor_next(bytes_of(v), &item);
  return item;
}

// Making values

amino_value amino_made(cbor_writer *w) {
  if (!w->len) cbor_null(w);
  cbor_raw(w, &(uint8_t){STOP}, 1);
  uint8_t *p = (uint8_t *)(w->failed ? amino_no_memory() : amino_temp(w->len));
  if (p) memcpy(p, w->data, w->len);
  free(w->data);
  *w = (cbor_writer){0};
  return (amino_value)p;
}

amino_value amino_normal_value(const uint8_t *data, size_t len, int levels, const char **wrong) {
  cbor_writer w = {0};
  *wrong = cbor_normal(&w, data, len, levels);
  if (!*wrong) return amino_made(&w);
  free(w.data);
  return NULL;
}

#define MADE(WRITE)    \
  cbor_writer w = {0}; \
  WRITE;               \
  return amino_made(&w)

amino_value amino_of_s64(amino_s64 v) { MADE(cbor_int(&w, v)); }
amino_value amino_of_u64(amino_u64 v) { MADE(cbor_uint(&w, v)); }
amino_value amino_of_f64(amino_f64 v) { MADE(cbor_float(&w, v)); }
amino_value amino_of_bool(bool v) { MADE(cbor_bool(&w, v)); }
amino_value amino_of_string(const char *s) { MADE(amino_write_string(&w, s)); }
amino_value amino_of_bytes(amino_bytes b) { MADE(amino_write_bytes(&w, b)); }
amino_value amino_of_strings(amino_strings s) { MADE(amino_write_strings(&w, s)); }
amino_value amino_of_value(amino_value v) { return v; }

static size_t count(const amino_value *items) {
  size_t n = 0;
  while (items[n] != amino_end_) n++;
  return n;
}

static void write_all(cbor_writer *w, const amino_value *items) {
  for (; *items != amino_end_; items++) amino_write_value(w, *items);
}

amino_value amino_list_(const amino_value *items) { MADE((cbor_array(&w, count(items)), write_all(&w, items))); }

amino_value amino_map_(const amino_value *items) {
  size_t n = count(items);
  if (n % 2) return amino_fail("amino_map was given %zu items: a key without a value", n), NULL;
  MADE((cbor_map(&w, n / 2), write_all(&w, items)));
}

void amino_write_value(cbor_writer *w, amino_value v) {
  const uint8_t *p = bytes_of(v);
  cbor_raw(w, p, (size_t)(cbor_skip(p) - p));
}

void amino_write_string(cbor_writer *w, const char *s) {
  if (s) cbor_text(w, s, strlen(s));
  else cbor_null(w);
}

#define WRITE_OPTION(T)                                              \
  void amino_write_option_##T(cbor_writer *w, const amino_##T *v) { \
    if (v) amino_write_##T(w, *v);                                  \
    else cbor_null(w);                                              \
  }

WRITE_OPTION(s64)
WRITE_OPTION(u64)
WRITE_OPTION(f64)
WRITE_OPTION(boolean)

void amino_write_bytes(cbor_writer *w, amino_bytes b) { cbor_bytes(w, b.data, b.len); }

void amino_write_strings(cbor_writer *w, amino_strings s) {
  cbor_array(w, s.len);
  for (size_t i = 0; i < s.len; i++) amino_write_string(w, s.items[i]);
}

void amino_write_time(cbor_writer *w, amino_time t) {
  char text[36];
  size_t n = amino_print_time(text, t);
  cbor_tag(w, 0);
  cbor_text(w, text, n);
}

// Converting values. An integral float passes for an integer and an integer for
// a float, if nothing is lost.

bool amino_as_int(amino_value v, int64_t min, uint64_t max, uint64_t *out) {
  cbor_item it = item_of(v);
  if (it.kind == CBOR_FLOAT) {
    if (!(it.f >= -9223372036854775808.0 && it.f < 18446744073709551616.0)) return false;
    it.negative = it.f < 0;
    it.u = it.negative ? ~(uint64_t)(int64_t)it.f : (uint64_t)it.f;
    if ((it.negative ? (double)(int64_t)~it.u : (double)it.u) != it.f) return false;
  } else if (it.kind != CBOR_INT) return false;
  if (it.negative ? (int64_t)~it.u < min : it.u > max) return false;
  *out = it.negative ? ~it.u : it.u;
  return true;
}

bool amino_as_float(amino_value v, double *out) {
  cbor_item it = item_of(v);
  if (it.kind == CBOR_FLOAT) return *out = it.f, true;
  if (it.kind != CBOR_INT) return false;
  if (it.negative) return *out = (double)(int64_t)~it.u, (int64_t)*out == (int64_t)~it.u;
  *out = (double)it.u;
  return *out < 18446744073709551616.0 && (uint64_t)*out == it.u;
}

const char *amino_text(const uint8_t *data, size_t len) {
  if (memchr(data, 0, len)) return amino_fail_as(AMINO_BAD_ARGUMENT, "text with a zero byte is no string"), NULL;
  char *s = (char *)amino_temp(len + 1);
  if (s) memcpy(s, data, len), s[len] = 0;
  return s;
}

bool amino_as_text(amino_value v, const char **out) {
  cbor_item it = item_of(v);
  if (it.kind != CBOR_TEXT) return false;
  const char *s = amino_text(it.data, (size_t)it.u);
  *out = s ? s : "";
  return true;
}

bool amino_as_time(amino_value v, amino_time *out) {
  cbor_item tag = item_of(v), it;
  if (tag.kind != CBOR_TIME) return false;
  cbor_next(tag.data, &it);
  if (it.kind == CBOR_TEXT) return amino_parse_time((const char *)it.data, (size_t)it.u, out);
  uint64_t seconds;
  if (it.kind == CBOR_INT)
    return amino_as_int((amino_value)tag.data, INT64_MIN, INT64_MAX, &seconds) &&
           !__builtin_mul_overflow((int64_t)seconds, 1000000000, out);
  if (!(it.f > -9.2e9 && it.f < 9.2e9)) return false;
  int64_t whole = (int64_t)it.f;
  *out = whole * 1000000000 + (int64_t)((it.f - (double)whole) * 1e9);
  return true;
}

const char *amino_kind_name(amino_value v) {
  static const char *const names[] = {"an integer", "a float", "text", "bytes", "an array", "a map", "a time", "a bool", "null"};
  return names[item_of(v).kind];
}

static int unfit(amino_value v, const char *want) {
  return amino_error() ? 0 : amino_fail("a value is %s where %s is wanted", amino_kind_name(v), want);
}

amino_s64 amino_to_s64(amino_value v) {
  uint64_t n;
  return amino_as_int(v, INT64_MIN, INT64_MAX, &n) ? (amino_s64)n : unfit(v, "an s64");
}

amino_u64 amino_to_u64(amino_value v) {
  uint64_t n;
  return amino_as_int(v, 0, UINT64_MAX, &n) ? n : (amino_u64)unfit(v, "a u64");
}

amino_f64 amino_to_f64(amino_value v) {
  double f;
  return amino_as_float(v, &f) ? f : unfit(v, "a float");
}

bool amino_to_bool(amino_value v) {
  cbor_item it = item_of(v);
  return it.kind == CBOR_BOOL ? it.u != 0 : unfit(v, "a bool") != 0;
}

const char *amino_to_string(amino_value v) {
  const char *s = "";
  if (!amino_as_text(v, &s)) unfit(v, "text");
  return s;
}

amino_bytes amino_to_bytes(amino_value v) {
  cbor_item it = item_of(v);
  if (it.kind == CBOR_BYTES) return (amino_bytes){it.data, (size_t)it.u};
  unfit(v, "bytes");
  return (amino_bytes){0};
}

// Taking values apart

cbor_kind amino_kind(amino_value v) { return item_of(v).kind; }

static bool has_items(cbor_kind k) { return k == CBOR_ARRAY || k == CBOR_MAP; }

size_t amino_len(amino_value v) {
  cbor_item it = item_of(v);
  return has_items(it.kind) ? (size_t)it.u : 0;
}

amino_value amino_first(amino_value v) {
  cbor_item it = item_of(v);
  return has_items(it.kind) && it.u ? (amino_value)it.data : NULL;
}

amino_value amino_after(amino_value item) {
  const uint8_t *p = cbor_skip(bytes_of(item));
  return *p == STOP ? NULL : (amino_value)p;
}

amino_value amino_get(amino_value map, const char *key) {
  cbor_item m = item_of(map), k;
  const uint8_t *p = m.data;
  for (size_t n = m.kind == CBOR_MAP ? (size_t)m.u : 0, len = strlen(key); n--; p = cbor_skip(p)) {
    p = cbor_next(p, &k);
    if (k.kind == CBOR_TEXT && k.u == len && memcmp(k.data, key, len) == 0) return (amino_value)p;
  }
  return NULL;
}
