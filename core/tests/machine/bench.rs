//! A workbench for the machine: answers its effects from a small account, and lets a test bend every answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lambda_rollout::account::{
    AlarmReading, AlarmState, AlarmTransition, AliasState, AliasWrite, FunctionVersion, HookReport,
    HookRequest, Lifecycle, ProvisionedConcurrency, Routing, UpdateStatus,
};
use lambda_rollout::error::AwsAnswer;
use lambda_rollout::event::{Cause, Event, EventKind, Outcome, OutcomeKind};
use lambda_rollout::machine::{
    Command, Effect, EffectId, EffectResult, Input, Output, Phase, Rollout, Snapshot, Transition,
};
use lambda_rollout::plan::{InsufficientData, PlanBuilder, RolloutPlan};
use lambda_rollout::units::{AlarmName, Qualifier, RolloutId, Timestamp, Version, Weight};
use lambda_rollout::{Error, ErrorKind};

/// What happens to one alias write, in place of simply taking effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It takes effect, and so says the answer.
    Lands,
    /// It never arrives, and no answer comes.
    RequestLost,
    /// It takes effect, and no answer comes.
    ReplyLost,
    /// It takes effect only after the next read of the alias, and no answer comes.
    LandsLate,
    /// Refused without effect.
    Refused(ErrorKind),
    /// It takes effect, and yet the answer is 412, as when a client's own second try meets its first.
    LandsAndConflicts,
}

/// Watches every write, and blows the whistle on a broken promise.
#[derive(Default)]
pub(crate) struct Referee {
    pub(crate) promote_asked: bool,
    /// Whether the plan says to ignore what fires.
    pub(crate) excuses: bool,
    /// Whether the plan takes an alarm without data for one that is OK, once the canary has traffic.
    thin_passes: bool,
    /// What the alias was set to by another hand last, until a write of ours took effect on top of it.
    foreign: Option<Routing>,
    issued: BTreeMap<EffectId, Timestamp>,
    revisions: BTreeSet<String>,
    known: Option<Routing>,
    /// When the newest look at the alarms began in which all were there and none fired.
    clear_at: Option<Timestamp>,
    held_since: Option<Timestamp>,
    rolling_back: bool,
    /// The write in flight, and whether the newest one's result is unknown with no read since.
    write: Option<EffectId>,
    unresolved: bool,
}

impl Referee {
    /// Without a journal a hold begins anew; with one it keeps its start, and what people wanted still holds.
    fn new_process(&mut self, journal: bool, now: Timestamp) {
        *self = Self {
            held_since: self.held_since.filter(|_| journal).map(|since| since.min(now)),
            promote_asked: self.promote_asked && journal,
            excuses: self.excuses,
            thin_passes: self.thin_passes,
            ..Self::default()
        };
    }

