// Reading the arguments of a call: one function for each type of parameter.
#include "runtime.h"

#include <string.h>

// next takes the next argument.
static amino_value next(amino_args *in) {
  amino_value v = (amino_value)in->next;
  in->taken++;
  in->next = cbor_skip(in->next);
  return v;
}

// none tells whether the next argument was left out or is null, and takes it then.
static bool none(amino_args *in) {
  if (in->taken >= in->given) return true;
  if (amino_kind((amino_value)in->next) != CBOR_NULL) return false;
  next(in);
  return true;
}

// fits notes whether the argument just taken was of the parameter's type.
static void fits(amino_args *in, bool ok) {
  if (!ok && !in->mismatch) in->mismatch = in->taken;
}

// What a reader of a user's own type found wrong is a bad argument, too.
bool amino_unfit(const amino_args *in) {
  const char *why;
  if (amino_error() == AMINO_APPLICATION && amino_catch(&why)) amino_fail_as(AMINO_BAD_ARGUMENT, "%s", why);
  return in->mismatch || amino_error();
}

#define READ(T, CONVERT)                     \
  amino_##T amino_read_##T(amino_args *in) { \
    amino_value v = next(in);                \
    CONVERT                                  \
  }

#define READ_INT(T, MIN, MAX) \
  READ(T, uint64_t n = 0; fits(in, amino_as_int(v, MIN, MAX, &n)); return (amino_##T)n;)

READ_INT(s8, INT8_MIN, INT8_MAX)
READ_INT(s16, INT16_MIN, INT16_MAX)
READ_INT(s32, INT32_MIN, INT32_MAX)
READ_INT(s64, INT64_MIN, INT64_MAX)
READ_INT(u8, 0, UINT8_MAX)
READ_INT(u16, 0, UINT16_MAX)
READ_INT(u32, 0, UINT32_MAX)
READ_INT(u64, 0, UINT64_MAX)
READ(f64, double f = 0; fits(in, amino_as_float(v, &f)); return f;)
READ(time, amino_time t = 0; fits(in, amino_as_time(v, &t)); return t;)
READ(value, return v;)

amino_f32 amino_read_f32(amino_args *in) { return (amino_f32)amino_read_f64(in); }

amino_boolean amino_read_boolean(amino_args *in) {
  amino_value v = next(in);
  fits(in, amino_kind(v) == CBOR_BOOL);
  return !in->mismatch && amino_to_bool(v);
}

amino_string amino_read_string(amino_args *in) {
  const char *s = "";
  fits(in, amino_as_text(next(in), &s));
  return s;
}

amino_bytes amino_read_bytes(amino_args *in) {
  amino_value v = next(in);
  fits(in, amino_kind(v) == CBOR_BYTES);
  return in->mismatch ? (amino_bytes){0} : amino_to_bytes(v);
}

amino_strings amino_read_strings(amino_args *in) {
  amino_value v = next(in);
  fits(in, amino_kind(v) == CBOR_ARRAY);
  size_t len = in->mismatch ? 0 : amino_len(v);
  const char **items = len ? (const char **)amino_temp(len * sizeof *items) : NULL;
  if (!items) return (amino_strings){0};
  amino_value item = amino_first(v);
  for (size_t i = 0; i < len; i++, item = amino_after(item)) fits(in, amino_as_text(item, &items[i]));
  return (amino_strings){items, len};
}

// An option is NULL where there is none.
#define READ_OPTION(T)                                                \
  amino_option_##T amino_read_option_##T(amino_args *in) {            \
    if (none(in)) return NULL;                                        \
    amino_##T v = amino_read_##T(in), *option = amino_temp(sizeof v); \
    if (option) *option = v;                                          \
    return option;                                                    \
  }

READ_OPTION(s64)
READ_OPTION(u64)
READ_OPTION(f64)
READ_OPTION(boolean)

amino_option_string amino_read_option_string(amino_args *in) { return none(in) ? NULL : amino_read_string(in); }
