// QuickJS as a guest of Amino.Run.
//
// The module has two lives. Fresh from the compiler it is a microservice with one method, load(file, source),
// which makes it the microservice that the script defines. The image of its memory after that is what is
// deployed: it begins where load ended.
#include "runtime.h"

#include <stdlib.h>
#include <string.h>

#define EXPORT(NAME) __attribute__((export_name(#NAME)))

enum { STACK = 896 << 10 }; // of the 1 MiB that the linker is told to leave

static const char prelude[] = {
#embed "amino.js"
    , 0};

helpers amino_js;

static JSRuntime *runtime;
static JSContext *js;
static bool loaded;
static cbor_writer manifest, reply;

// What cbor.c's neighbours want of a C microservice, and no one calls.
int amino_fail_as(amino_code code, const char *format, ...) { return (void)code, (void)format, 0; }

// Scripts

static int declare_api(JSContext *js, JSModuleDef *m) {
  JSValue global = JS_GetGlobalObject(js), api = JS_GetPropertyStr(js, global, "amino");
  JSPropertyEnum *names;
  uint32_t n;
  JS_FreeValue(js, global);
  if (JS_GetOwnPropertyNames(js, &names, &n, api, JS_GPN_STRING_MASK) < 0) return -1;
  for (uint32_t i = 0; i < n; i++) {
    const char *name = JS_AtomToCString(js, names[i].atom);
    JS_SetModuleExport(js, m, name, JS_GetProperty(js, api, names[i].atom));
    JS_FreeCString(js, name);
  }
  JS_FreePropertyEnum(js, names, n);
  JS_FreeValue(js, api);
  return 0;
}

// load_module finds what a script imports: there is only "amino", which has what the
// global object amino has.
static JSModuleDef *load_module(JSContext *js, const char *name, void *opaque) {
  (void)opaque;
  if (strcmp(name, "amino")) {
    JS_ThrowReferenceError(js, "cannot import \"%s\": a script is one file, which may import only \"amino\"; a bundler makes one file of many", name);
    return NULL;
  }
  JSModuleDef *m = JS_NewCModule(js, name, declare_api);
  JSValue global = JS_GetGlobalObject(js), api = JS_GetPropertyStr(js, global, "amino");
  JSPropertyEnum *names;
  uint32_t n;
  JS_FreeValue(js, global);
  if (!m || JS_GetOwnPropertyNames(js, &names, &n, api, JS_GPN_STRING_MASK) < 0) return NULL;
  for (uint32_t i = 0; i < n; i++) {
    const char *export = JS_AtomToCString(js, names[i].atom);
    JS_AddModuleExport(js, m, export);
    JS_FreeCString(js, export);
  }
  JS_FreePropertyEnum(js, names, n);
  JS_FreeValue(js, api);
  return m;
}

static char *keep_name(JSContext *js, const char *base, const char *name, void *opaque) {
  (void)base, (void)opaque;
  return js_strdup(js, name);
}

// settle runs what waits to be run, and returns what v, if it is a promise, becomes.
static JSValue settle(JSValue v) {
  JSContext *of;
  int left;
  do left = JS_ExecutePendingJob(runtime, &of);
  while (left);
  if (JS_IsException(v) || !JS_IsPromise(v)) return v;
  JSPromiseStateEnum state = JS_PromiseState(js, v);
  JSValue result = state == JS_PROMISE_PENDING ? JS_ThrowPlainError(js, "the method awaits what never comes: a call ends before another begins")
                                               : JS_PromiseResult(js, v);
  if (state == JS_PROMISE_REJECTED) JS_PromiseMarkAsHandled(js, v), result = JS_Throw(js, result);
  JS_FreeValue(js, v);
  return result;
}

void __wasm_call_ctors(void);

// boot starts the interpreter. There is no _initialize to do so: an image that export would
// be run in must not run it, and without it the code is the same before and after.
static void boot(void) {
  __wasm_call_ctors();
  runtime = JS_NewRuntime();
  JS_SetMaxStackSize(runtime, STACK);
  js = JS_NewContext(runtime);
  JS_SetModuleLoaderFunc(runtime, keep_name, load_module, NULL);
  JSValue make = JS_Eval(js, prelude, sizeof prelude - 1, "amino.js", JS_EVAL_TYPE_GLOBAL), host = amino_js_host(js);
  JSValue made = JS_Call(js, make, JS_UNDEFINED, 1, &host);
  if (JS_IsException(made)) __builtin_trap();
#define HELPER(NAME) amino_js.NAME = JS_GetPropertyStr(js, made, #NAME)
  HELPER(load), HELPER(dispatch), HELPER(failure), HELPER(reply), HELPER(pairs), HELPER(map);
  JS_FreeValue(js, made);
  JS_FreeValue(js, make);
  JS_FreeValue(js, host);
}

