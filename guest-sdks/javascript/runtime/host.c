// What amino.js asks of its host.
#include "runtime.h"

#include <stdlib.h>

#define ARGS JSContext *js, JSValueConst self, int argc, JSValueConst *argv

static void put16(cbor_writer *w, size_t v) { cbor_raw(w, (uint8_t[]){(uint8_t)v, (uint8_t)(v >> 8)}, 2); }

// taken fetches the answer of n bytes that waits in the host; the caller frees it.
static uint8_t *taken(JSContext *js, size_t n) {
  uint8_t *p = (uint8_t *)malloc(n + 1);
  if (p) amino_import_take(p);
  else JS_ThrowOutOfMemory(js);
  return p;
}

// value_of makes a value of CBOR from outside.
static JSValue value_of(JSContext *js, const uint8_t *data, size_t len) {
  cbor_writer w = {0};
  const char *wrong = cbor_normal(&w, data, len, CBOR_LEVELS);
  const uint8_t *p = w.data;
  JSValue v = wrong      ? JS_ThrowInternalError(js, "the answer is broken: %s", wrong)
              : w.failed ? JS_ThrowOutOfMemory(js)
                         : amino_js_read(js, &p);
  free(w.data);
  return v;
}

static JSValue answer(JSContext *js, const uint8_t *frame, size_t len) {
  if (len < 2) return JS_ThrowInternalError(js, "the answer is cut short");
  if (frame[0] == AMINO_OK) return len == 2 ? JS_NULL : value_of(js, frame + 2, len - 2);
  JSValue args[] = {JS_NewInt32(js, frame[0]), JS_NewStringLen(js, (const char *)frame + 2, len - 2)};
  JSValue error = JS_Call(js, amino_js.reply, JS_UNDEFINED, 2, args);
  JS_FreeValue(js, args[1]);
  return JS_IsException(error) ? error : JS_Throw(js, error);
}

// host.invoke(kind, target, name, args) sends a request and returns the result.
static JSValue host_invoke(ARGS) {
  (void)self, (void)argc;
  int32_t kind;
  size_t t, n;
  if (JS_ToInt32(js, &kind, argv[0]) < 0) return JS_EXCEPTION;
  const char *target = JS_ToCStringLen(js, &t, argv[1]);
  const char *name = JS_ToCStringLen(js, &n, argv[2]);
  cbor_writer w = {0};
  JSValue result = JS_EXCEPTION;
  if (target && name) {
    cbor_raw(&w, (uint8_t[]){(uint8_t)kind, 0}, 2);
    put16(&w, t);
    put16(&w, n);
    cbor_raw(&w, target, t);
    cbor_raw(&w, name, n);
    if (t > UINT16_MAX || n > UINT16_MAX) JS_ThrowRangeError(js, "the name of a target or method is too long");
    else if (amino_js_write(js, &w, argv[3], CBOR_LEVELS + 1)) {
      uint8_t *frame = NULL;
      if (w.failed) JS_ThrowOutOfMemory(js);
      else {
        size_t len = amino_import_invoke(w.data, (uint32_t)w.len);
        frame = taken(js, len);
        if (frame) result = answer(js, frame, len);
      }
      free(frame);
    }
  }
  free(w.data);
  JS_FreeCString(js, target);
  JS_FreeCString(js, name);
  return result;
}

static JSValue host_self(ARGS) {
  (void)self, (void)argc, (void)argv;
  size_t n = amino_import_self();
  uint8_t *p = taken(js, n);
  JSValue v = p ? value_of(js, p, n) : JS_EXCEPTION;
  free(p);
  return v;
}

static JSValue host_config(ARGS) {
  (void)self, (void)argc;
  size_t len;
  const char *key = JS_ToCStringLen(js, &len, argv[0]);
  if (!key) return JS_EXCEPTION;
  int32_t n = amino_import_config(key, (uint32_t)len);
  JS_FreeCString(js, key);
  if (n < 0) return JS_UNDEFINED;
  uint8_t *p = taken(js, (size_t)n);
  JSValue v = p ? JS_NewStringLen(js, (const char *)p, (size_t)n) : JS_EXCEPTION;
  free(p);
  return v;
}

static JSValue host_log(ARGS) {
  (void)self, (void)argc;
  int32_t level;
  size_t len;
  if (JS_ToInt32(js, &level, argv[0]) < 0) return JS_EXCEPTION;
  const char *text = JS_ToCStringLen(js, &len, argv[1]);
  if (!text) return JS_EXCEPTION;
  amino_import_log(level, text, (uint32_t)len);
  JS_FreeCString(js, text);
  return JS_UNDEFINED;
}

static JSValue host_now(ARGS) {
  (void)self, (void)argc, (void)argv;
  return JS_NewBigInt64(js, amino_import_now());
}

// host.random(n) returns n random bytes; host.chance() a number from 0 up to 1.
static JSValue host_random(ARGS) {
  (void)self, (void)argc;
  uint32_t n;
  if (JS_ToUint32(js, &n, argv[0]) < 0) return JS_EXCEPTION;
  uint8_t *p = (uint8_t *)malloc(n + 1);
  if (!p) return JS_ThrowOutOfMemory(js);
  amino_import_random(p, n);
  JSValue v = JS_NewUint8ArrayCopy(js, p, n);
  free(p);
  return v;
}

static JSValue host_chance(ARGS) {
  (void)self, (void)argc, (void)argv;
  uint64_t bits;
  amino_import_random(&bits, sizeof bits);
  return JS_NewFloat64(js, (double)(bits >> 11) * 0x1p-53);
}

static JSValue host_trap(ARGS) {
  (void)js, (void)self, (void)argc, (void)argv;
  __builtin_trap();
}

JSValue amino_js_host(JSContext *js) {
  static const JSCFunctionListEntry functions[] = {
      JS_CFUNC_DEF("invoke", 4, host_invoke), JS_CFUNC_DEF("self", 0, host_self),     JS_CFUNC_DEF("config", 1, host_config),
      JS_CFUNC_DEF("log", 2, host_log),       JS_CFUNC_DEF("now", 0, host_now),       JS_CFUNC_DEF("random", 1, host_random),
      JS_CFUNC_DEF("chance", 0, host_chance), JS_CFUNC_DEF("trap", 0, host_trap),
  };
  JSValue host = JS_NewObject(js);
  JS_SetPropertyFunctionList(js, host, functions, sizeof functions / sizeof *functions);
  return host;
}
