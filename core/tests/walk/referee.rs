use std::time::Duration;

use lambda_rollout::account::{AliasState, AliasWrite, Claim, HookVerdict, Routing};
use lambda_rollout::event::Outcome;
use lambda_rollout::machine::{Command, Effect, EffectId, EffectResult, Phase, Snapshot};
use lambda_rollout::plan::{RolloutPlan, Step};
use lambda_rollout::units::{Qualifier, RolloutId, Timestamp, Version, Weight};
use lambda_rollout::{Error, ErrorKind};

use crate::account::{Account, Alarm, CANARY, Opening, version};
use crate::broken::{Broken, hold_to};
use crate::hold::Hold;
use crate::looks::{Circumstances, Looks, Reading};
use crate::promises::longest_between_looks;
use crate::situation::Call;

/// Remembers what one rollout was shown, told and asked to do through all its processes. What that allows it to do is
/// said in `promises`, by the words of DESIGN.md alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Referee {
    pub(crate) id: Option<RolloutId>,
    pub(crate) started_at: Timestamp,
    /// Since when a process with a journal has been taking the rollout up.
    pub(crate) taken_up_at: Option<Timestamp>,
    /// Whether a process began without a journal in the place of one that died.
    pub(crate) reborn: bool,
    /// The alias's own version when the rollout first saw it.
    pub(crate) stable: Option<Version>,
    /// The alias as this process last saw it.
    pub(crate) known: Option<AliasState>,
    /// Where any process of this rollout last saw it.
    seen: Option<Routing>,
    pub(crate) hand: OtherHand,
    pub(crate) newest_call: Option<EffectId>,
    /// Writes that may have taken effect for all that the rollout knows.
    pub(crate) unanswered: Vec<AliasWrite>,
    /// Whether the newest write's result is unknown and no read has decided yet.
    pub(crate) write_unknown: bool,
    /// Whether that is so because AWS refused its revision, or to create what is there.
    refused: bool,
    /// Whether the newest call about the alias failed.
    failing: bool,
    /// Revisions of the alias that this rollout has seen replaced: a read that shows one is an old copy.
    superseded: Vec<String>,
    /// Whether it has asked for the alias to be created.
    pub(crate) creates: bool,
    /// Whether the newest read of the alias said that there is none.
    pub(crate) absent: bool,
    /// Whether the rollout knows what it is to publish.
    latest_read: bool,
    /// Whether pre-flight has come past the alarms.
    pub(crate) checked: bool,
    pub(crate) hold: Option<Hold>,
    pub(crate) looks: Looks,
    pub(crate) people: People,
    /// Whether there is a cause to take the canary out.
    pub(crate) has_cause: bool,
    pub(crate) putting_back_since: Option<Timestamp>,
    /// Whether what happened allows another end than the plan's own.
    pub(crate) excused: bool,
    /// Whether the input at hand is a look at the alias.
    pub(crate) read_now: bool,
    pub(crate) next_seq: u64,
    pub(crate) last_at: Timestamp,
    pub(crate) finished: Option<Outcome>,
}

/// What another hand did to the alias.
#[derive(Debug, Clone, Default)]
pub(crate) struct OtherHand {
    /// Where the rollout left the alias, or found it: what another hand makes of it is compared with this.
    pub(crate) ours: Option<Routing>,
    /// The same as far as the rollout knows.
    pub(crate) known_ours: Option<Routing>,
    /// Where a write without an answer may have left it before the rollout looked again.
    pub(crate) perhaps_ours: Option<Routing>,
    /// Whether it moved traffic, and the rollout has not taken the canary out since.
    pub(crate) moved: bool,
    /// The version that it made the alias's own, where the canary was only taken from beside it.
    pub(crate) left_standing: Option<Version>,
    /// The other rollout that was last seen to claim the alias, until this one wrote to it.
    pub(crate) claims: Option<RolloutId>,
    /// Whether another rollout was seen to have moved the alias after this one had looked at it.
    took_over: bool,
}

/// What people want.
#[derive(Debug, Clone, Default)]
pub(crate) struct People {
    pub(crate) paused: bool,
    pub(crate) approved: bool,
    pub(crate) promote: bool,
}

