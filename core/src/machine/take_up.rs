use std::time::Duration;

use super::call::Call;
use super::phase::{Phase, Trigger};
use super::rollout::Rollout;
use super::snapshot::Snapshot;
use super::stopwatch::Stopwatch;
use super::write::{Standing, Writes, lags};
use crate::account::{AliasState, Claim, FunctionVersion, Routing};
use crate::error::Error;
use crate::event::{Cause, EventKind, OutcomeKind};
use crate::units::{Timestamp, Weight};

/// Time for which it is tried to compare `$LATEST` with what was published.
const COMPARING: Duration = Duration::from_secs(60);

/// What another process knew of this rollout, and how far it has been taken up.
#[derive(Debug, Clone, Default)]
pub(super) enum Memory {
    /// There was no other process.
    #[default]
    None,
    /// The alias has not been read yet, or AWS is still moving it.
    Untested(Box<Snapshot>),
    /// The alias is as the snapshot says, and the alarms are looked at.
    Tested(Box<Snapshot>),
}

impl Memory {
    /// Whether the process before had come past its first looks at the alarms.
    pub(super) fn is_past_check(&self) -> bool {
        match self {
            Self::None => false,
            Self::Untested(snapshot) | Self::Tested(snapshot) => snapshot.phase > Phase::Checking,
        }
    }

    /// What the process before wrote down and still holds while it is being taken up, with what a person has said since.
    pub(super) fn still_holding(&self, paused: bool) -> Option<Box<Snapshot>> {
        match self {
            Self::None => None,
            Self::Untested(snapshot) => {
                Some(Box::new(Snapshot { paused: snapshot.paused || paused, ..*snapshot.clone() }))
            }
            Self::Tested(snapshot) => Some(Box::new(Snapshot { paused, ..*snapshot.clone() })),
        }
    }

    pub(super) fn is_untested(&self) -> bool {
        matches!(self, Self::Untested(_))
    }

    pub(super) fn untested(&mut self) -> Option<&mut Snapshot> {
        match self {
            Self::Untested(snapshot) => Some(snapshot),
            Self::None | Self::Tested(_) => None,
        }
    }

    /// The countdown of the process before, for a person who pauses or resumes while it is being taken up.
    pub(super) fn hold(&mut self) -> Option<&mut Stopwatch> {
        match self {
            Self::None => None,
            Self::Untested(snapshot) if snapshot.paused => None,
            Self::Untested(snapshot) | Self::Tested(snapshot) => Some(&mut snapshot.hold),
        }
    }

    fn take_untested(&mut self) -> Option<Box<Snapshot>> {
        match std::mem::take(self) {
            Self::Untested(snapshot) => Some(snapshot),
            other => {
                *self = other;
                None
            }
        }
    }

    fn take_tested(&mut self) -> Option<Box<Snapshot>> {
        match std::mem::take(self) {
            Self::Tested(snapshot) => Some(snapshot),
            other => {
                *self = other;
                None
            }
        }
    }
}

impl Rollout {
    /// Compares the alias with what the process before knew of it, and begins to go on from there.
    pub(super) fn take_up(&mut self, found: Option<AliasState>) {
        let Some(mut snapshot) = self.memory.take_untested() else { return };
        self.stable = Some(snapshot.stable_version);
        self.canary = Some(snapshot.canary_version);
        if self.alias.is_none() {
            let known = snapshot.alias.clone();
            let written = snapshot.traffic_moved.then_some(known.routing);
            self.writes = Writes::left_behind(written, &snapshot.under_way, self.now);
            self.alias = Some(known);
        }
        self.traffic_moved |= snapshot.traffic_moved;
        self.superseded.clone_from(&snapshot.superseded);
        self.preparation.found.clone_from(&snapshot.published);
        let Some(found) = found else { return self.drifted(None) };
        if let Some(cause) = self.rolled_back_unrecorded(&snapshot, &found) {
            self.ours_landed(found);
            return self.begin_rollback(Trigger::RememberedRollback, cause);
        }
        match self.compare_with_known(found) {
            Standing::OldCopy => {
                self.memory = Memory::Untested(snapshot);
                return self.failed_to_take_up(lags());
            }
            Standing::Drifted => return,
            Standing::Settling => {
                self.memory = Memory::Untested(snapshot);
                return self.look_again_while_settling(Call::ReadAlias);
            }
            Standing::AsKnown => {}
            Standing::OursLanded(state) => self.ours_landed(state),
        }
        self.answered();
        self.traffic_moved |= self.weight() > Weight::ZERO;
        self.paused |= snapshot.paused;
        self.promote_asked = snapshot.promote_asked;
        self.watch.take_over(&snapshot.alarms, snapshot.excused.clone());
        match snapshot.rolling_back.take() {
            // A write of the process before may still be on its way: then the alias is written whatever it reads as.
            Some(cause) => self.begin_rollback(Trigger::RememberedRollback, cause),
            None => {
                // Should this process die as well, the next one compares with what this one saw.
                snapshot.alias = self.alias.clone().unwrap_or(snapshot.alias);
                snapshot.under_way = self.writes.under_way();
                snapshot.traffic_moved = self.traffic_moved;
                let is_published = snapshot.published.is_some();
                self.memory = Memory::Tested(snapshot);
                if is_published && self.publishes() {
                    self.issue(Call::CompareLatest);
                }
                self.begin_check(Trigger::Remembered);
            }
        }
    }

