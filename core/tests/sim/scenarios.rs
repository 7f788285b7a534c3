//! Scenarios from the plan of the project's first story to their ends.

use std::collections::BTreeSet;
use std::time::Duration;

use lambda_rollout::OutcomeKind;
use lambda_rollout::account::{HookMoment, Routing};
use lambda_rollout::event::{Cause, EventKind};
use lambda_rollout::plan::{Hook, RolloutPlan, Step, Strategy};
use lambda_rollout::sim::{Hand, Scenario, SimulatedRun, simulate};
use lambda_rollout::units::{FunctionRef, Version, Weight};

use crate::canary;

fn with_hooks() -> RolloutPlan {
    let hook =
        |name| Hook::lambda(FunctionRef::parse(name).expect("a name")).with_timeout(Duration::from_secs(60));
    RolloutPlan::builder("sample-handler", "main")
        .publish()
        .strategy_named("AllAtOnce")
        .before_traffic(hook("check"))
        .after_traffic(hook("confirm"))
        .build()
        .expect("a good plan")
}

fn with_gate() -> RolloutPlan {
    let weight = Weight::from_percent(25.0).expect("a share");
    let steps = vec![Step { weight, hold: Duration::from_secs(60), gate: true }];
    RolloutPlan::builder("sample-handler", "main")
        .publish()
        .strategy(Strategy::Steps(steps))
        .build()
        .expect("good")
}

fn version(number: u64) -> Version {
    Version::new(number).expect("above 0")
}

fn run(plan: &RolloutPlan, scenario: &str, seed: u64) -> SimulatedRun {
    let scenario = Scenario::parse(scenario).unwrap_or_else(|error| panic!("{error}"));
    simulate(plan, &scenario, seed).expect("an end")
}

fn text(run: &SimulatedRun) -> String {
    run.events.iter().map(|event| serde_json::to_string(event).expect("an event is JSON") + "\n").collect()
}

fn kinds(run: &SimulatedRun) -> Vec<&'static str> {
    run.events.iter().map(|event| event.kind.name()).collect()
}

#[test]
fn every_shipped_scenario_ends_as_its_story_goes() {
    let ends = [
        ("healthy", OutcomeKind::Promoted),
        ("broken", OutcomeKind::RolledBack),
        ("slow-burn", OutcomeKind::RolledBack),
        ("no-traffic", OutcomeKind::Promoted),
        ("alarm-outage", OutcomeKind::RolledBack),
        ("bad-day", OutcomeKind::RolledBack),
    ];
    assert!(Scenario::shipped_names().eq(ends.map(|(name, _)| name)));
    for (name, end) in ends {
        let scenario = Scenario::shipped(name).expect("shipped");
        assert_eq!(scenario.name(), name);
        assert!(!scenario.description().is_empty());
        for seed in (0..100).chain([scenario.seed()]) {
            let run = simulate(&canary(), &scenario, seed).expect("an end");
            assert_eq!(run.outcome.kind, end, "{name} with seed {seed}\n{}", text(&run));
            let serves = if end == OutcomeKind::Promoted { version(2) } else { version(1) };
            let last = run.alias_history.last().expect("two writes at least");
            assert_eq!(last.routing, Some(Routing::only(serves)), "{name} with seed {seed}");
        }
    }
    assert_eq!(Scenario::shipped("unheard-of"), None);
}

#[test]
fn the_causes_are_those_of_the_stories() {
    let cause = |name| {
        let scenario = Scenario::shipped(name).expect("shipped");
        simulate(&canary(), &scenario, scenario.seed()).expect("an end").outcome.cause
    };
    assert!(matches!(cause("broken"), Some(Cause::Alarm { .. })));
    assert!(matches!(cause("slow-burn"), Some(Cause::Alarm { .. })));
    assert!(matches!(cause("bad-day"), Some(Cause::Alarm { .. })));
    assert!(matches!(cause("alarm-outage"), Some(Cause::AlarmsUnreadable { .. })));
    assert_eq!(cause("healthy"), None);
}

