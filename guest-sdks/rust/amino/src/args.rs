use crate::manifest::{Method, Param, wit_text};
use crate::types::Wit;
use crate::{Code, Error, FromValue, Result, Value};

/// The arguments of the call under way, checked one by one against a method's parameters.
pub struct Args {
    values: std::vec::IntoIter<Value>,
    method: &'static Method,
    taken: usize,
}

impl Args {
    /// Notes whose parameters these are for, and checks their number.
    pub fn new(values: Vec<Value>, method: &'static Method) -> Result<Args> {
        let params = method.params;
        let required = params.iter().rposition(|p| !matches!(p.wit, Wit::Option(_))).map_or(0, |last| last + 1);
        if !(required..=params.len()).contains(&values.len()) {
            return Err(bad_count(method, values.len()));
        }
        Ok(Args { values: values.into_iter(), method, taken: 0 })
    }

    /// Returns the next argument; one that the caller left out is null.
    pub fn take<T: FromValue>(&mut self) -> Result<T> {
        let v = self.values.next().unwrap_or_default();
        self.read(v)
    }

    /// Returns the next argument, or what stands for it if the caller left it out or gave null.
    pub fn take_or<T: FromValue>(&mut self, default: impl FnOnce() -> T) -> Result<T> {
        match self.values.next() {
            None | Some(Value::Null) => {
                self.taken += 1;
                Ok(default())
            }
            Some(v) => self.read(v),
        }
    }

    fn read<T: FromValue>(&mut self, v: Value) -> Result<T> {
        let param = &self.method.params[self.taken];
        self.taken += 1;
        T::from_value(v).map_err(|e| bad_argument(format!("argument {} of {}: {e}", param.name, self.method.name)))
    }
}

fn bad_argument(message: String) -> Error {
    Error::with_code(Code::BAD_ARGUMENT, message)
}

fn bad_count(method: &Method, given: usize) -> Error {
    let describe = |p: &Param| format!("{}: {}", p.name, wit_text(&p.wit));
    let list = method.params.iter().map(describe).collect::<Vec<_>>().join(", ");
    bad_argument(match method.params.len() {
        0 => format!("{} takes no arguments, got {given}", method.name),
        1 => format!("{} takes 1 argument ({list}), got {given}", method.name),
        n => format!("{} takes {n} arguments ({list}), got {given}", method.name),
    })
}