    fn see(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Checked { .. } => {
                self.held_since.get_or_insert(event.at);
            }
            EventKind::Shifted { .. } => self.held_since = Some(event.at),
            EventKind::RollingBack { .. } => self.rolling_back = true,
            _ => {}
        }
    }

    fn answered(&mut self, id: EffectId, result: &EffectResult) {
        let was_write = self.write.take_if(|write| *write == id).is_some();
        let without_effect =
            [ErrorKind::Throttled, ErrorKind::AccessDenied, ErrorKind::Config, ErrorKind::Rejected];
        match result {
            EffectResult::Alias(Err(error)) if was_write && !without_effect.contains(&error.kind()) => {
                self.unresolved = true;
            }
            EffectResult::TimedOut if was_write => self.unresolved = true,
            EffectResult::Alias(Ok(state)) => {
                self.unresolved = false;
                self.revisions.insert(state.revision_id.clone());
                self.known = Some(state.routing);
            }
            EffectResult::Alarms(Ok(readings))
                if readings.iter().all(|reading| self.passes(reading.state)) =>
            {
                self.clear_at = self.issued.get(&id).copied();
            }
            EffectResult::Alarms(_) => self.clear_at = None,
            _ => {}
        }
    }

    fn passes(&self, state: AlarmState) -> bool {
        let has_traffic = self.known.is_some_and(|known| known.share_of(version(2)) > Weight::ZERO);
        match state {
            AlarmState::Ok => true,
            AlarmState::Alarm => self.excuses,
            AlarmState::InsufficientData => self.excuses || self.thin_passes || !has_traffic,
            AlarmState::Unreadable => false,
        }
    }

    fn judge(&self, write: &AliasWrite, plan: &RolloutPlan, now: Timestamp) {
        let canary = version(2);
        let (new, old) = (write.routing.share_of(canary), self.known.map(|known| known.share_of(canary)));
        assert!(self.revisions.contains(&write.revision_id), "S1: a revision that was never seen");
        if self.rolling_back {
            assert_eq!(new, Weight::ZERO, "S5: raised while rolling back");
        }
        assert!(!self.unresolved, "S2: written before a read has decided about the write before");
        let old = old.expect("S1: written before it was read");
        if new <= old || self.promote_asked {
            return;
        }
        let steps = plan.schedule().steps();
        assert!(new == Weight::FULL || steps.iter().any(|step| step.weight == new), "S4: {new} is no step");
        let next = steps.iter().map(|step| step.weight).find(|weight| *weight > old).unwrap_or(Weight::FULL);
        assert!(new <= next, "S4: from {old} to {new}, past {next}");
        let hold = steps.iter().find(|step| step.weight == old).map_or(Duration::ZERO, |step| step.hold);
        let held_since = self.held_since.expect("S3: raised before the check");
        assert!(now >= held_since + hold, "S3: the hold of {old} was cut short");
        let clear_at = self.clear_at.expect("S3: raised without a look at the alarms");
        assert!(clear_at >= held_since + hold || hold.is_zero(), "S3: no look at the alarms after the hold");
    }

    fn takes_effect(&mut self, write: &AliasWrite) {
        if let Some(foreign) = self.foreign.take() {
            let canary = version(2);
            let taken_out =
                foreign.share_of(canary) > Weight::ZERO && write.routing.share_of(canary) == Weight::ZERO;
            let as_left = self.known == Some(foreign);
            assert!(taken_out || as_left, "S7: {foreign} was overwritten with {}", write.routing);
        }
    }
}

pub(crate) struct Bench {
    pub(crate) rollout: Rollout,
    pub(crate) now: Timestamp,
    pub(crate) alias: Option<AliasState>,
    pub(crate) latest: FunctionVersion,
    pub(crate) published: BTreeMap<Version, FunctionVersion>,
    pub(crate) alarms: BTreeMap<AlarmName, AlarmState>,
    pub(crate) alarms_down: bool,
    /// Every change of state, in order; what is set in `alarms` counts as changed when it is read.
    pub(crate) alarm_history: BTreeMap<AlarmName, Vec<AlarmTransition>>,
    /// The time of the alarm's state, where its history does not show it yet.
    pub(crate) shown_since: Option<Timestamp>,
    pub(crate) history_fails: Option<ErrorKind>,
    pub(crate) reads_fail: Option<ErrorKind>,
    /// What the next reads of the alias answer, in place of what it is.
    pub(crate) odd_reads: Vec<Result<AliasState, ErrorKind>>,
    pub(crate) alias_reads: u64,
    pub(crate) provisioned: Option<ProvisionedConcurrency>,
    /// Why the plan's code, or its hooks' functions, are not there.
    pub(crate) not_there: Option<ErrorKind>,
    /// What `$LATEST` becomes as soon as new code was put there: another pipeline's work.
    pub(crate) overtaken_by: Option<FunctionVersion>,
    pub(crate) fates: Vec<Fate>,
    /// What befalls every write once `fates` is used up.
    pub(crate) fate: Fate,
    pub(crate) publish_fails: Vec<ErrorKind>,
    pub(crate) hook: Option<HookReport>,
    /// Effects of this kind are not answered until `release` is called.
    pub(crate) held_kind: Option<&'static str>,
    pub(crate) held: Vec<(EffectId, Effect)>,
    pub(crate) events: Vec<Event>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) check_passed: bool,
    /// Every routing that the alias had, in order, ours or not.
    pub(crate) history: Vec<Routing>,
    pub(crate) writes: Vec<AliasWrite>,
    pub(crate) snapshots: Vec<Snapshot>,
    pub(crate) hook_requests: Vec<HookRequest>,
    pub(crate) creation: Fate,
    pub(crate) referee: Referee,
    /// Whether another hand ever changed the alias.
    pub(crate) touched: bool,
    /// Whether a process ever died.
    pub(crate) died: bool,
    late: Option<AliasWrite>,
    waiting: Vec<(EffectId, Effect)>,
    revision: u64,
    pub(crate) plan: Arc<RolloutPlan>,
}

