use std::time::Duration;

use lambda_rollout::units::Timestamp;

/// A hold as the plan words it: it counts from when the rollout first saw the weight, stands still in a pause, and counts
/// only time between readings of the alarms that passed, with no longer between two of them than a poll and its limit.
/// It is lenient by the time of a call: it may count a little more than the rollout does, and never less.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hold {
    length: Duration,
    /// Time between readings that passed.
    watched: Duration,
    /// Time since the newest of them, which counts if the next one passes too.
    pending: Duration,
    running_since: Option<Timestamp>,
    /// When the newest reading that passed began, or the hold.
    passed_at: Timestamp,
    paused: bool,
    /// When it was over, once the rollout has said so: what comes later takes nothing of it back.
    told_over: Option<Timestamp>,
}

impl Hold {
    pub(crate) fn begin(length: Duration, now: Timestamp, paused: bool) -> Self {
        let running_since = (!paused).then_some(now);
        Self {
            length,
            watched: Duration::ZERO,
            pending: Duration::ZERO,
            running_since,
            passed_at: now,
            paused,
            told_over: None,
        }
    }

    pub(crate) fn pause(&mut self, now: Timestamp) {
        if let Some(since) = self.running_since.take() {
            self.pending += now.since(since);
        }
        self.paused = true;
    }

    pub(crate) fn resume(&mut self, now: Timestamp) {
        if std::mem::take(&mut self.paused) {
            self.running_since = Some(now);
        }
    }

    /// A reading that began then has passed; between two of them may be this much time.
    pub(crate) fn passes(&mut self, began: Timestamp, longest_gap: Duration) {
        if began <= self.passed_at || self.told_over.is_some() {
            return;
        }
        if began.since(self.passed_at) > longest_gap {
            *self = Self::begin(self.length, began, self.paused);
            return;
        }
        let running = self.running_since.map_or(Duration::ZERO, |since| began.since(since));
        self.watched += std::mem::take(&mut self.pending) + running;
        self.passed_at = began;
        self.running_since = (!self.paused).then_some(began);
    }

    /// Since when all of it has passed; `None` while it has not.
    pub(crate) fn over_since(&self, now: Timestamp) -> Option<Timestamp> {
        if self.told_over.is_some() {
            return self.told_over;
        }
        let running = self.running_since.map_or(Duration::ZERO, |since| now.since(since));
        let surplus = (self.watched + self.pending + running).checked_sub(self.length)?;
        Some(now - surplus.min(running))
    }

    /// The rollout says that it is over. False where it is not.
    pub(crate) fn is_told_over(&mut self, now: Timestamp) -> bool {
        self.told_over = self.over_since(now);
        self.told_over.is_some()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }
}
