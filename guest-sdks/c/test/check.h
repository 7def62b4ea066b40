// What the tests share: checks that count, hex, and fields of the vectors' lines.
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define CHECK(COND, ...)                                              \
  do {                                                                \
    if (COND) break;                                                  \
    failures++;                                                       \
    fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #COND);        \
    fprintf(stderr, __VA_ARGS__);                                     \
    fprintf(stderr, "\n");                                            \
  } while (0)

// unhex returns memory of exactly the length, so that ASan sees the first byte too many.
static inline uint8_t *unhex(const char *hex, size_t *len) {
  *len = strlen(hex) / 2;
  uint8_t *data = malloc(*len + (*len == 0));
  for (size_t i = 0; i < *len; i++) {
    unsigned byte;
    sscanf(hex + 2 * i, "%2x", &byte);
    data[i] = (uint8_t)byte;
  }
  return data;
}

static inline char *hex(const uint8_t *data, size_t len) {
  char *s = malloc(2 * len + 1);
  for (size_t i = 0; i < len; i++) sprintf(s + 2 * i, "%02x", data[i]);
  s[2 * len] = 0;
  return s;
}

// field returns a copy of the text or number of a field in a line of JSON, or NULL.
static inline char *field(const char *line, const char *name) {
  char key[32];
  snprintf(key, sizeof key, "\"%s\": ", name);
  const char *p = strstr(line, key);
  if (!p) return NULL;
  p += strlen(key);
  bool quoted = *p == '"';
  size_t n = strcspn(p += quoted, quoted ? "\"" : ",}");
  return strndup(p, n);
}

// holds says whether a field of a line, a text or a list of texts, holds s.
static inline bool holds(const char *line, const char *name, const char *s) {
  char key[32], *quoted = malloc(strlen(s) + 3);
  snprintf(key, sizeof key, "\"%s\": ", name);
  sprintf(quoted, "\"%s\"", s);
  const char *p = strstr(line, key), *found = p ? strstr(p + strlen(key), quoted) : NULL;
  const char *end = p ? strpbrk(p + strlen(key), p[strlen(key)] == '[' ? "]" : ",}") : NULL;
  free(quoted);
  return found && found < end;
}

// each_line calls check with each line of a file.
static inline int each_line(const char *path, void (*check)(char *line)) {
  FILE *f = fopen(path, "r");
  if (!f) return perror(path), exit(2), 0;
  char *line = NULL;
  size_t cap = 0;
  int lines = 0;
  for (; getline(&line, &cap, f) > 0; lines++) check(line);
  free(line);
  fclose(f);
  return lines;
}

#endif
