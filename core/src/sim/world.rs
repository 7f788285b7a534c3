use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::Scenario;
use super::cloudwatch::Alarm;
use super::document::{AlarmSpec, CallKind, Deed, Document, Fault, HookAnswer, HookSpec};
use super::lambda::{AliasChange, Hand, Lambda, Refusal};
use super::traffic::{Law, Minute, Traffic};
use crate::account::{
    AlarmReading, AlarmState, AlarmTransition, AliasState, AliasWrite, CodeSource, FunctionVersion,
    HookFailure, HookMoment, HookReport, ProvisionedConcurrency, PublishRequest, Routing,
};
use crate::error::{AwsAnswer, Error, ErrorKind};
use crate::machine::{Effect, EffectResult};
use crate::plan::{HookRunner, RolloutPlan};
use crate::units::{AlarmName, HookFunction, Qualifier, Timestamp, Version};

/// A small AWS account on a virtual clock: the plan's function, alias and alarms, and what a [`Scenario`] says
/// befalls them.
///
/// Pure and deterministic: the same plan, scenario, seed and calls give the same world. Time moves by
/// [`advance_to`](Self::advance_to) alone. There are two ways in:
///
/// - **calls**, as a rollout makes them: [`begin`](Self::begin) sends one on its way, and its reply is there
///   some time later, or never: faults apply. Go on to [`next_at`](Self::next_at), take
///   [`next_reply`](Self::next_reply) until there is none, and so forth.
/// - **direct operations** at the present moment, such as [`write_alias`](Self::write_alias), which neither fail nor
///   wait: for tests, and for whoever puts another face before the account.
#[derive(Debug)]
pub struct World {
    scenario: Scenario,
    now: Timestamp,
    queue: Vec<Due>,
    next_due: u64,
    replies: VecDeque<(u64, EffectResult)>,
    lambda: Lambda,
    traffic: Traffic,
    alarms: BTreeMap<AlarmName, Alarm>,
    /// Latencies and faults. Traffic has dice of its own, so that a call more does not change who fails.
    dice: ChaCha12Rng,
    calls: BTreeMap<&'static str, u64>,
    requests: u64,
    /// The plan's hooks that are Lambda functions.
    hooks: Vec<(HookMoment, HookFunction)>,
}

/// Something that will happen.
#[derive(Debug)]
struct Due {
    at: Timestamp,
    /// Tells apart what happens at the same moment: first planned, first done.
    order: u64,
    what: Happening,
}

#[derive(Debug)]
enum Happening {
    Arrives {
        call: u64,
        effect: Effect,
        reply: Reply,
        after: Duration,
    },
    /// A read that shows what was true then.
    ArrivesStale {
        call: u64,
        effect: Effect,
        shows: Timestamp,
        after: Duration,
    },
    Answered {
        call: u64,
        result: EffectResult,
    },
    Drift(Deed),
    /// AWS has moved the alias's provisioned concurrency.
    ConcurrencyMoved,
}

/// What becomes of a reply on its way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reply {
    Told,
    Lost,
    ServerError,
    Never,
}

