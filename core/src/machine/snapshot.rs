use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Phase, Stopwatch};
use crate::account::{AliasState, CodeIdentity, Routing};
use crate::event::Cause;
use crate::judge::SeenAlarm;
use crate::units::{AlarmName, RolloutId, Timestamp, Version};

/// What has to be remembered of a rollout so that another process can carry on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The rollout.
    pub rollout_id: RolloutId,
    /// When it started: its deadline counts from here.
    pub started_at: Timestamp,
    /// The next event's number. Events that were told since then have numbers too: who takes the rollout up sets this
    /// to one more than the newest event's.
    pub next_seq: u64,
    /// The version to roll back to, written down before the first write.
    pub stable_version: Version,
    /// The version that is rolled out.
    pub canary_version: Version,
    /// What the rollout was doing.
    pub phase: Phase,
    /// How many of the schedule's steps have been shifted to, the one being written included.
    pub steps_taken: usize,
    /// The alias as last known.
    pub alias: AliasState,
    /// Where writes bring the alias that are about to be made, or were made and not answered for yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub under_way: Vec<Routing>,
    /// The hold or bake.
    #[serde(default)]
    pub hold: Stopwatch,
    /// Up to when the alarms were watched in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_until: Option<Timestamp>,
    /// Whether it is paused.
    #[serde(default)]
    pub paused: bool,
    /// Whether a person or program asked for 100 % now.
    #[serde(default)]
    pub promote_asked: bool,
    /// Whether this rollout ever wrote a weight.
    #[serde(default)]
    pub traffic_moved: bool,
    /// Alarms that fired before the rollout began and that the plan says to ignore: true until they have once been OK.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub excused: BTreeMap<AlarmName, bool>,
    /// Each alarm as it was read last: what happens to one while no process watches shows in the time of its state.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub alarms: BTreeMap<AlarmName, SeenAlarm>,
    /// Revisions of the alias that are known to be old: a read that shows one of them lags behind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub superseded: Vec<String>,
    /// What was published, where the plan publishes: another process compares `$LATEST` with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<CodeIdentity>,
    /// Why the canary is being taken out, when it is: then nothing raises it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolling_back: Option<Cause>,
}
