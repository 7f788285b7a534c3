//! What the Python package calls. Everything that people see is written in Python, in `python/lambda_rollout`; here is
//! only what crosses over: plain values, JSON, and errors.
//!
//! No thread of the library ever touches the interpreter: Python threads come and take what there is.

mod credentials;
mod document;
mod failure;
mod log;
mod plan;
mod rollout;
mod scenario;

use std::ffi::OsString;
use std::sync::OnceLock;

use lambda_rollout::event::{Cause, Outcome};
use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;

use failure::{call, misread};

/// Runs the `lambda-rollout` command and gives its exit code.
#[pyfunction]
fn run_command(py: Python<'_>, args: Vec<OsString>) -> PyResult<u8> {
    call(py, || Ok(lambda_rollout_cli::run(args)))
}

/// A cause in words.
#[pyfunction]
fn describe_cause(py: Python<'_>, cause: &str) -> PyResult<String> {
    call(py, || {
        let cause: Cause = serde_json::from_str(cause).map_err(|error| misread("the cause", &error))?;
        Ok(cause.to_string())
    })
}

/// An outcome in words.
#[pyfunction]
fn describe_outcome(py: Python<'_>, outcome: &str) -> PyResult<String> {
    call(py, || {
        let outcome: Outcome =
            serde_json::from_str(outcome).map_err(|error| misread("the outcome", &error))?;
        Ok(outcome.to_string())
    })
}

/// Panics, so that a test can see what becomes of it. There is none in a release build.
#[cfg(debug_assertions)]
#[pyfunction]
fn panic_for_test(py: Python<'_>) -> PyResult<()> {
    call(py, || panic!("on purpose"))
}

/// Python refuses a module like this in a second interpreter by itself from 3.12 on; before that its types would be
/// shared by both.
fn check_interpreter() -> PyResult<()> {
    static FIRST: OnceLock<i64> = OnceLock::new();
    // SAFETY: whoever loads a module is attached to an interpreter, and that one is asked for its number.
    let this = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    if *FIRST.get_or_init(|| this) == this {
        return Ok(());
    }
    let message = "lambda_rollout works in one interpreter of a process, and does not support loading in subinterpreters";
    Err(PyImportError::new_err(message))
}

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::credentials::{CredentialsDesk, Question};
    #[pymodule_export]
    use super::document::as_json;
    #[pymodule_export]
    use super::log::{log_begin, log_end, log_level, log_next};
    #[cfg(debug_assertions)]
    #[pymodule_export]
    use super::panic_for_test;
    #[pymodule_export]
    use super::plan::Plan;
    #[pymodule_export]
    use super::rollout::NativeRollout;
    #[pymodule_export]
    use super::run_command;
    #[pymodule_export]
    use super::scenario::NativeScenario;
    #[pymodule_export]
    use super::{describe_cause, describe_outcome};

    #[pymodule_init]
    fn init(_module: &super::Bound<'_, super::PyModule>) -> super::PyResult<()> {
        super::check_interpreter()
    }

    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
