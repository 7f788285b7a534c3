use std::sync::Arc;
use std::time::Duration;

use lambda_rollout::account::{AlarmState, AliasState, AliasWrite, HookReport, HookVerdict};
use lambda_rollout::machine::{Effect, EffectId, EffectResult, Input, Output, Phase, Rollout, Snapshot};
use lambda_rollout::plan::{RolloutPlan, VersionSource};
use lambda_rollout::units::{RolloutId, Timestamp};
use lambda_rollout::{Error, ErrorKind};

use crate::account::{Account, Alarm, CANARY, Drift, Landing, Opening, STABLE, error, version};
use crate::broken::{Broken, broken};
use crate::choice::{Choice, Order};
use crate::referee::{Referee, Scene};

/// An effect that has been asked for and not come to its end.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) id: EffectId,
    pub(crate) effect: Effect,
    pub(crate) since: Timestamp,
    slow: bool,
}

impl Call {
    pub(crate) fn write(&self) -> Option<&AliasWrite> {
        if let Effect::WriteAlias(write) = &self.effect { Some(write) } else { None }
    }

    /// Whether its answer depends on what happens to the alias.
    fn shows_alias(&self) -> bool {
        matches!(self.effect, Effect::ReadAlias | Effect::WriteAlias(_))
    }

    fn time_is_up_at(&self) -> Timestamp {
        self.since + self.effect.limit()
    }
}

/// Everything at one moment: the rollout, the account, what is between them, and what the referee remembers.
#[derive(Debug, Clone)]
pub(crate) struct Situation {
    clock: Timestamp,
    account: Account,
    in_flight: Vec<Call>,
    journal: Option<Snapshot>,
    referee: Referee,
    rollout: Rollout,
    /// How long a person has been waited for, in ticks.
    waited: u8,
    ended: bool,
    /// The rollouts so far: without a journal, each process begins one of its own.
    rollouts: u64,
}

/// For how long nobody runs the rollout after a process died in the dark.
const DARK: Duration = Duration::from_secs(5 * 60);
/// A sleep, or a step of the wall clock.
const LEAP: Duration = Duration::from_secs(60 * 60);
/// The ticks after which the person comes that a gate or a pause waits for: enough for looks at alarms and alias.
const PATIENCE: u8 = 4;

impl Situation {
    pub(crate) fn new(plan: &Arc<RolloutPlan>, opening: &Opening) -> Self {
        let clock = Timestamp::parse("2026-11-23T17:00:00Z").expect("a date");
        Self {
            clock,
            account: Account::new(opening, clock),
            in_flight: Vec::new(),
            journal: None,
            referee: Referee::facing(opening, id(0), clock),
            rollout: Rollout::new(Arc::clone(plan), id(0), clock),
            waited: 0,
            ended: false,
            rollouts: 1,
        }
    }

