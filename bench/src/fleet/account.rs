use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lambda_rollout::account::{
    AlarmReading, AlarmState, AliasState, AliasWrite, CodeSource, FunctionVersion, HookReport, HookRequest,
    Lifecycle, ProvisionedConcurrency, PublishRequest, Routing, UpdateStatus, Urgency,
};
use lambda_rollout::ports::{AlarmPort, HookPort, TrafficPort};
use lambda_rollout::units::{AlarmName, AliasName, FunctionRef, Qualifier, Timestamp, Version};
use lambda_rollout::{Error, ErrorKind};
use tokio::time::{Instant, sleep};

use crate::now;

/// An account in memory with a function, an alias and an alarm for each rollout. Calls take their time, and none fails.
pub(crate) struct FleetAccount {
    half: usize,
    one_in: Option<u32>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    aliases: BTreeMap<String, AliasState>,
    /// Whose canaries have got traffic.
    shifted: BTreeMap<u32, Instant>,
    /// Since when alarms fire.
    firing: Option<Instant>,
    calls: BTreeMap<&'static str, u32>,
    /// Calls that wait for their turn, and since when.
    asked: BTreeMap<(&'static str, String), Instant>,
    waits: BTreeMap<&'static str, Vec<Duration>>,
    again: BTreeMap<&'static str, usize>,
    revisions: u64,
}

impl FleetAccount {
    pub(crate) fn new(size: u32, one_in: Option<u32>) -> Self {
        Self { half: size as usize / 2, one_in, state: Mutex::default() }
    }

    /// How often this operation was called.
    pub(crate) fn calls(&self, operation: &str) -> u32 {
        self.state().calls.get(operation).copied().unwrap_or(0)
    }

    /// How long the calls of each kind have waited, and how often one was told to come again.
    pub(crate) fn waits(&self) -> Vec<(&'static str, Vec<Duration>, usize)> {
        let state = self.state();
        let again = |kind| state.again.get(kind).copied().unwrap_or(0);
        state.waits.iter().map(|(kind, times)| (*kind, times.clone(), again(kind))).collect()
    }

    /// A call of this kind is asked for; if it is not the first try, it has been before.
    pub(crate) fn asked(&self, kind: &'static str, function: &FunctionRef) {
        self.state().asked.entry((kind, function.name().to_owned())).or_insert_with(now);
    }

