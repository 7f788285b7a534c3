use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use lambda_rollout::plan::Format;
use lambda_rollout::{Error, RolloutPlan, iam, plan};
use pyo3::prelude::*;

use crate::document::value_of;
use crate::failure::call;

/// A checked plan.
#[pyclass(frozen, eq, module = "lambda_rollout._native")]
#[derive(PartialEq)]
pub(crate) struct Plan(pub(crate) RolloutPlan);

#[pymethods]
impl Plan {
    #[staticmethod]
    fn from_toml(py: Python<'_>, text: &str) -> PyResult<Self> {
        call(py, || Ok(Self(RolloutPlan::parse(text, Format::Toml)?)))
    }

    #[staticmethod]
    fn from_json(py: Python<'_>, text: &str) -> PyResult<Self> {
        call(py, || Ok(Self(RolloutPlan::parse(text, Format::Json)?)))
    }

    #[staticmethod]
    fn from_file(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        call(py, || RolloutPlan::from_file(path).map(Self))
    }

    /// A document that is no text, so that its problems have no lines.
    #[staticmethod]
    #[pyo3(signature = (document, folder))]
    fn from_document(py: Python<'_>, document: &Bound<'_, PyAny>, folder: Option<PathBuf>) -> PyResult<Self> {
        let document = value_of(document)?;
        call(py, || {
            let plan = RolloutPlan::from_document(document)?;
            Ok(Self(match folder {
                Some(folder) => plan.in_folder(folder),
                None => plan,
            }))
        })
    }

    fn to_json(&self) -> String {
        self.0.to_document().to_string()
    }

    #[getter]
    fn function(&self) -> String {
        self.0.function().to_string()
    }

    #[getter]
    fn alias(&self) -> &str {
        self.0.alias().as_str()
    }

    /// The names of the alarms.
    #[getter]
    fn alarms(&self) -> Vec<&str> {
        self.0.alarms().names().iter().map(|name| name.as_str()).collect()
    }

    /// As Python has paths where they are no values of pathlib's.
    #[getter]
    fn folder(&self) -> Option<&OsStr> {
        self.0.folder().map(Path::as_os_str)
    }

    /// The strategy's name or short form, as events have it.
    #[getter]
    fn strategy(&self) -> String {
        self.0.strategy().to_string()
    }

    /// Per cent, seconds and gate of every step below 100 %.
    fn steps(&self) -> Vec<(f64, f64, bool)> {
        let step = |step: &plan::Step| {
            (f64::from(step.weight.basis_points()) / 100.0, step.hold.as_secs_f64(), step.gate)
        };
        self.0.schedule().steps().iter().map(step).collect()
    }

    /// Seconds of the bake; 0 without one.
    #[getter]
    fn bake(&self) -> f64 {
        self.0.bake().unwrap_or_default().as_secs_f64()
    }

    /// The least IAM policy, as JSON.
    fn policy(&self, py: Python<'_>) -> PyResult<String> {
        call(py, || Ok::<_, Error>(iam::least_policy(&self.0).to_string()))
    }
}
