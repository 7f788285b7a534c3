//! Stands between a rollout and the simulated account, writes down every call and answer, and kills the runner.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use async_trait::async_trait;
use lambda_rollout::account::{
    AlarmReading, AlarmTransition, AliasState, AliasWrite, CodeSource, FunctionVersion, HookReport,
    HookRequest, ProvisionedConcurrency, PublishRequest,
};
use lambda_rollout::event::Event;
use lambda_rollout::machine::{Command, Effect, EffectResult};
use lambda_rollout::ports::{AlarmPort, Clock, HookPort, Ports, Standing, TrafficPort};
use lambda_rollout::sim::SimAccount;
use lambda_rollout::units::{AlarmName, AliasName, FunctionRef, HookFunction, Qualifier, Timestamp, Version};
use lambda_rollout::{Error, Outcome};
use tokio::sync::Notify;

/// Something that happened in a day, in the order in which it did.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) at: Timestamp,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    /// A runner takes the plan up.
    Began,
    /// A call left the runner. Its number counts over all runners.
    Asked(u64, Effect),
    /// Its answer came.
    Answered(u64, EffectResult),
    /// The runner stopped waiting for an answer.
    GivenUp(u64),
    /// The rollout told an event.
    Told(Event),
    /// A person gave a command.
    Given(Command),
    /// It was taken.
    Obeyed(Command),
    /// It did not fit.
    Refused(Command),
    /// The runner died.
    Died(Moment),
    /// The rollout ended.
    Ended(Outcome),
}

/// When the runner dies: at which of its effects, counted over all runners, and at which moment of that.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Death {
    pub(crate) effect: u64,
    pub(crate) moment: Moment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    /// The call never leaves.
    Before,
    /// The call is on its way: whether it arrives is up to the network.
    UnderWay,
    /// The call has been answered, and the answer never reaches the rollout.
    After,
}

#[derive(Clone)]
pub(crate) struct Witness(Arc<Inner>);

struct Inner {
    account: SimAccount,
    notes: Mutex<Notes>,
    died: Notify,
}

#[derive(Default)]
struct Notes {
    entries: Vec<Entry>,
    asked: u64,
    deaths: VecDeque<Death>,
    dead: Option<Moment>,
}

impl Witness {
    pub(crate) fn new(account: SimAccount, deaths: &[Death]) -> Self {
        let notes = Notes { deaths: deaths.iter().copied().collect(), ..Notes::default() };
        Self(Arc::new(Inner { account, notes: Mutex::new(notes), died: Notify::new() }))
    }

    pub(crate) fn ports(&self) -> Ports {
        let witness = Arc::new(self.clone());
        Ports {
            traffic: Arc::clone(&witness) as Arc<dyn TrafficPort>,
            alarms: Arc::clone(&witness) as Arc<dyn AlarmPort>,
            hooks: Arc::clone(&witness) as Arc<dyn HookPort>,
            clock: witness,
        }
    }

    pub(crate) fn note(&self, what: What) {
        let at = self.now();
        let mut notes = self.notes();
        if matches!(what, What::Began) {
            notes.dead = None;
        }
        notes.entries.push(Entry { at, what });
    }

    /// Waits for the runner's next death.
    pub(crate) async fn death(&self) -> Moment {
        loop {
            if let Some(moment) = self.notes().dead {
                return moment;
            }
            self.0.died.notified().await;
        }
    }

    pub(crate) fn into_entries(self) -> Vec<Entry> {
        std::mem::take(&mut self.notes().entries)
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_dead(&self) -> bool {
        self.notes().dead.is_some()
    }

    fn die(&self, moment: Moment) {
        self.notes().dead = Some(moment);
        self.0.died.notify_one();
    }

    /// What becomes of a call of a runner that may be dead already, or die of this one.
    fn ask(&self, effect: Effect) -> (u64, Option<Moment>) {
        if self.is_dead() {
            return (0, Some(Moment::Before));
        }
        let call = {
            let mut notes = self.notes();
            notes.asked += 1;
            notes.asked
        };
        let death = self.notes().deaths.pop_front_if(|death| death.effect <= call);
        let moment = death.map(|death| death.moment);
        if moment == Some(Moment::Before) {
            self.die(Moment::Before);
        } else {
            self.note(What::Asked(call, effect));
        }
        (call, moment)
    }

    async fn witness<T>(
        &self,
        effect: Effect,
        call: impl Future<Output = T>,
        result: impl FnOnce(&T) -> EffectResult,
    ) -> T {
        let (id, death) = self.ask(effect);
        if death == Some(Moment::Before) {
            return std::future::pending().await;
        }
        let mut call = std::pin::pin!(call);
        if death == Some(Moment::UnderWay) {
            let _on_its_way = futures_util::poll!(&mut call);
            self.die(Moment::UnderWay);
            return std::future::pending().await;
        }
        let waiting = Waiting { witness: self, call: id };
        let answer =
            std::future::poll_fn(|cx| if self.is_dead() { Poll::Pending } else { call.as_mut().poll(cx) });
        let answer = answer.await;
        waiting.answered();
        if death == Some(Moment::After) {
            self.die(Moment::After);
            return std::future::pending().await;
        }
        self.note(What::Answered(id, result(&answer)));
        answer
    }
}

/// Notes when nobody waits for a call any more.
struct Waiting<'a> {
    witness: &'a Witness,
    call: u64,
}

