use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;

use super::commands::Commands;
use super::{AliasChange, Scenario, World};
use crate::account::{
    AlarmReading, AlarmTransition, AliasState, AliasWrite, CodeSource, FunctionVersion, HookReport,
    HookRequest, ProvisionedConcurrency, PublishRequest,
};
use crate::driver::RolloutHandle;
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::machine::{Command, Effect, EffectResult};
use crate::plan::RolloutPlan;
use crate::ports::{AlarmPort, Clock, HookPort, Ports, Standing, TrafficPort};
use crate::units::{
    AlarmName, AliasName, FunctionRef, HookFunction, Qualifier, RolloutId, Timestamp, Version,
};

/// A simulated account as ports for the driver, with the virtual clock that belongs to it.
///
/// The clock stands still by itself: [`drive`](super::drive) moves it. Everything that waits for the account or its
/// clock has to be inside the future that is driven, and who gives commands has to be polled ahead of the rollout, as
/// `biased` does here. Cloning gives another handle on the same account.
///
/// ```
/// use lambda_rollout::{RolloutPlan, driver::Launch, sim::{Scenario, SimAccount, drive}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), lambda_rollout::Error> {
/// let plan = RolloutPlan::builder("sample-handler", "main")
///     .publish()
///     .strategy_named("Canary10Percent5Minutes")
///     .build()?;
/// let account = SimAccount::new(&plan, &Scenario::default(), 1);
/// let (mut rollout, task) = Launch::new(plan, account.ports()).into_task()?;
/// let follow = account.follow(&mut rollout, |event| println!("{}", event.kind.name()));
/// drive(&account, async { tokio::join!(biased; follow, task.run()) }, None).await;
/// assert!(rollout.wait().await?.is_success());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SimAccount(Arc<Mutex<Shared>>);

#[derive(Debug)]
struct Shared {
    world: World,
    function: String,
    alias: AliasName,
    seed: u64,
    commands: Commands,
    next_id: u64,
    calls: BTreeMap<u64, Call>,
    timers: BTreeMap<(Timestamp, u64), Waker>,
    /// How many wait for something outside, so that the clock stands.
    waits_outside: usize,
    /// Who moves the clock, while it stands for that.
    mover: Option<Waker>,
}

/// A call that somebody waits for.
#[derive(Debug)]
enum Call {
    UnderWay(Waker),
    Answered(EffectResult),
}

