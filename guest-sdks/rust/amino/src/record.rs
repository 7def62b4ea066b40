//! What the derive of [`crate::Record`] expands to.

use crate::types::Wit;
use crate::{FromValue, IntoValue, Mismatch, Value};

/// The type of a record: a map from the fields' names.
pub const RECORD: Wit = Wit::Map(&String::WIT, &Value::WIT);

/// Makes a map of fields.
pub fn record<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Map(fields.into_iter().map(|(k, v)| (Value::Text(k.into()), v)).collect())
}

/// Returns the pairs of a map.
pub fn fields(v: Value) -> Result<Vec<(Value, Value)>, Mismatch> {
    match v {
        Value::Map(pairs) => Ok(pairs),
        other => Err(Mismatch::new("a map", &other)),
    }
}

/// Takes a field out of a map's pairs; one that is not there is null.
pub fn field<T: FromValue>(pairs: &mut [(Value, Value)], name: &str) -> Result<T, Mismatch> {
    let found = pairs.iter_mut().find(|(k, _)| matches!(k, Value::Text(t) if t == name));
    T::from_value(found.map(|(_, v)| std::mem::take(v)).unwrap_or_default())
}
