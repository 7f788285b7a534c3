use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Verdict;
use crate::account::{AlarmReading, AlarmState, AlarmTransition};
use crate::error::{Error, ErrorKind, ErrorReport};
use crate::event::Cause;
use crate::plan::{AlarmWatch, AlreadyAlarming, Flaps, InsufficientData, MissingAlarm, WhenUnreadable};
use crate::units::{AlarmName, Timestamp};

/// Judges the readings of one rollout's alarms, one after the other.
///
/// It remembers what was read before: which alarms fired already at the start, since when each is in its state, since
/// when none can be read.
#[derive(Debug, Clone)]
pub struct AlarmJudge {
    watch: AlarmWatch,
    seen: BTreeMap<AlarmName, AlarmState>,
    since: BTreeMap<AlarmName, Timestamp>,
    // In ALARM before any traffic moved, and the plan says to ignore that; the flag says "until it has once been OK".
    excused: BTreeMap<AlarmName, bool>,
    outage: Option<Outage>,
    // What happened to these alarms between two readings has yet to be looked up.
    unexplained: BTreeMap<AlarmName, Gap>,
}

#[derive(Debug, Clone)]
struct Outage {
    since: Timestamp,
    error: ErrorReport,
}

/// The time between two readings in which an alarm was in another state than it was read in.
#[derive(Debug, Clone)]
struct Gap {
    /// Since when it was in the state that was read first.
    after: Timestamp,
    before: AlarmState,
    /// Whether both readings show the same state, so that it surely was in another one in between. Where they differ,
    /// it may simply have changed from the one to the other.
    left_and_came_back: bool,
}

/// An alarm as it was read last: what the next reading of it is compared with, in this process or the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenAlarm {
    /// Its state.
    pub state: AlarmState,
    /// Since when, by CloudWatch's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
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

/// What came of one poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What it means.
    pub verdict: Verdict,
    /// What changed since the poll before.
    pub changes: Vec<AlarmChange>,
    /// The error, when an outage begins with this poll.
    pub outage: Option<ErrorReport>,
}

impl AlarmJudge {
    /// A judge for these alarms and policies.
    #[must_use]
    pub fn new(watch: AlarmWatch) -> Self {
        Self {
            watch,
            seen: BTreeMap::new(),
            since: BTreeMap::new(),
            excused: BTreeMap::new(),
            outage: None,
            unexplained: BTreeMap::new(),
        }
    }

    /// Judges a poll of pre-flight, before any traffic moves: the policies `already_alarming` and `missing` apply.
    /// An alarm without data is no obstacle then, whatever the policy: what has no traffic has no data.
    pub fn judge_first(&mut self, result: Result<Vec<AlarmReading>, Error>, now: Timestamp) -> Judgement {
        let readings = match self.readable(result) {
            Ok(readings) => readings,
            Err(error) => return self.unreadable(&error, Vec::new(), now),
        };
        if !readings.absent.is_empty() && self.watch.missing == MissingAlarm::Refuse {
            return Judgement::of(Verdict::Fail(Cause::AlarmsMissing { names: readings.absent }));
        }
        let until_ok = match self.watch.already_alarming {
            AlreadyAlarming::Refuse => None,
            AlreadyAlarming::IgnoreUntilOk => Some(true),
            AlreadyAlarming::Ignore => Some(false),
        };
        if let Some(until_ok) = until_ok {
            let firing = readings.by_name.values().filter(|reading| reading.state == AlarmState::Alarm);
            self.excused = firing.map(|reading| (reading.name.clone(), until_ok)).collect();
        }
        self.judge_readings(readings, false, now)
    }

    /// Judges a poll after pre-flight, while the canary has no traffic yet.
    pub fn judge_before_traffic(
        &mut self,
        result: Result<Vec<AlarmReading>, Error>,
        now: Timestamp,
    ) -> Judgement {
        self.judge_later(result, false, now)
    }

    /// Judges a poll while the canary has traffic: the policy `insufficient_data` applies.
    pub fn judge(&mut self, result: Result<Vec<AlarmReading>, Error>, now: Timestamp) -> Judgement {
        self.judge_later(result, true, now)
    }

    fn judge_later(
        &mut self,
        result: Result<Vec<AlarmReading>, Error>,
        has_traffic: bool,
        now: Timestamp,
    ) -> Judgement {
        match self.readable(result) {
            Ok(readings) => {
                self.end_excuses(&readings);
                self.judge_readings(readings, has_traffic, now)
            }
            Err(error) => self.unreadable(&error, Vec::new(), now),
        }
    }

