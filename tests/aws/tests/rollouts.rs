//! Whole rollouts over real HTTP, against the simulated endpoint: machine, driver, SDK and wire together.

use lambda_rollout::account::{AlarmState, AliasWrite};
use lambda_rollout::event::Cause;
use lambda_rollout::sim::Hand;
use lambda_rollout::units::Weight;
use lambda_rollout::{EventKind, Outcome, OutcomeKind, RolloutPlan, driver};
use lambda_rollout_aws_tests::{Fault, SimulatedEndpoint, only, plan, run, scenario, split, version};
use serde_json::Value;

/// Two steps of a quarter of a second, a bake as short, and alarms read often.
const QUICK: &str = r#"
strategy = { kind = "steps", steps = [{ percent = 10, hold = "250ms" }, { percent = 50, hold = "250ms" }] }
bake = "250ms"
alarms = { names = ["errors"], poll = "100ms", unreadable = { tolerate = "1s", then = "roll-back" } }
"#;

fn quick(lines: &str) -> RolloutPlan {
    plan(&format!("{lines}\n{QUICK}"))
}

/// Runs until this event, does something to the account then, and goes on to the end.
async fn run_and_at(
    endpoint: &SimulatedEndpoint,
    plan: RolloutPlan,
    when: impl Fn(&EventKind) -> bool,
    then: impl FnOnce(),
) -> Outcome {
    let mut handle = driver::start(plan, endpoint.account().ports()).expect("started");
    while let Some(event) = handle.next_event().await {
        if when(&event.kind) {
            break;
        }
    }
    then();
    handle.wait().await.expect("an outcome")
}

fn first_shift(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Shifted { .. })
}

#[tokio::test]
async fn a_published_version_is_promoted_step_by_step() {
    let plan = quick("version = \"publish\"");
    let endpoint = SimulatedEndpoint::start(&plan, &scenario("canary = { ready_after = \"200ms\" }"));
    let outcome = run(endpoint.account().ports(), plan).await;
    assert_eq!((outcome.kind, outcome.exit_code()), (OutcomeKind::Promoted, 0), "{outcome:?}");
    assert_eq!((outcome.stable_version, outcome.canary_version), (Some(version(1)), Some(version(2))));
    assert_eq!(endpoint.alias_history(), [Some(split(10.0)), Some(split(50.0)), Some(only(2))]);
    endpoint.assert_no_blind_write();
    assert_eq!(endpoint.alias_calls().last().map(String::as_str), Some("read"), "promotion is read back");
    let [publish] = endpoint.requests_of("PublishVersion").try_into().expect("published once");
    assert!(publish.body["CodeSha256"].is_string() && publish.body["RevisionId"].is_string(), "{publish:?}");
}

