// The conformance microservice (../../CONFORMANCE.md).
#include "amino.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  char *key, *value;
} entry;

typedef struct mebibyte {
  struct mebibyte *next;
  char rest[(1 << 20) - sizeof(struct mebibyte *)];
} mebibyte;

typedef struct {
  const char *label;
  entry *entries; // sorted by key
  uint32_t len;
  int64_t count;
  mebibyte *kept;
  uint32_t mib;
} conformance;

AMINO_MICROSERVICE(conformance, "Shows that an SDK does what it should.")

AMINO_NEW(conformance, (option_string label)) { self->label = amino_keep(label ? label : "none"); }

AMINO_READONLY(conformance, label, (), string) { return self->label; }

AMINO_READONLY(conformance, echo, (value v), value, "Returns any value as it came.") { return v; }

AMINO_READONLY(conformance, add, (s64 a, s64 b), s64) { return a + b; }

AMINO_READONLY(conformance, scale, (f64 x, f64 by), f64) { return x * by; }

AMINO_READONLY(conformance, join, (strings parts, string sep), string) {
  size_t size = 1, gap = strlen(sep);
  for (size_t i = 0; i < parts.len; i++) size += strlen(parts.items[i]) + gap;
  char *joined = amino_temp(size), *end = joined;
  if (!joined) return NULL;
  for (size_t i = 0; i < parts.len; i++) {
    if (i) end = stpcpy(end, sep);
    end = stpcpy(end, parts.items[i]);
  }
  *end = 0;
  return joined;
}

AMINO_READONLY(conformance, flip, (bool b), bool) { return !b; }

AMINO_READONLY(conformance, reverse, (bytes b), bytes) {
  uint8_t *reversed = amino_temp(b.len);
  for (size_t i = 0; reversed && i < b.len; i++) reversed[i] = b.data[b.len - 1 - i];
  return (amino_bytes){reversed, b.len};
}

// find returns where key is, or would be.
static uint32_t find(const conformance *self, const char *key, bool *found) {
  uint32_t lo = 0, hi = self->len;
  *found = false;
  while (lo < hi && !*found) {
    uint32_t mid = lo + (hi - lo) / 2;
    int order = strcmp(self->entries[mid].key, key);
    if (order < 0) lo = mid + 1;
    else hi = mid, *found = order == 0;
  }
  return hi;
}

AMINO_METHOD(conformance, put, (string key, string value), u32) {
  bool found;
  uint32_t at = find(self, key, &found);
  char *kept = amino_keep(value);
  if (!kept) return 0;
  if (!found) {
    entry *grown = realloc(self->entries, (self->len + 1) * sizeof *grown);
    char *name = amino_keep(key);
    if (!grown || !name) return amino_fail_as(AMINO_MEMORY_LIMIT, "out of memory");
    self->entries = grown;
    memmove(grown + at + 1, grown + at, (self->len++ - at) * sizeof *grown);
    grown[at] = (entry){name, NULL};
  }
  free(self->entries[at].value);
  self->entries[at].value = kept;
  return self->len;
}

AMINO_READONLY(conformance, get, (string key), option_string) {
  bool found;
  uint32_t at = find(self, key, &found);
  return found ? self->entries[at].value : NULL;
}

AMINO_READONLY(conformance, keys, (), strings) {
  const char **keys = amino_temp(self->len * sizeof *keys);
  if (!keys) return (amino_strings){0};
  for (uint32_t i = 0; i < self->len; i++) keys[i] = self->entries[i].key;
  return (amino_strings){keys, self->len};
}

AMINO_METHOD(conformance, count, (s64 by), s64) { return self->count += by; }

AMINO_METHOD(conformance, fail, (string msg), void) {
  self->count++;
  amino_fail("%s", msg);
}

AMINO_METHOD(conformance, panic, (string msg), void) {
  self->count++;
  amino_panic("%s", msg);
}

AMINO_METHOD(conformance, trap, (), void) {
  self->count++;
  __builtin_trap();
}

AMINO_METHOD(conformance, spin, (), void) {
  for (volatile int i = 0;; i++) {}
}

AMINO_METHOD(conformance, grow, (u32 mib), u32) {
  for (; mib; mib--, self->mib++) {
    mebibyte *block = malloc(sizeof *block);
    if (!block) return amino_fail_as(AMINO_MEMORY_LIMIT, "no memory after %u MiB", (unsigned)self->mib);
    memset(block->rest, 1, sizeof block->rest);
    block->next = self->kept;
    self->kept = block;
  }
  return self->mib;
}

AMINO_METHOD(conformance, relay, (string target, string method, value arg), value) { return amino_call(target, method, arg); }

AMINO_METHOD(conformance, verb, (string target, string verb), value) { return amino_verb(target, verb); }

AMINO_READONLY(conformance, whoami, (), string) { return amino_to_string(amino_get(amino_self(), "name")); }

AMINO_READONLY(conformance, setting, (string key), option_string) { return amino_config(key); }

AMINO_METHOD(conformance, say, (string text), void) { amino_log(AMINO_INFO, "%s", text); }

AMINO_READONLY(conformance, time, (), u64) { return (uint64_t)amino_now(); }

AMINO_READONLY(conformance, dice, (u32 n), bytes) {
  uint8_t *dice = amino_temp(n);
  if (dice) amino_random(dice, n);
  return (amino_bytes){dice, dice ? n : 0};
}
