use serde::{Serialize, Serializer};

use crate::account::HookRequest;
use crate::event::Event;
use crate::units::AlarmName;

/// What a program pulls from a rollout's queue.
///
/// As JSON an event is what it is in every event log, and the others are flat objects with a `kind` too:
/// `{"kind":"hook_requested","request":1,"timeout_ms":300000,"hook":"before_traffic",…}`,
/// `{"kind":"alarms_requested","request":2,"names":["errors"]}` and `{"kind":"request_withdrawn","request":2}`.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// Something happened.
    Event(Event),
    /// The program is to run a hook, and to answer with
    /// [`answer_hook`](super::HostedRollout::answer_hook).
    Hook {
        /// What to answer by.
        id: u64,
        /// What the hook is told.
        request: HookRequest,
    },
    /// The program is to read these alarms, and to answer with
    /// [`answer_alarms`](super::HostedRollout::answer_alarms).
    Alarms {
        /// What to answer by.
        id: u64,
        /// Which.
        names: Vec<AlarmName>,
    },
    /// Nobody waits any more for the answer to a request that the program has taken: its time is up, or the rollout is
    /// being put back.
    Withdrawn {
        /// Which.
        id: u64,
    },
}

impl Item {
    /// The kind's name as it stands in JSON.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Event(event) => event.kind.name(),
            Self::Hook { .. } => "hook_requested",
            Self::Alarms { .. } => "alarms_requested",
            Self::Withdrawn { .. } => "request_withdrawn",
        }
    }

    /// The request that this is, or is about; `None` for an event.
    #[must_use]
    pub fn request_id(&self) -> Option<u64> {
        match self {
            Self::Event(_) => None,
            Self::Hook { id, .. } | Self::Alarms { id, .. } | Self::Withdrawn { id } => Some(*id),
        }
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        enum Form<'a> {
            HookRequested {
                request: u64,
                timeout_ms: u128,
                #[serde(flatten)]
                hook: &'a HookRequest,
            },
            AlarmsRequested {
                request: u64,
                names: &'a [AlarmName],
            },
            RequestWithdrawn {
                request: u64,
            },
        }
        let form = match self {
            Self::Event(event) => return event.serialize(serializer),
            Self::Hook { id, request } => {
                Form::HookRequested { request: *id, timeout_ms: request.timeout.as_millis(), hook: request }
            }
            Self::Alarms { id, names } => Form::AlarmsRequested { request: *id, names },
            Self::Withdrawn { id } => Form::RequestWithdrawn { request: *id },
        };
        form.serialize(serializer)
    }
}

/// What came of asking for the next item.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// An item.
    Item(Box<Item>),
    /// Nothing within the time.
    TimedOut,
    /// Nothing will come any more: the rollout has ended, or was let go of.
    Ended,
}
