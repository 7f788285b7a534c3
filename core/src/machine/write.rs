use std::time::Duration;

use super::call::Call;
use super::effect::Effect;
use super::phase::{Phase, Trigger};
use super::rollout::Rollout;
use crate::account::{AliasState, AliasWrite, Claim, HookMoment, ProvisionedConcurrency, Routing};
use crate::error::{Error, ErrorKind};
use crate::event::{Cause, EventKind, OutcomeKind};
use crate::units::{Timestamp, Version, Weight};

/// What is known of our own writes to the alias.
#[derive(Debug, Clone, Default)]
pub(super) struct Writes {
    /// Where the newest write shall bring the alias.
    wanted: Option<Routing>,
    /// Whether the newest write's result is unknown and no read has decided yet.
    unresolved: bool,
    /// What writes of unknown result would bring the alias to. As long as the alias is at the revision that they
    /// named they may still land; once it has moved on, AWS refuses them.
    may_land: Vec<Routing>,
    /// Whether one of those was not answered at all. What AWS refuses for its revision has most likely not landed.
    unanswered: bool,
    /// The newest write that AWS acknowledged, or that may have landed without a word, and when.
    acknowledged: Option<(Routing, Timestamp)>,
    /// Whether AWS was asked if it moves provisioned concurrency.
    asked: bool,
    /// Whether it has said that it does.
    moves: bool,
    /// When it first said after that that it no longer does.
    moved_at: Option<Timestamp>,
    /// Whether the newest read showed weights that may be of its making, so that where the alias is is not known.
    unsettled: bool,
}

/// How an alias that was read compares with what was known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing has happened to it, or nothing that concerns traffic.
    AsKnown,
    /// The read lags: it shows the alias at a revision that is known to have been replaced.
    OldCopy,
    /// A write of ours, whose result was unknown, has landed.
    OursLanded(AliasState),
    /// AWS is still moving provisioned concurrency from one version to the other, with weights of its own.
    Settling,
    /// Another hand changed it, or another runner has it; that has been dealt with.
    Drifted,
}

/// Time that failing writes and reads are borne before a raise is given up.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// Time that AWS is given to clear the weights that it sets itself when an alias with provisioned concurrency changes
/// its version (<https://github.com/hashicorp/terraform-provider-aws/issues/48116>), and between two reads meanwhile.
/// As long as AWS says that it still moves provisioned concurrency there, which takes up to a quarter of an hour, it is
/// given more, up to a bound.
const SETTLING: Duration = Duration::from_secs(2 * 60);
const LONGEST_SETTLING: Duration = Duration::from_secs(30 * 60);
const SETTLING_POLL: Duration = Duration::from_secs(5);
/// How long reads of the alias may lag behind the answer that it no longer moves.
const MOVING: Duration = Duration::from_secs(30);
/// How many old revisions of the alias are remembered: a read lags by seconds, and no rollout writes that often.
const OLD_REVISIONS: usize = 16;

impl Writes {
    /// What another process left: where its writes had brought the alias, if it made any, and those without an answer.
    /// Where it made none, AWS has nothing to move, and weights are another hand's.
    pub(super) fn left_behind(written: Option<Routing>, under_way: &[Routing], now: Timestamp) -> Self {
        let newest = under_way.last().copied().or(written);
        Self {
            may_land: under_way.to_vec(),
            unanswered: !under_way.is_empty(),
            acknowledged: newest.map(|newest| (newest, now)),
            ..Self::default()
        }
    }

    /// Where writes bring the alias that are about to be made, or were made and not answered for yet.
    pub(super) fn under_way(&self) -> Vec<Routing> {
        let mut routings = self.may_land.clone();
        routings.extend(self.wanted.filter(|wanted| !self.may_land.contains(wanted)));
        routings
    }

    /// Whether a write of ours, made or wanted, brings the alias there.
    pub(super) fn brings(&self, routing: &Routing) -> bool {
        self.wanted == Some(*routing) || self.may_land.contains(routing)
    }

    pub(super) fn may_land(&self) -> bool {
        !self.may_land.is_empty()
    }

    pub(super) fn is_unresolved(&self) -> bool {
        self.unresolved
    }

    pub(super) fn want(&mut self, routing: Routing) {
        self.wanted = Some(routing);
    }

    /// The alias has moved on: what named an older revision can no longer land.
    fn forget_older(&mut self) {
        self.may_land.clear();
        self.unanswered = false;
    }

    fn result_unknown(&mut self) {
        self.unresolved = true;
        if let Some(wanted) = self.wanted
            && !self.may_land.contains(&wanted)
        {
            self.may_land.push(wanted);
        }
    }
}

