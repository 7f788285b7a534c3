use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use lambda_rollout::account::{
    AlarmReading, AlarmState, AliasState, AliasWrite, CodeSource, FunctionVersion, HookReport, HookRequest,
    Lifecycle, PublishRequest, Routing, UpdateStatus,
};
use lambda_rollout::machine::{Effect, EffectResult};
use lambda_rollout::ports::{AlarmPort, HookPort, TrafficPort};
use lambda_rollout::units::{AlarmName, AliasName, FunctionRef, Qualifier, Version};
use lambda_rollout::{Error, ErrorKind};

/// An account that answers at once and holds next to nothing, so that a rollout's own memory can be seen.
/// It knows what a rollout of an existing version calls until it holds its first step.
#[derive(Debug)]
pub(crate) struct StillAccount {
    alias: Mutex<AliasState>,
}

impl StillAccount {
    /// Its alias is on version 1.
    pub(crate) fn on_version_1() -> Self {
        let version = Version::new(1).expect("versions start at 1");
        let revision_id = "3f6c1f0e-6a8a-4f3b-9f6e-0d5f0a6c2b10".to_owned();
        Self { alias: Mutex::new(AliasState::new(Routing::only(version), revision_id)) }
    }

    /// Answers the machine.
    pub(crate) fn answer(&self, effect: &Effect) -> EffectResult {
        match effect {
            Effect::ReadAlias => EffectResult::Alias(Ok(self.alias())),
            Effect::WriteAlias(write) => EffectResult::Alias(Ok(self.write(write))),
            Effect::ReadVersion(version) => EffectResult::Version(Ok(active(*version))),
            Effect::ReadAlarms(names) => EffectResult::Alarms(Ok(all_ok(names))),
            other => unreachable!("no rollout here makes the call {other:?}"),
        }
    }

    fn alias(&self) -> AliasState {
        self.alias.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, write: &AliasWrite) -> AliasState {
        let mut alias = self.alias.lock().unwrap_or_else(PoisonError::into_inner);
        alias.routing = write.routing;
        alias.clone()
    }
}

fn active(version: Qualifier) -> FunctionVersion {
    FunctionVersion {
        version,
        state: Lifecycle::Active,
        state_reason: String::new(),
        update: UpdateStatus::Successful,
        update_reason: String::new(),
        role: "arn:aws:iam::123456789012:role/sample-handler".to_owned(),
        dead_letter: None,
        code_sha256: "qUiQTy8PR5uPgZdpSzAYSw0u0cHNKh7A+4XSmaGSpEc=".to_owned(),
        config_sha256: None,
        revision_id: String::new(),
    }
}

fn all_ok(names: &[AlarmName]) -> Vec<AlarmReading> {
    let reading = |name: &AlarmName| AlarmReading {
        name: name.clone(),
        state: AlarmState::Ok,
        reason: String::new(),
        since: None,
    };
    names.iter().map(reading).collect()
}

fn not_here<T>() -> Result<T, Error> {
    Err(Error::new(ErrorKind::Internal, "the still account does not do this"))
}

#[async_trait]
impl TrafficPort for StillAccount {
    async fn read_alias(&self, _: &FunctionRef, _: &AliasName) -> Result<AliasState, Error> {
        Ok(self.alias())
    }

    async fn write_alias(
        &self,
        _: &FunctionRef,
        _: &AliasName,
        write: &AliasWrite,
    ) -> Result<AliasState, Error> {
        Ok(self.write(write))
    }

    async fn create_alias(&self, _: &FunctionRef, _: &AliasName, _: Version) -> Result<AliasState, Error> {
        not_here()
    }

    async fn read_version(&self, _: &FunctionRef, version: Qualifier) -> Result<FunctionVersion, Error> {
        Ok(active(version))
    }

    async fn update_code(&self, _: &FunctionRef, _: &CodeSource, _: &str) -> Result<FunctionVersion, Error> {
        not_here()
    }

    async fn publish(&self, _: &FunctionRef, _: &PublishRequest) -> Result<FunctionVersion, Error> {
        not_here()
    }
}

#[async_trait]
impl AlarmPort for StillAccount {
    async fn read_alarms(&self, names: &[AlarmName]) -> Result<Vec<AlarmReading>, Error> {
        Ok(all_ok(names))
    }
}

#[async_trait]
impl HookPort for StillAccount {
    async fn run_hook(&self, _: &HookRequest) -> HookReport {
        HookReport::fail("the still account has no hooks")
    }
}
