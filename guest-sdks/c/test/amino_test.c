// Calls: frames in, frames out, with a host made of functions below.
#include "../amino.h"
#include "../runtime.h"
#include "check.h"

// Memory that runs out when the test says so.

static int allocations_left = -1;

void *test_malloc(size_t size) { return allocations_left == 0 ? NULL : (allocations_left--, malloc(size)); }
void *test_realloc(void *p, size_t size) { return allocations_left == 0 ? NULL : (allocations_left--, realloc(p, size)); }

// A host whose one other microservice answers what the test says.

static cbor_writer sent;
static const char *answer = "";

uint32_t amino_import_invoke(const void *frame, uint32_t len) {
  sent.len = 0;
  int left = allocations_left;
  allocations_left = -1;
  cbor_raw(&sent, frame, len);
  allocations_left = left;
  return (uint32_t)strlen(answer) / 2;
}

void amino_import_take(void *out) {
  size_t len;
  uint8_t *data = unhex(answer, &len);
  memcpy(out, data, len);
  free(data);
}

uint32_t amino_import_self(void) { return answer = "a1646e616d6562c3a9", 9; }
int32_t amino_import_config(const char *key, uint32_t len) {
  return len == 1 && *key == 'k' ? (answer = "7631", 2) : -1;
}
static char logged[64];
void amino_import_log(int32_t level, const char *text, uint32_t len) { snprintf(logged, sizeof logged, "%d %.*s", level, (int)len, text); }
int64_t amino_import_now(void) { return 1; }
void amino_import_random(void *out, uint32_t len) { memset(out, 4, len); }

// The microservice.

typedef struct {
  int64_t n;
} Test_Thing;

AMINO_MICROSERVICE(Test_Thing, "Tests \"all\".", "LeaseCaching(ttl=10s)", "Pin(node=a)")

AMINO_NEW(Test_Thing, (option_s64 start, option_string label), "Begins.") {
  self->n = (start ? *start : 0) + (label ? (int64_t)strlen(label) : 0);
}

AMINO_METHOD(Test_Thing, add, (s64 by), s64, "Adds by.") { return self->n += by; }
AMINO_READONLY(Test_Thing, put_all, (string s, bytes b, value v), u8) { return (uint8_t)(strlen(s) + b.len + amino_len(v)); }
AMINO_METHOD(Test_Thing, ask, (string target, string name, value a, value b), value) {
  const char *why;
  if (!strcmp(name, "caught")) {
    amino_call(target, name);
    return amino_catch(&why) == AMINO_LEASED ? amino_of(amino_format("caught %s", why)) : NULL;
  }
  return amino_call(target, name, a, b);
}
AMINO_METHOD(Test_Thing, checkpoint, (string target), value) { return amino_verb(target, "checkpoint"); }
AMINO_METHOD(Test_Thing, fail, (s8 i8, u16 u, f32 f, bool b), void) { amino_fail("%d %d %g %d", i8, u, (double)f, b); }
AMINO_READONLY(Test_Thing, build, (strings s, option_string o, time t), value) {
  return amino_map("s", s, "o", o, "t", amino_list(1, -2.5, (bool)true, (uint64_t)t), 7, amino_of((amino_bytes){(const uint8_t *)"x", 1}));
}
AMINO_READONLY(Test_Thing, options, (u8 first, option_u64 u, option_f64 f, option_bool b, option_s64 last), string) {
  return amino_format("%d %d %g %d %d", first, u ? (int)*u : -1, f ? *f : -1, b ? *b : -1, last ? (int)*last : -1);
}
AMINO_READONLY(Test_Thing, same, (option_s64 i, option_u64 u), option_s64) { return u ? NULL : i; }
AMINO_READONLY(Test_Thing, is, (option_bool b), option_bool) { return b; }
AMINO_METHOD(Test_Thing, tick, (time t), time) { return t + 1500000000; }
AMINO_METHOD(Test_Thing, total, (value v), s64) {
  int64_t sum = 0;
  amino_value item = amino_first(v);
  for (size_t n = amino_len(v); n--; item = amino_after(item)) sum += amino_to_s64(item);
  return sum;
}
typedef struct { double x, y; } amino_point;
#define AMINO_SPLIT_point point,
#define AMINO_WIT_point "tuple<f64, f64>"
static amino_point amino_read_point(amino_args *in) {
  amino_value v = amino_read_value(in), x = amino_first(v);
  return (amino_point){amino_to_f64(x), amino_to_f64(amino_after(x))};
}
static void amino_write_point(cbor_writer *w, amino_point p) { cbor_array(w, 2), cbor_float(w, p.x), cbor_float(w, p.y); }
AMINO_READONLY(Test_Thing, turn, (point p), point) { return (amino_point){p.y, p.x}; }
AMINO_METHOD(Test_Thing, world, (), string) {
  uint8_t dice[2];
  amino_random(dice, 2);
  amino_log(AMINO_WARNING, "%s", amino_to_string(amino_get(amino_self(), "name")));
  return amino_format("%s%d%d%s", amino_config("k"), dice[1], (int)amino_now(), amino_config("none") ? "?" : "");
}

