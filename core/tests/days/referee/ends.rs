use lambda_rollout::event::{Cause, Event, EventKind};
use lambda_rollout::machine::EffectResult;
use lambda_rollout::sim::{AliasChange, Hand};
use lambda_rollout::units::{Timestamp, Weight};
use lambda_rollout::{ErrorKind, Outcome, OutcomeKind};

use super::Findings;
use super::life::Life;
use super::writes::is_taken_over;
use crate::day::Record;
use crate::witness::What;

/// Judges how one runner's history reads and ends.
pub(super) fn judge_life(life: &Life<'_>, findings: &mut Findings) {
    judge_numbering(life, findings);
    judge_shifts(life, findings);
    let Some(outcome) = life.outcome() else { return };
    judge_outcome(life, outcome, findings);
    judge_alias(life, outcome, findings);
}

/// Judges what holds for the day as a whole.
pub(super) fn judge_day(record: &Record, findings: &mut Findings) {
    let ended = record.entries.iter().find_map(|entry| match &entry.what {
        What::Ended(outcome) => Some((entry.at, outcome.kind)),
        _ => None,
    });
    let Some((ended, kind)) = ended else {
        let last = record.entries.last().map_or(Timestamp::MAX, |entry| entry.at);
        return findings.unless(false, "S6", last, || "the rollout came to no end".to_owned());
    };
    for change in record.history.iter().filter(|change| change.by == Hand::Rollout) {
        findings.unless(change.guarded, "S1", change.at, || "a write without a guard took effect".to_owned());
        // Who had to give up cannot know what becomes of the last try.
        findings.unless(change.at <= ended || kind == OutcomeKind::Unsettled, "S6", change.at, || {
            format!("{:?} landed after the end at {ended}", change.routing)
        });
    }
}

fn judge_numbering(life: &Life<'_>, findings: &mut Findings) {
    let events: Vec<&Event> = life.events().collect();
    for (event, seq) in events.iter().zip(1..) {
        findings.unless(event.seq == seq, "numbering", event.at, || {
            format!("event {} comes as {seq}", event.seq)
        });
    }
    let in_order = events.is_sorted_by_key(|event| event.at);
    findings
        .unless(in_order, "numbering", life.began, || "an event is earlier than the one before".to_owned());
    let firsts = life.runners().len().min(events.len());
    let started = events.iter().filter(|event| event.kind.name() == "started").count();
    let starts = events.first().is_none_or(|event| event.kind.name() == "started");
    findings.unless(starts && started == firsts, "numbering", life.began, || {
        "`started` is not the first event of each runner".to_owned()
    });
    let finished = events.iter().position(|event| event.kind.name() == "finished");
    let last = finished.map(|place| place + 1);
    let right = match life.outcome() {
        Some(_) => last == Some(events.len()),
        None => finished.is_none(),
    };
    findings.unless(right, "numbering", life.over_at(), || "`finished` is not the last event".to_owned());
}

/// Every shift that was told took effect, once, with the weight that was told. Only who takes a rollout up may say the
/// newest one again: the runner before may have died between saying and writing it down.
fn judge_shifts(life: &Life<'_>, findings: &mut Findings) {
    let history = &life.record.history;
    let mut newest = None;
    let mut taken_up = false;
    for event in life.events() {
        taken_up |= event.kind.name() == "started";
        let EventKind::Shifted { weight, revision_id, .. } = &event.kind else { continue };
        let found = history.iter().position(|change| change.revision_id == *revision_id);
        let share = found.and_then(|place| history[place].routing).map(|routing| life.share(&routing));
        let right = share == Some(*weight) && (found > newest || taken_up && found == newest);
        findings.unless(right, "shifts", event.at, || {
            format!("`shifted` tells {weight} at `{revision_id}`, where the alias gave the canary {share:?}")
        });
        (newest, taken_up) = (found, false);
    }
}