impl Rollout {
    /// Where the alias points when the canary has this weight.
    pub(super) fn routing_of(&self, weight: Weight) -> Routing {
        match (self.stable, self.canary) {
            (Some(_), Some(canary)) if weight == Weight::FULL => Routing::only(canary),
            (Some(stable), _) if weight == Weight::ZERO => Routing::only(stable),
            (Some(stable), Some(canary)) => Routing::split(stable, canary, weight),
            _ => unreachable!("a weight is written only when both versions are known"),
        }
    }

    pub(super) fn write_weight(&mut self, weight: Weight) {
        let routing = self.routing_of(weight);
        self.writes.want(routing);
        let is_there = |alias: &AliasState| alias.routing == routing && !self.writes.may_land();
        match self.alias.clone().filter(is_there) {
            // The write of a process before this one has come home.
            Some(alias) => self.landed(alias),
            // What another hand has made of it is not overwritten: a read decides first.
            None if self.writes.unsettled => self.issue(Call::Resolve),
            None => self.send_write(),
        }
    }

    /// Writes a raise again that did not land. The alarms may have changed since it was decided, or a person paused it.
    pub(super) fn raise_again(&mut self) {
        if self.is_still_clear() && !self.paused {
            self.send_write();
        } else {
            self.retry.after(self.plan.alarms.poll, Call::Write, self.now);
        }
    }

    pub(super) fn send_write(&mut self) {
        let (Some(routing), Some(alias)) = (self.writes.wanted, &self.alias) else { return };
        let description = self.description_for(&routing, &alias.description);
        let restores = self.phase == Phase::RollingBack;
        let write = AliasWrite { routing, revision_id: alias.revision_id.clone(), description, restores };
        self.persist();
        let id = self.effect(Effect::WriteAlias(write));
        self.call = Some((id, Call::Write));
    }

    pub(super) fn write_finished(&mut self, result: Result<AliasState, Error>) {
        let error = match result {
            Ok(state) if Some(state.routing) == self.writes.wanted => return self.landed(state),
            Ok(state) => {
                // Acknowledged, and yet another routing than the one we asked for: look again in a while.
                tracing::info!(found = %state.routing, "the alias was written, and AWS answered with another routing");
                self.writes.result_unknown();
                self.writes.acknowledged = self.writes.wanted.map(|wanted| (wanted, self.now));
                return self.look_again_while_settling(Call::Resolve);
            }
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::Throttled | ErrorKind::Config => self.write_failed(Call::Write, error),
            ErrorKind::AccessDenied | ErrorKind::Rejected if self.phase == Phase::RollingBack => {
                self.write_failed(Call::Write, error);
            }
            // The raise that was under way when the rollback began was not made.
            ErrorKind::Journal if self.phase == Phase::RollingBack => self.restore_routing(),
            ErrorKind::AccessDenied | ErrorKind::Rejected | ErrorKind::Journal => {
                self.put_back(Cause::Error { error: error.report() });
            }
            // Whether the write took effect is unknown; a refusal may be our own first try come home late.
            kind => {
                self.note_rollback_error(&error);
                self.writes.unanswered |= kind != ErrorKind::Conflict;
                self.writes.result_unknown();
                self.expect_moving();
                self.issue(Call::Resolve);
            }
        }
    }

    /// A write of unknown result that makes another version the alias's own may have landed, and AWS may be moving
    /// provisioned concurrency there before any read has shown the write itself.
    fn expect_moving(&mut self) {
        let own = self.alias.as_ref().map(|alias| alias.routing.version);
        if let Some(wanted) = self.writes.wanted.filter(|wanted| Some(wanted.version) != own) {
            self.writes.acknowledged = Some((wanted, self.now));
        }
    }