static char *reply(const char *frame) {
  size_t len;
  uint8_t *data = unhex(frame, &len);
  const cbor_writer *w = amino_handle(data, len);
  char *out = hex(w->data, w->len);
  free(data);
  return out;
}

// call makes a frame for a method, or the constructor if it has no name.
static char *call(const char *method, const char *args) {
  char frame[1024], *name = hex((const uint8_t *)method, strlen(method));
  snprintf(frame, sizeof frame, "%s00%02x00%s%s", *method ? "00" : "01", (unsigned)strlen(method), name, args);
  free(name);
  return reply(frame);
}

#define REPLIES(METHOD, ARGS, WANT)                                         \
  do {                                                                      \
    char *got_ = call(METHOD, ARGS);                                        \
    CHECK(!strcmp(got_, WANT), "%s(%s) = %s, want %s", METHOD, ARGS, got_, WANT); \
    free(got_);                                                             \
  } while (0)

#define FAILS(METHOD, ARGS, CODE, WANT)                                     \
  do {                                                                      \
    char *text_ = hex((const uint8_t *)WANT, strlen(WANT)), all_[512];      \
    snprintf(all_, sizeof all_, "%02x00%s", CODE, text_);                   \
    REPLIES(METHOD, ARGS, all_);                                            \
    free(text_);                                                            \
  } while (0)

static void calls(void) {
  REPLIES("", "8105", "0000");
  REPLIES("add", "8101", "000006");
  REPLIES("", "82056161", "0000");
  REPLIES("", "80", "0000");
  REPLIES("add", "81f94200", "000003"); // 3.0
  REPLIES("add", "9f20ff", "000002");
  REPLIES("", "82f66161", "0000");
  REPLIES("add", "8100", "000001");
  REPLIES("options", "8101", "00006d31202d31202d31202d31202d31");
  REPLIES("options", "850102f93e00f518ff", "00006d31203220312e35203120323535");
  REPLIES("options", "8401f6f7f4", "00006c31202d31202d312030202d31");
  REPLIES("same", "8120", "000020");
  REPLIES("same", "80", "0000f6");
  REPLIES("same", "820101", "0000f6");
  REPLIES("is", "81f4", "0000f4");
  REPLIES("put_all", "8362c3a9420001a1616bf6", "000005");
  REPLIES("build", "8381616160c074313937302d30312d30315430303a30303a30305a", "0000a46173816161616f60617484" "01f9c100f500074178");
  REPLIES("build", "8380f6c120", "0000a4617380616ff661748401f9c100f51bffffffffc4653600074178");
  REPLIES("tick", "81c101", "0000c076313937302d30312d30315430303a30303a30322e355a");
  REPLIES("tick", "81c1f9b800", "0000c074313937302d30312d30315430303a30303a30315a"); // -0.5
  REPLIES("total", "818301f9c00018ff", "000018fe");
  REPLIES("turn", "818201f94100", "000082f94100f93c00");
  REPLIES("world", "80", "00006476313431");
  CHECK(!strcmp(logged, "2 \xc3\xa9"), "logged %s", logged);
}

