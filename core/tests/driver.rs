//! The driver, on the simulated account and on ports that misbehave.
#![cfg(all(feature = "runtime", feature = "sim"))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use lambda_rollout::account::{
    AlarmReading, AliasState, AliasWrite, CodeSource, FunctionVersion, HookFailure, HookReport,
    PublishRequest, Routing,
};
use lambda_rollout::driver::{self, Launch};
use lambda_rollout::event::{Cause, EventKind};
use lambda_rollout::plan::{Hook, PlanBuilder};
use lambda_rollout::ports::{AlarmPort, Ports, TrafficPort};
use lambda_rollout::sim::{Scenario, SimAccount, drive, simulate};
use lambda_rollout::units::{AlarmName, AliasName, FunctionRef, Qualifier, Version};
use lambda_rollout::{Error, ErrorKind, Outcome, OutcomeKind, RolloutPlan};

#[allow(dead_code, reason = "its `main` is run by hand")]
#[path = "../examples/own_checks.rs"]
mod own_checks;
#[allow(dead_code, reason = "its `main` is run by hand")]
#[path = "../examples/quickstart.rs"]
mod quickstart;

fn plan(change: impl FnOnce(PlanBuilder) -> PlanBuilder) -> RolloutPlan {
    let plan = RolloutPlan::builder("sample-handler", "main")
        .publish()
        .strategy_named("CANARY_10PERCENT_5MINUTES")
        .alarm("errors");
    change(plan).build().expect("a good plan")
}

fn account(plan: &RolloutPlan) -> SimAccount {
    SimAccount::new(plan, &Scenario::default(), 1)
}

async fn run(account: &SimAccount, launch: Launch) -> Result<Outcome, Error> {
    let (mut rollout, task) = launch.into_task()?;
    drive(account, async { tokio::join!(rollout.wait(), task.run()) }, None).await.0
}

#[tokio::test]
async fn the_examples_do_what_they_say() {
    assert_eq!(quickstart::story("healthy").await.expect("an end").kind, OutcomeKind::Promoted);
    assert_eq!(quickstart::story("broken").await.expect("an end").kind, OutcomeKind::RolledBack);
    assert_eq!(own_checks::rollout(2).await.expect("an end").kind, OutcomeKind::Promoted);
    assert_eq!(own_checks::rollout(1).await.expect("an end").kind, OutcomeKind::Refused);
}

#[tokio::test]
async fn the_driver_tells_the_same_history_as_the_bare_machine() {
    for name in Scenario::shipped_names() {
        let scenario = Scenario::shipped(name).expect("shipped");
        let plan = plan(|plan| plan);
        let bare = simulate(&plan, &scenario, 5).expect("an end");
        let account = SimAccount::new(&plan, &scenario, 5);
        let launch = Launch::new(plan, account.ports()).rollout_id(account.rollout_id());
        let (mut rollout, task) = launch.into_task().expect("it fits");
        let history = async {
            let mut events = Vec::new();
            while let Some(event) = rollout.next_event().await {
                events.push(event);
            }
            events
        };
        let (events, ()) = drive(&account, async { tokio::join!(history, task.run()) }, None).await;
        let text = |events: &[_]| serde_json::to_string(events).expect("JSON");
        assert_eq!(text(&events), text(&bare.events), "{name}");
    }
}

#[tokio::test]
async fn a_check_writes_nothing_and_says_what_it_saw() {
    let plan = plan(|plan| plan);
    let account = account(&plan);
    let report = drive(&account, driver::check(plan, account.ports()), None).await.expect("a report");
    assert_eq!(report.outcome, None);
    assert!(
        report
            .events
            .iter()
            .any(|event| matches!(event.kind, EventKind::Checked { canary_version: None, .. }))
    );
    assert!(account.alias_history().is_empty());
}