    /// Judges what the history says of an alarm that [`unexplained`](Self::unexplained) named. The verdict is about the
    /// poll that raised the question: it passes once nothing is left unexplained.
    pub fn judge_history(
        &mut self,
        alarm: &AlarmName,
        result: Result<Vec<AlarmTransition>, Error>,
        now: Timestamp,
    ) -> Judgement {
        let Some(gap) = self.unexplained.get(alarm).cloned() else { return Judgement::of(Verdict::Pass) };
        let mut history = match result {
            Ok(history) if self.explains(alarm, &gap, &history) => history,
            // The history may lag behind the state that it is about.
            Ok(_) => {
                let text = format!("the history of alarm `{alarm}` does not show yet why it changed");
                return self.unreadable(&Error::new(ErrorKind::Unreachable, text), Vec::new(), now);
            }
            Err(error) if error.kind().is_retryable() || error.kind() == ErrorKind::Config => {
                return self.unreadable(&error, Vec::new(), now);
            }
            // Nobody can say what it was. What surely happened counts as the worst that it may have been.
            Err(error) if gap.left_and_came_back => {
                let reason = format!("it was in another state, and its history cannot be read: {error}");
                vec![AlarmTransition { at: gap.after, to: AlarmState::Alarm, reason }]
            }
            Err(error) => {
                tracing::warn!(%alarm, %error, "the alarm's history cannot be read");
                Vec::new()
            }
        };
        self.unexplained.remove(alarm);
        if self.unexplained.is_empty() {
            self.outage = None;
        }
        let mut from = gap.before;
        let mut changes = Vec::new();
        history.retain(|transition| transition.at >= gap.after);
        for transition in &history {
            if transition.to != from {
                let (from, to) = (Some(from), Some(transition.to));
                let reason = transition.reason.clone();
                changes.push(AlarmChange { alarm: alarm.clone(), from, to, reason });
            }
            from = transition.to;
        }
        let mut later = history.iter();
        let fired = later.find(|transition| transition.to == AlarmState::Alarm);
        let cleared_at = later.next().map(|transition| transition.at).or(self.since.get(alarm).copied());
        let verdict = match fired {
            Some(fired) if self.watch.flaps == Flaps::RollBack => Verdict::Fail(Cause::Alarm {
                name: alarm.clone(),
                state: AlarmState::Alarm,
                reason: fired.reason.clone(),
                time: fired.at,
                cleared_at,
            }),
            _ if self.unexplained.is_empty() => Verdict::Pass,
            _ => Verdict::Unexplained,
        };
        Judgement { verdict, changes, outage: None }
    }

    /// Whether the history reaches to the change by which the alarm came into the state in which it was read last. The
    /// times of one change may differ a little between the two; that change is nearer to this end of the gap than to the
    /// other.
    fn explains(&self, alarm: &AlarmName, gap: &Gap, history: &[AlarmTransition]) -> bool {
        let (Some(state), Some(since)) = (self.seen.get(alarm), self.since.get(alarm)) else { return true };
        let middle = gap.after + since.since(gap.after) / 2;
        history.iter().any(|change| change.to == *state && change.at > middle)
    }

    /// An alarm that was in another state between two polls, and since when it was in the state of the first: what it was
    /// in the meantime has to be looked up in its history.
    #[must_use]
    pub fn unexplained(&self) -> Option<(&AlarmName, Timestamp)> {
        self.unexplained.iter().next().map(|(alarm, gap)| (alarm, gap.after))
    }

    /// Whether a failing alarm is among these readings: what an answer that is too old to pass may still prove.
    #[must_use]
    pub fn shows_firing(&self, readings: &[AlarmReading]) -> bool {
        readings.iter().any(|reading| reading.state == AlarmState::Alarm && self.counts(&reading.name))
    }

    /// Whether the outage, if there is one, has now lasted longer than the plan tolerates. For the time between polls.
    #[must_use]
    pub fn overdue(&self, now: Timestamp) -> Option<Cause> {
        let outage = self.outage.as_ref()?;
        let tolerated = now.since(outage.since) < self.watch.unreadable.tolerate;
        let overdue = match outage.error.kind {
            // Nobody grants a permission by waiting for it.
            ErrorKind::AccessDenied => true,
            _ => !tolerated && self.watch.unreadable.then == WhenUnreadable::RollBack,
        };
        overdue.then(|| Cause::AlarmsUnreadable { since: outage.since, error: outage.error.clone() })
    }

    /// Until when the outage, if there is one, is tolerated; `None` when the plan tolerates it for ever.
    #[must_use]
    pub fn tolerated_until(&self) -> Option<Timestamp> {
        let outage = self.outage.as_ref()?;
        (self.watch.unreadable.then == WhenUnreadable::RollBack)
            .then(|| outage.since + self.watch.unreadable.tolerate)
    }

