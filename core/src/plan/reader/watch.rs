use std::collections::BTreeMap;
use std::time::Duration;

use super::{At, Reader};
use crate::plan::syntax::Kind;
use crate::plan::{AlarmWatch, Unreadable};
use crate::units::{AlarmName, InvalidValue};

/// The keys of `alarms`.
pub(in crate::plan) const ALARMS_KEYS: &[&str] =
    &["names", "poll", "already_alarming", "missing", "insufficient_data", "unreadable", "flaps"];
/// The keys of `alarms.unreadable`.
pub(in crate::plan) const UNREADABLE_KEYS: &[&str] = &["tolerate", "then"];

/// The words of each policy.
pub(in crate::plan) const ALREADY_ALARMING: &[&str] = &["refuse", "ignore-until-ok", "ignore"];
pub(in crate::plan) const MISSING: &[&str] = &["refuse", "ignore"];
pub(in crate::plan) const INSUFFICIENT_DATA: &[&str] = &["pass", "hold", "roll-back"];
pub(in crate::plan) const FLAPS: &[&str] = &["roll-back", "report"];
pub(in crate::plan) const THEN: &[&str] = &["hold", "roll-back"];

const NAMES: &str = "a list of alarm names, such as [\"sample-handler-errors\"]";

impl Reader {
    pub(super) fn alarms(&mut self, at: &At<'_>) -> Option<AlarmWatch> {
        if matches!(at.node.kind, Kind::List(_) | Kind::Text(_)) {
            self.not_a(
                at,
                "a table",
                "the names under `[alarms]`, such as names = [\"sample-handler-errors\"]",
            );
            return None;
        }
        let table = self.table(at, ALARMS_KEYS)?;
        let names = self.required(&table, "names", NAMES).and_then(|at| self.alarm_names(&at));
        let poll = self.optional(&table, "poll", Self::poll);
        let already =
            self.optional(&table, "already_alarming", |reader, at| reader.word(at, ALREADY_ALARMING));
        let missing = self.optional(&table, "missing", |reader, at| reader.word(at, MISSING));
        let insufficient =
            self.optional(&table, "insufficient_data", |reader, at| reader.word(at, INSUFFICIENT_DATA));
        let unreadable = self.optional(&table, "unreadable", Self::unreadable);
        let flaps = self.optional(&table, "flaps", |reader, at| reader.word(at, FLAPS));
        Some(AlarmWatch {
            names: names?,
            poll: poll.unwrap_or(AlarmWatch::DEFAULT_POLL),
            already_alarming: already.unwrap_or_default(),
            missing: missing.unwrap_or_default(),
            insufficient_data: insufficient.unwrap_or_default(),
            unreadable: unreadable.unwrap_or_default(),
            flaps: flaps.unwrap_or_default(),
        })
    }

    fn alarm_names(&mut self, at: &At<'_>) -> Option<Vec<AlarmName>> {
        let places = self.list(at, NAMES)?;
        if places.is_empty() {
            let right = "at least one name; a plan that watches nothing leaves `alarms` out";
            self.problem(at, InvalidValue::new("the list is empty", right));
        }
        let mut first_places = BTreeMap::new();
        let mut names = Vec::new();
        for place in &places {
            let Some(name) = self.parsed(place, "an alarm's name", AlarmName::parse) else { continue };
            if let Some(first) = first_places.get(&name) {
                let what = InvalidValue::new(format!("`{name}` already is `{first}`"), "each alarm once");
                self.problem(place, what);
                continue;
            }
            first_places.insert(name.clone(), place.path.clone());
            names.push(name);
        }
        Some(names)
    }

    fn poll(&mut self, at: &At<'_>) -> Option<Duration> {
        let limits = AlarmWatch::SHORTEST_POLL..=AlarmWatch::LONGEST_POLL;
        let reason = "CloudWatch limits how often it may be asked, and an alarm read seldom protects nobody";
        self.duration_within(at, limits, reason)
    }

    fn unreadable(&mut self, at: &At<'_>) -> Option<Unreadable> {
        let table = self.table(at, UNREADABLE_KEYS)?;
        let default = Unreadable::default();
        let tolerate = self.optional(&table, "tolerate", Self::tolerate).unwrap_or(default.tolerate);
        let then = self.optional(&table, "then", |reader, at| reader.word(at, THEN));
        Some(Unreadable { tolerate, then: then.unwrap_or(default.then) })
    }

    fn tolerate(&mut self, at: &At<'_>) -> Option<Duration> {
        let reason = "one call that CloudWatch throttles is no outage";
        self.duration_within(at, Unreadable::SHORTEST_TOLERANCE..=Duration::MAX, reason)
    }
}
