use std::time::Duration;

use lambda_rollout::account::{AliasState, AliasWrite, ProvisionedConcurrency, Routing};
use lambda_rollout::event::Cause;
use lambda_rollout::machine::{Command, Effect, EffectResult};
use lambda_rollout::units::{Timestamp, Version, Weight};
use lambda_rollout::{Error, ErrorKind, Outcome, OutcomeKind};

use super::Findings;
use super::life::Life;
use crate::witness::What;

/// A write that was asked for, and the alias as the runner knew it then.
pub(super) struct Write<'a> {
    pub(super) at: Timestamp,
    pub(super) place: usize,
    pub(super) write: &'a AliasWrite,
    pub(super) known: AliasState,
}

/// Time that AWS is given to clear the weights that it sets itself (DESIGN.md: two minutes, and up to half an hour as
/// long as it says that it still moves provisioned concurrency), and that reads of the alias may lag behind its word that
/// it no longer does.
const SETTLING: Duration = Duration::from_secs(2 * 60);
const LONGEST_SETTLING: Duration = Duration::from_secs(30 * 60);
const LAGGING: Duration = Duration::from_secs(30);
/// How long reads have to say that the alias does not exist (DESIGN.md: thirty seconds).
const GONE: Duration = Duration::from_secs(30);

/// What a runner may know of the alias from the answers that it got.
struct Knowledge<'a> {
    life: &'a Life<'a>,
    known: Option<AliasState>,
    /// Revisions that are known to have been replaced: a read that shows one of them says nothing.
    replaced: Vec<String>,
    /// The revision before a write of ours was seen to have landed late, by a read that nothing waited for: the next
    /// write may still name it, and is refused.
    before_late: Option<String>,
    /// Found first: the version to which everything goes back.
    stable: Option<Version>,
    /// The write under way, and where it was asked for.
    under_way: Option<&'a AliasWrite>,
    newest_write: usize,
    /// Since which entry the newest write's result is unknown, as long as no read has decided.
    unknown_since: Option<usize>,
    /// Where writes of unknown result would have brought the alias.
    may_have_landed: Vec<Routing>,
    /// Where the newest write that was made, or may have been, brings the alias, and since when.
    written: Option<(Routing, Timestamp)>,
    /// Whether a write of this life is known to have taken effect.
    has_written: bool,
    /// What AWS has said since of the alias's provisioned concurrency.
    moving: Moving,
    /// What another hand made of the alias, as long as it stands.
    foreign: Option<Routing>,
    /// From when to when reads have said that the alias does not exist, with none between them that found it.
    gone: Option<(Timestamp, Timestamp)>,
    /// How many reads of the newest runner have said so before it knew of any alias.
    never_found: usize,
    /// Whether somebody may have taken the canary out again: the alias is where it was before a raise of unknown result, at
    /// another revision.
    perhaps_undone: bool,
}

/// Whether AWS moves the alias's provisioned concurrency to another version.
#[derive(Debug, Clone, Copy, Default)]
struct Moving {
    is_asked: bool,
    /// When it last said so, and whether it has denied it since.
    said_at: Option<Timestamp>,
    is_over: bool,
}

/// Judges S1, S2, S7 and S8 of every write, and gives the writes.
pub(super) fn judge<'a>(life: &'a Life<'a>, findings: &mut Findings) -> Vec<Write<'a>> {
    let mut knows = Knowledge {
        life,
        known: None,
        replaced: Vec::new(),
        before_late: None,
        stable: None,
        under_way: None,
        newest_write: 0,
        unknown_since: None,
        may_have_landed: Vec::new(),
        written: None,
        has_written: false,
        moving: Moving::default(),
        foreign: None,
        gone: None,
        never_found: 0,
        perhaps_undone: false,
    };
    let mut writes = Vec::new();
    for (place, entry) in life.entries.iter().enumerate() {
        match &entry.what {
            What::Asked(_, Effect::WriteAlias(write)) => {
                knows.judge(write, entry.at, findings);
                knows.under_way = Some(write);
                knows.newest_write = place;
                if let Some(known) = knows.known.clone() {
                    writes.push(Write { at: entry.at, place, write, known });
                }
            }
            What::Asked(_, Effect::CreateAlias(_)) => {
                let asked_twice = knows.known.is_none() && knows.never_found > 1;
                findings.unless(asked_twice, "S7", entry.at, || {
                    "an alias is created that may be there".to_owned()
                });
            }
            What::Answered(id, result) => knows.learn(*id, Some(result), entry.at, place),
            What::GivenUp(id) => knows.learn(*id, None, entry.at, place),
            What::Died(_) => knows.die(place),
            What::Began => knows.take_up(entry.at),
            _ => {}
        }
    }
    knows.judge_end(findings);
    writes
}

