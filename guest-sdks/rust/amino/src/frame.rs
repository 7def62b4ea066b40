//! The frames of ABI.md.

use crate::{Code, Error, Result, Value, cbor};

/// A call: what amino_invoke is given.
#[derive(Debug, PartialEq)]
pub struct Call<'a> {
    /// The method; `None` is the constructor.
    pub method: Option<&'a str>,
    pub args: &'a [u8],
}

pub const METHOD: u8 = 0;
pub const VERB: u8 = 1;

pub fn parse_call(frame: &[u8]) -> Result<Call<'_>> {
    let broken = || Error::with_code(Code::BAD_ARGUMENT, "the call frame is broken");
    let [kind @ (0 | 1), _flags, n0, n1, rest @ ..] = frame else { return Err(broken()) };
    let (name, args) = rest.split_at_checked(u16::from_le_bytes([*n0, *n1]).into()).ok_or_else(broken)?;
    let name = std::str::from_utf8(name).map_err(|_| broken())?;
    Ok(Call { method: (*kind == 0).then_some(name), args })
}

/// Reads the arguments in a call frame: an array, in which each argument may nest as deep as any value.
pub fn parse_args(bytes: &[u8]) -> Result<Vec<Value>> {
    let bad = |what: &str| Error::with_code(Code::BAD_ARGUMENT, format!("the arguments are {what}"));
    match cbor::read(bytes, cbor::LEVELS + 1).map_err(|e| bad(&format!("broken CBOR: {e}")))? {
        Value::List(args) => Ok(args),
        other => Err(bad(&format!("{}, want a list", other.kind()))),
    }
}

pub fn reply(answer: Result<Value>) -> Vec<u8> {
    match answer {
        Ok(v) => {
            let mut out = vec![0, 0];
            cbor::write(&mut out, &v);
            out
        }
        Err(e) => [&[e.code().0, 0], e.message().as_bytes()].concat(),
    }
}

pub fn parse_reply(frame: &[u8]) -> Result<Value> {
    let bad = |what| Error::with_code(Code::BAD_REPLY, format!("the reply is broken: {what}"));
    match frame {
        [0, _] => Ok(Value::Null),
        [0, _, value @ ..] => cbor::read(value, cbor::LEVELS).map_err(bad),
        [code, _, message @ ..] => Err(Error::with_code(Code(*code), String::from_utf8_lossy(message))),
        _ => Err(bad("cut short")),
    }
}

/// Makes a request: what the import invoke is given.
pub fn request(kind: u8, target: &str, name: &str, args: Vec<Value>) -> Result<Vec<u8>> {
    let (Ok(t), Ok(n)) = (u16::try_from(target.len()), u16::try_from(name.len())) else {
        return Err(Error::with_code(Code::BAD_ARGUMENT, "the name of a target or method is too long"));
    };
    let [t, n] = [t.to_le_bytes(), n.to_le_bytes()];
    let mut out = vec![kind, 0, t[0], t[1], n[0], n[1]];
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(name.as_bytes());
    cbor::write(&mut out, &Value::List(args));
    Ok(out)
}
