use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::alarm_watch::Watch;
use super::call::Call;
use super::effect::{Effect, EffectId, Input, LOOK_LIMIT, Output};
use super::hold::Hold;
use super::phase::{Phase, TRANSITIONS, Transition, Trigger, transition};
use super::prepare::Preparation;
use super::retry::Retry;
use super::rollback::Rollback;
use super::snapshot::Snapshot;
use super::take_up::Memory;
use super::write::{Standing, Writes};
use crate::account::{AliasState, HookMoment, Routing};
use crate::error::{Error, ErrorKind};
use crate::event::{Cause, Event, EventKind, Outcome, OutcomeKind};
use crate::plan::{RolloutPlan, VersionSource};
use crate::units::{RolloutId, Timestamp, Version, Weight};

/// One rollout as a value: pure, without clock, network or runtime.
///
/// **One [`handle`](Self::handle), then [`poll`](Self::poll) until `None`.** Do what comes out, in order; give back
/// what came of it with the next `handle`; and when nothing comes, hand in a [`Input::Tick`] at
/// [`deadline`](Self::deadline). Time is an argument and only ever moves on: an earlier one counts as the latest seen.
#[derive(Debug, Clone)]
pub struct Rollout {
    pub(super) plan: Arc<RolloutPlan>,
    pub(super) id: RolloutId,
    /// Who runs it, for whoever else would.
    pub(super) runner: String,
    pub(super) check_only: bool,
    pub(super) now: Timestamp,
    pub(super) started_at: Timestamp,
    pub(super) phase: Phase,
    /// The alias as last known: read, or acknowledged by a write. `None` before the first read, and when it does not exist.
    pub(super) alias: Option<AliasState>,
    pub(super) stable: Option<Version>,
    pub(super) canary: Option<Version>,
    /// How many of the schedule's steps have been shifted to.
    pub(super) steps_taken: usize,
    /// The call that the rollout waits for, alarms and hooks aside. Never more than one.
    pub(super) call: Option<(EffectId, Call)>,
    pub(super) retry: Retry<Call>,
    pub(super) preparation: Preparation,
    pub(super) writes: Writes,
    pub(super) watch: Watch,
    pub(super) hook: Option<(EffectId, HookMoment)>,
    pub(super) hold: Hold,
    pub(super) paused: bool,
    /// No shift before a look at the alarms that began then or later has passed.
    pub(super) clear_since: Timestamp,
    /// Set by a promote command: the shift to 100 % asks neither hold nor alarms.
    pub(super) promote_asked: bool,
    /// Why everything is to be put back, from before the alias was read: whether there is anything is known only then.
    pub(super) asked_back: Option<Cause>,
    pub(super) patrol_at: Timestamp,
    /// Revisions of the alias that are known to be old: a read that shows one of them lags behind.
    pub(super) superseded: Vec<String>,
    /// The read that goes on once AWS has said whether it still moves provisioned concurrency.
    pub(super) settling: Option<Call>,
    /// That reads say that the alias does not exist.
    pub(super) gone: Option<Gone>,
    pub(super) rollback: Option<Rollback>,
    pub(super) memory: Memory,
    pub(super) traffic_moved: bool,
    /// Whether something has changed that another process would have to know.
    pub(super) unwritten: bool,
    next_effect: u64,
    next_seq: u64,
    calls: BTreeMap<&'static str, u64>,
    outputs: VecDeque<Output>,
    taken: u128,
    /// A fault on purpose, for the tests of what happens then: the next input in this phase panics.
    #[cfg(test)]
    pub(crate) panics_in: Option<Phase>,
}

const _: () = assert!(TRANSITIONS.len() <= 128, "`taken` has a bit for each row");

/// Time between two looks at the alias while nothing else is done with it: rare enough for a thousand rollouts to
/// share Lambda's 15 control-plane calls a second, often enough to tell drift long before a bake ends.
const PATROL: Duration = Duration::from_secs(60);
/// Reads that say that the alias does not exist, with none between them that says otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gone {
    pub(super) since: Timestamp,
    /// The newest of them. What another says long after it is not the same story.
    pub(super) newest: Timestamp,
}

