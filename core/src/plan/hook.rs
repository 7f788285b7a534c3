use std::time::Duration;

use crate::units::HookFunction;

/// A hook of a plan: who answers, how long it may take, and what else it is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Hook {
    pub(crate) runner: HookRunner,
    pub(crate) timeout: Duration,
    pub(crate) parameters: serde_json::Value,
}

/// Who answers for a hook.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HookRunner {
    /// A Lambda function, or an alias or version of one, invoked synchronously.
    Lambda(HookFunction),
    /// The program that embeds the library.
    InProcess,
}

impl Hook {
    /// Time a hook has when the plan does not say: as long as Lambda lets a function run
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15 * 60);

    /// A Lambda function that answers `{"verdict":"pass|fail|inconclusive","reason":"…"}`.
    #[must_use]
    pub fn lambda(function: impl Into<HookFunction>) -> Self {
        Self::new(HookRunner::Lambda(function.into()))
    }

    /// A hook that the embedding program answers itself.
    #[must_use]
    pub fn in_process() -> Self {
        Self::new(HookRunner::InProcess)
    }

    fn new(runner: HookRunner) -> Self {
        Self { runner, timeout: Self::DEFAULT_TIMEOUT, parameters: serde_json::Value::Null }
    }

    /// How long it may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What else it is told, as `parameters` in its payload.
    #[must_use]
    pub fn with_parameters(mut self, parameters: serde_json::Value) -> Self {
        self.parameters = parameters;
        self
    }

    /// Who answers.
    #[must_use]
    pub fn runner(&self) -> &HookRunner {
        &self.runner
    }

    /// How long it may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What else it is told.
    #[must_use]
    pub fn parameters(&self) -> &serde_json::Value {
        &self.parameters
    }
}