impl Waiting<'_> {
    fn answered(self) {
        std::mem::forget(self);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.witness.is_dead() {
            self.witness.note(What::GivenUp(self.call));
        }
    }
}

#[async_trait]
impl TrafficPort for Witness {
    async fn read_alias(&self, function: &FunctionRef, alias: &AliasName) -> Result<AliasState, Error> {
        let call = self.0.account.read_alias(function, alias);
        self.witness(Effect::ReadAlias, call, |answer| EffectResult::Alias(answer.clone())).await
    }

    async fn write_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        write: &AliasWrite,
    ) -> Result<AliasState, Error> {
        let call = self.0.account.write_alias(function, alias, write);
        let effect = Effect::WriteAlias(write.clone());
        self.witness(effect, call, |answer| EffectResult::Alias(answer.clone())).await
    }

    async fn create_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        version: Version,
    ) -> Result<AliasState, Error> {
        let call = self.0.account.create_alias(function, alias, version);
        self.witness(Effect::CreateAlias(version), call, |answer| EffectResult::Alias(answer.clone())).await
    }

    async fn read_version(
        &self,
        function: &FunctionRef,
        version: Qualifier,
    ) -> Result<FunctionVersion, Error> {
        let call = self.0.account.read_version(function, version);
        self.witness(Effect::ReadVersion(version), call, |answer| EffectResult::Version(answer.clone())).await
    }

    async fn update_code(
        &self,
        function: &FunctionRef,
        code: &CodeSource,
        revision_id: &str,
    ) -> Result<FunctionVersion, Error> {
        let call = self.0.account.update_code(function, code, revision_id);
        let effect = Effect::UpdateCode { code: code.clone(), revision_id: revision_id.to_owned() };
        self.witness(effect, call, |answer| EffectResult::Version(answer.clone())).await
    }

    async fn publish(
        &self,
        function: &FunctionRef,
        request: &PublishRequest,
    ) -> Result<FunctionVersion, Error> {
        let call = self.0.account.publish(function, request);
        let effect = Effect::Publish(request.clone());
        self.witness(effect, call, |answer| EffectResult::Version(answer.clone())).await
    }

    async fn read_provisioned_concurrency(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
    ) -> Result<Option<ProvisionedConcurrency>, Error> {
        let call = self.0.account.read_provisioned_concurrency(function, alias);
        let effect = Effect::ReadProvisionedConcurrency;
        self.witness(effect, call, |answer| EffectResult::ProvisionedConcurrency(answer.clone())).await
    }

    async fn check_code(&self, code: &CodeSource) -> Result<(), Error> {
        let call = self.0.account.check_code(code);
        let effect = Effect::CheckCode(code.clone());
        self.witness(effect, call, |answer| EffectResult::Checked(answer.clone())).await
    }
}

#[async_trait]
impl AlarmPort for Witness {
    async fn read_alarms(&self, names: &[AlarmName]) -> Result<Vec<AlarmReading>, Error> {
        let call = self.0.account.read_alarms(names);
        let effect = Effect::ReadAlarms(names.to_vec());
        self.witness(effect, call, |answer| EffectResult::Alarms(answer.clone())).await
    }

    async fn read_alarm_history(
        &self,
        alarm: &AlarmName,
        after: Timestamp,
    ) -> Result<Vec<AlarmTransition>, Error> {
        let call = self.0.account.read_alarm_history(alarm, after);
        let effect = Effect::ReadAlarmHistory { alarm: alarm.clone(), after };
        self.witness(effect, call, |answer| EffectResult::AlarmHistory(answer.clone())).await
    }
}

#[async_trait]
impl HookPort for Witness {
    async fn run_hook(&self, request: &HookRequest) -> HookReport {
        let call = self.0.account.run_hook(request);
        self.witness(Effect::RunHook(request.clone()), call, |answer| EffectResult::Hook(answer.clone()))
            .await
    }

    async fn check_hook(&self, lambda: &HookFunction) -> Result<(), Error> {
        let call = self.0.account.check_hook(lambda);
        let effect = Effect::CheckHook(lambda.clone());
        self.witness(effect, call, |answer| EffectResult::Checked(answer.clone())).await
    }
}

#[async_trait]
impl Clock for Witness {
    fn now(&self) -> Timestamp {
        self.0.account.now()
    }

    async fn wait_until(&self, at: Timestamp) {
        self.0.account.wait_until(at).await;
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    fn stand(&self) -> Option<Standing> {
        self.0.account.stand()
    }
}
