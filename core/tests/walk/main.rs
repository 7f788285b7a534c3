//! The walk: every way that a rollout can go with a few deviations from the normal course, through the machine and an
//! account, breadth first, with a referee that holds the promises in every situation.
//!
//! A deviation is a call that fails in one of its ways (before or after it took effect, or with a write still on its
//! way), is slow or times out, another hand on the alias, an alarm that changes, an outage, a command, a clock that leaps,
//! or the death of the process, with or without a journal. Situations that have the same future are one (`fingerprint`).
//!
//! It is a walk of our own and not a model checker's, for it walks through the machine itself and not a model of it, and
//! what makes that possible is in no library: a `Debug` text brought into a form in which times and numbers are relative,
//! one layer for each deviation of which the last is never kept, and a story for a person at the end. stateright
//! (<https://docs.rs/stateright>) asks for states that hash by themselves, and counts steps where deviations count here.
mod account;
mod broken;
mod choice;
mod fingerprint;
mod promises;
mod referee;
mod search;
mod situation;

use std::time::Duration;

use lambda_rollout::plan::{Hook, PlanBuilder, RolloutPlan, Step, Strategy, Unreadable, WhenUnreadable};

use account::{CANARY, percent, version};
use search::Walk;

const POLL: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);

fn depth() -> u8 {
    std::env::var("LAMBDA_ROLLOUT_WALK_DEPTH").ok().and_then(|depth| depth.parse().ok()).unwrap_or(1)
}

#[expect(clippy::disallowed_methods, reason = "to tell how long the walk took; nothing depends on it")]
fn walk(name: &str, strategy: Strategy, change: impl FnOnce(PlanBuilder) -> PlanBuilder) {
    let plan = RolloutPlan::builder("sample-handler", "main")
        .version(version(CANARY))
        .strategy(strategy)
        .alarm("errors")
        .poll(POLL)
        .unreadable(Unreadable { tolerate: MINUTE, then: WhenUnreadable::RollBack })
        .rollback_deadline(MINUTE);
    let plan = change(plan).build().expect("a good plan");
    let began = std::time::Instant::now();
    match Walk::new(plan, depth()).run() {
        Ok(summary) => println!("{name}: {summary}, {:.1?}", began.elapsed()),
        Err(stories) => panic!("\n{stories}\n"),
    }
}

fn canary() -> Strategy {
    Strategy::Canary { percent: percent(10.0), interval: MINUTE }
}

#[test]
fn no_way_through_a_canary_breaks_a_promise() {
    walk("canary", canary(), |plan| plan);
}

#[test]
fn no_way_through_a_linear_rollout_breaks_a_promise() {
    walk("linear", Strategy::Linear { percent: percent(40.0), interval: MINUTE }, |plan| plan);
}

#[test]
fn no_way_through_a_bake_breaks_a_promise() {
    walk("bake", canary(), |plan| plan.bake(MINUTE));
}

#[test]
fn no_way_through_a_gate_and_a_deadline_breaks_a_promise() {
    let step = Step { weight: percent(10.0), hold: MINUTE, gate: true };
    walk("gate and deadline", Strategy::Steps(vec![step]), |plan| plan.deadline(5 * MINUTE));
}

#[test]
fn no_way_through_hooks_breaks_a_promise() {
    let hook = || Hook::in_process().with_timeout(MINUTE);
    walk("hooks", Strategy::AllAtOnce, |plan| plan.before_traffic(hook()).after_traffic(hook()).bake(MINUTE));
}
