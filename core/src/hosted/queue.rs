use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
#[cfg(feature = "sim")]
use std::task::Context;
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio::sync::oneshot;

use super::item::{Item, Next};
use super::requests::{Readings, Reply, Requests};
use crate::account::{HookFailure, HookReport, HookRequest};
use crate::error::{Error, ErrorKind};
use crate::event::Outcome;
use crate::units::AlarmName;

/// Told whether there is something to be had from the queue, under its lock.
pub(super) type Notifier = Box<dyn Fn(bool) + Send>;

/// What lies between a rollout's task and the program's threads.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something to take, or nothing will come any more.
    arrived: Condvar,
    /// The end, or the handle was closed.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    requests: Requests,
    hold: Hold,
    outcome: Option<Result<Outcome, Error>>,
    notifiers: Vec<Notifier>,
    /// What the notifiers were told last.
    was_ready: bool,
    clock: ClockGate,
}

/// How the program holds the rollout.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Hold {
    #[default]
    Attended,
    Detached,
    Closed,
}

/// What keeps the simulated account's clock from moving.
#[derive(Debug, Default)]
struct ClockGate {
    /// Whether the clock goes in step with the program.
    in_step: bool,
    /// The program has found the queue empty since it last took something.
    asked: bool,
    /// Threads that wait for the next item.
    asking: usize,
    /// Threads that wait for the end.
    awaiting_end: usize,
    /// Who moves the clock, while it stands.
    mover: Option<Waker>,
}

impl Queue {
    /// A queue with which the simulated account's clock goes in step, or not.
    pub(super) fn new(in_step: bool) -> Self {
        let queue = Self::default();
        queue.change(|state| state.clock.in_step = in_step);
        queue
    }

    pub(super) fn push(&self, item: Item) {
        self.change(|state| {
            if state.hold == Hold::Attended {
                state.items.push_back(item);
            }
        });
        self.arrived.notify_one();
    }

    /// The end has come.
    pub(super) fn end(&self, outcome: Result<Outcome, Error>) {
        self.change(|state| {
            state.outcome.get_or_insert(outcome);
        });
        self.wake_all();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.lock().outcome.is_some()
    }

    /// The next item; waits for it as long as this, or without end.
    pub(super) fn next(&self, timeout: Option<Duration>) -> Result<Next, Error> {
        let mut state = self.lock();
        if state.waits_for_items() && timeout != Some(Duration::ZERO) {
            state.clock.asking += 1;
            state.settle();
            let waits = |state: &mut State| state.waits_for_items();
            state = match timeout {
                Some(timeout) => into_inner(self.arrived.wait_timeout_while(state, timeout, waits)).0,
                None => into_inner(self.arrived.wait_while(state, waits)),
            };
            state.clock.asking -= 1;
        }
        let next = state.take();
        state.settle();
        next
    }

    /// The outcome; waits for it as long as this, or without end. `None` when it has not come by then.
    pub(super) fn wait(&self, timeout: Option<Duration>) -> Result<Option<Outcome>, Error> {
        let mut state = self.lock();
        state.clock.awaiting_end += 1;
        state.settle();
        let waits = |state: &mut State| state.outcome.is_none() && state.hold != Hold::Closed;
        state = match timeout {
            Some(timeout) => into_inner(self.ended.wait_timeout_while(state, timeout, waits)).0,
            None => into_inner(self.ended.wait_while(state, waits)),
        };
        state.clock.awaiting_end -= 1;
        if state.hold == Hold::Closed {
            return Err(closed());
        }
        state.outcome.clone().transpose()
    }

    pub(super) fn answer_hook(&self, id: u64, report: HookReport) -> Result<(), Error> {
        self.change(|state| state.requests.answer_hook(id, report))
    }

    pub(super) fn answer_alarms(&self, id: u64, readings: Readings) -> Result<(), Error> {
        self.change(|state| state.requests.answer_alarms(id, readings))
    }

    /// Nobody listens and nobody answers any more.
    pub(super) fn detach(&self) {
        self.let_go(Hold::Detached);
    }

    /// As [`detach`](Self::detach), and nobody waits any more either.
    pub(super) fn close(&self) {
        self.let_go(Hold::Closed);
    }

