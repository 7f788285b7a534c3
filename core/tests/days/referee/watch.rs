use lambda_rollout::account::AlarmState;
use lambda_rollout::event::{Cause, Event, EventKind};
use lambda_rollout::machine::Effect;
use lambda_rollout::plan::{InsufficientData, WhenUnreadable};
use lambda_rollout::units::{Timestamp, Weight};

use super::Findings;
use super::life::Life;
use super::looks::{Look, Looks, Meaning};
use crate::witness::{Moment, What};

/// Judges S10 and S11: from the first look to the decision, the alarms are looked at in time, and what they say is
/// acted on at once.
pub(super) fn judge(life: &Life<'_>, looks: &Looks, findings: &mut Findings) {
    if life.plan.alarms().names().is_empty() {
        return;
    }
    let decided = decided_at(life);
    judge_gaps(life, &looks.polls, decided, findings);
    judge_outages(life, looks, decided, findings);
    for look in looks.all() {
        if let (Meaning::Firing | Meaning::Absent | Meaning::Denied, Some((at, _))) =
            (look.meaning, look.over)
        {
            findings.unless(decided <= at, "S10", at, || {
                format!("{:?} was decided on only at {decided}", look.meaning)
            });
        }
    }
    judge_cause(life, looks, findings);
}

/// When the rollout was decided: from then on, the alarms do not matter any more.
fn decided_at(life: &Life<'_>) -> Timestamp {
    let rolling_back = life.event(|kind| matches!(kind, EventKind::RollingBack { .. })).map(|event| event.at);
    let creating =
        life.calls().find(|call| matches!(call.effect, Effect::CreateAlias(_))).map(|call| call.asked);
    [rolling_back, creating, Some(life.over_at())].into_iter().flatten().min().unwrap_or(life.over_at())
}

fn judge_gaps(life: &Life<'_>, looks: &[Look], decided: Timestamp, findings: &mut Findings) {
    let poll = life.plan.alarms().poll();
    for (index, look) in looks.iter().enumerate() {
        let gone = life.runners().into_iter().find(|(from, to)| *from <= look.asked && look.asked <= *to);
        let gone = gone.map_or(decided, |(_, to)| to.min(decided));
        let over = look.over.map_or(gone, |(at, _)| at);
        let due = over.max(look.asked + poll);
        let next = looks.get(index + 1).map_or(gone, |next| next.asked);
        findings.unless(next.min(gone) <= due, "S10", due, || {
            format!("after the look at {} nobody looked until {next}", look.asked)
        });
    }
    let checked = life.event(|kind| matches!(kind, EventKind::Checked { .. }));
    if let Some(checked) = checked {
        let looked = looks.first().is_some_and(|look| look.asked <= checked.at);
        findings.unless(looked, "S10", checked.at, || "checked without a look at the alarms".to_owned());
    }
}

fn judge_outages(life: &Life<'_>, looks: &Looks, decided: Timestamp, findings: &mut Findings) {
    let unreadable = life.plan.alarms().unreadable();
    if unreadable.then == WhenUnreadable::Hold {
        return;
    }
    let mut since: Option<Timestamp> = None;
    let mut over: Vec<_> =
        looks.all().filter_map(|look| look.over.map(|(at, place)| (at, place, look.meaning))).collect();
    // A runner that takes over counts an outage anew.
    over.extend(life.runners().into_iter().map(|(_, to)| (to, usize::MAX, Meaning::Pending)));
    over.sort_by_key(|(at, place, _)| (*at, *place));
    for (at, _, meaning) in over {
        if let Some(since) = since {
            let borne_until = since + unreadable.tolerate;
            findings.unless(at.min(decided) <= borne_until, "S11", borne_until, || {
                format!("alarms unreadable since {since} were borne until {}", at.min(decided))
            });
        }
        match meaning {
            Meaning::Unreadable => since = since.or(Some(at)),
            // Whatever could not be read before this has still not been read.
            Meaning::Unexplained => {}
            _ => since = None,
        }
    }
}

fn judge_cause(life: &Life<'_>, looks: &Looks, findings: &mut Findings) {
    // A runner that takes a rollback up says its cause again.
    let event = life.event(|kind| matches!(kind, EventKind::RollingBack { .. }));
    let Some(Event { kind: EventKind::RollingBack { cause }, at, .. }) = event else { return };
    let over_at = |look: &Look| look.over.map(|(over, _)| over);
    if let Cause::AlarmsUnreadable { since, .. } = cause {
        let unreadable = life.plan.alarms().unreadable();
        let denied = looks.all().any(|look| over_at(look) == Some(*at) && look.meaning == Meaning::Denied);
        let borne =
            denied || at.since(*since) >= unreadable.tolerate && unreadable.then == WhenUnreadable::RollBack;
        let between = |over: Timestamp| *since < over && over < *at;
        let is_read = |look: &Look| !matches!(look.meaning, Meaning::Unreadable | Meaning::Unexplained);
        let read = looks.all().any(|look| over_at(look).is_some_and(between) && is_read(look));
        findings.unless(borne && !read, "S11", *at, || format!("an outage since {since} was not borne"));
    }
    if let Cause::Alarm { state, cleared_at, .. } = cause {
        // What fired between two looks and cleared is known from the history alone.
        let proofs = if cleared_at.is_some() { &looks.histories } else { &looks.polls };
        // A raise that may have landed unseen gives the canary traffic, and what has traffic has to have data. That one
        // would be made was written down before the runner died of it.
        let raised = life.entries.iter().take_while(|entry| entry.at <= *at).any(|entry| match &entry.what {
            What::Asked(_, Effect::WriteAlias(write)) => life.share(&write.routing) > Weight::ZERO,
            What::Died(moment) => *moment == Moment::Before,
            _ => false,
        });
        let thin = *state == AlarmState::InsufficientData
            && life.plan.alarms().insufficient_data() == InsufficientData::RollBack
            && raised;
        let fired =
            thin || proofs.iter().any(|look| over_at(look) == Some(*at) && look.meaning == Meaning::Firing);
        findings.unless(fired, "S11", *at, || "rolled back for an alarm that did not fire".to_owned());
    }
}