impl<'a> Knowledge<'a> {
    fn judge(&self, write: &AliasWrite, at: Timestamp, findings: &mut Findings) {
        let known = self.known.as_ref();
        let seen = known.map(|known| known.revision_id.as_str());
        let newest =
            seen == Some(&write.revision_id) || self.before_late.as_ref() == Some(&write.revision_id);
        findings.unless(newest, "S1", at, || {
            format!("a write names `{}`, and the last state seen was {seen:?}", write.revision_id)
        });
        findings.unless(self.under_way.is_none(), "S2", at, || "two writes in flight".to_owned());
        findings.unless(self.unknown_since.is_none(), "S2", at, || {
            format!("{} written before a read decided about the write before", write.routing)
        });
        let share = self.life.share(&write.routing);
        // One read alone does not prove that it was deleted, and what takes the canary out does not wait.
        let promoted = || self.life.obeyed(&Command::Promote).any(|promoted| promoted <= at);
        let may_be_there = self.gone.is_none() || share == Weight::ZERO || promoted();
        findings.unless(may_be_there, "S7", at, || "an alias that was not found was raised".to_owned());
        match &self.foreign {
            Some(foreign) => {
                let was = self.life.share(foreign);
                let taken_out = self.beside(foreign);
                findings.unless(was > Weight::ZERO && Some(write.routing) == taken_out, "S7", at, || {
                    format!("another hand's {foreign} was overwritten with {}", write.routing)
                });
            }
            None if share == Weight::ZERO => {
                let back = self.stable.map(Routing::only);
                findings.unless(Some(write.routing) == back, "S8", at, || {
                    format!("rolled back to {}, and before the first write there was {back:?}", write.routing)
                });
            }
            None => {}
        }
    }

    /// Where the canary is taken out of another hand's routing: whatever stands beside it stays.
    fn beside(&self, foreign: &Routing) -> Option<Routing> {
        let own = foreign.version.published();
        own.filter(|own| Some(*own) != self.life.canary).or(self.stable).map(Routing::only)
    }

    fn learn(&mut self, id: u64, result: Option<&EffectResult>, at: Timestamp, place: usize) {
        let Some(call) = self.life.call(id) else { return };
        let alias = match result {
            Some(EffectResult::Alias(alias)) => Some(alias),
            _ => None,
        };
        match call.effect {
            Effect::WriteAlias(write) => self.written(write, alias, at, place),
            // What was asked before the newest write says nothing of the time after it.
            Effect::ReadAlias if call.place > self.newest_write => {
                if let Some(alias) = alias {
                    self.read(alias, at, call.place);
                }
            }
            Effect::ReadProvisionedConcurrency => self.hear_of_moving(result, at),
            _ => {}
        }
    }

    fn written(
        &mut self,
        write: &AliasWrite,
        answer: Option<&Result<AliasState, Error>>,
        at: Timestamp,
        place: usize,
    ) {
        self.under_way = None;
        let without_effect =
            [ErrorKind::Throttled, ErrorKind::AccessDenied, ErrorKind::Config, ErrorKind::Rejected];
        match answer {
            Some(Ok(state)) if state.routing == write.routing => {
                self.wrote(state.routing, at);
                self.has_written = true;
                self.take_over(state);
            }
            Some(Err(error)) if without_effect.contains(&error.kind()) => {}
            _ => {
                // AWS has something to move only where the alias's own version becomes another.
                let own = self.known.as_ref().map(|known| known.routing.version);
                if own != Some(write.routing.version) {
                    self.wrote(write.routing, at);
                }
                self.unknown_since = Some(place);
                self.may_have_landed.push(write.routing);
            }
        }
    }

    /// What was under way has a result that nobody is told.
    fn die(&mut self, place: usize) {
        if let Some(write) = self.under_way.take() {
            self.unknown_since = Some(place);
            self.may_have_landed.push(write.routing);
        }
    }

    /// The next runner counts what it finds as just written, where the one before wrote anything.
    fn take_up(&mut self, at: Timestamp) {
        self.never_found = 0;
        let known = self.known.as_ref().map(|known| known.routing).filter(|_| self.has_written);
        if let Some(routing) = self.may_have_landed.last().copied().or(known) {
            self.wrote(routing, at);
        }
    }

    fn wrote(&mut self, routing: Routing, at: Timestamp) {
        (self.written, self.moving) = (Some((routing, at)), Moving::default());
    }

    fn hear_of_moving(&mut self, result: Option<&EffectResult>, at: Timestamp) {
        self.moving.is_asked = true;
        match result {
            Some(EffectResult::ProvisionedConcurrency(Ok(Some(ProvisionedConcurrency::InProgress)))) => {
                (self.moving.said_at, self.moving.is_over) = (Some(at), false);
            }
            Some(EffectResult::ProvisionedConcurrency(Ok(_))) => self.moving.is_over = true,
            _ => {}
        }
    }