fn judge_outcome(life: &Life<'_>, outcome: &Outcome, findings: &mut Findings) {
    let at = life.over_at();
    let finished = life.event(|kind| matches!(kind, EventKind::Finished(_)));
    let same = finished.is_some_and(|event| event.kind == EventKind::Finished(outcome.clone()));
    findings.unless(same, "outcome", at, || "`finished` tells another outcome".to_owned());
    let last_runner = life.entries.iter().rposition(|entry| matches!(entry.what, What::Began)).unwrap_or(0);
    for (kind, count) in &outcome.calls {
        let own = life.calls().filter(|call| call.effect.kind() == kind && call.place > last_runner);
        let asked = own.count() as u64;
        // A call that was decided on at the very end never leaves.
        let right = asked == *count || asked + 1 == *count;
        findings.unless(right, "outcome", at, || format!("{count} calls of {kind} told, {asked} made"));
    }
    let gives_share =
        |change: &AliasChange| change.routing.is_some_and(|routing| life.share(&routing) > Weight::ZERO);
    let moved = life.own_changes().any(gives_share);
    let first = outcome.cause == Some(Cause::FirstDeployment);
    findings.unless(outcome.traffic_moved || !moved || first, "outcome", at, || {
        "traffic moved, and the outcome denies it".to_owned()
    });
    if let Some(Cause::Error { error }) = &outcome.cause {
        findings
            .unless(error.kind != ErrorKind::Internal, "outcome", at, || format!("a fault of ours: {error}"));
    }
    let ended_in_time = outcome.kind != OutcomeKind::Unsettled || gave_up_in_time(life);
    findings.unless(ended_in_time, "S6", at, || "given up before the rollback's deadline".to_owned());
}

fn gave_up_in_time(life: &Life<'_>) -> bool {
    let rolling_back = life.event(|kind| matches!(kind, EventKind::RollingBack { .. }));
    rolling_back.is_none_or(|event| life.over_at() >= event.at + life.plan.rollback_deadline())
}

fn judge_alias(life: &Life<'_>, outcome: &Outcome, findings: &mut Findings) {
    let at = life.over_at();
    let Some(routing) = life.record.alias_at(at) else { return };
    // What others did after the alias was seen last, nobody could know.
    let seen = life.calls().filter_map(|call| match call.over {
        Some((_, _, Some(EffectResult::Alias(Ok(state))))) => {
            // A read that lags behind shows the alias as it was until it was replaced.
            let replaced = life.record.replaced_at(&state.revision_id);
            Some(replaced.map_or(call.asked, |replaced| replaced.min(call.asked)))
        }
        _ => None,
    });
    let seen = seen.max();
    let own: Vec<&str> = life.own_changes().map(|change| change.revision_id.as_str()).collect();
    let changed_since = life.record.history.iter().filter(|change| change.at <= at).any(|change| {
        !own.contains(&change.revision_id.as_str()) && seen.is_none_or(|seen| change.at >= seen)
    });
    // Without a journal, who never saw the alias cannot know that it is on two versions.
    if changed_since || seen.is_none() {
        return;
    }
    let (single, share) = (routing.is_single(), life.share(&routing));
    let holds = match outcome.kind {
        OutcomeKind::Promoted | OutcomeKind::NothingToDo => single && share == Weight::FULL,
        OutcomeKind::RolledBack => single && share == Weight::ZERO,
        // Weights that are not known to be ours are left alone, and told.
        OutcomeKind::Refused | OutcomeKind::Aborted => {
            let second = routing.additional.map(|(second, _)| second);
            let is_canarys = second.is_some() && second == outcome.canary_version;
            single || !outcome.traffic_moved && !is_canarys && outcome.advice.is_some()
        }
        OutcomeKind::Drifted => share == Weight::ZERO || is_taken_over(outcome),
        OutcomeKind::Unsettled => outcome.advice.is_some(),
    };
    findings
        .unless(holds, "S6", at, || format!("{} leaves the alias on {routing}: {outcome:?}", outcome.kind));
}