pub(crate) fn version(number: u64) -> Version {
    Version::new(number).expect("above zero")
}

pub(crate) fn percent(percent: f64) -> Weight {
    Weight::from_percent(percent).expect("a weight")
}

pub(crate) fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

pub(crate) fn split(stable: u64, canary: u64, weight: f64) -> Routing {
    Routing::split(version(stable), version(canary), percent(weight))
}

pub(crate) fn only(number: u64) -> Routing {
    Routing::only(version(number))
}

pub(crate) fn alarm() -> AlarmName {
    AlarmName::parse("errors").expect("a name")
}

/// The story's plan: 10 % for five minutes, one alarm, version 2.
pub(crate) fn canary(change: impl FnOnce(PlanBuilder) -> PlanBuilder) -> RolloutPlan {
    let plan = RolloutPlan::builder("sample-handler", "main")
        .version(version(2))
        .strategy_named("CANARY_10PERCENT_5MINUTES")
        .alarm("errors");
    change(plan).build().expect("a good plan")
}

pub(crate) fn function_version(number: Option<u64>) -> FunctionVersion {
    let qualifier = number.map_or(Qualifier::Latest, |number| version(number).into());
    FunctionVersion {
        version: qualifier,
        state: Lifecycle::Active,
        state_reason: String::new(),
        update: UpdateStatus::Successful,
        update_reason: String::new(),
        role: "role".into(),
        dead_letter: None,
        code_sha256: format!("sha-{}", number.unwrap_or(2)),
        config_sha256: None,
        revision_id: "f1".into(),
    }
}

impl Bench {
    pub(crate) fn new(plan: RolloutPlan) -> Self {
        let plan = Arc::new(plan);
        let start = Timestamp::parse("2026-11-23T17:00:00Z").expect("a date");
        let rollout = Rollout::new(Arc::clone(&plan), RolloutId::from_bits(7), start);
        Self {
            rollout,
            now: start,
            alias: Some(AliasState::new(only(1), "r0")),
            latest: function_version(None),
            published: [1, 2, 3].map(|number| (version(number), function_version(Some(number)))).into(),
            alarms: plan.alarms().names().iter().map(|name| (name.clone(), AlarmState::Ok)).collect(),
            alarms_down: false,
            alarm_history: BTreeMap::new(),
            shown_since: None,
            history_fails: None,
            reads_fail: None,
            odd_reads: Vec::new(),
            alias_reads: 0,
            provisioned: None,
            not_there: None,
            overtaken_by: None,
            fates: Vec::new(),
            fate: Fate::Lands,
            publish_fails: Vec::new(),
            hook: Some(HookReport::pass("fine")),
            held_kind: None,
            held: Vec::new(),
            events: Vec::new(),
            outcome: None,
            check_passed: false,
            history: Vec::new(),
            writes: Vec::new(),
            snapshots: Vec::new(),
            hook_requests: Vec::new(),
            creation: Fate::Lands,
            referee: Referee {
                thin_passes: plan.alarms().insufficient_data() == InsufficientData::Pass,
                ..Referee::default()
            },
            touched: false,
            died: false,
            late: None,
            waiting: Vec::new(),
            revision: 0,
            plan,
        }
    }

