use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Runner;
use crate::event::{Event, OutcomeKind};
use crate::machine::Snapshot;
use crate::plan::RolloutPlan;

/// The number of the format, raised when an older reader could misread what is written.
pub(super) const FORMAT: u64 = 1;

/// How the first line begins.
pub(super) const HEADER: &[u8] = br#"{"kind":"journal","format":"#;

/// A line of a journal, as it is written.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    Journal { format: u64, plan: &'a Value },
    Runner(&'a Runner),
    Snapshot(&'a Snapshot),
}

impl Line<'_> {
    pub(super) fn to_json(&self) -> Vec<u8> {
        line_of(self)
    }
}

/// A line as every event log has it.
pub(super) fn event_line(event: &Event) -> Vec<u8> {
    line_of(event)
}

fn line_of(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("plain data with string keys is JSON");
    line.push(b'\n');
    line
}

/// A line of a journal, as it is read. Of an event only what concerns the journal is.
pub(super) enum Entry {
    Journal { format: u64, plan: Value },
    Runner(Runner),
    Snapshot(Box<Snapshot>),
    Event { seq: u64, finished: Option<OutcomeKind> },
}

#[derive(Deserialize)]
struct Header {
    format: u64,
    plan: Value,
}

#[derive(Deserialize)]
struct Kind {
    kind: String,
}

#[derive(Deserialize)]
struct Finished {
    seq: u64,
    outcome: OutcomeKind,
}

#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

impl Entry {
    pub(super) fn parse(line: &[u8]) -> Result<Self, serde_json::Error> {
        let Kind { kind } = serde_json::from_slice(line)?;
        Ok(match kind.as_str() {
            "journal" => {
                let Header { format, plan } = serde_json::from_slice(line)?;
                Self::Journal { format, plan }
            }
            "runner" => Self::Runner(serde_json::from_slice(line)?),
            "snapshot" => Self::Snapshot(serde_json::from_slice(line)?),
            "finished" => {
                let Finished { seq, outcome } = serde_json::from_slice(line)?;
                Self::Event { seq, finished: Some(outcome) }
            }
            // A later release may tell of things that this one does not know.
            _ => Self::Event { seq: serde_json::from_slice::<Numbered>(line)?.seq, finished: None },
        })
    }
}

/// The plan as the journal knows it: its document without what may be secret in it.
pub(super) fn document(plan: &RolloutPlan) -> Value {
    let mut document = plan.to_document();
    let hooks = document.get_mut("hooks").and_then(Value::as_object_mut);
    for hook in hooks.into_iter().flat_map(|hooks| hooks.values_mut()) {
        if let Some(hook) = hook.as_object_mut() {
            hook.remove("parameters");
        }
    }
    document
}
