// The machinery of amino.h's macros. A user need not read it, unless to add a
// type of their own; README.md shows how.
#ifndef AMINO_MACROS_H
#define AMINO_MACROS_H

typedef struct { const char *name, *type; } amino_param;

// The arguments of the call under way, in CBOR's normal form.
typedef struct {
  const uint8_t *next;
  int given, taken, mismatch; // mismatch: 1 + the first parameter of another type
} amino_args;

typedef enum { AMINO_PLAIN, AMINO_PURE, AMINO_CONSTRUCTOR } amino_method_kind;

typedef struct {
  const char *name, *doc, *result; // result is NULL if there is none
  const amino_param *params;       // the last has no name
  amino_method_kind kind;
  void (*run)(amino_args *in, cbor_writer *out);
} amino_method;

typedef struct {
  const char *name, *doc;
  const char *const *dms; // the last is NULL
} amino_service;

extern const amino_service amino_this;

// AMINO_SPLIT_x parts "x name" into "x, name", and so makes x a type.
#define AMINO_SPLIT_s8 s8,
#define AMINO_SPLIT_s16 s16,
#define AMINO_SPLIT_s32 s32,
#define AMINO_SPLIT_s64 s64,
#define AMINO_SPLIT_u8 u8,
#define AMINO_SPLIT_u16 u16,
#define AMINO_SPLIT_u32 u32,
#define AMINO_SPLIT_u64 u64,
#define AMINO_SPLIT_f32 f32,
#define AMINO_SPLIT_f64 f64,
#define AMINO_SPLIT_bool boolean,
#define AMINO_SPLIT__Bool boolean, // bool may be a macro
#define AMINO_SPLIT_string string,
#define AMINO_SPLIT_option_string option_string,
#define AMINO_SPLIT_option_s64 option_s64,
#define AMINO_SPLIT_option_u64 option_u64,
#define AMINO_SPLIT_option_f64 option_f64,
#define AMINO_SPLIT_option_bool option_boolean,
#define AMINO_SPLIT_bytes bytes,
#define AMINO_SPLIT_strings strings,
#define AMINO_SPLIT_time time,
#define AMINO_SPLIT_value value,
#define AMINO_SPLIT_void void, _NOTHING

#define AMINO_WIT_s8 "s8"
#define AMINO_WIT_s16 "s16"
#define AMINO_WIT_s32 "s32"
#define AMINO_WIT_s64 "s64"
#define AMINO_WIT_u8 "u8"
#define AMINO_WIT_u16 "u16"
#define AMINO_WIT_u32 "u32"
#define AMINO_WIT_u64 "u64"
#define AMINO_WIT_f32 "f32"
#define AMINO_WIT_f64 "f64"
#define AMINO_WIT_boolean "bool"
#define AMINO_WIT_string "string"
#define AMINO_WIT_option_string "option<string>"
#define AMINO_WIT_option_s64 "option<s64>"
#define AMINO_WIT_option_u64 "option<u64>"
#define AMINO_WIT_option_f64 "option<f64>"
#define AMINO_WIT_option_boolean "option<bool>"
#define AMINO_WIT_bytes "list<u8>"
#define AMINO_WIT_strings "list<string>"
#define AMINO_WIT_time "time"
#define AMINO_WIT_value "value"
#define AMINO_WIT_void NULL

// A method's declaration, the function that reads its arguments and writes its
// result, its entry in the table of methods, and the head of its definition.
#define AMINO_DEFINE_(S, CONST, NAME, PARAMS, RESULT, KIND, DOC) \
  AMINO_DEFINE2_(S, CONST, NAME, PARAMS, KIND, DOC, RESULT)
