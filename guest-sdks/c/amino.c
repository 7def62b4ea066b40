// A call: from its frame to a method of the microservice and back. And the
// calls that a method makes itself.
#include "runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The linker gathers what AMINO_METHOD puts into the section of that name.
extern const amino_method *const __start_amino_methods[] __attribute__((weak));
extern const amino_method *const __stop_amino_methods[] __attribute__((weak));

#define EACH_METHOD(M) \
  for (const amino_method *const *M = __start_amino_methods; M != __stop_amino_methods; M++)

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

static void put16(cbor_writer *w, size_t v) { cbor_raw(w, (uint8_t[]){(uint8_t)v, (uint8_t)(v >> 8)}, 2); }

// Replies

static cbor_writer reply;

void amino_release(void) {
  free(reply.data);
  reply = (cbor_writer){0};
}

static void reply_head(amino_code c) {
  reply.len = 0;
  cbor_raw(&reply, (uint8_t[]){(uint8_t)c, 0}, 2);
}

static const cbor_writer *finish(void) {
  static uint8_t no_memory[] = "\0\0out of memory";
  static const cbor_writer no_memory_reply = {no_memory, sizeof no_memory - 1, 0, false};
  no_memory[0] = AMINO_MEMORY_LIMIT;
  const char *message;
  amino_code c = amino_catch(&message);
  if (c != AMINO_OK) {
    reply_head(c);
    cbor_raw(&reply, message, strlen(message));
  }
  amino_temp_free();
  if (!reply.failed) return &reply;
  amino_release();
  return &no_memory_reply;
}

// Calls

static void nothing(amino_args *in, cbor_writer *out) { (void)in, (void)out; }
// What stands in for a constructor where there is none.
static const amino_method no_constructor = {"new", "", NULL, (const amino_param[]){{NULL, NULL}}, AMINO_CONSTRUCTOR, nothing};

static const amino_method *find(const char *name, size_t len, bool constructor) {
  EACH_METHOD(m) {
    bool is = (*m)->kind == AMINO_CONSTRUCTOR;
    if (is == constructor && (is || (strlen((*m)->name) == len && memcmp((*m)->name, name, len) == 0))) return *m;
  }
  return constructor ? &no_constructor : NULL;
}

// Counts the parameters that must be given: those before the options at the end.
static int count_needed(const amino_method *m, int params) {
  while (params && !strncmp(m->params[params - 1].type, "option<", strlen("option<"))) params--;
  return params;
}

static int bad_count(const amino_method *m, int params, int given) {
  cbor_writer w = {0};
  for (const amino_param *p = m->params; p->name; p++) {
    const char *part = amino_format("%s%s: %s", p == m->params ? "" : ", ", p->name, p->type);
    if (part) cbor_raw(&w, part, strlen(part));
  }
  amino_fail_as(AMINO_BAD_ARGUMENT, "%s takes %d argument%s%s%.*s%s, got %d", m->name, params, params == 1 ? "" : "s",
                params ? " (" : "", (int)w.len, w.data ? (const char *)w.data : "", params ? ")" : "", given);
  free(w.data);
  return 0;
}

static int bad_type(const amino_method *m, const amino_args *in, amino_value args) {
  amino_value v = amino_first(args);
  for (int i = 1; i < in->mismatch; i++) v = amino_after(v);
  const amino_param *p = &m->params[in->mismatch - 1];
  return amino_fail_as(AMINO_BAD_ARGUMENT, "%s: %s is %s, want %s", m->name, p->name, amino_kind_name(v), p->type);
}

static int run(const amino_method *m, const uint8_t *data, size_t len) {
  const char *wrong;
  amino_value args = amino_normal_value(data, len, CBOR_LEVELS + 1, &wrong);
  if (wrong) return amino_fail_as(AMINO_BAD_ARGUMENT, "the arguments are broken CBOR: %s", wrong);
  if (!args) return 0;
  if (amino_kind(args) != CBOR_ARRAY) return amino_fail_as(AMINO_BAD_ARGUMENT, "the arguments are %s, want an array", amino_kind_name(args));
  int params = 0, given = (int)amino_len(args);
  while (m->params[params].name) params++;
  if (given < count_needed(m, params) || given > params) return bad_count(m, params, given);
  amino_args in = {.next = (const uint8_t *)amino_first(args), .given = given};
  m->run(&in, &reply);
  return in.mismatch && !amino_error() ? bad_type(m, &in, args) : 0;
}

const cbor_writer *amino_handle(const uint8_t *frame, size_t len) {
  amino_release();
  reply_head(AMINO_OK);
  size_t n = frame && len >= 4 ? get16(frame + 2) : 0;
  if (!frame || len < 4 + n || frame[0] > 1) return amino_fail_as(AMINO_BAD_ARGUMENT, "the call frame is broken"), finish();
  const char *name = (const char *)frame + 4;
  const amino_method *m = find(name, n, frame[0] == 1);
  if (m) run(m, frame + 4 + n, len - 4 - n);
  else amino_fail_as(AMINO_UNKNOWN_METHOD, "%s has no method %.*s", amino_this.name, (int)n, name);
  return finish();
}

// Calls to others

static amino_value parse_reply(const uint8_t *frame, size_t len) {
  const char *wrong = "cut short";
  if (len >= 2 && frame[0] != AMINO_OK)
    return amino_fail_as((amino_code)frame[0], "%.*s", (int)(len - 2), frame + 2), NULL;
  if (len == 2) return NULL;
  amino_value v = len < 2 ? NULL : amino_normal_value(frame + 2, len - 2, CBOR_LEVELS, &wrong);
  if (wrong) amino_fail_as(AMINO_BAD_REPLY, "the reply is broken: %s", wrong);
  return v;
}

amino_value amino_send_(int kind, const char *target, const amino_value *items) {
  size_t t = strlen(target), args = 0;
  cbor_writer w = {0};
  if (amino_error()) return NULL;
  const char *name = amino_to_string(items[0]);
  size_t n = strlen(name);
  if (t > UINT16_MAX || n > UINT16_MAX) return amino_fail_as(AMINO_BAD_ARGUMENT, "the name of a target or method is too long"), NULL;
  while (items[1 + args] != amino_end_) args++;
  cbor_raw(&w, (uint8_t[]){(uint8_t)kind, 0}, 2);
  put16(&w, t);
  put16(&w, n);
  cbor_raw(&w, target, t);
  cbor_raw(&w, name, n);
  cbor_array(&w, args);
  for (size_t i = 1; i <= args; i++) amino_write_value(&w, items[i]);
  size_t len = 0;
  const uint8_t *frame = amino_error() || w.failed ? NULL : amino_send_frame(w.data, w.len, &len);
  if (w.failed) amino_no_memory();
  free(w.data);
  return frame ? parse_reply(frame, len) : NULL;
}
