use std::collections::BTreeMap;
use std::fmt;

use lambda_rollout::event::EventKind;
use lambda_rollout::machine::{Effect, EffectResult};
use lambda_rollout::sim::Hand;
use lambda_rollout::units::Timestamp;

use crate::day::Record;
use crate::witness::{Entry, Moment, What};

/// What the days have met, so that the dice cannot rot unnoticed.
#[derive(Default)]
pub(crate) struct Coverage(BTreeMap<String, u64>);

/// What enough days have to meet.
const WANTED: &[&str] = &[
    "outcome promoted",
    "outcome rolled back",
    "outcome refused",
    "outcome aborted",
    "outcome drifted",
    "outcome unsettled",
    "outcome nothing to do",
    "cause abort",
    "cause alarm",
    "cause alarms_missing",
    "cause alarms_unreadable",
    "cause alias_on_latest",
    "cause alias_weighted",
    "cause already_served",
    "cause deadline",
    "cause drift",
    "cause error",
    "cause first_deployment",
    "cause hook",
    "cause latest_changed",
    "cause version_not_ready",
    "cause versions_differ",
    "answer TooManyRequestsException",
    "answer AccessDeniedException",
    "answer ResourceConflictException",
    "answer PreconditionFailedException",
    "answer ServiceException",
    "answer none: the connection was lost",
    "answer none in time",
    "write of unknown result: landed before",
    "write of unknown result: landed later",
    "write of unknown result: not landed",
    "death before",
    "death under way",
    "death after",
    "taken up from a journal",
    "drift: gone",
    "drift: one version",
    "drift: two versions",
    "command pause",
    "command resume",
    "command promote",
    "command abort",
    "command refused",
    "event gate_waiting",
    "event alarm_changed",
    "event alarms_unreadable",
];

impl Coverage {
    pub(crate) fn count(&mut self, record: &Record) {
        let taken_up = |entry: &&Entry| matches!(&entry.what, What::Told(event) if event.seq > 1 && event.kind.name() == "started");
        record.entries.iter().filter(taken_up).for_each(|_| self.add("taken up from a journal"));
        for entry in &record.entries {
            match &entry.what {
                What::Told(event) => self.count_event(&event.kind),
                What::Obeyed(command) => {
                    let name = format!("{command:?}").to_lowercase();
                    self.add(format!("command {}", name.split(' ').next().unwrap_or_default()));
                }
                What::Answered(_, result) => self.count_answer(result),
                What::GivenUp(_) => self.add("answer none in time"),
                What::Died(Moment::Before) => self.add("death before"),
                What::Died(Moment::UnderWay) => self.add("death under way"),
                What::Died(Moment::After) => self.add("death after"),
                What::Refused(_) => self.add("command refused"),
                What::Began | What::Asked(..) | What::Given(_) | What::Ended(_) => {}
            }
        }
        self.count_unknown_writes(record);
    }

    /// What nobody has met.
    pub(crate) fn unmet(&self) -> Vec<&'static str> {
        WANTED.iter().copied().filter(|wanted| !self.0.contains_key(*wanted)).collect()
    }

    fn count_event(&mut self, kind: &EventKind) {
        self.add(format!("event {}", kind.name()));
        match kind {
            EventKind::Finished(outcome) => {
                self.add(format!("outcome {}", outcome.kind));
                if let Some(cause) = &outcome.cause {
                    let json = serde_json::to_value(cause).expect("a cause is JSON");
                    self.add(format!("cause {}", json["kind"].as_str().unwrap_or_default()));
                }
            }
            EventKind::Drifted { found: None, .. } => self.add("drift: gone"),
            EventKind::Drifted { found: Some(found), .. } if found.is_single() => {
                self.add("drift: one version")
            }
            EventKind::Drifted { .. } => self.add("drift: two versions"),
            _ => {}
        }
    }

    fn count_answer(&mut self, result: &EffectResult) {
        let error = match result {
            EffectResult::Alias(result) => result.as_ref().err(),
            EffectResult::Version(result) => result.as_ref().err(),
            EffectResult::Alarms(result) => result.as_ref().err(),
            _ => None,
        };
        let Some(error) = error else { return };
        match error.aws().and_then(|aws| aws.code.as_deref()) {
            Some(code) => self.add(format!("answer {code}")),
            None => self.add(format!("answer none: {}", error.message())),
        }
    }

    /// Writes whose result nobody was told, by what became of them.
    fn count_unknown_writes(&mut self, record: &Record) {
        for (place, entry) in record.entries.iter().enumerate() {
            let What::Asked(call, Effect::WriteAlias(write)) = &entry.what else { continue };
            let after = &record.entries[place + 1..];
            let told = after.iter().find(|later| match &later.what {
                What::Answered(id, EffectResult::Alias(Err(_))) | What::GivenUp(id) => id == call,
                _ => false,
            });
            let Some(told) = told.map(|told| told.at) else { continue };
            let repeated =
                after.iter().find(|later| matches!(later.what, What::Asked(_, Effect::WriteAlias(_))));
            let repeated = repeated.map_or(Timestamp::MAX, |later| later.at);
            let landed = record.history.iter().find(|change| {
                change.by == Hand::Rollout
                    && change.routing == Some(write.routing)
                    && (entry.at..repeated).contains(&change.at)
            });
            self.add(match landed {
                Some(change) if change.at <= told => "write of unknown result: landed before",
                Some(_) => "write of unknown result: landed later",
                None => "write of unknown result: not landed",
            });
        }
    }

    fn add(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(what, count)| writeln!(f, "{count:8} {what}"))
    }
}