    pub(crate) fn with_alias(mut self, routing: Option<Routing>) -> Self {
        self.alias = routing.map(|routing| AliasState::new(routing, "r0"));
        self
    }

    pub(crate) fn checking_only(mut self) -> Self {
        self.rollout = Rollout::check_only(Arc::clone(&self.plan), RolloutId::from_bits(7), self.now);
        self
    }

    /// Another process takes the rollout up from the newest snapshot. What was under way is forgotten.
    pub(crate) fn die_and_restore(&mut self) {
        assert!(self.outcome.is_none(), "it has come to its end");
        let mut snapshot = self.snapshots.last().expect("a snapshot").clone();
        snapshot.next_seq = self.events.last().map_or(1, |event| event.seq + 1);
        self.rollout = Rollout::restore(Arc::clone(&self.plan), snapshot, self.now);
        self.begin_process(true);
    }

    /// Another process starts the same plan with no memory at all.
    pub(crate) fn die_and_run_again(&mut self) {
        self.rollout = Rollout::new(Arc::clone(&self.plan), RolloutId::from_bits(8), self.now);
        self.snapshots.clear();
        self.begin_process(false);
    }

    fn begin_process(&mut self, journal: bool) {
        self.waiting.clear();
        self.held.clear();
        self.referee.new_process(journal, self.now);
        self.died = true;
        self.input(Input::Start);
    }

    /// Runs to the end.
    pub(crate) fn run(mut self) -> Self {
        self.start();
        self.finish();
        self
    }

    pub(crate) fn start(&mut self) {
        self.input(Input::Start);
    }

    pub(crate) fn finish(&mut self) {
        self.run_while(|bench| bench.outcome.is_none() && !bench.check_passed);
    }

    /// Answers and waits until the rollout is in this phase with nothing left to answer at this moment.
    pub(crate) fn run_to(&mut self, phase: Phase) {
        // Where no poll is answered the check does not end as soon as it begins.
        if phase == Phase::Checking {
            self.held_kind = Some("read_alarms");
        }
        self.run_while(|bench| bench.rollout.status().phase != phase);
        if phase == Phase::Checking {
            self.held_kind = None;
            self.waiting.append(&mut self.held);
        }
        assert_eq!(self.rollout.status().phase, phase, "{:#?}", self.events);
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        self.run_while(|bench| {
            !bench.waiting.is_empty() || bench.rollout.deadline().is_some_and(|deadline| deadline <= until)
        });
        self.now = until;
        if self.outcome.is_none() {
            self.input(Input::Tick);
            self.run_while(|bench| !bench.waiting.is_empty());
        }
    }

    /// Answers one call; false when none is waiting any more.
    pub(crate) fn answer_one(&mut self) -> bool {
        let left = self.waiting.len();
        self.run_while(|bench| bench.waiting.len() == left && left > 0);
        left > 0
    }

    fn run_while(&mut self, go_on: impl Fn(&Self) -> bool) {
        for _ in 0..100_000 {
            if self.outcome.is_some() || self.check_passed || !go_on(self) {
                return;
            }
            if self.waiting.is_empty() {
                let deadline = self.rollout.deadline().unwrap_or_else(|| panic!("stuck: {:#?}", self.events));
                assert!(deadline > self.now, "the deadline is never in the past");
                self.now = deadline;
                self.input(Input::Tick);
            } else {
                let (id, effect) = self.waiting.remove(0);
                if self.held_kind == Some(effect.kind()) {
                    self.held.push((id, effect));
                } else {
                    self.answer(id, effect);
                }
            }
        }
        panic!("no end: {:#?}", self.events);
    }

    /// Answers what was held back.
    pub(crate) fn release(&mut self) {
        self.held_kind = None;
        for (id, effect) in std::mem::take(&mut self.held) {
            self.answer(id, effect);
        }
    }

