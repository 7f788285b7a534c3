use std::path::PathBuf;

use lambda_rollout::sim::Scenario;
use lambda_rollout::{Error, ErrorKind};
use pyo3::prelude::*;

use crate::failure::call;

/// What a simulated account is like.
#[pyclass(frozen, eq, module = "lambda_rollout._native")]
#[derive(PartialEq)]
pub(crate) struct NativeScenario(pub(crate) Scenario);

#[pymethods]
impl NativeScenario {
    #[staticmethod]
    fn shipped_names() -> Vec<&'static str> {
        Scenario::shipped_names().collect()
    }

    #[staticmethod]
    fn shipped(py: Python<'_>, name: &str) -> PyResult<Self> {
        call(py, || {
            Scenario::shipped(name).map(Self).ok_or_else(|| {
                let names: Vec<String> = Scenario::shipped_names().map(|name| format!("`{name}`")).collect();
                let message = format!("no such scenario: `{name}`; there are {}", names.join(", "));
                Error::new(ErrorKind::Plan, message)
            })
        })
    }

    #[staticmethod]
    fn from_toml(py: Python<'_>, text: &str) -> PyResult<Self> {
        call(py, || Scenario::parse(text).map(Self))
    }

    #[staticmethod]
    fn from_file(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        call(py, || Scenario::from_file(path).map(Self))
    }

    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    #[getter]
    fn description(&self) -> &str {
        self.0.description()
    }

    #[getter]
    fn seed(&self) -> u64 {
        self.0.seed()
    }
}