impl SimAccount {
    /// The account at the scenario's start.
    #[must_use]
    pub fn new(plan: &RolloutPlan, scenario: &Scenario, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Shared {
            world: World::new(plan, scenario, seed),
            function: plan.function().name().to_owned(),
            alias: plan.alias().clone(),
            seed,
            commands: Commands::new(plan, scenario),
            next_id: 0,
            calls: BTreeMap::new(),
            timers: BTreeMap::new(),
            waits_outside: 0,
            mover: None,
        })))
    }

    /// The account as the ports of a rollout.
    #[must_use]
    pub fn ports(&self) -> Ports {
        let account = Arc::new(self.clone());
        Ports {
            traffic: Arc::clone(&account) as Arc<dyn TrafficPort>,
            alarms: Arc::clone(&account) as Arc<dyn AlarmPort>,
            hooks: Arc::clone(&account) as Arc<dyn HookPort>,
            clock: account,
        }
    }

    /// The id that [`simulate`](super::simulate) gives the rollout of this seed. A rollout started with it
    /// ([`Launch::rollout_id`](crate::driver::Launch::rollout_id)) tells the same history, byte for byte.
    #[must_use]
    pub fn rollout_id(&self) -> RolloutId {
        super::run::rollout_id(self.lock().seed)
    }

    /// Every change of the alias so far.
    #[must_use]
    pub fn alias_history(&self) -> Vec<AliasChange> {
        self.lock().world.alias_history().to_vec()
    }

    /// Looks at the account, or changes it as another hand.
    pub fn with_world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.lock().world)
    }

    /// Shows an event to the people of the scenario, who approve gates.
    /// Ask [`next_command`](Self::next_command) anew afterwards.
    pub fn see(&self, event: &Event) {
        self.lock().commands.see(event);
    }

    /// Waits for the scenario's next command: what people do in it, the approval of gates, and the abort at its end.
    ///
    /// # Cancel safety
    /// Dropping the future loses no command.
    pub async fn next_command(&self) -> Command {
        loop {
            let due = {
                let mut shared = self.lock();
                let now = shared.world.now();
                match shared.commands.take_due(now) {
                    Some(command) => return command,
                    None => shared.commands.next_at(),
                }
            };
            self.timer(due.unwrap_or(Timestamp::MAX)).await;
        }
    }

    /// Follows a rollout to its end: shows each event to the people of the scenario and to `on_event`, and gives the
    /// rollout their commands. A command that does not fit is refused, as anybody's would be, and that is that.
    ///
    /// # Cancel safety
    /// Dropping the future loses no event and no command that was not yet given.
    pub async fn follow(&self, rollout: &mut RolloutHandle, mut on_event: impl FnMut(Event)) {
        loop {
            let command = tokio::select! {
                biased;
                event = rollout.next_event() => match event {
                    Some(event) => {
                        self.see(&event);
                        on_event(event);
                        continue;
                    }
                    None => return,
                },
                command = self.next_command() => command,
            };
            let _refused = match command {
                Command::Pause => rollout.pause().await,
                Command::Resume => rollout.resume().await,
                Command::Promote => rollout.promote().await,
                Command::Abort { reason } => rollout.abort(reason).await,
            };
        }
    }

    /// When the next thing happens that anybody waits for.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        let shared = self.lock();
        let timer = shared.timers.first_key_value().map(|((at, _), _)| *at);
        timer.into_iter().chain(shared.world.next_at()).min()
    }

    /// Whether the clock stands, since somebody waits for something outside. The task is woken when that is over.
    pub(super) fn stands(&self, cx: &Context<'_>) -> bool {
        let mut shared = self.lock();
        let stands = shared.waits_outside > 0;
        shared.mover = stands.then(|| cx.waker().clone());
        stands
    }

    /// Moves the clock on, and wakes whoever that concerns.
    pub(super) fn advance_to(&self, to: Timestamp) {
        let mut shared = self.lock();
        shared.world.advance_to(to);
        let mut woken = Vec::new();
        while let Some((id, result)) = shared.world.next_reply() {
            // Who does not wait any more has dropped the call.
            if let Some(call) = shared.calls.get_mut(&id)
                && let Call::UnderWay(waker) = std::mem::replace(call, Call::Answered(result))
            {
                woken.push(waker);
            }
        }
        while let Some(timer) = shared.timers.first_entry().filter(|timer| timer.key().0 <= to) {
            woken.push(timer.remove());
        }
        // A waker may run code that asks the account.
        drop(shared);
        woken.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // Whoever panicked while looking left the world whole: every change of it is one call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn timer(&self, at: Timestamp) -> Timer<'_> {
        Timer { account: self, at, id: None }
    }

    fn call(&self, effect: Effect) -> Calling<'_> {
        Calling { account: self, effect: Some(effect), id: 0 }
    }

    /// The account has one function with one alias.
    fn knows(&self, function: &FunctionRef, alias: Option<&AliasName>) -> Result<(), Error> {
        let shared = self.lock();
        if function.name() != shared.function || alias.is_some_and(|alias| *alias != shared.alias) {
            let message = "the simulated account has the plan's function and alias alone";
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        Ok(())
    }

    async fn call_alias(&self, effect: Effect) -> Result<AliasState, Error> {
        match self.call(effect).await {
            EffectResult::Alias(result) => result,
            other => unreachable!("the world answered a call for an alias with {other:?}"),
        }
    }

    async fn call_check(&self, effect: Effect) -> Result<(), Error> {
        match self.call(effect).await {
            EffectResult::Checked(result) => result,
            other => unreachable!("the world answered a check with {other:?}"),
        }
    }

    async fn call_version(&self, effect: Effect) -> Result<FunctionVersion, Error> {
        match self.call(effect).await {
            EffectResult::Version(result) => result,
            other => unreachable!("the world answered a call for a version with {other:?}"),
        }
    }
}

