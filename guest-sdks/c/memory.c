// Memory that lives until the call ends, errors, and the log.
#include "runtime.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Temporary memory is cut from blocks, the first of which is always there: a
// small call then dirties the same page every time, which keeps snapshots small.

typedef struct block {
  struct block *next;
  _Alignas(16) char data[];
} block;

enum { FIRST = 2048, BLOCK = 16 << 10 };

static _Alignas(16) char first[FIRST];
static block *blocks;
static char *at = first;
static size_t left = FIRST;

static amino_code code;
static const char *message = "";

// set_error records an error; the first one stays.
static int set_error(amino_code c, const char *m) {
  if (code != AMINO_OK) return 0;
  code = c;
  message = m;
  return 0;
}

void *amino_no_memory(void) { return set_error(AMINO_MEMORY_LIMIT, "out of memory"), NULL; }

void *amino_temp(size_t size) {
  if (size > SIZE_MAX - BLOCK) return amino_no_memory();
  size = (size + 15) & ~(size_t)15;
  if (size > left) {
    size_t room = size > BLOCK ? size : BLOCK;
    block *b = (block *)malloc(sizeof *b + room);
    if (!b) return amino_no_memory();
    b->next = blocks;
    blocks = b;
    if (size > BLOCK / 2) return b->data; // a block of its own
    at = b->data;
    left = room;
  }
  void *p = at;
  at += size;
  left -= size;
  return p;
}

void amino_temp_free(void) {
  while (blocks) {
    block *next = blocks->next;
    free(blocks);
    blocks = next;
  }
  at = first;
  left = FIRST;
}

static const char *format_args(const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, again);
  va_end(again);
  char *s = n < 0 ? NULL : (char *)amino_temp((size_t)n + 1);
  if (s) vsnprintf(s, (size_t)n + 1, format, args);
  return s;
}

#define FORMATTED(S, FORMAT)                \
  va_list args;                             \
  va_start(args, FORMAT);                   \
  const char *S = format_args(FORMAT, args); \
  va_end(args)

const char *amino_format(const char *format, ...) {
  FORMATTED(s, format);
  return s;
}

char *amino_keep(const char *s) {
  size_t size = strlen(s) + 1;
  char *kept = (char *)malloc(size);
  if (!kept) return amino_no_memory();
  return (char *)memcpy(kept, s, size);
}

// Errors

int amino_fail(const char *format, ...) {
  FORMATTED(m, format);
  return m ? set_error(AMINO_APPLICATION, m) : 0;
}

int amino_fail_as(amino_code c, const char *format, ...) {
  FORMATTED(m, format);
  return m ? set_error(c, m) : 0;
}

amino_code amino_error(void) { return code; }

amino_code amino_catch(const char **m) {
  amino_code c = code;
  if (m) *m = message;
  code = AMINO_OK;
  message = "";
  return c;
}

// The log

void amino_log(int level, const char *format, ...) {
  FORMATTED(line, format);
  if (line) amino_import_log(level, line, (uint32_t)strlen(line));
}

_Noreturn void amino_panic(const char *format, ...) {
  FORMATTED(line, format);
  if (line) amino_import_log(AMINO_ERROR, line, (uint32_t)strlen(line));
  __builtin_trap();
}