    /// A call of this kind was told to come again.
    pub(crate) fn asked_again(&self, kind: &'static str) {
        *self.state().again.entry(kind).or_default() += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call has arrived, and will be answered a while later.
    async fn arrive(&self, operation: &'static str, kind: &'static str, function: &str) {
        let nth = {
            let mut state = self.state();
            if let Some(since) = state.asked.remove(&(kind, function.to_owned())) {
                state.waits.entry(kind).or_default().push(now() - since);
            }
            let calls = state.calls.entry(operation).or_default();
            *calls += 1;
            *calls
        };
        // From 20 to 119 milliseconds, in no order.
        let latency = Duration::from_millis(20 + u64::from(nth) * 37 % 100);
        #[expect(clippy::disallowed_methods, reason = "the time is virtual")]
        sleep(latency).await;
    }
}

impl State {
    fn alias(&mut self, function: &str) -> AliasState {
        let start = || AliasState::new(Routing::only(version(1)), "revision-0");
        self.aliases.entry(function.to_owned()).or_insert_with(start).clone()
    }
}

fn version(number: u64) -> Version {
    Version::new(number).expect("versions start at 1")
}

/// The number of a rollout, by the name of its function or alarm.
fn number(name: &str) -> u32 {
    name.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn active(version: Qualifier) -> FunctionVersion {
    FunctionVersion {
        version,
        state: Lifecycle::Active,
        state_reason: String::new(),
        update: UpdateStatus::Successful,
        update_reason: String::new(),
        role: "arn:aws:iam::123456789012:role/fleet".to_owned(),
        dead_letter: None,
        code_sha256: "qUiQTy8PR5uPgZdpSzAYSw0u0cHNKh7A+4XSmaGSpEc=".to_owned(),
        config_sha256: None,
        revision_id: String::new(),
    }
}

fn not_here<T>() -> Result<T, Error> {
    Err(Error::new(ErrorKind::Internal, "the fleet's account does not do this"))
}

#[async_trait]
impl TrafficPort for FleetAccount {
    async fn read_alias(&self, function: &FunctionRef, alias: &AliasName) -> Result<AliasState, Error> {
        self.read_alias_for(function, alias, Urgency::Look).await
    }

    async fn read_alias_for(
        &self,
        function: &FunctionRef,
        _: &AliasName,
        urgency: Urgency,
    ) -> Result<AliasState, Error> {
        let kind = match urgency {
            Urgency::Restore => "reads of rollbacks",
            Urgency::Change => "reads of changes",
            Urgency::Look => "looks",
        };
        self.arrive("GetAlias", kind, function.name()).await;
        Ok(self.state().alias(function.name()))
    }

    async fn write_alias(
        &self,
        function: &FunctionRef,
        _: &AliasName,
        write: &AliasWrite,
    ) -> Result<AliasState, Error> {
        let kind = if write.restores { "restoring writes" } else { "other writes" };
        self.arrive("UpdateAlias", kind, function.name()).await;
        let mut state = self.state();
        let mut alias = state.alias(function.name());
        if alias.revision_id != write.revision_id {
            return Err(Error::new(ErrorKind::Conflict, "the revision is not the newest"));
        }
        state.revisions += 1;
        alias.revision_id = format!("revision-{}", state.revisions);
        alias.routing = write.routing;
        if let Some(description) = &write.description {
            alias.description.clone_from(description);
        }
        if !write.restores {
            state.shifted.entry(number(function.name())).or_insert_with(now);
        }
        if state.shifted.len() >= self.half {
            state.firing.get_or_insert_with(now);
        }
        state.aliases.insert(function.name().to_owned(), alias.clone());
        Ok(alias)
    }

    async fn create_alias(&self, _: &FunctionRef, _: &AliasName, _: Version) -> Result<AliasState, Error> {
        not_here()
    }

    async fn read_version(
        &self,
        function: &FunctionRef,
        version: Qualifier,
    ) -> Result<FunctionVersion, Error> {
        self.arrive("GetFunction", "versions", function.name()).await;
        Ok(active(version))
    }

    async fn update_code(&self, _: &FunctionRef, _: &CodeSource, _: &str) -> Result<FunctionVersion, Error> {
        not_here()
    }

    async fn publish(&self, _: &FunctionRef, _: &PublishRequest) -> Result<FunctionVersion, Error> {
        not_here()
    }

    async fn read_provisioned_concurrency(
        &self,
        function: &FunctionRef,
        _: &AliasName,
    ) -> Result<Option<ProvisionedConcurrency>, Error> {
        self.arrive("GetProvisionedConcurrencyConfig", "preparation", function.name()).await;
        Ok(None)
    }
}

#[async_trait]
impl AlarmPort for FleetAccount {
    async fn read_alarms(&self, names: &[AlarmName]) -> Result<Vec<AlarmReading>, Error> {
        self.arrive("DescribeAlarms", "alarms", "").await;
        let state = self.state();
        let fires = |name: &AlarmName| {
            let number = number(name.as_str());
            let may = self.one_in.is_some_and(|one_in| number.is_multiple_of(one_in));
            may && state
                .firing
                .is_some_and(|at| state.shifted.get(&number).is_some_and(|shifted| *shifted <= at))
        };
        let reading = |name: &AlarmName| {
            let fires = fires(name);
            AlarmReading {
                name: name.clone(),
                state: if fires { AlarmState::Alarm } else { AlarmState::Ok },
                reason: "of the fleet".to_owned(),
                since: Some(Timestamp::from_millis(i64::from(fires))),
            }
        };
        Ok(names.iter().map(reading).collect())
    }
}

#[async_trait]
impl HookPort for FleetAccount {
    async fn run_hook(&self, _: &HookRequest) -> HookReport {
        HookReport::fail("the fleet has no hooks")
    }
}
