use serde::Deserialize;

use super::Span;
use crate::machine::Effect;

/// How long calls take there and back together.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CallsSpec {
    pub(crate) fastest: Span,
    pub(crate) slowest: Span,
}

impl Default for CallsSpec {
    fn default() -> Self {
        Self { fastest: Span::millis(30), slowest: Span::millis(70) }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultSpec {
    pub(crate) fault: Fault,
    #[serde(default)]
    pub(crate) call: Option<CallKind>,
    #[serde(default)]
    pub(crate) percent: Option<f64>,
    #[serde(default)]
    pub(crate) nth: Vec<u64>,
    #[serde(default)]
    pub(crate) from: Span,
    #[serde(default)]
    pub(crate) to: Option<Span>,
    #[serde(default)]
    pub(crate) by: Option<Span>,
}

/// A kind of call, named as [`Effect::kind`] names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallKind {
    ReadAlias,
    WriteAlias,
    CreateAlias,
    ReadVersion,
    UpdateCode,
    Publish,
    ReadAlarms,
    ReadAlarmHistory,
    RunHook,
    CheckHook,
    CheckCode,
    ReadProvisionedConcurrency,
}

impl CallKind {
    pub(crate) fn of(effect: &Effect) -> Self {
        match effect {
            Effect::ReadAlias => Self::ReadAlias,
            Effect::WriteAlias(_) => Self::WriteAlias,
            Effect::CreateAlias(_) => Self::CreateAlias,
            Effect::ReadVersion(_) => Self::ReadVersion,
            Effect::UpdateCode { .. } => Self::UpdateCode,
            Effect::Publish(_) => Self::Publish,
            Effect::ReadAlarms(_) => Self::ReadAlarms,
            Effect::ReadAlarmHistory { .. } => Self::ReadAlarmHistory,
            Effect::RunHook(_) => Self::RunHook,
            Effect::CheckHook(_) => Self::CheckHook,
            Effect::CheckCode(_) => Self::CheckCode,
            Effect::ReadProvisionedConcurrency => Self::ReadProvisionedConcurrency,
        }
    }

    /// The API operation behind it.
    pub(crate) fn operation(self) -> &'static str {
        match self {
            Self::ReadAlias => "GetAlias",
            Self::WriteAlias => "UpdateAlias",
            Self::CreateAlias => "CreateAlias",
            Self::ReadVersion => "GetFunction",
            Self::UpdateCode => "UpdateFunctionCode",
            Self::Publish => "PublishVersion",
            Self::ReadAlarms => "DescribeAlarms",
            Self::ReadAlarmHistory => "DescribeAlarmHistory",
            Self::RunHook => "Invoke",
            Self::CheckHook => "GetFunction",
            Self::CheckCode => "HeadObject",
            Self::ReadProvisionedConcurrency => "GetProvisionedConcurrencyConfig",
        }
    }
}

/// What befalls a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// 429 without effect.
    Throttle,
    /// 403 without effect.
    Denied,
    /// 409 without effect.
    Conflict,
    /// 412 without effect.
    PreconditionFailed,
    /// 404, although what the call names is there; without effect.
    NotFound,
    /// A read that shows what was true a given time ago.
    Stale,
    /// The connection breaks on the way there: no effect.
    LostRequest,
    /// The connection breaks on the way back: the effect happened.
    LostReply,
    /// 500 without effect.
    ServerError,
    /// 500 although the effect happened.
    ServerErrorAfter,
    /// Neither effect nor answer.
    Hang,
    /// The effect happens and no answer ever comes.
    HangAfter,
    /// Effect and answer come later by a given time.
    Late,
}
