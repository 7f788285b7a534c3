//! Credentials that Python code hands over: a library thread asks here, a Python thread answers. No library thread ever
//! waits for the GIL, which is what makes interpreters crash at their exit.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use lambda_rollout::aws::AccessKeys;
use lambda_rollout::hosted::CredentialsSource;
use lambda_rollout::{Error, ErrorKind};
use pyo3::prelude::*;

use crate::failure::{call, misread};

type Answer = Result<AccessKeys, Error>;

/// Where credentials are asked for.
#[pyclass(frozen, module = "lambda_rollout._native")]
pub(crate) struct CredentialsDesk {
    questions: Mutex<Receiver<Option<Question>>>,
    ask: Sender<Option<Question>>,
}

#[pymethods]
impl CredentialsDesk {
    #[new]
    fn new() -> Self {
        let (ask, questions) = channel();
        Self { questions: Mutex::new(questions), ask }
    }

    /// Waits for the next question; `None` when nobody will ask any more.
    fn next(&self, py: Python<'_>) -> PyResult<Option<Question>> {
        call(py, || {
            let questions = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(questions.recv().ok().flatten())
        })
    }
}

impl CredentialsDesk {
    /// What the library asks.
    pub(crate) fn source(&self) -> CredentialsSource {
        let asker = Asker(Mutex::new(self.ask.clone()));
        Arc::new(move || {
            let (answer, answered) = channel();
            asker.send(Some(Question(Mutex::new(Some(answer)))));
            answered.recv().unwrap_or_else(|_| Err(unanswered("the program gives no credentials any more")))
        })
    }
}

/// Who asks, for as long as there is a rollout that may.
struct Asker(Mutex<Sender<Option<Question>>>);

impl Asker {
    fn send(&self, question: Option<Question>) {
        // Without a receiver the question is dropped, which answers it.
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).send(question));
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.send(None);
    }
}

/// One asking for credentials; dropped without an answer it is a refusal.
#[pyclass(frozen, module = "lambda_rollout._native")]
pub(crate) struct Question(Mutex<Option<Sender<Answer>>>);

#[pymethods]
impl Question {
    fn answer(&self, py: Python<'_>, keys: &str) -> PyResult<()> {
        let keys = call(py, || {
            serde_json::from_str::<AccessKeys>(keys).map_err(|error| misread("the credentials", &error))
        })?;
        self.send(Ok(keys));
        Ok(())
    }

    fn refuse(&self, why: &str) {
        self.send(Err(unanswered(why)));
    }
}

impl Question {
    fn send(&self, answer: Answer) {
        if let Some(sender) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Who asked may have gone, with its rollout.
            drop(sender.send(answer));
        }
    }
}

fn unanswered(why: &str) -> Error {
    Error::new(ErrorKind::Config, why)
}
