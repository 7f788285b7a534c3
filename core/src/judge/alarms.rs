use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Verdict;
use crate::account::{AlarmReading, AlarmState};
use crate::error::{Error, ErrorKind, ErrorReport};
use crate::event::Cause;
use crate::plan::{AlarmWatch, AlreadyAlarming, InsufficientData, MissingAlarm, WhenUnreadable};
use crate::units::{AlarmName, Timestamp};

/// Judges the readings of one rollout's alarms, one after the other.
///
/// It remembers what was seen before: which alarms fired already at the start, since when none can be read.
#[derive(Debug, Clone)]
pub struct AlarmJudge {
    watch: AlarmWatch,
    seen: BTreeMap<AlarmName, AlarmState>,
    // Fired before any traffic moved, and the plan says to ignore that; the flag says "until it has once been OK".
    excused: BTreeMap<AlarmName, bool>,
    outage: Option<Outage>,
}

#[derive(Debug, Clone)]
struct Outage {
    since: Timestamp,
    error: ErrorReport,
}

/// An alarm that is in another state than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmChange {
    /// The alarm.
    pub alarm: AlarmName,
    /// The state before; `None` when it was not there.
    pub from: Option<AlarmState>,
    /// The state now; `None` when it is gone.
    pub to: Option<AlarmState>,
    /// CloudWatch's own words.
    pub reason: String,
}

/// What came of one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What it means.
    pub verdict: Verdict,
    /// What changed since the look before.
    pub changes: Vec<AlarmChange>,
    /// The error, when an outage begins with this look.
    pub outage: Option<ErrorReport>,
}

impl AlarmJudge {
    /// A judge for these alarms and policies.
    #[must_use]
    pub fn new(watch: AlarmWatch) -> Self {
        Self { watch, seen: BTreeMap::new(), excused: BTreeMap::new(), outage: None }
    }

    /// Judges the look before any traffic moves: the policies `already_alarming` and `missing` apply.
    pub fn judge_first(&mut self, result: Result<Vec<AlarmReading>, Error>, now: Timestamp) -> Judgement {
        let readings = match result {
            Ok(readings) => by_name(readings),
            Err(error) => return self.unreadable(error.report(), Vec::new(), now),
        };
        let absent: Vec<AlarmName> = self.absent_from(&readings);
        if !absent.is_empty() && self.watch.missing == MissingAlarm::Refuse {
            return Judgement::of(Verdict::Fail(Cause::AlarmsMissing { names: absent }));
        }
        let until_ok = match self.watch.already_alarming {
            AlreadyAlarming::Refuse => None,
            AlreadyAlarming::IgnoreUntilOk => Some(true),
            AlreadyAlarming::Ignore => Some(false),
        };
        if let Some(until_ok) = until_ok {
            let firing = readings.values().filter(|reading| self.is_bad(reading.state));
            self.excused = firing.map(|reading| (reading.name.clone(), until_ok)).collect();
        }
        self.outage = None;
        self.judge_readings(&readings, now)
    }

    /// Judges a look while the rollout is under way.
    pub fn judge(&mut self, result: Result<Vec<AlarmReading>, Error>, now: Timestamp) -> Judgement {
        let readings = match result {
            Ok(readings) => by_name(readings),
            Err(error) => return self.unreadable(error.report(), Vec::new(), now),
        };
        for (name, reading) in &readings {
            if reading.state == AlarmState::Ok && self.excused.get(name) == Some(&true) {
                self.excused.remove(name);
            }
        }
        let judgement = self.judge_readings(&readings, now);
        let absent = self.absent_from(&readings);
        let outage = !absent.is_empty() && self.watch.missing == MissingAlarm::Refuse;
        if !outage || matches!(judgement.verdict, Verdict::Fail(_)) {
            self.outage = None;
            return judgement;
        }
        // An alarm that vanished can no longer warn: as bad as one that cannot be read, and borne as long.
        let gone: Vec<String> = absent.iter().map(|name| format!("`{name}`")).collect();
        let error = Error::new(ErrorKind::NotFound, format!("no such alarm any more: {}", gone.join(", ")));
        self.unreadable(error.report(), judgement.changes, now)
    }