#[tokio::test]
async fn a_firing_alarm_restores_the_stable_version_at_once() {
    let plan = quick("version = \"2\"");
    let endpoint = SimulatedEndpoint::start(&plan, &scenario(""));
    let outcome = run_and_at(&endpoint, plan, first_shift, || {
        endpoint.set_alarm("errors", AlarmState::Alarm, "3 errors in a minute");
    })
    .await;
    assert_eq!((outcome.kind, outcome.exit_code()), (OutcomeKind::RolledBack, 4), "{outcome:?}");
    match outcome.cause {
        Some(Cause::Alarm { name, state, reason, .. }) => {
            assert_eq!(
                (name.as_str(), state, reason.as_str()),
                ("errors", AlarmState::Alarm, "3 errors in a minute")
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(outcome.rollback.is_some_and(|times| times.seen_ms.is_some()));
    assert_eq!(endpoint.alias_history(), [Some(split(10.0)), Some(only(1))]);
    assert_eq!(
        endpoint.alias_calls()[1..],
        ["0.1", "only 1", "read"],
        "no call stands before the restoring write"
    );
    endpoint.assert_no_blind_write();
}

#[tokio::test]
async fn an_alarm_during_the_bake_still_rolls_back() {
    let plan = quick("version = \"2\"");
    let endpoint = SimulatedEndpoint::start(&plan, &scenario(""));
    let full =
        |kind: &EventKind| matches!(kind, EventKind::Shifted { weight, .. } if *weight == Weight::FULL);
    let outcome = run_and_at(&endpoint, plan, full, || {
        endpoint.set_alarm("errors", AlarmState::Alarm, "late");
    })
    .await;
    assert_eq!(outcome.kind, OutcomeKind::RolledBack, "{outcome:?}");
    assert_eq!(endpoint.alias_history().last(), Some(&Some(only(1))));
}

/// A permission that is missing does not come back by waiting.
#[tokio::test]
async fn a_write_that_is_denied_ends_the_rollout_on_one_version() {
    for nth in 1..=3 {
        let plan = quick("version = \"2\"");
        let endpoint = SimulatedEndpoint::start(&plan, &scenario(""));
        endpoint.fault("UpdateAlias", nth, Fault::Denied);
        let outcome = run(endpoint.account().ports(), plan).await;
        assert_eq!(outcome.exit_code(), if nth == 1 { 3 } else { 4 }, "write {nth}: {outcome:?}");
        let end = endpoint.world(|world| world.alias().expect("the alias").routing);
        assert_eq!(end, only(1), "write {nth}: {outcome:?}");
    }
}

#[tokio::test]
async fn alarms_that_stay_unreadable_roll_back() {
    let plan = quick("version = \"2\"");
    let endpoint = SimulatedEndpoint::start(&plan, &scenario(""));
    let outcome = run_and_at(&endpoint, plan, first_shift, || {
        endpoint.fault_always("DescribeAlarms", Some(Fault::Unavailable));
    })
    .await;
    assert_eq!(outcome.kind, OutcomeKind::RolledBack, "{outcome:?}");
    assert!(matches!(outcome.cause, Some(Cause::AlarmsUnreadable { .. })), "{outcome:?}");
    assert_eq!(endpoint.alias_history(), [Some(split(10.0)), Some(only(1))]);
}

#[tokio::test]
async fn another_hand_is_not_overwritten() {
    let plan = quick("version = \"2\"");
    let endpoint = SimulatedEndpoint::start(&plan, &scenario("account = { published = [\"3\"] }"));
    let outcome = run_and_at(&endpoint, plan, first_shift, || {
        let write = AliasWrite::new(only(3), "");
        endpoint.world(|world| world.write_alias(&write, Hand::Other)).expect("another hand's write");
    })
    .await;
    assert_eq!((outcome.kind, outcome.exit_code()), (OutcomeKind::Drifted, 5), "{outcome:?}");
    assert_eq!(endpoint.alias_history(), [Some(split(10.0)), Some(only(3))]);
}

#[tokio::test]
async fn the_first_deployment_creates_the_alias() {
    let plan = quick("version = \"publish\"");
    let lines = "account = { alias = \"absent\" }\ncanary = { ready_after = \"1ms\" }";
    let endpoint = SimulatedEndpoint::start(&plan, &scenario(lines));
    let outcome = run(endpoint.account().ports(), plan).await;
    assert_eq!(outcome.exit_code(), 0, "{outcome:?}");
    assert!(matches!(outcome.cause, Some(Cause::FirstDeployment)), "{outcome:?}");
    assert_eq!(endpoint.alias_history(), [Some(only(2))]);
}

const HOOKS: &str = "version = \"2\"\nhooks.before_traffic = { lambda = \"before\" }\nhooks.after_traffic = { lambda = \"after\" }";

#[tokio::test]
async fn hooks_run_before_and_after_traffic() {
    let plan = quick(HOOKS);
    let endpoint = SimulatedEndpoint::start(&plan, &scenario(""));
    let outcome = run(endpoint.account().ports(), plan).await;
    assert_eq!(outcome.kind, OutcomeKind::Promoted, "{outcome:?}");
    let invoked: Vec<(String, Value)> = endpoint
        .requests_of("Invoke")
        .into_iter()
        .map(|call| (call.target, call.body["weight"].clone()))
        .collect();
    assert_eq!(
        invoked,
        [
            ("/2015-03-31/functions/before/invocations".to_owned(), 0.0.into()),
            ("/2015-03-31/functions/after/invocations".to_owned(), 1.0.into()),
        ]
    );
}

#[tokio::test]
async fn a_hook_that_throws_before_traffic_refuses_and_after_it_rolls_back() {
    for (moment, kind, exit, writes) in
        [("before_traffic", OutcomeKind::Refused, 3, 0), ("after_traffic", OutcomeKind::RolledBack, 4, 4)]
    {
        let plan = quick(HOOKS);
        let lines = format!("hooks.{moment} = {{ answer = \"function-error\", reason = \"boom\" }}");
        let endpoint = SimulatedEndpoint::start(&plan, &scenario(&lines));
        let outcome = run(endpoint.account().ports(), plan).await;
        assert_eq!((outcome.kind, outcome.exit_code()), (kind, exit), "{outcome:?}");
        assert!(
            outcome.cause.as_ref().is_some_and(|cause| cause.to_string().contains("HookFailed")),
            "{outcome:?}"
        );
        assert_eq!(endpoint.alias_history().len(), writes, "{outcome:?}");
        assert_eq!(endpoint.world(|world| world.alias().expect("the alias").routing), only(1));
    }
}

#[tokio::test]
async fn s13_nothing_but_the_plans_own_function_and_alias_is_changed() {
    let code = "version = { s3 = { bucket = \"code\", key = \"handler.zip\" } }";
    let plan = quick(&HOOKS.replace("version = \"2\"", code));
    let endpoint = SimulatedEndpoint::start(
        &plan,
        &scenario("account = { update_takes = \"200ms\" }\ncanary = { ready_after = \"200ms\" }"),
    );
    let outcome = run(endpoint.account().ports(), plan).await;
    assert_eq!(outcome.kind, OutcomeKind::Promoted, "{outcome:?}");
    let reads = ["GetAlias", "GetFunction", "GetProvisionedConcurrencyConfig", "DescribeAlarms"];
    let function = "/2015-03-31/functions/sample-handler";
    let mut changes = Vec::new();
    for request in endpoint.requests().into_iter().filter(|request| !reads.contains(&&*request.operation)) {
        let expected = match request.operation.as_str() {
            "UpdateFunctionCode" => format!("{function}/code"),
            "PublishVersion" => format!("{function}/versions"),
            "UpdateAlias" => format!("{function}/aliases/main"),
            // A hook is asked, and what it does is its own affair.
            "Invoke" => request.target.clone(),
            other => panic!("a call that no plan needs: {other}"),
        };
        assert_eq!(request.target, expected);
        changes.push(request.operation);
    }
    changes.dedup();
    let expected = ["UpdateFunctionCode", "PublishVersion", "Invoke", "UpdateAlias", "Invoke"];
    assert_eq!(changes, expected);
}
