// Amino.Run for C: a microservice is a struct and its methods. See README.md.
//
//     typedef struct { int64_t n; } counter;
//
//     AMINO_MICROSERVICE(counter, "Counts.", "LeaseCaching(ttl=10s)")
//
//     AMINO_METHOD(counter, add, (s64 by), s64, "Adds by.") { return self->n += by; }
//     AMINO_READONLY(counter, get, (), s64)                 { return self->n; }
#ifndef AMINO_H
#define AMINO_H

#include "cbor.h"

// Types
//
// A parameter or result is declared with one of these words, without "amino_".
// What a method is given lives until the method returns, and so does what the
// functions below return; amino_keep makes a copy that stays.

typedef int8_t amino_s8;
typedef int16_t amino_s16;
typedef int32_t amino_s32;
typedef int64_t amino_s64;
typedef uint8_t amino_u8;
typedef uint16_t amino_u16;
typedef uint32_t amino_u32;
typedef uint64_t amino_u64;
typedef float amino_f32;
typedef double amino_f64;
typedef bool amino_boolean;                                      // the word is bool
typedef const char *amino_string;                                // UTF-8, ends in a zero byte
typedef const char *amino_option_string;                         // the same, or NULL
typedef const int64_t *amino_option_s64;                         // options: NULL is none
typedef const uint64_t *amino_option_u64;
typedef const double *amino_option_f64;
typedef const bool *amino_option_boolean;                        // the word is option_bool
typedef struct { const uint8_t *data; size_t len; } amino_bytes; // list<u8>
typedef struct { const char *const *items; size_t len; } amino_strings; // list<string>
typedef int64_t amino_time;                                      // nanoseconds since 1970 UTC
typedef const struct amino_any *amino_value;                     // anything; NULL is null
typedef void amino_void;                                         // as a result: none

// Declaring a microservice

