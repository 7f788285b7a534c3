use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::account::Urgency;
use crate::error::Error;
use crate::units::{AliasName, FunctionRef};

/// The calls that wait for their turn, and the pace at which turns are given.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Told when nobody waits for the next turn to be earned any longer: somebody else has to.
    unpaced: Notify,
}

/// What a call is, so that a later try of the same one is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Call {
    operation: &'static str,
    subject: String,
}

impl Call {
    pub(super) fn new(operation: &'static str, function: &FunctionRef, alias: Option<&AliasName>) -> Self {
        let alias = alias.map_or("", AliasName::as_str);
        Self { operation, subject: format!("{}:{alias}", function.as_str()) }
    }
}

/// A number that grows: the smallest of a class goes first.
type Place = u64;

struct State {
    /// Calls that may be made now.
    left: u32,
    /// Since when the next one is being earned.
    earning_since: Instant,
    /// Who waits, the most urgent class first.
    waiting: [BTreeMap<Place, oneshot::Sender<()>>; 3],
    /// How many turns in a row each class has had while others waited below it.
    in_a_row: [u32; 3],
    /// Places whose callers have been told to come again, and until when these are kept.
    kept: BTreeMap<Call, BTreeMap<Place, Instant>>,
    sweep_at: Instant,
    next: Place,
    /// Whether one of those who wait wakes up when the next turn is earned. All of them doing so would cost a process
    /// with ten thousand of them a core.
    paced: bool,
}

const PER_SECOND: u32 = 15;
const ONE_EARNED_IN: Duration = Duration::from_micros(1_000_000 / PER_SECOND as u64);
/// So many turns in a row go to a class while less urgent ones wait; the next goes to one of those.
const MOST_IN_A_ROW: u32 = 7;
/// A call that waits longer is answered first: with the time that the call itself takes, an alias write has to stay
/// within the ten seconds that the machine gives it.
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// How long a place is kept for a caller who was told to come again.
const KEPT: Duration = Duration::from_secs(60);

