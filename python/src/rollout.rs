use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use lambda_rollout::hosted::{
    AwsStage, Host, HostOptions, HostedRollout, Next, SimulatedStage, Stage, StartOptions,
};
use lambda_rollout::machine::Command;
use lambda_rollout::{Error, ErrorKind};
use pyo3::exceptions::PyEOFError;
use pyo3::prelude::*;
use serde::Serialize;

use crate::credentials::CredentialsDesk;
use crate::failure::{call, misread};
use crate::plan::Plan;
use crate::scenario::NativeScenario;

/// The library's threads. Never dropped: an interpreter that exits does not wait for them, and they need nothing of it.
static HOST: OnceLock<Host> = OnceLock::new();

fn host() -> Result<&'static Host, Error> {
    if HOST.get().is_none() {
        let host = Host::new(&HostOptions::default())?;
        // Another thread may have been sooner; its host is as good.
        return Ok(HOST.get_or_init(|| host));
    }
    Ok(HOST.get().expect("looked for above, and never taken away"))
}

/// A running rollout. Text that goes in and out is JSON.
#[pyclass(frozen, module = "lambda_rollout._native")]
pub(crate) struct NativeRollout {
    rollout: HostedRollout,
    newest: Mutex<Newest>,
}

/// The item that was given last, and its number. It is kept until the program says that it has it: between the return of a
/// call and whatever Python does with what it returns, Ctrl-C may come.
#[derive(Default)]
struct Newest {
    number: u64,
    item: String,
}

#[pymethods]
impl NativeRollout {
    /// Starts one on AWS.
    #[staticmethod]
    fn on_aws(
        py: Python<'_>,
        plan: &Plan,
        options: &str,
        configuration: &str,
        credentials: Option<&CredentialsDesk>,
    ) -> PyResult<Self> {
        call(py, || {
            let stage: AwsStage = serde_json::from_str(configuration)
                .map_err(|error| misread("the AWS configuration", &error))?;
            let credentials = credentials.map(CredentialsDesk::source);
            start(plan, options, AwsStage { credentials, ..stage }.into())
        })
    }

    /// Starts one on the simulated account.
    #[staticmethod]
    fn simulated(
        py: Python<'_>,
        plan: &Plan,
        options: &str,
        scenario: &NativeScenario,
        seed: Option<u64>,
        speed: Option<f64>,
    ) -> PyResult<Self> {
        call(py, || {
            let stage = SimulatedStage { scenario: scenario.0.clone(), seed, speed };
            start(plan, options, stage.into())
        })
    }

    /// The item after the one of this number, and its own; `None` when none came within these seconds, `EOFError` when
    /// none will come any more. One thread at a time may ask.
    fn next(&self, py: Python<'_>, timeout: Option<f64>, seen: u64) -> PyResult<Option<(u64, String)>> {
        let next = call(py, || {
            if let Some(newest) = self.newest(|newest| (newest.number > seen).then(|| newest.given())) {
                return Ok(Some(Some(newest)));
            }
            Ok(match self.rollout.next(timeout.map(seconds))? {
                Next::Item(item) => {
                    let item = to_json(&item)?;
                    Some(Some(self.newest(|newest| {
                        *newest = Newest { number: newest.number + 1, item };
                        newest.given()
                    })))
                }
                Next::TimedOut => Some(None),
                Next::Ended => None,
            })
        })?;
        next.ok_or_else(|| PyEOFError::new_err("nothing will come any more"))
    }

    /// The outcome; `None` when it has not come within these seconds.
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<String>> {
        call(py, || self.rollout.wait(timeout.map(seconds))?.as_ref().map(to_json).transpose())
    }

    /// `pause`, `resume`, `promote` or `abort`, that one with a reason.
    fn order(&self, py: Python<'_>, command: &str, reason: &str) -> PyResult<()> {
        let command = match command {
            "pause" => Command::Pause,
            "resume" => Command::Resume,
            "promote" => Command::Promote,
            _ => Command::Abort { reason: reason.to_owned() },
        };
        call(py, || self.rollout.order(command))
    }

    fn answer_hook(&self, py: Python<'_>, request: u64, report: &str) -> PyResult<()> {
        call(py, || {
            let report =
                serde_json::from_str(report).map_err(|error| misread("the hook's report", &error))?;
            self.rollout.answer_hook(request, report)
        })
    }

    fn answer_alarms(&self, py: Python<'_>, request: u64, readings: &str) -> PyResult<()> {
        call(py, || {
            let readings = serde_json::from_str(readings).map_err(|error| misread("the readings", &error))?;
            self.rollout.answer_alarms(request, Ok(readings))
        })
    }

    /// The alarms could not be read.
    fn refuse_alarms(&self, py: Python<'_>, request: u64, why: &str) -> PyResult<()> {
        call(py, || self.rollout.answer_alarms(request, Err(Error::new(ErrorKind::Unreachable, why))))
    }

    /// What it is doing, and the seconds that are left of what it waits for.
    fn status(&self, py: Python<'_>) -> PyResult<(String, Option<f64>)> {
        call(py, || {
            let status = self.rollout.status()?;
            Ok((to_json(&status)?, status.left.map(|left| left.as_secs_f64())))
        })
    }

    fn has_ended(&self, py: Python<'_>) -> PyResult<bool> {
        call(py, || self.rollout.has_ended())
    }

    fn detach(&self, py: Python<'_>) -> PyResult<()> {
        call(py, || self.rollout.detach())
    }

    /// A descriptor that can be read from as long as there is something to take.
    #[cfg(unix)]
    fn fileno(&self, py: Python<'_>) -> PyResult<i32> {
        use std::os::fd::AsRawFd;

        call(py, || Ok(self.rollout.wake_descriptor()?.as_raw_fd()))
    }
}

impl NativeRollout {
    fn newest<T>(&self, look: impl FnOnce(&mut Newest) -> T) -> T {
        look(&mut self.newest.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Newest {
    fn given(&self) -> (u64, String) {
        (self.number, self.item.clone())
    }
}

fn start(plan: &Plan, options: &str, stage: Stage) -> Result<NativeRollout, Error> {
    let options: StartOptions =
        serde_json::from_str(options).map_err(|error| misread("the options", &error))?;
    let rollout = host()?.start(plan.0.clone(), stage, options)?;
    Ok(NativeRollout { rollout, newest: Mutex::default() })
}

/// What cannot be a time is none: the package lets no such number through.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
}

fn to_json<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::Internal, format!("no JSON can be made: {error}")))
}
