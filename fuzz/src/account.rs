//! A small account that answers a rollout's calls: truly, and with no more state than that needs.

use std::time::Duration;

use lambda_rollout::account::{
    AlarmReading, AlarmState, AlarmTransition, AliasState, AliasWrite, FunctionVersion, HookReport,
    Lifecycle, ProvisionedConcurrency, Routing, UpdateStatus,
};
use lambda_rollout::machine::{Effect, EffectResult};
use lambda_rollout::units::{Qualifier, Timestamp, Version, Weight};
use lambda_rollout::{Error, ErrorKind};

/// The version that every plan of the targets rolls out.
pub const CANARY: u64 = 2;
/// The hash of the code of every version.
pub const CODE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// The account: one function with one alias.
#[derive(Debug)]
pub struct Account {
    /// The alias, if there is one.
    pub alias: Option<AliasState>,
    /// The state of every alarm, since when, and every change of it.
    alarms: AlarmState,
    alarms_since: Timestamp,
    transitions: Vec<AlarmTransition>,
    /// What hooks say.
    pub hook: HookReport,
    /// Whether another hand ever changed the alias, or left it on two versions at first.
    pub touched: bool,
    /// Whether another hand changed it after our newest write that took effect.
    pub touched_last: bool,
    /// A write that is still on its way: it takes effect after the next read of the alias.
    late: Option<AliasWrite>,
    /// The alias as it was before its newest change.
    replaced: Option<AliasState>,
    /// Where the alias points when AWS has moved provisioned concurrency, and how many reads that takes.
    moving: Option<(Routing, u8)>,
    revision: u64,
}

/// The published version with this number.
///
/// # Panics
/// For 0, which Lambda never gives out.
#[must_use]
pub fn version(number: u64) -> Version {
    Version::new(number).expect("versions count from 1")
}

/// An alias as it is read.
#[must_use]
pub fn alias_state(routing: Routing, revision: u64) -> AliasState {
    AliasState::new(routing, format!("r{revision}"))
}

/// A version as it is read: ready, and with the code and role of all others.
#[must_use]
pub fn function_version(version: Qualifier) -> FunctionVersion {
    FunctionVersion {
        version,
        state: Lifecycle::Active,
        state_reason: String::new(),
        update: UpdateStatus::Successful,
        update_reason: String::new(),
        role: "role".into(),
        dead_letter: None,
        code_sha256: CODE.into(),
        config_sha256: None,
        revision_id: "f1".into(),
    }
}

/// An error of a call.
#[must_use]
pub fn failed(kind: ErrorKind) -> Error {
    Error::new(kind, "as the fuzzer wants it")
}

impl Account {
    /// An account in which all is well, and whose alias points there.
    #[must_use]
    pub fn new(routing: Option<Routing>, now: Timestamp) -> Self {
        Self {
            alias: routing.map(|routing| alias_state(routing, 0)),
            alarms: AlarmState::Ok,
            alarms_since: now,
            transitions: Vec::new(),
            hook: HookReport::pass(""),
            touched: routing.is_some_and(|routing| !routing.is_single()),
            touched_last: false,
            late: None,
            replaced: None,
            moving: None,
            revision: 0,
        }
    }

    /// Another hand sets the alias, or deletes it.
    pub fn drift(&mut self, routing: Option<Routing>) {
        let state = routing.map(|routing| self.revised(routing));
        self.replace(state);
        self.touched = true;
        self.touched_last = true;
    }

    /// The alarms change, at this time or, where that is earlier than the change before, just after that.
    pub fn set_alarms(&mut self, state: AlarmState, now: Timestamp) {
        if self.alarms != state {
            let now = now.max(self.alarms_since + Duration::from_millis(1));
            (self.alarms, self.alarms_since) = (state, now);
            self.transitions.push(AlarmTransition { at: now, to: state, reason: String::new() });
        }
    }

    /// The alarms go through a state and come back.
    pub fn flap(&mut self, through: AlarmState, now: Timestamp) {
        let state = self.alarms;
        self.set_alarms(through, now);
        self.set_alarms(state, now);
    }

    /// A read that lags behind the newest change; `None` where there was none.
    #[must_use]
    pub fn read_stale(&self) -> Option<EffectResult> {
        self.replaced.clone().map(|replaced| EffectResult::Alias(Ok(replaced)))
    }

