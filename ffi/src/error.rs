use std::error::Error as _;
use std::ffi::{CString, c_char};
use std::ptr;

use lambda_rollout::plan::{PlanError, Problem};
use serde_json::{Value, json};

use crate::boundary::{Failure, quietly};
use crate::status::Status;
use crate::text::c_string;

/// Why a call was not carried out. Owned by whoever was given it; free it with `lro_error_free`.
pub struct Error {
    status: Status,
    message: CString,
    retryable: bool,
    details: CString,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let name = failure.status.name().to_string_lossy();
        let mut details = json!({ "name": name, "message": failure.message });
        if let Some(cause) = &failure.cause {
            details["advice"] = cause.kind().advice().into();
            if let Ok(Value::Object(report)) = serde_json::to_value(cause.report()) {
                details.as_object_mut().into_iter().for_each(|details| details.extend(report.clone()));
            }
            if let Some(problems) = problems(cause) {
                details["problems"] = problems;
            }
        }
        Self {
            status: failure.status,
            retryable: failure.cause.is_some_and(|cause| cause.kind().is_retryable()),
            details: c_string(details.to_string()),
            message: c_string(failure.message),
        }
    }
}

/// Every problem of a plan.
fn problems(error: &lambda_rollout::Error) -> Option<Value> {
    let plan: &PlanError = error.source()?.downcast_ref()?;
    let problem = |Problem { path, line, wrong, right }: &Problem| json!({ "path": path, "line": line, "wrong": wrong, "right": right });
    Some(plan.problems().iter().map(problem).collect())
}

/// The error's status: what the call returned. `LRO_STATUS_OK` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_error_code(error: *const Error) -> Status {
    // SAFETY: as the header's contract says.
    unsafe { error.as_ref() }.map_or(Status::Ok, |error| error.status)
}

/// The status's name, such as "plan" or "throttled". Lives as long as the program. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_error_name(error: *const Error) -> *const c_char {
    // SAFETY: as the header's contract says.
    unsafe { error.as_ref() }.map_or(ptr::null(), |error| error.status.name().as_ptr())
}

/// What went wrong, for people; a plan has a line for each problem. Lives as long as the error. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_error_message(error: *const Error) -> *const c_char {
    // SAFETY: as the header's contract says.
    unsafe { error.as_ref() }.map_or(ptr::null(), |error| error.message.as_ptr())
}

/// Whether the same call may succeed later without anybody mending anything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_error_is_retryable(error: *const Error) -> bool {
    // SAFETY: as the header's contract says.
    unsafe { error.as_ref() }.is_some_and(|error| error.retryable)
}

/// The same as a JSON object, with what else is known: "advice", AWS's "operation", "code" and "request_id", and a plan's
/// "problems", each with "path", "line", "wrong" and "right". Lives as long as the error. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_error_details(error: *const Error) -> *const c_char {
    // SAFETY: as the header's contract says.
    unsafe { error.as_ref() }.map_or(ptr::null(), |error| error.details.as_ptr())
}

/// Frees an error. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_error_free(error: *mut Error) {
    quietly(|| {
        if !error.is_null() {
            // SAFETY: as the caller promises.
            drop(unsafe { Box::from_raw(error) });
        }
    });
}
