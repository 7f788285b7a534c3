//! What a rollout's events add up to: all that the timeline is drawn from.

use std::time::Duration;

use lambda_rollout::account::AlarmState;
use lambda_rollout::event::{Cause, Event, EventKind, Outcome};
use lambda_rollout::units::{AlarmName, AliasName, Timestamp, Version, Weight};

use crate::console::one_line;

/// A rollout so far.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) alias: AliasName,
    pub(crate) started_at: Timestamp,
    /// The newest event's time.
    pub(crate) latest_at: Timestamp,
    pub(crate) canary: Option<Version>,
    /// The canary's weight over time: each point holds until the next one.
    pub(crate) curve: Vec<(Timestamp, Weight)>,
    /// Moments that the timeline points at, in order.
    pub(crate) marks: Vec<Mark>,
    /// The version that the alias was seen to serve alone at the end.
    pub(crate) settled: Option<Version>,
    pub(crate) outcome: Option<Outcome>,
}

/// A moment worth pointing at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) at: Timestamp,
    pub(crate) what: String,
    /// How often it happened from here on.
    pub(crate) times: usize,
    /// Whether the canary was in trouble from here on.
    pub(crate) bad: bool,
}

impl History {
    pub(crate) fn new(alias: AliasName, now: Timestamp) -> Self {
        Self {
            alias,
            started_at: now,
            latest_at: now,
            canary: None,
            curve: Vec::new(),
            marks: Vec::new(),
            settled: None,
            outcome: None,
        }
    }

    /// Time from the first event to the newest.
    pub(crate) fn took(&self) -> Duration {
        self.latest_at.since(self.started_at)
    }

    /// Adds an event.
    pub(crate) fn observe(&mut self, event: &Event) {
        let at = event.at;
        self.latest_at = at;
        match &event.kind {
            EventKind::Started { .. } => {
                self.started_at = at;
                self.curve.push((at, Weight::ZERO));
            }
            EventKind::Published { version, .. } => self.canary = Some(*version),
            EventKind::Checked { canary_version, weight, .. } => {
                self.canary = *canary_version;
                if *weight > Weight::ZERO {
                    self.mark(at, &format!("taken up again at {weight}"));
                    self.curve.push((at, *weight));
                }
            }
            EventKind::Shifted { weight, .. } => self.curve.push((at, *weight)),
            EventKind::AlarmChanged { alarm, to: Some(AlarmState::Alarm), .. } => {
                self.trouble(at, &fired(alarm))
            }
            EventKind::AlarmsUnreadable { .. } => self.mark(at, "alarms could not be read"),
            EventKind::GateWaiting { .. } => self.mark(at, "gate: waited for approval"),
            EventKind::Paused => self.mark(at, "paused"),
            EventKind::Resumed => self.mark(at, "resumed"),
            EventKind::Drifted { .. } => self.trouble(at, "another hand changed the alias"),
            EventKind::RollingBack { cause } if !self.is_told(at) => self.trouble(at, &in_short(cause)),
            EventKind::RolledBack { version, .. } | EventKind::Promoted { version, .. } => {
                self.settled = Some(*version);
            }
            EventKind::Finished(outcome) => self.outcome = Some(outcome.clone()),
            _ => {}
        }
    }

    /// Whether what the rollback answers is marked already.
    fn is_told(&self, at: Timestamp) -> bool {
        self.marks.last().is_some_and(|mark| mark.at == at && mark.bad)
    }

    /// Marks something that happened; what happens again and again is marked once, and counted.
    fn mark(&mut self, at: Timestamp, what: &str) {
        match self.marks.iter_mut().find(|mark| mark.what == what) {
            Some(mark) => mark.times += 1,
            None => self.marks.push(Mark { at, what: what.to_owned(), times: 1, bad: false }),
        }
    }

    fn trouble(&mut self, at: Timestamp, what: &str) {
        self.marks.push(Mark { at, what: one_line(what), times: 1, bad: true });
    }
}

fn fired(alarm: &AlarmName) -> String {
    format!("alarm {alarm} fired")
}

/// A cause in a few words, for a mark in the timeline; the whole of it stands below.
fn in_short(cause: &Cause) -> String {
    match cause {
        Cause::Alarm { name, .. } => fired(name),
        Cause::AlarmsUnreadable { .. } => "alarms unreadable for too long".to_owned(),
        Cause::Hook { hook, .. } => format!("hook {hook} failed"),
        Cause::Deadline { .. } => "deadline passed".to_owned(),
        Cause::Abort { .. } => "aborted".to_owned(),
        other => other.to_string(),
    }
}