impl World {
    /// The account at the scenario's start.
    #[must_use]
    pub fn new(plan: &RolloutPlan, scenario: &Scenario, seed: u64) -> Self {
        let document = &*scenario.0;
        let alarms = alarms_of(plan, document);
        let reach = alarms.iter().map(Alarm::reach).max().unwrap_or(0);
        let with_durations = alarms.iter().any(Alarm::watches_duration);
        let start = document.start;
        let mut world = Self {
            now: start,
            queue: Vec::new(),
            next_due: 0,
            replies: VecDeque::new(),
            lambda: Lambda::new(plan, document),
            traffic: Traffic::new(seed, Minute::of(start).back(reach), with_durations),
            alarms: alarms.into_iter().map(|spec| (spec.name.clone(), Alarm::new(spec, start))).collect(),
            // Any constant will do: the two streams must differ.
            dice: ChaCha12Rng::seed_from_u64(seed ^ 0x5eed_0fca_1150_0001),
            calls: BTreeMap::new(),
            requests: 0,
            hooks: hooks_of(plan),
            scenario: scenario.clone(),
        };
        for drift in &document.drift {
            world.plan(start + drift.at.0, Happening::Drift(drift.deed));
        }
        world
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Sends a call on its way. `call` names it in [`next_reply`](Self::next_reply).
    pub fn begin(&mut self, call: u64, effect: Effect, now: Timestamp) {
        self.advance_to(now);
        let kind = CallKind::of(&effect);
        let nth = self.calls.entry(effect.kind()).or_default();
        *nth += 1;
        let nth = *nth;
        let fault = self.fault_of(kind, nth);
        let (there, back) = self.latency();
        let (reply, late) = match fault {
            None => (Reply::Told, Duration::ZERO),
            Some((Fault::Late, by)) => (Reply::Told, by),
            Some((Fault::Stale, by)) => {
                let shows = now + there - by;
                return self.plan(now + there, Happening::ArrivesStale { call, effect, shows, after: back });
            }
            Some((Fault::LostReply, _)) => (Reply::Lost, Duration::ZERO),
            Some((Fault::ServerErrorAfter, _)) => (Reply::ServerError, Duration::ZERO),
            Some((Fault::HangAfter, _)) => (Reply::Never, Duration::ZERO),
            Some((Fault::Hang, _)) => return,
            Some((refused, _)) => {
                let result = self.failure(&effect, refusal_of(refused));
                return self.plan(now + there + back, Happening::Answered { call, result });
            }
        };
        self.plan(now + there + late, Happening::Arrives { call, effect, reply, after: back });
    }

    /// When the next thing happens; `None` when nothing will unless somebody calls.
    #[must_use]
    pub fn next_at(&self) -> Option<Timestamp> {
        self.queue.last().map(|due| due.at)
    }

    /// Moves time on and lets everything happen that is due until then, that moment included.
    /// An earlier time than now changes nothing.
    pub fn advance_to(&mut self, to: Timestamp) {
        while let Some(due) = self.queue.pop_if(|due| due.at <= to) {
            self.now = self.now.max(due.at);
            match due.what {
                Happening::Drift(deed) => self.drift(deed),
                Happening::ConcurrencyMoved => self.lambda.end_move(self.now),
                Happening::ArrivesStale { call, effect, shows, after } => {
                    let result = self.apply_stale(&effect, shows);
                    self.plan(self.now + after, Happening::Answered { call, result });
                }
                Happening::Answered { call, result } => self.replies.push_back((call, result)),
                Happening::Arrives { call, effect, reply, after } => self.arrive(call, &effect, reply, after),
            }
        }
        self.now = self.now.max(to);
    }

    /// The oldest reply that is there by now.
    pub fn next_reply(&mut self) -> Option<(u64, EffectResult)> {
        self.replies.pop_front()
    }

    /// Every change of the alias that took effect, in order.
    #[must_use]
    pub fn alias_history(&self) -> &[AliasChange] {
        self.lambda.history()
    }

    /// Where the alias pointed at the start; `None` when there was none.
    #[must_use]
    pub fn initial_routing(&self) -> Option<Routing> {
        self.lambda.initial()
    }

    /// How many calls were sent, by kind, as [`Effect::kind`] names them.
    #[must_use]
    pub fn calls(&self) -> &BTreeMap<&'static str, u64> {
        &self.calls
    }

    /// Reads the alias.
    ///
    /// # Errors
    /// As AWS: when there is none.
    pub fn alias(&mut self) -> Result<AliasState, Error> {
        let result = self.lambda.alias();
        self.told(CallKind::ReadAlias, result)
    }

    /// Writes the alias. An empty revision is a write without a guard.
    ///
    /// # Errors
    /// As AWS: for a stale revision, for versions that are absent, not active, or not of one role and dead-letter queue.
    pub fn write_alias(&mut self, write: &AliasWrite, by: Hand) -> Result<AliasState, Error> {
        let before = self.lambda.alias().ok().map(|alias| alias.routing);
        let result = self.lambda.write_alias(write, by, self.now);
        if result.is_ok() {
            self.move_concurrency(before);
        }
        self.told(CallKind::WriteAlias, result)
    }

    fn move_concurrency(&mut self, before: Option<Routing>) {
        if let Some(done_at) = self.lambda.begin_move(before, self.now) {
            self.plan(done_at, Happening::ConcurrencyMoved);
        }
    }

    /// What another pipeline has to wait for it waits for.
    fn drift(&mut self, deed: Deed) {
        let busy_until = self.lambda.updating_until(self.now);
        match busy_until.filter(|_| matches!(deed, Deed::ChangeLatest | Deed::Publish)) {
            Some(until) => self.plan(until, Happening::Drift(deed)),
            None => {
                let before = self.lambda.alias().ok().map(|alias| alias.routing);
                self.lambda.drift(deed, &self.scenario.0, self.now);
                self.move_concurrency(before);
            }
        }
    }

