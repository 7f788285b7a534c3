//! Events and outcomes as people read them.

use std::time::Duration;

use anstyle::Style;
use lambda_rollout::account::{AlarmState, HookReport, HookVerdict};
use lambda_rollout::event::{Cause, CheckedAlarm, Event, EventKind, Outcome, OutcomeKind};
use lambda_rollout::units::{AliasName, Timestamp, Version, Weight, format_duration};

use crate::console::{one_line, paint, tone};

/// Where an event's text starts: after the time and the verb.
pub(crate) const INDENT: usize = 24;

/// One event as one line: `03:33:46  shifted       10 % → version 2  (revision …)`.
///
/// `None` for the last event, which the timeline tells at length.
pub(crate) fn event_line(event: &Event) -> Option<String> {
    let (verb, tone, text) = say(&event.kind)?;
    Some(line(event.at, verb, tone, &text))
}

/// A line of a rollout's history.
pub(crate) fn line(at: Timestamp, verb: &str, tone: Style, text: &str) -> String {
    let at = paint(tone::FAINT, time_of_day(at));
    format!("{at}  {}  {text}", paint(tone, format_args!("{verb:<12}"))).trim_end().to_owned()
}

fn say(kind: &EventKind) -> Option<(&'static str, Style, String)> {
    Some(match kind {
        EventKind::Started { rollout_id, .. } => ("started", tone::STRONG, format!("rollout {rollout_id}")),
        EventKind::Published { version, code_sha256 } => {
            // Enough of the hash to tell two apart.
            let hash: String = code_sha256.chars().take(12).collect();
            ("published", tone::STRONG, format!("version {version}{}", aside("code", &format!("{hash}…"))))
        }
        EventKind::Checked { stable_version, canary_version, weight, alarms } => {
            ("checked", tone::GOOD, checked(*stable_version, *canary_version, *weight, alarms))
        }
        EventKind::HookStarted { hook, lambda } => {
            let runner = lambda.as_ref().map_or(String::new(), |lambda| format!(" ({lambda})"));
            ("hook", tone::MOVE, format!("{hook} started{runner}"))
        }
        EventKind::HookFinished { hook, report } => {
            ("hook", verdict_tone(report.verdict), format!("{hook} {}", hook_words(report)))
        }
        EventKind::Shifted { weight, to, revision_id, .. } => {
            let revision = aside("revision", revision_id);
            ("shifted", tone::MOVE, format!("{} → version {to}{revision}", share_given(*weight)))
        }
        EventKind::StepHeld { weight, .. } => ("held", tone::GOOD, format!("{weight}, no alarm fired")),
        EventKind::AlarmChanged { alarm, from, to, reason } => {
            ("alarm", alarm_tone(*to), alarm_change(alarm.as_str(), *from, *to, reason))
        }
        EventKind::AlarmsUnreadable { error } => {
            ("alarms", tone::WARN, format!("could not be read: {}", one_line(&error.to_string())))
        }
        EventKind::GateWaiting { reason } => {
            ("gate", tone::WARN, format!("waits for approval: {}", one_line(reason)))
        }
        EventKind::Paused => ("paused", tone::WARN, "no shift until resumed; alarms stay watched".to_owned()),
        EventKind::Resumed => ("resumed", tone::GOOD, String::new()),
        EventKind::Drifted { found: Some(found), expected } => (
            "drifted",
            tone::BAD,
            format!("another hand changed the alias: found {found}, expected {expected}"),
        ),
        EventKind::Drifted { found: None, expected } => {
            ("drifted", tone::BAD, format!("another hand deleted the alias, expected {expected}"))
        }
        // The line before said why the alarm fired.
        EventKind::RollingBack { cause: Cause::Alarm { name, state, .. } } => {
            ("rolling back", tone::BAD, format!("{name} is in {state}"))
        }
        EventKind::RollingBack { cause } => ("rolling back", tone::BAD, one_line(&cause.to_string())),
        EventKind::RolledBack { version, revision_id } => (
            "rolled back",
            tone::BAD,
            format!("version {version} serves alone{}", aside("revision", revision_id)),
        ),
        EventKind::Promoted { version, revision_id } => (
            "promoted",
            tone::GOOD,
            format!("version {version} serves alone{}", aside("revision", revision_id)),
        ),
        EventKind::Finished(_) => return None,
        other => (other.name(), tone::PLAIN, String::new()),
    })
}

fn aside(what: &str, value: &str) -> String {
    paint(tone::FAINT, format_args!("  ({what} {})", one_line(value)))
}

