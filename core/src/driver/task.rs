use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{mpsc, oneshot, watch};

use super::handle::RolloutHandle;
use super::perform::perform;
use super::remote::{Order, RolloutRemote};
use crate::error::{Error, ErrorKind};
use crate::event::{Cause, Event, EventKind, Outcome};
use crate::journal::{Durable, Journal};
use crate::machine::{Effect, EffectId, EffectResult, Input, Output, Rollout, Snapshot, Status};
use crate::plan::RolloutPlan;
use crate::ports::{Ports, Standing};
use crate::units::Timestamp;

/// How long a raise waits for what has to be known of it to be on the disk.
const RAISE_WAITS: Duration = Duration::from_secs(10);

/// How long the end waits for the journal before it is told. What is not on the disk by then comes there if the disk
/// answers while the process lives; otherwise the next one finds the alias as it is.
const END_WAITS: Duration = Duration::from_secs(3);

/// The rollout itself, to be polled to its end.
///
/// All of it happens inside this one future, calls and waits included: nothing is spawned.
#[must_use = "a rollout does nothing unless its task is run"]
pub struct RolloutTask {
    pub(super) machine: Rollout,
    ports: Ports,
    events: mpsc::UnboundedSender<Box<Event>>,
    orders: Option<mpsc::UnboundedReceiver<Order>>,
    status: watch::Sender<Status>,
    outcome: watch::Sender<Option<Outcome>>,
    kept: Kept,
    journal: Option<Journal>,
    /// How to keep the raise that waits for the journal from being made.
    raise: Option<oneshot::Sender<()>>,
    /// Why a virtual clock stands, while it does.
    standing: Option<Outside>,
    /// The last event, which is told when the journal has it.
    last: Option<Box<Event>>,
    /// How to drop what is under way and can be.
    drops: BTreeMap<EffectId, oneshot::Sender<()>>,
}

/// What a new machine would need to take over from this one.
#[derive(Default)]
struct Kept {
    snapshot: Option<Snapshot>,
    last_seq: u64,
    taken_over: bool,
}

/// Something outside of the account that is waited for while a virtual clock stands.
struct Outside {
    written: Durable,
    is_late: BoxFuture<'static, ()>,
    _standing: Standing,
}

impl Outside {
    /// Waits until the clock may go on: the disk has answered, or keeps it waiting for too long.
    async fn over(&mut self) {
        tokio::select! {
            biased;
            _ = self.written.clone() => {}
            () = &mut self.is_late => {}
        }
    }
}

type Running = FuturesUnordered<BoxFuture<'static, (EffectId, EffectResult)>>;

/// What the task woke up for.
enum Woken {
    Done(EffectId, EffectResult),
    Ordered(Order),
    NoMoreOrders,
    Due,
}

/// What a step has come to.
enum Step {
    GoesOn,
    /// The end, with the outcome of what was no mere check.
    Ended(Option<Box<Outcome>>),
}

impl RolloutTask {
    /// The task of this machine, and the handle that goes with it.
    pub(super) fn new(machine: Rollout, ports: Ports, journal: Option<Journal>) -> (RolloutHandle, Self) {
        let id = machine.status().rollout_id;
        let (send_event, events) = mpsc::unbounded_channel();
        let (orders, take_order) = mpsc::unbounded_channel();
        let (send_status, status) = watch::channel(machine.status());
        let (send_outcome, outcome) = watch::channel(None);
        let task = Self {
            machine,
            ports,
            events: send_event,
            orders: Some(take_order),
            status: send_status,
            outcome: send_outcome,
            kept: Kept::default(),
            journal,
            raise: None,
            standing: None,
            last: None,
            drops: BTreeMap::new(),
        };
        (RolloutHandle { id, events, remote: RolloutRemote { orders, status }, outcome }, task)
    }

