use std::ffi::{CString, c_char};

use crate::boundary::quietly;

/// A text with a NUL at its end. One within, which JSON and messages never have, would end it early and becomes a
/// replacement character.
pub(crate) fn c_string(text: impl Into<String>) -> CString {
    let text = text.into();
    let text = if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
    CString::new(text).expect("every NUL was replaced")
}

/// Frees a text that the library gave through a `char **`. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_string_free(text: *mut c_char) {
    quietly(|| {
        if !text.is_null() {
            // SAFETY: as the caller promises.
            drop(unsafe { CString::from_raw(text) });
        }
    });
}