    pub(crate) fn clock(&self) -> Timestamp {
        self.clock
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// What a choice is about, for stories.
    pub(crate) fn subject(&self, choice: Choice) -> String {
        choice.call().map(|call| format!("{} ", told(&self.in_flight[call].effect))).unwrap_or_default()
    }

    /// The normal course: the oldest call is answered; when none is left, time passes.
    pub(crate) fn normal_course(&self) -> Choice {
        if let Some(call) = self.next_call() {
            return Choice::Answer(call);
        }
        if self.waits_for_a_person() && self.waited >= PATIENCE {
            return Choice::Order(Order::Resume);
        }
        let slowest = self.in_flight.iter().enumerate().min_by_key(|(_, call)| call.time_is_up_at());
        match slowest {
            Some((index, call)) if self.rollout.deadline().is_none_or(|due| call.time_is_up_at() <= due) => {
                Choice::TimeOut(index as u8, Landing::Never)
            }
            _ => Choice::Tick,
        }
    }

    /// What may happen in place of the normal course without being a fault of its own.
    pub(crate) fn courses(&self) -> Vec<Choice> {
        let normal = self.normal_course();
        let mut choices = vec![normal];
        if let Choice::TimeOut(index, _) = normal
            && let Some(write) = self.in_flight[usize::from(index)].write()
            && self.account.admits(write)
        {
            choices.extend([Landing::Already, Landing::Later].map(|landing| Choice::TimeOut(index, landing)));
        }
        let slow = self.in_flight.iter().enumerate().filter(|(_, call)| call.slow);
        choices.extend(slow.map(|(index, _)| Choice::Answer(index as u8)));
        // Nobody can tell earlier landings from one just before the alias is looked at.
        if self.next_call().is_some_and(|call| self.in_flight[usize::from(call)].shows_alias()) {
            choices.extend((0..self.account.late().len()).map(|late| Choice::LandLate(late as u8)));
        }
        choices
    }

    /// Where ways meet or part: nothing is under way, or more than one thing may happen by itself.
    pub(crate) fn is_crossing(&self) -> bool {
        self.in_flight.is_empty() || self.courses().len() > 1
    }

    /// What may go wrong, and what people may do.
    pub(crate) fn deviations(&self) -> Vec<Choice> {
        let mut choices = Vec::with_capacity(40);
        match self.next_call() {
            Some(index) => self.befalls(index, &mut choices),
            None if self.normal_course() == Choice::Tick => {
                choices.extend([Choice::TickLate, Choice::TickEarly]);
            }
            None => {}
        }
        choices.extend(Order::ALL.map(Choice::Order));
        let writing = self.in_flight.iter().filter_map(Call::write).any(|write| self.account.admits(write));
        for journal in [false, true] {
            let die = |landing| Choice::Die { journal, landing, dark: false };
            if journal && self.journal.is_none() || !journal && self.looks_like_another_rollout() {
                continue;
            }
            choices.push(die(Landing::Never));
            choices.push(Choice::Die { journal, landing: Landing::Never, dark: true });
            let ends_it = self.publishes() && self.account.has_their_code() && !journal;
            if writing && !ends_it {
                choices.push(die(Landing::Already));
            }
            if writing && journal {
                choices.push(die(Landing::Later));
            }
        }
        choices
    }

    /// What may go wrong with the call that is answered next, and what may have changed before it is.
    fn befalls(&self, index: u8, choices: &mut Vec<Choice>) {
        use ErrorKind as E;
        let call = &self.in_flight[usize::from(index)];
        let mut fails = |kinds: &[(E, Landing)]| {
            choices.extend(kinds.iter().map(|(kind, landing)| Choice::Fail(index, *kind, *landing)));
        };
        const NEVER: Landing = Landing::Never;
        match &call.effect {
            Effect::WriteAlias(write) => {
                fails(&[(E::Unreachable, NEVER), (E::Throttled, NEVER), (E::Conflict, NEVER)]);
                fails(&[(E::AccessDenied, NEVER), (E::Config, NEVER)]);
                if self.account.admits(write) {
                    fails(&[(E::Unreachable, Landing::Already), (E::Unreachable, Landing::Later)]);
                    fails(&[(E::Conflict, Landing::Already)]);
                    if write.routing.is_single() {
                        choices.extend([false, true].map(|slow| Choice::Settle(index, slow)));
                    }
                }
            }
            Effect::ReadAlias | Effect::ReadVersion(_) => {
                fails(&[(E::Unreachable, NEVER), (E::Throttled, NEVER), (E::AccessDenied, NEVER)]);
                fails(&[(E::NotFound, NEVER)]);
                let reads_alias = matches!(call.effect, Effect::ReadAlias);
                // A rollout that knows nothing of the alias yet cannot know that a read is an old copy.
                let lags =
                    self.account.read_alias_stale().is_some_and(|old| self.referee.knows_better_than(old));
                if reads_alias && lags {
                    choices.push(Choice::Stale(index));
                }
                if !reads_alias && self.pipeline_matters() {
                    choices.push(Choice::Pipeline);
                }
            }
            Effect::UpdateCode { .. } | Effect::Publish(_) => {
                fails(&[(E::Unreachable, NEVER), (E::Throttled, NEVER), (E::Conflict, NEVER)]);
                fails(&[(E::AccessDenied, NEVER), (E::Unreachable, Landing::Already)]);
                if self.pipeline_matters() {
                    choices.push(Choice::Pipeline);
                }
            }
            Effect::CheckHook(_) => {
                fails(&[(E::Unreachable, NEVER), (E::AccessDenied, NEVER), (E::NotFound, NEVER)])
            }
            Effect::ReadAlarmHistory { .. } => {
                fails(&[(E::Unreachable, NEVER), (E::AccessDenied, NEVER), (E::Rejected, NEVER)]);
            }
            Effect::ReadAlarms(_) => {
                fails(&[(E::Throttled, NEVER), (E::AccessDenied, NEVER)]);
                let others = Alarm::ALL.into_iter().filter(|alarm| *alarm != self.account.alarm());
                choices.extend(others.map(Choice::Alarm));
                if self.account.alarm() == Alarm::Ok {
                    choices.extend([AlarmState::Alarm, AlarmState::InsufficientData].map(Choice::Flap));
                }
                if !self.account.alarms_are_down() {
                    choices.push(Choice::AlarmsDown);
                }
            }
            Effect::RunHook(_) => {
                let bad = [HookVerdict::Fail, HookVerdict::Inconclusive];
                choices.extend(bad.map(|verdict| Choice::Hook(index, verdict)));
            }
            _ => fails(&[(E::Unreachable, NEVER)]),
        }
        choices.push(Choice::Delay(index));
        // Nobody can tell an earlier change from one just before the alias is looked at.
        if call.shows_alias() {
            let drifts = Drift::ALL.into_iter().filter(|drift| self.is_told_from_ours(*drift));
            choices.extend(drifts.map(Choice::Drift));
            if !self.account.lambda_is_down() {
                choices.push(Choice::LambdaDown);
            }
        }
    }

    /// Whether it makes a difference that another pipeline changes `$LATEST` now: the rollout has read it, and it is not
    /// changed yet.
    fn pipeline_matters(&self) -> bool {
        self.publishes() && self.referee.has_read_latest() && !self.account.has_their_code()
    }

    fn publishes(&self) -> bool {
        !matches!(self.rollout.plan().version(), VersionSource::Existing(_))
    }

    /// Whether a process that begins now without a journal, and whose plan publishes, would find what another rollout than
    /// this one has left: another pipeline's code to publish and no weights, or weights of other versions.
    fn looks_like_another_rollout(&self) -> bool {
        let ours = (Some(version(STABLE).into()), Some(version(CANARY)));
        let found = self.account.routing();
        let weights = found.and_then(|found| found.additional).map(|(second, _)| second);
        let is_ours = weights.is_none() || (found.map(|found| found.version), weights) == ours;
        self.publishes() && (!is_ours || weights.is_none() && self.account.has_their_code())
    }

    fn is_told_from_ours(&self, drift: Drift) -> bool {
        // To a rollout that has not published yet, claimed weights say which version is its canary.
        let other_canary = matches!(drift, Drift::RolesSwapped | Drift::OtherVersionBeside);
        if other_canary && self.publishes() && self.referee.is_unanswered() {
            return false;
        }
        let mut account = self.account.clone();
        let changes = account.drift(drift);
        // What it would publish is another pipeline's, and what says that it is not the first one to begin would be gone.
        let weights = account.routing().and_then(|routing| routing.additional);
        let begins = self.referee.reborn && self.referee.is_unanswered();
        if begins && self.publishes() && account.has_their_code() && weights.is_none() {
            return false;
        }
        changes && !self.referee.may_be_ours(&account)
    }

    fn next_call(&self) -> Option<u8> {
        self.in_flight.iter().position(|call| !call.slow).map(|index| index as u8)
    }

    fn waits_for_a_person(&self) -> bool {
        let status = self.rollout.status();
        status.paused || status.phase == Phase::Gated
    }

    /// Lets a choice happen. False when it changes nothing.
    pub(crate) fn apply(&mut self, choice: Choice, tell: &mut dyn FnMut(&Output)) -> Result<bool, Broken> {
        self.note_excuse(choice);
        match choice {
            Choice::Start => self.give(Input::Start, tell)?,
            Choice::Answer(index) => {
                let call = self.in_flight.remove(usize::from(index));
                let result = self.answer(&call)?;
                self.deliver(call, result, tell)?;
            }
            Choice::Fail(index, kind, landing) => {
                let call = self.in_flight.remove(usize::from(index));
                self.land(&call, landing)?;
                let result = fail(&call.effect, kind);
                self.deliver(call, result, tell)?;
            }
            Choice::Delay(index) => self.in_flight[usize::from(index)].slow = true,
            Choice::TimeOut(index, landing) => {
                let call = self.in_flight.remove(usize::from(index));
                self.let_pass_until(call.time_is_up_at());
                self.land(&call, landing)?;
                self.deliver(call, EffectResult::TimedOut, tell)?;
            }
            Choice::Stale(index) => {
                let call = self.in_flight.remove(usize::from(index));
                let Some(old) = self.account.read_alias_stale().cloned() else { return Ok(false) };
                self.deliver(call, EffectResult::Alias(Ok(old)), tell)?;
            }
            Choice::Settle(index, slow) => {
                let call = self.in_flight.remove(usize::from(index));
                let before = self.account.routing();
                let result = self.answer(&call)?;
                if let Some(before) = before {
                    self.account.settle(before, slow, self.clock);
                }
                self.deliver(call, result, tell)?;
            }
            Choice::Hook(index, verdict) => {
                let call = self.in_flight.remove(usize::from(index));
                let report = HookReport { verdict, ..HookReport::pass("") };
                self.deliver(call, EffectResult::Hook(report), tell)?;
            }
            Choice::LandLate(index) => {
                let write = self.account.late()[usize::from(index)].clone();
                drop(self.write(&write)?);
            }
            Choice::Tick | Choice::TickLate => {
                let Some(due) = self.rollout.deadline() else {
                    return Err(broken!("S9: nothing is in flight, and nothing will ever be due"));
                };
                let due = if choice == Choice::Tick { due } else { due + LEAP };
                self.waited = if self.waits_for_a_person() { (self.waited + 1).min(PATIENCE) } else { 0 };
                self.let_pass_until(due);
                self.give(Input::Tick, tell)?;
            }
            Choice::TickEarly => {
                self.rollout.handle(Input::Tick, self.clock - LEAP).map_err(refused)?;
                self.drain(tell)?;
            }
            Choice::Drift(drift) => {
                self.account.drift(drift);
            }
            Choice::Alarm(alarm) => self.account.set_alarm(alarm, self.clock),
            Choice::Flap(through) => {
                self.account.flap(through, self.clock);
            }
            Choice::Pipeline => self.account.let_pipeline_in(),
            Choice::LambdaDown => self.account.take_lambda_down(self.clock),
            Choice::AlarmsDown => self.account.take_alarms_down(self.clock),
            Choice::Order(order) => return self.order(order, tell),
            Choice::Die { journal, landing, dark } => self.die(journal, landing, dark, tell)?,
        }
        Ok(true)
    }

    /// Tells the referee what allows the rollout to end otherwise than planned.
    fn note_excuse(&mut self, choice: Choice) {
        let unanswered = self.referee.is_unanswered();
        let excuse = match choice {
            Choice::Drift(Drift::DescriptionEdited) => false,
            Choice::Drift(_) => return self.referee.moved_by_other_hand(),
            Choice::Alarm(alarm) => alarm != Alarm::Ok,
            Choice::Flap(_) | Choice::Pipeline => true,
            // Two of them at the very beginning are believed.
            Choice::Fail(index, ErrorKind::NotFound, _)
                if self.referee.absent
                    && unanswered
                    && matches!(self.in_flight[usize::from(index)].effect, Effect::ReadAlias) =>
            {
                return self.referee.moved_by_other_hand();
            }
            // A version, or the function of a hook, that is said not to be there: the rollout is refused.
            Choice::Fail(index, ErrorKind::NotFound, _) => {
                !matches!(self.in_flight[usize::from(index)].effect, Effect::ReadAlias)
            }
            Choice::LambdaDown | Choice::AlarmsDown => true,
            Choice::Fail(_, ErrorKind::AccessDenied, _) => true,
            // These calls may take longer than pre-flight tolerates that calls fail.
            Choice::TimeOut(index, _)
                if matches!(
                    self.in_flight[usize::from(index)].effect,
                    Effect::Publish(_) | Effect::UpdateCode { .. }
                ) =>
            {
                true
            }
            Choice::Fail(_, ErrorKind::Unreachable, _) | Choice::TimeOut(..) => unanswered,
            Choice::Order(order) => order == Order::Abort,
            Choice::TickLate => self.referee.is_failing(),
            // Without a journal, weights that AWS itself has set look like somebody else's.
            Choice::Die { journal: false, .. } => self.account.is_settling(),
            _ => false,
        };
        if excuse {
            self.referee.excuse();
        }
    }

    fn order(&mut self, order: Order, tell: &mut dyn FnMut(&Output)) -> Result<bool, Broken> {
        let before = format!("{:?}", self.rollout);
        if self.rollout.handle(Input::Command(order.command()), self.clock).is_err() {
            if self.rollout.poll().is_some() {
                return Err(broken!("commands: {order:?} was refused, and did something"));
            }
            let unchanged = format!("{:?}", self.rollout) == before;
            let refused = broken!("commands: {order:?} was refused, and changed something");
            return if unchanged { Ok(false) } else { Err(refused) };
        }
        self.waited = 0;
        self.referee.ordered(&order.command(), self.clock);
        self.drain(tell)?;
        Ok(true)
    }

    fn die(
        &mut self,
        journal: bool,
        landing: Landing,
        dark: bool,
        tell: &mut dyn FnMut(&Output),
    ) -> Result<(), Broken> {
        for call in std::mem::take(&mut self.in_flight) {
            self.land(&call, landing)?;
        }
        if dark {
            self.let_pass_until(self.clock + DARK);
        }
        if journal {
            self.referee.takes_up(self.clock, self.journal.as_ref());
        } else {
            self.referee.begins_anew(id(self.rollouts), self.clock);
            // What may still land of it nobody can know: the alias is the record.
            self.account.forget_late();
            self.journal = None;
        }
        let plan = self.rollout.plan();
        self.rollout = match &self.journal {
            Some(snapshot) => {
                let snapshot = Snapshot { next_seq: self.referee.next_seq(), ..snapshot.clone() };
                Rollout::restore(plan, snapshot, self.clock)
            }
            None => {
                self.rollouts += 1;
                Rollout::new(plan, id(self.rollouts - 1), self.clock)
            }
        };
        self.waited = 0;
        self.give(Input::Start, tell)
    }

    fn let_pass_until(&mut self, time: Timestamp) {
        self.clock = self.clock.max(time);
        self.account.pass_time(self.clock);
    }

    /// The right answer.
    fn answer(&mut self, call: &Call) -> Result<EffectResult, Broken> {
        Ok(match &call.effect {
            Effect::ReadAlias => EffectResult::Alias(self.account.read_alias()),
            Effect::WriteAlias(write) => EffectResult::Alias(self.write(write)?),
            Effect::CreateAlias(version) => EffectResult::Alias(self.account.create(*version)),
            Effect::ReadVersion(qualifier) => EffectResult::Version(self.account.read_version(*qualifier)),
            Effect::ReadAlarms(names) => EffectResult::Alarms(self.account.read_alarms(names)),
            Effect::RunHook(_) => EffectResult::Hook(HookReport::pass("")),
            Effect::UpdateCode { revision_id, .. } => {
                EffectResult::Version(self.account.update_code(revision_id))
            }
            Effect::Publish(request) => EffectResult::Version(self.account.publish(request)),
            Effect::ReadAlarmHistory { after, .. } => {
                EffectResult::AlarmHistory(self.account.read_alarm_history(*after))
            }
            Effect::CheckHook(_) | Effect::CheckCode(_) => EffectResult::Checked(Ok(())),
            Effect::ReadProvisionedConcurrency => {
                EffectResult::ProvisionedConcurrency(self.account.provisioned_concurrency())
            }
            other => unreachable!("no plan here asks for {other:?}"),
        })
    }

    /// What becomes of a call that is not answered.
    fn land(&mut self, call: &Call, landing: Landing) -> Result<(), Broken> {
        match (&call.effect, landing) {
            (Effect::UpdateCode { revision_id, .. }, Landing::Already) => {
                drop(self.account.update_code(revision_id))
            }
            (Effect::Publish(request), Landing::Already) => drop(self.account.publish(request)),
            _ => {}
        }
        let Some(write) = call.write().filter(|write| self.account.admits(write)) else { return Ok(()) };
        match landing {
            Landing::Never => {}
            Landing::Already => {
                drop(self.write(write)?);
            }
            Landing::Later => self.account.keep_for_later(write.clone()),
        }
        Ok(())
    }

    fn write(&mut self, write: &AliasWrite) -> Result<Result<AliasState, Error>, Broken> {
        if self.account.admits(write) {
            self.referee.takes_effect(write, &self.account)?;
        }
        Ok(self.account.write(write))
    }

    fn deliver(
        &mut self,
        call: Call,
        result: EffectResult,
        tell: &mut dyn FnMut(&Output),
    ) -> Result<(), Broken> {
        let plan = self.rollout.plan();
        let scene = scene(&plan, self.clock, &self.account, &self.in_flight, &self.journal);
        self.referee.answered(&call, &result, &scene);
        self.give(Input::Done(call.id, result), tell)
    }

    fn give(&mut self, input: Input, tell: &mut dyn FnMut(&Output)) -> Result<(), Broken> {
        self.rollout.handle(input, self.clock).map_err(refused)?;
        self.drain(tell)
    }

    fn drain(&mut self, tell: &mut dyn FnMut(&Output)) -> Result<(), Broken> {
        let plan = self.rollout.plan();
        while let Some(output) = self.rollout.poll() {
            tell(&output);
            if self.ended {
                return Err(broken!("events: something comes after the end"));
            }
            let scene = scene(&plan, self.clock, &self.account, &self.in_flight, &self.journal);
            match output {
                Output::Persist(snapshot) => self.journal = Some(*snapshot),
                Output::Event(event) => self.referee.told(&event, &scene)?,
                Output::Effect(id, effect) => {
                    self.referee.asked(id, &effect, &scene)?;
                    self.in_flight.push(Call { id, effect, since: self.clock, slow: false });
                }
                Output::Done(outcome) => {
                    self.referee.ended(&outcome, &scene)?;
                    self.ended = true;
                }
                Output::Withdraw(id) => self.in_flight.retain(|call| call.id != id),
                other => return Err(broken!("events: unexpected {other:?}")),
            }
        }
        if self.ended {
            return Ok(());
        }
        let scene = scene(&plan, self.clock, &self.account, &self.in_flight, &self.journal);
        self.referee.inspect(&self.rollout, &scene)
    }
}

fn id(rollout: u64) -> RolloutId {
    RolloutId::from_bits(rollout + 1)
}

fn scene<'s>(
    plan: &'s RolloutPlan,
    now: Timestamp,
    account: &'s Account,
    in_flight: &'s [Call],
    journal: &'s Option<Snapshot>,
) -> Scene<'s> {
    Scene { plan, now, account, in_flight, journal: journal.as_ref() }
}

fn refused(error: Error) -> Broken {
    broken!("events: an input that is no command was refused: {error}")
}

fn fail(effect: &Effect, kind: ErrorKind) -> EffectResult {
    match effect {
        Effect::ReadVersion(_) | Effect::UpdateCode { .. } | Effect::Publish(_) => {
            EffectResult::Version(Err(error(kind)))
        }
        Effect::ReadAlarms(_) => EffectResult::Alarms(Err(error(kind))),
        Effect::ReadAlarmHistory { .. } => EffectResult::AlarmHistory(Err(error(kind))),
        Effect::CheckHook(_) | Effect::CheckCode(_) => EffectResult::Checked(Err(error(kind))),
        Effect::ReadProvisionedConcurrency => EffectResult::ProvisionedConcurrency(Err(error(kind))),
        _ => EffectResult::Alias(Err(error(kind))),
    }
}

/// An effect in the words of stories.
fn told(effect: &Effect) -> String {
    match effect {
        Effect::WriteAlias(write) => format!("write of {} at `{}`", write.routing, write.revision_id),
        other => other.kind().replace('_', " "),
    }
}
