use std::collections::BTreeMap;
use std::time::Duration;

use lambda_rollout::account::{AliasState, Routing};
use lambda_rollout::event::{Event, EventKind};
use lambda_rollout::machine::{Command, Effect, EffectResult};
use lambda_rollout::plan::VersionSource;
use lambda_rollout::sim::{AliasChange, Hand};
use lambda_rollout::units::{Timestamp, Version, Weight};
use lambda_rollout::{Outcome, RolloutPlan};

use crate::day::Record;
use crate::witness::{Entry, What};

/// What a rollout did and was told. Without a journal every runner begins a rollout of its own, which ends with its
/// death; with one it goes on in the next runner.
pub(super) struct Life<'a> {
    pub(super) plan: &'a RolloutPlan,
    pub(super) entries: &'a [Entry],
    pub(super) record: &'a Record,
    pub(super) began: Timestamp,
    pub(super) canary: Option<Version>,
    calls: BTreeMap<u64, Call<'a>>,
}

/// A call, from asking to whatever came of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) effect: &'a Effect,
    /// Its place among the runner's entries.
    pub(super) place: usize,
    pub(super) asked: Timestamp,
    /// When the answer came, or nobody waited for it any more; the place of that, and the answer.
    pub(super) over: Option<(Timestamp, usize, Option<&'a EffectResult>)>,
}

impl<'a> Life<'a> {
    /// The rollouts of a day, one after the other.
    pub(super) fn all(plan: &'a RolloutPlan, record: &'a Record) -> Vec<Self> {
        let begins = |at: &usize| {
            let told = record.entries[*at..].iter().find_map(|entry| match &entry.what {
                What::Told(event) => Some(event.seq),
                _ => None,
            });
            matches!(record.entries[*at].what, What::Began)
                && !(record.journal && told.is_some_and(|seq| seq > 1))
        };
        let starts: Vec<usize> = (0..record.entries.len()).filter(begins).collect();
        let ends = starts.iter().skip(1).copied().chain([record.entries.len()]);
        starts
            .iter()
            .zip(ends)
            .map(|(from, to)| Self::new(plan, record, &record.entries[*from..to]))
            .collect()
    }

    fn new(plan: &'a RolloutPlan, record: &'a Record, entries: &'a [Entry]) -> Self {
        let mut calls = BTreeMap::new();
        for (place, Entry { at, what }) in entries.iter().enumerate() {
            match what {
                What::Asked(id, effect) => {
                    calls.insert(*id, Call { effect, place, asked: *at, over: None });
                }
                What::Answered(id, result) => over(&mut calls, *id, (*at, place, Some(result))),
                What::GivenUp(id) => over(&mut calls, *id, (*at, place, None)),
                _ => {}
            }
        }
        let mut life = Self { plan, entries, record, began: entries[0].at, canary: None, calls };
        life.canary = life.rolled_out();
        life
    }

    fn rolled_out(&self) -> Option<Version> {
        if let VersionSource::Existing(version) = self.plan.version() {
            return Some(*version);
        }
        let published = self.calls().find_map(|call| match (call.effect, call.over) {
            (Effect::Publish(_), Some((_, _, Some(EffectResult::Version(Ok(published)))))) => {
                published.version.published()
            }
            _ => None,
        });
        // One that was found on the alias need not be published; nobody writes the alias for another version's weights.
        let found =
            || self.found()?.1.routing.additional.filter(|_| self.writes()).map(|(version, _)| version);
        published.or_else(|| self.outcome()?.canary_version).or_else(found)
    }

    fn writes(&self) -> bool {
        self.calls().any(|call| matches!(call.effect, Effect::WriteAlias(_)))
    }

    /// Whether it comes to create the alias.
    pub(super) fn creates(&self) -> bool {
        self.calls().any(|call| matches!(call.effect, Effect::CreateAlias(_)))
    }

