//! CBOR (RFC 8949) as ABI.md has it: every form is read, the shortest is written.

use crate::{Time, Value};

/// How deep lists and maps may nest in a value.
pub const LEVELS: usize = 64;

// The major types of RFC 8949, section 3.1.
const UINT: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;

/// Appends a value.
pub fn write(out: &mut Vec<u8>, v: &Value) {
    match v {
        Value::Null => out.push(0xf6),
        Value::Bool(b) => out.push(0xf4 | *b as u8),
        Value::Int(n) if *n < 0 => head(out, NEGATIVE, !n as u64),
        Value::Int(n) => head(out, UINT, *n as u64),
        Value::Float(f) => float(out, *f),
        Value::Text(s) => string(out, TEXT, s.as_bytes()),
        Value::Bytes(b) => string(out, BYTES, b),
        Value::List(items) => {
            head(out, ARRAY, items.len() as u64);
            items.iter().for_each(|item| write(out, item));
        }
        Value::Map(pairs) => {
            head(out, MAP, pairs.len() as u64);
            pairs.iter().for_each(|(k, v)| (write(out, k), write(out, v)).1);
        }
        Value::Time(t) => {
            out.push(TAG << 5);
            string(out, TEXT, t.to_string().as_bytes());
        }
    }
}

fn string(out: &mut Vec<u8>, major: u8, bytes: &[u8]) {
    head(out, major, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn head(out: &mut Vec<u8>, major: u8, n: u64) {
    let b = n.to_be_bytes();
    let (info, rest) = match n {
        0..24 => (n as u8, &b[8..]),
        24..0x100 => (24, &b[7..]),
        0x100..0x1_0000 => (25, &b[6..]),
        0x1_0000..0x1_0000_0000 => (26, &b[4..]),
        _ => (27, &b[..]),
    };
    out.push(major << 5 | info);
    out.extend_from_slice(rest);
}

fn float(out: &mut Vec<u8>, f: f64) {
    if f.is_nan() {
        out.extend_from_slice(&[0xf9, 0x7e, 0]); // one NaN stands for all
    } else if let Some(half) = half_from(f) {
        out.push(0xf9);
        out.extend_from_slice(&half.to_be_bytes());
    } else if f64::from(f as f32) == f {
        out.push(0xfa);
        out.extend_from_slice(&(f as f32).to_be_bytes());
    } else {
        out.push(0xfb);
        out.extend_from_slice(&f.to_be_bytes());
    }
}

fn half_value(h: u16) -> f64 {
    let (sign, exponent, mantissa) = (u64::from(h >> 15) << 63, h >> 10 & 31, u64::from(h & 1023));
    let magnitude = match exponent {
        0 => mantissa as f64 / 16_777_216.0, // subnormal: mantissa * 2^-24
        31 => f64::from_bits(0x7ff << 52 | mantissa << 42),
        e => f64::from_bits(u64::from(e + 1008) << 52 | mantissa << 42),
    };
    f64::from_bits(magnitude.to_bits() | sign)
}

/// Returns the half that equals f, if there is one.
fn half_from(f: f64) -> Option<u16> {
    let bits = f.to_bits();
    let (sign, exponent, mantissa) =
        ((bits >> 48) as u16 & 0x8000, (bits >> 52 & 0x7ff) as i32 - 1023, bits & ((1 << 52) - 1));
    let magnitude = match exponent {
        1024 => 0x7c00 | (mantissa >> 42) as u16,
        -14..=15 => ((exponent + 15) as u16) << 10 | (mantissa >> 42) as u16,
        -24..=-15 => ((mantissa | 1 << 52) >> (28 - exponent)) as u16,
        _ => 0,
    };
    let half = sign | magnitude;
    (half_value(half).to_bits() == bits).then_some(half)
}

/// Reads the one value that bytes hold. An error says what is wrong.
pub fn read(bytes: &[u8], levels: usize) -> Result<Value, &'static str> {
    let mut input = Input(bytes);
    let v = input.value(levels)?;
    if input.0.is_empty() { Ok(v) } else { Err("more than one value") }
}

struct Input<'a>(&'a [u8]);

struct Head {
    major: u8,
    open: bool, // of indefinite length
    info: u8,
    n: u64,
}

impl<'a> Input<'a> {
    fn take(&mut self, n: u64) -> Result<&'a [u8], &'static str> {
        let n = usize::try_from(n).map_err(|_| "cut short")?;
        let (taken, rest) = self.0.split_at_checked(n).ok_or("cut short")?;
        self.0 = rest;
        Ok(taken)
    }

