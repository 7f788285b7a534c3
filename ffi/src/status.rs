use lambda_rollout::ErrorKind;

/// What came of a call. The numbers never change their meaning; new ones may come, so a program must expect ones that it
/// does not know: below 100 no error, from 100 the caller's, from 200 AWS's, from 900 this library's.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// Nothing came within the time.
    TimedOut = 1,
    /// Nothing will come any more: the rollout has ended, or was let go of, and all events are taken.
    Ended = 2,
    /// An argument that has to be there is NULL.
    NullArgument = 100,
    /// An argument is not what it has to be: no UTF-8, no JSON, an unknown key, out of range, too long.
    InvalidArgument = 101,
    /// The plan is wrong, or something does not fit it. The details tell every problem with its path.
    Plan = 102,
    /// AWS could not be called as configured: no Region, no credentials.
    Config = 103,
    /// The journal cannot be used: in use, of another plan, or not to be written.
    Journal = 104,
    /// The call does not fit what the rollout is doing now, or its handle.
    WrongState = 105,
    /// This is a forked child; the library's threads are in its parent.
    Forked = 106,
    /// This system does not have it.
    Unsupported = 107,
    /// AWS refused for want of a permission.
    AccessDenied = 200,
    /// A function, version or alias does not exist.
    NotFound = 201,
    /// Another hand changed the same thing.
    Conflict = 202,
    /// AWS asked for fewer calls.
    Throttled = 203,
    /// No answer, or a server fault.
    Unreachable = 204,
    /// AWS understood the call and said no.
    Rejected = 205,
    /// A fault of this library.
    Internal = 900,
    /// A panic of this library was caught. The handle that the call was made on is of no use any more: free it.
    Panic = 901,
}

impl From<ErrorKind> for Status {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Plan => Self::Plan,
            ErrorKind::Config => Self::Config,
            ErrorKind::AccessDenied => Self::AccessDenied,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Conflict => Self::Conflict,
            ErrorKind::Throttled => Self::Throttled,
            ErrorKind::Unreachable => Self::Unreachable,
            ErrorKind::Rejected => Self::Rejected,
            ErrorKind::Journal => Self::Journal,
            ErrorKind::WrongState => Self::WrongState,
            ErrorKind::Forked => Self::Forked,
            _ => Self::Internal,
        }
    }
}

impl Status {
    /// The name in errors, as the library's own kinds are named.
    pub(crate) fn name(self) -> &'static std::ffi::CStr {
        match self {
            Self::Ok => c"ok",
            Self::TimedOut => c"timed_out",
            Self::Ended => c"ended",
            Self::NullArgument => c"null_argument",
            Self::InvalidArgument => c"invalid_argument",
            Self::Plan => c"plan",
            Self::Config => c"config",
            Self::Journal => c"journal",
            Self::WrongState => c"wrong_state",
            Self::Forked => c"forked",
            Self::Unsupported => c"unsupported",
            Self::AccessDenied => c"access_denied",
            Self::NotFound => c"not_found",
            Self::Conflict => c"conflict",
            Self::Throttled => c"throttled",
            Self::Unreachable => c"unreachable",
            Self::Rejected => c"rejected",
            Self::Internal => c"internal",
            Self::Panic => c"panic",
        }
    }
}
