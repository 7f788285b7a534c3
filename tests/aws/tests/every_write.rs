//! Every alias write of a rollout meets every fault: the rollout ends as it would have without it, by the same way.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use lambda_rollout::account::{
    AlarmState, AliasWrite, CodeSource, HookMoment, HookRequest, PublishRequest, Routing,
};
use lambda_rollout::units::{AliasName, FunctionRef, RolloutId, Weight};
use lambda_rollout::{EventKind, OutcomeKind, RolloutPlan, aws, driver};
use lambda_rollout_aws_tests::{Fault, SimulatedEndpoint, only, plan, scenario, split, version};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// One way through a rollout.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    /// Of the plan, beside the alarm.
    lines: &'static str,
    scenario: &'static str,
    /// The weight at which the alarm fires, in per cent.
    fires_at: Option<f64>,
    /// The canary's weights after each write, in per cent.
    weights: &'static [f64],
    /// The operation that writes the alias.
    operation: &'static str,
    /// The first of the writes that meet a fault: those before it are met on another way.
    first: u64,
}

const WAYS: [Way; 5] = [
    Way {
        name: "promoted",
        lines: r#"version = "2"
                  strategy = { kind = "steps", steps = [{ percent = 10, hold = "100ms" }, { percent = 50, hold = "100ms" }] }
                  bake = "100ms""#,
        scenario: "",
        fires_at: None,
        weights: &[10.0, 50.0, 100.0],
        operation: "UpdateAlias",
        first: 1,
    },
    Way {
        name: "rolled back from the first step",
        lines: r#"version = "2"
                  strategy = { kind = "canary", percent = 10, interval = "20s" }"#,
        scenario: "",
        fires_at: Some(10.0),
        weights: &[10.0, 0.0],
        operation: "UpdateAlias",
        first: 2,
    },
    Way {
        name: "rolled back from the second step",
        lines: r#"version = "2"
                  strategy = { kind = "steps", steps = [{ percent = 10, hold = "100ms" }, { percent = 50, hold = "20s" }] }"#,
        scenario: "",
        fires_at: Some(50.0),
        weights: &[10.0, 50.0, 0.0],
        operation: "UpdateAlias",
        first: 3,
    },
    Way {
        name: "rolled back from the bake",
        lines: r#"version = "2"
                  strategy = { kind = "canary", percent = 10, interval = "100ms" }
                  bake = "20s""#,
        scenario: "",
        fires_at: Some(100.0),
        weights: &[10.0, 100.0, 0.0],
        operation: "UpdateAlias",
        first: 3,
    },
    Way {
        name: "first deployment",
        lines: "version = \"2\"\nstrategy = \"AllAtOnce\"",
        scenario: "account = { alias = \"absent\" }",
        fires_at: None,
        weights: &[100.0],
        operation: "CreateAlias",
        first: 1,
    },
];

impl Way {
    /// What it does to the alias.
    fn history(&self) -> Vec<Option<Routing>> {
        self.weights.iter().map(|percent| Some(routing(*percent))).collect()
    }

    /// Every write that is to meet a fault.
    fn writes(&self) -> impl Iterator<Item = u64> + use<> {
        self.first..=self.weights.len() as u64
    }

    fn start(&self) -> (SimulatedEndpoint, RolloutPlan) {
        // A rollout that hangs ends at its deadline.
        let deadlines = "deadline = \"40s\"\nrollback_deadline = \"20s\"";
        let plan = plan(&format!(
            "{}\n{deadlines}\nalarms = {{ names = [\"errors\"], poll = \"100ms\" }}",
            self.lines
        ));
        (SimulatedEndpoint::start(&plan, &scenario(self.scenario)), plan)
    }

    /// What is told of it when nothing befalls it.
    async fn untroubled(&self) -> Story {
        let (endpoint, plan) = self.start();
        let story = self.go(&endpoint, plan).await;
        assert_eq!(endpoint.alias_history(), self.history(), "{}", self.name);
        story
    }

    /// Goes this way at the endpoint.
    async fn go(&self, endpoint: &SimulatedEndpoint, plan: RolloutPlan) -> Story {
        let fires_at = self.fires_at.map(|percent| Weight::from_percent(percent).expect("a weight"));
        story(endpoint, plan, |kind| {
            if matches!(kind, EventKind::Shifted { weight, .. } if Some(*weight) == fires_at) {
                endpoint.set_alarm("errors", AlarmState::Alarm, "too many");
            }
        })
        .await
    }
}