#define AMINO_DEFINE2_(S, CONST, NAME, PARAMS, KIND, DOC, T, NOTHING)                              \
  static amino_##T S##_##NAME(__attribute__((unused)) CONST S *self AMINO_EACH_(AMINO_DECLARE_, PARAMS)); \
  static void S##_##NAME##_run(amino_args *in, __attribute__((unused)) cbor_writer *out) {         \
    AMINO_EACH_(AMINO_READ_, PARAMS)                                                               \
    if (amino_unfit(in)) return;                                                                   \
    AMINO_ANSWER##NOTHING(T, S##_##NAME(&S##_state AMINO_EACH_(AMINO_PASS_, PARAMS)));             \
  }                                                                                                \
  static const amino_param S##_##NAME##_params[] = {AMINO_EACH_(AMINO_DESCRIBE_, PARAMS){NULL, NULL}}; \
  static const amino_method S##_##NAME##_method = {                                                \
    #NAME, DOC, AMINO_WIT_##T, S##_##NAME##_params, KIND, S##_##NAME##_run};                       \
  __attribute__((used, section("amino_methods")))                                                  \
  static const amino_method *const S##_##NAME##_entry = &S##_##NAME##_method;                      \
  static amino_##T S##_##NAME(__attribute__((unused)) CONST S *self AMINO_EACH_(AMINO_DECLARE_, PARAMS))

#define AMINO_ANSWER(T, CALL) amino_write_##T(out, CALL)
#define AMINO_ANSWER_NOTHING(T, CALL) CALL

#define AMINO_DECLARE_(P) AMINO_TYPED_(AMINO_DECLARE2_, AMINO_SPLIT_##P)
#define AMINO_DECLARE2_(T, NAME) , amino_##T NAME
#define AMINO_READ_(P) AMINO_TYPED_(AMINO_READ2_, AMINO_SPLIT_##P)
#define AMINO_READ2_(T, NAME) amino_##T NAME = amino_read_##T(in);
#define AMINO_PASS_(P) AMINO_TYPED_(AMINO_PASS2_, AMINO_SPLIT_##P)
#define AMINO_PASS2_(T, NAME) , NAME
#define AMINO_DESCRIBE_(P) AMINO_TYPED_(AMINO_DESCRIBE2_, AMINO_SPLIT_##P)
#define AMINO_DESCRIBE2_(T, NAME) {#NAME, AMINO_WIT_##T},
#define AMINO_TYPED_(M, ...) M(__VA_ARGS__)

// AMINO_EACH_(M, (a, b)) is M(a) M(b), for up to 12 of them.
#define AMINO_EACH_(M, LIST) AMINO_EACH2_(M, AMINO_UNWRAP_ LIST)
#define AMINO_EACH2_(...) AMINO_EACH3_(__VA_ARGS__)
#define AMINO_EACH3_(M, ...) __VA_OPT__(AMINO_STEP1_(M, __VA_ARGS__))
#define AMINO_UNWRAP_(...) __VA_ARGS__
#define AMINO_STEP1_(M, X, ...) M(X) __VA_OPT__(AMINO_STEP2_(M, __VA_ARGS__))
#define AMINO_STEP2_(M, X, ...) M(X) __VA_OPT__(AMINO_STEP3_(M, __VA_ARGS__))
#define AMINO_STEP3_(M, X, ...) M(X) __VA_OPT__(AMINO_STEP4_(M, __VA_ARGS__))
#define AMINO_STEP4_(M, X, ...) M(X) __VA_OPT__(AMINO_STEP5_(M, __VA_ARGS__))
#define AMINO_STEP5_(M, X, ...) M(X) __VA_OPT__(AMINO_STEP6_(M, __VA_ARGS__))
#define AMINO_STEP6_(M, X, ...) M(X) __VA_OPT__(AMINO_STEP7_(M, __VA_ARGS__))
#define AMINO_STEP7_(M, X, ...) M(X) __VA_OPT__(AMINO_STEP8_(M, __VA_ARGS__))
#define AMINO_STEP8_(M, X, ...) M(X) __VA_OPT__(AMINO_STEP9_(M, __VA_ARGS__))
#define AMINO_STEP9_(M, X, ...) M(X) __VA_OPT__(AMINO_STEP10_(M, __VA_ARGS__))
#define AMINO_STEP10_(M, X, ...) M(X) __VA_OPT__(AMINO_STEP11_(M, __VA_ARGS__))
#define AMINO_STEP11_(M, X, ...) M(X) __VA_OPT__(AMINO_STEP12_(M, __VA_ARGS__))
#define AMINO_STEP12_(M, X) M(X)

