//! The promises of DESIGN.md, section 3, as rules over what the referee remembers.

use std::time::Duration;

use lambda_rollout::account::{AliasWrite, Claim, Routing};
use lambda_rollout::event::{Cause, Event, EventKind, Outcome, OutcomeKind};
use lambda_rollout::machine::{Effect, EffectId, Phase, Rollout};
use lambda_rollout::plan::{RolloutPlan, VersionSource, WhenUnreadable};
use lambda_rollout::units::{Timestamp, Weight};

use crate::account::{CANARY, THEIR_VERSION, version};
use crate::broken::{Broken, broken, hold_to};
use crate::referee::{Referee, Scene};

impl Referee {
    /// The rollout asks for an effect.
    pub(crate) fn asked(&mut self, id: EffectId, effect: &Effect, scene: &Scene) -> Result<(), Broken> {
        match effect {
            Effect::ReadAlias => self.newest_call = Some(id),
            Effect::ReadAlarms(_) => self.looks.newest_began = Some(scene.now),
            Effect::WriteAlias(write) => {
                self.may_write(write, scene)?;
                self.newest_call = Some(id);
                self.unanswered.push(write.clone());
            }
            Effect::CreateAlias(created) => {
                hold_to!(
                    *created == version(CANARY),
                    "S13: the alias is created on code that the plan did not bring"
                );
                hold_to!(self.known.is_none(), "S1: the alias is created although it is there");
                self.newest_call = Some(id);
                self.creates = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// S1, S2, and what has to be written down ahead of a write.
    fn may_write(&self, write: &AliasWrite, scene: &Scene) -> Result<(), Broken> {
        let theirs = write.routing.share_of(version(THEIR_VERSION));
        hold_to!(theirs == Weight::ZERO, "S13: traffic to code that the plan did not bring");
        let writing = scene.in_flight.iter().any(|call| call.write().is_some());
        hold_to!(!writing, "S2: two writes in flight");
        hold_to!(!self.write_unknown, "S2: a write before a read has decided about the one before");
        let known = self.known.as_ref().map_or("none", |known| known.revision_id.as_str());
        let named = &write.revision_id;
        hold_to!(known == named, "S1: a write names `{named}`, and the last state seen is `{known}`");
        let kept = scene.journal.is_some_and(|kept| kept.under_way.contains(&write.routing));
        hold_to!(kept, "S9: a write that was not written down ahead of it");
        let stable = scene.journal.map(|kept| kept.stable_version);
        hold_to!(stable == self.stable, "S8: another stable version was written down");
        let old = self.known.as_ref().map_or(Weight::ZERO, |known| canary_share(&known.routing));
        // A weight of 1 beside another version sends all traffic to the canary, and is not the canary alone.
        let clears =
            old == Weight::FULL && self.known.as_ref().is_some_and(|known| !known.routing.is_single());
        self.may_change(old, clears, write.routing, scene)
    }

    /// S4 and S5: whether the canary's share may become this.
    fn may_change(&self, old: Weight, clears: bool, routing: Routing, scene: &Scene) -> Result<(), Broken> {
        let new = canary_share(&routing);
        if self.has_cause || self.putting_back_since.is_some() {
            let out = new == Weight::ZERO && routing.is_single();
            hold_to!(out, "S5: wrote {new} with a cause to go back");
            hold_to!(self.putting_back_since.is_some(), "S5: put back without a word");
            return Ok(());
        }
        hold_to!(new != Weight::ZERO, "S3: the canary was taken out without a cause");
        let planned = new == Weight::FULL || scene.step_at(new).is_some();
        hold_to!(planned, "S4: {new} is no weight of the plan");
        if new < old {
            let lower = scene.plan.schedule().steps().iter().rev().find(|step| step.weight < old);
            let between = scene.step_at(old).is_none();
            let right = between && lower.is_some_and(|step| step.weight == new);
            hold_to!(right, "S4: lowered from {old} to {new}");
            return Ok(());
        }
        hold_to!(new > old || clears && new == old, "S2: {new} was written twice");
        hold_to!(!self.is_over_deadline(scene), "S5: raised to {new} when the deadline had passed");
        if self.people.promote { Ok(()) } else { self.may_raise(old, new, scene) }
    }

    /// S3 and S4: whether the plan allows this raise now, without a word from anybody.
    fn may_raise(&self, old: Weight, new: Weight, scene: &Scene) -> Result<(), Broken> {
        hold_to!(!self.people.paused, "S3: raised to {new} in a pause");
        let mut weights = scene.plan.schedule().steps().iter().map(|step| step.weight);
        let next = weights.find(|weight| *weight > old).unwrap_or(Weight::FULL);
        hold_to!(new == next, "S4: raised from {old} to {new}, and {next} was next");
        let step = scene.step_at(old);
        let approved = self.people.approved || !step.is_some_and(|step| step.gate);
        hold_to!(approved, "S4: raised from {old} to {new} without an approval");
        let hold = self.hold.filter(|hold| !hold.is_paused());
        let Some(hold) = hold else {
            return Err(broken!("S3: raised to {new} while the hold of {old} stood still"));
        };
        let Some(held_until) = hold.over_since(scene.now) else {
            return Err(broken!("S3: the hold of {old} was cut short, or not watched all through"));
        };
        if scene.plan.alarms().names().is_empty() {
            return Ok(());
        }
        let Some(look) = self.looks.clear else {
            return Err(broken!("S3: raised to {new} when the newest look at the alarms had not passed"));
        };
        let after_hold = step.is_none() || look >= held_until;
        hold_to!(after_hold, "S3: raised to {new} on a look from before the hold of {old} ended");
        let fresh = scene.now.since(look) <= longest_between_looks(scene.plan);
        hold_to!(fresh, "S3: raised to {new} on a look from before a gap in time");
        Ok(())
    }

    /// The rollout tells something.
    pub(crate) fn told(&mut self, event: &Event, scene: &Scene) -> Result<(), Broken> {
        let (name, seq, next) = (event.kind.name(), event.seq, self.next_seq);
        hold_to!(self.finished.is_none(), "events: `{name}` after `finished`");
        hold_to!(seq == next, "events: number {seq} where {next} was next");
        hold_to!(event.at >= self.last_at, "events: `{name}` is earlier than the one before");
        self.next_seq += 1;
        self.last_at = event.at;
        let is_known =
            |revision: &String| self.known.as_ref().is_some_and(|known| known.revision_id == *revision);
        match &event.kind {
            EventKind::Checked { .. } => {
                self.taken_up_at = None;
                self.checked = true;
            }
            EventKind::Shifted { weight, revision_id, .. } => {
                let share = self.known.as_ref().map(|known| canary_share(&known.routing));
                let so = is_known(revision_id) && share == Some(*weight);
                hold_to!(so, "events: `shifted` to {weight}, and nothing answered so");
            }
            EventKind::StepHeld { weight, .. } => {
                let held = self.hold.as_mut().is_some_and(|hold| hold.is_told_over(scene.now));
                hold_to!(held, "S3: the hold of {weight} was called held before its end");
            }
            EventKind::Drifted { found, expected } => {
                hold_to!(self.hand.moved, "S7: drift was told, and nobody else touched the alias");
                let read = self.known.as_ref().map(|known| known.routing).filter(|_| !self.absent);
                hold_to!(*found == read, "S7: `drifted` does not say what was found");
                let hand = &self.hand;
                let left = [hand.ours, hand.known_ours, hand.perhaps_ours].contains(&Some(*expected));
                let created = self.creates && *expected == Routing::only(version(CANARY));
                // The process before may have put it back, and not have been able to write that down.
                let put_back =
                    self.taken_up_at.is_some() && Some(*expected) == self.stable.map(Routing::only);
                hold_to!(left || created || put_back, "S7: `drifted` does not say what was expected");
                self.hand.known_ours = *found;
                self.hand.perhaps_ours = None;
            }
            EventKind::RollingBack { cause } => {
                let so = self.has_cause || self.is_so(cause, scene);
                hold_to!(so, "S11: rolled back for `{cause}`, which was not so");
                self.has_cause = true;
                self.putting_back_since = Some(scene.now);
            }
            EventKind::RolledBack { revision_id, .. } => {
                let read = self.read_now || self.is_over_rollback_deadline(scene);
                hold_to!(read && is_known(revision_id), "S6: `rolled_back` was told and not read back");
            }
            EventKind::Promoted { revision_id, .. } => {
                let read = self.read_now && is_known(revision_id);
                hold_to!(read, "S6: `promoted` was told and not read back");
            }
            EventKind::Finished(outcome) => self.finished = Some(outcome.clone()),
            _ => {}
        }
        Ok(())
    }

    /// Whether a cause that was not one before the rollout named it is one.
    fn is_so(&self, cause: &Cause, scene: &Scene) -> bool {
        match cause {
            Cause::Drift { .. } => self.hand.moved,
            Cause::AlarmsUnreadable { .. } => self.looks.denied || self.is_unreadable_for_long(scene),
            Cause::Deadline { .. } => self.is_over_deadline(scene),
            // These make a cause the moment the rollout learns of them.
            Cause::Alarm { .. } | Cause::Hook { .. } | Cause::Abort { .. } => false,
            _ => self.excused,
        }
    }

    /// The rollout has said all that there is to say for now: S10, and that it will go on.
    pub(crate) fn inspect(&mut self, rollout: &Rollout, scene: &Scene) -> Result<(), Broken> {
        self.read_now = false;
        self.has_cause |= self.is_over_deadline(scene) || self.is_unreadable_for_long(scene);
        let (phase, deadline) = (rollout.status().phase, rollout.deadline());
        let looking = scene
            .in_flight
            .iter()
            .any(|call| matches!(call.effect, Effect::ReadAlarms(_) | Effect::ReadAlarmHistory { .. }));
        let changes = !matches!(scene.plan.version(), VersionSource::Existing(_));
        let second = self.known.as_ref().and_then(|known| known.routing.additional);
        let split = second.is_some_and(|(second, _)| second == version(CANARY));
        // Whose weights they are that no claim says anything of, a read of that version has to tell first.
        let unknown = second.is_some() && rollout.status().canary_version.is_none();
        let prepares = phase == Phase::Preparing && !unknown && (changes || split);
        if (is_watched(phase) || prepares) && !scene.plan.alarms().names().is_empty() && !looking {
            let due = self.looks.newest_began.map(|began| began + scene.plan.alarms().poll());
            let comes = due.is_some_and(|due| deadline.is_some_and(|deadline| deadline <= due));
            hold_to!(comes, "S10: no look at the alarms is in flight, and none comes within the poll");
        }
        let goes_on = !scene.in_flight.is_empty() || deadline.is_some_and(|deadline| deadline > scene.now);
        hold_to!(goes_on, "S9: nothing is in flight, and nothing will ever be due");
        Ok(())
    }

    /// The rollout has ended.
    pub(crate) fn ended(&self, outcome: &Outcome, scene: &Scene) -> Result<(), Broken> {
        use OutcomeKind as K;
        let kind = outcome.kind;
        hold_to!(self.finished.as_ref() == Some(outcome), "events: the last one is not `finished`");
        let created = matches!(outcome.cause, Some(Cause::FirstDeployment));
        hold_to!(!self.has_cause || kind != K::Promoted || created, "S5: promoted with a cause to go back");
        let planned = kind == K::Promoted || kind == K::NothingToDo && self.reborn;
        let excused = self.excused || self.has_cause || self.is_over_deadline(scene);
        hold_to!(planned || excused, "S9: ended as {kind} for no reason");
        let in_flight = scene.in_flight.iter().filter_map(|call| call.write());
        let at_large = in_flight.chain(scene.account.late()).any(|write| scene.account.admits(write));
        let settled = !at_large || matches!(kind, K::Unsettled | K::Drifted);
        hold_to!(settled, "S2: ended as {kind} while a write may still land");
        self.leaves_right(outcome, scene)
    }

    /// S6 to S8: what the rollout leaves behind.
    fn leaves_right(&self, outcome: &Outcome, scene: &Scene) -> Result<(), Broken> {
        use OutcomeKind as K;
        let (kind, routing) = (outcome.kind, scene.account.routing());
        let canary_serves = routing.is_some_and(|routing| canary_share(&routing) > Weight::ZERO);
        let claimed = scene.account.claim().is_some_and(|claim| Some(claim) == self.id);
        match kind {
            K::Drifted => {
                let other = scene.account.claim().is_some_and(|claim| Some(claim) != self.id);
                // A runner that claimed the alias may have come to its end.
                let by = |claim: &Claim| Some(&claim.rollout_id) == self.hand.claims.as_ref();
                let ended = matches!(&outcome.cause, Some(Cause::TakenOver { by: claim }) if by(claim));
                hold_to!(other || ended || !canary_serves, "S7: drifted, and the canary takes traffic");
            }
            K::Unsettled => {
                let late = self.is_over_rollback_deadline(scene);
                hold_to!(late, "S6: unsettled before the rollback's time was up");
                hold_to!(outcome.advice.is_some(), "S6: unsettled without a word on what to do");
            }
            // Weights of others that were found, and that nobody touches.
            K::Refused | K::Aborted if self.found_others_weights(scene.plan) => {
                hold_to!(outcome.advice.is_some(), "S6: left others' weights without a word on what to do");
            }
            // Another hand has changed the alias since the rollout last looked, or before it ever did.
            _ if self.hand.moved => {}
            K::Refused if self.known.is_none() => {}
            K::Refused if matches!(outcome.cause, Some(Cause::AliasWeighted { .. })) => {
                let second = self.known.as_ref().and_then(|known| known.routing.additional);
                let ours = second.is_some_and(|(second, _)| second == version(CANARY));
                hold_to!(!ours, "S9: refused what a rollout of this plan has left");
            }
            K::Promoted | K::NothingToDo => {
                let promoted = routing == Some(Routing::only(version(CANARY)));
                hold_to!(promoted, "S6: ended as {kind}, and the alias is elsewhere");
                hold_to!(!claimed, "claims: ended as {kind}, and the alias is still claimed");
            }
            K::RolledBack | K::Refused | K::Aborted => {
                let single = routing.is_none_or(|routing| routing.is_single());
                // Where all traffic was on the canary version before, there is nothing to take it out for.
                let found_there = self.stable == Some(version(CANARY));
                let out = single && (!canary_serves || found_there);
                hold_to!(out, "S6: ended as {kind} and left the canary there");
                let right = self.hand.left_standing.or(self.stable);
                let back = right.is_none() || right.map(Routing::only) == routing;
                hold_to!(back, "S8: ended as {kind}, and not on the version written down");
                hold_to!(!claimed, "claims: ended as {kind}, and the alias is still claimed");
            }
        }
        Ok(())
    }

    /// Whether the weights that it last saw are none of a rollout of this plan: of a version that it does not know, or, where
    /// it has published none, without a claim.
    fn found_others_weights(&self, plan: &RolloutPlan) -> bool {
        let Some(known) = &self.known else { return false };
        let claimed = Claim::find(&known.description).is_some();
        let unknown = !matches!(plan.version(), VersionSource::Existing(_)) && !claimed;
        known.routing.additional.is_some_and(|(second, _)| second != version(CANARY) || unknown)
    }

    fn is_unreadable_for_long(&self, scene: &Scene) -> bool {
        let rolls_back = scene.plan.alarms().unreadable().then == WhenUnreadable::RollBack;
        rolls_back
            && is_over(
                self.looks.unreadable_since,
                Some(scene.plan.alarms().unreadable().tolerate),
                scene.now,
            )
    }

    fn is_over_deadline(&self, scene: &Scene) -> bool {
        is_over(Some(self.started_at), scene.plan.deadline(), scene.now)
    }

    fn is_over_rollback_deadline(&self, scene: &Scene) -> bool {
        let since = self.putting_back_since.or(self.taken_up_at);
        is_over(since, Some(scene.plan.rollback_deadline()), scene.now)
    }
}

fn is_over(since: Option<Timestamp>, time: Option<Duration>, now: Timestamp) -> bool {
    since.zip(time).is_some_and(|(since, time)| now >= since + time)
}

fn canary_share(routing: &Routing) -> Weight {
    routing.share_of(version(CANARY))
}

/// Whether traffic may move in this phase, or has moved.
fn is_watched(phase: Phase) -> bool {
    use Phase as P;
    let before = [P::Checking, P::BeforeHook, P::Ready, P::Shifting, P::Holding, P::Gated];
    before.contains(&phase) || [P::Promoting, P::AfterHook, P::Baking, P::Confirming].contains(&phase)
}

/// How old the newest look may be: the next one begins after the poll, and is answered within the time of a call.
pub(crate) fn longest_between_looks(plan: &RolloutPlan) -> Duration {
    plan.alarms().poll() + Effect::ReadAlarms(Vec::new()).limit()
}
