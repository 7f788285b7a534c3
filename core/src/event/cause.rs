use std::fmt;

use serde::{Deserialize, Serialize};

use crate::account::{AlarmState, Claim, HookFailure, HookMoment, Routing};
use crate::error::ErrorReport;
use crate::units::{AlarmName, Timestamp, Version, format_duration};

/// Why a rollout ended as it did, in machine form. `Display` says the same to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// An alarm fired, or was in a state that the plan treats so.
    Alarm {
        /// The alarm's name.
        name: AlarmName,
        /// Its state.
        state: AlarmState,
        /// CloudWatch's own words.
        reason: String,
        /// When it came into this state, by CloudWatch's clock; when we saw it, if CloudWatch does not say.
        time: Timestamp,
        /// When it left that state again, where it fired and cleared between two polls.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cleared_at: Option<Timestamp>,
    },
    /// Alarms of the plan do not exist.
    AlarmsMissing {
        /// Their names.
        names: Vec<AlarmName>,
    },
    /// The alarms could not be read for longer than the plan tolerates.
    AlarmsUnreadable {
        /// Since when.
        since: Timestamp,
        /// The newest error.
        error: ErrorReport,
    },
    /// A hook failed.
    Hook {
        /// Which.
        hook: HookMoment,
        /// How it came to no answer, when it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<HookFailure>,
        /// Why, in the hook's own words or ours.
        reason: String,
    },
    /// The plan's deadline passed.
    Deadline {
        /// The deadline, in milliseconds from the start.
        after_ms: u64,
    },
    /// A person or program aborted.
    Abort {
        /// Why, in their words.
        reason: String,
    },
    /// Another hand changed the alias.
    Drift {
        /// Where it pointed then; `None` when it was deleted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<Routing>,
        /// Where we had left it.
        expected: Routing,
    },
    /// The alias already was on two versions, and not as this plan would have left it.
    AliasWeighted {
        /// Where it points.
        found: Routing,
        /// Which rollout brought it there, where the alias says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Claim>,
    },
    /// Another runner moves the alias. This one let go of it, as it is.
    TakenOver {
        /// Which rollout, and who runs it.
        by: Claim,
    },
    /// The alias points to `$LATEST`, to which nothing can be rolled back.
    AliasOnLatest,
    /// A version is not ready and will not become so.
    VersionNotReady {
        /// Which.
        version: String,
        /// AWS's own words.
        reason: String,
    },
    /// The two versions differ in a way that keeps Lambda from weighting them.
    VersionsDiffer {
        /// In what: `execution role` or `dead-letter queue`.
        what: String,
        /// The stable version's.
        stable: Option<String>,
        /// The canary version's.
        canary: Option<String>,
    },
    /// `$LATEST` was changed by another hand while it was being published.
    LatestChanged,
    /// The alias did not exist: it was created on the new version, and there was nothing to shift.
    FirstDeployment,
    /// The alias already serves the version alone.
    AlreadyServed {
        /// The version.
        version: Version,
    },
    /// A call failed for good.
    Error {
        /// How.
        error: ErrorReport,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alarm { name, reason, time, cleared_at: Some(cleared_at), .. } => {
                write!(
                    f,
                    "alarm `{name}` fired at {time} and cleared at {cleared_at}, between two polls: {reason}"
                )
            }
            Self::Alarm { name, state, reason, .. } if reason.is_empty() => {
                write!(f, "alarm `{name}` is in {state}")
            }
            Self::Alarm { name, state, reason, .. } => write!(f, "alarm `{name}` is in {state}: {reason}"),
            Self::AlarmsMissing { names } => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                write!(f, "no such alarm in this account and Region: {}", names.join(", "))
            }
            Self::AlarmsUnreadable { since, error } => {
                write!(f, "the alarms could not be read since {since}: {error}")
            }
            Self::Hook { hook, failure: Some(failure), reason } => {
                write!(f, "hook {hook} failed ({failure}): {reason}")
            }
            Self::Hook { hook, failure: None, reason } => write!(f, "hook {hook} failed: {reason}"),
            Self::Deadline { after_ms } => {
                let after = std::time::Duration::from_millis(*after_ms);
                write!(f, "the plan's deadline of {} passed", format_duration(after))
            }
            Self::Abort { reason } => write!(f, "aborted: {reason}"),
            Self::Drift { found: Some(found), expected } => {
                write!(f, "another hand changed the alias: found {found}, expected {expected}")
            }
            Self::Drift { found: None, expected } => {
                write!(f, "another hand deleted the alias, expected {expected}")
            }
            Self::AliasWeighted { found, by: None } => {
                write!(f, "the alias already is on two versions ({found}), and not by this plan")
            }
            Self::AliasWeighted { found, by: Some(by) } => {
                write!(f, "the alias already is on two versions ({found}), moved there by {by}")
            }
            Self::TakenOver { by } => write!(f, "another runner moves the alias: {by}"),
            Self::AliasOnLatest => {
                f.write_str("the alias points to $LATEST, to which nothing can be rolled back")
            }
            Self::VersionNotReady { version, reason } => {
                write!(f, "version {version} is not ready: {reason}")
            }
            Self::VersionsDiffer { what, stable, canary } => write!(
                f,
                "the versions differ in their {what} (stable `{}`, canary `{}`), so Lambda cannot weight them",
                stable.as_deref().unwrap_or("none"),
                canary.as_deref().unwrap_or("none"),
            ),
            Self::LatestChanged => f.write_str("another hand changed $LATEST while it was being published"),
            Self::FirstDeployment => f.write_str(
                "the alias did not exist: it was created on the new version, and there was nothing to shift",
            ),
            Self::AlreadyServed { version } => write!(f, "the alias already serves version {version} alone"),
            Self::Error { error } => error.fmt(f),
        }
    }
}
