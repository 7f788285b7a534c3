use super::phase::Trigger;
use super::rollout::Rollout;
use crate::account::{AliasState, Claim, Routing};
use crate::event::{Cause, EventKind, OutcomeKind};

impl Rollout {
    /// The description that goes with a write of this routing, where it has to change: weights are claimed, and
    /// where there are none no claim is left.
    pub(super) fn description_for(&self, routing: &Routing, described: &str) -> Option<String> {
        let claim = Claim { rollout_id: self.id.clone(), runner: self.runner.clone() };
        let wanted = match routing.is_single() {
            true => Some(Claim::strip(described).to_owned()),
            false => claim.add_to(described),
        };
        wanted.filter(|wanted| wanted != described)
    }

    /// The other runner that has moved the alias since it was last known, if one has; `undone` when it has been moved
    /// although it is where it was.
    pub(super) fn other_runner(&self, known: &AliasState, found: &AliasState, undone: bool) -> Option<Claim> {
        let not_ours = |claim: &Claim| claim.rollout_id != self.id;
        // A runner that died, or one that did not: this rollout found its weights, and has not written since.
        let before = Claim::find(&known.description).filter(not_ours);
        let moved = undone || found.routing != known.routing;
        match Claim::find(&found.description) {
            Some(claim) => {
                Some(claim).filter(not_ours).filter(|claim| moved || before.as_ref() != Some(claim))
            }
            None => before.filter(|_| moved && self.is_an_end_of_ours(&found.routing)),
        }
    }

    /// Whether a runner of this plan would leave the alias so, and we did not ask for it ourselves.
    fn is_an_end_of_ours(&self, found: &Routing) -> bool {
        let ends = [self.stable, self.canary].map(|version| version.map(Routing::only));
        ends.contains(&Some(*found)) && !self.writes.brings(found)
    }

    /// Another runner moves the alias: that one has it, and this one lets go of it as it is.
    pub(super) fn taken_over(&mut self, found: AliasState, by: Claim) {
        let Some(expected) = self.alias.as_ref().map(|alias| alias.routing) else { return };
        self.emit(EventKind::Drifted { found: Some(found.routing), expected });
        self.alias = Some(found);
        self.end(Trigger::LetGo, OutcomeKind::Drifted, Some(Cause::TakenOver { by }));
    }
}
