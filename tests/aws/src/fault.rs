use std::collections::BTreeMap;
use std::time::Duration;

/// What can befall a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 429 as Lambda and CloudWatch say it; no effect.
    Throttle,
    /// 403 for want of a permission; no effect.
    Denied,
    /// 403 for an expired session; no effect.
    Expired,
    /// 409, another change is under way; no effect.
    Conflict,
    /// 412, a stale revision; no effect, even if the revision is the newest.
    Stale,
    /// 500 without an effect.
    ServerError,
    /// 500, and yet it took effect.
    ServerErrorAfter,
    /// 503 without an effect.
    Unavailable,
    /// The connection breaks before the call takes effect.
    LostRequest,
    /// The connection breaks after the call took effect.
    LostReply,
    /// No effect, and never an answer.
    Hang,
    /// It takes effect, and there is never an answer.
    HangAfter,
    /// It takes effect, and is answered so much later.
    Late(Duration),
    /// Another web server answers, with a page.
    Html,
    /// This very answer; no effect.
    Answer {
        /// The status.
        status: u16,
        /// Headers beside the content type.
        headers: Vec<(String, String)>,
        /// The body, called JSON.
        body: String,
    },
}

impl Fault {
    /// Reads the name that a command line or a control call uses: the variant's own, with `-` between words.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "throttle" => Self::Throttle,
            "denied" => Self::Denied,
            "expired" => Self::Expired,
            "conflict" => Self::Conflict,
            "stale" => Self::Stale,
            "server-error" => Self::ServerError,
            "server-error-after" => Self::ServerErrorAfter,
            "unavailable" => Self::Unavailable,
            "lost-request" => Self::LostRequest,
            "lost-reply" => Self::LostReply,
            "hang" => Self::Hang,
            "hang-after" => Self::HangAfter,
            "html" => Self::Html,
            _ => return None,
        })
    }

    /// Whether the call takes effect all the same.
    pub(crate) fn takes_effect(&self) -> bool {
        matches!(self, Self::ServerErrorAfter | Self::LostReply | Self::HangAfter | Self::Late(_))
    }
}

/// Which calls meet which fault.
#[derive(Debug, Default)]
pub(crate) struct FaultPlan {
    nth: BTreeMap<(String, u64), Fault>,
    always: BTreeMap<String, Fault>,
    seen: BTreeMap<String, u64>,
}

impl FaultPlan {
    pub(crate) fn nth(&mut self, operation: &str, nth: u64, fault: Fault) {
        self.nth.insert((operation.to_owned(), nth), fault);
    }

    pub(crate) fn always(&mut self, operation: &str, fault: Option<Fault>) {
        match fault {
            Some(fault) => self.always.insert(operation.to_owned(), fault),
            None => self.always.remove(operation),
        };
    }

    /// Counts a call, and gives the fault that it meets.
    pub(crate) fn meet(&mut self, operation: &str) -> Option<Fault> {
        let nth = self.seen.entry(operation.to_owned()).or_default();
        *nth += 1;
        self.nth.get(&(operation.to_owned(), *nth)).or_else(|| self.always.get(operation)).cloned()
    }
}