/// Runs the plan, does something at its events, and tells what happened, without what differs from run to run.
async fn story(endpoint: &SimulatedEndpoint, plan: RolloutPlan, mut at: impl FnMut(&EventKind)) -> Story {
    let mut rollout = driver::start(plan, endpoint.account().ports()).expect("started");
    let mut events = Vec::new();
    while let Some(event) = rollout.next_event().await {
        at(&event.kind);
        events.push(match event.kind {
            EventKind::Shifted { weight, from, to, .. } => format!("{weight} from {from} to {to}"),
            other => other.name().to_owned(),
        });
    }
    let outcome = rollout.wait().await.expect("an outcome");
    let (kind, exit_code) = (outcome.kind, outcome.exit_code());
    Story { events, kind, exit_code, cause: outcome.cause.map(|cause| cause.to_string()) }
}

/// Where the alias points when the canary has so many per cent.
fn routing(percent: f64) -> Routing {
    match percent {
        0.0 => only(1),
        100.0 => only(2),
        percent => split(percent),
    }
}

/// What can be told of a rollout and must not depend on a fault.
#[derive(Debug, Clone, PartialEq)]
struct Story {
    events: Vec<String>,
    kind: OutcomeKind,
    exit_code: u8,
    cause: Option<String>,
}

/// Every fault that goes away, and whether the write took effect all the same.
const FAULTS: [(Fault, bool); 13] = [
    (Fault::Throttle, false),
    (Fault::Expired, false),
    (Fault::Conflict, false),
    (Fault::Stale, false),
    (Fault::ServerError, false),
    (Fault::ServerErrorAfter, true),
    (Fault::Unavailable, false),
    (Fault::LostRequest, false),
    (Fault::LostReply, true),
    (Fault::Hang, false),
    (Fault::HangAfter, true),
    (Fault::Repeated, true),
    (Fault::Html, false),
];

/// Runs all of them at once, for those that hang take their time.
async fn all(mut cases: JoinSet<()>) {
    while let Some(case) = cases.join_next().await {
        case.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    }
}

#[tokio::test]
async fn a_fault_on_a_write_changes_no_step() {
    let mut cases = JoinSet::new();
    for way in WAYS {
        let untroubled = way.untroubled().await;
        for (fault, effect) in FAULTS {
            // An expired session refuses a first deployment: nothing has moved that would have to be put back.
            if way.operation == "CreateAlias" && fault == Fault::Expired {
                continue;
            }
            for nth in way.writes() {
                cases.spawn(fault_on_a_write(way, fault.clone(), effect, nth, untroubled.clone()));
            }
        }
    }
    all(cases).await;
}

async fn fault_on_a_write(way: Way, fault: Fault, effect: bool, nth: u64, untroubled: Story) {
    let (endpoint, plan) = way.start();
    endpoint.fault(way.operation, nth, fault.clone());
    let story = way.go(&endpoint, plan).await;

    let calls = endpoint.alias_calls();
    let case = format!("{}, {fault:?} on write {nth}: {calls:?}", way.name);
    assert_eq!(story, untroubled, "{case}");
    assert_eq!(endpoint.alias_history(), way.history(), "{case}");
    endpoint.assert_no_blind_write();
    let tries = way.weights.len() + usize::from(!effect);
    assert_eq!(
        endpoint.requests_of(way.operation).len(),
        tries,
        "made again only where it had no effect: {case}"
    );
    let surely_without_effect = [Fault::Throttle, Fault::Expired].contains(&fault);
    if !surely_without_effect {
        let mut writes = calls.iter().enumerate().filter(|(_, call)| *call != "read");
        let (at, _) = writes.nth(nth as usize - 1).expect("the faulty write");
        assert_eq!(calls.get(at + 1).map(String::as_str), Some("read"), "S2: a read decides: {case}");
    }
}

/// The write's connection breaks and it is made again, and only then the first one gets through: ahead of the second one
/// or after it.
#[tokio::test]
async fn a_write_that_gets_through_late_changes_no_step() {
    let mut cases = JoinSet::new();
    for way in WAYS {
        let untroubled = way.untroubled().await;
        for nth in way.writes() {
            for first_wins in [true, false] {
                cases.spawn(late_write(way, nth, first_wins, untroubled.clone()));
            }
        }
    }
    all(cases).await;
}

async fn late_write(way: Way, nth: u64, first_wins: bool, untroubled: Story) {
    let (endpoint, plan) = way.start();
    let (first, second) = (endpoint.hold(way.operation, nth), endpoint.hold(way.operation, nth + 1));
    let race = async {
        let mut first = first.arrived().await;
        first.cut();
        let second = second.arrived().await;
        let (sooner, later) = if first_wins { (first, second) } else { (second, first) };
        sooner.apply();
        later.apply();
    };
    let (story, ()) = tokio::join!(way.go(&endpoint, plan), race);
    let case = format!("{}, write {nth}, first wins: {first_wins}: {:?}", way.name, endpoint.alias_calls());
    assert_eq!(story, untroubled, "{case}");
    assert_eq!(endpoint.alias_history(), way.history(), "{case}");
}

