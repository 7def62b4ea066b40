//! Write Amino.Run microservices as ordinary Rust.
//!
//! ```
//! #[derive(Default)]
//! struct Counter {
//!     n: i64,
//! }
//!
//! /// Counts.
//! #[amino::microservice]
//! impl Counter {
//!     /// Adds by and returns the sum.
//!     pub fn add(&mut self, by: i64) -> i64 {
//!         self.n += by;
//!         self.n
//!     }
//!
//!     /// Returns the sum.
//!     pub fn get(&self) -> i64 {
//!         self.n
//!     }
//! }
//! ```
//!
//! Each `pub` method is callable. One that takes `&self` is declared readonly. `new` is the
//! constructor; without one the microservice starts as its [`Default`]. An `Err` is an application
//! error, or an error of another code if it is an [`Error`]. See [`macro@microservice`].

mod args;
mod call;
mod cbor;
mod env;
mod error;
mod frame;
#[doc(hidden)]
pub mod guest;
mod host;
#[expect(missing_docs, reason = "the fields are those of ABI.md")]
mod manifest;
mod record;
mod time;
mod types;
mod value;

#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use amino_macros::{Record, microservice};
pub use call::{call, verb};
pub use env::{Identity, Level, config, log, now, random, whoami};
pub use error::{Code, Error, Result};
pub use time::Time;
pub use types::{FromValue, IntoArgs, IntoValue, Mismatch};
pub use value::Value;

/// What the macros expand to; not for users.
#[doc(hidden)]
pub mod internal {
    pub use crate::args::Args;
    pub use crate::manifest::{Manifest, Method, Param, json, json_len};
    pub use crate::record::{RECORD, field, fields, record};
    pub use crate::types::{Answer, Constructed, Wit};
}
