//! S5, S6: the restoring write is repeated until it lands, and what is said when it never does.

use std::time::Duration;

use lambda_rollout::account::{AlarmState, AliasWrite, Routing};
use lambda_rollout::sim::Hand;
use lambda_rollout::units::Version;
use lambda_rollout::{EventKind, Outcome, OutcomeKind, RolloutPlan, driver};
use lambda_rollout_aws_tests::{Fault, SimulatedEndpoint, only, plan, scenario, split};
use tokio::task::JoinSet;

fn start(lines: &str) -> (SimulatedEndpoint, RolloutPlan) {
    let plan = plan(&format!(
        "{lines}\nversion = \"2\"\nstrategy = {{ kind = \"canary\", percent = 10, interval = \"1h\" }}\n\
         alarms = {{ names = [\"errors\"], poll = \"100ms\" }}"
    ));
    (SimulatedEndpoint::start(&plan, &scenario("")), plan)
}

/// Runs until the canary has traffic, lets the alarm fire, and goes on to the end.
async fn run(endpoint: &SimulatedEndpoint, plan: RolloutPlan) -> Outcome {
    let mut rollout = driver::start(plan, endpoint.account().ports()).expect("started");
    while let Some(event) = rollout.next_event().await {
        match event.kind {
            EventKind::Shifted { .. } if endpoint.requests_of("UpdateAlias").len() == 1 => {
                endpoint.set_alarm("errors", AlarmState::Alarm, "too many");
            }
            EventKind::RolledBack { .. } => {
                assert_eq!(endpoint.alias_history().last(), Some(&Some(only(1))), "said before it was so");
            }
            _ => {}
        }
    }
    rollout.wait().await.expect("an outcome")
}

async fn all(mut cases: JoinSet<()>) {
    while let Some(case) = cases.join_next().await {
        case.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    }
}

/// Faults after which the restoring write has had no effect.
const WITHOUT_EFFECT: [Fault; 8] = [
    Fault::Throttle,
    Fault::Denied,
    Fault::Expired,
    Fault::Conflict,
    Fault::Stale,
    Fault::Unavailable,
    Fault::LostRequest,
    Fault::Html,
];

#[tokio::test]
async fn a_restoring_write_that_fails_for_a_while_is_repeated_with_growing_waits() {
    const FAILURES: u64 = 5;
    let mut cases = JoinSet::new();
    for fault in WITHOUT_EFFECT {
        cases.spawn(async move {
            let (endpoint, plan) = start("");
            for nth in 2..2 + FAILURES {
                endpoint.fault("UpdateAlias", nth, fault.clone());
            }
            let outcome = run(&endpoint, plan).await;
            assert_eq!(
                (outcome.kind, outcome.exit_code()),
                (OutcomeKind::RolledBack, 4),
                "{fault:?}: {outcome:?}"
            );
            assert_eq!(endpoint.alias_history(), [Some(split(10.0)), Some(only(1))], "{fault:?}");

            let requests = endpoint.requests();
            let writes: Vec<usize> =
                (0..requests.len()).filter(|at| requests[*at].operation == "UpdateAlias").collect();
            assert_eq!(writes.len() as u64, 2 + FAILURES, "{fault:?}");
            let mut least = Duration::from_millis(100);
            for pair in writes[1..].windows(2) {
                let waited = requests[pair[1]].at.duration_since(requests[pair[0]].at);
                assert!(waited >= least, "{fault:?}: {waited:?} before another try, and not {least:?}");
                least *= 2;
            }
            let meanwhile = requests[writes[1]..].iter().map(|request| request.operation.as_str());
            let others: Vec<&str> =
                meanwhile.filter(|call| !["UpdateAlias", "GetAlias"].contains(call)).collect();
            assert!(others.is_empty(), "other calls stand back: {fault:?}: {others:?}");
        });
    }
    all(cases).await;
}

/// What is said at the end of a rollback that could not be: the line that settles the alias, with every argument of it.
#[tokio::test]
async fn a_restoring_write_that_never_lands_ends_unsettled_with_the_line_that_settles_it() {
    let mut cases = JoinSet::new();
    for fault in WITHOUT_EFFECT.into_iter().chain([Fault::ServerError, Fault::Hang]) {
        cases.spawn(async move {
            let (endpoint, plan) = start("rollback_deadline = \"10s\"");
            let begin = endpoint.hold("UpdateAlias", 1);
            let outage = async {
                begin.arrived().await.apply();
                endpoint.fault_always("UpdateAlias", Some(fault.clone()));
            };
            let (outcome, ()) = tokio::join!(run(&endpoint, plan), outage);
            let case = format!("{fault:?}: {outcome:?}");
            assert_eq!((outcome.kind, outcome.exit_code()), (OutcomeKind::Unsettled, 5), "{case}");
            assert_eq!(endpoint.alias_history(), [Some(split(10.0))], "{case}");
            assert!(endpoint.requests_of("UpdateAlias").len() > 1, "it was tried: {case}");

            endpoint.fault_always("UpdateAlias", None);
            let advice = outcome.advice.as_deref().unwrap_or_else(|| panic!("no advice: {case}"));
            obey(&endpoint, advice);
            assert_eq!(endpoint.alias_history(), [Some(split(10.0)), Some(only(1))], "{case}");
        });
    }
    all(cases).await;
}

/// Does what this line of the AWS CLI says: guarded by the revision that was seen last, and without the claim.
fn obey(endpoint: &SimulatedEndpoint, advice: &str) {
    assert!(!advice.contains('\n'), "{advice}");
    let command = advice.split("  # ").next().unwrap_or_default();
    let words: Vec<&str> = command.split_whitespace().collect();
    let ["aws", "lambda", "update-alias", options @ ..] = words.as_slice() else { panic!("{advice}") };
    let revision_id = endpoint.world(|world| world.alias().expect("an alias").revision_id);
    let expected = [
        ["--function-name", "sample-handler"],
        ["--name", "main"],
        ["--function-version", "1"],
        ["--routing-config", "AdditionalVersionWeights={}"],
        ["--revision-id", &revision_id],
        ["--description", "''"],
    ];
    assert_eq!(options, expected.as_flattened(), "{advice}");
    let version = Version::parse(options[5]).expect("a version");
    let write = AliasWrite {
        description: Some(String::new()),
        ..AliasWrite::new(Routing::only(version), revision_id)
    };
    endpoint.world(|world| world.write_alias(&write, Hand::Other)).expect("settled");
}

/// An alias that cannot be read after the restoring write was acknowledged: that it stands is known all the same.
#[tokio::test]
async fn an_acknowledged_restoring_write_counts_though_it_cannot_be_read_back() {
    let (endpoint, plan) = start("rollback_deadline = \"10s\"");
    let restore = endpoint.hold("UpdateAlias", 2);
    let outage = async {
        let restore = restore.arrived().await;
        endpoint.fault_always("GetAlias", Some(Fault::Denied));
        restore.apply();
    };
    let (outcome, ()) = tokio::join!(run(&endpoint, plan), outage);
    assert_eq!(outcome.kind, OutcomeKind::RolledBack, "{outcome:?}");
    assert!(outcome.rollback.is_some_and(|times| times.read_back_ms.is_none()), "{outcome:?}");
    assert_eq!(outcome.advice, None);
    assert_eq!(endpoint.alias_history(), [Some(split(10.0)), Some(only(1))]);
}