#[test]
fn the_healthy_canary_takes_its_five_minutes() {
    let run = run(&canary(), "", 1);
    let weights: Vec<f64> = run.weights().into_iter().map(|(_, weight)| weight.percent()).collect();
    assert_eq!(weights, [10.0, 100.0]);
    let held = run.weights()[1].0.since(run.weights()[0].0);
    assert!((Duration::from_secs(300)..Duration::from_secs(301)).contains(&held), "{held:?}");
    assert!((Duration::from_secs(300)..Duration::from_secs(310)).contains(&run.duration));
    assert_eq!(run.initial_routing, Some(Routing::only(version(1))));
    assert_eq!(run.calls["write_alias"], 2);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    for name in Scenario::shipped_names() {
        let scenario = Scenario::shipped(name).expect("shipped");
        let histories: BTreeSet<String> = (0..20)
            .map(|seed| {
                let once = simulate(&canary(), &scenario, seed).expect("an end");
                let again = simulate(&canary(), &scenario, seed).expect("an end");
                assert_eq!(text(&once), text(&again), "{name} with seed {seed}");
                assert_eq!(once, again, "{name} with seed {seed}");
                // The rollout's own name comes from the seed and is no sign of anything.
                text(&once).lines().skip(1).collect()
            })
            .collect();
        assert!(histories.len() > 10, "{name}: the dice have no say");
    }
}

/// Throws faults at rollouts, seed by seed. A failure names its seed; `LAMBDA_ROLLOUT_SEED=17 cargo test` replays it.
#[test]
fn whatever_the_dice_throw_the_alias_ends_on_one_version_and_every_write_is_guarded() {
    let storm = r#"
        canary = { changes = [{ after = "2m", error_percent = 3.0 }] }
        calls = { fastest = "20ms", slowest = "3s" }
        faults = [
            { fault = "lost-reply", percent = 5.0 },
            { fault = "lost-request", percent = 5.0 },
            { fault = "late", by = "15s", percent = 5.0 },
            { fault = "hang-after", percent = 3.0 },
            { fault = "conflict", call = "write_alias", percent = 10.0 },
            { fault = "throttle", percent = 10.0 },
            { fault = "server-error-after", percent = 5.0 },
        ]
    "#;
    let seeds = match std::env::var("LAMBDA_ROLLOUT_SEED") {
        Ok(seed) => seed.parse().map(|seed: u64| seed..seed + 1).expect("LAMBDA_ROLLOUT_SEED is a number"),
        Err(_) => 0..500,
    };
    for seed in seeds {
        let run = run(&canary(), storm, seed);
        let replay = format!("replay with LAMBDA_ROLLOUT_SEED={seed}\n{}", text(&run));
        assert!(run.alias_history.iter().all(|write| write.guarded), "a blind write; {replay}");
        assert_ne!(run.outcome.kind, OutcomeKind::Unsettled, "unsettled; {replay}");
        let last = run.alias_history.last().map_or(run.initial_routing, |write| write.routing);
        assert!(last.is_some_and(|routing| routing.is_single()), "left on two versions; {replay}");
        assert_eq!(kinds(&run).last(), Some(&"finished"), "{replay}");
    }
}

#[test]
fn a_first_deployment_has_nothing_to_shift() {
    let run = run(&canary(), "account = { alias = \"absent\" }", 1);
    assert_eq!(run.outcome.cause, Some(Cause::FirstDeployment));
    assert!(run.outcome.is_success());
    assert_eq!(run.initial_routing, None);
    assert_eq!(run.alias_history.last().and_then(|change| change.routing), Some(Routing::only(version(2))));
}

#[test]
fn what_cannot_be_weighted_is_refused_before_traffic_moves() {
    for scenario in [
        "canary = { role = \"arn:aws:iam::123456789012:role/other\" }",
        "canary = { dead_letter = \"arn:aws:sqs:eu-west-1:123456789012:queue\" }",
        "canary = { never_ready = \"InvalidImage\" }",
        "account = { alias = \"on-latest\" }",
        "account = { alias = { weighted = { percent = 40.0, version = \"9\" } } }",
        "alarms = [{ name = \"sample-handler-errors\", exists = false }]",
        "alarms = [{ name = \"sample-handler-errors\", forced = [{ state = \"ALARM\" }] }]",
        "faults = [{ fault = \"denied\", call = \"read_version\" }]",
    ] {
        let run = run(&canary(), scenario, 1);
        assert_eq!(run.outcome.kind, OutcomeKind::Refused, "{scenario}\n{}", text(&run));
        assert!(run.alias_history.is_empty(), "{scenario}");
    }
}

#[test]
fn nothing_new_to_publish_is_nothing_to_do() {
    let run = run(&canary(), "account = { latest = \"unchanged\" }", 1);
    assert_eq!(run.outcome.cause, Some(Cause::AlreadyServed { version: version(1) }));
}

