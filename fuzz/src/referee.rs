//! What holds whatever the answers are, checked at everything that comes out of the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lambda_rollout::RolloutPlan;
use lambda_rollout::account::{AlarmReading, AlarmState, AliasWrite};
use lambda_rollout::event::{Event, EventKind, Outcome};
use lambda_rollout::machine::{Effect, EffectId, EffectResult, Phase, Snapshot};
use lambda_rollout::plan::{AlarmWatch, AlreadyAlarming, MissingAlarm, Step};
use lambda_rollout::units::{Timestamp, Weight};

/// Panics when a promise is broken. Knows the plan, what was asked of the account and what that answered.
#[derive(Debug)]
pub struct Referee {
    steps: Vec<Step>,
    watch: AlarmWatch,
    /// What the newest runner remembers; the rest is of the rollout itself.
    process: Process,
    /// The newest snapshot that has been made durable.
    kept: Option<Snapshot>,
    rolling_back: bool,
    next_seq: u64,
    finished: Option<Outcome>,
}

#[derive(Debug, Default)]
struct Process {
    revisions: BTreeSet<String>,
    /// The write in flight.
    write: Option<EffectId>,
    /// The newest write whose result is unknown, until a read that began later has decided.
    unresolved: Option<EffectId>,
    /// How many steps the canary has been shifted to or found at; one more than there are is 100 %.
    reached: usize,
    /// The canary's weight as last told, and since when.
    weight: Weight,
    held_since: Timestamp,
    /// When the newest event was told; a runner before may have had a clock that was ahead.
    told_at: Option<Timestamp>,
    told_rolling_back: bool,
    /// Whether holds and alarms are not asked: somebody asked for 100 % now.
    may_rise: bool,
    looks: BTreeMap<EffectId, Timestamp>,
    /// When the newest look began that was answered, if that can have passed.
    clear_at: Option<Timestamp>,
    fired: bool,
}

/// An answer to a look at the alarms that comes later says nothing of the present.
const LOOK_LIMIT: Duration = Duration::from_secs(20);

impl Referee {
    /// A referee for rollouts of this plan.
    #[must_use]
    pub fn new(plan: &RolloutPlan) -> Self {
        Self {
            steps: plan.schedule().steps().to_vec(),
            watch: plan.alarms().clone(),
            process: Process::default(),
            kept: None,
            rolling_back: false,
            next_seq: 1,
            finished: None,
        }
    }

    /// The number that the next event has to bear.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Another runner takes over from this snapshot.
    pub fn takes_over(&mut self, snapshot: &Snapshot, now: Timestamp) {
        // Anywhere else the hold is over, whatever the new runner's clock says.
        let is_held = snapshot.phase == Phase::Holding;
        let held_since =
            if is_held { self.process.held_since.min(now) } else { Timestamp::from_millis(i64::MIN) };
        self.process = Process { held_since, may_rise: snapshot.promote_asked, ..Process::default() };
        self.next_seq = snapshot.next_seq;
        self.rolling_back |= snapshot.rolling_back.is_some();
        self.kept = Some(snapshot.clone());
    }

    /// A runner takes over from a snapshot that nobody has seen come about: how far the canary may go is not known.
    pub fn takes_over_unseen(&mut self, snapshot: &Snapshot) {
        self.takes_over(snapshot, snapshot.started_at);
        self.process.may_rise = true;
    }

    /// Another runner begins with no memory.
    pub fn begins_anew(&mut self) {
        self.process = Process::default();
        (self.kept, self.rolling_back, self.next_seq) = (None, false, 1);
    }

    /// A promote command was carried out.
    pub fn promote_asked(&mut self) {
        self.process.may_rise = true;
    }

    /// A snapshot has been made durable.
    pub fn persisted(&mut self, snapshot: Snapshot) {
        let json = serde_json::to_string(&snapshot).expect("a snapshot is JSON");
        assert_eq!(serde_json::from_str::<Snapshot>(&json).expect("and is read again"), snapshot);
        if let Some(before) = &self.kept {
            assert_eq!(snapshot.rollout_id, before.rollout_id);
            assert_eq!(snapshot.stable_version, before.stable_version, "S8: another version to go back to");
            assert_eq!(snapshot.canary_version, before.canary_version);
            assert!(snapshot.next_seq >= before.next_seq);
        }
        // An abort is written down at once, and told when it is known whether there is anything to put back.
        assert!(snapshot.rolling_back.is_some() || !self.rolling_back, "S5: not what the events say");
        self.kept = Some(snapshot);
    }

    /// An event was told.
    pub fn told(&mut self, event: &Event) {
        assert!(self.finished.is_none(), "told after the end: {event:?}");
        assert_eq!(event.seq, self.next_seq, "events are numbered without gaps: {event:?}");
        assert!(Some(event.at) >= self.process.told_at, "earlier than the one before: {event:?}");
        let json = serde_json::to_string(event).expect("an event is JSON");
        assert_eq!(serde_json::from_str::<Event>(&json).expect("and is read again"), *event, "{json}");
        (self.next_seq, self.process.told_at) = (event.seq + 1, Some(event.at));
        match &event.kind {
            EventKind::Checked { weight, .. } | EventKind::Shifted { weight, .. } => {
                let process = &mut self.process;
                // What is found as it was left is held from when it came about.
                let is_left = self.kept.is_some() && matches!(event.kind, EventKind::Checked { .. });
                process.held_since = if is_left { process.held_since } else { event.at };
                process.weight = *weight;
                let below = self.steps.iter().filter(|step| step.weight <= *weight).count();
                let reached = if *weight == Weight::FULL { self.steps.len() + 1 } else { below };
                process.reached = process.reached.max(reached);
            }
            EventKind::RollingBack { .. } => {
                assert!(!self.process.told_rolling_back, "told twice: {event:?}");
                (self.process.told_rolling_back, self.rolling_back) = (true, true);
            }
            EventKind::Finished(outcome) => self.finished = Some(outcome.clone()),
            _ => {}
        }
    }

