use crate::{Error, FromValue, IntoArgs, Result, frame, host};

/// Calls a method of another microservice and waits for its result.
///
/// The arguments are a tuple: `amino::call("mailer", "send", (who, "hi"))`, `(x,)` for one. An error
/// of the callee comes back with its code; `?` passes it on.
pub fn call<T: FromValue>(target: &str, method: &str, args: impl IntoArgs) -> Result<T> {
    send(frame::METHOD, target, method, args)
}

/// Sends a verb to the deployment managers of a microservice, and waits for the result.
pub fn verb<T: FromValue>(target: &str, verb: &str, args: impl IntoArgs) -> Result<T> {
    send(frame::VERB, target, verb, args)
}

fn send<T: FromValue>(kind: u8, target: &str, name: &str, args: impl IntoArgs) -> Result<T> {
    let request = frame::request(kind, target, name, args.into_args())?;
    let value = frame::parse_reply(&host::invoke(&request))?;
    T::from_value(value).map_err(|e| Error::new(format!("{target}.{name} answered another type: {e}")))
}