    /// Time until the next poll: the plan's, and less during an outage that the plan tolerates for less than
    /// four of them, so that one failed poll alone never decides.
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

    /// What the next reading is compared with, for another process. An alarm with a gap that is not explained yet stands
    /// there as it was before the gap, so that the other process finds the gap too.
    #[must_use]
    pub fn seen(&self) -> BTreeMap<AlarmName, SeenAlarm> {
        let seen = |(name, state): (&AlarmName, &AlarmState)| {
            let gap = self.unexplained.get(name).map(|gap| gap.after);
            let since = gap.or_else(|| self.since.get(name).copied());
            (name.clone(), SeenAlarm { state: *state, since })
        };
        self.seen.iter().map(seen).collect()
    }

    /// The alarms that fired at the first poll and that the plan says to ignore: true until they have once been OK.
    #[must_use]
    pub fn excused(&self) -> &BTreeMap<AlarmName, bool> {
        &self.excused
    }

    /// Takes over what another judge has seen and excused, in place of a first poll of its own.
    pub fn take_over(&mut self, seen: &BTreeMap<AlarmName, SeenAlarm>, excused: BTreeMap<AlarmName, bool>) {
        self.excused = excused;
        self.seen = seen.iter().map(|(name, alarm)| (name.clone(), alarm.state)).collect();
        let since = |(name, alarm): (&AlarmName, &SeenAlarm)| Some((name.clone(), alarm.since?));
        self.since = seen.iter().filter_map(since).collect();
    }

    /// Whether what this alarm does matters: nothing that it does was excused.
    fn counts(&self, name: &AlarmName) -> bool {
        !self.excused.contains_key(name)
    }

    /// An excuse "until OK" covers one stay in ALARM: it ends when the alarm was in any other state.
    fn end_excuses(&mut self, readings: &Readings) {
        let (seen, since) = (&self.seen, &self.since);
        self.excused.retain(|name, until_ok| {
            let Some(reading) = readings.by_name.get(name).filter(|_| *until_ok) else { return true };
            let before = (seen.get(name), since.get(name).copied());
            match (reading.state, before) {
                (AlarmState::Ok, _) => false,
                (AlarmState::Alarm, (Some(AlarmState::InsufficientData), _)) => false,
                (AlarmState::Alarm, (_, Some(before))) => reading.since.is_none_or(|since| since == before),
                _ => true,
            }
        });
    }

    fn judge_readings(&mut self, readings: Readings, has_traffic: bool, now: Timestamp) -> Judgement {
        self.find_gaps(&readings.by_name);
        let changes = self.note_changes(&readings);
        let policy = self.watch.insufficient_data;
        let is_thin = |reading: &AlarmReading| has_traffic && reading.state == AlarmState::InsufficientData;
        let is_bad = |reading: &AlarmReading| {
            reading.state == AlarmState::Alarm || is_thin(reading) && policy == InsufficientData::RollBack
        };
        let counting = || {
            let names = self.watch.names.iter().filter(|name| !self.excused.contains_key(*name));
            names.filter_map(|name| readings.by_name.get(name))
        };
        if let Some(firing) = counting().find(|reading| is_bad(reading)) {
            let cause = Cause::Alarm {
                name: firing.name.clone(),
                state: firing.state,
                reason: firing.reason.clone(),
                time: firing.since.unwrap_or(now),
                cleared_at: None,
            };
            self.outage = None;
            return Judgement { verdict: Verdict::Fail(cause), changes, outage: None };
        }
        if let Some(error) = self.why_incomplete(&readings) {
            return self.unreadable(&error, changes, now);
        }
        if !self.unexplained.is_empty() {
            return Judgement { verdict: Verdict::Unexplained, changes, outage: None };
        }
        self.outage = None;
        let verdict = if policy == InsufficientData::Hold && counting().any(is_thin) {
            Verdict::NoData
        } else {
            Verdict::Pass
        };
        Judgement { verdict, changes, outage: None }
    }

    /// Why not every alarm that counts could be read, where that is so. An alarm that vanished can no longer warn: it is
    /// as bad as one that cannot be read, and tolerated as long.
    fn why_incomplete(&self, readings: &Readings) -> Option<Error> {
        if self.watch.missing == MissingAlarm::Refuse && !readings.absent.is_empty() {
            let gone: Vec<String> = readings.absent.iter().map(|name| format!("`{name}`")).collect();
            return Some(Error::new(
                ErrorKind::NotFound,
                format!("alarm no longer exists: {}", gone.join(", ")),
            ));
        }
        let (name, reason) = readings.unreadable.iter().find(|(name, _)| self.counts(name))?;
        Some(Error::new(
            ErrorKind::Unreachable,
            format!("the state of alarm `{name}` is not known: {reason}"),
        ))
    }