fn checked(
    stable: Option<Version>,
    canary: Option<Version>,
    weight: Weight,
    alarms: &[CheckedAlarm],
) -> String {
    let mut text = match stable {
        Some(stable) => format!("version {stable} serves"),
        None => "the alias does not exist yet".to_owned(),
    };
    if let Some(canary) = canary {
        text.push_str(&format!(", version {canary} is ready"));
    }
    if weight > Weight::ZERO {
        text.push_str(&format!(" and already has {weight}"));
    }
    for CheckedAlarm { alarm, state } in alarms {
        text.push_str(&format!(" · {alarm} {state}"));
    }
    text
}

fn share_given(weight: Weight) -> String {
    if weight == Weight::ZERO { "all traffic".to_owned() } else { weight.to_string() }
}

fn hook_words(report: &HookReport) -> String {
    let verdict = match report.verdict {
        HookVerdict::Pass => "passed",
        HookVerdict::Fail => "failed",
        HookVerdict::Inconclusive => "could not tell",
    };
    let reason = one_line(&report.reason);
    match report.failure {
        Some(failure) => format!("{verdict} ({failure}): {reason}"),
        None if reason.is_empty() => verdict.to_owned(),
        None => format!("{verdict}: {reason}"),
    }
}

fn verdict_tone(verdict: HookVerdict) -> Style {
    match verdict {
        HookVerdict::Pass => tone::GOOD,
        HookVerdict::Fail => tone::BAD,
        HookVerdict::Inconclusive => tone::WARN,
    }
}

fn alarm_tone(state: Option<AlarmState>) -> Style {
    match state {
        Some(AlarmState::Ok) => tone::GOOD,
        Some(AlarmState::Alarm) => tone::BAD,
        Some(AlarmState::InsufficientData | AlarmState::Unreadable) | None => tone::WARN,
    }
}

fn alarm_change(name: &str, from: Option<AlarmState>, to: Option<AlarmState>, reason: &str) -> String {
    let word = |state: Option<AlarmState>| state.map_or("absent".to_owned(), |state| state.to_string());
    let to = paint(alarm_tone(to), word(to));
    let reason = one_line(reason);
    let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
    format!("{name} {} → {to}{reason}", word(from))
}

/// The end in words: what the alias serves now. `settled` is the version that it was seen to serve alone at the end.
pub(crate) fn end_state(alias: &AliasName, outcome: &Outcome, settled: Option<Version>) -> String {
    let serves = |version: Option<Version>| match version {
        Some(version) => format!("{alias} serves version {version} alone"),
        None => format!("{alias} serves the version that it did before"),
    };
    match outcome.kind {
        OutcomeKind::Promoted => serves(settled.or(outcome.canary_version)),
        OutcomeKind::RolledBack => serves(settled.or(outcome.stable_version)),
        OutcomeKind::Aborted if outcome.traffic_moved => serves(settled.or(outcome.stable_version)),
        OutcomeKind::Aborted | OutcomeKind::Refused => format!("no traffic moved; {alias} is as it was"),
        OutcomeKind::Drifted => match &outcome.cause {
            Some(Cause::TakenOver { by }) => {
                one_line(&format!("{alias} is held by {by}, and was left to that"))
            }
            Some(Cause::Drift { found: Some(found), .. }) => {
                format!("{alias} was changed outside this rollout: {found}")
            }
            Some(Cause::Drift { found: None, .. }) => format!("{alias} no longer exists"),
            _ => format!("{alias} was changed outside this rollout"),
        },
        OutcomeKind::Unsettled => format!("{alias} could not be brought to one version"),
        OutcomeKind::NothingToDo => serves(outcome.canary_version),
    }
}

/// How an outcome's kind is meant.
pub(crate) fn outcome_tone(outcome: &Outcome) -> Style {
    match outcome.exit_code() {
        0 => tone::GOOD,
        3 => tone::WARN,
        _ => tone::BAD,
    }
}

/// A length of time as people say it: as fine as it matters.
pub(crate) fn span(duration: Duration) -> String {
    let tenths = duration.as_millis() / 100;
    match duration.as_millis() {
        1_000..10_000 if !tenths.is_multiple_of(10) => format!("{}.{}s", tenths / 10, tenths % 10),
        0..1_000 => format_duration(duration),
        _ => format_duration(Duration::from_secs(duration.as_secs())),
    }
}

/// `03:33:46` of a moment, in UTC.
fn time_of_day(at: Timestamp) -> String {
    at.to_string().get(11..19).unwrap_or_default().to_owned()
}

/// `2026-11-23` of a moment, in UTC.
pub(crate) fn date(at: Timestamp) -> String {
    at.to_string().get(..10).unwrap_or_default().to_owned()
}
