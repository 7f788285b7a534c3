use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::OnceLock;

use lambda_rollout::event::{Cause, EventKind};
use lambda_rollout::hosted::Item;

use crate::boundary::quietly;
use crate::text::c_string;

/// Something that happened in a rollout, or a request to the program. Owned by whoever took it; free it with
/// `lro_event_free`.
pub struct Event {
    item: Item,
    json: OnceLock<CString>,
    cause: OnceLock<Option<CString>>,
}

impl From<Item> for Event {
    fn from(item: Item) -> Self {
        Self { item, json: OnceLock::new(), cause: OnceLock::new() }
    }
}

/// What an event is. New kinds may come: a program passes over those that it does not know.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One that this table does not have; its JSON has its name.
    Other = 0,
    /// The rollout began, or was taken up again. Always the first.
    Started = 1,
    /// A version was published.
    Published = 2,
    /// Pre-flight passed: traffic may move.
    Checked = 3,
    /// A hook was started.
    HookStarted = 4,
    /// A hook came to its end.
    HookFinished = 5,
    /// The canary's weight changed.
    Shifted = 6,
    /// A step's hold has passed.
    StepHeld = 7,
    /// An alarm was seen in another state.
    AlarmChanged = 8,
    /// The alarms could not be read.
    AlarmsUnreadable = 9,
    /// The rollout waits for an approval: `lro_rollout_resume`.
    GateWaiting = 10,
    /// Paused.
    Paused = 11,
    /// Resumed, or a gate approved.
    Resumed = 12,
    /// Another hand changed the alias.
    Drifted = 13,
    /// The canary version is being taken out.
    RollingBack = 14,
    /// The canary version takes no traffic any more.
    RolledBack = 15,
    /// The canary version has all traffic.
    Promoted = 16,
    /// The end. Always the last.
    Finished = 17,
    /// A request: run a hook, then `lro_rollout_answer_hook`.
    HookRequested = 100,
    /// A request: read alarms, then `lro_rollout_answer_alarms` or `lro_rollout_fail_alarms`.
    AlarmsRequested = 101,
    /// Nobody waits any more for the answer to a request that was taken.
    RequestWithdrawn = 102,
}

fn kind(item: &Item) -> Kind {
    match item {
        Item::Event(event) => match &event.kind {
            EventKind::Started { .. } => Kind::Started,
            EventKind::Published { .. } => Kind::Published,
            EventKind::Checked { .. } => Kind::Checked,
            EventKind::HookStarted { .. } => Kind::HookStarted,
            EventKind::HookFinished { .. } => Kind::HookFinished,
            EventKind::Shifted { .. } => Kind::Shifted,
            EventKind::StepHeld { .. } => Kind::StepHeld,
            EventKind::AlarmChanged { .. } => Kind::AlarmChanged,
            EventKind::AlarmsUnreadable { .. } => Kind::AlarmsUnreadable,
            EventKind::GateWaiting { .. } => Kind::GateWaiting,
            EventKind::Paused => Kind::Paused,
            EventKind::Resumed => Kind::Resumed,
            EventKind::Drifted { .. } => Kind::Drifted,
            EventKind::RollingBack { .. } => Kind::RollingBack,
            EventKind::RolledBack { .. } => Kind::RolledBack,
            EventKind::Promoted { .. } => Kind::Promoted,
            EventKind::Finished(_) => Kind::Finished,
            _ => Kind::Other,
        },
        Item::Hook { .. } => Kind::HookRequested,
        Item::Alarms { .. } => Kind::AlarmsRequested,
        Item::Withdrawn { .. } => Kind::RequestWithdrawn,
    }
}

/// What it is. `LRO_KIND_OTHER` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_event_kind(event: *const Event) -> Kind {
    // SAFETY: as the header's contract says.
    unsafe { event.as_ref() }.map_or(Kind::Other, |event| kind(&event.item))
}

/// Its number in the rollout: 1, 2, 3 and so on without gaps. 0 for a request and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_event_seq(event: *const Event) -> u64 {
    // SAFETY: as the header's contract says.
    match unsafe { event.as_ref() }.map(|event| &event.item) {
        Some(Item::Event(event)) => event.seq,
        _ => 0,
    }
}

/// When it happened, in milliseconds since 1970, by the rollout's clock. 0 for a request and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_event_time_ms(event: *const Event) -> i64 {
    // SAFETY: as the header's contract says.
    match unsafe { event.as_ref() }.map(|event| &event.item) {
        Some(Item::Event(event)) => event.at.as_millis(),
        _ => 0,
    }
}

/// The canary's share of traffic that it speaks of, 0 to 1; below 0 when it speaks of none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_event_weight(event: *const Event) -> f64 {
    // SAFETY: as the header's contract says.
    let weight = match unsafe { event.as_ref() }.map(|event| &event.item) {
        Some(Item::Hook { request, .. }) => Some(request.weight),
        Some(Item::Event(event)) => match event.kind {
            EventKind::Checked { weight, .. }
            | EventKind::Shifted { weight, .. }
            | EventKind::StepHeld { weight, .. } => Some(weight),
            _ => None,
        },
        _ => None,
    };
    weight.map_or(-1.0, |weight| weight.fraction())
}

/// The name of its cause, such as "alarm", "hook" or "abort": of `LRO_KIND_ROLLING_BACK` and, where there is one,
/// `LRO_KIND_FINISHED`. The JSON has all of it. Lives as long as the event. NULL without one, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_event_cause(event: *const Event) -> *const c_char {
    // SAFETY: as the header's contract says.
    let Some(event) = (unsafe { event.as_ref() }) else { return ptr::null() };
    let name = || {
        let Item::Event(event) = &event.item else { return None };
        match &event.kind {
            EventKind::RollingBack { cause } => cause_name(cause),
            EventKind::Finished(outcome) => cause_name(outcome.cause.as_ref()?),
            _ => None,
        }
    };
    let cause = quietly(|| event.cause.get_or_init(name).as_deref());
    cause.flatten().map_or(ptr::null(), std::ffi::CStr::as_ptr)
}

/// A cause's name as it stands in JSON.
pub(crate) fn cause_name(cause: &Cause) -> Option<CString> {
    let json = serde_json::to_value(cause).ok()?;
    Some(c_string(json.get("kind")?.as_str()?))
}

/// The number that a request is answered by; 0 for an event and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_event_request(event: *const Event) -> u64 {
    // SAFETY: as the header's contract says.
    unsafe { event.as_ref() }.and_then(|event| event.item.request_id()).unwrap_or(0)
}

/// All of it, as one JSON object without line breaks: what every event log has. Requests have "kind", "request" and what is
/// asked: of a hook "timeout_ms", "hook", "function", "alias", "stable_version", "canary_version", "weight" and
/// "parameters", of alarms "names". Lives as long as the event. NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_event_json(event: *const Event) -> *const c_char {
    // SAFETY: as the header's contract says.
    let Some(event) = (unsafe { event.as_ref() }) else { return ptr::null() };
    let json = || c_string(serde_json::to_string(&event.item).unwrap_or_default());
    quietly(|| event.json.get_or_init(json).as_ptr()).unwrap_or(ptr::null())
}

/// Frees an event. A request that was taken stays to be answered. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_event_free(event: *mut Event) {
    quietly(|| {
        if !event.is_null() {
            // SAFETY: as the header's contract says.
            drop(unsafe { Box::from_raw(event) });
        }
    });
}
