use std::time::Duration;

use super::stopwatch::Stopwatch;
use crate::units::Timestamp;

/// The time that a step or the bake lasts. It stands still during a pause, and counts only while polls of the alarms pass.
///
/// What nobody watched was not held: the time from the last poll that passed until the next one does is not counted, and
/// after a gap in which nobody can say what happened, all of it starts anew.
#[derive(Debug, Clone, Default)]
pub(super) struct Hold {
    clock: Stopwatch,
    length: Duration,
    paused: bool,
    unobserved: bool,
    /// Up to here polls have passed since it began, or this is when it began.
    observed_until: Timestamp,
    /// What was left then.
    left_then: Duration,
    /// Up to here another process knows.
    written_until: Timestamp,
}

/// How often it is written down that the alarms are watched: often enough for the next process to know, where it takes
/// over at once, that nothing was missed.
const WRITTEN_EVERY: Duration = Duration::from_secs(10);

impl Hold {
    pub(super) fn begin(&mut self, length: Duration, now: Timestamp, paused: bool) {
        let observed_until = now;
        *self =
            Self { length, paused, observed_until, left_then: length, written_until: now, ..Self::default() };
        self.clock.set(length, now, paused);
    }

    /// Goes on with another process's countdown. That process's clock may have been ahead of this one: no more is left
    /// than the whole time, and all of it where nothing was counted down yet.
    pub(super) fn resume_from(&mut self, before: Stopwatch, length: Duration, now: Timestamp, paused: bool) {
        self.begin(length, now, paused);
        self.left_then = before.left(now).unwrap_or(length).min(length);
        self.clock.set(self.left_then, now, paused);
    }

    pub(super) fn clear(&mut self) {
        self.clock.clear();
    }

    pub(super) fn pause(&mut self, now: Timestamp) {
        self.paused = true;
        self.clock.stop(now);
    }

    pub(super) fn resume(&mut self, now: Timestamp) {
        self.paused = false;
        if !self.unobserved {
            self.clock.go(now);
        }
    }

    /// A poll that began at `asked` has passed. Up to `gap` between two of them is what happens in the ordinary course.
    pub(super) fn observe(&mut self, asked: Timestamp, now: Timestamp, gap: Duration) {
        if self.clock.left(now).is_none() {
            return;
        }
        if asked.since(self.observed_until) > gap {
            tracing::info!(length = ?self.length, "the hold starts anew: the alarms were not watched for too long");
            return self.begin(self.length, now, self.paused);
        }
        if self.unobserved {
            self.unobserved = false;
            if !self.paused {
                self.clock.go(now);
            }
        } else if asked > self.observed_until {
            self.left_then = self.clock.left(asked).unwrap_or_default();
        }
        self.observed_until = self.observed_until.max(asked);
    }

    /// A poll did not pass: nothing since the last one that did counts.
    pub(super) fn lose_sight(&mut self, now: Timestamp) {
        if self.unobserved || self.clock.left(now).is_none() {
            return;
        }
        self.unobserved = true;
        self.clock.set(self.left_then, now, true);
    }

    /// Whether another process should know how far the alarms have been watched by now.
    pub(super) fn is_worth_writing(&mut self, now: Timestamp) -> bool {
        let due =
            self.clock.left(now).is_some() && self.observed_until.since(self.written_until) >= WRITTEN_EVERY;
        if due {
            self.written_until = self.observed_until;
        }
        due
    }

    pub(super) fn clock(&self) -> Stopwatch {
        self.clock
    }

    /// Up to when it was watched; `None` when it is not set.
    pub(super) fn observed_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.clock.left(now).map(|_| self.observed_until)
    }

    pub(super) fn ends_at(&self) -> Option<Timestamp> {
        self.clock.ends_at()
    }

    pub(super) fn ended(&self, now: Timestamp) -> Option<Timestamp> {
        self.clock.ended(now)
    }

    pub(super) fn left(&self, now: Timestamp) -> Option<Duration> {
        self.clock.left(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Duration = Duration::from_secs(30);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn hold(seconds: u64) -> Hold {
        let mut hold = Hold::default();
        hold.begin(Duration::from_secs(seconds), at(0), false);
        hold
    }

    #[test]
    fn time_in_which_polls_do_not_pass_is_not_counted() {
        let mut hold = hold(100);
        hold.observe(at(10), at(10), GAP);
        hold.lose_sight(at(20));
        hold.lose_sight(at(25));
        assert_eq!((hold.ends_at(), hold.left(at(30))), (None, Some(Duration::from_secs(90))));
        hold.observe(at(30), at(31), GAP);
        assert_eq!(hold.ends_at(), Some(at(121)));
    }

    #[test]
    fn it_starts_anew_after_a_gap() {
        let mut hold = hold(100);
        hold.observe(at(10), at(10), GAP);
        hold.observe(at(41), at(42), GAP);
        assert_eq!(hold.ends_at(), Some(at(142)));
        // Over before anybody watched at all: a process that was stopped.
        let mut hold = self::hold(8);
        hold.observe(at(60), at(60), GAP);
        assert_eq!((hold.ended(at(60)), hold.ends_at()), (None, Some(at(68))));
    }

    #[test]
    fn a_pause_and_a_loss_of_sight_both_have_to_end() {
        let mut hold = hold(100);
        hold.pause(at(10));
        hold.lose_sight(at(12));
        hold.resume(at(14));
        assert_eq!(hold.ends_at(), None);
        hold.observe(at(20), at(20), GAP);
        assert_eq!(hold.ends_at(), Some(at(120)));
        hold.lose_sight(at(30));
        hold.pause(at(31));
        hold.observe(at(32), at(32), GAP);
        assert_eq!(hold.ends_at(), None);
        hold.resume(at(40));
        assert_eq!(hold.ends_at(), Some(at(140)));
    }
}
