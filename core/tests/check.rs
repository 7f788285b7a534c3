//! `driver::check`: it always ends, and says what a run would do first.
#![cfg(all(feature = "runtime", feature = "sim"))]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lambda_rollout::account::{
    AliasState, AliasWrite, CodeSource, FunctionVersion, Lifecycle, PublishRequest,
};
use lambda_rollout::driver::{self, CHECK_LIMIT, CheckReport, FirstMove};
use lambda_rollout::event::{Cause, EventKind};
use lambda_rollout::plan::{Format, RolloutPlan};
use lambda_rollout::ports::{Ports, TrafficPort};
use lambda_rollout::sim::{Scenario, SimAccount, drive, simulate};
use lambda_rollout::units::{AliasName, FunctionRef, Qualifier, Version, Weight};
use lambda_rollout::{Error, ErrorKind, OutcomeKind};

fn plan(lines: &str) -> RolloutPlan {
    let text = format!(
        "function = \"sample-handler\"\nalias = \"main\"\nversion = \"2\"\n\
         strategy = {{ kind = \"linear\", percent = 25, interval = \"1m\" }}\n{lines}"
    );
    RolloutPlan::parse(&text, Format::Toml).unwrap_or_else(|error| panic!("{error}"))
}

const ALARM: &str = "[alarms]\nnames = [\"errors\"]\npoll = \"5s\"\n";

/// The report, and how long the check took by the account's clock.
async fn check(
    plan: RolloutPlan,
    scenario: &str,
    world: impl FnOnce(Ports) -> Ports,
) -> (CheckReport, Duration) {
    let scenario = Scenario::parse(scenario).unwrap_or_else(|error| panic!("{error}"));
    let account = SimAccount::new(&plan, &scenario, 1);
    let ports = world(account.ports());
    let began = ports.clock.now();
    let clock = Arc::clone(&ports.clock);
    let report = drive(&account, driver::check(plan, ports), None).await.expect("a report");
    assert!(account.alias_history().is_empty());
    (report, clock.now().since(began))
}

/// Every version is being made, for ever.
struct NeverReady(Arc<dyn TrafficPort>);

#[async_trait]
impl TrafficPort for NeverReady {
    async fn read_alias(&self, function: &FunctionRef, alias: &AliasName) -> Result<AliasState, Error> {
        self.0.read_alias(function, alias).await
    }

    async fn read_version(
        &self,
        function: &FunctionRef,
        version: Qualifier,
    ) -> Result<FunctionVersion, Error> {
        let read = self.0.read_version(function, version).await?;
        Ok(FunctionVersion {
            state: Lifecycle::Pending,
            state_reason: "The function is being created.".into(),
            ..read
        })
    }

    async fn write_alias(&self, _: &FunctionRef, _: &AliasName, _: &AliasWrite) -> Result<AliasState, Error> {
        unreachable!("a check writes nothing")
    }

    async fn create_alias(&self, _: &FunctionRef, _: &AliasName, _: Version) -> Result<AliasState, Error> {
        unreachable!("a check writes nothing")
    }

    async fn update_code(&self, _: &FunctionRef, _: &CodeSource, _: &str) -> Result<FunctionVersion, Error> {
        unreachable!("a check writes nothing")
    }

    async fn publish(&self, _: &FunctionRef, _: &PublishRequest) -> Result<FunctionVersion, Error> {
        unreachable!("a check writes nothing")
    }
}

#[track_caller]
fn refused(report: &CheckReport) -> Cause {
    let outcome = report.outcome.clone().expect("an outcome");
    assert_eq!((outcome.kind, outcome.exit_code()), (OutcomeKind::Refused, 3));
    assert!(matches!(report.events.last().map(|event| &event.kind), Some(EventKind::Finished(_))));
    assert_eq!(report.first_move, None);
    outcome.cause.expect("a cause")
}

#[tokio::test]
async fn a_version_that_stays_pending_is_named_with_its_reason() {
    let never = |ports: Ports| Ports { traffic: Arc::new(NeverReady(Arc::clone(&ports.traffic))), ..ports };
    let (report, took) = check(plan(""), "", never).await;
    assert!(report.timed_out && took == CHECK_LIMIT, "{took:?}");
    let cause = refused(&report).to_string();
    assert_eq!(cause, "version 2 is not ready: still Pending after 30s: The function is being created.");
}

