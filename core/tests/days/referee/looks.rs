use std::collections::{BTreeMap, BTreeSet};

use lambda_rollout::ErrorKind;
use lambda_rollout::account::{AlarmReading, AlarmState};
use lambda_rollout::event::EventKind;
use lambda_rollout::machine::{Effect, EffectResult};
use lambda_rollout::plan::{AlreadyAlarming, InsufficientData, MissingAlarm};
use lambda_rollout::units::{AlarmName, Timestamp};

use super::life::Life;

/// One look at the alarms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) asked: Timestamp,
    /// When it was over, and where among the runner's entries.
    pub(super) over: Option<(Timestamp, usize)>,
    pub(super) meaning: Meaning,
}

/// What the plan makes of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Every alarm is readable, and none fires.
    Clear,
    /// Nothing to be said: the weight must not rise.
    NoData,
    Firing,
    /// An alarm of the plan does not exist, seen before any traffic moved.
    Absent,
    Unreadable,
    /// The permission is wanting: nobody grants it by waiting.
    Denied,
    /// It was never answered, for the runner's life was over.
    Pending,
}

/// Every look of this life and its meaning, by the plan's policies.
pub(super) fn of(life: &Life<'_>) -> Vec<Look> {
    let checked = life.event(|kind| matches!(kind, EventKind::Checked { .. })).map(|event| event.at);
    // Where the canary has traffic already, no look comes before that.
    let before_traffic = |at| !life.found_canary() && checked.is_none_or(|checked| at <= checked);
    // Without traffic there is no data, and none is no obstacle.
    let shifted = life.event(|kind| matches!(kind, EventKind::Shifted { .. })).map(|event| event.at);
    let has_traffic = |at| life.found_canary() || shifted.is_some_and(|shifted| at > shifted);
    let mut policies = Policies { life, excused: BTreeSet::new(), before: BTreeMap::new() };
    let calls = life.calls().filter(|call| matches!(call.effect, Effect::ReadAlarms(_)));
    let looks = calls.map(|call| {
        let meaning = match call.over {
            None => Meaning::Pending,
            Some((at, _, Some(EffectResult::Alarms(Ok(readings))))) => {
                policies.meaning(readings, before_traffic(at), has_traffic(at))
            }
            Some((_, _, Some(EffectResult::Alarms(Err(error)))))
                if error.kind() == ErrorKind::AccessDenied =>
            {
                Meaning::Denied
            }
            Some(_) => Meaning::Unreadable,
        };
        Look { asked: call.asked, over: call.over.map(|(at, place, _)| (at, place)), meaning }
    });
    looks.collect()
}

struct Policies<'a> {
    life: &'a Life<'a>,
    /// Alarms that fired before any traffic moved, where the plan says to ignore that.
    excused: BTreeSet<AlarmName>,
    /// Each alarm as it was read last.
    before: BTreeMap<AlarmName, (AlarmState, Option<Timestamp>)>,
}

impl Policies<'_> {
    fn meaning(&mut self, readings: &[AlarmReading], before_traffic: bool, thin_counts: bool) -> Meaning {
        let alarms = self.life.plan.alarms();
        let states: BTreeMap<&AlarmName, AlarmState> =
            readings.iter().map(|reading| (&reading.name, reading.state)).collect();
        let absent = alarms.missing() == MissingAlarm::Refuse
            && alarms.names().iter().any(|name| !states.contains_key(name));
        if before_traffic && absent {
            return Meaning::Absent;
        }
        if before_traffic && alarms.already_alarming() != AlreadyAlarming::Refuse {
            let firing = states.iter().filter(|(_, state)| **state == AlarmState::Alarm);
            self.excused = firing.map(|(name, _)| (*name).clone()).collect();
        } else if alarms.already_alarming() == AlreadyAlarming::IgnoreUntilOk {
            let before = &self.before;
            let stays = |name: &AlarmName| {
                let reading = readings.iter().find(|reading| reading.name == *name);
                match (reading.map(|reading| (reading.state, reading.since)), before.get(name)) {
                    (Some((AlarmState::Ok, _)), _) => false,
                    (Some((AlarmState::Alarm, _)), Some((AlarmState::InsufficientData, _))) => false,
                    (Some((AlarmState::Alarm, since)), Some((_, before))) => since == *before,
                    _ => true,
                }
            };
            self.excused.retain(stays);
        }
        let read = readings.iter().map(|reading| (reading.name.clone(), (reading.state, reading.since)));
        self.before.extend(read);
        let counting =
            || states.iter().filter(|(name, _)| !self.excused.contains(**name)).map(|(_, state)| *state);
        let holds = alarms.insufficient_data() == InsufficientData::Hold;
        if counting().any(|state| self.is_bad(state) && (thin_counts || state == AlarmState::Alarm)) {
            Meaning::Firing
        } else if absent {
            Meaning::Unreadable
        } else if holds && thin_counts && counting().any(|state| state == AlarmState::InsufficientData) {
            Meaning::NoData
        } else {
            Meaning::Clear
        }
    }

    fn is_bad(&self, state: AlarmState) -> bool {
        let thin_is_bad = self.life.plan.alarms().insufficient_data() == InsufficientData::RollBack;
        state == AlarmState::Alarm || (state == AlarmState::InsufficientData && thin_is_bad)
    }
}
