use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::phase::Phase;
use super::rollout::Rollout;
use crate::account::{AlarmState, Routing};
use crate::units::{AlarmName, RolloutId, Timestamp, Version, Weight};

/// What a rollout is doing now, for displays. The history is in the events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The rollout.
    pub rollout_id: RolloutId,
    /// When this was so.
    pub at: Timestamp,
    /// What it is doing.
    pub phase: Phase,
    /// Whether it is paused.
    pub paused: bool,
    /// The step whose weight is held or being written, from 1; 0 before the first.
    pub step: usize,
    /// How many steps below 100 % the plan has.
    pub steps: usize,
    /// The canary's share of traffic, as far as is known.
    pub weight: Weight,
    /// The version that served before.
    pub stable_version: Option<Version>,
    /// The version that is rolled out.
    pub canary_version: Option<Version>,
    /// Where the alias points, as far as is known.
    pub routing: Option<Routing>,
    /// What is left of the hold or bake.
    #[serde(skip)]
    pub left: Option<Duration>,
    /// The newest state of each alarm.
    pub alarms: BTreeMap<AlarmName, AlarmState>,
}

impl Rollout {
    /// What the rollout is doing now.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            rollout_id: self.id.clone(),
            at: self.now,
            phase: self.phase,
            paused: self.paused,
            step: self.steps_taken,
            steps: self.plan.schedule.steps.len(),
            weight: self.weight(),
            stable_version: self.stable,
            canary_version: self.canary,
            routing: self.alias.as_ref().map(|alias| alias.routing),
            left: self.hold.left(self.now),
            alarms: self.watch.states().clone(),
        }
    }
}