#[tokio::test]
async fn a_call_that_is_never_answered_ends_the_check() {
    for (call, words) in [
        ("read_alarms", "alarms could not be read"),
        ("read_alias", "read_alias"),
        ("read_version", "read_version"),
    ] {
        let hangs = format!("[[faults]]\nfault = \"hang\"\ncall = \"{call}\"\npercent = 100.0\n");
        for then in ["hold", "roll-back"] {
            let tolerant = format!("{ALARM}unreadable = {{ tolerate = \"1h\", then = \"{then}\" }}\n");
            let (report, took) = check(plan(&tolerant), &hangs, |ports| ports).await;
            assert!(took <= CHECK_LIMIT, "{call}: {took:?}");
            let cause = refused(&report).to_string();
            assert!(!report.timed_out || cause.contains(words), "{call}: {cause}");
        }
    }
}

#[tokio::test]
async fn the_time_is_the_caller_s_to_choose() {
    let plan = plan(ALARM);
    let hangs = "[[faults]]\nfault = \"hang\"\ncall = \"read_alarms\"\npercent = 100.0\n";
    let account = SimAccount::new(&plan, &Scenario::parse(hangs).expect("a scenario"), 1);
    let limit = Duration::from_secs(2);
    let check = driver::check_within(plan, account.ports(), limit);
    let report = drive(&account, check, None).await.expect("a report");
    let cause = refused(&report);
    assert!(
        report.timed_out && matches!(&cause, Cause::Error { error } if error.kind == ErrorKind::Unreachable)
    );
    assert_eq!(cause.to_string(), "no answer to `read_alarms` within 2s");
}

/// What a run does first with the alias as it is: the weight that it shifts to, or holds.
fn first_of_run(plan: &RolloutPlan, scenario: &str) -> (&'static str, Weight) {
    let run = simulate(plan, &Scenario::parse(scenario).expect("a scenario"), 1).expect("an end");
    let first = run.events.iter().find_map(|event| match event.kind {
        EventKind::Shifted { weight, .. } => Some(("shift", weight)),
        EventKind::StepHeld { weight, .. } => Some(("hold", weight)),
        // All of it was there already: only the weights were cleared.
        EventKind::Promoted { .. } => Some(("shift", Weight::FULL)),
        _ => None,
    });
    first.unwrap_or_else(|| panic!("{:?}", run.events))
}

#[tokio::test]
async fn the_first_move_is_what_a_run_does_first() {
    let percent = |percent: f64| Weight::from_percent(percent).expect("a weight");
    for (found, expected) in [
        (0.0, ("shift", 25.0)),
        (0.01, ("shift", 25.0)),
        (24.99, ("shift", 25.0)),
        (25.0, ("hold", 25.0)),
        (25.01, ("shift", 25.0)),
        (50.0, ("hold", 50.0)),
        (60.0, ("shift", 50.0)),
        (75.0, ("hold", 75.0)),
        (99.99, ("shift", 75.0)),
        (100.0, ("shift", 100.0)),
    ] {
        let scenario = format!("[account]\nalias = {{ weighted = {{ percent = {found:.2} }} }}\n");
        let (report, _) = check(plan(""), &scenario, |ports| ports).await;
        let said = match report.first_move.unwrap_or_else(|| panic!("{found}: {:?}", report.outcome)) {
            FirstMove::Shift { weight } => ("shift", weight),
            FirstMove::Hold { weight, hold_ms, gate, next } => {
                let after = if weight == percent(75.0) { Weight::FULL } else { percent(found + 25.0) };
                assert_eq!((hold_ms, gate, next), (60_000, false, after));
                ("hold", weight)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(said, (expected.0, percent(expected.1)), "{found}");
        assert_eq!(said, first_of_run(&plan(""), &scenario), "{found}");
    }
}

#[tokio::test]
async fn an_alias_that_does_not_exist_is_created() {
    let (report, _) = check(plan(""), "[account]\nalias = \"absent\"\n", |ports| ports).await;
    assert_eq!((report.first_move, report.outcome), (Some(FirstMove::CreateAlias), None));
    let json = serde_json::to_value(FirstMove::CreateAlias).expect("JSON");
    assert_eq!(json, serde_json::json!({"action": "create_alias"}));
}