#[tokio::test]
async fn dropping_the_handle_lets_the_rollout_run_on() {
    let plan = plan(|plan| plan);
    let account = account(&plan);
    let (rollout, task) = Launch::new(plan, account.ports()).into_task().expect("it fits");
    rollout.detach();
    drive(&account, task.run(), None).await;
    assert_eq!(account.alias_history().last().and_then(|change| change.routing), Some(only(2)));
}

fn only(number: u64) -> Routing {
    Routing::only(Version::new(number).expect("above zero"))
}

#[tokio::test]
async fn cancelling_a_waiter_stops_the_waiting_alone() {
    let plan = plan(|plan| plan);
    let account = account(&plan);
    let (mut rollout, task) = Launch::new(plan, account.ports()).into_task().expect("it fits");
    {
        let mut wait = std::pin::pin!(rollout.wait());
        assert!(futures_util::poll!(&mut wait).is_pending());
    }
    let (outcome, ()) = drive(&account, async { tokio::join!(rollout.wait(), task.run()) }, None).await;
    assert_eq!(outcome.expect("an end").kind, OutcomeKind::Promoted);
    // After the end every question is answered at once.
    assert!(rollout.wait().await.is_ok());
    assert_eq!(rollout.abort("late").await.expect_err("ended").kind(), ErrorKind::WrongState);
}

#[tokio::test]
async fn a_killed_task_is_told_as_such() {
    let plan = plan(|plan| plan);
    let account = account(&plan);
    let (mut rollout, task) = Launch::new(plan, account.ports()).into_task().expect("it fits");
    drop(task);
    assert_eq!(rollout.wait().await.expect_err("killed").kind(), ErrorKind::Internal);
    assert!(rollout.next_event().await.is_none());
}

#[tokio::test]
async fn commands_reach_a_running_rollout() {
    let plan = plan(|plan| plan);
    let account = account(&plan);
    let (mut rollout, task) = Launch::new(plan, account.ports()).into_task().expect("it fits");
    let person = async {
        while let Some(event) = rollout.next_event().await {
            if event.kind.name() == "shifted" {
                break;
            }
        }
        rollout.pause().await.expect("it fits");
        assert_eq!(rollout.pause().await.expect_err("paused already").kind(), ErrorKind::WrongState);
        assert!(rollout.status().paused);
        rollout.resume().await.expect("it fits");
        rollout.abort("a person changed their mind").await.expect("it fits");
        rollout.wait().await
    };
    let (outcome, ()) = drive(&account, async { tokio::join!(person, task.run()) }, None).await;
    let outcome = outcome.expect("an end");
    assert_eq!((outcome.kind, outcome.exit_code()), (OutcomeKind::Aborted, 4));
    assert_eq!(outcome.cause, Some(Cause::Abort { reason: "a person changed their mind".into() }));
}

#[tokio::test]
async fn an_in_process_hook_that_panics_fails() {
    let plan = plan(|plan| plan.before_traffic(Hook::in_process()));
    let account = account(&plan);
    let launch = Launch::new(plan, account.ports()).before_traffic(async |_| panic!("with a secret"));
    let outcome = run(&account, launch).await.expect("an end");
    let Some(Cause::Hook { failure: Some(HookFailure::FunctionError), reason, .. }) = outcome.cause else {
        panic!("{outcome:?}")
    };
    assert!(!reason.contains("secret"));
}

#[tokio::test]
async fn an_in_process_hook_has_its_time() {
    let plan = plan(|plan| plan.after_traffic(Hook::in_process().with_timeout(Duration::from_secs(60))));
    let account = account(&plan);
    let launch = Launch::new(plan, account.ports()).after_traffic(async |_| std::future::pending().await);
    let outcome = run(&account, launch).await.expect("an end");
    assert!(matches!(outcome.cause, Some(Cause::Hook { failure: Some(HookFailure::TimedOut), .. })));
    assert_eq!(outcome.kind, OutcomeKind::RolledBack);
}

