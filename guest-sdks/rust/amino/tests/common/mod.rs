//! What the tests share: hex, the vectors, and calls by frame.
#![allow(dead_code, reason = "each test uses some of it")]

use std::cell::RefCell;

use amino::guest::{Microservice, handle};

pub fn unhex(s: &str) -> Vec<u8> {
    let digit = |at| u8::from_str_radix(&s[at..at + 2], 16).expect("hex digits");
    (0..s.len()).step_by(2).map(digit).collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub fn vectors(name: &str) -> serde_json::Value {
    let path = format!("{}/../../../abi/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    serde_json::from_str(&text).expect("the vectors are JSON")
}

/// One microservice, called as the host calls it.
pub struct Guest<S>(RefCell<Option<S>>);

impl<S: Microservice> Guest<S> {
    pub fn new() -> Self {
        Guest(RefCell::new(None))
    }

    /// Calls a method, or the constructor if it has no name, with arguments in CBOR. It returns the
    /// result in hex, or the code and message of the error.
    pub fn call(&self, method: &str, args: &[u8]) -> Result<String, (u8, String)> {
        let len = (method.len() as u16).to_le_bytes();
        let mut frame = vec![method.is_empty() as u8, 0, len[0], len[1]];
        frame.extend_from_slice(method.as_bytes());
        frame.extend_from_slice(args);
        self.frame(&frame)
    }

    pub fn frame(&self, frame: &[u8]) -> Result<String, (u8, String)> {
        match handle(&self.0, frame).as_slice() {
            [0, 0, value @ ..] => Ok(hex(value)),
            [code, 0, message @ ..] => Err((*code, String::from_utf8(message.into()).expect("messages are UTF-8"))),
            other => panic!("a reply of {other:?}"),
        }
    }

    pub fn resume(&self) {
        amino::guest::resume(&self.0);
    }
}
