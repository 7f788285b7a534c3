use std::ffi::{c_char, c_void};
use std::sync::{OnceLock, PoisonError, RwLock};

use lambda_rollout::hosted::log_line;
use tracing::{Event as LogEvent, Level, Metadata, Subscriber, span};

use crate::boundary::{Failure, call, calling_out, is_calling_out};
use crate::error::Error;
use crate::status::Status;
use crate::text::c_string;

/// How important a line of the log is.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Something failed.
    Error = 1,
    /// Something that may become one.
    Warn = 2,
    /// What happens.
    Info = 3,
    /// How.
    Debug = 4,
    /// In every detail. A library that was built for release has none of it.
    Trace = 5,
}

/// Takes a line of the log: its level (`lro_log_level`), the module that says it, and the text; both live as long as
/// the call.
pub type LogCallback = Option<
    unsafe extern "C" fn(user_data: *mut c_void, level: u32, target: *const c_char, message: *const c_char),
>;

/// Where the log goes; nowhere, without a function.
struct Sink {
    callback: LogCallback,
    user_data: *mut c_void,
    max_level: u32,
    /// The process that set it: a forked child logs nothing.
    process: u32,
}

// SAFETY: the contract of `lro_log_set` asks for a function and data that may be used on any thread.
unsafe impl Send for Sink {}
// SAFETY: as above.
unsafe impl Sync for Sink {}

static SINK: RwLock<Sink> =
    RwLock::new(Sink { callback: None, user_data: std::ptr::null_mut(), max_level: 0, process: 0 });

/// Gives every line of the library's log up to this level (`lro_log_level`) to a function, or to none with NULL.
///
/// The function is the only code of the program that the library ever calls. It runs on the library's threads, on several
/// at once, should be quick, and must not call the library. When this call returns, the function that was there before is
/// running nowhere and will not be called again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_log_set(
    callback: LogCallback,
    user_data: *mut c_void,
    max_level: u32,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        call(error, || {
            if callback.is_some() && !(1..=LogLevel::Trace as u32).contains(&max_level) {
                return Err(Failure::invalid(format!("`{max_level}` is no level of the log; 1 to 5 are")));
            }
            listen()?;
            let process = std::process::id();
            *SINK.write().unwrap_or_else(PoisonError::into_inner) =
                Sink { callback, user_data, max_level, process };
            tracing::callsite::rebuild_interest_cache();
            Ok(Status::Ok)
        })
    }
}

/// Becomes what the library logs to, once.
fn listen() -> Result<(), Failure> {
    static LISTENING: OnceLock<bool> = OnceLock::new();
    match LISTENING.get_or_init(|| tracing::subscriber::set_global_default(Forward).is_ok()) {
        true => Ok(()),
        false => {
            let message = "the program logs with tracing already, in Rust: set it up there";
            Err(Failure::new(Status::WrongState, message))
        }
    }
}

/// Forwards what the library itself logs. What its dependencies log is not looked through for secrets, and stays away.
struct Forward;

impl Subscriber for Forward {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && metadata.target().starts_with("lambda_rollout")
            && level(metadata.level()) as u32 <= SINK.read().unwrap_or_else(PoisonError::into_inner).max_level
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &LogEvent<'_>) {
        // A line from within the callback would never end.
        if is_calling_out() {
            return;
        }
        let target = c_string(event.metadata().target());
        let message = c_string(log_line(event));
        let sink = SINK.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(callback) = sink.callback
            && sink.process == std::process::id()
        {
            let level = level(event.metadata().level()) as u32;
            // SAFETY: `lro_log_set` was promised that it may be called so, on any thread.
            calling_out(|| unsafe { callback(sink.user_data, level, target.as_ptr(), message.as_ptr()) });
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

fn level(level: &Level) -> LogLevel {
    match *level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}
