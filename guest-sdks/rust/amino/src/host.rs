//! The imports of ABI.md. Outside WebAssembly, [`crate::testing`] stands in for the host.

#[cfg(not(target_arch = "wasm32"))]
pub use crate::testing::host::*;

#[cfg(target_arch = "wasm32")]
pub use wasm::*;

#[cfg(target_arch = "wasm32")]
mod wasm {
    mod import {
        #[link(wasm_import_module = "amino")]
        unsafe extern "C" {
            pub fn invoke(frame: *const u8, len: usize) -> usize;
            pub fn take(out: *mut u8);
            #[link_name = "self"]
            pub fn identity() -> usize;
            pub fn config(key: *const u8, len: usize) -> i32;
            pub fn log(level: i32, text: *const u8, len: usize);
            pub fn now() -> i64;
            pub fn random(out: *mut u8, len: usize);
        }
    }

    /// Fetches the answer that waits in the host.
    fn take(len: usize) -> Vec<u8> {
        let mut out = vec![0; len];
        // SAFETY: the host writes the len bytes that wait, and no more.
        unsafe { import::take(out.as_mut_ptr()) };
        out
    }

    // SAFETY, of all below: the host reads or writes len bytes at the pointer, of memory borrowed for that long.

    pub fn invoke(frame: &[u8]) -> Vec<u8> {
        take(unsafe { import::invoke(frame.as_ptr(), frame.len()) })
    }

    pub fn identity() -> Vec<u8> {
        take(unsafe { import::identity() })
    }

    pub fn config(key: &str) -> Option<Vec<u8>> {
        let len = unsafe { import::config(key.as_ptr(), key.len()) };
        usize::try_from(len).ok().map(take)
    }

    pub fn log(level: i32, text: &str) {
        unsafe { import::log(level, text.as_ptr(), text.len()) }
    }

    pub fn now() -> i64 {
        unsafe { import::now() }
    }

    pub fn random(out: &mut [u8]) {
        unsafe { import::random(out.as_mut_ptr(), out.len()) }
    }
}
