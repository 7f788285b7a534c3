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
    /// Too little data to tell; also every state that this library does not know.
    InsufficientData,
}

impl fmt::Display for AlarmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
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
    /// When it came into this state, by CloudWatch's clock.
    pub since: Option<Timestamp>,
}