impl Gone {
    /// Whether reads have said so for long enough. A deadline that comes meanwhile makes it no truer.
    pub(super) fn is_believed(self) -> bool {
        self.newest.since(self.since) >= GONE
    }
}

/// How long reads have to say that the alias does not exist before that is believed. A rollback goes on until its own
/// deadline.
const GONE: Duration = Duration::from_secs(30);

impl Rollout {
    /// A new rollout of this plan.
    #[must_use]
    pub fn new(plan: Arc<RolloutPlan>, id: RolloutId, now: Timestamp) -> Self {
        let watch = Watch::new(plan.alarms.clone());
        let retry = Retry::new(&id);
        Self {
            plan,
            id,
            runner: String::new(),
            check_only: false,
            now,
            started_at: now,
            phase: Phase::New,
            alias: None,
            stable: None,
            canary: None,
            steps_taken: 0,
            call: None,
            retry,
            preparation: Preparation::default(),
            writes: Writes::default(),
            watch,
            hook: None,
            hold: Hold::default(),
            paused: false,
            clear_since: now,
            promote_asked: false,
            asked_back: None,
            patrol_at: now,
            superseded: Vec::new(),
            settling: None,
            gone: None,
            rollback: None,
            memory: Memory::None,
            traffic_moved: false,
            unwritten: false,
            next_effect: 1,
            next_seq: 1,
            calls: BTreeMap::new(),
            outputs: VecDeque::new(),
            taken: 0,
            #[cfg(test)]
            panics_in: None,
        }
    }

    /// Says who runs it, as host and process: other runners of the same alias are told ([`Claim`](crate::account::Claim)).
    #[must_use]
    pub fn run_by(self, runner: impl Into<String>) -> Self {
        Self { runner: runner.into(), ..self }
    }

    /// A rollout that only looks: it ends with [`Output::CheckPassed`] or a refusal, and writes nothing anywhere.
    #[must_use]
    pub fn check_only(plan: Arc<RolloutPlan>, id: RolloutId, now: Timestamp) -> Self {
        Self { check_only: true, ..Self::new(plan, id, now) }
    }

    /// A rollout taken up again from what a journal kept of it.
    ///
    /// It reads the alias first, then the alarms, and goes on from there: the alias says what happened, the snapshot
    /// what it means. A hold goes on from when it began, a hook that was running runs again.
    #[must_use]
    pub fn restore(plan: Arc<RolloutPlan>, snapshot: Snapshot, now: Timestamp) -> Self {
        let mut rollout = Self::new(plan, snapshot.rollout_id.clone(), now);
        // The other process' clock may have been ahead of this one.
        rollout.started_at = snapshot.started_at.min(now);
        rollout.next_seq = snapshot.next_seq;
        rollout.memory = Memory::Untested(Box::new(snapshot));
        rollout
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> Arc<RolloutPlan> {
        Arc::clone(&self.plan)
    }

    /// Takes one input. Afterwards [`poll`](Self::poll) until `None`.
    ///
    /// # Errors
    /// Only for a command that does not fit what the rollout is doing; it then changed nothing.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Result<(), Error> {
        debug_assert!(self.outputs.is_empty(), "poll until None before the next handle");
        self.now = self.now.max(now);
        #[cfg(test)]
        assert_ne!(self.panics_in, Some(self.phase), "a fault on purpose");
        if self.phase == Phase::Done {
            return match input {
                Input::Command(_) => Err(Error::new(ErrorKind::WrongState, "the rollout has ended")),
                _ => Ok(()),
            };
        }
        let mut taken = Ok(());
        match input {
            Input::Start => self.start(),
            Input::Tick => {}
            Input::Done(id, result) => self.finish_effect(id, result),
            Input::Command(command) => {
                taken = self.obey(command);
                self.unwritten |= taken.is_ok();
            }
        }
        // After a command that does not fit, too: what is due by now would not come again as a deadline.
        self.advance();
        if self.unwritten {
            self.persist();
        }
        taken
    }

