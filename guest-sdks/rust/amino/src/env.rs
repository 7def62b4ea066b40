use crate::{Time, Value, cbor, host};

/// Who this microservice is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The microservice's name.
    pub name: String,
    /// The replica's id.
    pub id: String,
    /// The node it runs on. It changes when the microservice moves.
    pub node: String,
}

/// Returns who this microservice is.
pub fn whoami() -> Identity {
    let me = cbor::read(&host::identity(), cbor::LEVELS).unwrap_or_default();
    let text = |key| match me.get(key) {
        Some(Value::Text(t)) => t.clone(),
        _ => String::new(),
    };
    Identity { name: text("name"), id: text("id"), node: text("node") }
}

/// Returns a configuration value, if there is one of that name.
pub fn config(key: &str) -> Option<String> {
    host::config(key).map(|v| String::from_utf8_lossy(&v).into_owned())
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Of use while looking for a fault.
    Debug,
    /// Of use.
    Info,
    /// Something may be wrong.
    Warning,
    /// Something is wrong.
    Error,
}

/// Writes one log line. The macro [`log!`](macro@crate::log) formats it first.
pub fn log(level: Level, text: &str) {
    host::log(level as i32, text);
}

/// Formats and writes a log line: `log!("sold {n}")`, or `log!(Warning, "sold out")`.
#[macro_export]
macro_rules! log {
    ($level:ident, $($format:tt)+) => { $crate::log($crate::Level::$level, &::std::format!($($format)+)) };
    ($($format:tt)+) => { $crate::log($crate::Level::Info, &::std::format!($($format)+)) };
}

/// Returns the time by the host's clock. `std::time` has none here.
pub fn now() -> Time {
    Time::from_nanos(host::now())
}

/// Fills a buffer with random bytes from the host.
pub fn random(bytes: &mut [u8]) {
    host::random(bytes);
}
