use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::Timestamp;

/// Who runs a rollout: what a second runner is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runner {
    /// The computer's name.
    pub host: String,
    /// The process' id on it.
    pub process: u32,
    /// Since when.
    pub since: Timestamp,
}

impl Runner {
    /// This process, from now on.
    #[must_use]
    pub fn this_process(now: Timestamp) -> Self {
        Self { host: host(), process: std::process::id(), since: now }
    }

    /// Host and process alone, as they stand in an alias's description.
    #[must_use]
    pub fn in_short(&self) -> String {
        format!("{}/{}", self.host, self.process)
    }
}

impl fmt::Display for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on host `{}`, since {}", self.process, self.host, self.since)
    }
}

#[cfg(unix)]
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}