    /// The state of the alias's provisioned concurrency; `None` where it has none.
    #[must_use]
    pub fn provisioned_concurrency(&self) -> Option<ProvisionedConcurrency> {
        self.lambda.provisioned_concurrency(self.now)
    }

    /// Creates the alias.
    ///
    /// # Errors
    /// As AWS: when it exists, or the version does not.
    pub fn create_alias(&mut self, version: Version, by: Hand) -> Result<AliasState, Error> {
        let result = self.lambda.create_alias(version.into(), by, self.now);
        self.told(CallKind::CreateAlias, result)
    }

    /// Deletes the alias, as another hand.
    pub fn delete_alias(&mut self) {
        self.lambda.delete_alias(self.now);
    }

    /// Reads a version or `$LATEST`.
    ///
    /// # Errors
    /// As AWS: when there is none.
    pub fn version(&mut self, version: Qualifier) -> Result<FunctionVersion, Error> {
        let result = self.lambda.version(version, self.now);
        self.told(CallKind::ReadVersion, result)
    }

    /// Puts new code into `$LATEST`. An empty revision is no guard. The code itself is never looked at.
    ///
    /// # Errors
    /// As AWS: while an update is in progress, or for a stale revision.
    pub fn update_code(&mut self, code: &CodeSource, revision_id: &str) -> Result<FunctionVersion, Error> {
        let result = self.lambda.update_code(code, revision_id, self.now);
        self.told(CallKind::UpdateCode, result)
    }

    /// Publishes `$LATEST`. An empty hash or revision is no guard.
    ///
    /// # Errors
    /// As AWS: while an update is in progress, for a stale revision, for another hash.
    pub fn publish(&mut self, request: &PublishRequest) -> Result<FunctionVersion, Error> {
        let result = self.lambda.publish(request, &self.scenario.0, self.now);
        self.told(CallKind::Publish, result)
    }

    /// Every change of an alarm's state later than `after`, oldest first; none for an alarm that does not exist.
    pub fn alarm_history(&mut self, name: &AlarmName, after: Timestamp) -> Vec<AlarmTransition> {
        let now = self.now;
        self.with_alarm(name, |alarm, traffic, law| alarm.history(after, now, traffic, law))
            .unwrap_or_default()
    }

