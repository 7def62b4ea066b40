// RFC 3339 text and nanoseconds since 1970.
#include "runtime.h"

#include <stdio.h>

// days_before returns the days from 1970-01-01 to a day of the Gregorian
// calendar. Years begin in March, so that the leap day is the last one.
static int64_t days_before(int64_t year, int month, int day) {
  if (month < 3) year--;
  int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
  int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of(int64_t days, int *year, int *month, int *day) {
  days += 719468;
  int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
  int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
  *day = (int)(of_year - (153 * m + 2) / 5 + 1);
  *month = (int)(m < 10 ? m + 3 : m - 9);
  *year = (int)(y + era * 400 + (*month < 3));
}

static bool digits(const char **s, const char *end, int n, int *out) {
  for (*out = 0; n--; (*s)++) {
    if (*s == end || **s < '0' || **s > '9') return false;
    *out = *out * 10 + (**s - '0');
  }
  return true;
}

static bool mark(const char **s, const char *end, char c) {
  if (*s == end || (**s | 0x20) != (c | 0x20)) return false;
  return ++*s, true;
}

static bool offset(const char **s, const char *end, int *minutes) {
  *minutes = 0;
  if (mark(s, end, 'Z')) return true;
  int h, m, sign = *s < end && **s == '-' ? -1 : 1;
  if (*s == end || (**s != '+' && **s != '-')) return false;
  ++*s;
  if (!digits(s, end, 2, &h) || !mark(s, end, ':') || !digits(s, end, 2, &m) || h > 23 || m > 59) return false;
  *minutes = sign * (h * 60 + m);
  return true;
}

bool amino_parse_time(const char *s, size_t len, amino_time *t) {
  static const int longest[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const char *end = s + len;
  int year, month, day, h, m, sec, nanos = 0, minutes;
  bool date = digits(&s, end, 4, &year) && mark(&s, end, '-') && digits(&s, end, 2, &month) && mark(&s, end, '-') &&
              digits(&s, end, 2, &day) && mark(&s, end, 'T');
  if (!date || month < 1 || month > 12 || day < 1 || day > longest[month - 1]) return false;
  bool clock = digits(&s, end, 2, &h) && mark(&s, end, ':') && digits(&s, end, 2, &m) && mark(&s, end, ':') &&
               digits(&s, end, 2, &sec);
  if (!clock || h > 23 || m > 59 || sec > 60) return false;
  if (mark(&s, end, '.')) {
    if (s == end || *s < '0' || *s > '9') return false;
    for (int unit = 100000000; s < end && *s >= '0' && *s <= '9'; s++, unit /= 10) nanos += unit * (*s - '0');
  }
  if (!offset(&s, end, &minutes) || s != end) return false;
  int64_t seconds = (days_before(year, month, day) * 24 + h) * 3600 + (m - minutes) * 60 + sec;
  return !__builtin_mul_overflow(seconds, 1000000000, t) && !__builtin_add_overflow(*t, nanos, t);
}

size_t amino_print_time(char out[36], amino_time t) {
  int64_t seconds = t / 1000000000, nanos = t % 1000000000;
  if (nanos < 0) nanos += 1000000000, seconds--;
  int64_t days = seconds / 86400, of_day = seconds % 86400;
  if (of_day < 0) of_day += 86400, days--;
  int year, month, day, s = (int)of_day;
  date_of(days, &year, &month, &day);
  int n = snprintf(out, 36, "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day, s / 3600, s / 60 % 60, s % 60);
  if (nanos) {
    n += snprintf(out + n, 36 - (size_t)n, ".%09d", (int)nanos);
    while (out[n - 1] == '0') n--;
  }
  out[n++] = 'Z';
  return (size_t)n;
}
