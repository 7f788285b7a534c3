//! What holds whatever the answers are, checked at everything that comes out of the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lambda_rollout::RolloutPlan;
use lambda_rollout::account::{AlarmReading, AlarmState, AliasWrite};
use lambda_rollout::event::{Event, EventKind, Outcome};
use lambda_rollout::machine::{Effect, EffectId, EffectResult, Snapshot};
use lambda_rollout::plan::{AlarmWatch, AlreadyAlarming, InsufficientData, MissingAlarm, Step};
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
    told_at: Timestamp,
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
    promote_asked: bool,
    looks: BTreeMap<EffectId, Timestamp>,
    /// When the newest look began that was answered, if that can have passed.
    clear_at: Option<Timestamp>,
    fired: bool,
}

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
            told_at: Timestamp::from_millis(i64::MIN),
            finished: None,
        }
    }

    /// Another runner takes over from this snapshot, or begins with no memory.
    pub fn takes_over(&mut self, snapshot: Option<&Snapshot>) {
        self.process = Process::default();
        match snapshot {
            Some(snapshot) => {
                self.next_seq = snapshot.next_seq;
                self.rolling_back |= snapshot.rolling_back.is_some();
            }
            None => (self.kept, self.rolling_back, self.next_seq) = (None, false, 1),
        }
    }

    /// A promote command was carried out.
    pub fn promote_asked(&mut self) {
        self.process.promote_asked = true;
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
        assert_eq!(snapshot.rolling_back.is_some(), self.rolling_back, "S5: not what the events say");
        self.kept = Some(snapshot);
    }

    /// An event was told.
    pub fn told(&mut self, event: &Event) {
        assert!(self.finished.is_none(), "told after the end: {event:?}");
        assert_eq!(event.seq, self.next_seq, "events are numbered without gaps: {event:?}");
        assert!(event.at >= self.told_at, "earlier than the one before: {event:?}");
        let json = serde_json::to_string(event).expect("an event is JSON");
        assert_eq!(serde_json::from_str::<Event>(&json).expect("and is read again"), *event, "{json}");
        (self.next_seq, self.told_at) = (event.seq + 1, event.at);
        match &event.kind {
            EventKind::Checked { weight, .. } | EventKind::Shifted { weight, .. } => {
                let process = &mut self.process;
                (process.weight, process.held_since) = (*weight, event.at);
                let below = self.steps.iter().filter(|step| step.weight <= *weight).count();
                let reached = if *weight == Weight::FULL { self.steps.len() + 1 } else { below };
                process.reached = process.reached.max(reached);
            }
            EventKind::RollingBack { .. } => {
                assert!(!self.rolling_back || self.process.revisions.is_empty(), "rolled back twice");
                self.rolling_back = true;
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
    pub fn answered(&mut self, id: EffectId, result: &EffectResult) {
        let process = &mut self.process;
        let was_write = process.write.take_if(|write| *write == id).is_some();
        if let EffectResult::Alias(Ok(state)) = result {
            process.revisions.insert(state.revision_id.clone());
            process.unresolved.take_if(|write| *write <= id);
        } else if was_write && !is_without_effect(result) {
            process.unresolved = Some(id);
        }
        if let Some(began) = process.looks.remove(&id) {
            let firing = |reading: &AlarmReading| reading.state == AlarmState::Alarm;
            process.fired |= self.watch.already_alarming() == AlreadyAlarming::Refuse
                && matches!(result, EffectResult::Alarms(Ok(readings)) if readings.iter()
                    .any(|reading| firing(reading) && self.watch.names().contains(&reading.name)));
            process.clear_at = may_pass(&self.watch, result).then_some(began);
        }
    }

    fn judge(&self, write: &AliasWrite, now: Timestamp) {
        let process = &self.process;
        assert!(process.write.is_none(), "S2: two writes in flight");
        assert!(process.unresolved.is_none(), "S2: written before a read has decided about the write before");
        assert!(process.revisions.contains(&write.revision_id), "S1: a revision that was never read");
        let kept = self.kept.as_ref().expect("S9: written before anything was made durable");
        let weight = write.routing.share_of(kept.canary_version);
        assert_eq!(kept.target_weight, weight, "S9: another weight was made durable");
        if self.rolling_back || process.fired {
            assert_eq!(weight, Weight::ZERO, "S5: the canary gets traffic while it is taken out");
        }
        if weight > process.weight && !process.promote_asked {
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
        }
    }
}

/// Whether this says that a write surely had no effect.
fn is_without_effect(result: &EffectResult) -> bool {
    use lambda_rollout::ErrorKind as E;
    matches!(result, EffectResult::Alias(Err(error))
        if matches!(error.kind(), E::Throttled | E::AccessDenied | E::Config | E::Rejected))
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
            AlarmState::Alarm => false,
            AlarmState::InsufficientData => watch.insufficient_data() == InsufficientData::Pass,
        },
    })
}
