// The codec: the vectors of abi/testdata, their ruins, and the edges of numbers.
#include "../cbor.h"
#include "check.h"

#include <math.h>

static int vectors;

static void vector(char *line) {
  char *in = field(line, "hex"), *read = field(line, "read");
  if (in && read) {
    size_t len;
    uint8_t *data = unhex(in, &len);
    cbor_writer w = {0};
    const char *wrong = cbor_normal(&w, data, len, CBOR_LEVELS);
    char *out = hex(w.data, w.len);
    if (!strcmp(read, "yes")) CHECK(!wrong && (holds(line, "write", out) || holds(line, "also", out)), "%s became %s, %s", in, out, wrong);
    if (!strcmp(read, "no")) CHECK(wrong, "%s became %s", in, out);
    if (!wrong) CHECK(cbor_skip(w.data) == w.data + w.len, "%s", in);
    free(w.data), free(out), free(data);
    vectors++;
  }
  free(in), free(read);
}

// ruin cuts a vector at every place, and changes every byte of it, and reads what
// is left: the sanitizers are the judges, and whatever passes must be whole.
static void ruin(char *line) {
  char *in = field(line, "hex");
  size_t len;
  uint8_t *data = in ? unhex(in, &len) : NULL;
  for (size_t i = 0; data && i < len && len < 300; i++) {
    for (int change = 0; change < 256; change += 1 + (int)(i % 7)) {
      uint8_t *ruined = malloc(len), old = data[i];
      memcpy(ruined, data, len);
      ruined[i] = (uint8_t)(old + change);
      cbor_writer w = {0};
      if (!cbor_normal(&w, ruined, len, CBOR_LEVELS)) CHECK(cbor_skip(w.data) == w.data + w.len, "%s at %zu", in, i);
      free(w.data), free(ruined);
    }
    uint8_t *cut = malloc(i + 1);
    memcpy(cut, data, i);
    cbor_writer w = {0};
    if (!cbor_normal(&w, cut, i, CBOR_LEVELS)) CHECK(cbor_skip(w.data) == w.data + w.len, "%s cut at %zu", in, i);
    free(w.data), free(cut);
  }
  free(in), free(data);
}

static void written(cbor_writer *w, const char *want) {
  char *got = hex(w->data, w->len);
  CHECK(!strcmp(got, want), "got %s, want %s", got, want);
  free(got), free(w->data);
  *w = (cbor_writer){0};
}

static void integers(void) {
  static const struct { int64_t v; const char *hex; } cases[] = {
      {0, "00"}, {23, "17"}, {24, "1818"}, {255, "18ff"}, {256, "190100"}, {65535, "19ffff"}, {65536, "1a00010000"},
      {4294967295, "1affffffff"}, {4294967296, "1b0000000100000000"}, {INT64_MAX, "1b7fffffffffffffff"},
      {-1, "20"}, {-24, "37"}, {-25, "3818"}, {INT64_MIN, "3b7fffffffffffffff"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cbor_writer w = {0};
    cbor_int(&w, cases[i].v);
    cbor_item item;
    cbor_next(w.data, &item);
    CHECK((item.negative ? (int64_t)~item.u : (int64_t)item.u) == cases[i].v, "%s", cases[i].hex);
    written(&w, cases[i].hex);
  }
}

// Every half is written as it is; its neighbours among the doubles are not halves.
static void floats(void) {
  for (unsigned h = 0; h < 65536; h++) {
    uint8_t in[] = {0xf9, (uint8_t)(h >> 8), (uint8_t)h};
    cbor_item item;
    cbor_next(in, &item);
    cbor_writer w = {0};
    cbor_float(&w, item.f);
    if (isnan(item.f)) CHECK(w.len == 3 && w.data[1] == 0x7e, "NaN %x", h);
    else CHECK(w.len == 3 && !memcmp(w.data, in, 3), "half %x", h);
    w.len = 0;
    if (isfinite(item.f)) {
      cbor_float(&w, nextafter(item.f, INFINITY));
      CHECK(w.len == 9, "next to half %x has %zu bytes", h, w.len);
    }
    free(w.data);
  }
  static const struct { double v; size_t len; } cases[] = {
      {3.4028234663852886e38, 5}, {3.4028234663852890e38, 9}, {1e39, 9}, {1.401298464324817e-45, 5}, {1e-46, 9}, {65505, 5}, {-0.0, 3}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cbor_writer w = {0};
    cbor_float(&w, cases[i].v);
    cbor_item item;
    cbor_next(w.data, &item);
    CHECK(w.len == cases[i].len && item.f == cases[i].v, "%g in %zu bytes", cases[i].v, w.len);
    free(w.data);
  }
}

// An open array of many items gets a longer head than it had.
static void long_open_array(void) {
  enum { N = 70000 };
  uint8_t *in = calloc(1, N + 2);
  in[0] = 0x9f, in[N + 1] = 0xff;
  cbor_writer w = {0};
  CHECK(!cbor_normal(&w, in, N + 2, CBOR_LEVELS) && w.len == N + 5 && w.data[0] == 0x9a, "%zu", w.len);
  free(w.data), free(in);
}

static void text_is_utf8(void) {
  static const char *bad[] = {"61ff", "62c080", "62c328", "61c3", "63e08080", "63eda080", "64f08080ff", "64f4908080", "61f5", "6180"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    size_t len;
    uint8_t *data = unhex(bad[i], &len);
    cbor_writer w = {0};
    CHECK(cbor_normal(&w, data, len, CBOR_LEVELS), "%s", bad[i]);
    free(w.data), free(data);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: %s cbor_vectors.json\n", argv[0]), 2;
  each_line(argv[1], vector);
  CHECK(vectors > 200, "%d vectors", vectors);
  each_line(argv[1], ruin);
  integers();
  floats();
  long_open_array();
  text_is_utf8();
  printf("%s: %d vectors, %d failures\n", argv[0], vectors, failures);
  return failures != 0;
}
