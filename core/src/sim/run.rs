use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::commands::Commands;
use super::{AliasChange, Scenario, World};
use crate::account::Routing;
use crate::error::{Error, ErrorKind};
use crate::event::{Event, Outcome};
use crate::machine::{EffectId, EffectResult, Input, Output, Rollout, Snapshot};
use crate::plan::RolloutPlan;
use crate::units::{RolloutId, Timestamp, Weight};

/// What a plan would do in a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedRun {
    /// Everything that happened, in order. Where the runner died, what it told before and after.
    pub events: Vec<Event>,
    /// How it ended.
    pub outcome: Outcome,
    /// Where the alias pointed before; `None` when there was none.
    pub initial_routing: Option<Routing>,
    /// Every change of the alias that took effect.
    pub alias_history: Vec<AliasChange>,
    /// The calls that were made, by kind, of all runners together.
    pub calls: BTreeMap<&'static str, u64>,
    /// How long it took, on the virtual clock.
    pub duration: Duration,
}

impl SimulatedRun {
    /// The canary's share of traffic over time: each change and when it came. Empty when the rollout never learnt
    /// which version is the canary.
    #[must_use]
    pub fn weights(&self) -> Vec<(Timestamp, Weight)> {
        let Some(canary) = self.outcome.canary_version else { return Vec::new() };
        let share =
            |change: &AliasChange| change.routing.map_or(Weight::ZERO, |routing| routing.share_of(canary));
        self.alias_history.iter().map(|change| (change.at, share(change))).collect()
    }
}

/// Runs a plan through a scenario on the virtual clock, as fast as it goes and without a runtime.
///
/// The same plan, scenario and seed give the same bytes.
///
/// # Errors
/// [`ErrorKind::Internal`] when the rollout does not come to an end: a fault of this library.
///
/// ```
/// use lambda_rollout::plan::RolloutPlan;
/// use lambda_rollout::sim::{Scenario, simulate};
///
/// let plan = RolloutPlan::builder("sample-handler", "main")
///     .publish()
///     .strategy_named("Canary10Percent5Minutes")
///     .alarm("sample-handler-errors")
///     .build()?;
/// let run = simulate(&plan, &Scenario::shipped("broken").expect("it is shipped"), 1)?;
/// assert_eq!(run.outcome.kind.to_string(), "rolled back");
/// # Ok::<(), lambda_rollout::Error>(())
/// ```
pub fn simulate(plan: &RolloutPlan, scenario: &Scenario, seed: u64) -> Result<SimulatedRun, Error> {
    let mut run = Run::new(plan, scenario, seed);
    let outcome = run.play()?;
    Ok(SimulatedRun {
        events: run.events,
        outcome,
        initial_routing: run.world.initial_routing(),
        alias_history: run.world.alias_history().to_vec(),
        calls: run.world.calls().clone(),
        duration: run.world.now().since(scenario.start()),
    })
}

/// The id of the rollout that a seed gives.
pub(super) fn rollout_id(seed: u64) -> RolloutId {
    RolloutId::from_bits(seed)
}

struct Run<'a> {
    plan: Arc<RolloutPlan>,
    scenario: &'a Scenario,
    seed: u64,
    world: World,
    rollout: Rollout,
    /// How often the runner has died: calls of the dead find nobody any more.
    deaths: u64,
    /// When the next runner takes over, after one died.
    back_at: Option<Timestamp>,
    effects: u64,
    /// Calls under way and when their time is up, in the order in which they began.
    waiting: Vec<(EffectId, Timestamp)>,
    commands: Commands,
    /// What the journal kept.
    kept: Option<Snapshot>,
    events: Vec<Event>,
}

/// More turns than any rollout needs at one moment: what takes this many goes in circles.
const MOST_TURNS: u64 = 100_000;

impl<'a> Run<'a> {
    fn new(plan: &RolloutPlan, scenario: &'a Scenario, seed: u64) -> Self {
        let plan = Arc::new(plan.clone());
        Self {
            world: World::new(&plan, scenario, seed),
            commands: Commands::new(&plan, scenario),
            rollout: Rollout::new(Arc::clone(&plan), rollout_id(seed), scenario.start()),
            plan,
            scenario,
            seed,
            deaths: 0,
            back_at: None,
            effects: 0,
            waiting: Vec::new(),
            kept: None,
            events: Vec::new(),
        }
    }