    /// The next thing to be done, in order; `None` when there is nothing until the next input.
    #[must_use]
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When the next [`Input::Tick`] is due; `None` when only a result or a command can move the rollout on.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        if self.phase == Phase::Done || self.phase == Phase::New {
            return None;
        }
        let timers = [
            self.call.is_none().then(|| self.retry.due()).flatten(),
            self.is_watching().then(|| self.watch.due()).flatten(),
            self.hold.ends_at(),
            (self.is_patrolling() && self.call.is_none()).then_some(self.patrol_at),
            self.is_bound_by_deadline().then(|| self.deadline_at()).flatten(),
            self.rollback.as_ref().map(|rollback| rollback.give_up_at),
        ];
        // What is due already has been acted on, and waits for a result.
        timers.into_iter().flatten().filter(|at| *at > self.now).min()
    }

    /// What has to be remembered so that another process can carry on; `None` while there is nothing to carry on:
    /// before both versions are known and ready, and where the alias has yet to be created.
    #[must_use]
    pub fn snapshot(&self) -> Option<Snapshot> {
        use Phase as P;
        let early = matches!(self.phase, P::New | P::Reading | P::Preparing | P::Creating);
        if early || self.is_served_already() {
            return None;
        }
        Some(Snapshot {
            rollout_id: self.id.clone(),
            started_at: self.started_at,
            next_seq: self.next_seq,
            stable_version: self.stable?,
            canary_version: self.canary?,
            phase: self.phase,
            steps_taken: self.steps_taken,
            alias: self.alias.clone()?,
            under_way: self.writes.under_way(),
            hold: self.hold.clock(),
            observed_until: self.hold.observed_until(self.now),
            paused: self.paused,
            promote_asked: self.promote_asked,
            traffic_moved: self.traffic_moved,
            excused: self.watch.excused().clone(),
            alarms: self.watch.seen(),
            superseded: self.superseded.clone(),
            published: self.preparation.identity(),
            rolling_back: self.rollback.as_ref().map(|rollback| rollback.cause.clone()),
        })
    }

    /// The rows of [`TRANSITIONS`] that this rollout has taken so far, for tests of coverage.
    pub fn transitions_taken(&self) -> impl Iterator<Item = &'static Transition> {
        let taken = self.taken;
        TRANSITIONS.iter().enumerate().filter(move |(index, _)| taken & (1 << index) != 0).map(|(_, row)| row)
    }

    /// The canary's share of traffic, as far as is known.
    pub(super) fn weight(&self) -> Weight {
        match (&self.alias, self.canary) {
            (Some(alias), Some(canary)) => alias.routing.share_of(canary),
            _ => Weight::ZERO,
        }
    }

    /// Whether the alias, as far as is known, is on the canary version with no weights: only that is 100 %. A weight of 1
    /// beside the alias's own version sends all traffic to the canary too, and still has to become this.
    pub(super) fn is_at_full(&self) -> bool {
        let routing = self.alias.as_ref().map(|alias| alias.routing);
        routing.is_some() && routing == self.canary.map(Routing::only)
    }

    /// Whether the canary version is in the alias's routing beside another one, with whatever weight.
    pub(super) fn is_split(&self) -> bool {
        let second = self.alias.as_ref().and_then(|alias| alias.routing.additional);
        second.is_some_and(|(second, _)| Some(second) == self.canary)
    }

    fn start(&mut self) {
        if self.phase != Phase::New {
            return;
        }
        self.emit(EventKind::Started {
            rollout_id: self.id.clone(),
            function: self.plan.function.clone(),
            alias: self.plan.alias.clone(),
            strategy: self.plan.strategy.to_string(),
        });
        self.go(Trigger::Start);
        self.issue(Call::ReadAlias);
    }

    /// Does whatever is due, until nothing is.
    fn advance(&mut self) {
        if self.is_bound_by_deadline()
            && let (Some(at), Some(after)) = (self.deadline_at(), self.plan.deadline)
            && at <= self.now
        {
            self.put_back(Cause::Deadline { after_ms: after.as_millis() as u64 });
        }
        if self.is_watching()
            && let Some(cause) = self.watch.overdue(self.now)
        {
            self.put_back(cause);
        }
        if self.rollback.as_ref().is_some_and(|rollback| rollback.give_up_at <= self.now)
            && self.call_is_idle()
        {
            return self.give_up();
        }
        if self.call.is_none()
            && let Some(call) = self.retry.take_due(self.now)
        {
            self.issue(call);
        }
        self.move_on();
        if self.is_patrolling() && self.call.is_none() && self.patrol_at <= self.now {
            self.issue(Call::Patrol);
        }
        if self.is_watching() {
            self.look_at_alarms_when_due();
        }
    }

    /// Takes the next steps of the plan that are due: what had landed unseen may make more than one so.
    fn move_on(&mut self) {
        loop {
            let phase = self.phase;
            match phase {
                Phase::Ready => self.shift_when_clear(),
                Phase::Holding => self.shift_when_held(),
                Phase::Baking => self.confirm_when_baked(),
                Phase::Confirming => self.confirm_when_clear(),
                _ => {}
            }
            if self.phase == phase {
                return;
            }
        }
    }

    fn shift_when_clear(&mut self) {
        if self.paused || !self.is_clear() {
            return;
        }
        if self.alias.is_none() {
            self.go(Trigger::Create);
            return self.issue(Call::CreateAlias);
        }
        self.shift_to_next();
    }

    fn shift_when_held(&mut self) {
        let Some(step) = self.steps_taken.checked_sub(1).and_then(|last| self.plan.schedule.steps.get(last))
        else {
            return;
        };
        let (weight, gate) = (step.weight, step.gate);
        let Some(ended) = self.hold.ended(self.now) else { return };
        self.clear_since = self.clear_since.max(ended);
        if !self.is_clear() {
            return;
        }
        self.hold.clear();
        self.emit(EventKind::StepHeld { step: self.steps_taken, weight });
        if gate {
            self.go(Trigger::HeldToGate);
            let reason = format!("step {} at {weight} has a gate", self.steps_taken);
            return self.emit(EventKind::GateWaiting { reason });
        }
        self.shift_to_next();
    }

    fn shift_to_next(&mut self) {
        match self.plan.schedule.steps.get(self.steps_taken) {
            Some(step) => {
                let weight = step.weight;
                self.go(Trigger::Shift);
                self.steps_taken += 1;
                self.write_weight(weight);
            }
            None => {
                self.go(Trigger::ShiftToFull);
                self.write_weight(Weight::FULL);
            }
        }
    }

    fn confirm_when_baked(&mut self) {
        let Some(ended) = self.hold.ended(self.now) else { return };
        if self.plan.bake.is_some() {
            self.clear_since = self.clear_since.max(ended);
            if !self.is_clear() {
                return;
            }
        }
        self.hold.clear();
        self.go(Trigger::Baked);
        self.issue(Call::Confirm);
    }

    /// Reads the alias once more where the read before it was long in coming and the alarms may have changed meanwhile.
    fn confirm_when_clear(&mut self) {
        if self.call.is_none() && self.retry.due().is_none() && self.is_still_clear() {
            self.issue(Call::Confirm);
        }
    }

    /// Begins to hold the weight of the newest step.
    pub(super) fn begin_hold(&mut self) {
        let hold = self.plan.schedule.steps.get(self.steps_taken.saturating_sub(1)).map(|step| step.hold);
        self.hold.begin(hold.unwrap_or_default(), self.now, self.paused);
    }

    /// Begins to watch after 100 %.
    pub(super) fn begin_bake(&mut self) {
        self.hold.begin(self.plan.bake.unwrap_or_default(), self.now, self.paused);
    }

    pub(super) fn patrolled(&mut self, result: Result<AliasState, Error>) {
        self.patrol_at = self.now + PATROL;
        match result {
            Ok(state) => match self.compare_with_known(state) {
                // The write of a process before this one has come home.
                Standing::OursLanded(state) => self.ours_landed(state),
                Standing::OldCopy => self.retry.after_failure(Call::Patrol, self.now),
                Standing::Settling => self.look_again_while_settling(Call::Patrol),
                Standing::AsKnown | Standing::Drifted => {}
            },
            Err(error) if error.kind() == ErrorKind::NotFound => self.alias_not_found(Call::Patrol),
            // The next patrol looks again; a shift finds out by itself.
            Err(error) => tracing::debug!(%error, "could not read the alias"),
        }
    }

    /// A read said that the alias does not exist. One such answer is no proof, and to let go of an alias that has a canary
    /// in traffic is the worst that can be done: it has to go on for a while.
    pub(super) fn alias_not_found(&mut self, call: Call) {
        let newest = self.gone.filter(|gone| self.now.since(gone.newest) < GONE);
        let since = newest.map_or(self.now, |gone| gone.since);
        let gone = Gone { since, newest: self.now };
        self.gone = Some(gone);
        if self.phase != Phase::RollingBack && gone.is_believed() {
            return if self.memory.is_untested() { self.take_up(None) } else { self.drifted(None) };
        }
        tracing::warn!(rollout = %self.id, "the alias was not found; reading it again");
        self.retry.after_failure(call, self.now);
    }

    /// Whether alarms are polled in this phase: whenever traffic may move or has moved, until it is rolled back, and ahead
    /// of every change.
    pub(super) fn is_watching(&self) -> bool {
        use Phase as P;
        let in_phase = match self.phase {
            // Whether weights without a claim are the canary's is known as soon as `$LATEST` was read, where that is what
            // would be published. What fires before that would be judged wrongly.
            P::Preparing if self.has_unknown_weights() => matches!(self.plan.version, VersionSource::Code(_)),
            P::Preparing => self.is_split() || self.publishes(),
            P::Checking
            | P::BeforeHook
            | P::Ready
            | P::Shifting
            | P::Holding
            | P::Gated
            | P::Promoting
            | P::AfterHook
            | P::Baking
            | P::Confirming => true,
            P::New | P::Reading | P::Creating | P::RollingBack | P::Done => false,
        };
        in_phase && !self.plan.alarms.names.is_empty()
    }

    pub(super) fn publishes(&self) -> bool {
        !matches!(self.plan.version, VersionSource::Existing(_))
    }

    /// Whether the alias has weights of which nobody knows yet whether they are the canary's.
    pub(super) fn has_unknown_weights(&self) -> bool {
        self.canary.is_none() && self.alias.as_ref().is_some_and(|alias| !alias.routing.is_single())
    }

    fn is_patrolling(&self) -> bool {
        use Phase as P;
        self.alias.is_some()
            && matches!(self.phase, P::Ready | P::Holding | P::Gated | P::AfterHook | P::Baking)
    }

    fn is_bound_by_deadline(&self) -> bool {
        !matches!(self.phase, Phase::New | Phase::Creating | Phase::RollingBack | Phase::Done)
    }

    fn deadline_at(&self) -> Option<Timestamp> {
        self.plan.deadline.map(|after| self.started_at + after)
    }

    /// Whether the newest look at the alarms passed and still counts: asked before a raise is written again.
    pub(super) fn is_still_clear(&self) -> bool {
        self.promote_asked || self.is_clear_since(Timestamp::from_millis(i64::MIN))
    }

    /// Whether the weight may rise, as far as the alarms are concerned, and as far as the alias is known to be there.
    pub(super) fn is_clear(&self) -> bool {
        self.gone.is_none() && self.is_clear_since(self.clear_since)
    }

    /// The longest time between two polls in the ordinary course.
    pub(super) fn longest_gap(&self) -> Duration {
        self.plan.alarms.poll.saturating_add(LOOK_LIMIT)
    }

    /// A poll from before a gap in which this computer slept says nothing of the time after it.
    fn is_clear_since(&self, since: Timestamp) -> bool {
        let clear = |at: Timestamp| at >= since && self.now.since(at) <= self.longest_gap();
        self.plan.alarms.names.is_empty() || self.watch.clear_at().is_some_and(clear)
    }

    /// Whether no call is in flight whose result could still change what is known of the alias.
    fn call_is_idle(&self) -> bool {
        !matches!(self.call, Some((_, Call::Write)))
    }

    /// Moves to the phase that the table names.
    pub(super) fn go(&mut self, on: Trigger) {
        let Some((index, to)) = transition(self.phase, on) else {
            unreachable!("no row for {on:?} in {:?}", self.phase)
        };
        tracing::debug!(rollout = %self.id, from = ?self.phase, ?on, ?to, "phase");
        self.taken |= 1 << index;
        self.phase = to;
        self.unwritten = true;
        self.retry.forget();
        self.patrol_at = self.now + PATROL;
    }

    pub(super) fn emit(&mut self, kind: EventKind) {
        let event = Event { seq: self.next_seq, at: self.now, kind };
        self.next_seq += 1;
        self.outputs.push_back(Output::Event(event));
    }

    pub(super) fn persist(&mut self) {
        self.unwritten = false;
        if self.phase == Phase::Done || self.check_only {
            return;
        }
        let snapshot = self.memory.still_holding(self.paused).or_else(|| self.snapshot().map(Box::new));
        self.outputs.extend(snapshot.map(Output::Persist));
    }

    pub(super) fn effect(&mut self, effect: Effect) -> EffectId {
        let id = EffectId(self.next_effect);
        self.next_effect += 1;
        *self.calls.entry(effect.kind()).or_default() += 1;
        self.outputs.push_back(Output::Effect(id, effect));
        id
    }

    pub(super) fn withdraw(&mut self, id: EffectId) {
        self.outputs.push_back(Output::Withdraw(id));
    }

    /// Ends a check that found nothing wrong.
    pub(super) fn pass_check(&mut self) {
        self.phase = Phase::Done;
        self.outputs.push_back(Output::CheckPassed);
    }

    /// Ends a check that did not come to its end in time, for what was not ready.
    #[cfg(feature = "runtime")]
    pub(crate) fn give_up_check(&mut self, cause: Cause, now: Timestamp) {
        self.now = self.now.max(now);
        self.refuse(cause);
    }

    pub(super) fn end(&mut self, on: Trigger, kind: OutcomeKind, cause: Option<Cause>) {
        self.go(on);
        let is_weighted = self.alias.as_ref().is_some_and(|alias| !alias.routing.is_single());
        let refused = matches!(kind, OutcomeKind::Refused | OutcomeKind::Aborted);
        let on_two_versions = kind == OutcomeKind::Unsettled || refused && is_weighted;
        let advice = on_two_versions.then(|| self.advice());
        let outcome = Outcome {
            kind,
            cause,
            stable_version: self.stable,
            canary_version: self.canary,
            traffic_moved: self.traffic_moved || self.writes.may_land(),
            calls: self.calls.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect(),
            rollback: self.rollback.as_ref().and_then(Rollback::times),
            advice,
        };
        self.emit(EventKind::Finished(outcome.clone()));
        self.outputs.push_back(Output::Done(outcome));
    }

    pub(super) fn look_at_alarms_when_due(&mut self) {
        let wanted = match self.phase {
            Phase::Checking => Some(self.clear_since),
            Phase::Ready if !self.paused => Some(self.clear_since),
            Phase::Holding | Phase::Baking => self.hold.ended(self.now),
            _ => None,
        };
        if self.watch.wants_poll(self.now, wanted) {
            let id = self.effect(Effect::ReadAlarms(self.plan.alarms.names.clone()));
            self.watch.asked(id, self.now);
        }
    }
}
