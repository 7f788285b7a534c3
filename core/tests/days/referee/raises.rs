use std::time::Duration;

use lambda_rollout::OutcomeKind;
use lambda_rollout::account::{HookMoment, HookVerdict};
use lambda_rollout::event::{Cause, Event, EventKind};
use lambda_rollout::machine::{Command, Effect, EffectResult};
use lambda_rollout::plan::Step;
use lambda_rollout::sim::AliasChange;
use lambda_rollout::units::{Timestamp, Weight};

use super::Findings;
use super::life::Life;
use super::looks::{Looks, Meaning};
use super::writes::Write;
use crate::witness::What;

/// What ends every hope for the canary.
struct Doom {
    at: Timestamp,
    place: usize,
    why: String,
}

/// Judges S3, S4 and S5.
pub(super) fn judge(life: &Life<'_>, writes: &[Write<'_>], looks: &Looks, findings: &mut Findings) {
    let dooms = dooms(life, looks);
    for write in writes {
        let (before, after) = (life.share(&write.known.routing), life.share(&write.write.routing));
        for doom in dooms.iter().filter(|doom| doom.place < write.place) {
            findings.unless(after == Weight::ZERO, "S5", write.at, || {
                format!("{} written after {} at {}", write.write.routing, doom.why, doom.at)
            });
        }
        if after > before {
            judge_raise(life, write, looks, findings);
        }
    }
    judge_end(life, &dooms, findings);
}

fn judge_raise(life: &Life<'_>, write: &Write<'_>, looks: &Looks, findings: &mut Findings) {
    let (before, after) = (life.share(&write.known.routing), life.share(&write.write.routing));
    if life.obeyed(&Command::Promote).any(|at| at <= write.at) {
        return;
    }
    let steps = life.plan.schedule().steps();
    let next = steps.iter().map(|step| step.weight).find(|weight| *weight > before).unwrap_or(Weight::FULL);
    findings
        .unless(after == next, "S4", write.at, || format!("from {before} to {after}, where {next} is next"));
    for (from, to) in life.pauses() {
        findings.unless(!(from < write.at && write.at < to), "S3", write.at, || {
            format!("raised to {after} in the pause from {from} to {to}")
        });
    }
    let step = steps.iter().find(|step| step.weight == before);
    let held_until = step.and_then(|step| held_until(life, write, step));
    if let Some(until) = held_until {
        findings
            .unless(until <= write.at, "S3", write.at, || format!("{before} had to be held until {until}"));
    }
    if step.is_some_and(|step| step.gate) {
        // A pause that comes after the gate was reached stops no hold.
        let waited = life.events().filter(|event| event.at <= write.at);
        let gate = waited.filter(|event| matches!(event.kind, EventKind::GateWaiting { .. })).last();
        let approved = approved_between(life, gate.map_or(write.at, |gate| gate.at), write.at);
        findings.unless(approved, "S4", write.at, || format!("nobody approved the gate at {before}"));
    }
    judge_look(life, write, held_until, looks, findings);
    if before == Weight::ZERO && life.plan.hook(HookMoment::BeforeTraffic).is_some() {
        findings.unless(hook_passed(life, write.place), "S5", write.at, || {
            "traffic moved before the hook before traffic had passed".to_owned()
        });
    }
}

/// When the hold of this step, pauses and all, is over at the earliest.
fn held_until(life: &Life<'_>, write: &Write<'_>, step: &Step) -> Option<Timestamp> {
    let since = life.standing_since(&write.known.revision_id)?;
    Some(since + step.hold + life.paused_between(since, write.at))
}

fn judge_look(
    life: &Life<'_>,
    write: &Write<'_>,
    held_until: Option<Timestamp>,
    looks: &Looks,
    findings: &mut Findings,
) {
    if life.plan.alarms().names().is_empty() {
        return;
    }
    let newest = looks.newest_before(write.place);
    let clear = newest.is_some_and(|look| {
        look.meaning == Meaning::Clear && held_until.is_none_or(|until| until <= look.asked)
    });
    findings.unless(clear, "S3", write.at, || {
        let held = held_until.map(|until| format!(" and the hold's end {until}")).unwrap_or_default();
        format!("raised to {}, the newest look being {newest:?}{held}", life.share(&write.write.routing))
    });
}

