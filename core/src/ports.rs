//! What a rollout needs from the world, as small traits named for the job, not for AWS.
//!
//! [`crate::aws`] implements them over the AWS SDK and [`crate::sim`] on the simulated account. A service that
//! brings its own alarms or hooks implements one of them and keeps the others.
//!
//! Every call is made by the rollout's own task and may be dropped at any await point, when its time is up
//! or the rollout has ended; an implementation must stand that.

use std::sync::Arc;

use async_trait::async_trait;

use crate::Error;
use crate::account::{
    AlarmReading, AliasState, AliasWrite, CodeSource, FunctionVersion, HookReport, HookRequest,
    PublishRequest,
};
use crate::units::{AlarmName, AliasName, FunctionRef, Qualifier, Timestamp, Version};

/// Reads and writes the plan's alias, and makes versions.
///
/// Errors must be told apart by their kind, for the machine decides by it:
/// [`Conflict`](crate::ErrorKind::Conflict) for a stale revision or a change under way,
/// [`Throttled`](crate::ErrorKind::Throttled) only when the call surely had no effect, and
/// [`Unreachable`](crate::ErrorKind::Unreachable) whenever it may have had one.
/// A write is tried once: whether to try again is the machine's to decide.
#[async_trait]
pub trait TrafficPort: Send + Sync {
    /// Reads the alias.
    async fn read_alias(&self, function: &FunctionRef, alias: &AliasName) -> Result<AliasState, Error>;

    /// Writes the alias, guarded by the revision, and gives it as it is then.
    async fn write_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        write: &AliasWrite,
    ) -> Result<AliasState, Error>;

    /// Creates the alias on one version.
    async fn create_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        version: Version,
    ) -> Result<AliasState, Error>;

    /// Reads a version or `$LATEST`.
    async fn read_version(
        &self,
        function: &FunctionRef,
        version: Qualifier,
    ) -> Result<FunctionVersion, Error>;

    /// Puts new code into `$LATEST`, guarded by its revision, and gives it as it is then.
    async fn update_code(
        &self,
        function: &FunctionRef,
        code: &CodeSource,
        revision_id: &str,
    ) -> Result<FunctionVersion, Error>;

    /// Publishes `$LATEST`, guarded by hash and revision. Gives the newest version again when nothing changed.
    async fn publish(
        &self,
        function: &FunctionRef,
        request: &PublishRequest,
    ) -> Result<FunctionVersion, Error>;
}

/// Reads alarms.
#[async_trait]
pub trait AlarmPort: Send + Sync {
    /// The state of every alarm of these that exists. All or nothing: a half-read list is an error.
    async fn read_alarms(&self, names: &[AlarmName]) -> Result<Vec<AlarmReading>, Error>;
}

/// Runs hooks.
#[async_trait]
pub trait HookPort: Send + Sync {
    /// Runs a hook to its end. What goes wrong is part of the report, for it fails the hook and not the call.
    async fn run_hook(&self, request: &HookRequest) -> HookReport;
}

/// Tells the time and waits.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time now. Must not go back, and must not leap: holds are measured by it.
    fn now(&self) -> Timestamp;

    /// Waits until then.
    async fn wait_until(&self, at: Timestamp);
}

/// The ports of one rollout. Cloning is cheap.
#[derive(Clone)]
pub struct Ports {
    /// Aliases and versions.
    pub traffic: Arc<dyn TrafficPort>,
    /// Alarms.
    pub alarms: Arc<dyn AlarmPort>,
    /// Hooks.
    pub hooks: Arc<dyn HookPort>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}
