use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// The dice of one day: everything about it is thrown from its seed.
pub(crate) struct Dice(ChaCha12Rng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.0.next_u64() % (high - low + 1)
    }

    /// True so many times in a hundred.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.between(1, 100) <= percent
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.between(0, of.len() as u64 - 1) as usize]
    }

    /// A length of time in whole seconds, as plans and scenarios write it.
    pub(crate) fn time(&mut self, low: u64, high: u64) -> String {
        format!("{}s", self.between(low, high))
    }
}