/// Whether a waiting gate was approved in this time: resumed, and not merely out of a pause.
fn approved_between(life: &Life<'_>, from: Timestamp, to: Timestamp) -> bool {
    let mut paused = false;
    let mut waits = false;
    for event in life.events().filter(|event| event.at <= to) {
        match event.kind {
            EventKind::GateWaiting { .. } => waits = true,
            EventKind::Paused => paused = true,
            EventKind::Resumed if paused => paused = false,
            EventKind::Resumed if waits && event.at >= from => return true,
            _ => {}
        }
    }
    false
}

fn hook_passed(life: &Life<'_>, place: usize) -> bool {
    life.calls().any(|call| match (call.effect, call.over) {
        (Effect::RunHook(request), Some((at, over, Some(EffectResult::Hook(report)))))
            if request.hook == HookMoment::BeforeTraffic && over < place =>
        {
            match report.verdict {
                HookVerdict::Pass => true,
                HookVerdict::Inconclusive => approved_between(life, at, life.entries[place].at),
                HookVerdict::Fail => false,
            }
        }
        _ => false,
    })
}

fn dooms(life: &Life<'_>, looks: &Looks) -> Vec<Doom> {
    let mut dooms = Vec::new();
    for look in looks.all() {
        if let (Meaning::Firing | Meaning::Absent, Some((at, place))) = (look.meaning, look.over) {
            dooms.push(Doom { at, place, why: format!("alarms were seen {:?}", look.meaning) });
        }
    }
    for call in life.calls() {
        if let (Effect::RunHook(request), Some((at, place, Some(EffectResult::Hook(report))))) =
            (call.effect, call.over)
            && report.verdict == HookVerdict::Fail
        {
            dooms.push(Doom { at, place, why: format!("hook {} failed", request.hook) });
        }
    }
    for (place, entry) in life.entries.iter().enumerate() {
        let why = match &entry.what {
            What::Obeyed(Command::Abort { .. }) => "an abort",
            What::Told(Event { kind: EventKind::HookFinished { report, .. }, .. })
                if report.verdict == HookVerdict::Fail =>
            {
                "a failed hook"
            }
            _ => continue,
        };
        dooms.push(Doom { at: entry.at, place, why: why.to_owned() });
    }
    if let Some(deadline) = life.plan.deadline() {
        let at = life.began + deadline;
        if let Some(place) = life.entries.iter().position(|entry| entry.at > at) {
            // The entries at that very moment still count as in time.
            dooms.push(Doom { at, place: place.saturating_sub(1), why: "the deadline".to_owned() });
        }
    }
    dooms
}

fn judge_end(life: &Life<'_>, dooms: &[Doom], findings: &mut Findings) {
    let Some(outcome) = life.outcome() else { return };
    let created = life.calls().find(|call| matches!(call.effect, Effect::CreateAlias(_)));
    for doom in dooms.iter().filter(|doom| doom.at < life.over_at()) {
        // A first deployment has nothing to go back to once it is under way.
        let too_late = created.is_some_and(|call| call.place < doom.place);
        let ended_well = matches!(outcome.kind, OutcomeKind::Promoted | OutcomeKind::NothingToDo);
        findings.unless(too_late || !ended_well, "S5", life.over_at(), || {
            format!("{} after {} at {}", outcome.kind, doom.why, doom.at)
        });
    }
    if outcome.kind == OutcomeKind::Promoted && outcome.cause != Some(Cause::FirstDeployment) {
        judge_bake(life, findings);
    }
}

/// A bake is a hold at 100 %: it may end early only for a person who asks for that.
fn judge_bake(life: &Life<'_>, findings: &mut Findings) {
    let is_full =
        |change: &&AliasChange| change.routing.is_some_and(|routing| life.share(&routing) == Weight::FULL);
    let Some(landed) = life.own_changes().find(is_full).map(|change| change.at) else { return };
    let bake = life.plan.bake().unwrap_or(Duration::ZERO);
    let until = landed + bake + life.paused_between(landed, life.over_at());
    let ended_by_hand = life.obeyed(&Command::Promote).any(|at| at >= landed);
    findings.unless(ended_by_hand || until <= life.over_at(), "S3", life.over_at(), || {
        format!("promoted before the bake's end at {until}")
    });
}