/// What surrounds the rollout while the referee watches.
pub(crate) struct Scene<'s> {
    pub(crate) plan: &'s RolloutPlan,
    pub(crate) now: Timestamp,
    pub(crate) account: &'s Account,
    pub(crate) in_flight: &'s [Call],
    pub(crate) journal: Option<&'s Snapshot>,
}

impl Scene<'_> {
    pub(crate) fn step_at(&self, weight: Weight) -> Option<&Step> {
        self.plan.schedule().steps().iter().find(|step| step.weight == weight)
    }
}

impl Referee {
    pub(crate) fn new(id: RolloutId, now: Timestamp) -> Self {
        Self { id: Some(id), started_at: now, last_at: now, next_seq: 1, ..Self::default() }
    }

    /// Of a rollout that finds the account so.
    pub(crate) fn facing(opening: &Opening, id: RolloutId, now: Timestamp) -> Self {
        Self { excused: opening.alarm != Alarm::Ok, ..Self::new(id, now) }
    }

    /// The process died, and the next one, which has no journal, begins a rollout of its own.
    pub(crate) fn begins_anew(&mut self, id: RolloutId, now: Timestamp) {
        let before = std::mem::replace(self, Self::new(id, now));
        self.reborn = true;
        self.excused = before.excused;
        self.hand = OtherHand { known_ours: None, left_standing: None, ..before.hand };
    }

    /// The process died, and the next one has what the journal kept.
    pub(crate) fn takes_up(&mut self, now: Timestamp, kept: Option<&Snapshot>) {
        // What was written down ahead of it may have been on its way, for all that the next process knows.
        for routing in kept.iter().flat_map(|kept| &kept.under_way) {
            let revision_id = kept.map(|kept| kept.alias.revision_id.clone()).unwrap_or_default();
            self.unanswered.push(AliasWrite::new(*routing, revision_id));
        }
        self.taken_up_at = Some(now);
        self.known = None;
        self.newest_call = None;
        self.write_unknown = false;
        self.refused = false;
        self.failing = false;
        self.looks = Looks::of_journal(kept);
        self.absent = false;
        self.superseded = kept.map(|kept| kept.superseded.clone()).unwrap_or_default();
        self.checked = kept.is_some_and(|kept| kept.phase > Phase::Checking);
        self.putting_back_since = None;
    }

    /// The number of the next event: what a journal that keeps the events knows.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Something happened after which the rollout may end otherwise than planned.
    pub(crate) fn excuse(&mut self) {
        self.excused = true;
    }

    /// Another hand moved traffic.
    pub(crate) fn moved_by_other_hand(&mut self) {
        self.hand.moved = true;
        self.excused = true;
    }

    /// Whether the rollout can know that this is an old copy of the alias, or takes it for what it knew: a write without
    /// an answer has landed meanwhile.
    pub(crate) fn knows_better_than(&self, old: &AliasState) -> bool {
        let known = self.known.as_ref().is_some_and(|known| known.revision_id == old.revision_id);
        known || self.superseded.contains(&old.revision_id)
    }

    /// Whether another pipeline that changes `$LATEST` now brings what the plan did not mean.
    pub(crate) fn has_read_latest(&self) -> bool {
        let left_weights = self.known.as_ref().is_some_and(|known| known.routing.additional.is_some());
        self.latest_read || self.reborn && left_weights
    }

    /// Whether the rollout cannot tell such a change from a write of its own.
    pub(crate) fn may_be_ours(&self, account: &Account) -> bool {
        let routing = account.routing();
        self.unanswered.iter().any(|write| Some(write.routing) == routing) || self.leaves_no_trace(account)
    }

    /// Whether such a change undoes a write that AWS refused for its revision although it had landed: where no claim
    /// tells of it, that looks as if the revision had been an old one.
    fn leaves_no_trace(&self, account: &Account) -> bool {
        let claims = |write: &AliasWrite| write.description.as_deref().and_then(Claim::find).is_some();
        let claimed = self.unanswered.last().is_some_and(claims) && account.claim() == self.id;
        let undone = self.known.as_ref().map(|known| known.routing) == account.routing();
        self.refused && self.write_unknown && !self.unanswered.is_empty() && undone && !claimed
    }