    /// Whether the outage, if there is one, has now lasted longer than the plan bears. For the time between looks.
    #[must_use]
    pub fn overdue(&self, now: Timestamp) -> Option<Cause> {
        let outage = self.outage.as_ref()?;
        let borne = now.since(outage.since) < self.watch.unreadable.tolerate;
        if borne || self.watch.unreadable.then == WhenUnreadable::Hold {
            return None;
        }
        Some(Cause::AlarmsUnreadable { since: outage.since, error: outage.error.clone() })
    }

    /// Until when the outage, if there is one, is borne; `None` when the plan bears it for ever.
    #[must_use]
    pub fn borne_until(&self) -> Option<Timestamp> {
        let outage = self.outage.as_ref()?;
        (self.watch.unreadable.then == WhenUnreadable::RollBack)
            .then(|| outage.since + self.watch.unreadable.tolerate)
    }

    /// Time until the next look: the plan's poll, and less during an outage that the plan bears for less than
    /// four of them, so that one failed look alone never decides.
    #[must_use]
    pub fn poll(&self) -> Duration {
        if self.outage.is_none() {
            return self.watch.poll;
        }
        let quarter = self.watch.unreadable.tolerate / 4;
        self.watch.poll.min(quarter.max(Duration::from_millis(100)))
    }

    /// The newest state of every alarm that was there, by name.
    #[must_use]
    pub fn states(&self) -> &BTreeMap<AlarmName, AlarmState> {
        &self.seen
    }

    /// The alarms that fired at the first look and that the plan says to ignore: true until they have once been OK.
    #[must_use]
    pub fn excused(&self) -> &BTreeMap<AlarmName, bool> {
        &self.excused
    }

    /// Takes over another judge's excuses, in place of a first look of its own.
    pub fn excuse(&mut self, excused: BTreeMap<AlarmName, bool>) {
        self.excused = excused;
    }

    fn judge_readings(&mut self, readings: &BTreeMap<AlarmName, AlarmReading>, now: Timestamp) -> Judgement {
        let changes = self.note_changes(readings);
        let counting = || {
            let names = self.watch.names.iter().filter(|name| !self.excused.contains_key(*name));
            names.filter_map(|name| readings.get(name))
        };
        let verdict = if let Some(firing) = counting().find(|reading| self.is_bad(reading.state)) {
            Verdict::Fail(Cause::Alarm {
                name: firing.name.clone(),
                state: firing.state,
                reason: firing.reason.clone(),
                time: firing.since.unwrap_or(now),
            })
        } else if self.watch.insufficient_data == InsufficientData::Hold
            && counting().any(|reading| reading.state == AlarmState::InsufficientData)
        {
            Verdict::NoData
        } else {
            Verdict::Pass
        };
        Judgement { verdict, changes, outage: None }
    }

    fn unreadable(&mut self, error: ErrorReport, changes: Vec<AlarmChange>, now: Timestamp) -> Judgement {
        let begins = self.outage.is_none();
        let since = self.outage.take().map_or(now, |outage| outage.since);
        self.outage = Some(Outage { since, error: error.clone() });
        let verdict = self.overdue(now).map_or(Verdict::Error, Verdict::Fail);
        Judgement { verdict, changes, outage: begins.then_some(error) }
    }

    fn note_changes(&mut self, readings: &BTreeMap<AlarmName, AlarmReading>) -> Vec<AlarmChange> {
        let same = |(name, reading): (&AlarmName, &AlarmReading)| self.seen.get(name) == Some(&reading.state);
        if readings.len() == self.seen.len() && readings.iter().all(same) {
            return Vec::new();
        }
        let states: BTreeMap<_, _> =
            readings.iter().map(|(name, reading)| (name.clone(), reading.state)).collect();
        let before = std::mem::replace(&mut self.seen, states);
        let names: BTreeSet<&AlarmName> = before.keys().chain(self.seen.keys()).collect();
        let mut changes = Vec::new();
        // The first look changes nothing: it is what every later one is compared with.
        if before.is_empty() {
            return changes;
        }
        for name in names {
            let (from, to) = (before.get(name).copied(), self.seen.get(name).copied());
            if from != to {
                let reason = readings.get(name).map(|reading| reading.reason.clone()).unwrap_or_default();
                changes.push(AlarmChange { alarm: name.clone(), from, to, reason });
            }
        }
        changes
    }