    /// What was held back is never answered.
    pub(crate) fn time_out_held(&mut self) {
        self.held_kind = None;
        for (id, _) in std::mem::take(&mut self.held) {
            self.now = self.now + Duration::from_secs(10);
            self.referee.answered(id, &EffectResult::TimedOut);
            self.input(Input::Done(id, EffectResult::TimedOut));
        }
    }

    pub(crate) fn command(&mut self, command: Command) -> Result<(), Error> {
        let promote = command == Command::Promote;
        let result = self.rollout.handle(Input::Command(command), self.now);
        self.referee.promote_asked |= promote && result.is_ok();
        self.drain();
        result
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.rollout.handle(input, self.now).expect("not a command");
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.rollout.poll() {
            match output {
                Output::Persist(snapshot) => self.snapshots.push(*snapshot),
                Output::Event(event) => {
                    self.referee.see(&event);
                    self.events.push(event);
                }
                Output::Effect(id, effect) => {
                    self.referee.issued.insert(id, self.now);
                    if let Effect::WriteAlias(write) = &effect {
                        assert!(
                            !self
                                .waiting
                                .iter()
                                .chain(&self.held)
                                .any(|(_, other)| other.kind() == "write_alias"),
                            "S2: two writes in flight"
                        );
                        if self.rollout.status().phase == Phase::RollingBack {
                            assert_eq!(
                                write.routing.share_of(version(2)),
                                Weight::ZERO,
                                "S5: raised while rolling back"
                            );
                        }
                        let restores = write.routing.share_of(version(2)) == Weight::ZERO;
                        assert_eq!(write.restores, restores, "what takes the canary out goes first");
                        self.referee.judge(write, &self.plan, self.now);
                        self.referee.write = Some(id);
                        self.writes.push(write.clone());
                    }
                    self.waiting.push((id, effect));
                }
                Output::Done(outcome) => self.outcome = Some(outcome),
                Output::CheckPassed => self.check_passed = true,
                // What comes of it all the same counts for nothing.
                Output::Withdraw(_) => {}
                other => panic!("unknown output {other:?}"),
            }
        }
    }

    /// Another hand sets the alias.
    pub(crate) fn set_alias(&mut self, routing: Option<Routing>) {
        self.alias = routing.map(|routing| {
            self.history.push(routing);
            AliasState::new(routing, self.next_revision())
        });
        self.touched = true;
        self.referee.foreign = self.alias.as_ref().map(|alias| alias.routing);
    }

    pub(crate) fn fire(&mut self) {
        self.alarms.insert(alarm(), AlarmState::Alarm);
    }

    fn next_revision(&mut self) -> String {
        self.revision += 1;
        format!("r{}", self.revision)
    }

