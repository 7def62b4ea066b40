// JavaScript values from CBOR and back.
//
// An integer is a number where that is exact (up to 2^53 - 1) and else a BigInt, bytes are a
// Uint8Array, a time is a Date, a map is an object if its keys are all text, else a Map.
#include "runtime.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAFE_BITS = 53 };

static JSValue read_int(JSContext *js, cbor_item it) {
  if (it.u >> SAFE_BITS == 0 && (!it.negative || it.u != (1ull << SAFE_BITS) - 1))
    return JS_NewInt64(js, it.negative ? -1 - (int64_t)it.u : (int64_t)it.u);
  return it.negative ? JS_NewBigInt64(js, (int64_t)~it.u) : JS_NewBigUint64(js, it.u);
}

static JSValue bad_time(JSContext *js) {
  JSValue args[] = {JS_NewInt32(js, AMINO_BAD_ARGUMENT), JS_NewString(js, "a time that no Date can be")};
  JSValue error = JS_Call(js, amino_js.reply, JS_UNDEFINED, 2, args);
  JS_FreeValue(js, args[1]);
  return JS_IsException(error) ? error : JS_Throw(js, error);
}

static JSValue read_time(JSContext *js, const uint8_t **p, cbor_item tag) {
  amino_time ns;
  cbor_item it;
  *p = cbor_next(tag.data, &it);
  if (it.kind == CBOR_INT && it.u < 8640000000000) return JS_NewDate(js, (it.negative ? -1 - (double)it.u : (double)it.u) * 1000);
  if (it.kind == CBOR_FLOAT && fabs(it.f) < 8640000000000) return JS_NewDate(js, floor(it.f * 1000));
  if (it.kind == CBOR_TEXT && amino_parse_time((const char *)it.data, (size_t)it.u, &ns))
    return JS_NewDate(js, floor((double)(ns / 1000000 - (ns % 1000000 < 0))));
  return bad_time(js);
}

static JSValue read_array(JSContext *js, const uint8_t **p, uint64_t n) {
  JSValue a = JS_NewArray(js);
  for (uint64_t i = 0; i < n && !JS_IsException(a); i++) {
    JSValue v = amino_js_read(js, p);
    if (JS_IsException(v) || JS_DefinePropertyValueUint32(js, a, (uint32_t)i, v, JS_PROP_C_W_E) < 0) {
      JS_FreeValue(js, a);
      return JS_EXCEPTION;
    }
  }
  return a;
}

static bool has_text_keys(const uint8_t *p, uint64_t n) {
  cbor_item key;
  for (; n--; p = cbor_skip(p)) {
    p = cbor_next(p, &key);
    if (key.kind != CBOR_TEXT) return false;
  }
  return true;
}

static JSValue read_object(JSContext *js, const uint8_t **p, uint64_t n) {
  JSValue o = JS_NewObject(js);
  while (n-- && !JS_IsException(o)) {
    cbor_item key;
    *p = cbor_next(*p, &key);
    JSAtom name = JS_NewAtomLen(js, (const char *)key.data, (size_t)key.u);
    JSValue v = amino_js_read(js, p);
    bool made = !JS_IsException(v) && JS_DefinePropertyValue(js, o, name, v, JS_PROP_C_W_E) >= 0;
    JS_FreeAtom(js, name);
    if (!made) {
      JS_FreeValue(js, o);
      return JS_EXCEPTION;
    }
  }
  return o;
}

static JSValue read_map(JSContext *js, const uint8_t **p, uint64_t n) {
  if (has_text_keys(*p, n)) return read_object(js, p, n);
  JSValue pairs = read_array(js, p, 2 * n);
  if (JS_IsException(pairs)) return pairs;
  JSValue map = JS_Call(js, amino_js.map, JS_UNDEFINED, 1, &pairs);
  JS_FreeValue(js, pairs);
  return map;
}

