use std::time::Duration;

use crate::units::{RolloutId, Timestamp};

/// When to try a call again: growing waits, spread by a seed so that many rollouts do not knock in step.
///
/// The waits follow from the rollout's id and the number of tries alone, so that a replay waits the same.
#[derive(Debug, Clone)]
pub(super) struct Retry<C> {
    seed: u64,
    tries: u32,
    first_failure: Option<Timestamp>,
    next: Option<(Timestamp, C)>,
}

/// The first wait; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(200);
/// No wait is longer.
const LONGEST: Duration = Duration::from_secs(10);

impl<C> Retry<C> {
    pub(super) fn new(id: &RolloutId) -> Self {
        let seed = id.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { seed, tries: 0, first_failure: None, next: None }
    }

    /// Plans another try after a failure.
    pub(super) fn after_failure(&mut self, call: C, now: Timestamp) {
        self.first_failure.get_or_insert(now);
        let wait = FIRST.saturating_mul(1 << self.tries.min(10)).min(LONGEST);
        self.tries = self.tries.saturating_add(1);
        // Half of the wait is fixed, the other half spread.
        let half = wait.as_millis() as u64 / 2;
        let spread = splitmix(self.seed.wrapping_add(u64::from(self.tries))) % (half + 1);
        self.next = Some((now + Duration::from_millis(half + spread), call));
    }

    /// Plans a call in a series of calls of which some have failed: that still counts.
    pub(super) fn in_series(&mut self, wait: Duration, call: C, now: Timestamp) {
        self.next = Some((now + wait, call));
    }

    /// How often it has been tried again.
    pub(super) fn tries(&self) -> u32 {
        self.tries
    }

    /// Plans a call for later on purpose. What failed before that does not count any more.
    pub(super) fn after(&mut self, wait: Duration, call: C, now: Timestamp) {
        self.forget();
        self.next = Some((now + wait, call));
    }

    /// Whether calls have been failing for this long already.
    pub(super) fn is_exhausted(&self, patience: Duration, now: Timestamp) -> bool {
        self.first_failure.is_some_and(|first| now.since(first) >= patience)
    }

    pub(super) fn due(&self) -> Option<Timestamp> {
        self.next.as_ref().map(|(at, _)| *at)
    }

    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<C> {
        self.next.take_if(|(at, _)| *at <= now).map(|(_, call)| call)
    }

    /// A call succeeded, or what failed does not matter any more.
    pub(super) fn forget(&mut self) {
        self.tries = 0;
        self.first_failure = None;
        self.next = None;
    }
}

/// The finaliser of the SplitMix64 generator (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014): spreads a counter over all 64 bits.
fn splitmix(counter: u64) -> u64 {
    let mut z = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_differ_between_rollouts_but_not_between_replays() {
        let waits = |id: u64| {
            let mut retry = Retry::new(&RolloutId::from_bits(id));
            let mut waits = Vec::new();
            for _ in 0..12 {
                retry.after_failure((), Timestamp::from_millis(0));
                waits.push(retry.due().expect("planned").as_millis());
            }
            waits
        };
        for (index, wait) in waits(1).into_iter().enumerate() {
            let whole = (200 << index.min(10)).min(10_000);
            assert!((whole / 2..=whole).contains(&wait), "try {index} waits {wait} ms");
        }
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }
}
