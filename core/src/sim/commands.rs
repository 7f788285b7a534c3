use std::collections::VecDeque;

use super::Scenario;
use super::document::{Approval, CommandSpec, Verb};
use crate::event::{Event, EventKind};
use crate::machine::Command;
use crate::plan::RolloutPlan;
use crate::units::Timestamp;

/// What people do in a scenario, in the order of time: its commands, the approval of gates, and, at its end, an abort.
#[derive(Debug)]
pub(super) struct Commands {
    approval: Approval,
    ahead: VecDeque<(Timestamp, Command)>,
}

impl Commands {
    pub(super) fn new(plan: &RolloutPlan, scenario: &Scenario) -> Self {
        let command = |spec: &CommandSpec| {
            let command = match spec.verb {
                Verb::Pause => Command::Pause,
                Verb::Resume => Command::Resume,
                Verb::Promote => Command::Promote,
                Verb::Abort => Command::Abort { reason: spec.reason.clone() },
            };
            (scenario.start() + spec.at.0, command)
        };
        let reason = "the scenario has come to its end".to_owned();
        let end = (scenario.end(plan), Command::Abort { reason });
        let mut ahead: Vec<_> = scenario.0.commands.iter().map(command).chain([end]).collect();
        ahead.sort_by_key(|(at, _)| *at);
        Self { approval: scenario.0.approve_gates_after, ahead: ahead.into() }
    }

    /// Somebody sees an event: a gate that waits gets its approval in time.
    pub(super) fn see(&mut self, event: &Event) {
        if let (EventKind::GateWaiting { .. }, Approval::After(span)) = (&event.kind, self.approval) {
            let at = event.at + span;
            let place = self.ahead.partition_point(|(other, _)| *other <= at);
            self.ahead.insert(place, (at, Command::Resume));
        }
    }

    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.ahead.front().map(|(at, _)| *at)
    }

    /// The next command, if its time has come.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Command> {
        self.ahead.pop_front_if(|(at, _)| *at <= now).map(|(_, command)| command)
    }

    /// Nobody was there to hear what was said before this moment. Who wants to abort says it again.
    pub(super) fn miss_before(&mut self, at: Timestamp) {
        self.ahead.retain(|(other, command)| *other >= at || matches!(command, Command::Abort { .. }));
    }
}
