use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use tokio::time::Instant;

use crate::ports::Clock;
use crate::units::Timestamp;

/// The computer's time, as a rollout needs it: read from the wall clock once and carried on by the monotonic one, so
/// that setting the wall clock neither cuts a hold short nor stretches it. Clones are the same clock.
///
/// While the computer is suspended the monotonic clock stands still and traffic does not. On Linux that time is counted
/// in, by the difference to `CLOCK_BOOTTIME`
/// ([clock_gettime(2)](https://man7.org/linux/man-pages/man2/clock_gettime.2.html)): a rollout that wakes up knows how long
/// it was away, and looks at the alarms before it shifts anything. Elsewhere a hold goes on where it stood.
#[derive(Debug, Clone)]
pub struct SystemClock {
    wall: Timestamp,
    monotonic: Instant,
    /// How long the computer has been suspended since it was started.
    suspended: fn() -> Duration,
    suspended_before: Duration,
    /// The same since this clock began, in milliseconds: two clocks are never read at one moment, and time must not go back.
    away_ms: Arc<AtomicU64>,
}

/// A timer does not run on while the computer is suspended. So late, at most, is noticed that a time has passed by.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

impl SystemClock {
    /// A clock that starts at the wall clock's time now.
    #[must_use]
    pub fn new() -> Self {
        Self::with(time_suspended)
    }

    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn with(suspended: fn() -> Duration) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = Timestamp::from_millis(0) + since;
        let (monotonic, suspended_before) = (Instant::now(), suspended());
        Self { wall, monotonic, suspended, suspended_before, away_ms: Arc::default() }
    }

    fn away(&self) -> Duration {
        let away = (self.suspended)().saturating_sub(self.suspended_before).as_millis() as u64;
        Duration::from_millis(self.away_ms.fetch_max(away, Ordering::Relaxed).max(away))
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
        self.wall + self.monotonic.elapsed() + self.away()
    }

    #[expect(clippy::disallowed_methods, reason = "this is where waiting comes from")]
    async fn wait_until(&self, at: Timestamp) {
        loop {
            let left = at.since(self.now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
        }
    }
}

#[cfg(target_os = "linux")]
fn time_suspended() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let read = |id| Duration::try_from(clock_gettime(id)).unwrap_or_default();
    // In this order the difference is never too large.
    let with_sleep = read(ClockId::Boottime);
    with_sleep.saturating_sub(read(ClockId::Monotonic))
}

#[cfg(not(target_os = "linux"))]
fn time_suspended() -> Duration {
    Duration::ZERO
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

    #[tokio::test(start_paused = true)]
    async fn time_goes_on_while_the_computer_is_suspended_and_never_back() {
        static SUSPENDED_MS: AtomicU64 = AtomicU64::new(60_000);
        let clock = SystemClock::with(|| Duration::from_millis(SUSPENDED_MS.load(Ordering::Relaxed)));
        let began = clock.now();
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move { clock.wait_until(began + Duration::from_secs(7_200)).await }
        });
        tokio::task::yield_now().await;
        SUSPENDED_MS.store(60_000 + 3_600_000, Ordering::Relaxed);
        assert_eq!(clock.now().since(began), Duration::from_secs(3_600));
        SUSPENDED_MS.store(60_000 + 3_599_999, Ordering::Relaxed);
        assert_eq!(clock.now().since(began), Duration::from_secs(3_600));
        waiting.await.expect("it waits");
        assert_eq!(clock.now().since(began), Duration::from_secs(7_200));
    }

    #[test]
    fn a_computer_that_was_not_suspended_meanwhile_is_not_said_to_have_been() {
        let before = time_suspended();
        assert!(time_suspended().abs_diff(before) < Duration::from_millis(100));
    }
}
