use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::error::{Error, ErrorKind};

/// The calls that a process makes to Lambda's control plane, kept below what AWS allows an account, so that many rollouts
/// at once do not push each other into throttling, and so that what takes a canary out is never behind anything else.
///
/// AWS allows 15 calls a second for all operations but `GetFunction` and `GetPolicy` together, and raises that for nobody
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>). Other processes spend from the same.
pub(super) struct Budget {
    state: Mutex<State>,
}

/// What a call is for; the first goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// Takes a canary out.
    Restore,
    /// Changes something else.
    Change,
    /// Looks.
    Look,
}

struct State {
    /// Calls that may be made now.
    left: u32,
    /// Since when the next one is being earned.
    earning_since: Instant,
    waiting: BTreeMap<(Urgency, u64), oneshot::Sender<()>>,
    next: u64,
}

const PER_SECOND: u32 = 15;
const ONE_EARNED_IN: Duration = Duration::from_micros(1_000_000 / PER_SECOND as u64);
/// A call that waits longer for its turn is not made: its rollout tries again, and knows that it had no effect.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

impl Budget {
    pub(super) fn new() -> Self {
        let state =
            State { left: PER_SECOND, earning_since: Instant::now(), waiting: BTreeMap::new(), next: 0 };
        Self { state: Mutex::new(state) }
    }

    /// Waits until the call may be made.
    ///
    /// # Errors
    /// [`ErrorKind::Throttled`] when its turn does not come for long: the call surely had no effect.
    #[expect(clippy::disallowed_methods, reason = "paces real calls; no rollout's time comes from here")]
    pub(super) async fn turn(&self, urgency: Urgency) -> Result<(), Error> {
        let until = Instant::now() + LONGEST_WAIT;
        let mut turn = self.state().enter(urgency);
        loop {
            let earned_at = self.state().hand_out();
            tokio::select! {
                biased;
                _ = &mut turn => return Ok(()),
                () = sleep_until(earned_at.min(until)) => {}
            }
            if Instant::now() >= until && turn.try_recv().is_err() {
                let text = format!("this process makes {PER_SECOND} calls a second to Lambda already");
                return Err(Error::new(ErrorKind::Throttled, text));
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(&mut self, urgency: Urgency) -> oneshot::Receiver<()> {
        let (give, turn) = oneshot::channel();
        self.waiting.insert((urgency, self.next), give);
        self.next += 1;
        turn
    }

    /// Lets go whose turn it is, and says when the next call will have been earned.
    fn hand_out(&mut self) -> Instant {
        let now = Instant::now();
        while self.left < PER_SECOND && self.earning_since + ONE_EARNED_IN <= now {
            self.left += 1;
            self.earning_since += ONE_EARNED_IN;
        }
        if self.left == PER_SECOND {
            self.earning_since = now;
        }
        while self.left > 0
            && let Some((_, give)) = self.waiting.pop_first()
        {
            // Who does not wait any more spends nothing.
            self.left -= u32::from(give.send(()).is_ok());
        }
        self.earning_since + ONE_EARNED_IN
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Lets calls of these kinds wait at once, and gives the kinds in the order in which their turns came.
    async fn order_of(budget: &Arc<Budget>, calls: &[(Urgency, usize)]) -> Vec<(Urgency, bool)> {
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        for (urgency, count) in calls {
            for _ in 0..*count {
                let (budget, tell, urgency) = (Arc::clone(budget), tell.clone(), *urgency);
                tokio::spawn(async move {
                    let taken = budget.turn(urgency).await;
                    tell.send((urgency, taken.is_ok())).expect("it is told");
                });
            }
        }
        drop(tell);
        let mut order = Vec::new();
        while let Some(turn) = told.recv().await {
            order.push(turn);
        }
        order
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_a_canary_out_goes_first_and_looks_go_last() {
        let budget = Arc::new(Budget::new());
        order_of(&budget, &[(Urgency::Look, 15)]).await;
        let order =
            order_of(&budget, &[(Urgency::Look, 4), (Urgency::Change, 3), (Urgency::Restore, 2)]).await;
        let mut sorted = order.clone();
        sorted.sort();
        assert_eq!(order, sorted);
        assert!(order.iter().all(|(_, taken)| *taken) && order.len() == 9);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_fifteen_a_second_are_made_and_who_waits_too_long_is_throttled() {
        let budget = Arc::new(Budget::new());
        let began = Instant::now();
        order_of(&budget, &[(Urgency::Look, 15)]).await;
        assert!(began.elapsed() < Duration::from_millis(10));
        let order = order_of(&budget, &[(Urgency::Look, 60)]).await;
        let made = order.iter().filter(|(_, taken)| *taken).count();
        assert!((44..=45).contains(&made), "{made} in three seconds");
        assert_eq!(order.len(), 60);
        // Time in which nothing is asked for is not saved up for ever.
        tokio::time::advance(Duration::from_secs(3_600)).await;
        let order = order_of(&budget, &[(Urgency::Look, 70)]).await;
        assert!((59..=60).contains(&order.iter().filter(|(_, taken)| *taken).count()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_waiting_spends_nothing() {
        let budget = Arc::new(Budget::new());
        order_of(&budget, &[(Urgency::Look, 15)]).await;
        for _ in 0..5 {
            let mut gone = Box::pin(budget.turn(Urgency::Restore));
            assert!(futures_util::poll!(gone.as_mut()).is_pending());
        }
        let began = Instant::now();
        budget.turn(Urgency::Look).await.expect("its turn");
        assert!(began.elapsed() <= ONE_EARNED_IN + Duration::from_millis(1));
    }
}