#[async_trait]
impl TrafficPort for SimAccount {
    async fn read_alias(&self, function: &FunctionRef, alias: &AliasName) -> Result<AliasState, Error> {
        self.knows(function, Some(alias))?;
        self.call_alias(Effect::ReadAlias).await
    }

    async fn write_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        write: &AliasWrite,
    ) -> Result<AliasState, Error> {
        self.knows(function, Some(alias))?;
        self.call_alias(Effect::WriteAlias(write.clone())).await
    }

    async fn create_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        version: Version,
    ) -> Result<AliasState, Error> {
        self.knows(function, Some(alias))?;
        self.call_alias(Effect::CreateAlias(version)).await
    }

    async fn read_version(
        &self,
        function: &FunctionRef,
        version: Qualifier,
    ) -> Result<FunctionVersion, Error> {
        self.knows(function, None)?;
        self.call_version(Effect::ReadVersion(version)).await
    }

    async fn update_code(
        &self,
        function: &FunctionRef,
        code: &CodeSource,
        revision_id: &str,
    ) -> Result<FunctionVersion, Error> {
        self.knows(function, None)?;
        let (code, revision_id) = (code.clone(), revision_id.to_owned());
        self.call_version(Effect::UpdateCode { code, revision_id }).await
    }

    async fn publish(
        &self,
        function: &FunctionRef,
        request: &PublishRequest,
    ) -> Result<FunctionVersion, Error> {
        self.knows(function, None)?;
        self.call_version(Effect::Publish(request.clone())).await
    }

    async fn read_provisioned_concurrency(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
    ) -> Result<Option<ProvisionedConcurrency>, Error> {
        self.knows(function, Some(alias))?;
        match self.call(Effect::ReadProvisionedConcurrency).await {
            EffectResult::ProvisionedConcurrency(result) => result,
            other => unreachable!("the world answered a call for provisioned concurrency with {other:?}"),
        }
    }

    async fn check_code(&self, code: &CodeSource) -> Result<(), Error> {
        self.call_check(Effect::CheckCode(code.clone())).await
    }
}

#[async_trait]
impl AlarmPort for SimAccount {
    async fn read_alarms(&self, names: &[AlarmName]) -> Result<Vec<AlarmReading>, Error> {
        match self.call(Effect::ReadAlarms(names.to_vec())).await {
            EffectResult::Alarms(result) => result,
            other => unreachable!("the world answered a call for alarms with {other:?}"),
        }
    }

    async fn read_alarm_history(
        &self,
        alarm: &AlarmName,
        after: Timestamp,
    ) -> Result<Vec<AlarmTransition>, Error> {
        match self.call(Effect::ReadAlarmHistory { alarm: alarm.clone(), after }).await {
            EffectResult::AlarmHistory(result) => result,
            other => unreachable!("the world answered a call for an alarm's history with {other:?}"),
        }
    }
}

#[async_trait]
impl HookPort for SimAccount {
    async fn run_hook(&self, request: &HookRequest) -> HookReport {
        match self.call(Effect::RunHook(request.clone())).await {
            EffectResult::Hook(report) => report,
            other => unreachable!("the world answered a call of a hook with {other:?}"),
        }
    }

    async fn check_hook(&self, lambda: &HookFunction) -> Result<(), Error> {
        self.call_check(Effect::CheckHook(lambda.clone())).await
    }
}