JSValue amino_js_read(JSContext *js, const uint8_t **p) {
  cbor_item it;
  *p = cbor_next(*p, &it);
  switch (it.kind) {
  case CBOR_INT: return read_int(js, it);
  case CBOR_FLOAT: return JS_NewFloat64(js, it.f);
  case CBOR_TEXT: return JS_NewStringLen(js, (const char *)it.data, (size_t)it.u);
  case CBOR_BYTES: return JS_NewUint8ArrayCopy(js, it.data, (size_t)it.u);
  case CBOR_ARRAY: return *p = it.data, read_array(js, p, it.u);
  case CBOR_MAP: return *p = it.data, read_map(js, p, it.u);
  case CBOR_TIME: return read_time(js, p, it);
  case CBOR_BOOL: return JS_NewBool(js, it.u != 0);
  case CBOR_NULL: return JS_NULL;
  }
  return JS_NULL;
}

// Writing

static bool write_number(cbor_writer *w, double v) {
  bool integer = v == trunc(v) && fabs(v) < (double)(1ull << SAFE_BITS) && !(v == 0 && signbit(v));
  if (integer) cbor_int(w, (int64_t)v);
  else cbor_float(w, v);
  return true;
}

static bool write_bigint(JSContext *js, cbor_writer *w, JSValueConst v) {
  const char *digits = JS_ToCString(js, v);
  if (!digits) return false;
  errno = 0;
  if (digits[0] == '-') cbor_int(w, strtoll(digits, NULL, 10));
  else cbor_uint(w, strtoull(digits, NULL, 10));
  JS_FreeCString(js, digits);
  if (errno) JS_ThrowRangeError(js, "a BigInt of more than 64 bits cannot be sent");
  return !errno;
}

static bool write_text(JSContext *js, cbor_writer *w, JSValueConst v) {
  size_t len;
  const char *s = JS_ToCStringLen(js, &len, v);
  if (!s) return false;
  cbor_text(w, s, len);
  JS_FreeCString(js, s);
  // Half a surrogate pair is no character: U+FFFD, which is as long, stands for it.
  uint8_t *c = w->failed ? NULL : w->data + w->len - len;
  for (; c && (c = (uint8_t *)memchr(c, 0xed, (size_t)(w->data + w->len - c))); c++)
    if (c[1] >= 0xa0) memcpy(c, "\xef\xbf\xbd", 3);
  return true;
}

static bool write_array(JSContext *js, cbor_writer *w, JSValueConst v, int levels) {
  int64_t n;
  if (JS_GetLength(js, v, &n) < 0) return false;
  cbor_array(w, (size_t)n);
  bool ok = true;
  for (uint32_t i = 0; ok && i < n; i++) {
    JSValue item = JS_GetPropertyUint32(js, v, i);
    ok = !JS_IsException(item) && amino_js_write(js, w, item, levels);
    JS_FreeValue(js, item);
  }
  return ok;
}

// write_pairs writes a map of the array [key, value, key, value...].
static bool write_pairs(JSContext *js, cbor_writer *w, JSValueConst pairs, int levels) {
  int64_t n;
  if (JS_GetLength(js, pairs, &n) < 0) return false;
  cbor_map(w, (size_t)n / 2);
  bool ok = true;
  for (uint32_t i = 0; ok && i < n; i++) {
    JSValue item = JS_GetPropertyUint32(js, pairs, i);
    size_t at = w->len;
    ok = !JS_IsException(item) && amino_js_write(js, w, item, levels);
    JS_FreeValue(js, item);
    if (ok && !w->failed && i % 2 == 0 && w->data[at] >> 5 != 0 && w->data[at] >> 5 != 1 && w->data[at] >> 5 != 3)
      return JS_ThrowTypeError(js, "a Map with keys other than strings and integers cannot be sent"), false;
  }
  return ok;
}