    pub(super) fn check_open(&self) -> Result<(), Error> {
        match self.lock().hold {
            Hold::Attended | Hold::Detached => Ok(()),
            Hold::Closed => Err(closed()),
        }
    }

    pub(super) fn add_notifier(&self, notifier: Notifier) {
        self.change(|state| {
            if !state.was_ready || is_told(&notifier, true) {
                state.notifiers.push(notifier);
            }
        });
    }

    /// Whether the simulated account's clock may move. If not, the task is woken when it may.
    #[cfg(feature = "sim")]
    pub(super) fn lets_the_clock_move(&self, cx: &Context<'_>) -> bool {
        let mut state = self.lock();
        let moves = state.lets_the_clock_move();
        state.clock.mover = (!moves).then(|| cx.waker().clone());
        moves
    }

    /// Asks the program to run a hook, and waits for its answer.
    pub(super) async fn ask_hook(&self, request: HookRequest) -> HookReport {
        after_the_events().await;
        let (reply, answer) = oneshot::channel();
        let asked = self.ask(Reply::Hook(reply), |id| Item::Hook { id, request });
        let report = answer.await;
        drop(asked);
        report.unwrap_or_else(|_| HookReport::failed(HookFailure::NotInvoked, NOBODY_ANSWERS))
    }

    /// Asks the program to read alarms, and waits for its answer.
    pub(super) async fn ask_alarms(&self, names: Vec<AlarmName>) -> Readings {
        after_the_events().await;
        let (reply, answer) = oneshot::channel();
        let asked = self.ask(Reply::Alarms(names.clone(), reply), |id| Item::Alarms { id, names });
        let readings = answer.await;
        drop(asked);
        readings.unwrap_or_else(|_| Err(Error::new(ErrorKind::Unreachable, NOBODY_ANSWERS)))
    }

    /// Withdraws the request when dropped, if it has no answer by then.
    fn ask(&self, reply: Reply, item: impl FnOnce(u64) -> Item) -> Asked<'_> {
        let id = self.change(|state| {
            let id = state.requests.add(reply);
            match state.hold {
                Hold::Attended => state.items.push_back(item(id)),
                Hold::Detached | Hold::Closed => state.requests.refuse_all(),
            }
            id
        });
        self.arrived.notify_one();
        Asked { queue: self, id }
    }

    fn withdraw(&self, id: u64) {
        self.change(|state| match state.requests.withdraw(id) {
            Some(true) => state.items.push_back(Item::Withdrawn { id }),
            Some(false) => state.items.retain(|item| item.request_id() != Some(id)),
            None => {}
        });
        self.arrived.notify_one();
    }

    fn let_go(&self, hold: Hold) {
        self.change(|state| {
            state.hold = state.hold.max(hold);
            state.items.clear();
            state.requests.refuse_all();
        });
        self.wake_all();
    }

    fn wake_all(&self) {
        self.arrived.notify_all();
        self.ended.notify_all();
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state);
        state.settle();
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        into_inner(self.state.lock())
    }
}

/// Lets the events into the queue that happened ahead of a request: whoever passes them on is polled before the rollout.
async fn after_the_events() {
    let mut again = false;
    poll_fn(|cx| match std::mem::replace(&mut again, true) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

/// Every change of the state is whole before anything in it can panic.
fn into_inner<T>(locked: Result<T, PoisonError<T>>) -> T {
    locked.unwrap_or_else(PoisonError::into_inner)
}

/// A request that is waited for.
struct Asked<'a> {
    queue: &'a Queue,
    id: u64,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.queue.withdraw(self.id);
    }
}

impl State {
    fn take(&mut self) -> Result<Next, Error> {
        if self.hold == Hold::Closed {
            return Err(closed());
        }
        let Some(item) = self.items.pop_front() else {
            self.clock.asked = true;
            return Ok(if self.nothing_will_come() { Next::Ended } else { Next::TimedOut });
        };
        self.clock.asked = false;
        if let Some(id) = item.request_id() {
            self.requests.take(id);
        }
        Ok(Next::Item(Box::new(item)))
    }

    fn waits_for_items(&self) -> bool {
        self.items.is_empty() && !self.nothing_will_come()
    }