#[tokio::test]
async fn hooks_and_plan_have_to_fit() {
    let planned = plan(|plan| plan.before_traffic(Hook::in_process()));
    let ports = account(&planned).ports();
    assert_eq!(
        Launch::new(planned, ports.clone()).start().expect_err("nobody answers").kind(),
        ErrorKind::Plan
    );
    let given = Launch::new(plan(|plan| plan), ports).after_traffic(async |_| HookReport::pass(""));
    assert_eq!(given.start().expect_err("none planned").kind(), ErrorKind::Plan);
}

/// Alarms that panic once pre-flight is over, or never answer.
struct Misbehaving {
    account: SimAccount,
    polls: AtomicU32,
    panics: bool,
}

#[async_trait]
impl AlarmPort for Misbehaving {
    async fn read_alarms(&self, names: &[AlarmName]) -> Result<Vec<AlarmReading>, Error> {
        // One before the version is published, and one before traffic moves.
        if self.polls.fetch_add(1, Ordering::Relaxed) < 2 {
            return self.account.ports().alarms.read_alarms(names).await;
        }
        assert!(!self.panics, "a port's own fault");
        std::future::pending().await
    }
}

#[tokio::test]
async fn alarms_that_panic_or_hang_are_an_outage_and_not_the_end() {
    for panics in [true, false] {
        let plan = plan(|plan| plan);
        let account = account(&plan);
        let alarms = Misbehaving { account: account.clone(), polls: AtomicU32::new(0), panics };
        let ports = Ports { alarms: Arc::new(alarms), ..account.ports() };
        let outcome = run(&account, Launch::new(plan, ports)).await.expect("an end");
        assert_eq!(outcome.kind, OutcomeKind::RolledBack, "panics: {panics}");
        assert!(matches!(outcome.cause, Some(Cause::AlarmsUnreadable { .. })));
        assert_eq!(account.alias_history().last().and_then(|change| change.routing), Some(only(1)));
    }
}

/// Passes everything on, but the second write takes effect and then panics.
struct PanickingWrites {
    traffic: Arc<dyn TrafficPort>,
    wrote: AtomicBool,
}

#[async_trait]
impl TrafficPort for PanickingWrites {
    async fn read_alias(&self, function: &FunctionRef, alias: &AliasName) -> Result<AliasState, Error> {
        self.traffic.read_alias(function, alias).await
    }

    async fn write_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        write: &AliasWrite,
    ) -> Result<AliasState, Error> {
        let written = self.traffic.write_alias(function, alias, write).await;
        assert!(self.wrote.swap(true, Ordering::Relaxed), "a port's own fault");
        written
    }

    async fn create_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        version: Version,
    ) -> Result<AliasState, Error> {
        self.traffic.create_alias(function, alias, version).await
    }

    async fn read_version(
        &self,
        function: &FunctionRef,
        version: Qualifier,
    ) -> Result<FunctionVersion, Error> {
        self.traffic.read_version(function, version).await
    }

    async fn update_code(
        &self,
        function: &FunctionRef,
        code: &CodeSource,
        revision_id: &str,
    ) -> Result<FunctionVersion, Error> {
        self.traffic.update_code(function, code, revision_id).await
    }

    async fn publish(
        &self,
        function: &FunctionRef,
        request: &PublishRequest,
    ) -> Result<FunctionVersion, Error> {
        self.traffic.publish(function, request).await
    }
}

#[tokio::test]
async fn s2_a_write_whose_port_panics_is_read_and_not_repeated() {
    let plan = plan(|plan| plan);
    let account = account(&plan);
    let traffic = PanickingWrites { traffic: account.ports().traffic, wrote: AtomicBool::new(false) };
    let ports = Ports { traffic: Arc::new(traffic), ..account.ports() };
    let outcome = run(&account, Launch::new(plan, ports)).await.expect("an end");
    assert_eq!((outcome.kind, outcome.calls["write_alias"]), (OutcomeKind::Promoted, 2));
}
