use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Cause;
use crate::units::Version;

/// How a rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// The canary version has all traffic.
    Promoted,
    /// The canary version was taken out.
    RolledBack,
    /// Refused before any traffic moved.
    Refused,
    /// Aborted by a person or program; what had moved was put back.
    Aborted,
    /// Another hand holds the alias; the canary version takes no traffic there.
    Drifted,
    /// The alias could not be brought to one version. A person has to look; the outcome's advice says what to do.
    Unsettled,
    /// There was nothing to do.
    NothingToDo,
}

impl fmt::Display for OutcomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled back",
            Self::Refused => "refused",
            Self::Aborted => "aborted",
            Self::Drifted => "drifted",
            Self::Unsettled => "unsettled",
            Self::NothingToDo => "nothing to do",
        })
    }
}

/// The end of a rollout: a value, whichever way it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    #[serde(rename = "outcome")]
    pub kind: OutcomeKind,
    /// Why, where it is not simply promoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The version that served before the first write; `None` when it was not learnt, or on a first deployment.
    pub stable_version: Option<Version>,
    /// The version that was rolled out; `None` when it was not learnt.
    pub canary_version: Option<Version>,
    /// Whether this rollout ever wrote a weight, or may have: what tells exit code 4 from 3 after an abort.
    pub traffic_moved: bool,
    /// The calls made, by kind.
    pub calls: BTreeMap<String, u64>,
    /// For a rollback, how long each part took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackTimes>,
    /// Where the alias is left, or was found, on two versions: the AWS CLI's command that settles it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// How it ended and why, in a line for people: the same in every language.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            // Which says that it was aborted.
            Some(cause @ Cause::Abort { .. }) if self.kind == OutcomeKind::Aborted => cause.fmt(f),
            Some(cause) => write!(f, "{}: {cause}", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

impl Outcome {
    /// The command's exit code for this end: 0 promoted or nothing to do, 3 refused before any traffic moved,
    /// 4 rolled back, 5 a person has to look.
    ///
    /// An aborted rollout counts as rolled back when traffic had moved and as refused when it had not.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            OutcomeKind::Promoted | OutcomeKind::NothingToDo => 0,
            OutcomeKind::Refused => 3,
            OutcomeKind::Aborted if !self.traffic_moved => 3,
            OutcomeKind::RolledBack | OutcomeKind::Aborted => 4,
            OutcomeKind::Drifted | OutcomeKind::Unsettled => 5,
        }
    }

    /// Whether the canary version serves all traffic now, or already did.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.exit_code() == 0
    }
}

/// How long each part of a rollback took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RollbackTimes {
    /// From the alarm's own change of state, by CloudWatch's clock, until it was seen here. `None` for other causes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_ms: Option<u64>,
    /// From seeing it until the restoring write could be sent: longer than nothing only when a write was in flight.
    pub decided_ms: u64,
    /// From there until the restoring write was acknowledged.
    pub written_ms: u64,
    /// From there until the alias, read back, proved it; `None` when it could not be read any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_back_ms: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: OutcomeKind, cause: Option<Cause>) -> String {
        Outcome {
            kind,
            cause,
            stable_version: None,
            canary_version: None,
            traffic_moved: false,
            calls: BTreeMap::new(),
            rollback: None,
            advice: None,
        }
        .to_string()
    }

    #[test]
    fn an_outcome_says_once_how_it_ended_and_why() {
        let coffee = || Some(Cause::Abort { reason: "coffee".into() });
        assert_eq!(text(OutcomeKind::Promoted, None), "promoted");
        assert_eq!(text(OutcomeKind::Aborted, coffee()), "aborted: coffee");
        assert_eq!(text(OutcomeKind::Unsettled, coffee()), "unsettled: aborted: coffee");
        let deadline = Some(Cause::Deadline { after_ms: 60_000 });
        assert_eq!(text(OutcomeKind::RolledBack, deadline), "rolled back: the plan's deadline of 1m passed");
    }
}
