//! What the Python package calls. Everything that people see is written in Python, in `python/lambda_rollout`; here is
//! only what crosses over: plain values, JSON, and errors.
//!
//! No thread of the library ever touches the interpreter: Python threads come and take what there is.

mod credentials;
mod failure;
mod log;
mod plan;
mod rollout;
mod scenario;

use std::ffi::OsString;

use lambda_rollout::event::Cause;
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

/// Panics, so that a test can see what becomes of it. There is none in a release build.
#[cfg(debug_assertions)]
#[pyfunction]
fn panic_for_test(py: Python<'_>) -> PyResult<()> {
    call(py, || panic!("on purpose"))
}

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::credentials::{CredentialsDesk, Question};
    #[pymodule_export]
    use super::describe_cause;
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
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
