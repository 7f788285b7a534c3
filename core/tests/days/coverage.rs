use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use lambda_rollout::account::AlarmState;
use lambda_rollout::event::EventKind;
use lambda_rollout::machine::{Effect, EffectResult};
use lambda_rollout::plan::{
    AlarmWatch, AlreadyAlarming, Flaps, InsufficientData, MissingAlarm, WhenUnreadable,
};
use lambda_rollout::sim::Hand;
use lambda_rollout::units::Timestamp;
use lambda_rollout::{ErrorKind, RolloutPlan};

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
    "AWS moves provisioned concurrency",
    "AWS still moves it after two minutes",
    "an alarm cannot be evaluated",
    "an alias was to be created that is there",
    "another pipeline published",
    "found with 0 % beside",
    "found with 99.99 % beside",
    "found with 100 % beside",
    "history: it fired, and that is only reported",
    "history: it fired",
    "history: it did not fire",
    "not found, though it is there: alias",
    "not found, though it is there: version",
    "read behind what was seen since",
    "read behind what nobody has seen",
    "what $LATEST is has changed meanwhile",
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
    pub(crate) fn count(&mut self, plan: &RolloutPlan, record: &Record) {
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
        self.count_reads(record);
        self.count_pipelines(record);
        self.count_found_weights(record);
        if !plan.alarms().names().is_empty() {
            self.add(policies_of(plan.alarms()));
            self.count_alarms(plan.alarms().flaps(), record);
        }
    }

    /// What nobody has met.
    pub(crate) fn unmet(&self) -> Vec<String> {
        let wanted = WANTED.iter().map(|wanted| (*wanted).to_owned()).chain(all_policies());
        wanted.filter(|wanted| !self.0.contains_key(wanted)).collect()
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

    /// Reads that do not show what is there, and AWS's own weights.
    fn count_reads(&mut self, record: &Record) {
        let (mut seen, mut asked) = (Vec::new(), BTreeMap::new());
        for entry in &record.entries {
            match &entry.what {
                What::Began => seen.clear(),
                What::Asked(call, Effect::ReadAlias | Effect::ReadVersion(_)) => {
                    asked.insert(call, entry.at);
                }
                What::Asked(_, Effect::CreateAlias(_)) if record.alias_at(entry.at).is_some() => {
                    self.add("an alias was to be created that is there");
                }
                What::Answered(call, EffectResult::Alias(Ok(state))) => {
                    let revision = state.revision_id.as_str();
                    let replaced = record.replaced_at(revision);
                    if asked.get(call).zip(replaced).is_some_and(|(asked, replaced)| replaced < *asked) {
                        let known = seen.contains(&revision) && seen.last() != Some(&revision);
                        let what = if known { "what was seen since" } else { "what nobody has seen" };
                        self.add(format!("read behind {what}"));
                    } else {
                        seen.push(revision);
                    }
                    self.count_move(record, revision, entry.at);
                }
                What::Answered(call, EffectResult::Alias(Err(error)))
                    if asked.contains_key(call)
                        && error.kind() == ErrorKind::NotFound
                        && record.alias_at(entry.at).is_some() =>
                {
                    self.add("not found, though it is there: alias");
                }
                // Every version that is ever read is there.
                What::Answered(call, EffectResult::Version(Err(error)))
                    if asked.contains_key(call) && error.kind() == ErrorKind::NotFound =>
                {
                    self.add("not found, though it is there: version");
                }
                _ => {}
            }
        }
    }

    fn count_move(&mut self, record: &Record, revision: &str, now: Timestamp) {
        let moved =
            record.history.iter().find(|change| change.revision_id == revision && change.by == Hand::Aws);
        let Some(change) = moved.filter(|change| change.routing.is_some_and(|routing| !routing.is_single()))
        else {
            return;
        };
        self.add("AWS moves provisioned concurrency");
        if now.since(change.at) > Duration::from_secs(2 * 60) {
            self.add("AWS still moves it after two minutes");
        }
    }

    /// Races with another pipeline for `$LATEST` and the next version.
    fn count_pipelines(&mut self, record: &Record) {
        let mut code: Option<&str> = None;
        let mut newest = record.newest_at_first;
        for entry in &record.entries {
            match &entry.what {
                What::Began => code = None,
                What::Asked(_, Effect::UpdateCode { .. }) => code = None,
                What::Answered(_, EffectResult::Version(Ok(version))) => match version.version.published() {
                    Some(published) => newest = newest.max(Some(published)),
                    None => {
                        let sha256 = version.code_sha256.as_str();
                        if code.replace(sha256).is_some_and(|before| before != sha256) {
                            self.add("what $LATEST is has changed meanwhile");
                        }
                    }
                },
                _ => {}
            }
        }
        if record.newest_at_last > newest {
            self.add("another pipeline published");
        }
    }

    fn count_found_weights(&mut self, record: &Record) {
        let Some((_, weight)) = record.initial.and_then(|routing| routing.additional) else { return };
        if let points @ (0 | 9_999 | 10_000) = weight.basis_points() {
            self.add(format!("found with {} % beside", f64::from(points) / 100.0));
        }
    }

    fn count_alarms(&mut self, flaps: Flaps, record: &Record) {
        for entry in &record.entries {
            match &entry.what {
                What::Answered(_, EffectResult::Alarms(Ok(readings)))
                    if readings.iter().any(|reading| reading.state == AlarmState::Unreadable) =>
                {
                    self.add("an alarm cannot be evaluated");
                }
                What::Answered(_, EffectResult::AlarmHistory(Ok(history))) => {
                    let fired = history.iter().any(|change| change.to == AlarmState::Alarm);
                    self.add(match (fired, flaps) {
                        (true, Flaps::RollBack) => "history: it fired",
                        (true, Flaps::Report) => "history: it fired, and that is only reported",
                        (false, _) => "history: it did not fire",
                    });
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }
}

fn policies_of(alarms: &AlarmWatch) -> String {
    policies(
        alarms.already_alarming(),
        alarms.missing(),
        alarms.insufficient_data(),
        alarms.unreadable().then,
        alarms.flaps(),
    )
}

fn policies(
    already: AlreadyAlarming,
    missing: MissingAlarm,
    thin: InsufficientData,
    unreadable: WhenUnreadable,
    flaps: Flaps,
) -> String {
    format!("policies {already:?}, {missing:?}, {thin:?}, {unreadable:?}, {flaps:?}")
}

/// Every combination of policies that a plan may have.
fn all_policies() -> impl Iterator<Item = String> {
    use {AlreadyAlarming as A, Flaps as F, InsufficientData as I, MissingAlarm as M, WhenUnreadable as W};
    let mut all = Vec::new();
    for already in [A::Refuse, A::IgnoreUntilOk, A::Ignore] {
        for missing in [M::Refuse, M::Ignore] {
            for thin in [I::Pass, I::Hold, I::RollBack] {
                for then in [W::RollBack, W::Hold] {
                    all.extend(
                        [F::RollBack, F::Report].map(|flaps| policies(already, missing, thin, then, flaps)),
                    );
                }
            }
        }
    }
    all.into_iter()
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (policies, rest): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|(what, _)| what.starts_with("policies "));
        rest.iter().try_for_each(|(what, count)| writeln!(f, "{count:8} {what}"))?;
        writeln!(f, "{:8} combinations of policies", policies.len())
    }
}
