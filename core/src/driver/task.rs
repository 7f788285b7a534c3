use std::collections::BTreeMap;
use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{mpsc, oneshot, watch};

use super::handle::RolloutHandle;
use super::perform::perform;
use super::remote::{Order, RolloutRemote};
use crate::error::{Error, ErrorKind};
use crate::event::{Cause, Event, Outcome};
use crate::journal::Journal;
use crate::machine::{Effect, EffectId, EffectResult, Input, Output, Rollout, Snapshot, Status};
use crate::plan::RolloutPlan;
use crate::ports::Ports;
use crate::units::Timestamp;

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
    /// How to drop what is under way and can be.
    drops: BTreeMap<EffectId, oneshot::Sender<()>>,
}

/// What a new machine would need to take over from this one.
#[derive(Default)]
struct Kept {
    snapshot: Option<Snapshot>,
    last_seq: u64,
    taken_over: bool,
    /// Why the write that comes next may not be made: what has to be known of it could not be written down.
    unwritten: Option<Error>,
}

type Running = FuturesUnordered<BoxFuture<'static, (EffectId, EffectResult)>>;

/// What the task woke up for.
enum Woken {
    Done(EffectId, EffectResult),
    Ordered(Order),
    NoMoreOrders,
    Due,
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
                    Ok((taken, ended)) => {
                        reply(answer.take(), taken);
                        if ended {
                            return;
                        }
                    }
                    Err(_) if !self.take_over() => return,
                    Err(_) => {
                        running.clear();
                        self.drops.clear();
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

    /// One input, and all that comes of it. The second value is true at the end.
    fn step(&mut self, input: Input, running: &mut Running) -> (Result<(), Error>, bool) {
        let taken = self.machine.handle(input, self.ports.clock.now());
        let ended = self.drain(running);
        self.status.send_replace(self.machine.status());
        (taken, ended)
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

    /// Does what comes out of the machine, in order. True at the end.
    fn drain(&mut self, running: &mut Running) -> bool {
        let plan = self.machine.plan();
        while let Some(output) = self.machine.poll() {
            match output {
                Output::Persist(snapshot) => self.keep(*snapshot),
                Output::Event(event) => {
                    self.kept.last_seq = event.seq;
                    if let Some(journal) = &mut self.journal {
                        journal.tell(&event);
                    }
                    // Who does not listen any more has detached.
                    drop(self.events.send(Box::new(event)));
                }
                Output::Effect(id, effect) => running.push(match self.refusal_of(&effect) {
                    Some(error) => ready((id, EffectResult::Alias(Err(error)))).boxed(),
                    None => self.begin(&plan, id, effect),
                }),
                Output::Withdraw(id) => {
                    if let Some(drop_it) = self.drops.remove(&id) {
                        // It may have come to its end in this very moment.
                        let _ = drop_it.send(());
                    }
                }
                Output::Done(outcome) => {
                    self.outcome.send_replace(Some(outcome));
                    return true;
                }
                Output::CheckPassed => return true,
            }
        }
        false
    }

    /// Begins an effect. A hook or a look at the alarms can be dropped before its end; a call about the alias cannot.
    fn begin(
        &mut self,
        plan: &Arc<RolloutPlan>,
        id: EffectId,
        effect: Effect,
    ) -> BoxFuture<'static, (EffectId, EffectResult)> {
        let can_be_dropped = matches!(effect, Effect::RunHook(_) | Effect::ReadAlarms(_));
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

    /// Writes down what another process would have to know, on the disk if there is a journal. Putting back does not
    /// wait for a journal that cannot be written.
    fn keep(&mut self, snapshot: Snapshot) {
        let kept = self.journal.as_mut().map_or(Ok(()), |journal| journal.keep(&snapshot));
        if let Err(error) = &kept {
            tracing::warn!(%error, "no weight rises before this is written down");
        }
        self.kept.unwritten = kept.err().filter(|_| snapshot.rolling_back.is_none());
        self.kept.snapshot = Some(snapshot);
    }

    /// Why this may not be done now, if it may not.
    fn refusal_of(&mut self, effect: &Effect) -> Option<Error> {
        matches!(effect, Effect::WriteAlias(_)).then(|| self.kept.unwritten.take()).flatten()
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

#[cfg(all(test, feature = "sim"))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::account::Routing;
    use crate::driver::Launch;
    use crate::event::OutcomeKind;
    use crate::machine::Phase;
    use crate::sim::{Scenario, SimAccount, drive};
    use crate::units::Version;

    async fn with_a_fault_in(phase: Phase) -> (SimAccount, Vec<Event>, Result<Outcome, Error>) {
        let plan = RolloutPlan::builder("sample-handler", "main").publish().bake(Duration::from_secs(60));
        let plan = plan.strategy_named("Canary10Percent5Minutes").build().expect("a good plan");
        let account = SimAccount::new(&plan, &Scenario::default(), 1);
        let (mut rollout, mut task) = Launch::new(plan, account.ports()).into_task().expect("it fits");
        task.machine.panics_in = Some(phase);
        let watch = async {
            let mut events = Vec::new();
            while let Some(event) = rollout.next_event().await {
                events.push(event);
            }
            (events, rollout.wait().await)
        };
        let ((events, outcome), ()) = drive(&account, async { tokio::join!(watch, task.run()) }, None).await;
        (account, events, outcome)
    }

    #[tokio::test]
    async fn a_panic_of_the_machine_puts_everything_back() {
        for phase in [Phase::Shifting, Phase::Holding, Phase::Promoting, Phase::Baking] {
            let (account, events, outcome) = with_a_fault_in(phase).await;
            let outcome = outcome.expect("an end");
            assert_eq!(outcome.kind, OutcomeKind::RolledBack, "{phase:?}");
            assert!(
                matches!(outcome.cause, Some(Cause::Error { error }) if error.kind == ErrorKind::Internal)
            );
            let stable = Routing::only(Version::new(1).expect("above zero"));
            assert_eq!(account.alias_history().last().and_then(|change| change.routing), Some(stable));
            assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq), "{events:?}");
        }
    }

    #[tokio::test]
    async fn a_command_that_meets_a_panic_is_not_answered_as_carried_out() {
        let plan = RolloutPlan::builder("sample-handler", "main").publish();
        let plan = plan.strategy_named("Canary10Percent5Minutes").build().expect("a good plan");
        let account = SimAccount::new(&plan, &Scenario::default(), 1);
        let (mut rollout, mut task) = Launch::new(plan, account.ports()).into_task().expect("it fits");
        task.machine.panics_in = Some(Phase::Holding);
        let person = async {
            while rollout.next_event().await.is_some_and(|event| event.kind.name() != "shifted") {}
            let answer = rollout.pause().await;
            (answer, rollout.wait().await)
        };
        let ((answer, outcome), ()) = drive(&account, async { tokio::join!(person, task.run()) }, None).await;
        assert!(answer.is_err());
        assert_eq!(outcome.expect("an end").kind, OutcomeKind::RolledBack);
    }

    #[tokio::test]
    async fn a_panic_before_any_write_ends_without_one() {
        let (account, _, outcome) = with_a_fault_in(Phase::Preparing).await;
        assert_eq!(outcome.expect_err("no end").kind(), ErrorKind::Internal);
        assert!(account.alias_history().is_empty());
    }

    /// Runs with a journal whose disk is full from this event on.
    async fn with_a_full_disk(from: &'static str, scenario: &str) -> (SimAccount, Outcome) {
        let plan = RolloutPlan::builder("sample-handler", "main").publish().alarm("errors");
        let plan = plan.strategy_named("Canary10Percent5Minutes").build().expect("a good plan");
        let account = SimAccount::new(&plan, &Scenario::parse(scenario).expect("a scenario"), 1);
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(folder.path().join("journal")).expect("a journal");
        let launch = Launch::new(plan, account.ports()).journal(journal);
        let (mut rollout, mut task) = launch.into_task().expect("it fits");
        let mut running = Running::new();
        let run = async {
            let mut input = Some(Input::Start);
            loop {
                if let Some(next) = input.take()
                    && task.step(next, &mut running).1
                {
                    break;
                }
                while let Ok(event) = rollout.events.try_recv() {
                    if event.kind.name() == from
                        && let Some(journal) = &mut task.journal
                    {
                        journal.fill_the_disk();
                    }
                }
                input = match task.wake(&mut running).await {
                    Woken::Done(id, result) => Some(Input::Done(id, result)),
                    _ => Some(Input::Tick),
                };
            }
        };
        drive(&account, run, None).await;
        let outcome = rollout.wait().await.expect("an end");
        (account, outcome)
    }

    #[tokio::test]
    async fn without_room_for_the_journal_no_weight_rises() {
        let (account, outcome) = with_a_full_disk("started", "").await;
        assert_eq!((outcome.kind, outcome.traffic_moved), (OutcomeKind::Refused, false));
        assert!(matches!(outcome.cause, Some(Cause::Error { error }) if error.kind == ErrorKind::Journal));
        assert!(account.alias_history().is_empty());

        let (account, outcome) = with_a_full_disk("shifted", "").await;
        assert_eq!(outcome.kind, OutcomeKind::RolledBack);
        assert!(matches!(outcome.cause, Some(Cause::Error { error }) if error.kind == ErrorKind::Journal));
        assert_eq!(account.alias_history().len(), 2);
    }

    #[tokio::test]
    async fn putting_back_needs_no_journal() {
        let fires = "[[alarms]]\nname = \"errors\"\nforced = [{ from = \"2m\", state = \"ALARM\", reason = \"bad\" }]\n";
        let (_, outcome) = with_a_full_disk("shifted", fires).await;
        assert_eq!(outcome.kind, OutcomeKind::RolledBack);
        assert!(matches!(outcome.cause, Some(Cause::Alarm { .. })));
    }
}