impl Queue {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State::new(Instant::now())), unpaced: Notify::new() }
    }

    /// Waits until the call may be made.
    ///
    /// # Errors
    /// [`Error::queued`] when its turn does not come for long. Its place is kept for the next try of the same call.
    #[expect(clippy::disallowed_methods, reason = "paces real calls; no rollout's time comes from here")]
    pub(super) async fn turn(&self, call: &Call, urgency: Urgency) -> Result<(), Error> {
        let until = Instant::now() + LONGEST_WAIT;
        let (place, mut turn) = self.state().enter(call, urgency, Instant::now());
        let mut pacer = None;
        loop {
            // Before anything else: who was told that nobody keeps the pace, and leaves, passes that on.
            if pacer.is_none() {
                pacer = Pacer::begin(self);
            }
            let earned_at = self.state().hand_out(Instant::now());
            if turn.try_recv().is_ok() {
                return Ok(());
            }
            if Instant::now() >= until {
                return if self.state().step_aside(call, urgency, place, Instant::now()) {
                    Err(Error::queued(format!(
                        "waits for its turn: this process makes {PER_SECOND} calls a second to Lambda already"
                    )))
                } else {
                    Ok(())
                };
            }
            let wake_at = if pacer.is_some() { earned_at.min(until) } else { until };
            tokio::select! {
                biased;
                _ = &mut turn => return Ok(()),
                () = self.unpaced.notified(), if pacer.is_none() => {}
                () = sleep_until(wake_at) => {}
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one among those who wait who wakes up for the next turn.
struct Pacer<'q>(&'q Queue);

impl<'q> Pacer<'q> {
    /// `None` when there is one already.
    fn begin(queue: &'q Queue) -> Option<Self> {
        let mut state = queue.state();
        if std::mem::replace(&mut state.paced, true) { None } else { Some(Self(queue)) }
    }
}

impl Drop for Pacer<'_> {
    fn drop(&mut self) {
        self.0.state().paced = false;
        self.0.unpaced.notify_one();
    }
}

impl State {
    fn new(now: Instant) -> Self {
        Self {
            left: PER_SECOND,
            earning_since: now,
            waiting: [BTreeMap::new(), BTreeMap::new(), BTreeMap::new()],
            in_a_row: [0; 3],
            kept: BTreeMap::new(),
            sweep_at: now + KEPT,
            next: 0,
            paced: false,
        }
    }

    fn class(urgency: Urgency) -> usize {
        match urgency {
            Urgency::Restore => 0,
            Urgency::Change => 1,
            Urgency::Look => 2,
        }
    }

    /// Begins to wait, at the place that an earlier try of the same call has left, if there is one.
    fn enter(&mut self, call: &Call, urgency: Urgency, now: Instant) -> (Place, oneshot::Receiver<()>) {
        let (give, turn) = oneshot::channel();
        let place = self.take_back(call, now).unwrap_or_else(|| {
            self.next += 1;
            self.next
        });
        self.waiting[Self::class(urgency)].insert(place, give);
        (place, turn)
    }

    fn take_back(&mut self, call: &Call, now: Instant) -> Option<Place> {
        let places = self.kept.get_mut(call)?;
        places.retain(|_, until| now < *until);
        let oldest = places.pop_first();
        if places.is_empty() {
            self.kept.remove(call);
        }
        Some(oldest?.0)
    }

    /// Stops waiting, and keeps the place. False when the turn has come after all.
    fn step_aside(&mut self, call: &Call, urgency: Urgency, place: Place, now: Instant) -> bool {
        if self.waiting[Self::class(urgency)].remove(&place).is_none() {
            return false;
        }
        if now >= self.sweep_at {
            self.sweep_at = now + KEPT;
            self.kept.retain(|_, places| places.values().any(|until| now < *until));
        }
        self.kept.entry(call.clone()).or_default().insert(place, now + KEPT);
        true
    }

    /// Gives turns to those who are first, and says when the next turn will have been earned.
    fn hand_out(&mut self, now: Instant) -> Instant {
        while self.left < PER_SECOND && self.earning_since + ONE_EARNED_IN <= now {
            self.left += 1;
            self.earning_since += ONE_EARNED_IN;
        }
        if self.left == PER_SECOND {
            self.earning_since = now;
        }
        while self.left > 0
            && let Some((_, give)) = self.next_class().and_then(|class| self.waiting[class].pop_first())
        {
            // A caller that is gone spends nothing.
            self.left -= u32::from(give.send(()).is_ok());
        }
        self.earning_since + ONE_EARNED_IN
    }

    /// Whose turn it is: the most urgent class that waits, unless it has had so many turns in a row that one of those
    /// below it is due.
    fn next_class(&mut self) -> Option<usize> {
        for class in 0..self.waiting.len() {
            if self.waiting[class].is_empty() {
                continue;
            }
            if self.waiting[class + 1..].iter().all(BTreeMap::is_empty) {
                self.in_a_row[class] = 0;
                return Some(class);
            }
            if self.in_a_row[class] < MOST_IN_A_ROW {
                self.in_a_row[class] += 1;
                return Some(class);
            }
            self.in_a_row[class] = 0;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::mpsc;

    use super::*;

    fn call(name: &str) -> Call {
        let function = FunctionRef::parse(name).expect("a name");
        Call::new("GetAlias", &function, Some(&AliasName::parse("main").expect("a name")))
    }

    /// A queue whose first second is spent.
    async fn spent() -> Arc<Queue> {
        let queue = Arc::new(Queue::new());
        order_of(&queue, &[(Urgency::Look, 15)]).await;
        queue
    }

    /// Lets calls of these kinds wait at once, and gives the kinds in the order in which they were answered.
    async fn order_of(queue: &Arc<Queue>, calls: &[(Urgency, usize)]) -> Vec<(Urgency, bool)> {
        let (tell, mut told) = mpsc::unbounded_channel();
        for (urgency, count) in calls {
            for number in 0..*count {
                let (queue, tell, urgency) = (Arc::clone(queue), tell.clone(), *urgency);
                tokio::spawn(async move {
                    let taken = queue.turn(&call(&format!("{urgency:?}-{number}")), urgency).await;
                    assert!(taken.as_ref().err().is_none_or(Error::is_queued), "{taken:?}");
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

    /// Keeps so many callers of this urgency waiting all the time, each with a call of its own.
    fn pressure(queue: &Arc<Queue>, urgency: Urgency, callers: usize) {
        for number in 0..callers {
            let queue = Arc::clone(queue);
            tokio::spawn(async move {
                for turn in 0_u64.. {
                    let this = call(&format!("{urgency:?}-{number}-{turn}"));
                    while queue.turn(&this, urgency).await.is_err() {}
                }
            });
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_rollback_waits_for_goes_first_and_looks_go_last() {
        let queue = spent().await;
        let order =
            order_of(&queue, &[(Urgency::Look, 4), (Urgency::Change, 3), (Urgency::Restore, 2)]).await;
        let mut sorted = order.clone();
        sorted.sort();
        assert_eq!(order, sorted);
        assert!(order.iter().all(|(_, taken)| *taken) && order.len() == 9);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_fifteen_a_second_are_made_and_who_waits_longer_is_queued() {
        let queue = Arc::new(Queue::new());
        let began = Instant::now();
        order_of(&queue, &[(Urgency::Look, 15)]).await;
        assert!(began.elapsed() < Duration::from_millis(10));
        let order = order_of(&queue, &[(Urgency::Look, 60)]).await;
        let made = order.iter().filter(|(_, taken)| *taken).count();
        assert!((44..=45).contains(&made), "{made} in three seconds");
        assert_eq!(order.len(), 60);
        // Time in which nothing is asked for is not saved up for ever.
        tokio::time::advance(Duration::from_secs(3_600)).await;
        let order = order_of(&queue, &[(Urgency::Look, 70)]).await;
        assert!((59..=60).contains(&order.iter().filter(|(_, taken)| *taken).count()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_waiting_spends_nothing() {
        let queue = spent().await;
        for _ in 0..5 {
            let this = call("gone");
            let mut gone = Box::pin(queue.turn(&this, Urgency::Restore));
            assert!(futures_util::poll!(gone.as_mut()).is_pending());
        }
        let began = Instant::now();
        queue.turn(&call("here"), Urgency::Look).await.expect("its turn");
        assert!(began.elapsed() <= ONE_EARNED_IN + Duration::from_millis(1));
    }

    /// The one who wakes up for everybody may leave at any time, as may the one after.
    #[tokio::test(start_paused = true)]
    async fn the_pace_is_kept_when_the_one_who_kept_it_is_gone() {
        let queue = spent().await;
        let calls = [call("first"), call("second"), call("third")];
        let [mut first, mut second, mut third] =
            calls.each_ref().map(|this| Box::pin(queue.turn(this, Urgency::Change)));
        for waits in [&mut first, &mut second, &mut third] {
            assert!(futures_util::poll!(waits.as_mut()).is_pending());
        }
        let began = Instant::now();
        drop(first);
        drop(second);
        third.await.expect("its turn");
        assert!(began.elapsed() <= ONE_EARNED_IN + Duration::from_millis(1));
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_told_to_come_again_finds_the_old_place() {
        let queue = spent().await;
        pressure(&queue, Urgency::Look, 100);
        while queue.state().waiting[2].len() < 100 {
            tokio::task::yield_now().await;
        }
        let early = call("early");
        let queued = queue.turn(&early, Urgency::Look).await.expect_err("not within three seconds");
        assert!(queued.is_queued());
        let mut places = queue.state();
        let (place, _turn) = places.enter(&early, Urgency::Look, Instant::now());
        let behind = places.waiting[2].range(place + 1..).count();
        assert!((44..=45).contains(&behind), "those that came in three seconds are behind: {behind}");
        assert!(!places.kept.contains_key(&early), "a place is taken once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_for_the_same_call_alone_and_not_for_ever() {
        let mut state = State::new(Instant::now());
        let (early, other) = (call("early"), call("other"));
        let aside = |state: &mut State, this: &Call| {
            let (place, _turn) = state.enter(this, Urgency::Look, Instant::now());
            assert!(state.step_aside(this, Urgency::Look, place, Instant::now()));
            place
        };
        let kept = aside(&mut state, &early);
        assert!(state.enter(&other, Urgency::Look, Instant::now()).0 > kept);
        // Two of the same call have two places, and a more urgent try of it takes the older one with it.
        let (first, second) = (aside(&mut state, &early), {
            let (held, _turn) = state.enter(&early, Urgency::Look, Instant::now());
            let second = aside(&mut state, &early);
            state.step_aside(&early, Urgency::Look, held, Instant::now());
            second
        });
        assert_eq!(first, kept);
        assert!(second > first);
        assert_eq!(state.enter(&early, Urgency::Restore, Instant::now()).0, first);
        tokio::time::advance(KEPT).await;
        assert!(state.enter(&early, Urgency::Look, Instant::now()).0 > second, "a minute is over");
        // What nobody comes back for is swept out.
        aside(&mut state, &call("gone"));
        tokio::time::advance(KEPT).await;
        aside(&mut state, &other);
        assert_eq!(state.kept.keys().collect::<Vec<_>>(), [&other]);
    }

    /// How many turns a caller of this urgency gets in a minute who always asks again.
    async fn turns_in_a_minute(queue: &Queue, urgency: Urgency) -> usize {
        let (this, until, mut turns) = (call("this"), Instant::now() + Duration::from_secs(60), 0);
        while Instant::now() < until {
            turns += usize::from(queue.turn(&this, urgency).await.is_ok());
        }
        turns
    }

    #[tokio::test(start_paused = true)]
    async fn every_class_has_its_share_under_any_pressure_from_above() {
        for (from, urgency, least) in [
            (Urgency::Change, Urgency::Look, 100),
            (Urgency::Restore, Urgency::Change, 100),
            (Urgency::Restore, Urgency::Look, 100),
        ] {
            let queue = spent().await;
            pressure(&queue, from, 60);
            let turns = turns_in_a_minute(&queue, urgency).await;
            assert!((least..=115).contains(&turns), "{turns} of {urgency:?} beside {from:?}");
        }
        // And the last of three.
        let queue = spent().await;
        pressure(&queue, Urgency::Restore, 60);
        pressure(&queue, Urgency::Change, 60);
        let turns = turns_in_a_minute(&queue, Urgency::Look).await;
        assert!((12..=15).contains(&turns), "{turns}");
    }

    /// Who is told to keep the pace may be at the end of its own patience, and has to tell the next.
    #[tokio::test(start_paused = true)]
    async fn the_pace_is_kept_when_patience_ends_at_the_same_moment() {
        let queue = spent().await;
        // No turn is earned as long as the first two wait.
        queue.state().earning_since = Instant::now() + LONGEST_WAIT;
        let calls = [call("first"), call("second"), call("third")];
        let [mut first, mut second, mut third] =
            calls.each_ref().map(|this| Box::pin(queue.turn(this, Urgency::Look)));
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(futures_util::poll!(third.as_mut()).is_pending());
        tokio::time::advance(Duration::from_secs(2)).await;
        first.await.expect_err("it has waited for long");
        second.await.expect_err("it has waited for long");
        assert!(futures_util::poll!(third.as_mut()).is_pending());
        // A timer counts whole milliseconds.
        tokio::time::advance(ONE_EARNED_IN + Duration::from_millis(1)).await;
        assert!(futures_util::poll!(third.as_mut()).is_ready(), "its turn has been earned");
    }

    /// Two turns: the one that is being earned may be another class's share.
    #[tokio::test(start_paused = true)]
    async fn a_rollbacks_read_is_granted_at_once_beside_many_rollouts() {
        let queue = spent().await;
        pressure(&queue, Urgency::Change, 46);
        pressure(&queue, Urgency::Look, 1_000);
        for number in 0..100 {
            let began = Instant::now();
            queue.turn(&call(&format!("rollback-{number}")), Urgency::Restore).await.expect("its turn");
            let waited = began.elapsed();
            assert!(waited <= 2 * ONE_EARNED_IN + Duration::from_millis(2), "{waited:?}");
        }
    }
}