#[test]
fn every_answer_of_a_hook_has_its_end() {
    let end = |moment: HookMoment, answer: &str| {
        let run = run(
            &with_hooks(),
            &format!("hooks = {{ {moment} = {{ answer = \"{answer}\", reason = \"so\" }} }}"),
            1,
        );
        (run.outcome.kind, run.outcome.cause)
    };
    for answer in ["fail", "function-error", "time-out", "malformed", "not-invoked"] {
        for (moment, kind) in [
            (HookMoment::BeforeTraffic, OutcomeKind::Refused),
            (HookMoment::AfterTraffic, OutcomeKind::RolledBack),
        ] {
            let (ended, cause) = end(moment, answer);
            assert_eq!(ended, kind, "{answer}");
            let Some(Cause::Hook { hook, failure, reason }) = cause else { panic!("{answer}: {cause:?}") };
            assert_eq!(hook, moment);
            let failure = failure.map_or_else(|| "fail".to_owned(), |failure| failure.to_string());
            let expected = match answer {
                "function-error" => "function_error",
                "time-out" => "timed_out",
                "malformed" => "malformed_answer",
                "not-invoked" => "not_invoked",
                other => other,
            };
            assert_eq!(failure, expected);
            assert_eq!(reason == "so", !matches!(answer, "time-out" | "malformed"), "{answer}: {reason}");
        }
    }
    assert_eq!(end(HookMoment::BeforeTraffic, "pass").0, OutcomeKind::Promoted);
    // A gate waits for a person then, and the scenario's approves it.
    assert_eq!(end(HookMoment::AfterTraffic, "inconclusive").0, OutcomeKind::Promoted);
}

#[test]
fn people_pause_resume_promote_and_abort() {
    let paused =
        run(&canary(), "commands = [{ at = \"1m\", do = \"pause\" }, { at = \"31m\", do = \"resume\" }]", 1);
    assert!(kinds(&paused).contains(&"paused") && kinds(&paused).contains(&"resumed"));
    assert!(paused.duration > Duration::from_secs(35 * 60), "{:?}", paused.duration);
    let turned =
        run(&canary(), "commands = [{ at = \"31m\", do = \"resume\" }, { at = \"1m\", do = \"pause\" }]", 1);
    assert_eq!(text(&turned), text(&paused), "the order in the file is of no account");
    let promoted = run(&canary(), "commands = [{ at = \"1m\", do = \"promote\" }]", 1);
    assert_eq!(promoted.outcome.kind, OutcomeKind::Promoted);
    assert!(promoted.duration < Duration::from_secs(90));
    let aborted = run(&canary(), "commands = [{ at = \"1m\", do = \"abort\", reason = \"coffee\" }]", 1);
    assert_eq!(aborted.outcome.kind, OutcomeKind::Aborted);
    assert_eq!(aborted.outcome.cause, Some(Cause::Abort { reason: "coffee".to_owned() }));
}

#[test]
fn a_gate_is_approved_when_the_scenario_says_and_given_up_at_its_end() {
    let approved = run(&with_gate(), "approve_gates_after = \"20m\"", 1);
    assert_eq!(approved.outcome.kind, OutcomeKind::Promoted);
    assert!(approved.duration > Duration::from_secs(21 * 60));
    let never = run(&with_gate(), "approve_gates_after = \"never\"\nuntil = \"3h\"", 1);
    assert_eq!(never.outcome.kind, OutcomeKind::Aborted);
    assert!((Duration::from_secs(3 * 3600)..Duration::from_secs(3 * 3600 + 60)).contains(&never.duration));
}

#[test]
fn another_hand_is_seen_and_left_alone() {
    for (deed, ends_on) in [
        ("\"clear\"", Some(Routing::only(version(1)))),
        ("\"delete\"", None),
        ("{ route = { version = \"7\" } }", Some(Routing::only(version(7)))),
    ] {
        let scenario =
            format!("account = {{ published = [\"7\"] }}\ndrift = [{{ at = \"2m\", do = {deed} }}]");
        let run = run(&canary(), &scenario, 1);
        assert!(kinds(&run).contains(&"drifted"), "{deed}\n{}", text(&run));
        let last = run.alias_history.last().expect("the other hand's write");
        assert_eq!((last.by, last.routing), (Hand::Other, ends_on), "{deed}\n{}", text(&run));
    }
}

