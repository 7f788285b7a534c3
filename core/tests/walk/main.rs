//! The walk.
mod account;
mod choice;
mod fingerprint;
mod referee;
mod search;
mod situation;

use std::time::Duration;

use lambda_rollout::plan::{PlanBuilder, RolloutPlan, Step, Strategy, Unreadable, WhenUnreadable};

use account::{CANARY, percent, version};
use search::Walk;

const POLL: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);

fn depth() -> u8 {
    std::env::var("LAMBDA_ROLLOUT_WALK_DEPTH").ok().and_then(|depth| depth.parse().ok()).unwrap_or(2)
}

#[expect(clippy::disallowed_methods, reason = "to tell how long the walk took; nothing depends on it")]
fn walk(strategy: Strategy, change: impl FnOnce(PlanBuilder) -> PlanBuilder) {
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
        Ok(summary) => println!("{summary}, {:.1?}", began.elapsed()),
        Err(stories) => panic!("\n{stories}, {:.1?}", began.elapsed()),
    }
}

fn canary() -> Strategy {
    Strategy::Canary { percent: percent(10.0), interval: MINUTE }
}

#[test]
#[ignore = "takes minutes, and its verdict on the bake is not settled: `cargo test --test walk -- --ignored`"]
fn no_way_through_a_canary_breaks_a_promise() {
    walk(canary(), |plan| plan);
}

#[test]
#[ignore = "takes minutes, and its verdict on the bake is not settled: `cargo test --test walk -- --ignored`"]
fn no_way_through_a_linear_rollout_breaks_a_promise() {
    walk(Strategy::Linear { percent: percent(40.0), interval: MINUTE }, |plan| plan);
}

#[test]
#[ignore = "takes minutes, and its verdict on the bake is not settled: `cargo test --test walk -- --ignored`"]
fn no_way_through_a_bake_breaks_a_promise() {
    walk(canary(), |plan| plan.bake(MINUTE));
}

#[test]
#[ignore = "takes minutes, and its verdict on the bake is not settled: `cargo test --test walk -- --ignored`"]
fn no_way_through_a_gate_and_a_deadline_breaks_a_promise() {
    let step = |weight, gate| Step { weight: percent(weight), hold: MINUTE, gate };
    walk(Strategy::Steps(vec![step(10.0, true)]), |plan| plan.deadline(5 * MINUTE));
}
