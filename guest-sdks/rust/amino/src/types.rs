//! Which Rust types cross between microservices, and as what.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::hash::{BuildHasher, Hash};

use crate::{Error, Result, Time, Value};

/// A type in WIT's vocabulary, for the manifest.
#[doc(hidden)]
pub enum Wit {
    None,
    Word(&'static str),
    List(&'static Wit),
    Option(&'static Wit),
    Map(&'static Wit, &'static Wit),
    Tuple(&'static [Wit]),
}

impl Wit {
    /// Returns the type of a parameter of this type that has a default: null stands for that.
    pub const fn or_default(&'static self) -> Wit {
        match self {
            Wit::Option(some) => Wit::Option(some),
            wit => Wit::Option(wit),
        }
    }
}

/// What can be a result, or an argument of a call.
pub trait IntoValue {
    #[doc(hidden)]
    const WIT: Wit;

    /// Makes a value of self.
    fn into_value(self) -> Value;

    /// Makes a value of a list; a list of `u8` is bytes.
    #[doc(hidden)]
    fn list_into_value(list: Vec<Self>) -> Value
    where
        Self: Sized,
    {
        Value::List(list.into_iter().map(Self::into_value).collect())
    }
}

/// What can be a parameter, or the result of a call.
pub trait FromValue: Sized {
    /// Makes Self of a value, if nothing is lost by it.
    fn from_value(v: Value) -> Result<Self, Mismatch>;

    #[doc(hidden)]
    fn list_from_value(v: Value) -> Result<Vec<Self>, Mismatch> {
        match v {
            Value::List(items) => items.into_iter().map(Self::from_value).collect(),
            other => Err(Mismatch::new("a list", &other)),
        }
    }
}

/// A value that is not of the type it should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Mismatch {
    want: &'static str,
    got: &'static str,
}

impl Mismatch {
    /// Notes that a value is not what was wanted.
    pub fn new(want: &'static str, got: &Value) -> Mismatch {
        Mismatch { want, got: got.kind() }
    }
}

impl Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "want {}, got {}", self.want, self.got)
    }
}

impl std::error::Error for Mismatch {}

/// What a method may return: a value, or a result whose error becomes the call's.
#[doc(hidden)]
pub trait Answer {
    const WIT: Wit;
    fn answer(self) -> Result<Value>;
}

impl<T: IntoValue> Answer for T {
    const WIT: Wit = T::WIT;
    fn answer(self) -> Result<Value> {
        Ok(self.into_value())
    }
}

impl<T: IntoValue, E: Display + 'static> Answer for Result<T, E> {
    const WIT: Wit = T::WIT;
    fn answer(self) -> Result<Value> {
        self.map(T::into_value).map_err(error_of)
    }
}

/// What a constructor of S may return: S, or a result of it.
#[doc(hidden)]
pub trait Constructed<S> {
    fn constructed(self) -> Result<S>;
}

impl<S> Constructed<S> for S {
    fn constructed(self) -> Result<S> {
        Ok(self)
    }
}

impl<S, E: Display + 'static> Constructed<S> for Result<S, E> {
    fn constructed(self) -> Result<S> {
        self.map_err(error_of)
    }
}

fn error_of<E: Display + 'static>(e: E) -> Error {
    match (&e as &dyn std::any::Any).downcast_ref::<Error>() {
        Some(error) => error.clone(),
        None => Error::new(e.to_string()),
    }
}

// Scalars

macro_rules! scalar {
    ($t:ty, $wit:literal, $into:expr, $from:pat $(if $guard:expr)? => $out:expr) => {
        impl IntoValue for $t {
            const WIT: Wit = Wit::Word($wit);
            fn into_value(self) -> Value {
                $into(self)
            }
        }
        impl FromValue for $t {
            fn from_value(v: Value) -> Result<Self, Mismatch> {
                match v {
                    $from $(if $guard)? => Ok($out),
                    other => Err(Mismatch::new($wit, &other)),
                }
            }
        }
    };
}

scalar!(bool, "bool", Value::Bool, Value::Bool(b) => b);
scalar!(String, "string", Value::Text, Value::Text(s) => s);
scalar!(Time, "time", Value::Time, Value::Time(t) => t);
scalar!(char, "char", |c: char| Value::Text(c.into()), Value::Text(ref s) if s.chars().count() == 1 => s.chars().next().unwrap_or_default());

impl IntoValue for Value {
    const WIT: Wit = Wit::Word("value");
    fn into_value(self) -> Value {
        self
    }
}

impl FromValue for Value {
    fn from_value(v: Value) -> Result<Self, Mismatch> {
        Ok(v)
    }
}

/// Returns the integer that a value is; an integral float passes for one.
fn integer(v: &Value) -> Option<i128> {
    match *v {
        Value::Int(n) => Some(n),
        Value::Float(f) if f.fract() == 0.0 && f.abs() < 1e30 => Some(f as i128),
        _ => None,
    }
}

macro_rules! integers {
    ($($wit:literal $t:ident { $($into:tt)* } { $($from:tt)* })*) => {$(
        impl IntoValue for $t {
            const WIT: Wit = Wit::Word($wit);
            fn into_value(self) -> Value {
                Value::Int(self as i128)
            }
            $($into)*
        }
        impl FromValue for $t {
            fn from_value(v: Value) -> Result<Self, Mismatch> {
                integer(&v).and_then(|n| n.try_into().ok()).ok_or_else(|| Mismatch::new($wit, &v))
            }
            $($from)*
        }
    )*};
}

