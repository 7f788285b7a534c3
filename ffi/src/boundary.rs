//! What every call goes through: outputs are cleared, arguments checked, panics caught.

use std::cell::Cell;
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::error::Error;
use crate::status::Status;

/// Why a call was not carried out.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: Status,
    pub(crate) message: String,
    /// What the library itself said, where it did.
    pub(crate) cause: Option<lambda_rollout::Error>,
}

impl Failure {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), cause: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Status::InvalidArgument, message)
    }

    fn panicked() -> Self {
        Self::new(Status::Panic, "the library panicked; please report it. The handle can only be freed now")
    }
}

impl From<lambda_rollout::Error> for Failure {
    fn from(error: lambda_rollout::Error) -> Self {
        Self { status: error.kind().into(), message: error.to_string(), cause: Some(error) }
    }
}

/// What an object of the library is to C: a pointer to one of these, wrapped in a type of its own name.
///
/// Every call holds a reference of its own, so that freeing the handle under a call that waits is harmless.
pub(crate) struct Handle<T>(Arc<Shared<T>>);

struct Shared<T> {
    panicked: AtomicBool,
    object: T,
}

impl<T> Handle<T> {
    pub(crate) fn new(object: T) -> Self {
        Self(Arc::new(Shared { panicked: AtomicBool::new(false), object }))
    }

    pub(crate) fn object(&self) -> &T {
        &self.0.object
    }
}

/// A type that C has pointers to.
pub(crate) trait Opaque {
    type Object;

    const NAME: &'static str;

    fn handle(&self) -> &Handle<Self::Object>;
}

thread_local! {
    static IN_CALLBACK: Cell<bool> = const { Cell::new(false) };
}

/// Runs the program's own code, which may not call the library from within.
pub(crate) fn calling_out(call: impl FnOnce()) {
    IN_CALLBACK.set(true);
    call();
    IN_CALLBACK.set(false);
}

/// Whether this thread is running the program's callback.
pub(crate) fn is_calling_out() -> bool {
    IN_CALLBACK.get()
}

/// A call that may fail.
///
/// # Safety
/// `error` is NULL or may be written to.
pub(crate) unsafe fn call(error: *mut *mut Error, body: impl FnOnce() -> Result<Status, Failure>) -> Status {
    // SAFETY: as the caller promises.
    let error = unsafe { Out::cleared(error) };
    let result = quietly(|| {
        if is_calling_out() {
            let message = "the log callback may not call the library";
            return Err(Failure::new(Status::WrongState, message));
        }
        body()
    });
    match result.unwrap_or_else(|| Err(Failure::panicked())) {
        Ok(status) => status,
        Err(failure) => {
            let status = failure.status;
            error.put_if_wanted(Error::from(failure));
            status
        }
    }
}

/// A call on an object that may fail.
///
/// # Safety
/// `object` is NULL or alive when the call begins; `error` as in [`call`].
pub(crate) unsafe fn call_on<T: Opaque>(
    object: *const T,
    error: *mut *mut Error,
    body: impl FnOnce(&T::Object) -> Result<Status, Failure>,
) -> Status {
    // SAFETY: as the caller promises, twice.
    unsafe {
        call(error, || {
            let shared = Arc::clone(&required(object)?.handle().0);
            if shared.panicked.load(Ordering::Acquire) {
                let message =
                    format!("an earlier call on this {} panicked; it can only be freed now", T::NAME);
                return Err(Failure::new(Status::Panic, message));
            }
            quietly(|| body(&shared.object)).unwrap_or_else(|| {
                shared.panicked.store(true, Ordering::Release);
                Err(Failure::panicked())
            })
        })
    }
}

/// Runs this and gives nothing when it panics.
pub(crate) fn quietly<T>(body: impl FnOnce() -> T) -> Option<T> {
    let caught = catch_unwind(AssertUnwindSafe(body));
    // What it panicked with may panic again when it is dropped; what comes of that is left where it is.
    let drop_it = |payload| std::mem::forget(catch_unwind(AssertUnwindSafe(|| drop(payload))).err());
    caught.map_err(drop_it).ok()
}