// An array of values, ended by amino_end_.
#define AMINO_VALUES_(LIST) ((amino_value[]){AMINO_EACH_(AMINO_VALUE_, LIST) amino_end_})
#define AMINO_VALUE_(X) amino_of(X),

#ifdef __cplusplus
extern "C" {
#endif

extern const amino_value amino_end_;
amino_value amino_send_(int kind, const char *target, const amino_value *name_and_args);
amino_value amino_list_(const amino_value *items);
amino_value amino_map_(const amino_value *keys_and_values);

bool amino_unfit(const amino_args *in); // whether an argument is not of its parameter's type
amino_s8 amino_read_s8(amino_args *in);
amino_s16 amino_read_s16(amino_args *in);
amino_s32 amino_read_s32(amino_args *in);
amino_s64 amino_read_s64(amino_args *in);
amino_u8 amino_read_u8(amino_args *in);
amino_u16 amino_read_u16(amino_args *in);
amino_u32 amino_read_u32(amino_args *in);
amino_u64 amino_read_u64(amino_args *in);
amino_f32 amino_read_f32(amino_args *in);
amino_f64 amino_read_f64(amino_args *in);
amino_boolean amino_read_boolean(amino_args *in);
amino_string amino_read_string(amino_args *in);
amino_option_string amino_read_option_string(amino_args *in);
amino_option_s64 amino_read_option_s64(amino_args *in);
amino_option_u64 amino_read_option_u64(amino_args *in);
amino_option_f64 amino_read_option_f64(amino_args *in);
amino_option_boolean amino_read_option_boolean(amino_args *in);
amino_bytes amino_read_bytes(amino_args *in);
amino_strings amino_read_strings(amino_args *in);
amino_time amino_read_time(amino_args *in);
amino_value amino_read_value(amino_args *in);

#define amino_write_s8 cbor_int
#define amino_write_s16 cbor_int
#define amino_write_s32 cbor_int
#define amino_write_s64 cbor_int
#define amino_write_u8 cbor_uint
#define amino_write_u16 cbor_uint
#define amino_write_u32 cbor_uint
#define amino_write_u64 cbor_uint
#define amino_write_f32 cbor_float
#define amino_write_f64 cbor_float
#define amino_write_boolean cbor_bool
void amino_write_string(cbor_writer *w, const char *s); // NULL is null
#define amino_write_option_string amino_write_string
void amino_write_option_s64(cbor_writer *w, const int64_t *v);
void amino_write_option_u64(cbor_writer *w, const uint64_t *v);
void amino_write_option_f64(cbor_writer *w, const double *v);
void amino_write_option_boolean(cbor_writer *w, const bool *v);
void amino_write_bytes(cbor_writer *w, amino_bytes b);
void amino_write_strings(cbor_writer *w, amino_strings s);
void amino_write_time(cbor_writer *w, amino_time t);
void amino_write_value(cbor_writer *w, amino_value v);

amino_value amino_of_s64(amino_s64 v);
amino_value amino_of_u64(amino_u64 v);
amino_value amino_of_f64(amino_f64 v);
amino_value amino_of_bool(bool v);
amino_value amino_of_string(const char *s);
amino_value amino_of_bytes(amino_bytes b);
amino_value amino_of_strings(amino_strings s);
amino_value amino_of_value(amino_value v);

#ifdef __cplusplus
}
#else
#define amino_of(...)                                                                    \
  _Generic((__VA_ARGS__), bool: amino_of_bool, char: amino_of_s64, signed char: amino_of_s64, \
    short: amino_of_s64, int: amino_of_s64, long: amino_of_s64, long long: amino_of_s64, \
    unsigned char: amino_of_u64, unsigned short: amino_of_u64, unsigned: amino_of_u64,   \
    unsigned long: amino_of_u64, unsigned long long: amino_of_u64, float: amino_of_f64,  \
    double: amino_of_f64, char *: amino_of_string, const char *: amino_of_string,        \
    amino_bytes: amino_of_bytes, amino_strings: amino_of_strings,                        \
    amino_value: amino_of_value)(__VA_ARGS__)
#endif
#endif
