// What the files of the JavaScript runtime share.
#ifndef AMINO_JAVASCRIPT_H
#define AMINO_JAVASCRIPT_H

#include "../../c/runtime.h"
#include "quickjs.h"

// helpers are functions of amino.js that C calls.
typedef struct {
  JSValue load;     // (file, namespace): makes the class of a script the microservice; returns its manifest, JSON
  JSValue dispatch; // (constructor, name, args): makes a call; returns its result, or a promise of it
  JSValue failure;  // (thrown): returns [code, message]
  JSValue reply;    // (code, message): returns the error of a callee
  JSValue pairs;    // (map): returns [key, value, key, value...]
  JSValue map;      // (pairs): returns a Map
} helpers;

extern helpers amino_js;

// amino_js_read makes a JavaScript value of the item at *p, in normal form, and moves
// *p behind it. It returns an exception if there is no memory, or no such value.
JSValue amino_js_read(JSContext *js, const uint8_t **p);

// amino_js_write appends a value. It returns false with an exception pending if v, at
// the given levels of nesting, cannot be sent.
bool amino_js_write(JSContext *js, cbor_writer *w, JSValueConst v, int levels);

// amino_js_host returns the object through which amino.js reaches the imports of ABI.md.
JSValue amino_js_host(JSContext *js);

#endif
