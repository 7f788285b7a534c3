use std::time::Duration;

use lambda_rollout::account::{AlarmState, AliasState, AliasWrite, HookVerdict, Routing};
use lambda_rollout::event::{Cause, Event, EventKind, Outcome, OutcomeKind};
use lambda_rollout::machine::{Command, Effect, EffectId, EffectResult, Phase, Rollout, Snapshot};
use lambda_rollout::plan::{RolloutPlan, Step};
use lambda_rollout::units::{Timestamp, Version, Weight};
use lambda_rollout::{Error, ErrorKind};

use crate::account::{Account, CANARY, version};
use crate::situation::Call;

/// How a promise was broken: the words that are the same each time, and the line that begins with the promise's name.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    pub(crate) rule: &'static str,
    pub(crate) line: String,
}

macro_rules! broken {
    ($rule:literal $($values:tt)*) => {
        $crate::referee::Broken { rule: $rule, line: format!($rule $($values)*) }
    };
}
pub(crate) use broken;

macro_rules! hold_to {
    ($promise:expr, $($broken:tt)+) => {
        if !$promise {
            return Err(broken!($($broken)+));
        }
    };
}

/// A hold as the plan words it: it counts from when the rollout first saw the weight, and stands still in a pause.
#[derive(Debug, Clone, Copy)]
enum Hold {
    Runs { ends_at: Timestamp },
    Stands { left: Duration },
}

/// What another hand's edit of the description, which is no drift, may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edited {
    No,
    /// The revision has moved on, and the rollout does not know.
    Unseen,
    /// The rollout had a write under way: if that landed, the edit may have undone it.
    PerhapsUndone,
}

/// Watches one rollout through all its processes, and knows the promises of DESIGN.md by their words alone.
#[derive(Debug, Clone)]
pub(crate) struct Referee {
    started_at: Timestamp,
    /// Since when a process with a journal tries to take the rollout up.
    taken_up_at: Option<Timestamp>,
    /// Whether a process began without a journal in the place of one that died.
    reborn: bool,
    /// The alias's own version when the rollout first saw it.
    stable: Option<Version>,
    /// The alias as this process last saw it.
    known: Option<AliasState>,
    /// The alias as any process of this rollout last saw it.
    seen: Option<Routing>,
    /// Where the rollout left the alias, or found it: what another hand makes of it is compared with this.
    ours: Option<Routing>,
    /// The same as far as the rollout knows.
    known_ours: Option<Routing>,
    /// Whether another hand changed the alias since.
    foreign: bool,
    edited: Edited,
    /// The version that another hand made the alias's own, where the canary was only taken from beside it.
    left_standing: Option<Version>,
    newest_call: Option<EffectId>,
    /// Writes that may have taken effect for all that the rollout knows.
    unanswered: Vec<AliasWrite>,
    write_unknown: bool,
    hold: Option<Hold>,
    look_began: Option<Timestamp>,
    /// When the newest look at the alarms began, if every alarm was readable and none fired.
    clear_look: Option<Timestamp>,
    unreadable_since: Option<Timestamp>,
    paused: bool,
    approved: bool,
    promote: bool,
    /// Whether there is a cause to take the canary out.
    has_cause: bool,
    putting_back_since: Option<Timestamp>,
    /// Whether the newest call about the alias failed.
    failing: bool,
    /// Whether what happened allows another end than the plan's own.
    excused: bool,
    /// Whether the input at hand is a look at the alias.
    read_now: bool,
    next_seq: u64,
    last_at: Timestamp,
    finished: Option<Outcome>,
}

