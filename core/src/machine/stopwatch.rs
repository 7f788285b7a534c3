use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::Timestamp;

/// Counts down a hold or a bake, and stands still during a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stopwatch {
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    #[default]
    Unset,
    Running {
        ends_at: Timestamp,
    },
    Stopped {
        left_ms: u64,
    },
}

impl Stopwatch {
    pub(super) fn set(&mut self, time: Duration, now: Timestamp, stopped: bool) {
        self.state = match stopped {
            true => State::Stopped { left_ms: millis(time) },
            false => State::Running { ends_at: now + time },
        };
    }

    pub(super) fn clear(&mut self) {
        self.state = State::Unset;
    }

    pub(super) fn stop(&mut self, now: Timestamp) {
        if let State::Running { ends_at } = self.state {
            self.state = State::Stopped { left_ms: millis(ends_at.since(now)) };
        }
    }

    pub(super) fn go(&mut self, now: Timestamp) {
        if let State::Stopped { left_ms } = self.state {
            self.state = State::Running { ends_at: now + Duration::from_millis(left_ms) };
        }
    }

    /// When it will end, or did; `None` when it is not running.
    pub(super) fn ends_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Running { ends_at } => Some(ends_at),
            State::Unset | State::Stopped { .. } => None,
        }
    }

    /// When it ended, if it has.
    pub(super) fn ended(&self, now: Timestamp) -> Option<Timestamp> {
        self.ends_at().filter(|at| *at <= now)
    }

    /// How much is left, stopped or running; `None` when it is not set.
    pub(super) fn left(&self, now: Timestamp) -> Option<Duration> {
        match self.state {
            State::Unset => None,
            State::Running { ends_at } => Some(ends_at.since(now)),
            State::Stopped { left_ms } => Some(Duration::from_millis(left_ms)),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_still_while_stopped() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let mut watch = Stopwatch::default();
        watch.set(Duration::from_secs(100), at(0), false);
        watch.stop(at(40));
        assert_eq!((watch.ends_at(), watch.left(at(500))), (None, Some(Duration::from_secs(60))));
        watch.go(at(500));
        assert_eq!(watch.ended(at(559)), None);
        assert_eq!(watch.ended(at(560)), Some(at(560)));
    }
}