    fn take_over(&mut self, state: &AliasState) {
        self.know(state.clone());
        self.before_late = None;
        self.may_have_landed.clear();
        self.foreign = None;
    }

    fn know(&mut self, state: AliasState) {
        self.replaced.retain(|old| *old != state.revision_id);
        let before = self.known.replace(state.clone()).map(|before| before.revision_id);
        self.replaced.extend(before.filter(|before| *before != state.revision_id));
        self.gone = None;
    }

    fn read(&mut self, answer: &Result<AliasState, Error>, at: Timestamp, asked: usize) {
        let state = match answer {
            Ok(state) => state,
            Err(error) if error.kind() == ErrorKind::NotFound && self.known.is_some() => {
                // What another read says long after the one before is not the same story.
                let gone = self.gone.filter(|(_, newest)| at.since(*newest) < GONE);
                self.gone = Some((gone.map_or(at, |(since, _)| since), at));
                return;
            }
            Err(error) => {
                self.never_found += usize::from(error.kind() == ErrorKind::NotFound);
                return;
            }
        };
        self.gone = None;
        if self.replaced.contains(&state.revision_id) {
            return;
        }
        let decides = self.unknown_since.is_some_and(|since| since < asked);
        if decides {
            self.unknown_since = None;
        }
        let Some(known) = &self.known else {
            self.stable = state.routing.version.published();
            self.known = Some(state.clone());
            return;
        };
        let ours = self.may_have_landed.contains(&state.routing);
        if state == known {
            return;
        }
        if !ours && self.may_be_settling(&state.routing, at) {
            // The next write names this revision, and not one that AWS itself has moved on from.
            let routing = known.routing;
            return self.know(AliasState { routing, ..state.clone() });
        }
        let raises = self.may_have_landed.iter().any(|routing| self.life.share(routing) > Weight::ZERO);
        self.perhaps_undone = raises && state.routing == known.routing;
        let still_foreign = self.foreign == Some(state.routing);
        let late = (ours && !decides).then(|| known.revision_id.clone());
        let foreign = !ours && (state.routing != known.routing || still_foreign);
        self.has_written |= ours;
        self.take_over(state);
        self.before_late = late;
        self.foreign = foreign.then_some(state.routing);
    }

    /// AWS itself moves provisioned concurrency with weights of its own, for a while after a write to one version.
    fn may_be_settling(&self, found: &Routing, at: Timestamp) -> bool {
        let ours = |version| Some(version) == self.stable || Some(version) == self.life.canary;
        let known = self.known.as_ref().map(|known| known.routing).filter(|_| self.has_written);
        self.written.is_some_and(|(written, since)| {
            let to_there = |to: Routing| to.is_single() && found.version == to.version;
            [Some(written), known].into_iter().flatten().any(to_there)
                && found.additional.is_some_and(|(second, _)| ours(second))
                && (!self.moving.is_asked || at.since(since) < self.moving.patience(at))
        })
    }

    fn judge_end(&self, findings: &mut Findings) {
        let Some(outcome) = self.life.outcome().filter(|outcome| !is_taken_over(outcome)) else { return };
        let gone = self.gone.is_some_and(|(since, newest)| newest.since(since) >= GONE);
        let let_go = match &self.foreign {
            _ if gone => true,
            Some(foreign) => self.life.share(foreign) == Weight::ZERO,
            // Whether one that was to be created is there after all is told by the answer to that.
            None if self.life.creates() => return,
            None => false,
        };
        let told = outcome.kind == OutcomeKind::Drifted;
        // A runner that was about to raise and finds the stable version alone takes it for a rollback that the one before
        // could not write down.
        let is_stable = self.foreign.is_some() && self.foreign == self.stable.map(Routing::only);
        let unrecorded =
            self.life.runners().len() > 1 && is_stable && outcome.kind == OutcomeKind::RolledBack;
        let allowed = told && self.perhaps_undone || unrecorded || outcome.kind == OutcomeKind::Unsettled;
        let ends = told == let_go || allowed;
        findings.unless(ends, "S7", self.life.over_at(), || {
            let seen = (&self.foreign, self.gone);
            format!("what was last seen of another hand is {seen:?}, and the end is {outcome:?}")
        });
    }
}

impl Moving {
    /// How long AWS's own weights are borne.
    fn patience(self, now: Timestamp) -> Duration {
        let lags = self.said_at.is_some_and(|said_at| !self.is_over || now.since(said_at) < LAGGING);
        if lags { LONGEST_SETTLING } else { SETTLING }
    }
}

/// Whether the alias is left to another rollout. In these days that is one whose process died without a journal, and whose
/// write came home after the next process had looked: that cannot be told from a runner that lives.
pub(super) fn is_taken_over(outcome: &Outcome) -> bool {
    matches!(outcome.cause, Some(Cause::TakenOver { .. }))
}