// AMINO_MICROSERVICE(struct, doc, dm...) names the struct, which is zero before
// the constructor, and the deployment managers it has by default.
#define AMINO_MICROSERVICE(S, DOC, ...)                                      \
  static S S##_state;                                                        \
  static const char *const S##_dms[] = {__VA_ARGS__ __VA_OPT__(,) NULL};     \
  const amino_service amino_this = {#S, DOC, S##_dms};

// AMINO_NEW(struct, (type name, ...), doc) { ... } is the constructor. Options at
// the end, here and in methods, are NULL if the caller leaves them out.
#define AMINO_NEW(S, PARAMS, ...) \
  AMINO_DEFINE_(S, , new, PARAMS, AMINO_SPLIT_void, AMINO_CONSTRUCTOR, "" __VA_ARGS__)

// AMINO_METHOD(struct, name, (type name, ...), result, doc) { ... } is a method,
// in C the function struct_name(self, ...).
#define AMINO_METHOD(S, NAME, PARAMS, RESULT, ...) \
  AMINO_DEFINE_(S, , NAME, PARAMS, AMINO_SPLIT_##RESULT, AMINO_PLAIN, "" __VA_ARGS__)

// AMINO_READONLY is an AMINO_METHOD that leaves the state as it was: self is const.
#define AMINO_READONLY(S, NAME, PARAMS, RESULT, ...) \
  AMINO_DEFINE_(S, const, NAME, PARAMS, AMINO_SPLIT_##RESULT, AMINO_PURE, "" __VA_ARGS__)

// Errors
//
// An error makes the call fail whatever the method returns then. After the first
// error, calls to others are not made and conversions give zero, so that a method
// need look only once, or never.

typedef enum {
  AMINO_OK, AMINO_APPLICATION, AMINO_UNAVAILABLE, AMINO_OVERLOADED, AMINO_LEASED,
  AMINO_PLACEMENT, AMINO_UNKNOWN_VERB, AMINO_UNKNOWN_METHOD, AMINO_NOT_FOUND,
  AMINO_NOT_LEADER, AMINO_PERMISSION_DENIED, AMINO_CONFLICT, AMINO_TRAP, AMINO_FUEL,
  AMINO_MEMORY_LIMIT, AMINO_DEADLINE, AMINO_MOVED, AMINO_BAD_ARGUMENT, AMINO_BAD_REPLY,
  AMINO_EXISTS, AMINO_NO_TRANSACTION, AMINO_CANCELED, AMINO_REENTRANT, AMINO_REFUSED,
  AMINO_STORAGE, AMINO_INTERNAL,
} amino_code;

#ifdef __cplusplus
extern "C" {
#endif

#define AMINO_PRINTF(F) __attribute__((format(printf, F, F + 1)))

// amino_fail records an application error; it returns 0.
int amino_fail(const char *format, ...) AMINO_PRINTF(1);

// amino_fail_as records an error of another code; it returns 0.
int amino_fail_as(amino_code code, const char *format, ...) AMINO_PRINTF(2);

// amino_error returns the code of the error recorded, AMINO_OK if there is none.
amino_code amino_error(void);

// amino_catch forgets the error recorded. It returns its code, and sets *message
// if message is not NULL.
amino_code amino_catch(const char **message);

// amino_panic logs a message and traps: the kernel puts the state back.
_Noreturn void amino_panic(const char *format, ...) AMINO_PRINTF(1);

// Memory. All return NULL, and fail the call with AMINO_MEMORY_LIMIT, if there is none.

void *amino_temp(size_t size);                                   // until the method returns
const char *amino_format(const char *format, ...) AMINO_PRINTF(1); // until the method returns
char *amino_keep(const char *s);                                 // until free

// Calling others

// amino_call(target, method, arguments...) calls another microservice and returns
// its result. An error of the callee becomes this call's, with its code.
#define amino_call(TARGET, ...) amino_send_(0, TARGET, AMINO_VALUES_((__VA_ARGS__)))

// amino_verb(target, verb, arguments...) sends a verb to a deployment manager.
#define amino_verb(TARGET, ...) amino_send_(1, TARGET, AMINO_VALUES_((__VA_ARGS__)))

// Values

// amino_of(x) makes a value of an integer, float, string, bytes, strings or value.
// amino_list(x, ...) and amino_map(key, x, ...) make values of values.
#define amino_list(...) amino_list_(AMINO_VALUES_((__VA_ARGS__)))
#define amino_map(...) amino_map_(AMINO_VALUES_((__VA_ARGS__)))

// amino_made turns what w wrote, one item, into a value, and frees w.
amino_value amino_made(cbor_writer *w);

cbor_kind amino_kind(amino_value v);
amino_s64 amino_to_s64(amino_value v);    // these fail the call if v is of another type
amino_u64 amino_to_u64(amino_value v);
amino_f64 amino_to_f64(amino_value v);
bool amino_to_bool(amino_value v);
const char *amino_to_string(amino_value v);
amino_bytes amino_to_bytes(amino_value v);
size_t amino_len(amino_value v);          // items of a list, pairs of a map, else 0
amino_value amino_get(amino_value map, const char *key); // NULL if absent
amino_value amino_first(amino_value v);   // the first item of a list, key of a map
amino_value amino_after(amino_value item); // the item behind it: a key's value, the next key
                                           // (NULL behind a value that is not part of another)

// The world

enum { AMINO_DEBUG, AMINO_INFO, AMINO_WARNING, AMINO_ERROR };
void amino_log(int level, const char *format, ...) AMINO_PRINTF(2);
const char *amino_config(const char *key); // NULL if there is no such value
amino_value amino_self(void);              // a map: name, id, node
amino_time amino_now(void);
void amino_random(void *out, size_t len);

// amino_on_resume, if you define it, runs after a restore into another
// microservice: a fork, a copy or a replica. Reseed random generators there.
void amino_on_resume(void);

#ifdef __cplusplus
}
#endif

#include "amino_macros.h"
#endif