    /// The rollout says that it is over.
    pub fn done(&mut self, outcome: &Outcome) {
        assert_eq!(self.finished.as_ref(), Some(outcome), "the last event is another end");
    }

    /// A call was asked for.
    pub fn asked(&mut self, id: EffectId, effect: &Effect, now: Timestamp) {
        assert!(self.finished.is_none(), "asked after the end: {effect:?}");
        match effect {
            Effect::ReadAlarms(_) => drop(self.process.looks.insert(id, now)),
            Effect::WriteAlias(write) => {
                self.judge(write, now);
                self.process.write = Some(id);
            }
            _ => {}
        }
    }

    /// A call came to its end.
    pub fn answered(&mut self, id: EffectId, result: &EffectResult, now: Timestamp) {
        let process = &mut self.process;
        let was_write = process.write.take_if(|write| *write == id).is_some();
        if let EffectResult::Alias(Ok(state)) = result {
            process.revisions.insert(state.revision_id.clone());
            process.unresolved.take_if(|write| *write <= id);
        } else if was_write && !is_without_effect(result) {
            process.unresolved = Some(id);
        }
        if let Some(began) = process.looks.remove(&id) {
            let in_time = now.since(began) <= LOOK_LIMIT;
            process.fired |= in_time && surely_fires(&self.watch, result);
            process.clear_at = (in_time && may_pass(&self.watch, result)).then_some(began);
        }
    }

    fn judge(&self, write: &AliasWrite, now: Timestamp) {
        let process = &self.process;
        assert!(process.write.is_none(), "S2: two writes in flight");
        assert!(process.unresolved.is_none(), "S2: written before a read has decided about the write before");
        assert!(process.revisions.contains(&write.revision_id), "S1: a revision that was never read");
        let kept = self.kept.as_ref().expect("S9: written before anything was made durable");
        let weight = write.routing.share_of(kept.canary_version);
        assert!(kept.under_way.contains(&write.routing), "S9: another write was made durable");
        if self.rolling_back || process.fired {
            assert_eq!(weight, Weight::ZERO, "S5: the canary gets traffic while it is taken out");
        }
        if weight > process.weight && !process.may_rise {
            self.judge_raise(weight, now);
        }
    }

    fn judge_raise(&self, weight: Weight, now: Timestamp) {
        let Process { weight: before, held_since, reached, clear_at, .. } = self.process;
        let place = self.steps.iter().position(|step| step.weight == weight);
        let place = if weight == Weight::FULL { Some(self.steps.len()) } else { place };
        let place = place.unwrap_or_else(|| panic!("S4: {weight} is no step"));
        assert!(place <= reached, "S4: {weight} comes too early");
        let step = self.steps.iter().find(|step| step.weight == before);
        let held_until = held_since + step.map_or(Duration::ZERO, |step| step.hold);
        assert!(now >= held_until, "S3: the hold of {before} was cut short");
        if !self.watch.names().is_empty() {
            let clear_at = clear_at.expect("S3: raised although the newest look at the alarms failed");
            assert!(clear_at >= held_until, "S3: no look at the alarms after the hold");
            assert!(now.since(clear_at) <= self.watch.poll() + LOOK_LIMIT, "S3: no look after a gap");
        }
    }
}

/// Whether this says that a write surely had no effect.
fn is_without_effect(result: &EffectResult) -> bool {
    use lambda_rollout::ErrorKind as E;
    matches!(result, EffectResult::Alias(Err(error))
        if matches!(error.kind(), E::Throttled | E::AccessDenied | E::Config | E::Rejected))
}

/// Whether an alarm fires that no policy of the plan excuses.
fn surely_fires(watch: &AlarmWatch, result: &EffectResult) -> bool {
    let EffectResult::Alarms(Ok(readings)) = result else { return false };
    let fires =
        |reading: &AlarmReading| reading.state == AlarmState::Alarm && watch.names().contains(&reading.name);
    watch.already_alarming() == AlreadyAlarming::Refuse && readings.iter().any(fires)
}

/// Whether a look with this result can have passed. Where alarms may be excused, whatever was readable can.
fn may_pass(watch: &AlarmWatch, result: &EffectResult) -> bool {
    let EffectResult::Alarms(Ok(readings)) = result else { return false };
    if watch.already_alarming() != AlreadyAlarming::Refuse {
        return true;
    }
    watch.names().iter().all(|name| match readings.iter().find(|reading| reading.name == *name) {
        None => watch.missing() == MissingAlarm::Ignore,
        Some(reading) => match reading.state {
            AlarmState::Ok => true,
            AlarmState::Alarm | AlarmState::Unreadable => false,
            // Before the canary has traffic it is no obstacle, whatever the policy.
            AlarmState::InsufficientData => true,
        },
    })
}
