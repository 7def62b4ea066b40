//! A host for tests of microservices on the machine they are written on. Each thread, and so each
//! test, has its own.
//!
//! ```
//! use amino::{Value, testing};
//!
//! testing::answer(|target, method, args| {
//!     assert_eq!((target, method), ("tax", "vat"));
//!     Ok(Value::Int(19))
//! });
//! assert_eq!(amino::call::<i64>("tax", "vat", ("DE", 100)), Ok(19));
//! ```

use std::cell::RefCell;
use std::collections::HashMap;

use crate::{Level, Result, Value};

type Answer = Box<dyn FnMut(&str, &str, &[Value]) -> Result<Value>>;

#[derive(Default)]
struct State {
    answer: Option<Answer>,
    config: HashMap<String, String>,
    logged: Vec<(Level, String)>,
    random: u64,
}

thread_local!(static STATE: RefCell<State> = RefCell::default());

/// Says what calls and verbs to other microservices answer: f is given the target, the method or
/// verb, and the arguments.
pub fn answer(f: impl FnMut(&str, &str, &[Value]) -> Result<Value> + 'static) {
    STATE.with_borrow_mut(|s| s.answer = Some(Box::new(f)));
}

/// Sets a configuration value.
pub fn set_config(key: &str, value: &str) {
    STATE.with_borrow_mut(|s| s.config.insert(key.into(), value.into()));
}

/// Returns what was logged, and forgets it.
pub fn logged() -> Vec<(Level, String)> {
    STATE.with_borrow_mut(|s| std::mem::take(&mut s.logged))
}

/// What stands for the imports.
pub(crate) mod host {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;
    use crate::{Code, Error, cbor, frame};

    pub fn invoke(request: &[u8]) -> Vec<u8> {
        let size = |at: usize| usize::from(u16::from_le_bytes([request[at], request[at + 1]]));
        let (target, rest) = request[6..].split_at(size(2));
        let (name, args) = rest.split_at(size(4));
        let text = |b| String::from_utf8_lossy(b).into_owned();
        let args = frame::parse_args(args).expect("the arguments of a request are a list");
        let answer = STATE.with_borrow_mut(|s| s.answer.take());
        let Some(mut f) = answer else {
            return frame::reply(Err(Error::with_code(Code::NOT_FOUND, format!("no microservice {}", text(target)))));
        };
        let reply = f(&text(target), &text(name), &args);
        STATE.with_borrow_mut(|s| _ = s.answer.get_or_insert(f));
        frame::reply(reply)
    }

    pub fn identity() -> Vec<u8> {
        let pair = |k: &str, v: &str| (Value::Text(k.into()), Value::Text(v.into()));
        let mut out = Vec::new();
        cbor::write(&mut out, &Value::Map(vec![pair("name", "test"), pair("id", "test/0"), pair("node", "here")]));
        out
    }

    pub fn config(key: &str) -> Option<Vec<u8>> {
        STATE.with_borrow(|s| s.config.get(key).map(|v| v.clone().into_bytes()))
    }

    pub fn log(level: i32, text: &str) {
        let level = [Level::Debug, Level::Info, Level::Warning, Level::Error][level as usize];
        STATE.with_borrow_mut(|s| s.logged.push((level, text.into())));
    }

    pub fn now() -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i64)
    }

    /// The same bytes in every run: xorshift64* from a fixed seed.
    pub fn random(out: &mut [u8]) {
        STATE.with_borrow_mut(|s| {
            for b in out {
                s.random = if s.random == 0 { 0x9e37_79b9_7f4a_7c15 } else { s.random };
                s.random ^= s.random >> 12;
                s.random ^= s.random << 25;
                s.random ^= s.random >> 27;
                *b = (s.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8;
            }
        });
    }
}