/// An object that has to be there.
///
/// # Safety
/// It is NULL or alive.
pub(crate) unsafe fn required<'a, T: Opaque>(object: *const T) -> Result<&'a T, Failure> {
    // SAFETY: as the caller promises.
    unsafe { object.as_ref() }
        .ok_or_else(|| Failure::new(Status::NullArgument, format!("the {} is NULL", T::NAME)))
}

/// Where an output goes. It is cleared before anything else is done.
pub(crate) struct Out<T>(*mut *mut T);

impl<T> Out<T> {
    /// # Safety
    /// `place` is NULL or may be written to until the call ends.
    pub(crate) unsafe fn cleared(place: *mut *mut T) -> Self {
        if !place.is_null() {
            // SAFETY: as the caller promises.
            unsafe { *place = std::ptr::null_mut() };
        }
        Self(place)
    }

    /// To be asked before anything is done, so that nothing is done for an output that nobody takes.
    pub(crate) fn required(self) -> Result<Self, Failure> {
        if self.0.is_null() {
            return Err(Failure::new(Status::NullArgument, "the place for the output is NULL"));
        }
        Ok(self)
    }

    pub(crate) fn put(self, value: T) -> Status {
        self.put_pointer(Box::into_raw(Box::new(value)))
    }

    pub(crate) fn put_pointer(self, pointer: *mut T) -> Status {
        // SAFETY: `cleared` was promised that it may be written to.
        unsafe { *self.0 = pointer };
        Status::Ok
    }

    fn put_if_wanted(self, value: T) {
        if !self.0.is_null() {
            self.put(value);
        }
    }
}

/// The longest text that is taken, in bytes. Plans and scenarios have their own, lower limits.
const LONGEST_TEXT: usize = 16 * 1024 * 1024;

/// A text of C: pointer and length, or the length `LRO_NUL_TERMINATED`. NULL counts as none, whatever its length.
///
/// # Safety
/// `text` is NULL or good for reading that far while the call lasts.
pub(crate) unsafe fn text<'a>(
    name: &str,
    text: *const std::ffi::c_char,
    length: usize,
) -> Result<Option<&'a str>, Failure> {
    if text.is_null() {
        return Ok(None);
    }
    let bytes = if length == crate::LRO_NUL_TERMINATED {
        // SAFETY: as the caller promises.
        unsafe { CStr::from_ptr(text) }.to_bytes()
    } else if length > LONGEST_TEXT {
        let message = format!("the {name} has {length} bytes; {LONGEST_TEXT} or fewer are taken");
        return Err(Failure::invalid(message));
    } else {
        // SAFETY: as the caller promises.
        unsafe { slice::from_raw_parts(text.cast(), length) }
    };
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Failure::invalid(format!("the {name} is not UTF-8 at byte `{}`", error.valid_up_to()))
    })?;
    Ok(Some(text))
}

/// A text that has to be there.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn required_text<'a>(
    name: &str,
    pointer: *const std::ffi::c_char,
    length: usize,
) -> Result<&'a str, Failure> {
    // SAFETY: as the caller promises.
    unsafe { text(name, pointer, length) }?
        .ok_or_else(|| Failure::new(Status::NullArgument, format!("the {name} is NULL")))
}

/// Options of C: a JSON object, or NULL or nothing for the defaults.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn options<T: serde::de::DeserializeOwned + Default>(
    pointer: *const std::ffi::c_char,
    length: usize,
) -> Result<T, Failure> {
    // SAFETY: as the caller promises.
    match unsafe { text("options", pointer, length) }? {
        None | Some("") => Ok(T::default()),
        Some(json) => from_json("options", json),
    }
}

pub(crate) fn from_json<T: serde::de::DeserializeOwned>(name: &str, json: &str) -> Result<T, Failure> {
    serde_json::from_str(json)
        .map_err(|error| Failure::invalid(format!("the {name} cannot be read: {error}")))
}

/// A time of C in milliseconds; one below zero is without end.
pub(crate) fn timeout(millis: i64) -> Option<Duration> {
    u64::try_from(millis).ok().map(Duration::from_millis)
}