static void errors(void) {
  FAILS("nope", "80", 7, "Test_Thing has no method nope");
  FAILS("add", "80", 17, "add takes 1 argument (by: s64), got 0");
  FAILS("add", "820102", 17, "add takes 1 argument (by: s64), got 2");
  FAILS("tick", "8101", 17, "tick: t is an integer, want time");
  FAILS("checkpoint", "8101", 17, "checkpoint: target is an integer, want string");
  FAILS("", "83010203", 17, "new takes 2 arguments (start: option<s64>, label: option<string>), got 3");
  FAILS("options", "80", 17, "options takes 5 arguments (first: u8, u: option<u64>, f: option<f64>, b: option<bool>, last: option<s64>), got 0");
  FAILS("options", "83010261" "61", 17, "options: f is text, want option<f64>");
  FAILS("add", "816161", 17, "add: by is text, want s64");
  FAILS("add", "81f93e00", 17, "add: by is a float, want s64");
  FAILS("add", "811bffffffffffffffff", 17, "add: by is an integer, want s64");
  FAILS("turn", "8180", 17, "a value is null where a float is wanted");
  FAILS("turn", "818101", 17, "a value is null where a float is wanted");
  FAILS("add", "a0", 17, "the arguments are a map, want an array");
  FAILS("add", "8101ff", 17, "the arguments are broken CBOR: more than one value");
  FAILS("put_all", "836261004101f6", 17, "text with a zero byte is no string");
  FAILS("total", "81816161", 1, "a value is text where an s64 is wanted");
  FAILS("fail", "84388000f5f5", 17, "fail: i8 is an integer, want s8");
  FAILS("fail", "84388000f9c000f5", 17, "fail: i8 is an integer, want s8");
  FAILS("fail", "84387f19fffff93e00f4", 1, "-128 65535 1.5 0");
  static const char *broken[] = {"", "00", "000003", "00000300", "0000ff006164", "0200030061646480"};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    char *got = reply(broken[i]);
    CHECK(!strncmp(got, "1100", 4), "%s: %s", broken[i], got);
    free(got);
  }
}

static void floats_and_integers(void) {
  static const struct { double v; bool ok; } floats[] = {
      {0x1p63, false}, {-0x1p63, true}, {-0x1.0000000000001p63, false}, {0x1p64, false}, {0x1.fffffffffffffp62, true}, {0.5, false}};
  for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
    uint64_t n;
    bool ok = amino_as_int(amino_of(floats[i].v), INT64_MIN, INT64_MAX, &n);
    CHECK(ok == floats[i].ok && (!ok || (double)(int64_t)n == floats[i].v), "%a", floats[i].v);
  }
  uint64_t n;
  CHECK(amino_as_int(amino_of(0x1p63), 0, UINT64_MAX, &n) && n == 1ull << 63, "2^63");
  double f;
  CHECK(!amino_as_float(amino_of((1ll << 53) + 1), &f) && amino_as_float(amino_of(1ll << 53), &f), "2^53");
  CHECK(!amino_as_float(amino_of(UINT64_MAX), &f) && amino_as_float(amino_of(INT64_MIN), &f) && f == -0x1p63, "limits");
  amino_temp_free();
}

static void frames(char *line) {
  char *frame = field(line, "hex"), *target = field(line, "target"), *name = field(line, "name"), *args = field(line, "args");
  if (target && strlen(args) == 4 && strncmp(args, "81", 2) == 0) { // one small argument
    amino_value arg = (amino_value)(uint8_t[]){(uint8_t)strtol(args + 2, NULL, 16)};
    amino_call(target, name, arg);
    char *got = hex(sent.data, sent.len);
    CHECK(!strcmp(got, frame), "%s, want %s", got, frame);
    free(got);
  } else if (target && !strcmp(args, "80")) {
    if (strstr(line, "\"kind\": 1")) amino_verb(target, name);
    else amino_call(target, name);
    char *got = hex(sent.data, sent.len);
    CHECK(!strcmp(got, frame), "%s, want %s", got, frame);
    free(got);
  }
  char *code = field(line, "code"), *message = field(line, "message");
  if (code) {
    answer = frame;
    amino_call("a", "b");
    const char *why;
    CHECK((int)amino_catch(&why) == atoi(code), "%s", line);
    if (message) CHECK(!strcmp(why, message), "%s, want %s", why, message);
  }
  free(frame), free(target), free(name), free(args), free(code), free(message);
  amino_catch(NULL);
  amino_temp_free();
}

static void others(void) {
  answer = "0000a1616101";
  REPLIES("ask", "8462746f626869f5f6", "0000a1616101");
  char *got = hex(sent.data, sent.len);
  CHECK(!strcmp(got, "000002000200746f686982f5f6"), "%s", got);
  free(got);
  answer = "0000";
  REPLIES("ask", "8462746f626869f5f6", "0000f6");
  answer = "04006e6f";
  FAILS("ask", "8462746f626869f5f6", 4, "no");
  REPLIES("ask", "8462746f66636175676874f5f6", "000069636175676874206e6f");
  answer = "0000ff";
  FAILS("ask", "8462746f626869f5f6", 18, "the reply is broken: an end with no beginning");
  answer = "00";
  FAILS("checkpoint", "8162746f", 18, "the reply is broken: cut short");
}

