//! A small account that answers a rollout's calls: truly, and with no more state than that needs.

use lambda_rollout::account::{
    AlarmReading, AlarmState, AliasState, AliasWrite, FunctionVersion, HookReport, Lifecycle, Routing,
    UpdateStatus,
};
use lambda_rollout::machine::{Effect, EffectResult};
use lambda_rollout::units::{Qualifier, Version};
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
    /// The state of every alarm.
    pub alarms: AlarmState,
    /// What hooks say.
    pub hook: HookReport,
    /// Whether another hand ever changed the alias, or left it on two versions at first.
    pub touched: bool,
    /// Whether another hand changed it after our newest write that took effect.
    pub touched_last: bool,
    /// A write that is still on its way: it takes effect after the next read of the alias.
    late: Option<AliasWrite>,
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
    pub fn new(routing: Option<Routing>) -> Self {
        Self {
            alias: routing.map(|routing| alias_state(routing, 0)),
            alarms: AlarmState::Ok,
            hook: HookReport::pass(""),
            touched: routing.is_some_and(|routing| !routing.is_single()),
            touched_last: false,
            late: None,
            revision: 0,
        }
    }

    /// Another hand sets the alias, or deletes it.
    pub fn drift(&mut self, routing: Option<Routing>) {
        self.alias = routing.map(|routing| self.revised(routing));
        self.touched = true;
        self.touched_last = true;
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
                    // Where the source tells no time, what the readings do not show has not happened.
                    since: None,
                };
                EffectResult::Alarms(Ok(names.iter().map(reading).collect()))
            }
            Effect::RunHook(_) => EffectResult::Hook(self.hook.clone()),
            Effect::ReadAlarmHistory { .. } => EffectResult::AlarmHistory(Ok(Vec::new())),
            Effect::CheckHook(_) | Effect::CheckCode(_) => EffectResult::Checked(Ok(())),
            Effect::ReadProvisionedConcurrency => EffectResult::ProvisionedConcurrency(Ok(None)),
            other => unreachable!("an effect that the account does not know: {other:?}"),
        }
    }

    /// Keeps a write back until after the next read.
    pub fn delay(&mut self, write: &AliasWrite) {
        self.late = Some(write.clone());
    }

    fn read(&mut self) -> Result<AliasState, Error> {
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
        Ok(self.alias.insert(state).clone())
    }

    fn create(&mut self, version: Version) -> Result<AliasState, Error> {
        if self.alias.is_some() {
            return Err(failed(ErrorKind::Conflict));
        }
        let state = self.revised(Routing::only(version));
        Ok(self.alias.insert(state).clone())
    }

    fn revised(&mut self, routing: Routing) -> AliasState {
        self.revision += 1;
        alias_state(routing, self.revision)
    }
}
