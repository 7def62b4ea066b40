//! What stands between the exports of ABI.md and a microservice; used by the macro's expansion.

use std::cell::RefCell;
use std::sync::Once;

use crate::args::Args;
use crate::manifest::{Manifest, Method};
use crate::{Code, Error, Result, Value, frame};

/// A type that the attribute has made callable.
pub trait Microservice: Sized + 'static {
    const MANIFEST: Manifest;

    /// Makes the initial state.
    fn construct(args: Args) -> Result<Self>;

    /// Calls the method that stands at a place in the manifest.
    fn call(&mut self, method: usize, args: Args) -> Result<Value>;

    /// Runs after a restore into another microservice.
    fn resume(&mut self) {}
}

static NO_CONSTRUCTOR: Method =
    Method { name: "new", doc: "", params: &[], result: crate::types::Wit::None, readonly: false };

fn construct<S: Microservice>(args: Vec<Value>) -> Result<S> {
    S::construct(Args::new(args, S::MANIFEST.constructor.unwrap_or(&NO_CONSTRUCTOR))?)
}

/// Runs the call in a frame and returns the reply frame. The state is made by the constructor; where
/// that was never called, by the first call.
pub fn handle<S: Microservice>(state: &RefCell<Option<S>>, frame: &[u8]) -> Vec<u8> {
    static HOOK: Once = Once::new();
    HOOK.call_once(report_panics);
    frame::reply(run(state, frame))
}

fn run<S: Microservice>(state: &RefCell<Option<S>>, frame: &[u8]) -> Result<Value> {
    let call = frame::parse_call(frame)?;
    let args = frame::parse_args(call.args)?;
    let mut state = state.borrow_mut();
    let Some(name) = call.method else {
        *state = Some(construct(args)?);
        return Ok(Value::Null);
    };
    let methods = S::MANIFEST.methods;
    let Some(i) = methods.iter().position(|m| m.name == name) else {
        return Err(Error::with_code(Code::UNKNOWN_METHOD, format!("{} has no method {name}", S::MANIFEST.name)));
    };
    let args = Args::new(args, &methods[i])?;
    if state.is_none() {
        *state = Some(construct(Vec::new())?);
    }
    state.as_mut().map_or(Ok(Value::Null), |s| s.call(i, args))
}

/// Runs after a restore into another microservice.
pub fn resume<S: Microservice>(state: &RefCell<Option<S>>) {
    if let Some(s) = state.borrow_mut().as_mut() {
        s.resume();
    }
}

/// Sees to it that a panic's message reaches the log before it becomes a trap. There is no unwinding
/// here, so it cannot become an error.
fn report_panics() {
    #[cfg(target_arch = "wasm32")]
    std::panic::set_hook(Box::new(|panic| crate::log(crate::Level::Error, &panic.to_string())));
}

/// Sets memory aside for a frame of len bytes.
pub fn alloc(len: usize) -> *mut u8 {
    let mut frame = std::mem::ManuallyDrop::new(Vec::with_capacity(len));
    frame.as_mut_ptr()
}

/// Answers amino_invoke.
///
/// # Safety
/// The frame is what `alloc(len)` returned, with its len bytes written.
pub unsafe fn invoke<S: Microservice>(state: &RefCell<Option<S>>, frame: *mut u8, len: usize) -> u64 {
    thread_local!(static REPLY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });
    let frame = unsafe { Vec::from_raw_parts(frame, len, len) };
    let reply = handle(state, &frame);
    let answer = (reply.as_ptr() as u64) << 32 | reply.len() as u64;
    REPLY.replace(reply);
    answer
}

/// Makes a module of a microservice: the exports of ABI.md, and the manifest's section.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($service:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::guest::{self, Microservice};
            use $crate::internal::{json, json_len};

            const LEN: usize = json_len(&<$service as Microservice>::MANIFEST);

            #[used]
            #[unsafe(link_section = "amino.manifest")]
            static MANIFEST: [u8; LEN] = json(&<$service as Microservice>::MANIFEST);

            ::std::thread_local!(static STATE: ::std::cell::RefCell<Option<$service>> = const { ::std::cell::RefCell::new(None) });

            #[unsafe(no_mangle)]
            extern "C" fn amino_abi_v1() {}

            #[unsafe(no_mangle)]
            extern "C" fn amino_alloc(len: usize) -> *mut u8 {
                guest::alloc(len)
            }

            #[unsafe(no_mangle)]
            unsafe extern "C" fn amino_invoke(frame: *mut u8, len: usize) -> u64 {
                STATE.with(|state| unsafe { guest::invoke(state, frame, len) })
            }

            #[unsafe(no_mangle)]
            extern "C" fn amino_resume() {
                STATE.with(guest::resume)
            }
        };
    };
}