    /// Every call, in the order of asking.
    pub(super) fn calls(&self) -> impl Iterator<Item = &Call<'a>> {
        self.calls.values()
    }

    pub(super) fn call(&self, id: u64) -> Option<&Call<'a>> {
        self.calls.get(&id)
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &'a Event> {
        self.entries.iter().filter_map(|entry| match &entry.what {
            What::Told(event) => Some(event),
            _ => None,
        })
    }

    pub(super) fn event(&self, is_it: impl Fn(&EventKind) -> bool) -> Option<&'a Event> {
        self.events().find(|event| is_it(&event.kind))
    }

    /// When a command was given that was carried out, or may have been when the runner died.
    pub(super) fn obeyed(&self, command: &Command) -> impl Iterator<Item = Timestamp> {
        let given = self.entries.iter().enumerate().filter_map(move |(place, entry)| match &entry.what {
            What::Given(given) if given == command => Some((place, entry.at)),
            _ => None,
        });
        given.filter_map(|(place, at)| {
            let answer = self.entries[place..]
                .iter()
                .find(|entry| matches!(entry.what, What::Obeyed(_) | What::Refused(_) | What::Died(_)));
            answer.is_none_or(|answer| !matches!(answer.what, What::Refused(_))).then_some(at)
        })
    }

    pub(super) fn outcome(&self) -> Option<&'a Outcome> {
        self.entries.iter().find_map(|entry| match &entry.what {
            What::Ended(outcome) => Some(outcome),
            _ => None,
        })
    }

    /// When the last runner died, or the rollout ended.
    pub(super) fn over_at(&self) -> Timestamp {
        self.runners().last().map_or(Timestamp::MAX, |(_, to)| *to)
    }

    /// From when to when each runner lived.
    pub(super) fn runners(&self) -> Vec<(Timestamp, Timestamp)> {
        let mut runners: Vec<(Timestamp, Timestamp)> = Vec::new();
        for entry in self.entries {
            match (&entry.what, runners.last_mut()) {
                (What::Began, _) => runners.push((entry.at, Timestamp::MAX)),
                (What::Died(_) | What::Ended(_), Some((_, to))) => *to = entry.at,
                _ => {}
            }
        }
        runners
    }

    /// The alias as this runner first read it, and at which entry; `None` when it never did.
    fn found(&self) -> Option<(usize, &'a AliasState)> {
        self.calls().find_map(|call| match (call.effect, call.over) {
            (Effect::ReadAlias, Some((_, place, Some(EffectResult::Alias(Ok(state)))))) => {
                Some((place, state))
            }
            _ => None,
        })
    }

    /// Since which entry it is known that the canary had traffic already when this runner came. An alias that serves the version
    /// alone has no canary.
    pub(super) fn canary_found_at(&self) -> Option<usize> {
        let is_canarys = |found: Routing| match self.canary {
            Some(canary) => found.share_of(canary) > Weight::ZERO && found != Routing::only(canary),
            // Where nothing has been published yet, weights are a canary's all the same, or refuse the rollout.
            None => !found.is_single(),
        };
        self.found().filter(|(_, found)| is_canarys(found.routing)).map(|(place, _)| place)
    }

    pub(super) fn share(&self, routing: &Routing) -> Weight {
        self.canary.map_or(Weight::ZERO, |canary| routing.share_of(canary))
    }

    /// The changes of the alias in this life.
    pub(super) fn changes(&self) -> impl Iterator<Item = &'a AliasChange> {
        let (from, to) = (self.began, self.over_at());
        self.record.history.iter().filter(move |change| change.at >= from && change.at <= to)
    }

    /// The changes of the alias that this runner's own writes made. A write of a dead one may land in this life, too.
    pub(super) fn own_changes(&self) -> impl Iterator<Item = &'a AliasChange> {
        self.changes().filter(|change| {
            let place = self.record.history.iter().position(|other| other.revision_id == change.revision_id);
            let before = place.and_then(|place| self.record.history.get(place.checked_sub(1)?));
            change.by == Hand::Rollout
                && self.calls().any(|call| match call.effect {
                    Effect::WriteAlias(write) => {
                        Some(write.routing) == change.routing
                            && before.is_none_or(|before| before.revision_id == write.revision_id)
                    }
                    _ => false,
                })
        })
    }

    /// Since when the alias has had the routing that it has at this revision, as far as this runner can count on it:
    /// what it found counts from its own check.
    pub(super) fn standing_since(&self, revision: &str) -> Option<Timestamp> {
        let history = &self.record.history;
        let checked = || self.event(|kind| matches!(kind, EventKind::Checked { .. })).map(|event| event.at);
        let Some(mut place) = history.iter().position(|change| change.revision_id == revision) else {
            return checked();
        };
        while place > 0 && history[place - 1].routing == history[place].routing {
            place -= 1;
        }
        let change = &history[place];
        if change.by == Hand::Rollout && change.at >= self.began { Some(change.at) } else { checked() }
    }

    /// How long the rollout was paused between two moments.
    pub(super) fn paused_between(&self, from: Timestamp, to: Timestamp) -> Duration {
        let mut paused = Duration::ZERO;
        for (begin, end) in self.pauses() {
            paused += end.min(to).since(begin.max(from));
        }
        paused
    }

    /// Every pause. One that begins while a runner still looks around counts from its check: before that no clock runs
    /// which it could stop. A promote ends a pause without a word.
    pub(super) fn pauses(&self) -> Vec<(Timestamp, Timestamp)> {
        let promotes: Vec<Timestamp> = self.obeyed(&Command::Promote).collect();
        let mut pauses = Vec::new();
        let mut since: Option<(Timestamp, bool)> = None;
        let mut checked = false;
        for event in self.events() {
            let promoted = |(from, _): (Timestamp, bool)| {
                promotes.iter().copied().find(|at| *at >= from && *at <= event.at)
            };
            let resumed = matches!(event.kind, EventKind::Resumed).then_some(event.at);
            if let Some(end) = since.and_then(promoted).or(resumed) {
                pauses.extend(since.take().filter(|(_, counts)| *counts).map(|(from, _)| (from, end)));
            }
            match event.kind {
                EventKind::Started { .. } => checked = false,
                EventKind::Checked { .. } => {
                    checked = true;
                    since = since.map(|(from, counts)| (if counts { from } else { event.at }, true));
                }
                EventKind::Paused => since = since.or(Some((event.at, checked))),
                _ => {}
            }
        }
        pauses.extend(since.filter(|(_, counts)| *counts).map(|(from, _)| (from, self.over_at())));
        pauses
    }
}

fn over<'a>(calls: &mut BTreeMap<u64, Call<'a>>, id: u64, end: (Timestamp, usize, Option<&'a EffectResult>)) {
    if let Some(call) = calls.get_mut(&id) {
        call.over = Some(end);
    }
}