    fn answer(&mut self, id: EffectId, effect: Effect) {
        let result = match effect {
            Effect::ReadAlias => EffectResult::Alias(self.read_alias()),
            Effect::WriteAlias(write) => match self.write_alias(&write) {
                Some(result) => EffectResult::Alias(result),
                None => EffectResult::TimedOut,
            },
            Effect::CreateAlias(canary) => self.create_alias(canary),
            Effect::ReadVersion(Qualifier::Latest) => EffectResult::Version(Ok(self.latest.clone())),
            Effect::ReadVersion(Qualifier::Published(number)) => {
                let found = self.published.get(&number).cloned();
                EffectResult::Version(found.ok_or_else(|| error(ErrorKind::NotFound, "GetFunction")))
            }
            Effect::UpdateCode { .. } => {
                self.latest.code_sha256 = "sha-new".into();
                self.latest.revision_id = "f2".into();
                let updated = self.latest.clone();
                if let Some(other) = self.overtaken_by.take() {
                    self.latest = other;
                }
                EffectResult::Version(Ok(updated))
            }
            Effect::Publish(request) => EffectResult::Version(match self.publish_fails.pop() {
                Some(kind) => Err(error(kind, "PublishVersion")),
                None if request.code_sha256 != self.latest.code_sha256 => {
                    Err(error(ErrorKind::Rejected, "PublishVersion"))
                }
                None => Ok(FunctionVersion {
                    code_sha256: request.code_sha256,
                    ..self.published[&version(2)].clone()
                }),
            }),
            Effect::ReadAlarms(names) => EffectResult::Alarms(if self.alarms_down {
                Err(error(ErrorKind::Throttled, "DescribeAlarms"))
            } else {
                Ok(names.iter().filter_map(|name| self.read_alarm(name)).collect())
            }),
            Effect::ReadAlarmHistory { alarm, after } => {
                EffectResult::AlarmHistory(match self.history_fails {
                    Some(kind) => Err(error(kind, "DescribeAlarmHistory")),
                    None => {
                        let history = self.alarm_history.get(&alarm).into_iter().flatten();
                        Ok(history.filter(|transition| transition.at >= after).cloned().collect())
                    }
                })
            }
            Effect::CheckHook(_) | Effect::CheckCode(_) => {
                EffectResult::Checked(self.not_there.map_or(Ok(()), |kind| Err(error(kind, "GetFunction"))))
            }
            Effect::ReadProvisionedConcurrency => EffectResult::ProvisionedConcurrency(Ok(self.provisioned)),
            Effect::RunHook(request) => {
                self.hook_requests.push(request);
                match self.hook.clone() {
                    Some(report) => EffectResult::Hook(report),
                    None => EffectResult::TimedOut,
                }
            }
            other => panic!("unknown effect {other:?}"),
        };
        self.referee.answered(id, &result);
        self.input(Input::Done(id, result));
    }

    fn read_alarm(&mut self, name: &AlarmName) -> Option<AlarmReading> {
        let state = *self.alarms.get(name)?;
        let history = self.alarm_history.entry(name.clone()).or_default();
        if state != AlarmState::Unreadable && history.last().is_none_or(|newest| newest.to != state) {
            history.push(AlarmTransition { at: self.now, to: state, reason: "threshold crossed".into() });
        }
        let since = self.shown_since.or(history.last().map(|newest| newest.at));
        Some(AlarmReading { name: name.clone(), state, reason: "threshold crossed".into(), since })
    }

    /// The alarm leaves its state and comes back, between two readings.
    pub(crate) fn flap(&mut self, through: AlarmState) {
        let back = self.alarms[&alarm()];
        let history = self.alarm_history.entry(alarm()).or_default();
        for (seconds, to) in [(1, through), (2, back)] {
            let at = self.now + Duration::from_secs(seconds);
            history.push(AlarmTransition { at, to, reason: "for a second".into() });
        }
    }

    fn read_alias(&mut self) -> Result<AliasState, Error> {
        self.alias_reads += 1;
        if !self.odd_reads.is_empty() {
            return self.odd_reads.remove(0).map_err(|kind| error(kind, "GetAlias"));
        }
        if let Some(kind) = self.reads_fail {
            return Err(error(kind, "GetAlias"));
        }
        let answer = self.alias.clone().ok_or_else(|| error(ErrorKind::NotFound, "GetAlias"));
        if let Some(late) = self.late.take() {
            // Late or not, it is guarded like any other.
            drop(self.take_effect(&late));
        }
        answer
    }

    fn take_effect(&mut self, write: &AliasWrite) -> Result<AliasState, Error> {
        let Some(alias) = &self.alias else { return Err(error(ErrorKind::NotFound, "UpdateAlias")) };
        if alias.revision_id != write.revision_id {
            return Err(error(ErrorKind::Conflict, "UpdateAlias"));
        }
        self.referee.takes_effect(write);
        self.history.push(write.routing);
        let description = write.description.clone().unwrap_or_else(|| alias.description.clone());
        let state = AliasState { routing: write.routing, revision_id: self.next_revision(), description };
        self.alias = Some(state.clone());
        Ok(state)
    }