    /// Does this with an alarm, if it exists.
    fn with_alarm<T>(
        &mut self,
        name: &AlarmName,
        what: impl FnOnce(&mut Alarm, &mut Traffic, &Law<'_>) -> T,
    ) -> Option<T> {
        let document = &*self.scenario.0;
        let (stable, initial, history) = (self.lambda.stable, self.lambda.initial(), self.lambda.history());
        let law = Law { document, stable, initial, history };
        let alarm = self.alarms.get_mut(name).filter(|alarm| alarm.exists())?;
        Some(what(alarm, &mut self.traffic, &law))
    }

    /// The alarms of these names that exist.
    pub fn alarms(&mut self, names: &[AlarmName]) -> Vec<AlarmReading> {
        let now = self.now;
        let read = |name| self.with_alarm(name, |alarm, traffic, law| alarm.read(now, traffic, law));
        names.iter().filter_map(read).collect()
    }

    /// Holds an alarm in a state, whatever its metric says, until `None` lets go of it. An alarm that does not
    /// exist stays so.
    pub fn set_alarm(&mut self, name: &AlarmName, state: Option<AlarmState>, reason: &str) {
        let (now, state) = (self.now, state.map(|state| (state, reason.to_owned())));
        let _ = self.with_alarm(name, |alarm, traffic, law| alarm.set(state, now, traffic, law));
    }

    /// Looks whether a hook's function is there.
    ///
    /// # Errors
    /// As AWS: when the scenario says that it is not.
    pub fn check_hook(&mut self, hook: &HookFunction) -> Result<(), Error> {
        let moments = self.hooks.iter().filter(|(_, function)| function == hook).map(|(moment, _)| *moment);
        let is_absent = moments.clone().any(|moment| !self.hook_spec(moment).exists);
        let result = if is_absent { Err(Refusal::absent(format_args!("function `{hook}`"))) } else { Ok(()) };
        self.told(CallKind::CheckHook, result)
    }

    fn hook_spec(&self, moment: HookMoment) -> &HookSpec {
        let hooks = &self.scenario.0.hooks;
        match moment {
            HookMoment::BeforeTraffic => &hooks.before_traffic,
            HookMoment::AfterTraffic => &hooks.after_traffic,
        }
    }

    /// What the scenario's hook of this moment answers, and after how long; `None` when it never does.
    #[must_use]
    pub fn hook(&self, moment: HookMoment) -> Option<(HookReport, Duration)> {
        let hook = self.hook_spec(moment);
        if !hook.exists {
            let report = HookReport::failed(HookFailure::NotInvoked, "the hook's function does not exist");
            return Some((report, Duration::ZERO));
        }
        let reason = hook.reason.as_str();
        let report = match hook.answer {
            HookAnswer::Pass => HookReport::pass(reason),
            HookAnswer::Fail => HookReport::fail(reason),
            HookAnswer::Inconclusive => HookReport::inconclusive(reason),
            HookAnswer::FunctionError => HookReport::failed(HookFailure::FunctionError, reason),
            HookAnswer::Malformed => HookReport::from_answer(reason.as_bytes()),
            HookAnswer::NotInvoked => HookReport::failed(HookFailure::NotInvoked, reason),
            HookAnswer::TimeOut => return None,
        };
        Some((report, hook.after.0))
    }

    fn plan(&mut self, at: Timestamp, what: Happening) {
        let order = self.next_due;
        self.next_due += 1;
        // The queue is a handful long; the next thing to happen stands at its end.
        let place = self.queue.partition_point(|due| (due.at, due.order) > (at, order));
        self.queue.insert(place, Due { at, order, what });
    }

    fn arrive(&mut self, call: u64, effect: &Effect, reply: Reply, back: Duration) {
        let (result, thinking) = match effect {
            Effect::RunHook(request) => match self.hook(request.hook) {
                Some((report, after)) => (EffectResult::Hook(report), after),
                None => return,
            },
            other => (self.apply(other), Duration::ZERO),
        };
        let result = match reply {
            Reply::Told => result,
            Reply::Lost => self.failure(effect, refusal_of(Fault::LostReply)),
            Reply::ServerError => self.failure(effect, refusal_of(Fault::ServerErrorAfter)),
            Reply::Never => return,
        };
        self.plan(self.now + thinking + back, Happening::Answered { call, result });
    }

    fn apply(&mut self, effect: &Effect) -> EffectResult {
        match effect {
            Effect::ReadAlias => EffectResult::Alias(self.alias()),
            Effect::WriteAlias(write) => EffectResult::Alias(self.write_alias(write, Hand::Rollout)),
            Effect::CreateAlias(version) => EffectResult::Alias(self.create_alias(*version, Hand::Rollout)),
            Effect::ReadVersion(version) => EffectResult::Version(self.version(*version)),
            Effect::UpdateCode { code, revision_id } => {
                EffectResult::Version(self.update_code(code, revision_id))
            }
            Effect::Publish(request) => EffectResult::Version(self.publish(request)),
            Effect::ReadAlarms(names) => EffectResult::Alarms(Ok(self.alarms(names))),
            Effect::ReadAlarmHistory { alarm, after } => {
                EffectResult::AlarmHistory(Ok(self.alarm_history(alarm, *after)))
            }
            Effect::RunHook(_) => unreachable!("a hook is answered where it arrives"),
            Effect::CheckHook(hook) => EffectResult::Checked(self.check_hook(hook)),
            Effect::CheckCode(_) => EffectResult::Checked(Ok(())),
            Effect::ReadProvisionedConcurrency => {
                EffectResult::ProvisionedConcurrency(Ok(self.provisioned_concurrency()))
            }
        }
    }

    fn apply_stale(&mut self, effect: &Effect, shows: Timestamp) -> EffectResult {
        match effect {
            Effect::ReadAlias => {
                let result = self.lambda.alias_at(shows);
                EffectResult::Alias(self.told(CallKind::ReadAlias, result))
            }
            Effect::ReadVersion(version) => {
                let result = self.lambda.version_at(*version, shows, self.now);
                EffectResult::Version(self.told(CallKind::ReadVersion, result))
            }
            other => self.apply(other),
        }
    }

    /// There and back, in whole milliseconds, thrown once for each call.
    fn latency(&mut self) -> (Duration, Duration) {
        let calls = &self.scenario.0.calls;
        let (fastest, slowest) = (calls.fastest.0.as_millis() as u64, calls.slowest.0.as_millis() as u64);
        let millis = fastest + self.dice.next_u64() % (slowest - fastest + 1);
        let there = millis / 2;
        (Duration::from_millis(there), Duration::from_millis(millis - there))
    }

    /// The first fault of the scenario that befalls this call, and how late it makes it.
    fn fault_of(&mut self, kind: CallKind, nth: u64) -> Option<(Fault, Duration)> {
        let document = &self.scenario.0;
        let (now, start) = (self.now, document.start);
        for spec in &document.faults {
            let in_time = start + spec.from.0 <= now && spec.to.is_none_or(|to| now < start + to.0);
            if spec.call.is_some_and(|call| call != kind) || !in_time {
                continue;
            }
            let befalls = match spec.percent {
                Some(percent) => (self.dice.next_u64() as f64 / u64::MAX as f64) * 100.0 < percent,
                None => spec.nth.is_empty() || spec.nth.contains(&nth),
            };
            if befalls {
                return Some((spec.fault, spec.by.unwrap_or_default().0));
            }
        }
        None
    }

    fn told<T>(&mut self, kind: CallKind, result: Result<T, Refusal>) -> Result<T, Error> {
        result.map_err(|refusal| self.answer(kind, refusal))
    }

    fn answer(&mut self, kind: CallKind, refusal: Refusal) -> Error {
        self.requests += 1;
        let answer = AwsAnswer {
            operation: kind.operation().to_owned(),
            code: (!refusal.code.is_empty()).then(|| refusal.code.to_owned()),
            // What never reached AWS, or whose answer never came, has no request id.
            request_id: (!refusal.code.is_empty()).then(|| format!("simulated-{}", self.requests)),
        };
        Error::new(refusal.kind, refusal.message).with_aws(answer)
    }

    fn failure(&mut self, effect: &Effect, refusal: Refusal) -> EffectResult {
        let error = self.answer(CallKind::of(effect), refusal);
        match effect {
            Effect::ReadAlias | Effect::WriteAlias(_) | Effect::CreateAlias(_) => {
                EffectResult::Alias(Err(error))
            }
            Effect::ReadVersion(_) | Effect::UpdateCode { .. } | Effect::Publish(_) => {
                EffectResult::Version(Err(error))
            }
            Effect::ReadAlarms(_) => EffectResult::Alarms(Err(error)),
            Effect::ReadAlarmHistory { .. } => EffectResult::AlarmHistory(Err(error)),
            Effect::CheckHook(_) | Effect::CheckCode(_) => EffectResult::Checked(Err(error)),
            Effect::ReadProvisionedConcurrency => EffectResult::ProvisionedConcurrency(Err(error)),
            Effect::RunHook(_) => {
                EffectResult::Hook(HookReport::failed(HookFailure::NotInvoked, error.to_string()))
            }
        }
    }
}

/// The plan's alarms and the scenario's, each once.
fn alarms_of(plan: &RolloutPlan, document: &Document) -> Vec<AlarmSpec> {
    let described = |name: &AlarmName| document.alarms.iter().any(|alarm| alarm.name == *name);
    let undescribed = plan.alarms().names().iter().filter(|name| !described(name));
    let undescribed = undescribed.map(|name| AlarmSpec::errors_of_canary(name.clone()));
    document.alarms.iter().cloned().chain(undescribed).collect()
}

fn hooks_of(plan: &RolloutPlan) -> Vec<(HookMoment, HookFunction)> {
    let function = |moment| match plan.hook(moment)?.runner() {
        HookRunner::Lambda(function) => Some((moment, function.clone())),
        HookRunner::InProcess => None,
    };
    [HookMoment::BeforeTraffic, HookMoment::AfterTraffic].into_iter().filter_map(function).collect()
}

/// What AWS, or the network in front of it, says when a call fails so.
fn refusal_of(fault: Fault) -> Refusal {
    let (kind, code, message) = match fault {
        Fault::Throttle => (ErrorKind::Throttled, "TooManyRequestsException", "the rate was exceeded"),
        Fault::Denied => (ErrorKind::AccessDenied, "AccessDeniedException", "the caller may not do this"),
        Fault::Conflict => {
            (ErrorKind::Conflict, "ResourceConflictException", "another change is in progress")
        }
        Fault::PreconditionFailed => (
            ErrorKind::Conflict,
            "PreconditionFailedException",
            "the revision id does not match the latest one",
        ),
        Fault::NotFound => (ErrorKind::NotFound, "ResourceNotFoundException", "it does not exist"),
        Fault::ServerError | Fault::ServerErrorAfter => {
            (ErrorKind::Unreachable, "ServiceException", "the service failed inside")
        }
        Fault::LostRequest
        | Fault::LostReply
        | Fault::Hang
        | Fault::HangAfter
        | Fault::Late
        | Fault::Stale => (ErrorKind::Unreachable, "", "the connection was lost"),
    };
    Refusal { kind, code, message: message.to_owned() }
}
