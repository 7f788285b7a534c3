use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::AlarmName;

/// The alarms of a plan, and what each of their moods means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmWatch {
    pub(crate) names: Vec<AlarmName>,
    pub(crate) poll: Duration,
    pub(crate) already_alarming: AlreadyAlarming,
    pub(crate) missing: MissingAlarm,
    pub(crate) insufficient_data: InsufficientData,
    pub(crate) unreadable: Unreadable,
    pub(crate) flaps: Flaps,
}

impl Default for AlarmWatch {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            poll: Self::DEFAULT_POLL,
            already_alarming: AlreadyAlarming::default(),
            missing: MissingAlarm::default(),
            insufficient_data: InsufficientData::default(),
            unreadable: Unreadable::default(),
            flaps: Flaps::default(),
        }
    }
}

impl AlarmWatch {
    /// Time between two looks at the alarms when the plan does not say. CloudWatch itself evaluates an alarm
    /// every minute, or every 10 seconds for high-resolution ones
    /// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html>).
    pub const DEFAULT_POLL: Duration = Duration::from_secs(10);

    /// The shortest time between two polls that a plan may ask for.
    pub const SHORTEST_POLL: Duration = Duration::from_millis(100);

    /// The longest time between two polls that a plan may ask for: for so long a bad version may take traffic unseen.
    pub const LONGEST_POLL: Duration = Duration::from_secs(5 * 60);

    /// The alarms, in the plan's order, each once.
    #[must_use]
    pub fn names(&self) -> &[AlarmName] {
        &self.names
    }

    /// Time between two looks.
    #[must_use]
    pub fn poll(&self) -> Duration {
        self.poll
    }

    /// What an alarm means that fires before any traffic moved.
    #[must_use]
    pub fn already_alarming(&self) -> AlreadyAlarming {
        self.already_alarming
    }

    /// What an alarm means that does not exist.
    #[must_use]
    pub fn missing(&self) -> MissingAlarm {
        self.missing
    }

    /// What `INSUFFICIENT_DATA` means.
    #[must_use]
    pub fn insufficient_data(&self) -> InsufficientData {
        self.insufficient_data
    }

    /// What an outage of the alarm API means.
    #[must_use]
    pub fn unreadable(&self) -> Unreadable {
        self.unreadable
    }

    /// What an alarm means that fired and cleared between two polls.
    #[must_use]
    pub fn flaps(&self) -> Flaps {
        self.flaps
    }
}

/// What an alarm means that fires before any traffic moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AlreadyAlarming {
    /// Refuse the rollout.
    #[default]
    Refuse,
    /// Ignore it until it has once been OK, then watch it as any other.
    IgnoreUntilOk,
    /// Ignore it throughout: for the release that mends what the alarm complains of.
    Ignore,
}

/// What an alarm means that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum MissingAlarm {
    /// Refuse the rollout; in mid-rollout, treat it as unreadable.
    #[default]
    Refuse,
    /// Ignore it.
    Ignore,
}

/// What `INSUFFICIENT_DATA` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum InsufficientData {
    /// As good as OK: a quiet function has no data.
    #[default]
    Pass,
    /// The weight does not rise while it lasts.
    Hold,
    /// As bad as ALARM.
    RollBack,
}

/// What an alarm means that fired and cleared between two polls. Its transition time gives it away, and its history
/// says whether it was in ALARM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Flaps {
    /// As bad as an alarm that a poll finds in ALARM.
    #[default]
    RollBack,
    /// Report it as an event, with no other consequence.
    Report,
}

/// What an outage of the alarm API means. The weight never rises while it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unreadable {
    /// How long it is borne.
    pub tolerate: Duration,
    /// What happens then.
    pub then: WhenUnreadable,
}

impl Unreadable {
    /// The shortest outage that a plan may call too long.
    pub const SHORTEST_TOLERANCE: Duration = Duration::from_secs(1);
}

impl Default for Unreadable {
    fn default() -> Self {
        Self { tolerate: Duration::from_secs(2 * 60), then: WhenUnreadable::RollBack }
    }
}

/// What happens when the alarms could not be read for longer than the plan bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum WhenUnreadable {
    /// Stay at this weight until they can be read again, or until the deadline.
    Hold,
    /// Put everything back.
    #[default]
    RollBack,
}