    fn unreadable(&mut self, error: &Error, changes: Vec<AlarmChange>, now: Timestamp) -> Judgement {
        let error = error.report();
        let begins = self.outage.is_none();
        let since = self.outage.take().map_or(now, |outage| outage.since);
        self.outage = Some(Outage { since, error: error.clone() });
        let verdict = self.overdue(now).map_or(Verdict::Error, Verdict::Fail);
        Judgement { verdict, changes, outage: begins.then_some(error) }
    }

    /// Finds the alarms that were in another state between the reading before and this one. Those that fire now need no
    /// explanation.
    fn find_gaps(&mut self, readings: &BTreeMap<AlarmName, AlarmReading>) {
        for (name, reading) in readings {
            let (before, since) = (self.seen.get(name), self.since.get(name));
            let (Some(before), Some(after), Some(now_since)) = (before, since, reading.since) else {
                continue;
            };
            let is_watched = self.watch.names.contains(name) && self.counts(name);
            if *after == now_since || !is_watched || reading.state == AlarmState::Alarm {
                continue;
            }
            let left_and_came_back = *before == reading.state;
            let gap = Gap { after: *after, before: *before, left_and_came_back };
            self.unexplained
                .entry(name.clone())
                .and_modify(|open| open.left_and_came_back |= left_and_came_back)
                .or_insert(gap);
        }
    }

    fn note_changes(&mut self, readings: &Readings) -> Vec<AlarmChange> {
        let before = std::mem::take(&mut self.seen);
        // An alarm whose state is not known is where it was, as far as anybody can tell.
        let unknown = |name: &&AlarmName| readings.unreadable.contains_key(*name);
        let kept =
            before.iter().filter(|(name, _)| unknown(name)).map(|(name, state)| (name.clone(), *state));
        self.seen = kept.collect();
        for (name, reading) in &readings.by_name {
            self.seen.insert(name.clone(), reading.state);
            match reading.since {
                Some(since) => self.since.insert(name.clone(), since),
                None => self.since.remove(name),
            };
        }
        let names: BTreeSet<&AlarmName> = before.keys().chain(self.seen.keys()).collect();
        let mut changes = Vec::new();
        // The first poll changes nothing: it is what every later one is compared with.
        if before.is_empty() {
            return changes;
        }
        for name in names {
            let (from, to) = (before.get(name).copied(), self.seen.get(name).copied());
            if from != to {
                let reason =
                    readings.by_name.get(name).map(|reading| reading.reason.clone()).unwrap_or_default();
                changes.push(AlarmChange { alarm: name.clone(), from, to, reason });
            }
        }
        changes
    }

    fn readable(&self, result: Result<Vec<AlarmReading>, Error>) -> Result<Readings, Error> {
        let mut readings = Readings::default();
        for reading in result? {
            if reading.state == AlarmState::Unreadable {
                readings.unreadable.insert(reading.name, reading.reason);
            } else {
                readings.by_name.insert(reading.name.clone(), reading);
            }
        }
        let is_there = |name: &&AlarmName| {
            readings.by_name.contains_key(*name) || readings.unreadable.contains_key(*name)
        };
        readings.absent = self.watch.names.iter().filter(|name| !is_there(name)).cloned().collect();
        Ok(readings)
    }
}

/// One answer, sorted.
#[derive(Debug, Default)]
struct Readings {
    by_name: BTreeMap<AlarmName, AlarmReading>,
    /// Those that exist and whose state is not known, and why.
    unreadable: BTreeMap<AlarmName, String>,
    /// Those of the plan that do not exist.
    absent: Vec<AlarmName>,
}

impl Judgement {
    fn of(verdict: Verdict) -> Self {
        Self { verdict, changes: Vec::new(), outage: None }
    }
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
        for (policy, later) in [
            (InsufficientData::Pass, true),
            (InsufficientData::Hold, false),
            (InsufficientData::RollBack, false),
        ] {
            let mut judge = judge(|watch| watch.insufficient_data = policy);
            // What has no traffic has no data.
            assert_eq!(judge.judge_first(both(Thin, Fine), at(0)).verdict, Verdict::Pass);
            assert_eq!(judge.judge_before_traffic(both(Thin, Fine), at(0)).verdict, Verdict::Pass);
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
        assert_eq!(judge.tolerated_until(), None);
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
