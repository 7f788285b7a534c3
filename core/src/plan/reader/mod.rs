//! From a tree of values to a checked plan, with every problem on the way. The one place where a plan is
//! checked: documents come here from their text, builders with the document that their setters wrote.

mod hook;
mod strategy;
mod version;
mod watch;
mod whole;

pub(super) use hook::IN_PROCESS;
pub(super) use whole::read_plan;
#[cfg(all(test, feature = "schema"))]
pub(super) use {
    hook::{HOOK_KEYS, HOOKS_KEYS},
    strategy::{KINDS, STEP_KEYS, keys_of_kind},
    version::{PUBLISH_KEYS, S3_KEYS, VERSION_KEYS},
    watch::{ALARMS_KEYS, ALREADY_ALARMING, FLAPS, INSUFFICIENT_DATA, MISSING, THEN, UNREADABLE_KEYS},
    whole::PLAN_KEYS,
};

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Problem;
use super::nearest::{nearest, one_of};
use super::syntax::{Entry, Kind, Node};
use crate::units::{InvalidValue, format_duration, parse_duration, parse_duration_or_zero};

const TIME: &str = "a time with its unit, such as \"10s\", \"5m\" or \"2h 30m\"";

/// Who wrote the tree: only a program can answer a hook itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Document,
    Program,
}

/// A value and its place in the document.
struct At<'a> {
    node: &'a Node,
    path: String,
    line: Option<u32>,
}

impl<'a> At<'a> {
    fn items(&self, items: &'a [Node]) -> Vec<Self> {
        let item = |(index, node): (usize, &'a Node)| Self {
            node,
            path: format!("{}[{index}]", self.path),
            line: node.line.or(self.line),
        };
        items.iter().enumerate().map(item).collect()
    }
}

/// A table and its place in the document.
struct Table<'a> {
    entries: &'a [Entry],
    path: String,
    line: Option<u32>,
}

impl<'a> Table<'a> {
    fn get(&self, key: &str) -> Option<At<'a>> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| self.at(entry))
    }

    fn at(&self, entry: &'a Entry) -> At<'a> {
        At { node: &entry.value, path: self.path_of(&entry.key), line: entry.line.or(entry.value.line) }
    }

    fn path_of(&self, key: &str) -> String {
        let bare =
            !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        let key = if bare { key.to_owned() } else { format!("{key:?}") };
        if self.path.is_empty() { key } else { format!("{}.{key}", self.path) }
    }
}

/// Reads values and gathers problems; a value that has one is `None`.
struct Reader {
    origin: Origin,
    problems: Vec<Problem>,
}

impl Reader {
    fn problem(&mut self, at: &At<'_>, what: InvalidValue) {
        self.problems.push(Problem::new(&at.path, at.line, what));
    }

    fn checked<T>(&mut self, at: &At<'_>, result: Result<T, InvalidValue>) -> Option<T> {
        result.map_err(|what| self.problem(at, what)).ok()
    }

    fn not_a(&mut self, at: &At<'_>, wanted: &str, right: impl Into<String>) {
        self.problem(at, InvalidValue::new(format!("{}, not {wanted}", at.node.described()), right));
    }