#[test]
fn a_rollout_carries_on_whenever_its_runner_died() {
    for journal in [true, false] {
        for effect in 1..=45 {
            let scenario = format!("runner = {{ dies_after_effect = [{effect}], journal = {journal} }}");
            let run = run(&canary(), &scenario, effect);
            // With the journal or without, the alias tells where to go on. A canary that was already served is the
            // end that the first runner could not tell.
            let ends = [OutcomeKind::Promoted, OutcomeKind::NothingToDo];
            assert!(ends.contains(&run.outcome.kind), "effect {effect}, journal {journal}\n{}", text(&run));
            let last = run.alias_history.last().expect("two writes at least");
            assert_eq!(last.routing, Some(Routing::only(version(2))), "effect {effect}, journal {journal}");
        }
    }
}

#[test]
fn the_next_runner_knows_the_rollout_by_the_journal_alone() {
    let names = |journal: bool| -> BTreeSet<String> {
        let scenario = format!("runner = {{ dies_after_effect = [20], journal = {journal} }}");
        let run = run(&canary(), &scenario, 1);
        let started = run.events.iter().filter_map(|event| match &event.kind {
            EventKind::Started { rollout_id, .. } => Some(rollout_id.to_string()),
            _ => None,
        });
        started.collect()
    };
    assert_eq!(names(true).len(), 1);
    assert_eq!(names(false).len(), 2);
}

#[test]
fn what_concerned_a_dead_runner_does_not_reach_the_next_one() {
    let told = "commands = [{ at = \"30s\", do = \"pause\" }]\nrunner = { dies_after_effect = [8], back_after = \"1m\" }";
    let missed = run(&canary(), told, 1);
    assert!(kinds(&missed).iter().filter(|kind| **kind == "started").count() == 2, "{}", text(&missed));
    assert!(!kinds(&missed).contains(&"paused"), "{}", text(&missed));

    // Both runners begin with the same call, and both wait six seconds for it.
    let late = r#"
        faults = [{ fault = "late", by = "6s", call = "read_alias", nth = [1, 2] }]
        runner = { dies_after_effect = [1], back_after = "3s", journal = false }
    "#;
    let late = run(&canary(), late, 1);
    let published = late.events.iter().find(|event| event.kind.name() == "published").expect("it goes on");
    assert!(published.at.since(late.events[0].at) > Duration::from_secs(9), "{}", text(&late));
}

#[test]
fn an_abort_waits_for_the_next_runner() {
    let scenario = "until = \"1m\"\nrunner = { dies_after_effect = [12], back_after = \"10m\" }";
    let run = run(&canary(), scenario, 1);
    assert_eq!(run.outcome.kind, OutcomeKind::Aborted, "{}", text(&run));
}

#[test]
fn a_scenario_ends_a_rollout_that_would_go_on_for_ever() {
    let outage = "until = \"1h\"\nfaults = [{ fault = \"hang\", call = \"read_version\" }]";
    let run = run(&canary(), outage, 1);
    assert_ne!(run.outcome.kind, OutcomeKind::Promoted);
    assert!(run.duration < Duration::from_secs(3700), "{:?}", run.duration);
    assert!(matches!(run.events.last().map(|event| &event.kind), Some(EventKind::Finished(_))));
}

#[test]
fn a_plan_of_any_length_comes_to_its_own_end_on_a_healthy_day() {
    for (strategy, bake) in
        [("Canary10Percent72Hours", 1), ("Linear20PercentEvery24Hours", 1), ("AllAtOnce", 60)]
    {
        let plan = RolloutPlan::builder("sample-handler", "main")
            .strategy_named(strategy)
            .bake(Duration::from_secs(bake * 3600))
            .alarm("sample-handler-errors")
            .poll(Duration::from_secs(300))
            .build()
            .expect("a good plan");
        let run = simulate(&plan, &Scenario::shipped("healthy").expect("it is shipped"), 1).expect("it ends");
        assert_eq!(run.outcome.kind, OutcomeKind::Promoted, "{strategy}: {:?}", run.outcome.cause);
    }
    let step = |percent: u16| Step {
        weight: Weight::from_basis_points(percent * 100).expect("a share"),
        hold: Duration::ZERO,
        gate: true,
    };
    let plan = RolloutPlan::builder("sample-handler", "main")
        .strategy(Strategy::Steps((1..99).map(step).collect()))
        .build()
        .expect("a good plan");
    let run =
        simulate(&plan, &Scenario::parse("approve_gates_after = \"1h\"").expect("good"), 1).expect("it ends");
    assert_eq!(run.outcome.kind, OutcomeKind::Promoted, "98 gates of an hour each: {:?}", run.outcome.cause);
}
