use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::check;
use super::document::{Approval, Document};
use crate::error::{Error, ErrorKind};
use crate::plan::{PlanError, Problem, RolloutPlan};
use crate::units::{InvalidValue, Timestamp};

/// What a simulated account is like and what befalls it: a TOML file that a user can write.
///
/// The module's page, [`crate::sim`], shows every key. An empty file is the healthy world. Cloning is cheap.
///
/// ```
/// use lambda_rollout::sim::Scenario;
///
/// let scenario = Scenario::parse("canary = { error_percent = 5.0 }")?;
/// assert_eq!(scenario.seed(), 1);
///
/// let error = Scenario::parse("canary = { error_percent = 500.0 }").unwrap_err();
/// assert_eq!(error.message(), "canary.error_percent: `500` is not a share; a per cent from 0 to 100");
/// # Ok::<(), lambda_rollout::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario(pub(super) Arc<Document>);

/// The largest scenario file that is read.
const LARGEST: u64 = 1024 * 1024;

const SHIPPED: [(&str, &str); 6] = [
    ("healthy", include_str!("../../scenarios/healthy.toml")),
    ("broken", include_str!("../../scenarios/broken.toml")),
    ("slow-burn", include_str!("../../scenarios/slow-burn.toml")),
    ("no-traffic", include_str!("../../scenarios/no-traffic.toml")),
    ("alarm-outage", include_str!("../../scenarios/alarm-outage.toml")),
    ("bad-day", include_str!("../../scenarios/bad-day.toml")),
];

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// [`ErrorKind::Plan`]: what is no TOML or has an unknown key, with its line; else every value that cannot be,
    /// each with its path and what would be right.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let document: Document =
            toml::from_str(text).map_err(|error| Error::from(syntax_problem(text, &error)))?;
        let problems = check::problems_of(&document);
        if problems.is_empty() { Ok(Self(Arc::new(document))) } else { Err(PlanError { problems }.into()) }
    }

    /// Reads a scenario file of at most 1 MiB. Its name is the file's, unless it has one.
    ///
    /// # Errors
    /// As [`Scenario::parse`], and when the file cannot be read; the message starts with the path.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let wrong = |what: &str| Error::new(ErrorKind::Plan, format!("{}: {what}", path.display()));
        let unreadable =
            |error: std::io::Error| wrong(&format!("cannot be read: {error}")).with_source(error);
        let meta = fs::metadata(path).map_err(unreadable)?;
        if !meta.is_file() {
            return Err(wrong("is not a file"));
        }
        if meta.len() > LARGEST {
            return Err(wrong("is larger than 1 MiB; no scenario needs that"));
        }
        let bytes = fs::read(path).map_err(unreadable)?;
        let text = String::from_utf8(bytes).map_err(|error| wrong("is not UTF-8").with_source(error))?;
        let scenario = Self::parse(&text).map_err(|error| wrong(error.message()))?;
        Ok(scenario.or_named(path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()))
    }

    /// A scenario that comes with the library, by its name.
    #[must_use]
    pub fn shipped(name: &str) -> Option<Self> {
        let (name, text) = SHIPPED.into_iter().find(|(shipped, _)| *shipped == name)?;
        Some(Self::parse(text).expect("a test parses every shipped scenario").or_named(name))
    }

    /// The names of the scenarios that come with the library, the one for newcomers first.
    /// [`Scenario::description`] has a line on each.
    pub fn shipped_names() -> impl Iterator<Item = &'static str> {
        SHIPPED.into_iter().map(|(name, _)| name)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is about, in a line.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.0.description
    }

    /// The seed of its dice, when nobody says another.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.0.seed
    }

    /// When it starts.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.0.start
    }

    /// When it gives up and aborts a rollout of this plan. Where the scenario does not say, that is two days later than
    /// all of the plan's holds, gates and its bake come to.
    #[must_use]
    pub fn end(&self, plan: &RolloutPlan) -> Timestamp {
        let until = self.0.until.map_or_else(
            || {
                let gates = plan.schedule().steps().iter().filter(|step| step.gate).count();
                let approval = match self.0.approve_gates_after {
                    Approval::After(span) => span.saturating_mul(u32::try_from(gates).unwrap_or(u32::MAX)),
                    Approval::Never => Duration::ZERO,
                };
                let bake = plan.bake().unwrap_or_default();
                let planned = plan.schedule().time_to_full().saturating_add(bake).saturating_add(approval);
                planned.saturating_add(Duration::from_secs(48 * 60 * 60))
            },
            |until| until.0,
        );
        self.0.start + until
    }

    /// Whether the runner dies in it, which only [`simulate`](super::simulate) plays.
    #[must_use]
    pub fn kills_the_runner(&self) -> bool {
        !self.0.runner.dies_after_effect.is_empty()
    }

    /// The same scenario at another time: what serves a simulated account in real time starts it now.
    #[must_use]
    pub fn starting_at(mut self, start: Timestamp) -> Self {
        Arc::make_mut(&mut self.0).start = start;
        self
    }

    fn or_named(mut self, name: &str) -> Self {
        if self.0.name.is_empty() {
            name.clone_into(&mut Arc::make_mut(&mut self.0).name);
        }
        self
    }
}

impl Default for Scenario {
    /// The healthy world, without a name.
    fn default() -> Self {
        Self(Arc::new(Document::default()))
    }
}

fn syntax_problem(text: &str, error: &toml::de::Error) -> PlanError {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let wrong = error.message().lines().collect::<Vec<_>>().join(" ");
    let what = InvalidValue::new(wrong, "the keys of a scenario are on the page of lambda_rollout::sim");
    Problem::new("", line.and_then(|line| u32::try_from(line).ok()), what).into()
}