    fn play(&mut self) -> Result<Outcome, Error> {
        let mut input = Input::Start;
        let (mut turns, mut moment) = (0, self.world.now());
        while turns < MOST_TURNS {
            // A command that does not fit is refused, as a person's would be, and changes nothing.
            let _refused = self.rollout.handle(input, self.world.now());
            if let Some(outcome) = self.drain() {
                return Ok(outcome);
            }
            input = self.next_input()?;
            turns = if self.world.now() == moment { turns + 1 } else { 0 };
            moment = self.world.now();
        }
        Err(Error::new(ErrorKind::Internal, format!("the rollout goes in circles at `{}`", self.world.now())))
    }

    /// Does what the machine says, until it waits, the runner dies, or the rollout ends.
    fn drain(&mut self) -> Option<Outcome> {
        while let Some(output) = self.rollout.poll() {
            match output {
                Output::Persist(snapshot) => self.kept = Some(*snapshot),
                Output::Event(event) => {
                    self.commands.see(&event);
                    self.events.push(event);
                }
                Output::Effect(id, effect) => {
                    let now = self.world.now();
                    self.waiting.push((id, now + effect.limit()));
                    self.world.begin(self.call(id), effect, now);
                    self.effects += 1;
                    if self.scenario.0.runner.dies_after_effect.contains(&self.effects) {
                        self.die();
                        return None;
                    }
                }
                Output::Done(outcome) => return Some(outcome),
                Output::CheckPassed | Output::Withdraw(_) => {}
            }
        }
        None
    }

    /// What the world calls an effect of this runner.
    fn call(&self, id: EffectId) -> u64 {
        (self.deaths << 32) | id.0
    }

    fn die(&mut self) {
        let runner = &self.scenario.0.runner;
        let back_at = self.world.now() + runner.back_after.0;
        self.deaths += 1;
        self.waiting.clear();
        let plan = Arc::clone(&self.plan);
        self.rollout = match self.kept.take().filter(|_| runner.journal) {
            Some(snapshot) => Rollout::restore(plan, snapshot, back_at),
            None => Rollout::new(plan, rollout_id(self.seed.wrapping_add(self.deaths)), back_at),
        };
        self.back_at = Some(back_at);
    }

    /// Moves time on to the next thing that concerns the rollout. At the same moment replies come first, then
    /// calls whose time is up, then commands, then the rollout's own deadline.
    fn next_input(&mut self) -> Result<Input, Error> {
        if let Some(back_at) = self.back_at.take() {
            self.world.advance_to(back_at);
            self.commands.miss_before(back_at);
            return Ok(Input::Start);
        }
        loop {
            while let Some((call, result)) = self.world.next_reply() {
                if let Some(place) = self.waiting.iter().position(|(id, _)| self.call(*id) == call) {
                    let (id, _) = self.waiting.remove(place);
                    return Ok(Input::Done(id, result));
                }
            }
            let now = self.world.now();
            if let Some(place) = self.waiting.iter().position(|(_, limit)| *limit <= now) {
                let (id, _) = self.waiting.remove(place);
                return Ok(Input::Done(id, EffectResult::TimedOut));
            }
            if let Some(command) = self.commands.take_due(now) {
                return Ok(Input::Command(command));
            }
            let deadline = self.rollout.deadline();
            if deadline.is_some_and(|at| at <= now) {
                return Ok(Input::Tick);
            }
            let limits = self.waiting.iter().map(|(_, limit)| *limit);
            let others = [deadline, self.world.next_at(), self.commands.next_at()];
            let Some(next) = others.into_iter().flatten().chain(limits).min() else {
                return Err(Error::new(
                    ErrorKind::Internal,
                    format!("the rollout waits for nothing at `{now}`"),
                ));
            };
            self.world.advance_to(next);
        }
    }
}