/// The alarm fires while a raise is under way: whatever becomes of the raise, the canary is out afterwards, and stays out.
#[tokio::test]
async fn an_alarm_while_a_raise_is_under_way_takes_the_canary_out() {
    let way = WAYS[0];
    for nth in way.writes() {
        for gets_through in [true, false] {
            let (endpoint, plan) = way.start();
            let raise = endpoint.hold("UpdateAlias", nth);
            let decided = Notify::new();
            let story = story(&endpoint, plan, |kind| {
                if matches!(kind, EventKind::RollingBack { .. }) {
                    decided.notify_one();
                }
            });
            let trouble = async {
                let raise = raise.arrived().await;
                endpoint.set_alarm("errors", AlarmState::Alarm, "too many");
                decided.notified().await;
                if gets_through { raise.apply() } else { raise.lose() }
            };
            let (story, ()) = tokio::join!(story, trouble);
            let case = format!("raise {nth}, gets through: {gets_through}: {:?}", endpoint.alias_calls());
            assert_eq!(story.kind, OutcomeKind::RolledBack, "{case}");
            let raises = nth as usize - usize::from(!gets_through);
            let mut expected = way.history()[..raises].to_vec();
            expected.push(Some(only(1)));
            assert_eq!(endpoint.alias_history(), expected, "{case}");
        }
    }
}

/// Whatever the program's own configuration says of retries and time-outs, a write is the machine's to repeat.
#[tokio::test]
async fn a_configuration_that_retries_repeats_no_write() {
    for retries in
        [RetryConfig::standard().with_max_attempts(5), RetryConfig::adaptive().with_max_attempts(5)]
    {
        for fault in [Fault::Throttle, Fault::ServerError, Fault::LostReply, Fault::Unavailable] {
            let plan = plan("version = \"2\"\nstrategy = \"AllAtOnce\"");
            let endpoint = SimulatedEndpoint::start(&plan, &scenario(""));
            let of_the_program = endpoint
                .sdk_config()
                .into_builder()
                .retry_config(retries.clone())
                .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_nanos(1)).build())
                .build();
            let account = aws::Account::from_sdk_config(&of_the_program).expect("an account");
            every_write(&endpoint, &account, &fault).await;
            for operation in ["UpdateAlias", "CreateAlias", "PublishVersion", "UpdateFunctionCode", "Invoke"]
            {
                let tries = endpoint.requests_of(operation).len();
                assert_eq!(tries, 1, "{operation}, {fault:?}, {retries:?}");
            }
            assert_eq!(
                endpoint.requests_of("GetAlias").len(),
                3,
                "a read is repeated as the library sees fit"
            );
        }
    }
}

async fn every_write(endpoint: &SimulatedEndpoint, account: &aws::Account, fault: &Fault) {
    for operation in
        ["GetAlias", "UpdateAlias", "CreateAlias", "PublishVersion", "UpdateFunctionCode", "Invoke"]
    {
        endpoint.fault_always(operation, Some(fault.clone()));
    }
    let function = FunctionRef::parse("sample-handler").expect("a name");
    let alias = AliasName::parse("main").expect("a name");
    let traffic = account.traffic();
    let write = AliasWrite::new(only(2), "r");
    traffic.read_alias(&function, &alias).await.expect_err("a fault");
    traffic.write_alias(&function, &alias, &write).await.expect_err("a fault");
    traffic.create_alias(&function, &alias, version(2)).await.expect_err("a fault");
    let code = CodeSource::Image("registry/a:b".to_owned());
    traffic.update_code(&function, &code, "r").await.expect_err("a fault");
    let publish =
        PublishRequest { description: None, code_sha256: String::new(), revision_id: "r".to_owned() };
    traffic.publish(&function, &publish).await.expect_err("a fault");
    let hook = HookRequest {
        lambda: Some(function.clone().into()),
        // Too short for the further tries that the library makes itself.
        timeout: Duration::from_millis(400),
        rollout_id: RolloutId::parse("ro-1").expect("an id"),
        hook: HookMoment::BeforeTraffic,
        function,
        alias,
        stable_version: None,
        canary_version: version(2),
        weight: Weight::ZERO,
        parameters: serde_json::Value::Null,
    };
    assert!(account.hooks().run_hook(&hook).await.failure.is_some());
}
