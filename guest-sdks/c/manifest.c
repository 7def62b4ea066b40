// The manifest: what the macros noted, as JSON.
#include "runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const amino_method *const __start_amino_methods[] __attribute__((weak));
extern const amino_method *const __stop_amino_methods[] __attribute__((weak));

static cbor_writer json;

static void put(const char *s) { cbor_raw(&json, s, strlen(s)); }

static void quote(const char *s) {
  put("\"");
  for (; *s; s++) {
    char escape[7];
    unsigned char c = (unsigned char)*s;
    if (c == '"' || c == '\\') snprintf(escape, sizeof escape, "\\%c", c);
    else if (c < ' ') snprintf(escape, sizeof escape, "\\u%04x", c);
    else escape[0] = *s, escape[1] = 0;
    put(escape);
  }
  put("\"");
}

// The microservice's name is the struct's, with - for _.
static void name(const char *s) {
  size_t at = json.len;
  quote(s);
  for (; !json.failed && at < json.len; at++) {
    uint8_t *c = &json.data[at];
    if (*c == '_') *c = '-';
    else if (*c >= 'A' && *c <= 'Z') *c += 'a' - 'A';
  }
}

static void doc(const char *s) {
  if (*s) put(",\"doc\":"), quote(s);
}

static void params(const amino_method *m) {
  put("\"params\":[");
  for (const amino_param *p = m->params; p->name; p++) {
    put(p == m->params ? "{\"name\":" : ",{\"name\":");
    quote(p->name);
    put(",\"type\":");
    quote(p->type);
    put("}");
  }
  put("]");
}

static void method(const amino_method *m) {
  put("{\"name\":");
  quote(m->name);
  doc(m->doc);
  put(",");
  params(m);
  if (m->result) put(",\"result\":"), quote(m->result);
  if (m->kind == AMINO_PURE) put(",\"readonly\":true");
  put("}");
}

const cbor_writer *amino_manifest(void) {
  json.len = 0;
  put("{\"abi\":1,\"language\":\"c\",\"name\":");
  name(amino_this.name);
  doc(amino_this.doc);
  const char *before = ",\"methods\":[";
  const amino_method *constructor = NULL;
  for (const amino_method *const *m = __start_amino_methods; m != __stop_amino_methods; m++) {
    if ((*m)->kind == AMINO_CONSTRUCTOR) {
      constructor = *m;
      continue;
    }
    put(before);
    method(*m);
    before = ",";
  }
  put(before[1] ? ",\"methods\":[]" : "]");
  if (constructor) put(",\"constructor\":{"), params(constructor), doc(constructor->doc), put("}");
  if (*amino_this.dms) put(",\"dms\":");
  for (const char *const *d = amino_this.dms; *d; d++) put(d == amino_this.dms ? "[" : ","), quote(*d);
  if (*amino_this.dms) put("]");
  put("}");
  return &json;
}
