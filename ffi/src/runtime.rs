use std::ffi::c_char;

use lambda_rollout::hosted::{Host, HostOptions};

use crate::boundary::{Handle, Opaque, Out, call, options, quietly, threads_start_here};
use crate::error::Error;
use crate::status::Status;

/// The threads that rollouts run on. A program needs one, for any number of rollouts.
pub struct Runtime(Handle<Host>);

impl Opaque for Runtime {
    type Object = Host;

    const NAME: &'static str = "runtime";

    fn handle(&self) -> &Handle<Host> {
        &self.0
    }
}

/// Starts the threads. The options are NULL or a JSON object: `{"worker_threads":2}`, 1 to 64.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_runtime_new(
    options_json: *const c_char,
    options_len: usize,
    runtime: *mut *mut Runtime,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        let runtime = Out::cleared(runtime);
        call(error, || {
            let runtime = runtime.required()?;
            let options: HostOptions = options(options_json, options_len)?;
            let host = Host::new(&options)?;
            threads_start_here();
            Ok(runtime.put(Runtime(Handle::new(host))))
        })
    }
}

/// Ends the threads and waits for that, up to five seconds. NULL is fine.
///
/// A rollout that still runs stops where it is, as if the program had died, and calls on it answer so; the same plan, run
/// again, carries on. To put everything back, abort it and wait for its end first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_runtime_free(runtime: *mut Runtime) {
    quietly(|| {
        if !runtime.is_null() {
            // SAFETY: as the header's contract says.
            drop(unsafe { Box::from_raw(runtime) });
        }
    });
}
