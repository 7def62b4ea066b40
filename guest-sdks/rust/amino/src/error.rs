use std::fmt;

/// A result that fails with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a call: a code, and a message that says what is wrong.
///
/// Like `anyhow::Error` it is not itself a [`std::error::Error`], so that `?` can make one of any
/// error: it then has the code [`Code::APPLICATION`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    code: Code,
    message: String,
}

impl Error {
    /// Makes an application error.
    pub fn new(message: impl Into<String>) -> Error {
        Error::with_code(Code::APPLICATION, message)
    }

    /// Makes an error of another code.
    pub fn with_code(code: Code, message: impl Into<String>) -> Error {
        Error { code, message: message.into() }
    }

    /// Returns the code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Returns the message.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(e: E) -> Error {
        Error::new(e.to_string())
    }
}

/// The kind of an error. Codes that this version does not know pass through as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code(pub u8);

macro_rules! codes {
    ($($number:literal $name:ident $doc:literal)*) => {
        impl Code {
            $(#[doc = $doc] pub const $name: Code = Code($number);)*
        }
    };
}

codes! {
    1 APPLICATION "The microservice returned an error of its own. The call ran."
    2 UNAVAILABLE "No answer came. The call may have run."
    3 OVERLOADED "Refused for now. The call did not run."
    4 LEASED "Another caller holds the lease or lock. The call did not run."
    5 PLACEMENT "A deployment manager does not allow that node. The call did not run."
    6 UNKNOWN_VERB "No deployment manager understands the verb. It did not run."
    7 UNKNOWN_METHOD "The microservice has no such method. The call did not run."
    8 NOT_FOUND "There is no such microservice, kernel, module or snapshot."
    9 NOT_LEADER "Another replica is to be asked. The call did not run."
    10 PERMISSION_DENIED "The call is not allowed and did not run."
    11 CONFLICT "The state changed under a transaction, which was rolled back."
    12 TRAP "The guest trapped. The call was undone."
    13 FUEL "The guest used up its computing budget. The call was undone."
    14 MEMORY_LIMIT "The guest ran out of memory. The call was undone."
    15 DEADLINE "The deadline passed while the guest computed. The call was undone."
    16 MOVED "The replica is elsewhere. Only kernels see it."
    17 BAD_ARGUMENT "Wrong number or type of arguments. The call did not run."
    18 BAD_REPLY "The guest broke the ABI. The call was undone."
    19 EXISTS "The name is taken."
    20 NO_TRANSACTION "Begin inside a transaction, or commit outside one."
    21 CANCELED "The caller went away. The call may have run."
    22 REENTRANT "The target waits for this very call. It did not run."
    23 REFUSED "The module or document is not acceptable."
    24 STORAGE "A disk is full or broken."
    25 INTERNAL "A fault of Amino.Run itself. The call may have run."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(s: &str) -> Result<i32> {
        Ok(s.parse::<i32>()?)
    }

    #[test]
    fn question_mark_makes_an_application_error() {
        let e = parse("x").unwrap_err();
        assert_eq!((e.code(), e.to_string().as_str()), (Code::APPLICATION, "invalid digit found in string"));
    }
}