integers! {
    "s8" i8 {} {}
    "s16" i16 {} {}
    "s32" i32 {} {}
    "s64" i64 {} {}
    "s64" isize {} {}
    "u16" u16 {} {}
    "u32" u32 {} {}
    "u64" u64 {} {}
    "u64" usize {} {}
    "u8" u8 {
        fn list_into_value(list: Vec<u8>) -> Value {
            Value::Bytes(list)
        }
    } {
        fn list_from_value(v: Value) -> Result<Vec<u8>, Mismatch> {
            match v {
                Value::Bytes(b) => Ok(b),
                other => Err(Mismatch::new("bytes", &other)),
            }
        }
    }
}

macro_rules! floats {
    ($($wit:literal $t:ident)*) => {$(
        impl IntoValue for $t {
            const WIT: Wit = Wit::Word($wit);
            fn into_value(self) -> Value {
                Value::Float(self.into())
            }
        }
        impl FromValue for $t {
            fn from_value(v: Value) -> Result<Self, Mismatch> {
                match v {
                    Value::Float(f) => Ok(f as $t),
                    Value::Int(n) if n as $t as i128 == n => Ok(n as $t),
                    other => Err(Mismatch::new($wit, &other)),
                }
            }
        }
    )*};
}

floats! {
    "f32" f32
    "f64" f64
}

// What borrows can be a result or an argument of a call. A parameter that borrows is read by the
// macro as what owns it.

impl IntoValue for &str {
    const WIT: Wit = Wit::Word("string");
    fn into_value(self) -> Value {
        Value::Text(self.into())
    }
}

impl<T: IntoValue + Clone> IntoValue for &[T] {
    const WIT: Wit = Wit::List(&T::WIT);
    fn into_value(self) -> Value {
        T::list_into_value(self.to_vec())
    }
}

impl<T: IntoValue + Clone> IntoValue for &T {
    const WIT: Wit = T::WIT;
    fn into_value(self) -> Value {
        self.clone().into_value()
    }
}

// Containers

impl IntoValue for () {
    const WIT: Wit = Wit::None;
    fn into_value(self) -> Value {
        Value::Null
    }
}

impl FromValue for () {
    fn from_value(v: Value) -> Result<Self, Mismatch> {
        match v {
            Value::Null => Ok(()),
            other => Err(Mismatch::new("null", &other)),
        }
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    const WIT: Wit = Wit::Option(&T::WIT);
    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(v: Value) -> Result<Self, Mismatch> {
        match v {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}

impl<T: IntoValue> IntoValue for Vec<T> {
    const WIT: Wit = Wit::List(&T::WIT);
    fn into_value(self) -> Value {
        T::list_into_value(self)
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(v: Value) -> Result<Self, Mismatch> {
        T::list_from_value(v)
    }
}

fn map_into_value<K: IntoValue, V: IntoValue>(map: impl IntoIterator<Item = (K, V)>) -> Value {
    Value::Map(map.into_iter().map(|(k, v)| (k.into_value(), v.into_value())).collect())
}

fn map_from_value<K: FromValue, V: FromValue, M: FromIterator<(K, V)>>(v: Value) -> Result<M, Mismatch> {
    match v {
        Value::Map(pairs) => pairs.into_iter().map(|(k, v)| Ok((K::from_value(k)?, V::from_value(v)?))).collect(),
        other => Err(Mismatch::new("a map", &other)),
    }
}

impl<K: IntoValue + Ord, V: IntoValue> IntoValue for BTreeMap<K, V> {
    const WIT: Wit = Wit::Map(&K::WIT, &V::WIT);
    fn into_value(self) -> Value {
        map_into_value(self)
    }
}

impl<K: FromValue + Ord, V: FromValue> FromValue for BTreeMap<K, V> {
    fn from_value(v: Value) -> Result<Self, Mismatch> {
        map_from_value(v)
    }
}

impl<K: IntoValue + Hash + Eq, V: IntoValue, S: BuildHasher> IntoValue for HashMap<K, V, S> {
    const WIT: Wit = Wit::Map(&K::WIT, &V::WIT);
    fn into_value(self) -> Value {
        map_into_value(self)
    }
}

impl<K: FromValue + Hash + Eq, V: FromValue, S: BuildHasher + Default> FromValue for HashMap<K, V, S> {
    fn from_value(v: Value) -> Result<Self, Mismatch> {
        map_from_value(v)
    }
}

/// The arguments of a call: a tuple, of one element where there is one argument.
pub trait IntoArgs {
    /// Makes a list of the arguments.
    fn into_args(self) -> Vec<Value>;
}

impl IntoArgs for () {
    fn into_args(self) -> Vec<Value> {
        Vec::new()
    }
}

macro_rules! tuples {
    ($($count:literal $($t:ident)+;)*) => {$(
        impl<$($t: IntoValue),+> IntoArgs for ($($t,)+) {
            fn into_args(self) -> Vec<Value> {
                #[allow(non_snake_case)]
                let ($($t,)+) = self;
                vec![$($t.into_value()),+]
            }
        }
        impl<$($t: IntoValue),+> IntoValue for ($($t,)+) {
            const WIT: Wit = Wit::Tuple(&[$($t::WIT),+]);
            fn into_value(self) -> Value {
                Value::List(self.into_args())
            }
        }
        impl<$($t: FromValue),+> FromValue for ($($t,)+) {
            fn from_value(v: Value) -> Result<Self, Mismatch> {
                match v {
                    Value::List(items) if items.len() == $count => {
                        let mut items = items.into_iter();
                        Ok(($($t::from_value(items.next().unwrap_or_default())?,)+))
                    }
                    other => Err(Mismatch::new(concat!("a list of ", $count), &other)),
                }
            }
        }
    )*};
}

tuples! {
    1 A;
    2 A B;
    3 A B C;
    4 A B C D;
    5 A B C D E;
    6 A B C D E F;
    7 A B C D E F G;
    8 A B C D E F G H;
}