    /// Runs the rollout to its end.
    ///
    /// # Cancel safety
    /// None: dropped, the rollout stops where it is, as if its process had died.
    pub async fn run(mut self) {
        let mut running = Running::new();
        let mut input = Some(Input::Start);
        let mut answer = None;
        loop {
            if let Some(next) = input.take() {
                match catch_unwind(AssertUnwindSafe(|| self.step(next, &mut running))) {
                    Ok((taken, step)) => {
                        reply(answer.take(), taken);
                        if let Step::Ended(outcome) = step {
                            return self.end(outcome.map(|outcome| *outcome)).await;
                        }
                    }
                    Err(_) if !self.take_over() => return,
                    Err(_) => {
                        running.clear();
                        self.drops.clear();
                        (self.raise, self.standing) = (None, None);
                        // The order that met the fault, if it was one, was not carried out.
                        answer = None;
                        input = Some(Input::Start);
                        continue;
                    }
                }
            }
            input = match self.wake(&mut running).await {
                Woken::Done(id, result) => {
                    self.drops.remove(&id);
                    Some(Input::Done(id, result))
                }
                Woken::Due => Some(Input::Tick),
                Woken::Ordered((command, sender)) => {
                    answer = Some(sender);
                    Some(Input::Command(command))
                }
                Woken::NoMoreOrders => {
                    self.orders = None;
                    None
                }
            };
        }
    }

    /// One input, and all that comes of it.
    fn step(&mut self, input: Input, running: &mut Running) -> (Result<(), Error>, Step) {
        let taken = self.machine.handle(input, self.ports.clock.now());
        let step = self.drain(running);
        self.status.send_replace(self.machine.status());
        (taken, step)
    }

    /// Tells the end, when the journal has it and has let go of its file. A disk that hangs does not keep it for long.
    async fn end(mut self, outcome: Option<Outcome>) {
        if let Some(journal) = self.journal.take() {
            let written = journal.finish();
            let until = self.ports.clock.now() + END_WAITS;
            if let Some(mut outside) = self.stand(&written) {
                outside.over().await;
            }
            let late = written.not_within(END_WAITS);
            let written = tokio::select! {
                biased;
                written = written => written,
                () = self.ports.clock.wait_until(until) => Err(late),
            };
            if let Err(error) = written {
                tracing::warn!(%error, "the journal does not tell of the end");
            }
        }
        if let Some(last) = self.last.take() {
            self.pass_on(last);
        }
        self.outcome.send_replace(outcome);
    }

    /// The machine panicked: a fault of this library. It must not leave the alias on two versions, so a new one
    /// takes over, once, from what was written down ahead of the newest write, and puts everything back.
    /// False when nothing was written yet, or when the new one panicked too.
    fn take_over(&mut self) -> bool {
        let Some(mut snapshot) = self.kept.snapshot.take().filter(|_| !self.kept.taken_over) else {
            return false;
        };
        self.kept.taken_over = true;
        snapshot.next_seq = self.kept.last_seq + 1;
        let error = Error::new(ErrorKind::Internal, "the rollout's machine panicked");
        snapshot.rolling_back.get_or_insert(Cause::Error { error: error.report() });
        self.machine = Rollout::restore(self.machine.plan(), snapshot, self.ports.clock.now());
        true
    }

    /// Does what comes out of the machine, in order.
    fn drain(&mut self, running: &mut Running) -> Step {
        let plan = self.machine.plan();
        while let Some(output) = self.machine.poll() {
            match output {
                Output::Persist(snapshot) => self.keep(*snapshot),
                Output::Event(event) => self.tell(event),
                Output::Effect(id, effect) => running.push(self.begin(&plan, id, effect)),
                Output::Withdraw(id) => {
                    if let Some(drop_it) = self.drops.remove(&id) {
                        // It may have come to its end in this very moment.
                        let _ = drop_it.send(());
                    }
                }
                Output::Done(outcome) => return Step::Ended(Some(Box::new(outcome))),
                Output::CheckPassed => return Step::Ended(None),
            }
        }
        Step::GoesOn
    }

    fn tell(&mut self, event: Event) {
        self.kept.last_seq = event.seq;
        if let Some(journal) = &self.journal {
            journal.tell(&event);
        }
        let is_last = matches!(event.kind, EventKind::Finished(_));
        let event = Box::new(event);
        if is_last {
            self.last = Some(event);
        } else {
            self.pass_on(event);
        }
    }

    fn pass_on(&self, event: Box<Event>) {
        // A program that no longer listens has detached.
        drop(self.events.send(event));
    }