    /// After a write to one version AWS moves provisioned concurrency from where the alias was before it.
    pub fn move_from(&mut self, before: Option<Routing>, reads: u8) {
        let now = self.alias.as_ref().map(|alias| alias.routing).filter(Routing::is_single);
        let (Some(to), Some(before)) = (now, before) else { return };
        let others = [before.version.published(), before.additional.map(|(second, _)| second)];
        let other = others.into_iter().flatten().find(|other| to.version != (*other).into());
        if let (Some(own), Some(other)) = (to.version.published(), other) {
            let half = Weight::from_basis_points(5_000).expect("half");
            let state = self.revised(Routing::split(own, other, half));
            self.replace(Some(state));
            self.moving = Some((to, reads));
        }
    }

    /// AWS has moved all that there was to move.
    pub fn settle(&mut self) {
        if let Some((to, _)) = self.moving {
            let state = self.revised(to);
            self.replace(Some(state));
        }
    }

    /// Its description is edited: another revision, which no answer has ever named.
    pub fn edit(&mut self) {
        self.revision += u64::from(u8::MAX);
        if let Some(routing) = self.alias.as_ref().map(|alias| alias.routing) {
            let state = self.revised(routing);
            self.replace(Some(state));
        }
    }

    /// Does what was asked, and says so.
    pub fn answer(&mut self, effect: &Effect) -> EffectResult {
        match effect {
            Effect::ReadAlias => EffectResult::Alias(self.read()),
            Effect::WriteAlias(write) => EffectResult::Alias(self.write(write)),
            Effect::CreateAlias(version) => EffectResult::Alias(self.create(*version)),
            Effect::ReadVersion(version) => EffectResult::Version(Ok(function_version(*version))),
            Effect::UpdateCode { .. } => EffectResult::Version(Ok(function_version(Qualifier::Latest))),
            Effect::Publish(_) => EffectResult::Version(Ok(function_version(version(CANARY).into()))),
            Effect::ReadAlarms(names) => {
                let reading = |name: &_| AlarmReading {
                    name: Clone::clone(name),
                    state: self.alarms,
                    reason: String::new(),
                    since: Some(self.alarms_since),
                };
                EffectResult::Alarms(Ok(names.iter().map(reading).collect()))
            }
            Effect::RunHook(_) => EffectResult::Hook(self.hook.clone()),
            Effect::ReadAlarmHistory { after, .. } => {
                let later = self.transitions.iter().filter(|transition| transition.at > *after);
                EffectResult::AlarmHistory(Ok(later.cloned().collect()))
            }
            Effect::CheckHook(_) | Effect::CheckCode(_) => EffectResult::Checked(Ok(())),
            Effect::ReadProvisionedConcurrency => {
                let moving = self.moving.map(|_| ProvisionedConcurrency::InProgress);
                EffectResult::ProvisionedConcurrency(Ok(moving))
            }
            other => unreachable!("an effect that the account does not know: {other:?}"),
        }
    }

    /// Keeps a write back until after the next read.
    pub fn delay(&mut self, write: &AliasWrite) {
        self.late = Some(write.clone());
    }

    fn read(&mut self) -> Result<AliasState, Error> {
        match &mut self.moving {
            Some((_, 0)) => self.settle(),
            Some((_, reads)) => *reads -= 1,
            None => {}
        }
        let answer = self.alias.clone().ok_or_else(|| failed(ErrorKind::NotFound));
        if let Some(late) = self.late.take() {
            // Late or not, it is guarded like any other.
            let _conflict = self.write(&late);
        }
        answer
    }

    fn write(&mut self, write: &AliasWrite) -> Result<AliasState, Error> {
        let alias = self.alias.as_ref().ok_or_else(|| failed(ErrorKind::NotFound))?;
        if alias.revision_id != write.revision_id {
            return Err(failed(ErrorKind::Conflict));
        }
        self.touched_last = false;
        let state = self.revised(write.routing);
        self.replace(Some(state.clone()));
        Ok(state)
    }

    fn create(&mut self, version: Version) -> Result<AliasState, Error> {
        if self.alias.is_some() {
            return Err(failed(ErrorKind::Conflict));
        }
        let state = self.revised(Routing::only(version));
        self.replace(Some(state.clone()));
        Ok(state)
    }

    fn replace(&mut self, state: Option<AliasState>) {
        self.replaced = std::mem::replace(&mut self.alias, state);
        self.moving = None;
    }

    fn revised(&mut self, routing: Routing) -> AliasState {
        self.revision += 1;
        alias_state(routing, self.revision)
    }
}
