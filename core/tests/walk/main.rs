//! The walk: every way that a rollout can go with a few deviations from the normal course, through the machine and an
//! account, breadth first, with a referee that holds the promises in every situation.
//!
//! A deviation is a call that fails in one of its ways (before or after it took effect, or with a write still on its
//! way; a 404 for what is there), is slow or times out, a read of the alias that lags behind, another hand on the alias or
//! another pipeline's code in `$LATEST`, provisioned concurrency that AWS moves, slowly or not, an alarm that changes, that
//! cannot be evaluated, or that goes through another state while nobody looks, an outage, a command, a clock that leaps, or
//! the death of the process, with or without a journal, at once or for longer than a hold.
//! Policies, other plans and what a rollout finds on the alias are starting points: walks of their own, less deep. Situations
//! that have the same future are one (`fingerprint`).
//!
//! It is a walk of our own and not a model checker's, for it walks through the machine itself and not a model of it, and
//! what makes that possible is in no library: a `Debug` text brought into a form in which times and numbers are relative,
//! one layer for each deviation of which the last is never kept, and a story for a person at the end. stateright
//! (<https://docs.rs/stateright>) asks for states that hash by themselves, and counts steps where deviations count here.
mod account;
mod broken;
mod choice;
mod fingerprint;
mod hold;
mod looks;
mod promises;
mod referee;
mod search;
mod situation;

use std::time::Duration;

use lambda_rollout::account::CodeSource;
use lambda_rollout::plan::{
    AlreadyAlarming, Flaps, Hook, InsufficientData, MissingAlarm, PlanBuilder, RolloutPlan, Step, Strategy,
    Unreadable, WhenUnreadable,
};
use lambda_rollout::units::HookFunction;

use account::{Alarm, CANARY, Opening, percent, version};
use search::Walk;

const POLL: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);

fn depth() -> u8 {
    std::env::var("LAMBDA_ROLLOUT_WALK_DEPTH").ok().and_then(|depth| depth.parse().ok()).unwrap_or(1)
}

/// A plan that is walked through, and how it finds the account.
struct Way {
    plan: PlanBuilder,
    opening: Opening,
    depth: u8,
}

fn way(strategy: Strategy) -> Way {
    let plan = RolloutPlan::builder("sample-handler", "main")
        .version(version(CANARY))
        .strategy(strategy)
        .alarm("errors")
        .poll(POLL)
        .unreadable(Unreadable { tolerate: MINUTE, then: WhenUnreadable::RollBack })
        .rollback_deadline(MINUTE);
    Way { plan, opening: Opening::default(), depth: depth() }
}

impl Way {
    fn with(self, change: impl FnOnce(PlanBuilder) -> PlanBuilder) -> Self {
        Self { plan: change(self.plan), ..self }
    }

    fn from(self, opening: Opening) -> Self {
        Self { opening, ..self }
    }

    /// With so many deviations fewer than the others: where there are many such ways.
    fn shallower(self, by: u8) -> Self {
        Self { depth: self.depth.saturating_sub(by), ..self }
    }

    #[expect(clippy::disallowed_methods, reason = "to tell how long the walk took; nothing depends on it")]
    fn walk(self, name: &str) {
        let plan = self.plan.build().expect("a good plan");
        let began = std::time::Instant::now();
        match Walk::new(plan, self.opening, self.depth).run() {
            Ok(summary) => println!("{name}: {summary}, {:.1?}", began.elapsed()),
            Err(stories) => panic!("\n{name}\n{stories}\n"),
        }
    }
}

fn canary() -> Strategy {
    Strategy::Canary { percent: percent(10.0), interval: MINUTE }
}

#[test]
fn no_way_through_a_canary_breaks_a_promise() {
    way(canary()).walk("canary");
}

#[test]
fn no_way_through_a_linear_rollout_breaks_a_promise() {
    way(Strategy::Linear { percent: percent(40.0), interval: MINUTE }).shallower(1).walk("linear");
}

