use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::{AlarmName, Timestamp};

/// The state of a CloudWatch alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmState {
    /// Not firing.
    Ok,
    /// Firing.
    Alarm,
    /// Too little data to tell.
    InsufficientData,
    /// It cannot be told: CloudWatch could not evaluate the alarm, or gave a state that this library does not know. The
    /// reading's reason says which. Neither a pass nor a failure, as for an alarm that cannot be read at all.
    Unreadable,
}

impl fmt::Display for AlarmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
            Self::Unreadable => "UNREADABLE",
        })
    }
}

/// One alarm as it was read. An alarm that was asked for and is not among the readings does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmReading {
    /// Its name.
    pub name: AlarmName,
    /// Its state.
    pub state: AlarmState,
    /// CloudWatch's own words on why; for people.
    pub reason: String,
    /// When it came into this state, by CloudWatch's clock: two readings that differ in this are of two stays in it.
    pub since: Option<Timestamp>,
}

/// A change of an alarm's state, from its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmTransition {
    /// When.
    pub at: Timestamp,
    /// The state from then on.
    pub to: AlarmState,
    /// CloudWatch's own words on why; for people.
    pub reason: String,
}