    fn nothing_will_come(&self) -> bool {
        self.outcome.is_some() || self.hold != Hold::Attended
    }

    fn lets_the_clock_move(&self) -> bool {
        let clock = &self.clock;
        let in_step = self.items.is_empty() && (clock.asked || clock.asking > 0);
        self.requests.is_empty()
            && (!clock.in_step || in_step || clock.awaiting_end > 0 || self.hold != Hold::Attended)
    }

    /// Tells whoever has to know what has become of the last change.
    fn settle(&mut self) {
        if self.lets_the_clock_move()
            && let Some(mover) = self.clock.mover.take()
        {
            mover.wake();
        }
        let ready = !self.waits_for_items();
        if ready != self.was_ready {
            self.was_ready = ready;
            self.notifiers.retain(|notifier| is_told(notifier, ready));
        }
    }
}

/// Tells a notifier. One that panics is not called again: it must not take the rollout or its caller with it.
fn is_told(notifier: &Notifier, ready: bool) -> bool {
    catch_unwind(AssertUnwindSafe(|| notifier(ready))).is_ok()
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("items", &self.items.len())
            .field("requests", &self.requests)
            .field("hold", &self.hold)
            .finish_non_exhaustive()
    }
}

const NOBODY_ANSWERS: &str = "the program has let go of the rollout, and nobody answers";

fn closed() -> Error {
    Error::new(ErrorKind::WrongState, "the rollout's handle was closed")
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::{Arc, mpsc};
    use std::thread;

    use futures_util::poll;

    use super::*;

    #[test]
    fn closing_wakes_whoever_waits() {
        let queue = Arc::new(Queue::new(true));
        let (send, woken) = mpsc::channel();
        let (for_items, to_items) = (Arc::clone(&queue), send.clone());
        let for_end = Arc::clone(&queue);
        thread::spawn(move || to_items.send(for_items.next(None).map(drop)));
        thread::spawn(move || send.send(for_end.wait(None).map(drop)));
        while {
            let clock = &queue.lock().clock;
            (clock.asking, clock.awaiting_end) != (1, 1)
        } {
            thread::yield_now();
        }
        queue.close();
        for _ in 0..2 {
            let answer = woken.recv_timeout(Duration::from_secs(30)).expect("they wake");
            assert_eq!(answer.expect_err("closed").kind(), ErrorKind::WrongState);
        }
    }

    #[test]
    fn the_end_wakes_all_who_wait() {
        const EACH: usize = 4;
        let queue = Arc::new(Queue::new(true));
        let (send, woken) = mpsc::channel();
        for _ in 0..EACH {
            let (for_items, to_items) = (Arc::clone(&queue), send.clone());
            let (for_end, to_end) = (Arc::clone(&queue), send.clone());
            thread::spawn(move || to_items.send(matches!(for_items.next(None), Ok(Next::Ended))));
            thread::spawn(move || to_end.send(for_end.wait(None).is_err()));
        }
        while {
            let clock = &queue.lock().clock;
            (clock.asking, clock.awaiting_end) != (EACH, EACH)
        } {
            thread::yield_now();
        }
        queue.end(Err(Error::new(ErrorKind::Internal, "by the test")));
        for _ in 0..2 * EACH {
            assert_eq!(woken.recv_timeout(Duration::from_secs(30)), Ok(true));
        }
    }

    #[tokio::test]
    async fn a_request_that_is_withdrawn_before_it_is_taken_is_never_handed_out() {
        let queue = Queue::new(false);
        let names = || vec![AlarmName::parse("own").expect("a name")];
        for taken in [false, true] {
            {
                let mut asked = pin!(queue.ask_alarms(names()));
                while queue.lock().items.is_empty() {
                    assert!(poll!(&mut asked).is_pending());
                }
                if taken {
                    let next = queue.next(Some(Duration::ZERO)).expect("it is open");
                    assert!(matches!(next, Next::Item(item) if item.kind_name() == "alarms_requested"));
                }
            }
            let next = queue.next(Some(Duration::ZERO)).expect("it is open");
            match next {
                Next::Item(item) => assert!(taken && item.kind_name() == "request_withdrawn"),
                other => assert!(!taken && other == Next::TimedOut, "{other:?}"),
            }
        }
    }
}
