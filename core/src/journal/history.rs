use serde_json::Value;

use super::Runner;
use super::entry::{Entry, FORMAT, HEADER};
use crate::error::{Error, ErrorKind};
use crate::event::OutcomeKind;
use crate::machine::Snapshot;

/// What a journal tells: enough to carry on, and who wrote it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// The plan's document, without the hooks' parameters; `None` of an empty journal.
    pub plan: Option<Value>,
    /// Who wrote last.
    pub runner: Option<Runner>,
    /// What has to be remembered to carry on the newest rollout; `None` when it has ended, or never came to where
    /// anything is to be carried on.
    pub unfinished: Option<Snapshot>,
    /// How many bytes are whole lines. What follows is torn.
    pub whole: usize,
    last_seq: u64,
}

impl History {
    /// Reads a journal's bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`] when they are not those of a journal, with the number of the line. A torn last line is
    /// no error.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut history = Self::default();
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').zip(1..).peekable();
        while let Some((line, number)) = lines.next() {
            let entry = match Entry::parse(line) {
                Ok(entry) if line.ends_with(b"\n") => entry,
                // The process or the computer died in the midst of it.
                _ if lines.peek().is_none() && (number > 1 || is_torn_header(line)) => break,
                _ => return Err(not_a_journal(number)),
            };
            history.take(entry, number)?;
            history.whole += line.len();
        }
        if let Some(snapshot) = &mut history.unfinished {
            snapshot.next_seq = history.last_seq + 1;
        }
        Ok(history)
    }

    fn take(&mut self, entry: Entry, number: u64) -> Result<(), Error> {
        match entry {
            Entry::Journal { format: FORMAT, plan } if number == 1 => self.plan = Some(plan),
            Entry::Journal { format, .. } if number == 1 => {
                let message = format!("it has format `{format}`, and this release reads `{FORMAT}`");
                return Err(Error::new(ErrorKind::Journal, message));
            }
            Entry::Journal { .. } => return Err(not_a_journal(number)),
            _ if number == 1 => return Err(not_a_journal(number)),
            Entry::Runner(runner) => self.runner = Some(runner),
            Entry::Snapshot(snapshot) => self.unfinished = Some(*snapshot),
            Entry::Event { seq, finished } => {
                self.last_seq = seq.min(u64::MAX - 1);
                if finished.is_some_and(|outcome| outcome != OutcomeKind::Unsettled) {
                    self.unfinished = None;
                }
            }
        }
        Ok(())
    }

    /// The first key in which the journal's plan differs from this document, with both values; `None` when they agree.
    pub(super) fn difference(&self, document: &Value) -> Option<(String, String, String)> {
        difference("", self.plan.as_ref()?, document)
    }
}

/// Whether this may have become a journal's first line: nothing else is taken for a journal, and written over.
fn is_torn_header(line: &[u8]) -> bool {
    line.starts_with(HEADER) || HEADER.starts_with(line)
}

fn not_a_journal(number: u64) -> Error {
    Error::new(ErrorKind::Journal, format!("line {number} is not a journal's"))
}

fn difference(path: &str, there: &Value, here: &Value) -> Option<(String, String, String)> {
    if there == here {
        return None;
    }
    if let (Some(one), Some(other)) = (there.as_object(), here.as_object()) {
        let at = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        return one.keys().chain(other.keys()).find_map(|key| {
            let value = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
            difference(&at(key), &value(one), &value(other))
        });
    }
    let shown = |value: &Value| match value {
        Value::Null => "not set".to_owned(),
        set => format!("`{set}`"),
    };
    Some((path.to_owned(), shown(there), shown(here)))
}