    /// Begins an effect. A hook or a reading of the alarms can be dropped before its end; a call about the alias cannot.
    fn begin(
        &mut self,
        plan: &Arc<RolloutPlan>,
        id: EffectId,
        effect: Effect,
    ) -> BoxFuture<'static, (EffectId, EffectResult)> {
        if let Effect::WriteAlias(write) = &effect
            && !write.restores
            && let Some(written) = self.journal.as_ref().map(Journal::ready_for_a_raise)
        {
            return self.begin_when_written(written, plan, id, effect);
        }
        let can_be_dropped =
            matches!(effect, Effect::RunHook(_) | Effect::ReadAlarms(_) | Effect::ReadAlarmHistory { .. });
        let performed = perform(&self.ports, plan, id, effect, self.machine.urgency());
        if !can_be_dropped {
            return performed;
        }
        let (drop_it, dropped) = oneshot::channel();
        self.drops.insert(id, drop_it);
        async move {
            tokio::select! {
                biased;
                done = performed => done,
                Ok(()) = dropped => (id, EffectResult::TimedOut),
            }
        }
        .boxed()
    }

    /// Begins a raise when all that was told up to it is on the disk. Until then everything else goes on: alarms are
    /// polled and commands taken, and a rollback that begins makes an end of the waiting.
    fn begin_when_written(
        &mut self,
        written: Durable,
        plan: &Arc<RolloutPlan>,
        id: EffectId,
        effect: Effect,
    ) -> BoxFuture<'static, (EffectId, EffectResult)> {
        let (give_up, given_up) = oneshot::channel();
        self.raise = Some(give_up);
        self.standing = self.stand(&written);
        let (ports, plan, urgency) = (self.ports.clone(), Arc::clone(plan), self.machine.urgency());
        let until = ports.clock.now() + RAISE_WAITS;
        let late = written.not_within(RAISE_WAITS);
        async move {
            let written = tokio::select! {
                biased;
                Ok(()) = given_up => Err(Error::new(ErrorKind::Journal, "the rollback came first")),
                written = written => written,
                () = ports.clock.wait_until(until) => Err(late),
            };
            match written {
                Ok(()) => perform(&ports, &plan, id, effect, urgency).await,
                Err(error) => {
                    tracing::warn!(%error, "the weight does not rise");
                    (id, EffectResult::Alias(Err(error)))
                }
            }
        }
        .boxed()
    }

    /// Lets a virtual clock stand until this is written. `None` on a real one.
    fn stand(&self, written: &Durable) -> Option<Outside> {
        let standing = self.ports.clock.stand()?;
        Some(Outside { is_late: written.is_late().boxed(), written: written.clone(), _standing: standing })
    }

    /// Has written down what another process would have to know. A raise waits for that; a rollback does not.
    fn keep(&mut self, snapshot: Snapshot) {
        if let Some(journal) = &mut self.journal {
            journal.keep(&snapshot);
        }
        if snapshot.rolling_back.is_some()
            && let Some(raise) = self.raise.take()
        {
            // It may have been made long since.
            let _ = raise.send(());
            self.standing = None;
        }
        self.kept.snapshot = Some(snapshot);
    }

    async fn wake(&mut self, running: &mut Running) -> Woken {
        let due = self.machine.deadline();
        let clock = &self.ports.clock;
        let order = async {
            match &mut self.orders {
                Some(orders) => orders.recv().await.map_or(Woken::NoMoreOrders, Woken::Ordered),
                None => std::future::pending().await,
            }
        };
        tokio::pin!(order);
        if let Some(outside) = &mut self.standing {
            // As long as the clock stands nothing else is begun: what is asked of the account, and in which order, must
            // not depend on how quick the disk is.
            tokio::select! {
                biased;
                () = outside.over() => self.standing = None,
                woken = &mut order => return woken,
            }
        }
        tokio::select! {
            biased;
            Some((id, result)) = running.next() => Woken::Done(id, result),
            woken = order => woken,
            () = clock.wait_until(due.unwrap_or(Timestamp::MAX)), if due.is_some() => Woken::Due,
        }
    }
}

fn reply(answer: Option<oneshot::Sender<Result<(), Error>>>, taken: Result<(), Error>) {
    if let Some(answer) = answer {
        // Who gave the order may have stopped waiting for its answer.
        drop(answer.send(taken));
    }
}

impl std::fmt::Debug for RolloutTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RolloutTask").field("status", &self.machine.status()).finish_non_exhaustive()
    }
}
