use std::collections::{BTreeMap, BTreeSet};

use lambda_rollout::account::{AlarmReading, AlarmState, AlarmTransition};
use lambda_rollout::event::EventKind;
use lambda_rollout::machine::{Effect, EffectResult};
use lambda_rollout::plan::{AlreadyAlarming, Flaps, InsufficientData, MissingAlarm};
use lambda_rollout::units::{AlarmName, Timestamp};
use lambda_rollout::{Error, ErrorKind};

use super::life::{Call, Life};

/// One look at the alarms, or at the history of one.
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
    /// None fires, and one was in another state since the look before: its history has to say whether it fired then.
    Unexplained,
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

/// The looks of a life, and what histories said of the time between them.
pub(super) struct Looks {
    pub(super) polls: Vec<Look>,
    pub(super) histories: Vec<Look>,
}

impl Looks {
    /// Everything that says something of the alarms.
    pub(super) fn all(&self) -> impl Iterator<Item = &Look> {
        self.polls.iter().chain(&self.histories)
    }

    /// The newest poll that was answered before this entry, with its meaning as it was known by then.
    pub(super) fn newest_before(&self, place: usize) -> Option<Look> {
        let before = |look: &&Look| look.over.is_some_and(|(_, over)| over < place);
        let newest = self.polls.iter().filter(before).max_by_key(|look| look.over)?;
        let later = |look: &&Look| look.over > newest.over;
        let explained = self.histories.iter().filter(before).filter(later).max_by_key(|look| look.over);
        let meaning = match (newest.meaning, explained) {
            (Meaning::Unexplained, Some(history)) => history.meaning,
            (meaning, _) => meaning,
        };
        Some(Look { meaning, ..*newest })
    }
}

/// Every look of this life and its meaning, by the plan's policies.
pub(super) fn of(life: &Life<'_>) -> Looks {
    let checked = life.event(|kind| matches!(kind, EventKind::Checked { .. })).map(|event| event.at);
    let found_at = life.canary_found_at();
    let is_found = |place| found_at.is_some_and(|found_at| place > found_at);
    // Where the canary has traffic already, no look comes before that.
    let before_traffic = |at, place| !is_found(place) && checked.is_none_or(|checked| at <= checked);
    // Without traffic there is no data, and none is no obstacle. Nor is it beside weights of which nobody knows that they
    // are the canary's.
    let shifted = life.event(|kind| matches!(kind, EventKind::Shifted { .. })).map(|event| event.at);
    let is_shifted = |at| shifted.is_some_and(|shifted| at > shifted);
    let has_traffic = |at, place| life.canary.is_some() && is_found(place) || is_shifted(at);
    let mut policies =
        Policies { life, excused: BTreeSet::new(), before: BTreeMap::new(), gaps: BTreeMap::new() };
    let mut looks = Looks { polls: Vec::new(), histories: Vec::new() };
    let mut calls: Vec<&Call<'_>> = life.calls().collect();
    calls.sort_by_key(|call| call.over.map_or(usize::MAX, |(_, place, _)| place));
    for call in calls {
        let look = |meaning| {
            let over = call.over.map(|(at, place, _)| (at, place));
            Look { asked: call.asked, over, meaning }
        };
        match (call.effect, call.over) {
            (Effect::ReadAlarms(_), Some((at, place, Some(EffectResult::Alarms(Ok(readings)))))) => {
                let (before, has_traffic) = (before_traffic(at, place), has_traffic(at, place));
                looks.polls.push(look(policies.meaning(readings, before, has_traffic)));
            }
            (Effect::ReadAlarms(_), over) => looks.polls.push(look(without_readings(over))),
            (Effect::ReadAlarmHistory { alarm, .. }, Some((_, _, result))) => {
                let history = match result {
                    Some(EffectResult::AlarmHistory(history)) => Some(history),
                    _ => None,
                };
                looks.histories.push(look(policies.explained(alarm, history)));
            }
            _ => {}
        }
    }
    looks.polls.sort_by_key(|look| look.asked);
    looks
}

