use lambda_rollout::account::{AlarmState, AlarmTransition};
use lambda_rollout::machine::{Effect, EffectResult, Snapshot};
use lambda_rollout::plan::{AlarmWatch, AlreadyAlarming, Flaps, InsufficientData, MissingAlarm};
use lambda_rollout::units::Timestamp;
use lambda_rollout::{Error, ErrorKind};

use crate::situation::Call;

/// The readings of the alarm, and what the plan's policies make of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Looks {
    pub(crate) newest_began: Option<Timestamp>,
    /// When the newest answered one began, if it passed.
    pub(crate) clear: Option<Timestamp>,
    pub(crate) unreadable_since: Option<Timestamp>,
    /// Whether the alarms may not be read.
    pub(crate) denied: bool,
    /// The alarm as it was last read, and since when it was so.
    seen: Option<(AlarmState, Timestamp)>,
    /// Whether it fired before any traffic and is ignored for that.
    excused: bool,
    /// What it did between two readings has yet to be looked up: whether it surely was in another state.
    gap: Option<Gap>,
}

#[derive(Debug, Clone, Copy)]
struct Gap {
    reading_began: Timestamp,
    came_back: bool,
}

/// What a reading is, by the plan's policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Passes,
    Fails,
    /// Neither: the weight does not rise.
    SaysNothing,
    Unreadable,
    Denied,
}

/// What counts for how a reading is judged, beside the plan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances {
    pub(crate) now: Timestamp,
    /// Whether the canary takes traffic, or may.
    pub(crate) has_traffic: bool,
    /// Whether pre-flight has come past the alarms.
    pub(crate) checked: bool,
}

impl Looks {
    /// What another process knows of them.
    pub(crate) fn of_journal(kept: Option<&Snapshot>) -> Self {
        let seen = kept.and_then(|kept| kept.alarms.values().next());
        Self {
            seen: seen.and_then(|seen| Some((seen.state, seen.since?))),
            excused: kept.is_some_and(|kept| !kept.excused.is_empty()),
            ..Self::default()
        }
    }

    /// The rollout is given a reading.
    pub(crate) fn read(
        &mut self,
        call: &Call,
        result: &EffectResult,
        watch: &AlarmWatch,
        at: Circumstances,
    ) -> Reading {
        let reading = self.judge(call, result, watch, at);
        self.note(reading, call.since, at.now)
    }

    fn note(&mut self, reading: Reading, began: Timestamp, now: Timestamp) -> Reading {
        self.clear = (reading == Reading::Passes).then_some(began);
        match reading {
            Reading::Unreadable | Reading::Denied => {
                self.unreadable_since.get_or_insert(now);
                self.denied |= reading == Reading::Denied;
            }
            _ if self.gap.is_none() => self.unreadable_since = None,
            _ => {}
        }
        reading
    }

    fn judge(
        &mut self,
        call: &Call,
        result: &EffectResult,
        watch: &AlarmWatch,
        at: Circumstances,
    ) -> Reading {
        let readings = match result {
            EffectResult::Alarms(Ok(readings)) => readings,
            EffectResult::Alarms(Err(error)) if error.kind() == ErrorKind::AccessDenied => {
                return Reading::Denied;
            }
            _ => return Reading::Unreadable,
        };
        let Some(reading) = readings.first() else {
            self.seen = None;
            let ignored = watch.missing() == MissingAlarm::Ignore;
            let first = !at.checked && !at.has_traffic;
            return if ignored {
                Reading::Passes
            } else if first {
                Reading::Fails
            } else {
                Reading::Unreadable
            };
        };
        let is_late = at.now.since(call.since) > Effect::ReadAlarms(Vec::new()).limit();
        if is_late && reading.state != AlarmState::Alarm {
            return Reading::Unreadable;
        }
        if reading.state == AlarmState::Unreadable {
            return if self.excused { Reading::Passes } else { Reading::Unreadable };
        }
        let since = reading.since.expect("the account tells");
        let before = self.seen.replace((reading.state, since));
        self.excuse(reading.state, since, before, watch, at);
        if self.excused {
            return Reading::Passes;
        }
        if reading.state == AlarmState::Alarm {
            return Reading::Fails;
        }
        let thin = at.has_traffic && reading.state == AlarmState::InsufficientData;
        if thin && watch.insufficient_data() == InsufficientData::RollBack {
            return Reading::Fails;
        }
        if let Some((state, _)) = before.filter(|(_, then)| *then != since) {
            let came_back = state == reading.state || self.gap.is_some_and(|gap| gap.came_back);
            self.gap = Some(Gap { reading_began: call.since, came_back });
        }
        if let Some(gap) = &mut self.gap {
            gap.reading_began = call.since;
            return Reading::SaysNothing;
        }
        if thin && watch.insufficient_data() == InsufficientData::Hold {
            return Reading::SaysNothing;
        }
        Reading::Passes
    }

    /// Only what is in ALARM before any traffic is excused; and until it was OK once, for one stay in ALARM.
    fn excuse(
        &mut self,
        state: AlarmState,
        since: Timestamp,
        before: Option<(AlarmState, Timestamp)>,
        watch: &AlarmWatch,
        at: Circumstances,
    ) {
        let until_ok = watch.already_alarming() == AlreadyAlarming::IgnoreUntilOk;
        let is_another = before.is_some_and(|(before, then)| {
            state == AlarmState::Alarm && (before == AlarmState::InsufficientData || then != since)
        });
        if until_ok && (state == AlarmState::Ok || is_another) {
            self.excused = false;
        }
        let early = !at.checked && !at.has_traffic;
        let ignores = watch.already_alarming() != AlreadyAlarming::Refuse;
        self.excused |= early && ignores && state == AlarmState::Alarm;
    }

    /// The rollout is given the alarm's history.
    pub(crate) fn explained(
        &mut self,
        result: Result<&[AlarmTransition], &Error>,
        watch: &AlarmWatch,
        now: Timestamp,
    ) -> Option<Reading> {
        let gap = self.gap?;
        let fired = match result {
            Ok(transitions) => transitions.iter().any(|transition| transition.to == AlarmState::Alarm),
            Err(error) if error.kind().is_retryable() || error.kind() == ErrorKind::Config => {
                return Some(self.note(Reading::Unreadable, gap.reading_began, now));
            }
            Err(_) => gap.came_back,
        };
        self.gap = None;
        let reading =
            if fired && watch.flaps() == Flaps::RollBack { Reading::Fails } else { Reading::Passes };
        Some(self.note(reading, gap.reading_began, now))
    }
}