    /// Reads a head, and skips the unknown tags before it.
    fn head(&mut self) -> Result<Head, &'static str> {
        loop {
            let first = self.take(1)?[0];
            let (major, info) = (first >> 5, first & 31);
            let n = match info {
                0..24 | 31 => u64::from(info),
                24..28 => self.take(1 << (info - 24))?.iter().fold(0, |n, b| n << 8 | u64::from(*b)),
                _ => return Err("a reserved length"),
            };
            let open = info == 31;
            if open && !(BYTES..=MAP).contains(&major) {
                return Err(if major == SIMPLE { "an end with no beginning" } else { "a reserved length" });
            }
            if major != TAG || n < 2 {
                return Ok(Head { major, open, info, n });
            }
        }
    }

    fn at_end(&mut self) -> bool {
        match self.0 {
            [0xff, rest @ ..] => (self.0 = rest, true).1,
            _ => false,
        }
    }

    fn value(&mut self, levels: usize) -> Result<Value, &'static str> {
        let h = self.head()?;
        Ok(match h.major {
            UINT => Value::Int(h.n.into()),
            NEGATIVE if h.n > i64::MAX as u64 => return Err("an integer below -2^63"),
            NEGATIVE => Value::Int(-1 - i128::from(h.n)),
            BYTES => Value::Bytes(self.string(&h)?),
            TEXT => Value::Text(String::from_utf8(self.string(&h)?).map_err(|_| "text that is not UTF-8")?),
            ARRAY => Value::List(self.items(&h, levels, Self::value)?),
            MAP => Value::Map(self.items(&h, levels, Self::pair)?),
            TAG => self.time(h.n)?,
            _ => simple(&h)?,
        })
    }

    fn string(&mut self, h: &Head) -> Result<Vec<u8>, &'static str> {
        if !h.open {
            return Ok(self.take(h.n)?.to_vec());
        }
        let mut all = Vec::new();
        while !self.at_end() {
            let first = self.0.first().ok_or("cut short")?;
            if first >> 5 != h.major || *first & 31 == 31 {
                return Err("a chunk of another type");
            }
            let chunk = self.head()?;
            let bytes = self.take(chunk.n)?;
            if h.major == TEXT && std::str::from_utf8(bytes).is_err() {
                return Err("text that is not UTF-8");
            }
            all.extend_from_slice(bytes);
        }
        Ok(all)
    }

    fn items<T>(
        &mut self,
        h: &Head,
        levels: usize,
        item: fn(&mut Self, usize) -> Result<T, &'static str>,
    ) -> Result<Vec<T>, &'static str> {
        let levels = levels.checked_sub(1).ok_or("nested too deep")?;
        let mut items = Vec::new();
        if h.open {
            while !self.at_end() {
                items.push(item(self, levels)?);
            }
            return Ok(items);
        }
        if h.n > self.0.len() as u64 {
            return Err("cut short"); // before memory is set aside for what cannot come
        }
        items.reserve_exact((h.n as usize).min(4096));
        for _ in 0..h.n {
            items.push(item(self, levels)?);
        }
        Ok(items)
    }

    fn pair(&mut self, levels: usize) -> Result<(Value, Value), &'static str> {
        let key = self.value(levels)?;
        if !matches!(key, Value::Text(_) | Value::Int(_)) {
            return Err("a key that is neither text nor integer");
        }
        Ok((key, self.value(levels)?))
    }

    fn time(&mut self, tag: u64) -> Result<Value, &'static str> {
        if self.0.first().is_some_and(|b| b >> 5 == TAG) {
            return Err("a tag in a time"); // else tags would nest without limit
        }
        let time = match (tag, self.value(0)?) {
            (0, Value::Text(t)) => t.parse().ok(),
            (1, Value::Int(s)) => Time::from_seconds(s),
            (1, Value::Float(s)) => Time::from_float(s),
            _ => None,
        };
        time.map(Value::Time).ok_or("no time")
    }
}

fn simple(h: &Head) -> Result<Value, &'static str> {
    Ok(match h.info {
        20 | 21 => Value::Bool(h.info == 21),
        22 | 23 => Value::Null,
        25 => Value::Float(half_value(h.n as u16)),
        26 => Value::Float(f32::from_bits(h.n as u32).into()),
        27 => Value::Float(f64::from_bits(h.n)),
        _ => return Err("an unknown simple value"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_written_as_it_is() {
        for h in 0..=u16::MAX {
            let mut out = Vec::new();
            let f = half_value(h);
            float(&mut out, f);
            if f.is_nan() {
                assert_eq!(out, [0xf9, 0x7e, 0]);
                continue;
            }
            assert_eq!(out, [0xf9, (h >> 8) as u8, h as u8]);
            if f.is_finite() {
                assert_eq!(half_from(f.next_up()), None, "beside {h:#x}");
            }
        }
    }

    #[test]
    fn integers_take_the_shortest_form() {
        let cases: [(i128, &[u8]); 9] = [
            (23, &[0x17]),
            (24, &[0x18, 24]),
            (256, &[0x19, 1, 0]),
            (65536, &[0x1a, 0, 1, 0, 0]),
            (1 << 32, &[0x1b, 0, 0, 0, 1, 0, 0, 0, 0]),
            (u64::MAX.into(), &[0x1b, 255, 255, 255, 255, 255, 255, 255, 255]),
            (-24, &[0x37]),
            (-25, &[0x38, 24]),
            (i64::MIN.into(), &[0x3b, 127, 255, 255, 255, 255, 255, 255, 255]),
        ];
        for (n, bytes) in cases {
            let mut out = Vec::new();
            write(&mut out, &Value::Int(n));
            assert_eq!(out, bytes);
            assert_eq!(read(bytes, LEVELS), Ok(Value::Int(n)));
        }
    }
}
