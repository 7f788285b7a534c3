//! Errors and panics on their way into Python.

use std::error::Error as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use lambda_rollout::plan::PlanError;
use lambda_rollout::{Error, ErrorKind};
use pyo3::prelude::*;

/// Calls the library without the GIL. Its error, or its panic, is raised as one of the package's exceptions.
///
/// A panic that pyo3 passes on is no `Exception` in Python, so that whoever catches those misses it.
pub(crate) fn call<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T, Error> + Send) -> PyResult<T> {
    let done = py.detach(|| catch_unwind(AssertUnwindSafe(work)));
    done.unwrap_or_else(|panic| Err(of_panic(&*panic))).map_err(|error| raised(py, &error))
}

fn of_panic(panic: &(dyn std::any::Any + Send)) -> Error {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    Error::new(ErrorKind::Internal, format!("the library panicked: {said}"))
}

/// JSON that the package itself has written.
pub(crate) fn misread(what: &str, error: &serde_json::Error) -> Error {
    Error::new(ErrorKind::Plan, format!("{what} cannot be read: {error}"))
}

/// An error of the library as one of the package's exceptions.
pub(crate) fn raised(py: Python<'_>, error: &Error) -> PyErr {
    let exception = || -> PyResult<Bound<'_, PyAny>> {
        let kind = error.kind();
        let aws = error.aws().map(|aws| (&*aws.operation, aws.code.as_deref(), aws.request_id.as_deref()));
        let problems: Vec<_> = error
            .source()
            .and_then(|source| source.downcast_ref::<PlanError>())
            .map_or(&[][..], PlanError::problems)
            .iter()
            .map(|problem| (&*problem.path, problem.line, &*problem.wrong, &*problem.right))
            .collect();
        py.import("lambda_rollout.errors")?.getattr("_of_native")?.call1((
            kind.name(),
            error.message(),
            kind.is_retryable(),
            kind.advice(),
            aws,
            problems,
        ))
    };
    exception().map_or_else(|failure| failure, PyErr::from_value)
}
