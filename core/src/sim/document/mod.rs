//! The shape of a scenario file. What each key means to a user stands in [`crate::sim`]; what may stand in it
//! is checked in [`super::check`].

mod alarm;
mod call;

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::units::{Timestamp, Version, parse_duration, parse_duration_or_zero};

pub(crate) use alarm::{
    AlarmSpec, Comparison, EvaluationOutage, ForcedState, Metric, Statistic, Subject, TreatMissing,
};
pub(crate) use call::{CallKind, CallsSpec, Fault, FaultSpec};

/// A length of time as plans write it; zero is one as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Span(pub(crate) Duration);

impl Span {
    pub(crate) const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration_or_zero(&text).map(Self).map_err(D::Error::custom)
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) seed: u64,
    pub(crate) start: Timestamp,
    pub(crate) until: Option<Span>,
    pub(crate) approve_gates_after: Approval,
    pub(crate) account: AccountSpec,
    pub(crate) traffic: TrafficSpec,
    pub(crate) stable: VersionSpec,
    pub(crate) canary: VersionSpec,
    pub(crate) metrics: MetricsSpec,
    pub(crate) alarms: Vec<AlarmSpec>,
    pub(crate) hooks: HooksSpec,
    pub(crate) commands: Vec<CommandSpec>,
    pub(crate) calls: CallsSpec,
    pub(crate) faults: Vec<FaultSpec>,
    pub(crate) drift: Vec<DriftSpec>,
    pub(crate) runner: RunnerSpec,
}

/// 2026-01-01T00:00:00Z.
const NEW_YEAR: i64 = 1_767_225_600_000;

impl Default for Document {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            seed: 1,
            start: Timestamp::from_millis(NEW_YEAR),
            until: None,
            approve_gates_after: Approval::After(Duration::from_secs(60)),
            account: AccountSpec::default(),
            traffic: TrafficSpec::default(),
            stable: VersionSpec::default(),
            canary: VersionSpec::default(),
            metrics: MetricsSpec::default(),
            alarms: Vec::new(),
            hooks: HooksSpec::default(),
            commands: Vec::new(),
            calls: CallsSpec::default(),
            faults: Vec::new(),
            drift: Vec::new(),
            runner: RunnerSpec::default(),
        }
    }
}

/// When a waiting gate is approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Approval {
    Never,
    After(Duration),
}

impl<'de> Deserialize<'de> for Approval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "never" {
            return Ok(Self::Never);
        }
        parse_duration(&text)
            .map(Self::After)
            .map_err(|invalid| D::Error::custom(format!("{invalid}, or \"never\"")))
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AccountSpec {
    pub(crate) alias: AliasStart,
    pub(crate) stable: Version,
    pub(crate) published: Vec<Version>,
    pub(crate) latest: Latest,
    pub(crate) update_takes: Span,
    pub(crate) provisioned_concurrency: Option<ConcurrencySpec>,
}

impl Default for AccountSpec {
    fn default() -> Self {
        Self {
            alias: AliasStart::OnStable,
            stable: Version::new(1).expect("versions count from 1"),
            published: Vec::new(),
            latest: Latest::Changed,
            update_takes: Span::millis(5_000),
            provisioned_concurrency: None,
        }
    }
}

/// The provisioned concurrency of the alias.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ConcurrencySpec {
    /// How long AWS takes to move it to another version.
    pub(crate) move_takes: Span,
    /// How long it still takes from the start on until it is where it has to be.
    pub(crate) ready_after: Span,
}

impl Default for ConcurrencySpec {
    fn default() -> Self {
        Self { move_takes: Span::millis(4 * 60_000), ready_after: Span::default() }
    }
}

/// How a scenario finds the alias.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AliasStart {
    OnStable,
    Absent,
    OnLatest,
    Weighted(WeightedStart),
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WeightedStart {
    pub(crate) percent: f64,
    pub(crate) version: Option<Version>,
}

/// Whether there is anything new to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Latest {
    Changed,
    Unchanged,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TrafficSpec {
    pub(crate) per_second: f64,
    pub(crate) changes: Vec<TrafficChange>,
}

impl Default for TrafficSpec {
    fn default() -> Self {
        Self { per_second: 20.0, changes: Vec::new() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrafficChange {
    pub(crate) at: Span,
    pub(crate) per_second: f64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VersionSpec {
    pub(crate) error_percent: f64,
    pub(crate) latency: Span,
    pub(crate) spread: Span,
    pub(crate) role: String,
    pub(crate) dead_letter: Option<String>,
    pub(crate) ready_after: Span,
    pub(crate) never_ready: Option<String>,
    pub(crate) changes: Vec<VersionChange>,
}

impl Default for VersionSpec {
    fn default() -> Self {
        Self {
            error_percent: 0.0,
            latency: Span::millis(50),
            spread: Span::millis(20),
            role: "arn:aws:iam::123456789012:role/sample-handler".to_owned(),
            dead_letter: None,
            ready_after: Span::millis(2_000),
            never_ready: None,
            changes: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionChange {
    pub(crate) after: Span,
    pub(crate) error_percent: Option<f64>,
    pub(crate) latency: Option<Span>,
    pub(crate) spread: Option<Span>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MetricsSpec {
    pub(crate) lag: Span,
}

impl Default for MetricsSpec {
    fn default() -> Self {
        Self { lag: Span::millis(30_000) }
    }
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HooksSpec {
    pub(crate) before_traffic: HookSpec,
    pub(crate) after_traffic: HookSpec,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HookSpec {
    pub(crate) exists: bool,
    pub(crate) answer: HookAnswer,
    pub(crate) after: Span,
    pub(crate) reason: String,
}

impl Default for HookSpec {
    fn default() -> Self {
        Self { exists: true, answer: HookAnswer::Pass, after: Span::millis(1_000), reason: String::new() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HookAnswer {
    Pass,
    Fail,
    Inconclusive,
    FunctionError,
    TimeOut,
    Malformed,
    NotInvoked,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandSpec {
    pub(crate) at: Span,
    #[serde(rename = "do")]
    pub(crate) verb: Verb,
    #[serde(default)]
    pub(crate) reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verb {
    Pause,
    Resume,
    Promote,
    Abort,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DriftSpec {
    pub(crate) at: Span,
    #[serde(rename = "do")]
    pub(crate) deed: Deed,
}

/// What another hand does.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Deed {
    /// Writes the alias as it is: only its revision changes.
    Touch,
    /// All traffic to the stable version.
    Clear,
    /// All traffic to the newest version.
    Promote,
    /// The alias on `$LATEST`.
    ToLatest,
    /// No alias any more.
    Delete,
    /// Another pipeline's code in `$LATEST`, as soon as no update is in progress.
    ChangeLatest,
    /// Another pipeline publishes what `$LATEST` is.
    Publish,
    /// Any routing.
    Route(Route),
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    pub(crate) version: Version,
    pub(crate) additional: Option<Version>,
    pub(crate) percent: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RunnerSpec {
    pub(crate) dies_after_effect: Vec<u64>,
    pub(crate) back_after: Span,
    pub(crate) journal: bool,
}

impl Default for RunnerSpec {
    fn default() -> Self {
        Self { dies_after_effect: Vec::new(), back_after: Span::millis(30_000), journal: true }
    }
}
