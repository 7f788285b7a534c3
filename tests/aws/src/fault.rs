use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::held::Hold;

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
    /// Something on the way delivers it twice, and what comes back is the answer to the second.
    Repeated,
    /// 400 with this code; no effect.
    Refused(&'static str),
    /// Another web server answers, with a page.
    Html,
    /// 404 with AWS's code for what does not exist.
    NotFound,
    /// 404 and nothing else, as a gateway on the way gives it.
    Bare404,
    /// 404 with a web server's page.
    Html404,
    /// A read that lags behind: the alias as it was before the newest write, revision and all.
    OldCopy,
    /// Another pipeline puts its code into `$LATEST` first; then the call takes effect.
    Overtaken,
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
            "repeated" => Self::Repeated,
            "html" => Self::Html,
            "not-found" => Self::NotFound,
            "bare-404" => Self::Bare404,
            "html-404" => Self::Html404,
            "old-copy" => Self::OldCopy,
            "overtaken" => Self::Overtaken,
            _ => return None,
        })
    }

    /// Whether the call takes effect all the same.
    pub(crate) fn takes_effect(&self) -> bool {
        matches!(
            self,
            Self::ServerErrorAfter
                | Self::LostReply
                | Self::HangAfter
                | Self::Late(_)
                | Self::Repeated
                | Self::OldCopy
                | Self::Overtaken
        )
    }
}

/// Which calls meet which fault, and which are held.
#[derive(Default)]
pub(crate) struct FaultPlan {
    nth: BTreeMap<(String, u64), Fault>,
    always: BTreeMap<String, Fault>,
    further_pages: Option<Fault>,
    held: BTreeMap<(String, u64), Hold>,
    held_of_all: BTreeMap<u64, Hold>,
    seen: BTreeMap<String, u64>,
    seen_of_all: u64,
}

/// What a call meets.
pub(crate) enum Met {
    Nothing,
    Fault(Fault),
    Hold(Hold),
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

    pub(crate) fn further_pages(&mut self, fault: Option<Fault>) {
        self.further_pages = fault;
    }

    pub(crate) fn hold(&mut self, operation: &str, nth: u64, hold: Hold) {
        self.held.insert((operation.to_owned(), nth), hold);
    }

    pub(crate) fn hold_of_all(&mut self, nth: u64, hold: Hold) {
        self.held_of_all.insert(nth, hold);
    }

    /// Counts a call, and gives what it meets.
    pub(crate) fn meet(&mut self, operation: &str, body: &Value) -> Met {
        self.seen_of_all += 1;
        let nth = self.seen.entry(operation.to_owned()).or_default();
        *nth += 1;
        let this = (operation.to_owned(), *nth);
        if let Some(hold) = self.held.remove(&this).or_else(|| self.held_of_all.remove(&self.seen_of_all)) {
            return Met::Hold(hold);
        }
        let is_further_page = body["NextToken"].is_string();
        let of_its_page = self.further_pages.as_ref().filter(|_| is_further_page);
        let fault = self.nth.get(&this).or(of_its_page).or_else(|| self.always.get(operation));
        fault.cloned().map_or(Met::Nothing, Met::Fault)
    }
}
