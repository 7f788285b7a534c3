//! The one error of the library: few kinds, each saying what the user should do.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What kind of thing went wrong. The kinds are few, and each says what the user should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The plan, or an argument, is wrong. Mend what the message names; nothing was called.
    Plan,
    /// AWS could not be called as configured: no Region, no credentials, or expired ones. Mend the configuration.
    Config,
    /// AWS refused for want of a permission. Add the IAM action that the message names.
    AccessDenied,
    /// A function, version or alias does not exist. Check the name, the account and the Region.
    NotFound,
    /// Another hand changed the same thing, or is changing it now. Look who it is; then run again.
    Conflict,
    /// AWS asked for fewer calls. Wait, and run again.
    Throttled,
    /// No answer, or a server fault: whether the call took effect is unknown. Check the network and the endpoint.
    Unreachable,
    /// AWS understood the call and said no. Mend what the message names.
    Rejected,
    /// The journal cannot be used: another runner has it, it is of another plan, or it cannot be written. Mend what the
    /// message names.
    Journal,
    /// The command does not fit what the rollout is doing now. Look at its status.
    WrongState,
    /// The process was forked after the library had started its threads, and this is the child, which has none of
    /// them. Use the library in one process alone: spawn a new one instead of forking, or fork first.
    Forked,
    /// A fault of this library. Please report it with the message.
    Internal,
}

impl ErrorKind {
    /// The kind's name as it stands in events and in other languages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Config => "config",
            Self::AccessDenied => "access_denied",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::Unreachable => "unreachable",
            Self::Rejected => "rejected",
            Self::Journal => "journal",
            Self::WrongState => "wrong_state",
            Self::Forked => "forked",
            Self::Internal => "internal",
        }
    }

    /// What the user should do.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::Plan => "mend what the message names; nothing was called",
            Self::Config => "check the Region, the profile and the credentials",
            Self::AccessDenied => "add the IAM action; `lambda-rollout show PLAN` prints the whole policy",
            Self::NotFound => "check the name, the account and the Region",
            Self::Conflict => "look who else changes it, then run again",
            Self::Throttled => "wait a little, then run again",
            Self::Unreachable => "check the network and the endpoint, then run again",
            Self::Rejected => "mend what the message names, then run again",
            Self::Journal => "mend what the message names, or run without the journal",
            Self::WrongState => "look at the rollout's status",
            Self::Forked => "spawn a new process instead of forking, or fork before the library is used",
            Self::Internal => "please report this with the message",
        }
    }

    /// Whether the same call may succeed later without anybody mending anything.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Conflict | Self::Throttled | Self::Unreachable)
    }
}

/// What went wrong, where, and with which words of AWS.
///
/// `Display` is one line and does not repeat its source; [`StdError::source`] has that.
/// The text is for people and may change; [`Error::kind`] is for programs.
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    aws: Option<Box<AwsAnswer>>,
    queued: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What AWS said of a failed call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AwsAnswer {
    /// The API operation, such as `UpdateAlias`.
    pub operation: String,
    /// AWS's error code, such as `PreconditionFailedException`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The request id, which AWS's support asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Error {
    /// An error of this kind. The message is lower case, one line, without a full stop, values last and in backticks.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), aws: None, queued: false, source: None }
    }

    /// A call that this process has not made yet, since its other calls have used up what AWS allows. It had no effect
    /// and says nothing of AWS: it is made again at once, and keeps its place in the queue.
    #[must_use]
    pub fn queued(message: impl Into<String>) -> Self {
        Self { queued: true, ..Self::new(ErrorKind::Throttled, message) }
    }

    /// Whether the call only waits for its turn among this process's own calls; see [`Error::queued`].
    #[must_use]
    pub fn is_queued(&self) -> bool {
        self.queued
    }

    /// Adds what AWS said.
    #[must_use]
    pub fn with_aws(mut self, answer: AwsAnswer) -> Self {
        self.aws = Some(Box::new(answer));
        self
    }

    /// Adds the error underneath.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// What kind of thing went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message alone, without AWS's code and request id.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What AWS said, when AWS was asked.
    #[must_use]
    pub fn aws(&self) -> Option<&AwsAnswer> {
        self.aws.as_deref()
    }

    /// The same facts as plain data, for events and other languages.
    #[must_use]
    pub fn report(&self) -> ErrorReport {
        ErrorReport { kind: self.kind, message: self.message.clone(), aws: self.aws.as_deref().cloned() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report().fmt(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// An [`Error`] as plain data: what events, outcomes and other languages carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// What kind of thing went wrong.
    pub kind: ErrorKind,
    /// For people.
    pub message: String,
    /// What AWS said, when AWS was asked.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsAnswer>,
}

impl fmt::Display for ErrorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(aws) = &self.aws else { return f.write_str(&self.message) };
        write!(f, "{}: {}", aws.operation, self.message)?;
        match (&aws.code, &aws.request_id) {
            (Some(code), Some(id)) => write!(f, " (`{code}`, request `{id}`)"),
            (Some(code), None) => write!(f, " (`{code}`)"),
            (None, Some(id)) => write!(f, " (request `{id}`)"),
            (None, None) => Ok(()),
        }
    }
}

impl From<Error> for ErrorReport {
    fn from(error: Error) -> Self {
        error.report()
    }
}
