use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::reader::{Origin, read_plan};
use super::syntax::Parsed;
use super::{
    AlreadyAlarming, Flaps, Hook, InsufficientData, MissingAlarm, PlanError, Problem, RolloutPlan, Strategy,
    Unreadable, VersionSource, writer,
};
use crate::account::CodeSource;
use crate::units::{InvalidValue, Version};

/// Puts a plan together in a program. Nothing is checked before [`PlanBuilder::build`], which then tells
/// every problem at once, with the same paths and words as for a document.
///
/// ```
/// use lambda_rollout::plan::{AlreadyAlarming, RolloutPlan};
/// use std::time::Duration;
///
/// let plan = RolloutPlan::builder("sample-handler", "live")
///     .strategy_named("Canary10Percent5Minutes")
///     .alarm("sample-handler-errors")
///     .already_alarming(AlreadyAlarming::IgnoreUntilOk)
///     .bake(Duration::from_secs(600))
///     .build()?;
/// assert_eq!(plan.schedule().steps().len(), 1);
///
/// let error = RolloutPlan::builder("sample-handler", "7").strategy_named("AtOnce").build().unwrap_err();
/// let paths: Vec<_> = error.problems().iter().map(|problem| problem.path.as_str()).collect();
/// assert_eq!(paths, ["alias", "strategy"]);
/// # Ok::<(), lambda_rollout::plan::PlanError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct PlanBuilder {
    // What a document would say: one set of checks then serves both.
    document: Map<String, Value>,
    alarms: Map<String, Value>,
    hooks: Map<String, Value>,
    folder: Option<PathBuf>,
    // What cannot even be said in a document.
    problems: Vec<Problem>,
}

impl RolloutPlan {
    /// Starts a plan for this function, by name or ARN, and its alias. Without more said it publishes
    /// `$LATEST`; the strategy has to be chosen, since no share of production traffic is a safe guess.
    pub fn builder(function: &str, alias: &str) -> PlanBuilder {
        let document =
            Map::from_iter([("function".to_owned(), function.into()), ("alias".to_owned(), alias.into())]);
        PlanBuilder { document, alarms: Map::new(), hooks: Map::new(), folder: None, problems: Vec::new() }
    }
}

impl PlanBuilder {
    /// Rolls out a version that exists.
    pub fn version(self, version: Version) -> Self {
        self.with("version", writer::version(&VersionSource::Existing(version)))
    }

    /// Publishes what `$LATEST` is now and rolls that out; so it is also when nothing is said.
    pub fn publish(self) -> Self {
        self.with("version", "publish".into())
    }

    /// Publishes `$LATEST` with this description.
    pub fn publish_described(self, description: &str) -> Self {
        self.with_of_publish("description", description)
    }

    /// Publishes `$LATEST` only if its code has this SHA-256, in base64 as Lambda's `CodeSha256`.
    pub fn code_sha256(self, hash: &str) -> Self {
        self.with_of_publish("code_sha256", hash)
    }

    /// Puts new code into `$LATEST`, waits until that is done, and publishes it.
    pub fn code(mut self, source: CodeSource) -> Self {
        if let CodeSource::Zip(path) = &source
            && path.to_str().is_none()
        {
            let what = InvalidValue::new(
                format!("`{}` is not UTF-8", path.display()),
                "a path that a document can hold",
            );
            self.problems.push(Problem::new("version.zip", None, what));
        }
        self.with("version", writer::version(&VersionSource::Code(source)))
    }

    /// How the weight rises.
    pub fn strategy(self, strategy: Strategy) -> Self {
        self.with("strategy", writer::strategy(&strategy))
    }

    /// How the weight rises, by a name that [`Strategy::named`] reads.
    pub fn strategy_named(self, name: &str) -> Self {
        self.with("strategy", name.into())
    }

    /// Watches this alarm too.
    pub fn alarm(self, name: impl Into<String>) -> Self {
        self.alarms([name])
    }

    /// Watches these alarms too. A plan that is to watch none does without this: an empty list is a problem.
    pub fn alarms(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let names = names.into_iter().map(|name| Value::from(name.into()));
        let mut all =
            if let Some(Value::Array(all)) = self.alarms.remove("names") { all } else { Vec::new() };
        all.extend(names);
        self.with_of_alarms("names", all.into())
    }

    /// Time between two polls of the alarms.
    pub fn poll(self, poll: Duration) -> Self {
        self.with_of_alarms("poll", writer::duration(poll))
    }

    /// What an alarm means that fires before any traffic moved.
    pub fn already_alarming(self, policy: AlreadyAlarming) -> Self {
        self.with_of_alarms("already_alarming", json!(policy))
    }

    /// What an alarm means that does not exist.
    pub fn missing(self, policy: MissingAlarm) -> Self {
        self.with_of_alarms("missing", json!(policy))
    }

    /// What an alarm means that fired and cleared between two polls.
    pub fn flaps(self, policy: Flaps) -> Self {
        self.with_of_alarms("flaps", json!(policy))
    }

    /// What `INSUFFICIENT_DATA` means.
    pub fn insufficient_data(self, policy: InsufficientData) -> Self {
        self.with_of_alarms("insufficient_data", json!(policy))
    }

    /// What an outage of the alarm API means.
    pub fn unreadable(self, policy: Unreadable) -> Self {
        self.with_of_alarms("unreadable", writer::unreadable(policy))
    }

    /// Runs this hook before any traffic moves.
    pub fn before_traffic(self, hook: Hook) -> Self {
        self.with_hook("before_traffic", &hook)
    }

    /// Runs this hook when all traffic has moved.
    pub fn after_traffic(self, hook: Hook) -> Self {
        self.with_hook("after_traffic", &hook)
    }

    /// How long to watch after 100 %, with rollback still armed.
    pub fn bake(self, bake: Duration) -> Self {
        self.with("bake", writer::duration(bake))
    }

    /// Time for the whole rollout; when it has passed, the rollout is put back.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.with("deadline", writer::duration(deadline))
    }

    /// Time that rollback may take before the outcome is unsettled.
    pub fn rollback_deadline(self, deadline: Duration) -> Self {
        self.with("rollback_deadline", writer::duration(deadline))
    }

    /// The folder that relative paths count from; without it, the process's own.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Checks everything and makes the plan.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn build(self) -> Result<RolloutPlan, PlanError> {
        let mut document = self.document;
        for (key, section) in [("alarms", self.alarms), ("hooks", self.hooks)] {
            if !section.is_empty() {
                document.insert(key.to_owned(), section.into());
            }
        }
        let root = Some(Value::Object(document).into());
        let plan = read_plan(Parsed { root, problems: self.problems }, Origin::Program)?;
        Ok(RolloutPlan { folder: self.folder, ..plan })
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.document.insert(key.to_owned(), value);
        self
    }

    fn with_of_alarms(mut self, key: &str, value: Value) -> Self {
        self.alarms.insert(key.to_owned(), value);
        self
    }

    fn with_hook(mut self, key: &str, hook: &Hook) -> Self {
        self.hooks.insert(key.to_owned(), writer::hook(hook));
        self
    }

    /// Adds to what is published already, or makes it the version.
    fn with_of_publish(mut self, key: &str, value: &str) -> Self {
        let version = self.document.remove("version");
        let publish = version.and_then(|mut version| version.get_mut("publish").map(Value::take));
        let mut publish = if let Some(Value::Object(publish)) = publish { publish } else { Map::new() };
        publish.insert(key.to_owned(), value.into());
        self.with("version", json!({ "publish": publish }))
    }
}
