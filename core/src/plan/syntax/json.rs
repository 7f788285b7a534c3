use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Error;
use serde_json::value::RawValue;

use super::{DEEPEST, Entry, Kind, Lines, Node, Parsed};
use crate::plan::Problem;
use crate::units::InvalidValue;

pub(super) fn parse(text: &str) -> Parsed {
    let tree = Tree { text, lines: Lines::of(text) };
    let whole = serde_json::from_str::<&RawValue>(text).map_err(|error| tree.broken(0, &error));
    match whole.and_then(|raw| tree.node(raw, 0)) {
        Ok(root) => Parsed { root: Some(root), problems: Vec::new() },
        Err(problem) => Parsed::broken(problem),
    }
}

/// Each value is first taken as raw text, whose place within the document is its line.
struct Tree<'a> {
    text: &'a str,
    lines: Lines,
}

impl<'a> Tree<'a> {
    fn node(&self, raw: &'a RawValue, depth: usize) -> Result<Node, Problem> {
        let start = self.start_of(raw);
        if depth >= DEEPEST && matches!(raw.get().as_bytes().first(), Some(b'[' | b'{')) {
            let what = InvalidValue::new(
                format!("lists and tables stand more than {DEEPEST} deep in each other"),
                "a flatter document",
            );
            return Err(Problem::new("", Some(self.lines.at(start)), what));
        }
        let broken = |error| self.broken(start, &error);
        let json = raw.get();
        let kind = match json.as_bytes().first() {
            Some(b'{') => {
                let Entries(entries) = serde_json::from_str(json).map_err(broken)?;
                let entry = |(key, value)| self.entry(key, value, depth);
                Kind::Table(entries.into_iter().map(entry).collect::<Result<_, _>>()?)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(json).map_err(broken)?;
                Kind::List(
                    items.into_iter().map(|item| self.node(item, depth + 1)).collect::<Result<_, _>>()?,
                )
            }
            Some(b'"') => Kind::Text(serde_json::from_str(json).map_err(broken)?),
            Some(b't' | b'f') => Kind::Bool(serde_json::from_str(json).map_err(broken)?),
            Some(b'n') => Kind::Null,
            _ => Kind::Number(serde_json::from_str(json).map_err(broken)?),
        };
        Ok(Node { line: Some(self.lines.at(start)), kind })
    }

    fn entry(&self, key: &'a RawValue, value: &'a RawValue, depth: usize) -> Result<Entry, Problem> {
        let start = self.start_of(key);
        let text = serde_json::from_str(key.get()).map_err(|error| self.broken(start, &error))?;
        Ok(Entry { key: text, line: Some(self.lines.at(start)), value: self.node(value, depth + 1)? })
    }

    fn start_of(&self, raw: &RawValue) -> usize {
        raw.get().as_ptr().addr() - self.text.as_ptr().addr()
    }

    /// An error in the part of the document that starts at this byte.
    fn broken(&self, start: usize, error: &Error) -> Problem {
        let lines_into_part = u32::try_from(error.line().saturating_sub(1)).unwrap_or(u32::MAX);
        let line = self.lines.at(start).saturating_add(lines_into_part);
        let text = error.to_string();
        let message = text.split(" at line ").next().unwrap_or_default().to_owned();
        Problem::new(
            "",
            Some(line),
            InvalidValue::new(message, "a document in JSON (<https://www.json.org>)"),
        )
    }
}

/// The keys and values of a table with every key, also one that is given twice.
struct Entries<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;

        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor)
    }
}