fn without_readings(over: Option<(Timestamp, usize, Option<&EffectResult>)>) -> Meaning {
    match over {
        None => Meaning::Pending,
        Some((_, _, Some(EffectResult::Alarms(Err(error))))) if error.kind() == ErrorKind::AccessDenied => {
            Meaning::Denied
        }
        Some(_) => Meaning::Unreadable,
    }
}

struct Policies<'a> {
    life: &'a Life<'a>,
    /// Alarms that fired before any traffic moved, where the plan says to ignore that.
    excused: BTreeSet<AlarmName>,
    /// Each alarm as it was read last.
    before: BTreeMap<AlarmName, (AlarmState, Option<Timestamp>)>,
    /// Alarms that were in another state between two looks, whether they surely were, and nobody knows yet in which.
    gaps: BTreeMap<AlarmName, bool>,
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
        self.excuse(readings, before_traffic);
        // What cannot be evaluated is where it was, as far as anybody knows.
        for reading in readings.iter().filter(|reading| reading.state != AlarmState::Unreadable) {
            self.find_gap(reading);
            self.before.insert(reading.name.clone(), (reading.state, reading.since));
        }
        let counting =
            || states.iter().filter(|(name, _)| !self.excused.contains(**name)).map(|(_, state)| *state);
        let holds = alarms.insufficient_data() == InsufficientData::Hold;
        if counting().any(|state| self.is_bad(state) && (thin_counts || state == AlarmState::Alarm)) {
            Meaning::Firing
        } else if absent || counting().any(|state| state == AlarmState::Unreadable) {
            Meaning::Unreadable
        } else if !self.gaps.is_empty() {
            Meaning::Unexplained
        } else if holds && thin_counts && counting().any(|state| state == AlarmState::InsufficientData) {
            Meaning::NoData
        } else {
            Meaning::Clear
        }
    }

    fn excuse(&mut self, readings: &[AlarmReading], before_traffic: bool) {
        let alarms = self.life.plan.alarms();
        if before_traffic && alarms.already_alarming() != AlreadyAlarming::Refuse {
            let firing = readings.iter().filter(|reading| reading.state == AlarmState::Alarm);
            self.excused = firing.map(|reading| reading.name.clone()).collect();
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
    }

    /// An alarm that has another time of transition than before was in another state in between. What fires now needs no
    /// explanation.
    fn find_gap(&mut self, reading: &AlarmReading) {
        let Some((before, since)) = self.before.get(&reading.name) else { return };
        let counts = !self.excused.contains(&reading.name);
        if *since == reading.since || reading.state == AlarmState::Alarm || !counts {
            return;
        }
        let came_back = *before == reading.state;
        *self.gaps.entry(reading.name.clone()).or_default() |= came_back;
    }

    /// What an alarm's history says of the time between two looks. What is closed to us counts as fired, where the alarm
    /// surely was in another state; what cannot be read now, or does not reach so far yet, is an outage.
    fn explained(
        &mut self,
        alarm: &AlarmName,
        history: Option<&Result<Vec<AlarmTransition>, Error>>,
    ) -> Meaning {
        let Some(came_back) = self.gaps.get(alarm).copied() else { return self.unless_unexplained() };
        let newest = self.before.get(alarm).and_then(|(_, since)| *since);
        let fired = match history {
            Some(Ok(history)) if history.iter().any(|change| Some(change.at) == newest) => {
                history.iter().any(|change| change.to == AlarmState::Alarm)
            }
            None | Some(Ok(_)) => return Meaning::Unreadable,
            Some(Err(error)) if error.kind().is_retryable() || error.kind() == ErrorKind::Config => {
                return Meaning::Unreadable;
            }
            Some(Err(_)) => came_back,
        };
        self.gaps.remove(alarm);
        if fired && self.life.plan.alarms().flaps() == Flaps::RollBack {
            return Meaning::Firing;
        }
        self.unless_unexplained()
    }

    fn unless_unexplained(&self) -> Meaning {
        if self.gaps.is_empty() { Meaning::Clear } else { Meaning::Unexplained }
    }

    fn is_bad(&self, state: AlarmState) -> bool {
        let thin_is_bad = self.life.plan.alarms().insufficient_data() == InsufficientData::RollBack;
        state == AlarmState::Alarm || (state == AlarmState::InsufficientData && thin_is_bad)
    }
}