    /// Whether a failure now ends the rollout rightly: nothing has been answered, as with a wrong endpoint.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.known.is_none() && self.taken_up_at.is_none()
    }

    /// Whether something has been failing that a gap in time makes look as if it had failed all through the gap.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing || !self.unanswered.is_empty() || self.looks.unreadable_since.is_some()
    }

    /// A command was taken.
    pub(crate) fn ordered(&mut self, command: &Command, now: Timestamp) {
        match command {
            Command::Pause => {
                self.people.paused = true;
                if let Some(hold) = &mut self.hold {
                    hold.pause(now);
                }
            }
            Command::Resume if self.people.paused => self.resume(now),
            Command::Resume => self.people.approved = true,
            Command::Promote => {
                self.people.promote = true;
                self.resume(now);
            }
            Command::Abort { .. } => self.has_cause = true,
            other => unreachable!("{other:?}"),
        }
    }

    fn resume(&mut self, now: Timestamp) {
        self.people.paused = false;
        if let Some(hold) = &mut self.hold {
            hold.resume(now);
        }
    }

    /// A write of the rollout is about to take effect on this account.
    pub(crate) fn takes_effect(&mut self, write: &AliasWrite, account: &Account) -> Result<(), Broken> {
        let other = account.claim().filter(|claim| Some(claim) != self.id.as_ref());
        hold_to!(other.is_none() || !self.hand.took_over, "S7: wrote to an alias that another runner has");
        let found = account.routing().filter(|found| self.hand.moved && Some(*found) != self.hand.ours);
        if let Some(found) = found {
            let canary = version(CANARY);
            let own = found.version.published().filter(|own| *own != canary);
            let remains = own.or(self.stable);
            // A canary that is there without a share takes no traffic with it.
            let has_canary = found.share_of(canary) > Weight::ZERO
                || found.additional.is_some_and(|(second, _)| second == canary);
            hold_to!(
                has_canary && Some(write.routing) == remains.map(Routing::only),
                "S7: what another hand made of the alias ({found}) was overwritten with {}",
                write.routing
            );
            self.hand.left_standing = remains;
        }
        self.hand.moved = false;
        self.hand.ours = Some(write.routing);
        Ok(())
    }

    /// The rollout is given the result of a call.
    pub(crate) fn answered(&mut self, call: &Call, result: &EffectResult, scene: &Scene) {
        match call.effect {
            // What is no longer waited for tells nothing.
            Effect::ReadAlias | Effect::WriteAlias(_) | Effect::CreateAlias(_) => {
                if self.newest_call == Some(call.id) {
                    self.alias_answered(call, result, scene);
                }
            }
            Effect::ReadAlarms(_) | Effect::ReadAlarmHistory { .. } => {
                self.alarms_answered(call, result, scene)
            }
            Effect::ReadVersion(Qualifier::Latest) => {
                self.failing = !matches!(result, EffectResult::Version(Ok(_)));
                self.latest_read |= !self.failing;
            }
            Effect::RunHook(_) => {
                let passed =
                    matches!(result, EffectResult::Hook(report) if report.verdict != HookVerdict::Fail);
                self.has_cause |= !passed;
            }
            _ => self.failing = !matches!(result, EffectResult::Version(Ok(_))),
        }
    }

    fn alarms_answered(&mut self, call: &Call, result: &EffectResult, scene: &Scene) {
        let watch = scene.plan.alarms();
        let served_already = self.stable == Some(version(CANARY));
        let weight =
            self.known.as_ref().map_or(Weight::ZERO, |known| known.routing.share_of(version(CANARY)));
        let circumstances = Circumstances {
            now: scene.now,
            has_traffic: (weight > Weight::ZERO && !served_already) || !self.unanswered.is_empty(),
            checked: self.checked,
        };
        let reading = match (&call.effect, result) {
            (Effect::ReadAlarmHistory { .. }, EffectResult::AlarmHistory(result)) => {
                self.looks.explained(result.as_deref(), watch, scene.now)
            }
            (Effect::ReadAlarmHistory { .. }, _) => {
                let error = Error::new(ErrorKind::Unreachable, "no answer in time");
                self.looks.explained(Err(&error), watch, scene.now)
            }
            _ => Some(self.looks.read(call, result, watch, circumstances)),
        };
        match (reading, &mut self.hold) {
            (Some(Reading::Passes), Some(hold)) => {
                if let Some(began) = self.looks.clear {
                    hold.passes(began, longest_between_looks(scene.plan));
                }
            }
            (Some(Reading::Fails), _) => self.has_cause = true,
            (Some(Reading::Denied), _) => self.has_cause = true,
            _ => {}
        }
    }

    fn alias_answered(&mut self, call: &Call, result: &EffectResult, scene: &Scene) {
        use ErrorKind as E;
        let write = call.write();
        let result = match result {
            EffectResult::Alias(result) => result.as_ref().map_err(Error::kind),
            _ => Err(E::Unreachable),
        };
        self.failing = result.is_err();
        match (result, write) {
            // An old copy tells nothing.
            (Ok(state), None) if self.superseded.contains(&state.revision_id) => self.failing = true,
            (Ok(state), _) => {
                self.absent = false;
                let claim = Claim::find(&state.description).map(|claim| claim.rollout_id);
                self.hand.claims.take_if(|_| write.is_some());
                self.hand.claims =
                    claim.filter(|claim| Some(claim) != self.id.as_ref()).or(self.hand.claims.take());
                self.read_now = write.is_none();
                self.write_unknown = false;
                self.sees(state, scene);
                self.refused = false;
            }
            // That there is no alias is believed when many reads say so, and then the rollout ends.
            (Err(E::NotFound), None) => (self.failing, self.absent) = (true, true),
            // There is an alias after all, and for all that the rollout knows another hand has made it.
            (Err(E::Conflict), None) if matches!(call.effect, Effect::CreateAlias(_)) => self.refused = true,
            (Err(_), None) => {}
            // Known not to have taken effect.
            (Err(E::Throttled | E::AccessDenied | E::Config | E::Rejected), Some(write)) => {
                let newest = self.unanswered.iter().rposition(|other| other == write);
                newest.map(|index| self.unanswered.remove(index));
            }
            (Err(error), Some(_)) => {
                self.write_unknown = true;
                self.refused = error == E::Conflict;
            }
        }
    }

    fn sees(&mut self, state: &AliasState, scene: &Scene) {
        let canary = version(CANARY);
        if self.is_unanswered() && (!self.creates || self.refused) {
            self.stable = state.routing.version.published();
            self.hand.ours = Some(state.routing);
            self.hand.moved = self.refused;
        }
        let weight = state.routing.share_of(canary);
        if self.seen.map(|routing| routing.share_of(canary)) != Some(weight) {
            let length = scene.step_at(weight).map_or(Duration::ZERO, |step| step.hold);
            self.hold = Some(Hold::begin(length, scene.now, self.people.paused));
            self.people.approved = false;
        }
        let silent = self.unanswered.len().saturating_sub(usize::from(self.refused));
        let mut silent = self.unanswered.iter().take(silent);
        let outlived = silent.any(|write| write.revision_id != state.revision_id);
        if outlived && self.seen == Some(state.routing) {
            // That a raise without an answer was taken back cannot be told from an edited description.
            self.moved_by_other_hand();
        }
        // Whoever did it: the rollout may take it for a write of its own.
        let as_we_would = self.unanswered.iter().any(|write| write.routing == state.routing);
        let claim_of = |state: &AliasState| Claim::find(&state.description).map(|claim| claim.rollout_id);
        let is_other = claim_of(state).is_some_and(|claim| Some(&claim) != self.id.as_ref());
        let same = |known: &AliasState| known.routing == state.routing && claim_of(known) == claim_of(state);
        self.hand.took_over |= is_other && self.known.as_ref().is_some_and(|known| outlived || !same(known));
        let newest = self.unanswered.last().map(|write| write.routing);
        self.hand.perhaps_ours = newest.or(self.hand.perhaps_ours);
        self.unanswered.retain(|write| write.revision_id == state.revision_id);
        self.superseded.retain(|old| *old != state.revision_id);
        let replaced = self.known.as_ref().filter(|known| known.revision_id != state.revision_id);
        self.superseded.extend(replaced.map(|known| known.revision_id.clone()));
        self.known = Some(state.clone());
        self.seen = Some(state.routing);
        if !self.hand.moved || as_we_would {
            self.hand.known_ours = self.seen;
        }
    }
}
