//! The one history of a rollout: its events, its outcome, and the causes they name.
//!
//! In Rust they are types; everywhere else they are JSON, one object a line. The names are contracts.

mod cause;
mod outcome;

use serde::{Deserialize, Serialize};

use crate::account::{AlarmState, HookMoment, HookReport, Routing};
use crate::error::ErrorReport;
use crate::units::{AlarmName, AliasName, FunctionRef, HookFunction, RolloutId, Timestamp, Version, Weight};

pub use cause::Cause;
pub use outcome::{Outcome, OutcomeKind, RollbackTimes};

/// One thing that happened in a rollout.
///
/// As JSON it is one flat object: `{"seq":1,"at":"2026-11-23T03:33:46.102Z","kind":"started",…}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// 1, 2, 3 and so on, without gaps.
    pub seq: u64,
    /// When, by the rollout's clock; never earlier than the event before.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The rollout began, or was taken up again. Always the first event.
    Started {
        /// The rollout.
        rollout_id: RolloutId,
        /// The plan's function.
        function: FunctionRef,
        /// The plan's alias.
        alias: AliasName,
        /// The plan's strategy, as a name or in short form.
        strategy: String,
    },
    /// A version was published, or publishing made nothing new and named the one that there is.
    Published {
        /// The version.
        version: Version,
        /// SHA-256 of its code, base64.
        code_sha256: String,
    },
    /// Pre-flight passed: traffic may move.
    Checked {
        /// The version that serves; `None` when the alias does not exist yet.
        stable_version: Option<Version>,
        /// The version that is being rolled out; `None` in a check that would still have to publish it.
        canary_version: Option<Version>,
        /// The canary's share that the alias already had: more than zero when a rollout is carried on.
        weight: Weight,
        /// Every alarm of the plan that exists, with its state.
        alarms: Vec<CheckedAlarm>,
    },
    /// A hook was started.
    HookStarted {
        /// Which.
        hook: HookMoment,
        /// The Lambda function that is the hook; `None` for a hook in the embedding program.
        #[serde(skip_serializing_if = "Option::is_none")]
        lambda: Option<HookFunction>,
    },
    /// A hook came to its end.
    HookFinished {
        /// Which.
        hook: HookMoment,
        /// What it said.
        #[serde(flatten)]
        report: HookReport,
    },
    /// An alias write changed the canary's weight.
    Shifted {
        /// The canary's share now, 0 to 1.
        weight: Weight,
        /// The version that traffic was taken from.
        from: Version,
        /// The version that traffic was given to.
        to: Version,
        /// The alias's revision after the write.
        revision_id: String,
    },
    /// A step's hold has passed with every alarm readable and none firing.
    StepHeld {
        /// The step, from 1.
        step: usize,
        /// Its weight.
        weight: Weight,
    },
    /// An alarm was seen in another state than before.
    AlarmChanged {
        /// The alarm.
        alarm: AlarmName,
        /// The state before; `None` when it was not there.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<AlarmState>,
        /// The state now; `None` when it is gone.
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<AlarmState>,
        /// CloudWatch's own words.
        reason: String,
    },
    /// The alarms could not be read. Said once for each outage.
    AlarmsUnreadable {
        /// Why.
        error: ErrorReport,
    },
    /// The rollout waits for a person or program to approve.
    GateWaiting {
        /// Why it waits.
        reason: String,
    },
    /// Paused: no shift until it is resumed. Alarms stay watched.
    Paused,
    /// Resumed, or a gate approved.
    Resumed,
    /// Another hand changed the alias.
    Drifted {
        /// Where the alias points now; `None` when it was deleted.
        #[serde(skip_serializing_if = "Option::is_none")]
        found: Option<Routing>,
        /// Where we had left it.
        expected: Routing,
    },
    /// The canary version is being taken out.
    RollingBack {
        /// Why.
        cause: Cause,
    },
    /// The canary version takes no traffic any more, and the alias was read back to prove it.
    RolledBack {
        /// The version that has all traffic.
        version: Version,
        /// The alias's revision.
        revision_id: String,
    },
    /// The canary version has all traffic, its bake has passed, and the alias was read back to prove it.
    Promoted {
        /// The version that has all traffic.
        version: Version,
        /// The alias's revision.
        revision_id: String,
    },
    /// The end. Always the last event.
    Finished(Outcome),
}

impl EventKind {
    /// The kind's name as it stands in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Published { .. } => "published",
            Self::Checked { .. } => "checked",
            Self::HookStarted { .. } => "hook_started",
            Self::HookFinished { .. } => "hook_finished",
            Self::Shifted { .. } => "shifted",
            Self::StepHeld { .. } => "step_held",
            Self::AlarmChanged { .. } => "alarm_changed",
            Self::AlarmsUnreadable { .. } => "alarms_unreadable",
            Self::GateWaiting { .. } => "gate_waiting",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Drifted { .. } => "drifted",
            Self::RollingBack { .. } => "rolling_back",
            Self::RolledBack { .. } => "rolled_back",
            Self::Promoted { .. } => "promoted",
            Self::Finished(_) => "finished",
        }
    }
}

/// An alarm as pre-flight saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedAlarm {
    /// The alarm.
    pub alarm: AlarmName,
    /// Its state.
    pub state: AlarmState,
}
