//! What a rollout needs from the world, as small traits named for the job, not for AWS.
//!
//! [`crate::aws`] implements them over the AWS SDK and [`crate::sim`] on the simulated account. A service that
//! brings its own alarms or hooks implements one of them and keeps the others.
//!
//! Methods that have a default say what is so where nothing is known: a port that passes calls on to another one has to pass
//! these on too.
//!
//! Every call is made by the rollout's own task and may be dropped at any await point, when its time is up
//! or the rollout has ended; an implementation must stand that.

use std::sync::Arc;

use async_trait::async_trait;

use crate::account::{
    AlarmReading, AlarmTransition, AliasState, AliasWrite, CodeSource, FunctionVersion, HookReport,
    HookRequest, ProvisionedConcurrency, PublishRequest, Urgency,
};
use crate::error::{Error, ErrorKind};
use crate::units::{AlarmName, AliasName, FunctionRef, HookFunction, Qualifier, Timestamp, Version};

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

    /// Reads the alias for a rollout, which says how urgent that is. To be implemented where calls wait for each other.
    async fn read_alias_for(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        urgency: Urgency,
    ) -> Result<AliasState, Error> {
        let _ = urgency;
        self.read_alias(function, alias).await
    }

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

    /// Reads the provisioned concurrency of the alias; `None` where it has none, as everywhere that knows of none.
    async fn read_provisioned_concurrency(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
    ) -> Result<Option<ProvisionedConcurrency>, Error> {
        let _ = (function, alias);
        Ok(None)
    }

    /// Whether this code is there to be put into `$LATEST`, as far as can be told without doing so.
    ///
    /// # Errors
    /// [`ErrorKind::Plan`] with what is wrong with it.
    async fn check_code(&self, code: &CodeSource) -> Result<(), Error> {
        let _ = code;
        Ok(())
    }
}

/// Reads alarms.
#[async_trait]
pub trait AlarmPort: Send + Sync {
    /// The state of every alarm of these that exists. All or nothing: a half-read list is an error.
    async fn read_alarms(&self, names: &[AlarmName]) -> Result<Vec<AlarmReading>, Error>;

    /// Every change of this alarm's state after `after`, oldest first. Asked for where [`AlarmReading::since`] shows that
    /// the alarm has been in another state between two readings.
    ///
    /// A source that keeps no history need not implement it: such an alarm then counts as having fired.
    async fn read_alarm_history(
        &self,
        alarm: &AlarmName,
        after: Timestamp,
    ) -> Result<Vec<AlarmTransition>, Error> {
        let _ = (alarm, after);
        Err(Error::new(ErrorKind::Rejected, "this source of alarms keeps no history"))
    }
}

/// Runs hooks.
#[async_trait]
pub trait HookPort: Send + Sync {
    /// Runs a hook to its end. What goes wrong is part of the report, for it fails the hook and not the call.
    async fn run_hook(&self, request: &HookRequest) -> HookReport;

    /// Whether this function is there to be invoked as a hook, as far as can be told without doing so.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when it is not there. Any other error says that it could not be told.
    async fn check_hook(&self, lambda: &HookFunction) -> Result<(), Error> {
        let _ = lambda;
        Ok(())
    }
}

/// Tells the time and waits.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time now. Must not go back, and must not leap: holds are measured by it.
    fn now(&self) -> Timestamp;

    /// Waits until then.
    async fn wait_until(&self, at: Timestamp);

    /// Called while the rollout waits for something outside of the account, such as its journal's disk. A virtual clock
    /// stands still until what it gives is dropped, so that the waiting takes no time there; a real clock goes on.
    fn stand(&self) -> Option<Standing> {
        None
    }
}

/// Keeps a virtual clock from moving until it is dropped.
pub type Standing = Box<dyn Send + Sync>;

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