// Whichever allocation fails, the call fails and the next one is as good as new.
static void out_of_memory(void) {
  answer = "0000a1616101";
  char frame[8000] = "0000030061736b84790bb8", *end = frame + strlen(frame); // a target of 3000 bytes
  for (int i = 0; i < 3000; i++) end += sprintf(end, "61");
  sprintf(end, "626869f5f6");
  int failed = 0;
  for (int n = 0;; n++, failed++) {
    allocations_left = n;
    char *got = reply(frame);
    bool ok = !strcmp(got, "0000a1616101");
    CHECK(ok || !strcmp(got, "0e006f7574206f66206d656d6f7279"), "with %d: %s", n, got);
    free(got);
    allocations_left = -1;
    if (ok || n > 1000) break;
  }
  CHECK(failed > 3, "only %d allocations", failed);
}

static void manifest(void) {
  const cbor_writer *w = amino_manifest();
  char *json = strndup((const char *)w->data, w->len);
  static const char *parts[] = {
      "{\"abi\":1,\"language\":\"c\",\"name\":\"test-thing\",\"doc\":\"Tests \\\"all\\\".\",\"methods\":[",
      "{\"name\":\"add\",\"doc\":\"Adds by.\",\"params\":[{\"name\":\"by\",\"type\":\"s64\"}],\"result\":\"s64\"}",
      "{\"name\":\"put_all\",\"params\":[{\"name\":\"s\",\"type\":\"string\"},{\"name\":\"b\",\"type\":\"list<u8>\"},{\"name\":\"v\",\"type\":\"value\"}],\"result\":\"u8\",\"readonly\":true}",
      "{\"name\":\"i8\",\"type\":\"s8\"},{\"name\":\"u\",\"type\":\"u16\"},{\"name\":\"f\",\"type\":\"f32\"},{\"name\":\"b\",\"type\":\"bool\"}]}",
      "\"constructor\":{\"params\":[{\"name\":\"start\",\"type\":\"option<s64>\"},{\"name\":\"label\",\"type\":\"option<string>\"}],\"doc\":\"Begins.\"}",
      "\"dms\":[\"LeaseCaching(ttl=10s)\",\"Pin(node=a)\"]}"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) CHECK(strstr(json, parts[i]), "%s is not in %s", parts[i], json);
  free(json);
}

static void times(void) {
  static const struct { const char *text; int64_t nanos; const char *again; } good[] = {
      {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"},
      {"2026-03-29T14:00:00.25+02:00", 1774785600250000000, "2026-03-29T12:00:00.25Z"},
      {"1969-12-31T23:59:59.999999999Z", -1, "1969-12-31T23:59:59.999999999Z"},
      {"2000-02-29t12:00:00z", 951825600000000000, "2000-02-29T12:00:00Z"},
      {"1677-09-21T00:12:44Z", -9223372036000000000, "1677-09-21T00:12:44Z"}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    amino_time t;
    char again[36];
    CHECK(amino_parse_time(good[i].text, strlen(good[i].text), &t) && t == good[i].nanos, "%s", good[i].text);
    size_t n = amino_print_time(again, t);
    CHECK(n == strlen(good[i].again) && !memcmp(again, good[i].again, n), "%.*s", (int)n, again);
  }
  static const char *bad[] = {"", "a", "1970-01-01", "1970-13-01T00:00:00Z", "1970-01-32T00:00:00Z", "1970-01-01T24:00:00Z",
                              "1970-01-01T00:00:00", "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00Zx", "9999-12-31T23:59:59Z", "1970-01-01T00:00:00+9"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    amino_time t;
    CHECK(!amino_parse_time(bad[i], strlen(bad[i]), &t), "%s", bad[i]);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: %s frames.json\n", argv[0]), 2;
  calls();
  errors();
  floats_and_integers();
  each_line(argv[1], frames);
  others();
  out_of_memory();
  manifest();
  times();
  amino_release();
  free(sent.data);
  free(((cbor_writer *)amino_manifest())->data);
  printf("%s: %d failures\n", argv[0], failures);
  return failures != 0;
}