impl Referee {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            started_at: now,
            taken_up_at: None,
            reborn: false,
            stable: None,
            known: None,
            seen: None,
            ours: None,
            known_ours: None,
            foreign: false,
            edited: Edited::No,
            left_standing: None,
            newest_call: None,
            unanswered: Vec::new(),
            write_unknown: false,
            hold: None,
            look_began: None,
            clear_look: None,
            unreadable_since: None,
            paused: false,
            approved: false,
            promote: false,
            has_cause: false,
            putting_back_since: None,
            failing: false,
            excused: false,
            read_now: false,
            next_seq: 1,
            last_at: now,
            finished: None,
        }
    }

    /// The process died. The next one has what the journal kept, or begins a rollout of its own.
    pub(crate) fn new_process(&mut self, journal: bool, now: Timestamp) {
        let mut next = Self::new(now);
        next.ours = self.ours;
        next.foreign = self.foreign;
        next.edited = self.edited;
        next.excused = self.excused;
        next.reborn = self.reborn || !journal;
        if journal {
            next.started_at = self.started_at;
            next.taken_up_at = Some(now);
            next.stable = self.stable;
            next.seen = self.seen;
            next.known_ours = self.known_ours;
            next.left_standing = self.left_standing;
            next.unanswered = std::mem::take(&mut self.unanswered);
            next.hold = self.hold;
            next.paused = self.paused;
            next.approved = self.approved;
            next.promote = self.promote;
            next.has_cause = self.has_cause;
            next.next_seq = self.next_seq;
        }
        *self = next;
    }

    /// The number of the next event: what a journal that keeps the events knows.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Something happened after which the rollout may end otherwise than planned.
    pub(crate) fn excuse(&mut self) {
        self.excused = true;
    }

    pub(crate) fn other_hand(&mut self) {
        self.foreign = true;
        self.excused = true;
    }

    /// Another hand changed the description.
    pub(crate) fn edited(&mut self) {
        self.edited = Edited::Unseen;
        if !self.unanswered.is_empty() || self.known.is_none() {
            self.may_have_undone();
        }
    }

    fn may_have_undone(&mut self) {
        self.edited = Edited::PerhapsUndone;
        self.excused = true;
    }

    /// Whether the rollout cannot tell such a change from a write of its own.
    pub(crate) fn may_be_ours(&self, routing: Option<Routing>) -> bool {
        self.unanswered.iter().any(|write| Some(write.routing) == routing)
    }

    /// Whether a failure now ends the rollout rightly: nothing has been answered, as with a wrong endpoint.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.known.is_none() && self.taken_up_at.is_none()
    }

    /// Whether something has been failing that a gap in time makes look as if it had failed all through the gap.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing || !self.unanswered.is_empty() || self.unreadable_since.is_some()
    }

    pub(crate) fn ordered(&mut self, command: &Command, now: Timestamp) {
        match command {
            Command::Pause => {
                self.paused = true;
                if let Some(Hold::Runs { ends_at }) = self.hold
                    && ends_at > now
                {
                    self.hold = Some(Hold::Stands { left: ends_at.since(now) });
                }
            }
            Command::Resume if self.paused => self.resume(now),
            Command::Resume => self.approved = true,
            Command::Promote => {
                self.promote = true;
                self.resume(now);
            }
            Command::Abort { .. } => self.has_cause = true,
            other => unreachable!("{other:?}"),
        }
    }

    fn resume(&mut self, now: Timestamp) {
        self.paused = false;
        if let Some(Hold::Stands { left }) = self.hold {
            self.hold = Some(Hold::Runs { ends_at: now + left });
        }
    }

    /// A write of the rollout takes effect on this account.
    pub(crate) fn takes_effect(&mut self, write: &AliasWrite, account: &Account) -> Result<(), Broken> {
        let current = account.routing();
        if self.foreign
            && current != self.ours
            && let Some(found) = current
        {
            let canary = version(CANARY);
            let taken_out = match found.version.published() {
                Some(own) if own != canary => Some(own),
                _ => self.stable,
            };
            hold_to!(
                found.share_of(canary) > Weight::ZERO && Some(write.routing) == taken_out.map(Routing::only),
                "S7: what another hand made of the alias ({found}) was overwritten with {}",
                write.routing
            );
            self.left_standing = taken_out;
        }
        self.foreign = false;
        self.ours = Some(write.routing);
        Ok(())
    }

    /// The rollout is given the result of a call.
    pub(crate) fn answered(
        &mut self,
        call: &Call,
        result: &EffectResult,
        plan: &RolloutPlan,
        now: Timestamp,
    ) {
        match call.effect {
            // What is no longer waited for tells nothing.
            Effect::ReadAlias | Effect::WriteAlias(_) | Effect::CreateAlias(_) => {
                if self.newest_call == Some(call.id) {
                    self.alias_answered(call, result, plan, now);
                }
            }
            Effect::ReadAlarms(_) => self.alarms_answered(call, result, plan, now),
            Effect::RunHook(_) => {
                let failed =
                    !matches!(result, EffectResult::Hook(report) if report.verdict != HookVerdict::Fail);
                self.has_cause |= failed;
            }
            _ => self.failing = !matches!(result, EffectResult::Version(Ok(_))),
        }
    }

    fn alarms_answered(&mut self, call: &Call, result: &EffectResult, plan: &RolloutPlan, now: Timestamp) {
        let readings = match result {
            EffectResult::Alarms(Ok(readings)) if readings.len() == plan.alarms().names().len() => readings,
            _ => {
                self.clear_look = None;
                self.unreadable_since.get_or_insert(now);
                return;
            }
        };
        let fires = readings.iter().any(|reading| reading.state == AlarmState::Alarm);
        self.clear_look = (!fires).then_some(call.since);
        self.unreadable_since = None;
        self.has_cause |= fires;
    }

    fn alias_answered(&mut self, call: &Call, result: &EffectResult, plan: &RolloutPlan, now: Timestamp) {
        let write = if let Effect::WriteAlias(write) = &call.effect { Some(write) } else { None };
        let result = match result {
            EffectResult::Alias(result) => result.as_ref().map_err(Error::kind),
            _ => Err(ErrorKind::Unreachable),
        };
        self.failing = result.is_err();
        match (result, write) {
            (Ok(state), _) => {
                self.read_now = write.is_none();
                self.write_unknown = false;
                self.sees(state, plan, now);
            }
            (Err(ErrorKind::NotFound), None) => {
                self.failing = false;
                self.write_unknown = false;
                self.unanswered.clear();
                self.known = None;
                self.seen = None;
            }
            (Err(_), None) => {}
            // Known not to have taken effect.
            (
                Err(ErrorKind::Throttled | ErrorKind::AccessDenied | ErrorKind::Config | ErrorKind::Rejected),
                Some(write),
            ) => {
                let newest = self.unanswered.iter().rposition(|other| other == write);
                newest.map(|index| self.unanswered.remove(index));
            }
            (Err(_), Some(_)) => {
                self.write_unknown = true;
                if self.edited == Edited::Unseen {
                    self.may_have_undone();
                }
            }
        }
    }

    fn sees(&mut self, state: &AliasState, plan: &RolloutPlan, now: Timestamp) {
        let canary = version(CANARY);
        if self.known.is_none() && self.taken_up_at.is_none() {
            self.stable = state.routing.version.published();
            self.ours = Some(state.routing);
            self.foreign = false;
        }
        let before = self.seen.map(|routing| routing.share_of(canary));
        let weight = state.routing.share_of(canary);
        if before != Some(weight) {
            let length = step_at(plan, weight).map_or(Duration::ZERO, |step| step.hold);
            self.hold = Some(match self.paused {
                true => Hold::Stands { left: length },
                false => Hold::Runs { ends_at: now + length },
            });
            self.approved = false;
        }
        if self.edited == Edited::Unseen {
            self.edited = Edited::No;
        }
        self.unanswered.retain(|write| write.revision_id == state.revision_id);
        self.known = Some(state.clone());
        self.seen = Some(state.routing);
        if !self.foreign {
            self.known_ours = self.seen;
        }
    }

    /// The rollout asks for an effect.
    pub(crate) fn asked(
        &mut self,
        id: EffectId,
        effect: &Effect,
        in_flight: &[Call],
        journal: Option<&Snapshot>,
        plan: &RolloutPlan,
        now: Timestamp,
    ) -> Result<(), Broken> {
        match effect {
            Effect::ReadAlias => self.newest_call = Some(id),
            Effect::ReadAlarms(_) => self.look_began = Some(now),
            Effect::WriteAlias(write) => {
                let writing = in_flight.iter().any(|call| matches!(call.effect, Effect::WriteAlias(_)));
                hold_to!(!writing, "S2: two writes in flight");
                hold_to!(!self.write_unknown, "S2: a write before a read has decided about the one before");
                let known = self.known.as_ref().map(|known| known.revision_id.as_str());
                hold_to!(
                    known == Some(&write.revision_id),
                    "S1: a write names `{}`, and the last state seen is `{}`",
                    write.revision_id,
                    known.unwrap_or("none")
                );
                let kept = journal.is_some_and(|kept| kept.under_way.contains(&write.routing));
                hold_to!(kept, "S9: a write that was not written down ahead of it");
                let stable = journal.map(|kept| kept.stable_version);
                hold_to!(stable == self.stable, "S8: another stable version was written down");
                self.may_write(write, plan, now)?;
                self.newest_call = Some(id);
                self.unanswered.push(write.clone());
            }
            Effect::CreateAlias(_) => {
                hold_to!(self.known.is_none(), "S1: the alias is created although it is there");
                self.newest_call = Some(id);
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the plan and the promises allow this write now.
    fn may_write(&self, write: &AliasWrite, plan: &RolloutPlan, now: Timestamp) -> Result<(), Broken> {
        let canary = version(CANARY);
        let (old, new) =
            (self.known.as_ref().map(|known| known.routing.share_of(canary)), write.routing.share_of(canary));
        let old = old.unwrap_or(Weight::ZERO);
        if self.has_cause || self.putting_back_since.is_some() {
            hold_to!(
                new == Weight::ZERO && write.routing.is_single(),
                "S5: wrote {new} with a cause to go back"
            );
            hold_to!(self.putting_back_since.is_some(), "S5: put back without a word");
            return Ok(());
        }
        hold_to!(new != Weight::ZERO, "S3: the canary was taken out without a cause");
        let steps = plan.schedule().steps();
        hold_to!(new == Weight::FULL || step_at(plan, new).is_some(), "S4: {new} is no weight of the plan");
        if new < old {
            let lower = steps.iter().rev().find(|step| step.weight < old).map(|step| step.weight);
            let between = step_at(plan, old).is_none();
            hold_to!(between && Some(new) == lower, "S4: lowered from {old} to {new}");
            return Ok(());
        }
        hold_to!(new > old, "S2: {new} was written twice");
        if let Some(after) = plan.deadline() {
            hold_to!(now < self.started_at + after, "S5: raised to {new} when the deadline had passed");
        }
        if self.promote {
            return Ok(());
        }
        self.may_raise(old, new, plan, now)
    }

    fn may_raise(&self, old: Weight, new: Weight, plan: &RolloutPlan, now: Timestamp) -> Result<(), Broken> {
        let steps = plan.schedule().steps();
        hold_to!(!self.paused, "S3: raised to {new} in a pause");
        let next = steps.iter().map(|step| step.weight).find(|weight| *weight > old).unwrap_or(Weight::FULL);
        hold_to!(new == next, "S4: raised from {old} to {new}, and {next} was next");
        let gated = step_at(plan, old).is_some_and(|step| step.gate);
        hold_to!(!gated || self.approved, "S4: raised from {old} to {new} without an approval");
        let held_until = match self.hold {
            Some(Hold::Runs { ends_at }) => ends_at,
            _ => return Err(broken!("S3: raised to {new} while the hold of {old} stood still")),
        };
        hold_to!(held_until <= now, "S3: the hold of {old} was cut short");
        if plan.alarms().names().is_empty() {
            return Ok(());
        }
        let Some(look) = self.clear_look else {
            return Err(broken!("S3: raised to {new} when the newest look at the alarms had not passed"));
        };
        hold_to!(
            old == Weight::ZERO || step_at(plan, old).is_none() || look >= held_until,
            "S3: raised to {new} on a look at the alarms that began before the hold of {old} ended"
        );
        hold_to!(now.since(look) <= stale(plan), "S3: raised to {new} on a look from before a gap in time");
        Ok(())
    }

    /// The rollout tells something.
    pub(crate) fn told(&mut self, event: &Event, plan: &RolloutPlan, now: Timestamp) -> Result<(), Broken> {
        hold_to!(self.finished.is_none(), "events: `{}` after `finished`", event.kind.name());
        hold_to!(event.seq == self.next_seq, "events: number {} where {} was next", event.seq, self.next_seq);
        self.next_seq += 1;
        hold_to!(event.at >= self.last_at, "events: `{}` is earlier than the one before", event.kind.name());
        self.last_at = event.at;
        match &event.kind {
            EventKind::Shifted { weight, revision_id, .. } => {
                let known = self.known.as_ref();
                let so = known.is_some_and(|known| {
                    known.routing.share_of(version(CANARY)) == *weight && known.revision_id == *revision_id
                });
                hold_to!(so, "events: `shifted` to {weight}, and nothing answered so");
            }
            EventKind::Checked { .. } => self.taken_up_at = None,
            EventKind::StepHeld { weight, .. } => {
                let held = matches!(self.hold, Some(Hold::Runs { ends_at }) if ends_at <= now);
                hold_to!(held, "S3: the hold of {weight} was called held before its end");
            }
            EventKind::Drifted { found, expected } => {
                hold_to!(self.looks_foreign(), "S7: drift was told, and nobody else touched the alias");
                let read = self.known.as_ref().map(|known| known.routing);
                hold_to!(*found == read, "S7: `drifted` does not say what was found");
                let left = [self.ours, self.known_ours];
                hold_to!(left.contains(&Some(*expected)), "S7: `drifted` does not say what was expected");
                self.known_ours = *found;
            }
            EventKind::RollingBack { cause } => {
                self.may_roll_back(cause, plan, now)?;
                self.has_cause = true;
                self.putting_back_since = Some(now);
            }
            EventKind::RolledBack { revision_id, .. } => {
                let given_up = self.is_over_rollback_deadline(plan, now);
                let proved = self.known.as_ref().is_some_and(|known| known.revision_id == *revision_id);
                hold_to!(
                    proved && (self.read_now || given_up),
                    "S6: `rolled_back` was told and not read back"
                );
            }
            EventKind::Promoted { revision_id, .. } => {
                let proved = self.known.as_ref().is_some_and(|known| known.revision_id == *revision_id);
                hold_to!(proved && self.read_now, "S6: `promoted` was told and not read back");
            }
            EventKind::Finished(outcome) => self.finished = Some(outcome.clone()),
            _ => {}
        }
        Ok(())
    }

    fn may_roll_back(&self, cause: &Cause, plan: &RolloutPlan, now: Timestamp) -> Result<(), Broken> {
        let so = match cause {
            Cause::Drift { .. } => self.looks_foreign(),
            Cause::Alarm { .. } | Cause::Hook { .. } | Cause::Abort { .. } => self.has_cause,
            Cause::AlarmsUnreadable { .. } => {
                let tolerated = plan.alarms().unreadable().tolerate;
                self.unreadable_since.is_some_and(|since| now.since(since) >= tolerated)
            }
            Cause::Deadline { .. } => plan.deadline().is_some_and(|after| now >= self.started_at + after),
            _ => self.excused,
        };
        hold_to!(so || self.has_cause, "S11: rolled back for `{cause}`, which was not so");
        Ok(())
    }

    /// The rollout has said all that there is to say for now.
    pub(crate) fn inspect(
        &mut self,
        rollout: &Rollout,
        in_flight: &[Call],
        plan: &RolloutPlan,
        now: Timestamp,
    ) -> Result<(), Broken> {
        self.read_now = false;
        let tolerated = plan.alarms().unreadable().tolerate;
        let deadline = plan.deadline().is_some_and(|after| now >= self.started_at + after);
        let unreadable = self.unreadable_since.is_some_and(|since| now.since(since) >= tolerated);
        self.has_cause |= deadline || unreadable;
        let looking = in_flight.iter().any(|call| matches!(call.effect, Effect::ReadAlarms(_)));
        if is_watched(rollout.status().phase) && !plan.alarms().names().is_empty() && !looking {
            let due = self.look_began.map(|began| began + plan.alarms().poll());
            let comes = due.is_some_and(|due| rollout.deadline().is_some_and(|deadline| deadline <= due));
            hold_to!(comes, "S10: no look at the alarms is in flight, and none comes within the poll");
        }
        let waits = in_flight.is_empty() && rollout.status().phase != Phase::Done;
        let wakes = rollout.deadline().is_some_and(|deadline| deadline > now);
        hold_to!(!waits || wakes, "S9: nothing is in flight, and nothing will ever be due");
        Ok(())
    }

    /// The rollout has ended with this outcome on this account.
    pub(crate) fn ended(
        &self,
        outcome: &Outcome,
        account: &Account,
        in_flight: &[Call],
        plan: &RolloutPlan,
        now: Timestamp,
    ) -> Result<(), Broken> {
        use OutcomeKind as K;
        let kind = outcome.kind;
        hold_to!(self.finished.as_ref() == Some(outcome), "events: the last one is not `finished`");
        let raised = kind == K::Promoted && self.has_cause;
        hold_to!(!raised, "S5: promoted with a cause to go back");
        let late = plan.deadline().is_some_and(|after| now >= self.started_at + after);
        let planned = kind == K::Promoted || kind == K::NothingToDo && self.reborn;
        hold_to!(planned || late || self.excused || self.has_cause, "S9: ended as {kind} for no reason");
        let abandoned = in_flight.iter().filter_map(|call| match &call.effect {
            Effect::WriteAlias(write) if account.admits(write) => Some(write),
            _ => None,
        });
        let at_large = account.late().iter().chain(abandoned).next();
        let gives_up = matches!(kind, K::Unsettled | K::Drifted);
        hold_to!(gives_up || at_large.is_none(), "S2: ended as {kind} while a write may still land");
        match kind {
            K::Drifted => hold_to!(!self.share_is_left(account), "S7: drifted, and the canary takes traffic"),
            K::Unsettled => {
                let late = self.is_over_rollback_deadline(plan, now);
                hold_to!(late, "S6: unsettled before the rollback's time was up");
                hold_to!(outcome.advice.is_some(), "S6: unsettled without a word on what to do");
            }
            // Another hand has changed the alias since the rollout last looked, or before it ever did.
            _ if self.foreign => {}
            K::Refused if self.known.is_none() => {}
            K::Refused if matches!(outcome.cause, Some(Cause::AliasWeighted { .. })) => {
                let second = self.known.as_ref().and_then(|known| known.routing.additional);
                let ours = second.is_some_and(|(second, _)| second == version(CANARY));
                hold_to!(!ours, "S9: refused what a rollout of this plan has left");
            }
            K::Promoted | K::NothingToDo => {
                let promoted = account.routing() == Some(Routing::only(version(CANARY)));
                hold_to!(promoted, "S6: ended as {kind}, and the alias is elsewhere");
            }
            K::RolledBack | K::Refused | K::Aborted => {
                let single = account.routing().is_none_or(|routing| routing.is_single());
                hold_to!(
                    single && !self.share_is_left(account),
                    "S6: ended as {kind} and left the canary there"
                );
                let stable = account.routing().and_then(|routing| routing.version.published());
                let right = self.left_standing.or(self.stable);
                hold_to!(
                    right.is_none() || stable == right,
                    "S8: ended as {kind}, and not on the version written down"
                );
            }
        }
        Ok(())
    }

    fn looks_foreign(&self) -> bool {
        self.foreign || self.edited == Edited::PerhapsUndone
    }

    fn share_is_left(&self, account: &Account) -> bool {
        account.routing().is_some_and(|routing| routing.share_of(version(CANARY)) > Weight::ZERO)
    }

    fn is_over_rollback_deadline(&self, plan: &RolloutPlan, now: Timestamp) -> bool {
        let since = self.putting_back_since.or(self.taken_up_at);
        since.is_some_and(|since| now >= since + plan.rollback_deadline())
    }
}

fn is_watched(phase: Phase) -> bool {
    use Phase as P;
    matches!(
        phase,
        P::BeforeHook
            | P::Ready
            | P::Shifting
            | P::Holding
            | P::Gated
            | P::Promoting
            | P::AfterHook
            | P::Baking
            | P::Confirming
    )
}

/// How old a look may be on which a raise is written: the next one is begun after the poll, and answered within the
/// time of a call.
fn stale(plan: &RolloutPlan) -> Duration {
    plan.alarms().poll() + Effect::ReadAlarms(Vec::new()).limit()
}

fn step_at(plan: &RolloutPlan, weight: Weight) -> Option<&Step> {
    plan.schedule().steps().iter().find(|step| step.weight == weight)
}
