use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;

use lambda_rollout::OutcomeKind;

use crate::boundary::quietly;
use crate::event::cause_name;
use crate::text::c_string;

/// How a rollout ended. Owned by whoever was given it; free it with `lro_outcome_free`.
pub struct Outcome {
    kind: OutcomeKind,
    exit_code: u8,
    cause: Option<CString>,
    text: CString,
    json: CString,
}

impl From<lambda_rollout::Outcome> for Outcome {
    fn from(outcome: lambda_rollout::Outcome) -> Self {
        Self {
            kind: outcome.kind,
            exit_code: outcome.exit_code(),
            cause: outcome.cause.as_ref().and_then(cause_name),
            text: c_string(outcome.to_string()),
            json: c_string(serde_json::to_string(&outcome).unwrap_or_default()),
        }
    }
}

/// The ways in which a rollout ends.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// None: NULL was asked.
    Unknown = 0,
    /// The canary version has all traffic.
    Promoted = 1,
    /// The canary version was taken out.
    RolledBack = 2,
    /// Refused before any traffic moved.
    Refused = 3,
    /// Aborted; what had moved was put back.
    Aborted = 4,
    /// Another hand holds the alias.
    Drifted = 5,
    /// The alias could not be brought to one version: a person has to look. The JSON's "advice" says what to do.
    Unsettled = 6,
    /// There was nothing to do.
    NothingToDo = 7,
}

/// Which way it ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_outcome_end(outcome: *const Outcome) -> End {
    // SAFETY: as the header's contract says.
    match unsafe { outcome.as_ref() }.map(|outcome| outcome.kind) {
        None => End::Unknown,
        Some(OutcomeKind::Promoted) => End::Promoted,
        Some(OutcomeKind::RolledBack) => End::RolledBack,
        Some(OutcomeKind::Refused) => End::Refused,
        Some(OutcomeKind::Aborted) => End::Aborted,
        Some(OutcomeKind::Drifted) => End::Drifted,
        Some(OutcomeKind::Unsettled) => End::Unsettled,
        Some(OutcomeKind::NothingToDo) => End::NothingToDo,
    }
}

/// What a command would end with: 0 promoted or nothing to do, 3 refused before any traffic moved, 4 rolled back, 5 a
/// person has to look. 1 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_outcome_exit_code(outcome: *const Outcome) -> c_int {
    // SAFETY: as the header's contract says.
    unsafe { outcome.as_ref() }.map_or(1, |outcome| outcome.exit_code.into())
}

/// The name of its cause, such as "alarm", "hook" or "abort". Lives as long as the outcome. NULL without one, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_outcome_cause(outcome: *const Outcome) -> *const c_char {
    // SAFETY: as the header's contract says.
    let cause = unsafe { outcome.as_ref() }.and_then(|outcome| outcome.cause.as_deref());
    cause.map_or(ptr::null(), CStr::as_ptr)
}

/// How it ended and why, in a line for people. Lives as long as the outcome. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_outcome_text(outcome: *const Outcome) -> *const c_char {
    // SAFETY: as the header's contract says.
    unsafe { outcome.as_ref() }.map_or(ptr::null(), |outcome| outcome.text.as_ptr())
}

/// All of it, as one JSON object: "outcome", "cause", "stable_version", "canary_version", "traffic_moved", "calls",
/// "rollback", "advice". Lives as long as the outcome. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_outcome_json(outcome: *const Outcome) -> *const c_char {
    // SAFETY: as the header's contract says.
    unsafe { outcome.as_ref() }.map_or(ptr::null(), |outcome| outcome.json.as_ptr())
}

/// Frees an outcome. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_outcome_free(outcome: *mut Outcome) {
    quietly(|| {
        if !outcome.is_null() {
            // SAFETY: as the header's contract says.
            drop(unsafe { Box::from_raw(outcome) });
        }
    });
}
