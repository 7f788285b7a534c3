use std::time::Duration;

use lambda_rollout::account::{AliasState, AliasWrite, Routing};
use lambda_rollout::event::Cause;
use lambda_rollout::machine::{Effect, EffectResult};
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

/// Time that AWS is given to clear the weights that it sets itself (DESIGN.md: two minutes).
const SETTLING: Duration = Duration::from_secs(2 * 60);

/// What a runner may know of the alias from the answers that it got.
struct Knowledge<'a> {
    life: &'a Life<'a>,
    known: Option<AliasState>,
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
    acknowledged: Option<(Routing, Timestamp)>,
    /// What another hand made of the alias, as long as it stands: `Some(None)` when it was deleted.
    foreign: Option<Option<Routing>>,
}

/// Judges S1, S2, S7 and S8 of every write, and gives the writes.
pub(super) fn judge<'a>(life: &'a Life<'a>, findings: &mut Findings) -> Vec<Write<'a>> {
    let mut knows = Knowledge {
        life,
        known: None,
        before_late: None,
        stable: None,
        under_way: None,
        newest_write: 0,
        unknown_since: None,
        may_have_landed: Vec::new(),
        acknowledged: None,
        foreign: None,
    };
    let mut writes = Vec::new();
    for (place, entry) in life.entries.iter().enumerate() {
        match &entry.what {
            What::Asked(_, Effect::WriteAlias(write)) => {
                knows.judge(write, entry.at, findings);
                knows.under_way = Some(write);
                knows.acknowledged = None;
                knows.newest_write = place;
                if let Some(known) = knows.known.clone() {
                    writes.push(Write { at: entry.at, place, write, known });
                }
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
        match &self.foreign {
            // One read alone does not prove that it was deleted, and what takes the canary out does not wait.
            Some(None) => {
                findings.unless(share == Weight::ZERO, "S7", at, || "a deleted alias was raised".to_owned())
            }
            Some(Some(foreign)) => {
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
                self.acknowledged = Some((state.routing, at));
                self.take_over(state);
            }
            Some(Err(error)) if without_effect.contains(&error.kind()) => {}
            _ => {
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

    /// The next runner counts what it finds as just written.
    fn take_up(&mut self, at: Timestamp) {
        let newest = self.may_have_landed.last().copied().or(self.known.as_ref().map(|known| known.routing));
        self.acknowledged = newest.map(|routing| (routing, at));
    }

    fn take_over(&mut self, state: &AliasState) {
        self.known = Some(state.clone());
        self.before_late = None;
        self.may_have_landed.clear();
        self.foreign = None;
    }

    fn read(&mut self, answer: &Result<AliasState, Error>, at: Timestamp, asked: usize) {
        let state = match answer {
            Ok(state) => state,
            Err(error) if error.kind() == ErrorKind::NotFound && self.known.is_some() => {
                self.foreign = Some(None);
                return;
            }
            Err(_) => return,
        };
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
            self.known = Some(AliasState { routing: known.routing, ..state.clone() });
            return;
        }
        let still_foreign = self.foreign == Some(Some(state.routing));
        let late = (ours && !decides).then(|| known.revision_id.clone());
        let foreign = !ours && (state.routing != known.routing || still_foreign);
        self.take_over(state);
        self.before_late = late;
        self.foreign = foreign.then_some(Some(state.routing));
    }

    /// AWS itself moves provisioned concurrency with weights of its own, for a while after a write to one version.
    fn may_be_settling(&self, found: &Routing, at: Timestamp) -> bool {
        let ours = |version| Some(version) == self.stable || Some(version) == self.life.canary;
        self.acknowledged.is_some_and(|(written, since)| {
            written.is_single()
                && found.version == written.version
                && found.additional.is_some_and(|(second, _)| ours(second))
                && at.since(since) < SETTLING
        })
    }

    fn judge_end(&self, findings: &mut Findings) {
        let Some(outcome) = self.life.outcome().filter(|outcome| !is_taken_over(outcome)) else { return };
        let let_go = match &self.foreign {
            Some(None) => true,
            Some(Some(foreign)) => self.life.share(foreign) == Weight::ZERO,
            None => return,
        };
        let told = outcome.kind == OutcomeKind::Drifted;
        let ends = told == let_go || outcome.kind == OutcomeKind::Unsettled;
        findings.unless(ends, "S7", self.life.over_at(), || {
            format!("the last thing seen was another hand's {:?}, and the end is {outcome:?}", self.foreign)
        });
    }
}

/// Whether the alias is left to another rollout. In these days that is one whose process died without a journal, and whose
/// write came home after the next process had looked: that cannot be told from a runner that lives.
pub(super) fn is_taken_over(outcome: &Outcome) -> bool {
    matches!(outcome.cause, Some(Cause::TakenOver { .. }))
}
