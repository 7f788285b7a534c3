use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Snapshot;
use crate::Error;
use crate::account::{
    AlarmReading, AlarmTransition, AliasState, AliasWrite, CodeSource, FunctionVersion, HookReport,
    HookRequest, ProvisionedConcurrency, PublishRequest,
};
use crate::event::{Event, Outcome};
use crate::units::{AlarmName, HookFunction, Qualifier, Timestamp, Version};

/// Names one effect of one rollout, so that its result finds its way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EffectId(pub(crate) u64);

/// What goes into the machine.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Input {
    /// Begin. Once, first.
    Start,
    /// Time has passed: the machine's deadline is here.
    Tick,
    /// An effect came to its end.
    Done(EffectId, EffectResult),
    /// A person or program wants something.
    Command(Command),
}

/// What a person or program may want of a running rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// No shift until resumed. The hold's clock stops; alarms stay watched.
    Pause,
    /// Go on after a pause, or approve a gate.
    Resume,
    /// All traffic to the canary version now, without the remaining holds. The hook after traffic and the bake follow
    /// as planned; asked for again during the bake, it ends that.
    Promote,
    /// Put everything back.
    Abort {
        /// Why, for the history.
        reason: String,
    },
}

/// What comes out of the machine, in the order in which it has to be done.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Output {
    /// Make this durable before the raise that follows, which is a write without [`AliasWrite::restores`]. Where that
    /// fails or takes too long, or a rollback begins first ([`Snapshot::rolling_back`]), the raise is not made: answer it
    /// with an error of the kind [`ErrorKind::Journal`](crate::ErrorKind::Journal). Nothing else waits.
    Persist(Box<Snapshot>),
    /// Tell this.
    Event(Event),
    /// Do this, and give the result back.
    Effect(EffectId, Effect),
    /// Nobody waits for the result of this any more: it may be dropped, and what is given back counts for nothing.
    Withdraw(EffectId),
    /// The end: drop what is still under way.
    Done(Outcome),
    /// The end of a rollout that only looked, and found nothing wrong.
    CheckPassed,
}

/// Something to be done in the world.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Effect {
    /// Read the plan's alias.
    ReadAlias,
    /// Write the plan's alias.
    WriteAlias(AliasWrite),
    /// Create the plan's alias.
    CreateAlias(Version),
    /// Read a version, or `$LATEST`.
    ReadVersion(Qualifier),
    /// Put new code into `$LATEST`, guarded by this revision.
    UpdateCode {
        /// The code.
        code: CodeSource,
        /// The revision of `$LATEST` last seen.
        revision_id: String,
    },
    /// Publish `$LATEST`.
    Publish(PublishRequest),
    /// Read these alarms.
    ReadAlarms(Vec<AlarmName>),
    /// Read how an alarm's state has changed since then.
    ReadAlarmHistory {
        /// The alarm.
        alarm: AlarmName,
        /// From here on.
        after: Timestamp,
    },
    /// Run a hook.
    RunHook(HookRequest),
    /// Look whether a hook's function is there.
    CheckHook(HookFunction),
    /// Look whether the plan's code is there.
    CheckCode(CodeSource),
    /// Read the provisioned concurrency of the plan's alias.
    ReadProvisionedConcurrency,
}

/// How long a look at the alarms may take. What is answered later says nothing of the present.
pub(super) const LOOK_LIMIT: Duration = Duration::from_secs(20);

impl Effect {
    /// The kind, as it is counted in [`Outcome::calls`].
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ReadAlias => "read_alias",
            Self::WriteAlias(_) => "write_alias",
            Self::CreateAlias(_) => "create_alias",
            Self::ReadVersion(_) => "read_version",
            Self::UpdateCode { .. } => "update_code",
            Self::Publish(_) => "publish",
            Self::ReadAlarms(_) => "read_alarms",
            Self::ReadAlarmHistory { .. } => "read_alarm_history",
            Self::RunHook(_) => "run_hook",
            Self::CheckHook(_) => "check_hook",
            Self::CheckCode(_) => "check_code",
            Self::ReadProvisionedConcurrency => "read_provisioned_concurrency",
        }
    }

    /// How long it may take. After that it counts as unanswered: whether it took effect is unknown.
    #[must_use]
    pub fn limit(&self) -> Duration {
        match self {
            Self::ReadAlias
            | Self::ReadVersion(_)
            | Self::WriteAlias(_)
            | Self::CreateAlias(_)
            | Self::CheckHook(_)
            | Self::CheckCode(_)
            | Self::ReadProvisionedConcurrency => Duration::from_secs(10),
            Self::ReadAlarms(_) | Self::ReadAlarmHistory { .. } => LOOK_LIMIT,
            Self::Publish(_) => Duration::from_secs(60),
            Self::UpdateCode { .. } => Duration::from_secs(10 * 60),
            Self::RunHook(request) => request.timeout,
        }
    }
}

/// How an effect ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum EffectResult {
    /// Of [`Effect::ReadAlias`], [`Effect::WriteAlias`] and [`Effect::CreateAlias`].
    Alias(Result<AliasState, Error>),
    /// Of [`Effect::ReadVersion`], [`Effect::UpdateCode`] and [`Effect::Publish`].
    Version(Result<FunctionVersion, Error>),
    /// Of [`Effect::ReadAlarms`].
    Alarms(Result<Vec<AlarmReading>, Error>),
    /// Of [`Effect::ReadAlarmHistory`].
    AlarmHistory(Result<Vec<AlarmTransition>, Error>),
    /// Of [`Effect::RunHook`].
    Hook(HookReport),
    /// Of [`Effect::CheckHook`] and [`Effect::CheckCode`].
    Checked(Result<(), Error>),
    /// Of [`Effect::ReadProvisionedConcurrency`].
    ProvisionedConcurrency(Result<Option<ProvisionedConcurrency>, Error>),
    /// Of any: no answer in time.
    TimedOut,
}