#[test]
fn no_way_through_a_bake_breaks_a_promise() {
    way(canary()).with(|plan| plan.bake(MINUTE)).shallower(1).walk("bake");
}

#[test]
fn no_way_through_a_gate_and_a_deadline_breaks_a_promise() {
    let step = Step { weight: percent(10.0), hold: MINUTE, gate: true };
    let way = way(Strategy::Steps(vec![step])).with(|plan| plan.deadline(5 * MINUTE));
    way.shallower(1).walk("gate and deadline");
}

#[test]
fn no_way_through_a_step_without_a_hold_breaks_a_promise() {
    let step = Step { weight: percent(10.0), hold: Duration::ZERO, gate: false };
    way(Strategy::Steps(vec![step])).shallower(1).walk("no hold");
}

#[test]
fn no_way_through_hooks_breaks_a_promise() {
    let hook = || Hook::in_process().with_timeout(MINUTE);
    way(Strategy::AllAtOnce)
        .with(|plan| plan.before_traffic(hook()).after_traffic(hook()).bake(MINUTE))
        .shallower(1)
        .walk("hooks");
}

#[test]
fn no_way_through_publishing_breaks_a_promise() {
    way(canary()).with(PlanBuilder::publish).walk("publish");
}

#[test]
fn no_way_through_new_code_and_a_hook_that_is_looked_for_breaks_a_promise() {
    let hook =
        Hook::lambda(HookFunction::parse("smoke:live").expect("a hook's function")).with_timeout(MINUTE);
    let code = CodeSource::Image("repository:tag".to_owned());
    let opening = Opening { latest: "older", ..Opening::default() };
    way(canary())
        .with(|plan| plan.code(code).before_traffic(hook))
        .from(opening)
        .shallower(1)
        .walk("new code");
}

/// Weights that a rollout of another process left, or that somebody wrote: none, some, all but not alone.
#[test]
fn no_way_from_weights_that_are_found_breaks_a_promise() {
    for weight in [0.0, 10.0, 99.99, 100.0] {
        for claimed in [false, true] {
            let name = format!("{weight} % beside, {}", if claimed { "claimed" } else { "not claimed" });
            way(canary()).from(Opening::at(weight, claimed)).shallower(1).walk(&name);
        }
        let name = format!("publish with {weight} % beside");
        way(canary()).with(PlanBuilder::publish).from(Opening::at(weight, true)).shallower(1).walk(&name);
    }
}

/// Every combination of policies, with every state of the alarm at the start.
#[test]
fn no_policy_breaks_a_promise() {
    use {AlreadyAlarming as A, Flaps as F, InsufficientData as I, MissingAlarm as M, WhenUnreadable as W};
    let mut policies = Vec::new();
    for already in [A::Refuse, A::IgnoreUntilOk, A::Ignore] {
        for missing in [M::Refuse, M::Ignore] {
            for insufficient in [I::Pass, I::Hold, I::RollBack] {
                for then in [W::RollBack, W::Hold] {
                    policies.extend(
                        [F::RollBack, F::Report].map(|flaps| (already, missing, insufficient, then, flaps)),
                    );
                }
            }
        }
    }
    for (already, missing, insufficient, then, flaps) in policies {
        for alarm in Alarm::ALL {
            let heals = insufficient == I::Hold || then == W::Hold;
            let name =
                format!("{already:?}, {missing:?}, {insufficient:?}, {then:?}, {flaps:?} from {alarm:?}");
            way(canary())
                .with(|plan| {
                    plan.already_alarming(already)
                        .missing(missing)
                        .insufficient_data(insufficient)
                        .unreadable(Unreadable { tolerate: MINUTE, then })
                        .flaps(flaps)
                })
                .from(Opening { alarm, heals, ..Opening::default() })
                .shallower(2)
                .walk(&name);
        }
    }
}