    pub(super) fn write_resolved(&mut self, result: Result<AliasState, Error>) {
        let state = match result {
            Ok(state) => state,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.note_rollback_error(&error);
                return self.alias_not_found(Call::Resolve);
            }
            Err(error) => return self.write_failed(Call::Resolve, error),
        };
        match self.compare_with_known(state) {
            Standing::OldCopy => self.write_failed(Call::Resolve, lags()),
            Standing::AsKnown if self.phase == Phase::RollingBack => {
                self.writes.unresolved = false;
                self.retry.after_failure(Call::Write, self.now);
            }
            Standing::AsKnown => {
                self.writes.unresolved = false;
                let error = Error::new(ErrorKind::Unreachable, "the alias could not be written");
                self.write_failed(Call::Write, error);
            }
            Standing::OursLanded(state) if Some(state.routing) == self.writes.wanted => self.landed(state),
            Standing::OursLanded(state) => {
                // An older write came home late: the newest one still has to be made, from here.
                self.writes.forget_older();
                self.writes.unresolved = false;
                self.note_shift(state);
                self.issue(Call::Write);
            }
            // The restoring write does not wait for AWS.
            Standing::Settling if self.phase == Phase::RollingBack => {
                self.writes.unresolved = false;
                self.retry.after_failure(Call::Write, self.now);
            }
            Standing::Settling => self.look_again_while_settling(Call::Resolve),
            Standing::Drifted => {}
        }
    }

    /// Reads the alias again in a while, after AWS has said whether it still moves provisioned concurrency there.
    pub(super) fn look_again_while_settling(&mut self, call: Call) {
        self.settling = Some(call);
        self.retry.after(SETTLING_POLL, Call::ReadProvisioned, self.now);
    }

    pub(super) fn provisioned_read(&mut self, result: Result<Option<ProvisionedConcurrency>, Error>) {
        self.writes.asked = true;
        match result {
            Ok(Some(ProvisionedConcurrency::InProgress)) => {
                (self.writes.moves, self.writes.moved_at) = (true, None);
            }
            Ok(_) => {
                self.writes.moved_at.get_or_insert(self.now);
            }
            Err(error) => tracing::debug!(%error, "the provisioned concurrency could not be read"),
        }
        if let Some(call) = self.settling.take() {
            self.issue(call);
        }
    }

    /// A write, or the read that decides about it, failed without effect: try again in a while. A raise is given
    /// up when that goes on for long; a rollback has a deadline of its own.
    fn write_failed(&mut self, next: Call, error: Error) {
        self.note_rollback_error(&error);
        if self.phase != Phase::RollingBack && self.retry.is_exhausted(PATIENCE, self.now) {
            return self.put_back(Cause::Error { error: error.report() });
        }
        self.retry.after_failure(next, self.now);
    }

    fn landed(&mut self, state: AliasState) {
        self.retry.forget();
        self.ours_landed(state);
        match self.phase {
            Phase::Shifting => self.step_reached(Trigger::Landed),
            Phase::Promoting => self.full_reached(Trigger::LandedToHook, Trigger::Landed),
            // What landed may be the raise that was under way when the rollback began.
            Phase::RollingBack => self.restore_routing(),
            _ => unreachable!("no write is made in {:?}", self.phase),
        }
    }

    /// A step's weight is known to be there: hold it.
    pub(super) fn step_reached(&mut self, on: Trigger) {
        self.go(on);
        self.begin_hold();
        if self.promote_asked {
            self.hold.clear();
            self.go(Trigger::Promote);
            self.write_weight(Weight::FULL);
        }
    }

    /// All traffic is known to be on the canary version: the hook comes next, or the bake.
    pub(super) fn full_reached(&mut self, to_hook: Trigger, to_bake: Trigger) {
        if self.plan.after_traffic.is_some() {
            self.go(to_hook);
            self.run_hook(HookMoment::AfterTraffic);
        } else {
            self.go(to_bake);
            self.begin_bake();
        }
    }

    /// Takes over an alias that a write of ours, of unknown result until now, has changed.
    pub(super) fn ours_landed(&mut self, state: AliasState) {
        self.writes = Writes { acknowledged: Some((state.routing, self.now)), ..Writes::default() };
        self.unwritten = true;
        self.note_shift(state);
    }

    /// Takes over an alias that a write of ours has changed, and tells the change.
    fn note_shift(&mut self, state: AliasState) {
        let before = self.weight();
        let from_before = self.alias.as_ref().and_then(|alias| alias.routing.version.published());
        let (to, revision_id) = (state.routing.version.published(), state.revision_id.clone());
        self.know(state);
        let weight = self.weight();
        self.traffic_moved |= weight > Weight::ZERO;
        let (Some(stable), Some(canary)) = (from_before.or(self.stable), self.canary) else { return };
        if weight > before {
            self.emit(EventKind::Shifted { weight, from: stable, to: canary, revision_id });
        } else if weight < before {
            self.emit(EventKind::Shifted { weight, from: canary, to: to.unwrap_or(stable), revision_id });
        }
    }

    /// Takes over the alias as it is now, and remembers that the revision before is an old one.
    fn know(&mut self, state: AliasState) {
        self.gone = None;
        let before = self.alias.as_ref().map(|alias| alias.revision_id.clone());
        self.superseded.retain(|old| *old != state.revision_id);
        if let Some(before) = before.filter(|before| *before != state.revision_id) {
            self.superseded.push(before);
            let surplus = self.superseded.len().saturating_sub(OLD_REVISIONS);
            self.superseded.drain(..surplus);
        }
        self.alias = Some(state);
    }

    /// Compares an alias that was read with what is known of it, and takes over what does not concern traffic.
    /// Drift is dealt with here; a write of ours that landed is the caller's to take over.
    pub(super) fn compare_with_known(&mut self, state: AliasState) -> Standing {
        self.gone = None;
        let Some(known) = &self.alias else { return Standing::AsKnown };
        if state == *known {
            return Standing::AsKnown;
        }
        if state.revision_id != known.revision_id && self.superseded.contains(&state.revision_id) {
            tracing::info!(rollout = %self.id, revision = state.revision_id, "a read of the alias lags behind");
            return Standing::OldCopy;
        }
        let was_unsettled = std::mem::take(&mut self.writes.unsettled);
        let undone = self.undone_by_another_hand(known, &state);
        if let Some(by) = self.other_runner(known, &state, undone.is_some()) {
            self.taken_over(state, by);
            return Standing::Drifted;
        }
        if self.writes.may_land.contains(&state.routing) {
            return Standing::OursLanded(state);
        }
        if let Some(landed) = undone {
            self.alias = Some(AliasState { routing: landed, ..known.clone() });
            self.drifted(Some(state));
            return Standing::Drifted;
        }
        if state.routing == known.routing {
            // Its description was edited, say.
            self.know(state);
            self.writes.forget_older();
            self.unwritten = true;
            return Standing::AsKnown;
        }
        if self.is_settling(&state.routing) {
            // AWS moves it because a write of ours, answered or not, has made another version the alias's own.
            self.traffic_moved |= state.routing.version != known.routing.version;
            self.know(AliasState { routing: known.routing, ..state });
            self.writes.unsettled = true;
            return Standing::Settling;
        }
        self.writes.unsettled = was_unsettled;
        self.drifted(Some(state));
        Standing::Drifted
    }

    /// Where a raise of unknown result brought the alias, if another hand has taken it back from there: our claim is on
    /// it, or the revision has moved on and the raise was never answered. Only the description may have been edited;
    /// but where a person may have taken the canary out, it is not put in again.
    fn undone_by_another_hand(&self, known: &AliasState, found: &AliasState) -> Option<Routing> {
        let landed = *self.writes.may_land.last()?;
        let canary = self.canary?;
        if found.routing != known.routing || landed.share_of(canary) == Weight::ZERO {
            return None;
        }
        let claims = |state: &AliasState| {
            Claim::find(&state.description).is_some_and(|claim| claim.rollout_id == self.id)
        };
        let claimed_since = claims(found) && !claims(known);
        (claimed_since || self.writes.unanswered).then_some(landed)
    }

    /// Whether this may be AWS itself, still moving provisioned concurrency after a write that it acknowledged. However
    /// late weights of its kind are found, they are nobody else's before AWS was asked.
    fn is_settling(&self, found: &Routing) -> bool {
        let Some((wanted, since)) = self.writes.acknowledged else { return false };
        let known = self.alias.as_ref().map(|alias| alias.routing).filter(|_| self.traffic_moved);
        let moves = self.writes.moves && self.writes.moved_at.is_none_or(|at| self.now.since(at) < MOVING);
        let ours = |version: Version| self.stable == Some(version) || self.canary == Some(version);
        [Some(wanted), known].into_iter().flatten().any(|to| to.is_single() && to.version == found.version)
            && found.additional.is_some_and(|(second, _)| ours(second))
            && (!self.writes.asked || self.now.since(since) < if moves { LONGEST_SETTLING } else { SETTLING })
    }

    /// Another hand changed the alias. What it did stands, but for the canary: where that still takes traffic it is
    /// taken out.
    pub(super) fn drifted(&mut self, found: Option<AliasState>) {
        let Some(expected) = self.alias.as_ref().map(|alias| alias.routing) else { return };
        let routing = found.as_ref().map(|state| state.routing);
        self.emit(EventKind::Drifted { found: routing, expected });
        self.traffic_moved |= self.writes.may_land();
        self.unwritten = true;
        let revision = |state: &Option<AliasState>| state.as_ref().map(|state| state.revision_id.clone());
        // The revision of weights that were taken for AWS's own is known already.
        if self.writes.unsettled || revision(&found) != revision(&self.alias) {
            self.writes.forget_older();
        }
        self.writes = Writes { may_land: std::mem::take(&mut self.writes.may_land), ..Writes::default() };
        match found {
            Some(found) => self.know(found),
            None => self.alias = None,
        }
        let cause = Cause::Drift { found: routing, expected };
        if self.weight() == Weight::ZERO {
            return self.end(Trigger::LetGo, OutcomeKind::Drifted, Some(cause));
        }
        if self.phase == Phase::RollingBack {
            return self.retry.after_failure(Call::Write, self.now);
        }
        self.put_back(cause);
    }
}

/// The error of a read that shows what is known to have been replaced.
pub(super) fn lags() -> Error {
    Error::new(
        ErrorKind::Unreachable,
        "the alias is still read as it was before a write that AWS acknowledged",
    )
}
