use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use tokio::time::Instant;

use crate::ports::Clock;
use crate::units::Timestamp;

/// The computer's time, as a rollout needs it: read from the wall clock once and carried on by the monotonic one,
/// so that setting the wall clock neither cuts a hold short nor stretches it.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    wall: Timestamp,
    monotonic: Instant,
}

impl SystemClock {
    /// A clock that starts at the wall clock's time now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    pub fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = Timestamp::from_millis(0) + since;
        Self { wall, monotonic: Instant::now() }
    }

    fn instant_of(&self, at: Timestamp) -> Instant {
        let ahead = at.since(self.wall);
        // So far ahead that no timer reaches it: a month, after which the driver asks again.
        self.monotonic + ahead.min(self.monotonic.elapsed() + Duration::from_secs(30 * 24 * 3600))
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.wall + self.monotonic.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is where waiting comes from")]
    async fn wait_until(&self, at: Timestamp) {
        tokio::time::sleep_until(self.instant_of(at)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_when_the_time_has_come() {
        let clock = SystemClock::new();
        let at = clock.now() + Duration::from_secs(300);
        clock.wait_until(at).await;
        assert!(clock.now() >= at);
        assert!(clock.now() <= at + Duration::from_millis(2));
        clock.wait_until(at).await;
    }
}