#[async_trait]
impl Clock for SimAccount {
    fn now(&self) -> Timestamp {
        self.lock().world.now()
    }

    async fn wait_until(&self, at: Timestamp) {
        self.timer(at).await;
    }

    fn stand(&self) -> Option<Standing> {
        self.lock().waits_outside += 1;
        Some(Box::new(WaitOutside(self.clone())))
    }
}

/// Keeps the clock from moving.
struct WaitOutside(SimAccount);

impl Drop for WaitOutside {
    fn drop(&mut self) {
        let mover = {
            let mut shared = self.0.lock();
            shared.waits_outside -= 1;
            shared.mover.take()
        };
        if let Some(mover) = mover {
            mover.wake();
        }
    }
}

/// Waits for the virtual clock.
struct Timer<'a> {
    account: &'a SimAccount,
    at: Timestamp,
    id: Option<u64>,
}

impl Future for Timer<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut shared = self.account.lock();
        if self.at <= shared.world.now() {
            return Poll::Ready(());
        }
        let id = self.id.unwrap_or_else(|| shared.take_id());
        shared.timers.insert((self.at, id), cx.waker().clone());
        drop(shared);
        self.id = Some(id);
        Poll::Pending
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.account.lock().timers.remove(&(self.at, id));
        }
    }
}

/// Waits for the answer to a call. Dropped, it waits no more, but what AWS has got it does.
struct Calling<'a> {
    account: &'a SimAccount,
    effect: Option<Effect>,
    id: u64,
}

impl Future for Calling<'_> {
    type Output = EffectResult;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<EffectResult> {
        let mut shared = self.account.lock();
        if let Some(effect) = self.effect.take() {
            self.id = shared.take_id();
            let now = shared.world.now();
            shared.world.begin(self.id, effect, now);
        }
        let call = shared.calls.insert(self.id, Call::UnderWay(cx.waker().clone()));
        match call {
            Some(Call::Answered(result)) => Poll::Ready(result),
            Some(Call::UnderWay(_)) | None => Poll::Pending,
        }
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.account.lock().calls.remove(&self.id);
    }
}

impl Shared {
    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn account() -> SimAccount {
        let plan =
            RolloutPlan::builder("sample-handler", "main").publish().strategy_named("AllAtOnce").build();
        SimAccount::new(&plan.expect("a good plan"), &Scenario::default(), 1)
    }

    #[test]
    fn who_waits_no_more_leaves_nothing_behind() {
        let account = account();
        let mut cx = Context::from_waker(Waker::noop());
        let soon = account.now() + std::time::Duration::from_secs(5);
        {
            let mut wait = pin!(account.wait_until(soon));
            assert!(wait.as_mut().poll(&mut cx).is_pending());
            assert_eq!(account.next_at(), Some(soon));
        }
        assert_eq!(account.next_at(), None);
        {
            let mut call = pin!(account.call(Effect::ReadAlias));
            assert!(call.as_mut().poll(&mut cx).is_pending());
        }
        account.advance_to(soon);
        assert!(account.lock().calls.is_empty());
    }

    #[test]
    fn the_account_has_the_plans_function_and_alias_alone() {
        let account = account();
        let known = FunctionRef::parse("arn:aws:lambda:eu-west-1:123456789012:function:sample-handler");
        let other = FunctionRef::parse("other").expect("a name");
        let (main, live) =
            (AliasName::parse("main").expect("a name"), AliasName::parse("live").expect("a name"));
        assert!(account.knows(&known.expect("an ARN"), Some(&main)).is_ok());
        assert_eq!(
            account.knows(&other, Some(&main)).map_err(|error| error.kind()),
            Err(ErrorKind::NotFound)
        );
        let same = FunctionRef::parse("sample-handler").expect("a name");
        assert_eq!(account.knows(&same, Some(&live)).map_err(|error| error.kind()), Err(ErrorKind::NotFound));
    }
}
