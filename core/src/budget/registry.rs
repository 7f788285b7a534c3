//! Which queues there are in this process. A queue lasts as long as somebody spends from it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::queue::Queue;

/// By place and account; no account stands for those that are not known yet.
type Queues = BTreeMap<(String, Option<String>), Weak<Queue>>;

static QUEUES: Mutex<Queues> = Mutex::new(BTreeMap::new());

/// The queue of an account that is not known yet.
pub(super) fn of_place(place: &str) -> Arc<Queue> {
    find_or_insert((place.to_owned(), None), |_| Arc::new(Queue::new()))
}

/// The queue of this account, for somebody who has waited in `current` until now.
///
/// The first account that is known at a place keeps the place's queue, and whoever waits in it; only one more needs a
/// queue of its own.
pub(super) fn of_account(place: &str, account: &str, current: &Arc<Queue>) -> Arc<Queue> {
    find_or_insert((place.to_owned(), Some(account.to_owned())), |queues| {
        let taken = |((_, account), queue): (&(String, Option<String>), &Weak<Queue>)| {
            account.is_some() && queue.as_ptr() == Arc::as_ptr(current)
        };
        if queues.iter().any(taken) { Arc::new(Queue::new()) } else { Arc::clone(current) }
    })
}

fn find_or_insert(key: (String, Option<String>), new: impl FnOnce(&Queues) -> Arc<Queue>) -> Arc<Queue> {
    let mut queues = QUEUES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(queue) = queues.get(&key).and_then(Weak::upgrade) {
        return queue;
    }
    queues.retain(|_, queue| queue.strong_count() > 0);
    let queue = new(&queues);
    queues.insert(key, Arc::downgrade(&queue));
    queue
}

#[cfg(test)]
mod tests {
    use super::super::ApiBudget;
    use super::*;

    fn known(place: &str) -> usize {
        let queues = QUEUES.lock().unwrap_or_else(PoisonError::into_inner);
        queues.keys().filter(|(of, _)| of == place).count()
    }

    #[test]
    fn an_account_and_region_have_one_budget_however_many_ask() {
        let (one, two) = (ApiBudget::at("eu-west-1 shared"), ApiBudget::at("eu-west-1 shared"));
        assert!(one.shares_with(&two), "before either is known");
        one.identify("111111111111");
        assert!(one.shares_with(&two), "who is not known yet may be the same");
        two.identify("111111111111");
        two.identify("111111111111");
        assert!(one.shares_with(&two), "also when it is said again");
        let late = ApiBudget::at("eu-west-1 shared");
        late.identify("111111111111");
        assert!(one.shares_with(&late));
        assert!(!one.shares_with(&ApiBudget::at("eu-west-2 shared")));
        assert!(!one.shares_with(&ApiBudget::alone()));
    }

    #[test]
    fn another_account_gets_one_of_its_own() {
        let (one, two, three) = (
            ApiBudget::at("eu-west-1 others"),
            ApiBudget::at("eu-west-1 others"),
            ApiBudget::at("eu-west-1 others"),
        );
        one.identify("111111111111");
        two.identify("222222222222");
        three.identify("333333333333");
        assert!(!one.shares_with(&two) && !one.shares_with(&three) && !two.shares_with(&three));
        let again = ApiBudget::at("eu-west-1 others");
        again.identify("222222222222");
        assert!(two.shares_with(&again));
    }

    #[test]
    fn a_budget_that_nobody_spends_from_is_forgotten() {
        for number in 0..100 {
            let budget = ApiBudget::at("eu-west-1 forgotten");
            budget.identify(&format!("{number:012}"));
        }
        assert!(known("eu-west-1 forgotten") <= 2);
    }
}