    fn absent_from(&self, readings: &BTreeMap<AlarmName, AlarmReading>) -> Vec<AlarmName> {
        self.watch.names.iter().filter(|name| !readings.contains_key(*name)).cloned().collect()
    }

    fn is_bad(&self, state: AlarmState) -> bool {
        match state {
            AlarmState::Ok | AlarmState::Unreadable => false,
            AlarmState::Alarm => true,
            AlarmState::InsufficientData => self.watch.insufficient_data == InsufficientData::RollBack,
        }
    }
}

impl Judgement {
    fn of(verdict: Verdict) -> Self {
        Self { verdict, changes: Vec::new(), outage: None }
    }
}

fn by_name(readings: Vec<AlarmReading>) -> BTreeMap<AlarmName, AlarmReading> {
    readings.into_iter().map(|reading| (reading.name.clone(), reading)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Unreadable;

    fn name(text: &str) -> AlarmName {
        AlarmName::parse(text).expect("a name")
    }

    fn reading(text: &str, state: AlarmState) -> AlarmReading {
        AlarmReading { name: name(text), state, reason: "why".into(), since: None }
    }

    fn judge(change: impl FnOnce(&mut AlarmWatch)) -> AlarmJudge {
        let mut watch = AlarmWatch { names: vec![name("a"), name("b")], ..AlarmWatch::default() };
        change(&mut watch);
        AlarmJudge::new(watch)
    }

    fn both(a: AlarmState, b: AlarmState) -> Result<Vec<AlarmReading>, Error> {
        Ok(vec![reading("a", a), reading("b", b)])
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn down() -> Result<Vec<AlarmReading>, Error> {
        Err(Error::new(ErrorKind::Throttled, "slow down"))
    }

    use AlarmState::{Alarm, InsufficientData as Thin, Ok as Fine};

    #[test]
    fn a_firing_alarm_fails_at_the_start_and_later() {
        let mut judge = judge(|_| {});
        assert!(matches!(
            judge.judge_first(both(Fine, Alarm), at(0)).verdict,
            Verdict::Fail(Cause::Alarm { .. })
        ));
        assert!(matches!(judge.judge(both(Alarm, Fine), at(1)).verdict, Verdict::Fail(Cause::Alarm { .. })));
    }

    #[test]
    fn an_alarm_that_fires_already_may_be_excused_until_it_was_once_ok() {
        let mut judge = judge(|watch| watch.already_alarming = AlreadyAlarming::IgnoreUntilOk);
        assert_eq!(judge.judge_first(both(Alarm, Fine), at(0)).verdict, Verdict::Pass);
        assert_eq!(judge.judge(both(Alarm, Fine), at(1)).verdict, Verdict::Pass);
        assert_eq!(judge.judge(both(Fine, Fine), at(2)).verdict, Verdict::Pass);
        assert!(matches!(judge.judge(both(Alarm, Fine), at(3)).verdict, Verdict::Fail(_)));
    }

    #[test]
    fn an_excuse_covers_only_the_alarm_that_fired_already() {
        for policy in [AlreadyAlarming::Ignore, AlreadyAlarming::IgnoreUntilOk] {
            let mut judge = judge(|watch| watch.already_alarming = policy);
            assert_eq!(judge.judge_first(both(Alarm, Fine), at(0)).verdict, Verdict::Pass);
            assert!(matches!(judge.judge(both(Alarm, Alarm), at(1)).verdict, Verdict::Fail(_)));
        }
        let mut judge = judge(|watch| watch.already_alarming = AlreadyAlarming::Ignore);
        judge.judge_first(both(Alarm, Fine), at(0));
        judge.judge(both(Fine, Fine), at(1));
        assert_eq!(judge.judge(both(Alarm, Fine), at(2)).verdict, Verdict::Pass);
    }

    #[test]
    fn too_little_data_passes_holds_or_fails_as_the_plan_says() {
        for (policy, first, later) in [
            (InsufficientData::Pass, true, true),
            (InsufficientData::Hold, false, false),
            (InsufficientData::RollBack, false, false),
        ] {
            let mut judge = judge(|watch| watch.insufficient_data = policy);
            assert_eq!(judge.judge_first(both(Thin, Fine), at(0)).verdict == Verdict::Pass, first);
            let verdict = judge.judge(both(Thin, Fine), at(1)).verdict;
            assert_eq!(verdict == Verdict::Pass, later);
            assert_eq!(matches!(verdict, Verdict::Fail(_)), policy == InsufficientData::RollBack);
        }
    }

    #[test]
    fn a_missing_alarm_refuses_or_is_ignored() {
        let one = || Ok(vec![reading("a", Fine)]);
        let verdict = judge(|_| {}).judge_first(one(), at(0)).verdict;
        assert_eq!(verdict, Verdict::Fail(Cause::AlarmsMissing { names: vec![name("b")] }));
        let mut lenient = judge(|watch| watch.missing = MissingAlarm::Ignore);
        assert_eq!(lenient.judge_first(one(), at(0)).verdict, Verdict::Pass);
        assert_eq!(lenient.judge(one(), at(1)).verdict, Verdict::Pass);
    }

    #[test]
    fn an_alarm_that_vanishes_is_borne_like_an_outage() {
        let mut judge = judge(|_| {});
        judge.judge_first(both(Fine, Fine), at(0));
        let first = judge.judge(Ok(vec![reading("a", Fine)]), at(10));
        assert_eq!(first.verdict, Verdict::Error);
        assert_eq!(first.changes.len(), 1);
        assert!(first.outage.is_some());
        assert_eq!(judge.judge(Ok(vec![reading("a", Fine)]), at(100)).verdict, Verdict::Error);
        assert!(matches!(judge.judge(Ok(vec![reading("a", Fine)]), at(130)).verdict, Verdict::Fail(_)));
    }

    #[test]
    fn an_outage_is_told_once_borne_and_then_decided_by_the_plan() {
        let mut judge = judge(|_| {});
        judge.judge_first(both(Fine, Fine), at(0));
        assert!(judge.judge(down(), at(10)).outage.is_some());
        let again = judge.judge(down(), at(20));
        assert_eq!((again.verdict, again.outage), (Verdict::Error, None));
        assert_eq!(judge.overdue(at(129)), None);
        assert!(judge.overdue(at(130)).is_some());
        assert_eq!(judge.judge(both(Fine, Fine), at(131)).verdict, Verdict::Pass);
        assert_eq!(judge.overdue(at(500)), None);
    }

    #[test]
    fn an_outage_may_be_borne_for_ever() {
        let mut judge = judge(|watch| {
            watch.unreadable = Unreadable { then: WhenUnreadable::Hold, ..Unreadable::default() }
        });
        judge.judge_first(both(Fine, Fine), at(0));
        assert_eq!(judge.judge(down(), at(10)).verdict, Verdict::Error);
        assert_eq!(judge.judge(down(), at(10_000)).verdict, Verdict::Error);
        assert_eq!(judge.borne_until(), None);
    }

    #[test]
    fn one_failed_look_alone_never_decides() {
        let mut judge = judge(|watch| watch.poll = Duration::from_secs(3600));
        judge.judge_first(both(Fine, Fine), at(0));
        assert_eq!(judge.poll(), Duration::from_secs(3600));
        judge.judge(down(), at(10));
        assert_eq!(judge.poll(), Duration::from_secs(30));
    }
}