static bool write_date(JSContext *js, cbor_writer *w, JSValueConst v) {
  double ms;
  if (JS_ToFloat64(js, &ms, v) < 0) return false;
  if (isnan(ms)) return JS_ThrowRangeError(js, "an invalid Date cannot be sent"), false;
  if (fabs(ms) > 9.2e15 / 1000) return cbor_tag(w, 1), write_number(w, ms / 1000); // beyond what has a year of four digits or nanoseconds
  char text[36];
  size_t n = amino_print_time(text, (amino_time)ms * 1000000);
  cbor_tag(w, 0);
  cbor_text(w, text, n);
  return true;
}

// write_object writes the properties of an object that are its own and enumerable, less
// those that are undefined.
static bool write_object(JSContext *js, cbor_writer *w, JSValueConst v, int levels) {
  JSPropertyEnum *names;
  uint32_t n, sent = 0;
  if (JS_GetOwnPropertyNames(js, &names, &n, v, JS_GPN_STRING_MASK | JS_GPN_ENUM_ONLY) < 0) return false;
  cbor_writer body = {0};
  bool ok = true;
  for (uint32_t i = 0; ok && i < n; i++) {
    JSValue item = JS_GetProperty(js, v, names[i].atom);
    JSValue key = JS_AtomToString(js, names[i].atom);
    if (!JS_IsUndefined(item)) {
      sent++;
      ok = !JS_IsException(item) && write_text(js, &body, key) && amino_js_write(js, &body, item, levels);
    }
    JS_FreeValue(js, item);
    JS_FreeValue(js, key);
  }
  JS_FreePropertyEnum(js, names, n);
  cbor_map(w, sent);
  cbor_raw(w, body.data, body.len);
  w->failed |= body.failed;
  free(body.data);
  return ok;
}

static bool write_other(JSContext *js, cbor_writer *w, JSValueConst v, int levels) {
  size_t len;
  uint8_t *bytes;
  if (JS_GetTypedArrayType(v) == JS_TYPED_ARRAY_UINT8) {
    bytes = JS_GetUint8Array(js, &len, v);
    return cbor_bytes(w, bytes, len), true;
  }
  if (JS_IsArrayBuffer(v)) {
    bytes = JS_GetArrayBuffer(js, &len, v);
    return cbor_bytes(w, bytes, len), true;
  }
  if (JS_IsDate(v)) return write_date(js, w, v);
  if (levels == 0) return JS_ThrowRangeError(js, "a value of more than 64 levels, or one that contains itself, cannot be sent"), false;
  if (JS_IsArray(v)) return write_array(js, w, v, levels - 1);
  if (!JS_IsMap(v) && !JS_IsSet(v) && JS_GetTypedArrayType(v) < 0) return write_object(js, w, v, levels - 1);
  JSValue flat = JS_Call(js, amino_js.pairs, JS_UNDEFINED, 1, &v);
  bool ok = !JS_IsException(flat) && (JS_IsMap(v) ? write_pairs : write_array)(js, w, flat, levels - 1);
  JS_FreeValue(js, flat);
  return ok;
}

bool amino_js_write(JSContext *js, cbor_writer *w, JSValueConst v, int levels) {
  double number;
  switch (JS_VALUE_GET_NORM_TAG(v)) {
  case JS_TAG_INT: return cbor_int(w, JS_VALUE_GET_INT(v)), true;
  case JS_TAG_FLOAT64: return JS_ToFloat64(js, &number, v), write_number(w, number);
  case JS_TAG_BOOL: return cbor_bool(w, JS_VALUE_GET_BOOL(v)), true;
  case JS_TAG_NULL:
  case JS_TAG_UNDEFINED: return cbor_null(w), true;
  case JS_TAG_BIG_INT:
  case JS_TAG_SHORT_BIG_INT: return write_bigint(js, w, v);
  case JS_TAG_STRING:
  case JS_TAG_STRING_ROPE: return write_text(js, w, v);
  case JS_TAG_OBJECT:
    if (!JS_IsFunction(js, v)) return write_other(js, w, v, levels);
  }
  return JS_ThrowTypeError(js, "a function or a symbol cannot be sent"), false;
}