// load evaluates a script; what it exports becomes the microservice.
static JSValue load(JSValueConst file, JSValueConst source) {
  size_t len;
  const char *name = JS_ToCString(js, file), *text = JS_ToCStringLen(js, &len, source);
  JSValue module = JS_Eval(js, text, len, name, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
  JS_FreeCString(js, name);
  JS_FreeCString(js, text);
  if (JS_IsException(module)) return module;
  JSModuleDef *m = (JSModuleDef *)JS_VALUE_GET_PTR(module);
  JSValue done = settle(JS_EvalFunction(js, module));
  if (JS_IsException(done)) return done;
  JS_FreeValue(js, done);
  JSValue args[] = {file, JS_GetModuleNamespace(js, m), source};
  JSValue made = JS_Call(js, amino_js.load, JS_UNDEFINED, 3, args);
  JS_FreeValue(js, args[1]);
  if (JS_IsException(made)) return made;
  size_t n;
  const char *described = JS_ToCStringLen(js, &n, made);
  manifest.len = 0;
  cbor_raw(&manifest, described, n);
  JS_FreeCString(js, described);
  JS_FreeValue(js, made);
  JS_RunGC(runtime);
  loaded = true;
  return JS_NULL;
}

// Calls

static void reply_head(int code) {
  reply.len = 0;
  cbor_raw(&reply, (uint8_t[]){(uint8_t)code, 0}, 2);
}

static void reply_error(int code, const char *message, size_t len) {
  reply_head(code);
  cbor_raw(&reply, message, len);
}

// reply_thrown answers the exception that is pending.
static void reply_thrown(void) {
  JSValue thrown = JS_GetException(js);
  JSValue error = JS_Call(js, amino_js.failure, JS_UNDEFINED, 1, &thrown);
  int32_t code = AMINO_APPLICATION;
  size_t len;
  JSValue number = JS_IsException(error) ? JS_UNDEFINED : JS_GetPropertyUint32(js, error, 0);
  JSValue text = JS_IsException(error) ? JS_UNDEFINED : JS_GetPropertyUint32(js, error, 1);
  const char *message = JS_IsUndefined(text) ? NULL : JS_ToCStringLen(js, &len, text);
  if (message && JS_ToInt32(js, &code, number) == 0) reply_error(code, message, len);
  else reply_error(AMINO_MEMORY_LIMIT, "out of memory", 13);
  JS_FreeCString(js, message);
  JS_FreeValue(js, text);
  JS_FreeValue(js, number);
  JS_FreeValue(js, error);
  JS_FreeValue(js, thrown);
  JS_FreeValue(js, JS_GetException(js));
}

static JSValue run(int kind, const uint8_t *name, size_t n, JSValueConst args) {
  JSValue result;
  JSValue argv[] = {JS_NewBool(js, kind == 1), JS_NewStringLen(js, (const char *)name, n), args};
  if (loaded) result = settle(JS_Call(js, amino_js.dispatch, JS_UNDEFINED, 3, argv));
  else {
    JSValue file = JS_GetPropertyUint32(js, args, 0), source = JS_GetPropertyUint32(js, args, 1);
    result = load(file, source);
    JS_FreeValue(js, file);
    JS_FreeValue(js, source);
  }
  JS_FreeValue(js, argv[1]);
  return result;
}

static void handle(const uint8_t *frame, size_t len) {
  size_t n = len >= 4 ? (size_t)(frame[2] | frame[3] << 8) : 0;
  if (len < 4 + n || frame[0] > 1) return reply_error(AMINO_BAD_ARGUMENT, "the call frame is broken", 24);
  cbor_writer args = {0};
  const char *wrong = cbor_normal(&args, frame + 4 + n, len - 4 - n, CBOR_LEVELS + 1);
  if (!wrong && !args.failed && args.data[0] >> 5 != 4) wrong = "not an array";
  if (wrong) {
    free(args.data);
    reply_error(AMINO_BAD_ARGUMENT, "broken arguments: ", 18);
    cbor_raw(&reply, wrong, strlen(wrong));
    return;
  }
  const uint8_t *p = args.data;
  JSValue given = args.failed ? JS_ThrowOutOfMemory(js) : amino_js_read(js, &p);
  free(args.data);
  JSValue result = JS_IsException(given) ? given : run(frame[0], frame + 4, n, given);
  JS_FreeValue(js, given);
  reply_head(AMINO_OK);
  if (JS_IsException(result) || (!JS_IsNull(result) && !JS_IsUndefined(result) && !amino_js_write(js, &reply, result, CBOR_LEVELS)))
    reply_thrown();
  JS_FreeValue(js, result);
}

// The exports of ABI.md

static uint64_t answer(const cbor_writer *w) { return (uint64_t)(uintptr_t)w->data << 32 | w->len; }

static void release(void) {
  free(reply.data);
  reply = (cbor_writer){0};
}

EXPORT(amino_abi_v1) void amino_abi_v1(void) {}

EXPORT(amino_alloc) void *amino_alloc(uint32_t len) {
  release();
  return malloc(len ? len : 1);
}

EXPORT(amino_invoke) uint64_t amino_invoke(uint8_t *frame, uint32_t len) {
  static uint8_t no_memory[] = "\0\0out of memory";
  static const cbor_writer no_memory_reply = {no_memory, sizeof no_memory - 1, 0, false};
  no_memory[0] = AMINO_MEMORY_LIMIT;
  if (!js) boot();
  JS_UpdateStackTop(runtime);
  if (frame) handle(frame, len);
  free(frame);
  if (!frame || reply.failed) return release(), answer(&no_memory_reply);
  return answer(&reply);
}

EXPORT(amino_describe) uint64_t amino_describe(void) {
  static uint8_t none[] = "{\"abi\":1,\"name\":\"javascript\",\"methods\":[]}";
  static const cbor_writer fresh = {none, sizeof none - 1, 0, false};
  return answer(loaded ? &manifest : &fresh);
}

EXPORT(amino_resume) void amino_resume(void) {}
