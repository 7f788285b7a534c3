use std::ffi::{CString, c_char};
use std::sync::LazyLock;

use crate::text::c_string;

/// The number of this interface. It changes when something is taken away or changes its meaning, never when
/// something is added.
pub const LRO_ABI_VERSION: u32 = 1;

/// In place of a length: the text ends with a NUL.
pub const LRO_NUL_TERMINATED: usize = usize::MAX;

static VERSION: LazyLock<CString> = LazyLock::new(|| c_string(env!("CARGO_PKG_VERSION")));

/// The interface's number of the library that is there at run time. Compare it with `LRO_ABI_VERSION` at the start.
#[unsafe(no_mangle)]
pub extern "C" fn lro_abi_version() -> u32 {
    LRO_ABI_VERSION
}

/// The version of the library that is there at run time, such as "0.1.0". Lives as long as the program.
#[unsafe(no_mangle)]
pub extern "C" fn lro_version() -> *const c_char {
    VERSION.as_ptr()
}
