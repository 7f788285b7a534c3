//! A hook is invoked again where it surely has not run, and never where it may have.

use std::time::Duration;

use lambda_rollout::account::{HookFailure, HookMoment, HookRequest, HookVerdict};
use lambda_rollout::aws::Account;
use lambda_rollout::units::{AliasName, FunctionRef, HookFunction, RolloutId, Weight};
use lambda_rollout_aws_tests::{Fault, SimulatedEndpoint, plan, scenario, version};

fn endpoint() -> SimulatedEndpoint {
    SimulatedEndpoint::start(&plan("version = \"2\"\nstrategy = \"AllAtOnce\""), &scenario(""))
}

fn request(timeout: Duration) -> HookRequest {
    HookRequest {
        lambda: Some(HookFunction::parse("smoke").expect("a name")),
        timeout,
        rollout_id: RolloutId::parse("ro-1").expect("an id"),
        hook: HookMoment::BeforeTraffic,
        function: FunctionRef::parse("sample-handler").expect("a name"),
        alias: AliasName::parse("main").expect("a name"),
        stable_version: Some(version(1)),
        canary_version: version(2),
        weight: Weight::ZERO,
        parameters: serde_json::Value::Null,
    }
}

fn gateway(status: u16) -> Fault {
    Fault::Answer { status, headers: vec![], body: "<html>".to_owned() }
}

#[tokio::test]
async fn a_hook_that_has_not_run_is_invoked_again() {
    for fault in [Fault::Throttle, Fault::Unavailable, Fault::ServerError, Fault::Conflict, gateway(503)] {
        let endpoint = endpoint();
        endpoint.fault("Invoke", 1, fault.clone());
        let report = endpoint.account().hooks().run_hook(&request(Duration::from_secs(5))).await;
        assert_eq!(report.verdict, HookVerdict::Pass, "{fault:?}: {report:?}");
        let tries = endpoint.requests_of("Invoke");
        assert_eq!(tries.len(), 2, "{fault:?}");
        assert!(tries[1].at.duration_since(tries[0].at) >= Duration::from_millis(500), "{fault:?}");
    }
}

#[tokio::test]
async fn a_hook_that_may_have_run_is_invoked_once() {
    for fault in
        [Fault::LostReply, Fault::LostRequest, Fault::Html, Fault::Denied, gateway(502), gateway(504)]
    {
        let endpoint = endpoint();
        endpoint.fault("Invoke", 1, fault.clone());
        let report = endpoint.account().hooks().run_hook(&request(Duration::from_secs(5))).await;
        assert_eq!(report.verdict, HookVerdict::Fail, "{fault:?}: {report:?}");
        assert_eq!(endpoint.requests_of("Invoke").len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn further_tries_come_to_an_end_within_the_hooks_time() {
    let endpoint = endpoint();
    endpoint.fault_always("Invoke", Some(Fault::Unavailable));
    let report = endpoint.account().hooks().run_hook(&request(Duration::from_secs(10))).await;
    assert_eq!(report.failure, Some(HookFailure::NotInvoked));
    assert!(report.reason.ends_with("; tried 3 times"), "{report:?}");
    assert_eq!(endpoint.requests_of("Invoke").len(), 3);

    // Throttles are waited out as long as there is time, and the hook's own time is not stretched for that.
    endpoint.fault_always("Invoke", Some(Fault::Throttle));
    let report = endpoint.account().hooks().run_hook(&request(Duration::from_secs(2))).await;
    assert!(report.reason.contains("asked for fewer calls"), "{report:?}");
    assert_eq!(endpoint.requests_of("Invoke").len(), 6, "after 0, 0.5 and 1.5 seconds");
    endpoint.fault("Invoke", 8, Fault::Hang);
    endpoint.fault_always("Invoke", None);
    endpoint.fault("Invoke", 7, Fault::Throttle);
    let report = endpoint.account().hooks().run_hook(&request(Duration::from_secs(1))).await;
    assert_eq!(report.failure, Some(HookFailure::TimedOut), "{report:?}");
}

#[tokio::test]
async fn a_hook_is_invoked_again_when_nobody_listened_yet() {
    let endpoint = endpoint();
    let nobody = endpoint.sdk_config().into_builder().endpoint_url("http://127.0.0.1:1").build();
    let hooks = Account::from_sdk_config(&nobody).expect("an account").hooks();
    let report = hooks.run_hook(&request(Duration::from_secs(10))).await;
    assert_eq!(report.failure, Some(HookFailure::NotInvoked));
    assert!(
        report.reason.contains("Connection refused") && report.reason.ends_with("; tried 3 times"),
        "{report:?}"
    );
}