    fn write_alias(&mut self, write: &AliasWrite) -> Option<Result<AliasState, Error>> {
        let fate = if self.fates.is_empty() { self.fate } else { self.fates.remove(0) };
        match fate {
            Fate::Lands => Some(self.take_effect(write)),
            Fate::RequestLost => None,
            Fate::ReplyLost => self.take_effect(write).err().map(Err),
            Fate::LandsLate => {
                self.late = Some(write.clone());
                None
            }
            Fate::Refused(kind) => Some(Err(error(kind, "UpdateAlias"))),
            Fate::LandsAndConflicts => {
                Some(self.take_effect(write).and(Err(error(ErrorKind::Conflict, "UpdateAlias"))))
            }
        }
    }

    fn create_alias(&mut self, canary: Version) -> EffectResult {
        let fate = std::mem::replace(&mut self.creation, Fate::Lands);
        if let Fate::Refused(kind) = fate {
            return EffectResult::Alias(Err(error(kind, "CreateAlias")));
        }
        if fate == Fate::RequestLost {
            return EffectResult::TimedOut;
        }
        if self.alias.is_some() {
            return EffectResult::Alias(Err(error(ErrorKind::Conflict, "CreateAlias")));
        }
        let routing = Routing::only(canary);
        self.history.push(routing);
        self.alias = Some(AliasState::new(routing, self.next_revision()));
        match fate {
            Fate::ReplyLost => EffectResult::TimedOut,
            _ => EffectResult::Alias(Ok(self.alias.clone().expect("just set"))),
        }
    }

    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        self.events.iter().map(|event| event.kind.name()).collect()
    }

    pub(crate) fn end(&self) -> &Outcome {
        self.outcome.as_ref().unwrap_or_else(|| panic!("no end: {:#?}", self.events))
    }

    pub(crate) fn kind(&self) -> OutcomeKind {
        self.end().kind
    }

    pub(crate) fn cause(&self) -> &Cause {
        self.end().cause.as_ref().expect("a cause")
    }

    pub(crate) fn routing(&self) -> Routing {
        self.alias.as_ref().expect("the alias").routing
    }

    /// The weights in the order in which `shifted` told them, in per cent.
    pub(crate) fn shifts(&self) -> Vec<f64> {
        let weights = self.events.iter().filter_map(|event| match &event.kind {
            EventKind::Shifted { weight, .. } => Some(weight.percent()),
            _ => None,
        });
        weights.collect()
    }

    pub(crate) fn transitions(&self) -> impl Iterator<Item = &'static Transition> {
        self.rollout.transitions_taken()
    }

    /// What holds after every story, whatever happened: S1, S6, one last event. S2 and S5 are checked at each write.
    pub(crate) fn check_promises(&self) {
        let finished = self.events.iter().filter(|event| event.kind.name() == "finished").count();
        assert_eq!(finished, usize::from(self.outcome.is_some()));
        for (index, event) in self.events.iter().enumerate() {
            assert_eq!(event.seq, index as u64 + 1, "events are numbered without gaps");
        }
        assert!(self.events.is_sorted_by_key(|event| event.at), "no event is earlier than the one before");
        assert!(self.writes.iter().all(|write| !write.revision_id.is_empty()), "S1: a blind write");
        let ours = [OutcomeKind::Promoted, OutcomeKind::RolledBack, OutcomeKind::Aborted];
        if let Some(outcome) = &self.outcome
            && ours.contains(&outcome.kind)
            && outcome.traffic_moved
        {
            assert!(self.routing().is_single(), "S6: left on two versions");
        }
    }

    /// Whether nobody else has touched the alias since our newest effective write.
    pub(crate) fn last_hand_was_ours(&self) -> bool {
        self.alias.is_some() && self.referee.foreign.is_none()
    }

    pub(crate) fn drifted(&self) -> bool {
        self.events.iter().any(|event| event.kind.name() == "drifted")
    }
}

pub(crate) fn error(kind: ErrorKind, operation: &str) -> Error {
    let answer = AwsAnswer { operation: operation.into(), code: None, request_id: None };
    Error::new(kind, "as the test wants it").with_aws(answer)
}