    /// Whether the process before has rolled back without being able to write that down, on a disk that was full, say: it
    /// was about to raise, and the alias has moved on to the stable version alone. What is left is to prove it.
    fn rolled_back_unrecorded(&self, before: &Snapshot, found: &AliasState) -> Option<Cause> {
        let raise =
            *before.under_way.last().filter(|raise| raise.share_of(before.canary_version) > Weight::ZERO)?;
        let is_stable = found.routing == Routing::only(before.stable_version);
        let has_moved = found.revision_id != before.alias.revision_id;
        let is_old = before.superseded.contains(&found.revision_id);
        let recorded = before.rolling_back.is_some();
        let claimed = Claim::find(&found.description).is_some();
        (is_stable && has_moved && !is_old && !recorded && !claimed)
            .then_some(Cause::Drift { found: Some(found.routing), expected: raise })
    }

    /// What would be published today was compared with what was published: where it is another, the plan's own code is not
    /// what has the canary's traffic.
    pub(super) fn latest_compared(&mut self, result: Result<FunctionVersion, Error>) {
        let before = match &self.memory {
            Memory::Tested(snapshot) => snapshot.published.clone(),
            Memory::None | Memory::Untested(_) => None,
        };
        match result {
            Ok(latest) if before.is_some_and(|before| before.differs_from(&latest.identity())) => {
                return self.put_back(Cause::LatestChanged);
            }
            Ok(_) => self.retry.forget(),
            Err(error) if error.kind().is_retryable() && !self.retry.is_exhausted(COMPARING, self.now) => {
                return self.retry.after_failure(Call::CompareLatest, self.now);
            }
            Err(error) => {
                tracing::warn!(rollout = %self.id, %error, "whether $LATEST has changed could not be told");
                self.retry.forget();
            }
        }
        self.check_when_clear();
    }

    /// Whether the hold of the process before goes on: only where somebody has watched the alarms until just now.
    fn was_watched(&self, until: Option<Timestamp>) -> bool {
        let just_now = |until: Timestamp| until <= self.now && self.now.since(until) <= self.longest_gap();
        self.plan.alarms.names.is_empty() || until.is_some_and(just_now)
    }

    /// The alias may be on two versions, and nobody else looks after it: that is not given up as long as a rollback
    /// would not be.
    pub(super) fn failed_to_take_up(&mut self, error: Error) {
        if !self.retry.is_exhausted(self.plan.rollback_deadline, self.now) {
            return self.retry.after_failure(Call::ReadAlias, self.now);
        }
        let Some(snapshot) = self.memory.take_untested() else { return };
        self.stable = Some(snapshot.stable_version);
        self.canary = Some(snapshot.canary_version);
        self.traffic_moved |= snapshot.traffic_moved || !snapshot.under_way.is_empty();
        self.end(Trigger::GaveUp, OutcomeKind::Unsettled, Some(Cause::Error { error: error.report() }));
    }

    fn resume_hold(&mut self, before: &Snapshot, length: Duration) {
        if self.was_watched(before.observed_until) {
            self.hold.resume_from(before.hold, length, self.now, self.paused);
        } else {
            self.hold.begin(length, self.now, self.paused);
        }
    }

    /// The alarms are fine: goes on where the process before stopped. False when there was none, when it had not come
    /// as far as the hook before traffic, or when what it wrote down contradicts the alias, which then says it all.
    pub(super) fn go_on(&mut self) -> bool {
        let Some(before) = self.memory.take_tested() else { return false };
        if self.paused {
            self.emit(EventKind::Paused);
        }
        let at_full = self.is_at_full();
        let steps = &self.plan.schedule.steps;
        self.steps_taken = before.steps_taken.min(steps.len());
        let reached = self.steps_taken.checked_sub(1).and_then(|last| steps.get(last));
        let (hold, bake) =
            (reached.map(|step| step.hold).unwrap_or_default(), self.plan.bake.unwrap_or_default());
        let in_step = reached.is_some_and(|step| step.weight == self.weight());
        match before.phase {
            Phase::Shifting if in_step => {
                self.step_reached(Trigger::PassedInStep);
            }
            Phase::Shifting => {
                self.steps_taken = self.steps_taken.saturating_sub(1);
                self.go(Trigger::Passed);
            }
            Phase::Promoting if !at_full => {
                self.steps_taken = self.plan.schedule.steps.len();
                self.go(Trigger::Passed);
            }
            Phase::Promoting | Phase::AfterHook if at_full => {
                self.full_reached(Trigger::PassedToHookAtFull, Trigger::PassedAtFull);
            }
            Phase::Holding if in_step => {
                self.go(Trigger::PassedInStep);
                self.resume_hold(&before, hold);
            }
            Phase::Gated => {
                self.go(Trigger::PassedToGate);
                let reason = "it waited here when it was taken up again".to_owned();
                self.emit(EventKind::GateWaiting { reason });
            }
            Phase::Ready => self.go(Trigger::Passed),
            Phase::Baking | Phase::Confirming if at_full => {
                self.go(Trigger::PassedAtFull);
                self.resume_hold(&before, bake);
            }
            _ => return false,
        }
        true
    }
}
