use std::fmt;
use std::str::FromStr;

const SECOND: i128 = 1_000_000_000;

/// A point in time, to the nanosecond. It reads and prints as RFC 3339, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    nanos: i128,
}

impl Time {
    /// Makes a time of nanoseconds since 1970 UTC.
    pub fn from_nanos(nanos: i64) -> Time {
        Time { nanos: nanos.into() }
    }

    /// Returns the nanoseconds since 1970 UTC. They fit an `i64` until 2262.
    pub fn nanos(self) -> i128 {
        self.nanos
    }

    pub(crate) fn from_seconds(seconds: i128) -> Option<Time> {
        Time { nanos: seconds.checked_mul(SECOND)? }.printable()
    }

    pub(crate) fn from_float(seconds: f64) -> Option<Time> {
        if !seconds.is_finite() || seconds.abs() > 1e12 {
            return None;
        }
        let (whole, part) = (seconds.floor(), seconds - seconds.floor());
        Time { nanos: whole as i128 * SECOND + (part * 1e9) as i128 }.printable()
    }

    // RFC 3339 has years of four digits.
    fn printable(self) -> Option<Time> {
        let (first, last) = (days_before(0, 1, 1), days_before(10000, 1, 1));
        (first..last).contains(&(self.nanos.div_euclid(86400 * SECOND) as i64)).then_some(self)
    }
}

/// Returns the days from 1970-01-01 to a day of the Gregorian calendar. Years are counted from
/// March, so that the leap day is the last one.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month < 3 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153; // from March
    let day = of_year - (153 * month + 2) / 5 + 1;
    (year + era * 400 + i64::from(month > 9), (month + 2) % 12 + 1, day)
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.nanos.div_euclid(SECOND) as i64, self.nanos.rem_euclid(SECOND));
        let (year, month, day) = date_of(seconds.div_euclid(86400));
        let s = seconds.rem_euclid(86400);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)?;
        if nanos > 0 {
            write!(f, ".{}", format!("{nanos:09}").trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// The error of text that is not RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRfc3339;

impl fmt::Display for NotRfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time is written as in 2026-03-29T12:00:00Z")
    }
}

impl std::error::Error for NotRfc3339 {}

impl FromStr for Time {
    type Err = NotRfc3339;

    fn from_str(s: &str) -> Result<Time, NotRfc3339> {
        parse(s.as_bytes()).and_then(Time::printable).ok_or(NotRfc3339)
    }
}

fn parse(s: &[u8]) -> Option<Time> {
    let (main, rest) = s.split_at_checked(19)?;
    let date = [number(&main[0..4])?, number(&main[5..7])?, number(&main[8..10])?];
    let clock = [number(&main[11..13])?, number(&main[14..16])?, number(&main[17..19])?];
    let marks = [main[4], main[7], main[10].to_ascii_uppercase(), main[13], main[16]];
    let [year, month, day] = date;
    let [hour, minute, second] = clock;
    if marks != *b"--T::" || hour > 23 || minute > 59 || second > 60 || !(1..=12).contains(&month) {
        return None;
    }
    if date_of(days_before(year, month, day)) != (year, month, day) {
        return None;
    }
    let (nanos, rest) = fraction(rest)?;
    let seconds = (days_before(year, month, day) * 24 + hour) * 3600 + (minute - offset(rest)?) * 60 + second;
    Some(Time { nanos: i128::from(seconds) * SECOND + nanos })
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |n, d| d.is_ascii_digit().then(|| n * 10 + i64::from(d - b'0')))
}

/// Reads what follows the seconds; digits behind the ninth are dropped.
fn fraction(s: &[u8]) -> Option<(i128, &[u8])> {
    let [b'.', rest @ ..] = s else { return Some((0, s)) };
    let len = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let digits = &rest[..len.min(9)];
    let nanos = i128::from(number(digits)?) * 10i128.pow(9 - digits.len() as u32);
    (len > 0).then_some((nanos, &rest[len..]))
}

/// Reads the offset from UTC, in minutes.
fn offset(s: &[u8]) -> Option<i64> {
    let (sign, rest) = match s {
        [b'Z' | b'z'] => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let [h1, h2, b':', m1, m2] = rest else { return None };
    let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        for (text, nanos, again) in [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            ("2026-03-29T14:00:00.25+02:00", 1_774_785_600_250_000_000, "2026-03-29T12:00:00.25Z"),
            ("1969-12-31T23:59:59.9999999999Z", -1, "1969-12-31T23:59:59.999999999Z"),
            ("2000-02-29t12:00:00z", 951_825_600_000_000_000, "2000-02-29T12:00:00Z"),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000_000_000, "9999-12-31T23:59:59Z"),
        ] {
            let t: Time = text.parse().expect(text);
            assert_eq!((t.nanos(), t.to_string().as_str()), (nanos, again));
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "a",
            "1970-01-01",
            "1970-13-01T00:00:00Z",
            "1970-02-29T00:00:00Z",
            "1970-01-00T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00Zx",
            "1970-01-01T00:00:00+9",
            "1970-01-01 00:00:00Z",
            "0000-01-01T00:00:00+00:01",
            "é70-01-01T00:00:00Z",
        ] {
            assert_eq!(text.parse::<Time>(), Err(NotRfc3339), "{text}");
        }
    }

    #[test]
    fn every_day_has_its_date() {
        for days in (-719_528..2_932_897).step_by(13) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_before(year, month, day), days);
        }
    }

    #[test]
    fn seconds_and_floats() {
        assert_eq!(Time::from_float(-0.5), Some(Time::from_nanos(-500_000_000)));
        assert_eq!(Time::from_seconds(-1), Some(Time::from_nanos(-1_000_000_000)));
        assert_eq!(
            (Time::from_float(f64::NAN), Time::from_float(1e12), Time::from_seconds(1 << 62)),
            (None, None, None)
        );
    }
}
