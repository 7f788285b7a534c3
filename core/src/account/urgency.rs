use serde::{Deserialize, Serialize};

/// What a call is made for: where a process has to share Lambda's API budget between its calls, the first of these
/// goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// A rollback waits for it: it takes a canary out of traffic, or decides whether that has happened.
    Restore,
    /// A change that moves a rollout on, or a read that a change waits for.
    Change,
    /// Nothing waits for it.
    Look,
}