    /// A table with no other keys than these.
    fn table<'a>(&mut self, at: &At<'a>, keys: &[&str]) -> Option<Table<'a>> {
        let table = self.any_table(at, &format!("a table with {}", one_of(keys)))?;
        self.refuse_unknown(&table, keys);
        Some(table)
    }

    fn any_table<'a>(&mut self, at: &At<'a>, right: &str) -> Option<Table<'a>> {
        let Kind::Table(entries) = &at.node.kind else {
            self.not_a(at, "a table", right);
            return None;
        };
        let table = Table { entries, path: at.path.clone(), line: at.line };
        self.refuse_doubles(&table);
        Some(table)
    }

    fn refuse_unknown(&mut self, table: &Table<'_>, keys: &[&str]) {
        for entry in table.entries.iter().filter(|entry| !keys.contains(&entry.key.as_str())) {
            let right = match nearest(&entry.key, keys) {
                Some(near) => format!("perhaps `{near}`"),
                None => one_of(keys),
            };
            let what = InvalidValue::new(format!("unknown key `{}`", entry.key), right);
            self.problem(&table.at(entry), what);
        }
    }

    /// No table within this value may have a key twice.
    fn refuse_doubles_within(&mut self, at: &At<'_>) {
        match &at.node.kind {
            Kind::List(items) => at.items(items).iter().for_each(|item| self.refuse_doubles_within(item)),
            Kind::Table(entries) => {
                let table = Table { entries, path: at.path.clone(), line: at.line };
                self.refuse_doubles(&table);
                entries.iter().for_each(|entry| self.refuse_doubles_within(&table.at(entry)));
            }
            _ => {}
        }
    }

    fn refuse_doubles(&mut self, table: &Table<'_>) {
        let mut seen = BTreeSet::new();
        for entry in table.entries.iter().filter(|entry| !seen.insert(entry.key.as_str())) {
            let what = InvalidValue::new(format!("the key `{}` is given twice", entry.key), "each key once");
            self.problem(&table.at(entry), what);
        }
    }

    /// The value of a key that has to be there.
    fn required<'a>(&mut self, table: &Table<'a>, key: &str, right: &str) -> Option<At<'a>> {
        let found = table.get(key);
        if found.is_none() {
            let what = InvalidValue::new(format!("`{key}` is missing"), right);
            self.problems.push(Problem::new(&table.path_of(key), table.line, what));
        }
        found
    }

    /// The value of a key that may be left out, read by this.
    fn optional<'a, T>(
        &mut self,
        table: &Table<'a>,
        key: &str,
        read: impl FnOnce(&mut Self, &At<'a>) -> Option<T>,
    ) -> Option<T> {
        table.get(key).and_then(|at| read(self, &at))
    }

    fn text<'a>(&mut self, at: &At<'a>, right: &str) -> Option<&'a str> {
        let Kind::Text(text) = &at.node.kind else {
            self.not_a(at, "text", right);
            return None;
        };
        Some(text)
    }

    /// Text that one of the units reads.
    fn parsed<T>(
        &mut self,
        at: &At<'_>,
        right: &str,
        parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Option<T> {
        let text = self.text(at, right)?;
        self.checked(at, parse(text))
    }

    /// Text of at least one character and at most so many.
    fn text_up_to(&mut self, at: &At<'_>, longest: usize, right: &str) -> Option<String> {
        self.parsed(at, right, |text| match text.chars().count() {
            0 => Err(InvalidValue::new("the text is empty", right)),
            length if length > longest => {
                Err(InvalidValue::new(format!("the text is {length} characters long"), right))
            }
            _ => Ok(text.to_owned()),
        })
    }

    fn duration(&mut self, at: &At<'_>) -> Option<Duration> {
        self.parsed(at, TIME, parse_duration)
    }

    /// A time where zero means that there is none.
    fn duration_or_zero(&mut self, at: &At<'_>) -> Option<Duration> {
        self.parsed(at, TIME, parse_duration_or_zero)
    }

    /// A time within these limits, which are there for this reason.
    fn duration_within(
        &mut self,
        at: &At<'_>,
        limits: RangeInclusive<Duration>,
        reason: &str,
    ) -> Option<Duration> {
        let time = self.duration(at)?;
        let (too, right) = if time < *limits.start() {
            ("short", format!("{} or more", format_duration(*limits.start())))
        } else if time > *limits.end() {
            ("long", format!("{} or less", format_duration(*limits.end())))
        } else {
            return Some(time);
        };
        let wrong = format!("`{}` is too {too}", format_duration(time));
        self.problem(at, InvalidValue::new(wrong, format!("{right}: {reason}")));
        None
    }

    fn number(&mut self, at: &At<'_>, right: &str) -> Option<f64> {
        let number = match &at.node.kind {
            Kind::Number(number) => number.as_f64(),
            _ => None,
        };
        if number.is_none() {
            self.not_a(at, "a number", right);
        }
        number
    }

    fn boolean(&mut self, at: &At<'_>) -> Option<bool> {
        let Kind::Bool(value) = at.node.kind else {
            self.not_a(at, "a boolean", "`true` or `false`");
            return None;
        };
        Some(value)
    }

    fn list<'a>(&mut self, at: &At<'a>, right: &str) -> Option<Vec<At<'a>>> {
        let Kind::List(items) = &at.node.kind else {
            self.not_a(at, "a list", right);
            return None;
        };
        Some(at.items(items))
    }

    /// One of the words of an enum, as serde spells them.
    fn word<T: serde::de::DeserializeOwned>(&mut self, at: &At<'_>, words: &[&str]) -> Option<T> {
        let right = one_of(words);
        self.parsed(at, &right, |text| {
            let value = words.contains(&text).then(|| serde_json::Value::from(text));
            value.and_then(|value| serde_json::from_value(value).ok()).ok_or_else(|| {
                let right =
                    nearest(text, words).map_or_else(|| right.clone(), |near| format!("perhaps `{near}`"));
                InvalidValue::new(format!("`{text}` is none of the words that go here"), right)
            })
        })
    }
}
