//! The same machine, once alone on the simulated account and once through the driver, must tell the same history.

use std::time::Duration;

use lambda_rollout::driver::Launch;
use lambda_rollout::plan::{Hook, Step};
use lambda_rollout::sim::{AliasChange, Scenario, SimAccount, drive, simulate};
use lambda_rollout::units::{FunctionRef, Weight};
use lambda_rollout::{Event, Outcome, RolloutPlan, plan::Strategy};

use crate::canary;

fn with_gate_hooks_and_bake() -> RolloutPlan {
    let hook = |name| Hook::lambda(FunctionRef::parse(name).expect("a name"));
    let step = |percent, gate| Step {
        weight: Weight::from_percent(percent).expect("a share"),
        hold: Duration::from_secs(180),
        gate,
    };
    RolloutPlan::builder("sample-handler", "main")
        .publish()
        .strategy(Strategy::Steps(vec![step(1.0, true), step(30.0, false)]))
        .alarms(["sample-handler-errors", "another"])
        .before_traffic(hook("check"))
        .after_traffic(hook("confirm"))
        .bake(Duration::from_secs(600))
        .build()
        .expect("a good plan")
}

fn text(events: &[Event]) -> String {
    events.iter().map(|event| serde_json::to_string(event).expect("an event is JSON") + "\n").collect()
}

fn through_the_driver(
    plan: &RolloutPlan,
    scenario: &Scenario,
    seed: u64,
) -> (Vec<Event>, Outcome, Vec<AliasChange>) {
    let account = SimAccount::new(plan, scenario, seed);
    let launch = Launch::new(plan.clone(), account.ports()).rollout_id(account.rollout_id());
    let (mut rollout, task) = launch.into_task().expect("no in-process hooks");
    let mut events = Vec::new();
    let follow = async {
        account.follow(&mut rollout, |event| events.push(event)).await;
        rollout.wait().await
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (outcome, ()) =
        runtime.block_on(drive(&account, async { tokio::join!(biased; follow, task.run()) }, None));
    (events, outcome.expect("an end"), account.alias_history())
}

fn assert_same(plan: &RolloutPlan, scenario: &Scenario, seed: u64) {
    let alone = simulate(plan, scenario, seed).expect("an end");
    let (events, outcome, history) = through_the_driver(plan, scenario, seed);
    assert_eq!(text(&events), text(&alone.events), "{} with seed {seed}", scenario.name());
    assert_eq!(outcome, alone.outcome);
    assert_eq!(history, alone.alias_history);
}

#[test]
fn the_driver_tells_the_same_history_as_the_machine_alone() {
    for name in Scenario::shipped_names() {
        let scenario = Scenario::shipped(name).expect("shipped");
        for seed in 0..50 {
            assert_same(&canary(), &scenario, seed);
            assert_same(&with_gate_hooks_and_bake(), &scenario, seed);
        }
    }
}

#[test]
fn calls_that_take_no_time_at_all_change_nothing_about_that() {
    let scenario = "calls = { fastest = \"0s\", slowest = \"0s\" }\ncanary = { error_percent = 0.2 }";
    let scenario = Scenario::parse(scenario).expect("a good scenario");
    for seed in 0..50 {
        assert_same(&with_gate_hooks_and_bake(), &scenario, seed);
    }
}

#[test]
fn commands_drift_and_calls_without_end_come_through_the_driver_too() {
    let scenario = r#"
        commands = [{ at = "1m", do = "pause" }, { at = "3m", do = "resume" }, { at = "5m 30s", do = "promote" }]
        drift = [{ at = "20m", do = "touch" }]
        faults = [
            { fault = "hang", call = "read_alarms", percent = 10.0 },
            { fault = "late", by = "30s", call = "write_alias", nth = [1] },
        ]
    "#;
    let scenario = Scenario::parse(scenario).expect("a good scenario");
    for seed in 0..50 {
        assert_same(&canary(), &scenario, seed);
        assert_same(&with_gate_hooks_and_bake(), &scenario, seed);
    }
}

/// Tokio's paused clock stands in for the real one: it tells how long the drive would have slept.
#[tokio::test(start_paused = true)]
async fn a_pace_shows_virtual_time_in_real_time() {
    let (plan, scenario) = (canary(), Scenario::default());
    let account = SimAccount::new(&plan, &scenario, 1);
    let launch = Launch::new(plan.clone(), account.ports()).rollout_id(account.rollout_id());
    let (mut rollout, task) = launch.into_task().expect("no in-process hooks");
    let began = tokio::time::Instant::now();
    let follow = account.follow(&mut rollout, drop);
    drive(&account, async { tokio::join!(biased; follow, task.run()) }, Some(60.0)).await;
    let took = began.elapsed().as_secs_f64();
    let virtually = simulate(&plan, &scenario, 1).expect("an end").duration.as_secs_f64();
    assert!((took - virtually / 60.0).abs() < 0.1, "{virtually} virtual seconds at 60 a second took {took}");
}

#[tokio::test(start_paused = true)]
async fn a_command_from_outside_gets_through_at_the_moment_that_the_clock_shows() {
    let plan = canary();
    let account = SimAccount::new(&plan, &Scenario::default(), 1);
    let (mut rollout, task) = Launch::new(plan, account.ports()).into_task().expect("no in-process hooks");
    let (tell, told) = tokio::sync::oneshot::channel();
    let watch = async {
        told.await.expect("somebody tells");
        rollout.abort("from outside").await.expect("it runs");
        rollout.wait().await.expect("an end")
    };
    tokio::spawn(async {
        #[expect(clippy::disallowed_methods, reason = "tokio's clock is paused: nothing sleeps")]
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        tell.send(()).expect("somebody listens");
    });
    let driven = drive(&account, async { tokio::join!(biased; watch, task.run()) }, Some(60.0));
    let (outcome, ()) = driven.await;
    assert_eq!(outcome.kind, lambda_rollout::OutcomeKind::Aborted);
    let (shifted, restored) = match account.alias_history().as_slice() {
        [shifted, restored] => (shifted.at, restored.at),
        other => panic!("{other:?}"),
    };
    let started = Scenario::default().start();
    assert!(shifted.since(started) < Duration::from_secs(10));
    let aborted_after = restored.since(started).as_secs_f64();
    assert!((90.0..91.0).contains(&aborted_after), "aborted after {aborted_after} virtual seconds");
}
