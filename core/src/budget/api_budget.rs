use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::queue::{Call, Queue};
use super::registry;
use crate::account::Urgency;
use crate::error::Error;

/// The budget of one account in one Region, shared with every other `ApiBudget` of the same. Cloning is cheap.
///
/// Which account it is may become known later than the first call needs it: until then the budget is shared with
/// whatever else in the process is of the same place.
#[derive(Clone)]
pub struct ApiBudget {
    place: Arc<str>,
    queue: Arc<Mutex<Arc<Queue>>>,
}

impl ApiBudget {
    /// The budget of an account that is not known yet, at this place: its Region, and its endpoint where that is not
    /// AWS's own.
    #[must_use]
    pub fn at(place: &str) -> Self {
        Self { place: place.into(), queue: Arc::new(Mutex::new(registry::of_place(place))) }
    }

    /// A budget that nobody else spends from.
    #[must_use]
    pub fn alone() -> Self {
        Self { place: "".into(), queue: Arc::new(Mutex::new(Arc::new(Queue::new()))) }
    }

    /// Says which account it is; the same text stands for the same account.
    pub fn identify(&self, account: &str) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        *queue = registry::of_account(&self.place, account, &queue);
    }

    /// Waits until the call may be made.
    ///
    /// # Errors
    /// [`Error::queued`] when its turn has not come within three seconds.
    pub(super) async fn turn(&self, call: Call, urgency: Urgency) -> Result<(), Error> {
        let queue = Arc::clone(&self.queue.lock().unwrap_or_else(PoisonError::into_inner));
        queue.turn(&call, urgency).await
    }

    #[cfg(test)]
    pub(crate) fn shares_with(&self, other: &Self) -> bool {
        let queue = |budget: &Self| Arc::as_ptr(&budget.queue.lock().expect("no panic"));
        queue(self) == queue(other)
    }
}

impl fmt::Debug for ApiBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiBudget").field("place", &self.place).finish_non_exhaustive()
    }
}
