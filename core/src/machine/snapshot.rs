use serde::{Deserialize, Serialize};

use crate::event::Cause;
use crate::units::{RolloutId, Timestamp, Version, Weight};

/// What has to be remembered of a rollout so that another process can carry on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The rollout.
    pub rollout_id: RolloutId,
    /// When it started: its deadline counts from here.
    pub started_at: Timestamp,
    /// The next event's number.
    pub next_seq: u64,
    /// The version to roll back to, written down before the first write.
    pub stable_version: Version,
    /// The version that is rolled out.
    pub canary_version: Version,
    /// The weight that the next write shall bring about.
    pub target_weight: Weight,
    /// Why the canary is being taken out, when it is: then nothing raises it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolling_back: Option<Cause>,
}
