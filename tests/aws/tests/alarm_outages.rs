//! S11: while the alarms cannot be read the weight does not rise, and nothing is put back before its time.

use std::time::Duration;

use lambda_rollout::account::Routing;
use lambda_rollout::event::Cause;
use lambda_rollout::units::{Timestamp, Weight};
use lambda_rollout::{ErrorKind, EventKind, Outcome, OutcomeKind, RolloutPlan, driver};
use lambda_rollout_aws_tests::{Fault, SimulatedEndpoint, only, plan, scenario, split};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// A way in which the alarms cannot be read, and how that is told. The two alarms come on a page each.
struct Outage {
    name: &'static str,
    set: fn(&SimulatedEndpoint, bool),
    kind: ErrorKind,
    words: &'static str,
    /// So many requests after it was told, the hold is over: looks are as far apart as the hold is long.
    requests: usize,
}

fn every_call(endpoint: &SimulatedEndpoint, on: bool, fault: Fault) {
    endpoint.fault_always("DescribeAlarms", on.then_some(fault));
}

fn second_page(endpoint: &SimulatedEndpoint, on: bool, fault: Fault) {
    endpoint.fault_further_pages(on.then_some(fault));
}

static OUTAGES: [Outage; 9] = [
    Outage {
        name: "throttled",
        set: |endpoint, on| every_call(endpoint, on, Fault::Throttle),
        kind: ErrorKind::Throttled,
        words: "DescribeAlarms: asked for fewer calls",
        requests: 6,
    },
    Outage {
        name: "expired",
        set: |endpoint, on| every_call(endpoint, on, Fault::Expired),
        kind: ErrorKind::Config,
        words: "AWS does not take the credentials",
        requests: 6,
    },
    Outage {
        name: "a server fault",
        set: |endpoint, on| every_call(endpoint, on, Fault::Unavailable),
        kind: ErrorKind::Unreachable,
        words: "server fault, status 503",
        requests: 6,
    },
    Outage {
        name: "no connection",
        set: |endpoint, on| every_call(endpoint, on, Fault::LostReply),
        kind: ErrorKind::Unreachable,
        words: "no answer from",
        requests: 6,
    },
    Outage {
        name: "no answer",
        set: |endpoint, on| every_call(endpoint, on, Fault::Hang),
        kind: ErrorKind::Unreachable,
        words: "did not answer in time",
        requests: 1,
    },
    Outage {
        name: "half an answer, the rest throttled",
        set: |endpoint, on| second_page(endpoint, on, Fault::Throttle),
        kind: ErrorKind::Throttled,
        words: "asked for fewer calls",
        requests: 6,
    },
    Outage {
        name: "a next page that is not there",
        set: |endpoint, on| second_page(endpoint, on, Fault::Refused("InvalidNextToken")),
        kind: ErrorKind::Rejected,
        words: "(`InvalidNextToken`",
        requests: 6,
    },
    Outage {
        name: "pages without an end",
        set: SimulatedEndpoint::let_last_page_lead_on,
        kind: ErrorKind::Unreachable,
        words: "an end to its pages",
        requests: 6,
    },
    Outage {
        name: "an alarm that vanished",
        set: |endpoint, on| endpoint.delete_alarm("latency", on),
        kind: ErrorKind::NotFound,
        words: "alarm no longer exists: `latency`",
        requests: 6,
    },
];

/// Where the rollout is when the outage begins.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Before,
    Hold,
    Bake,
}

impl Place {
    const ALL: [Self; 3] = [Self::Before, Self::Hold, Self::Bake];

    /// Whether this event is the last one before the outage.
    fn begins_after(self, kind: &EventKind) -> bool {
        match (self, kind) {
            (Self::Hold, EventKind::Shifted { weight, .. }) => *weight < Weight::FULL,
            (Self::Bake, EventKind::Shifted { weight, .. }) => *weight == Weight::FULL,
            _ => false,
        }
    }

    /// What was written until then.
    fn history(self) -> Vec<Option<Routing>> {
        let all = [Some(split(10.0)), Some(only(2))];
        let written = match self {
            Self::Before => 0,
            Self::Hold => 1,
            Self::Bake => 2,
        };
        all[..written].to_vec()
    }
}

fn start(lines: &str, unreadable: &str) -> (SimulatedEndpoint, RolloutPlan) {
    let plan = plan(&format!(
        "{lines}\nversion = \"2\"\nstrategy = {{ kind = \"canary\", percent = 10, interval = \"100ms\" }}\nbake = \"100ms\"\n\
         alarms = {{ names = [\"errors\", \"latency\"], poll = \"100ms\", unreadable = {unreadable} }}"
    ));
    let endpoint = SimulatedEndpoint::start(&plan, &scenario(""));
    endpoint.set_page_size(1);
    (endpoint, plan)
}

/// What was told of an outage, and of the end.
struct Told {
    /// When the rollout said that the alarms cannot be read, each time, and how.
    unreadable: Vec<(Timestamp, ErrorKind, String)>,
    rolling_back_at: Option<Timestamp>,
    outcome: Outcome,
}

/// Runs the plan, with the outage from that place on. `begun` is told when the rollout has said that it has begun.
async fn run(
    endpoint: &SimulatedEndpoint,
    plan: RolloutPlan,
    outage: &Outage,
    place: Place,
    begun: &Notify,
) -> Told {
    if place == Place::Before {
        (outage.set)(endpoint, true);
    }
    let mut rollout = driver::start(plan, endpoint.account().ports()).expect("started");
    let (mut unreadable, mut rolling_back_at) = (Vec::new(), None);
    while let Some(event) = rollout.next_event().await {
        if place.begins_after(&event.kind) {
            (outage.set)(endpoint, true);
        }
        match event.kind {
            EventKind::AlarmsUnreadable { error } => {
                unreadable.push((event.at, error.kind, error.to_string()));
                begun.notify_one();
            }
            EventKind::RollingBack { .. } => rolling_back_at = Some(event.at),
            _ => {}
        }
    }
    Told { unreadable, rolling_back_at, outcome: rollout.wait().await.expect("an outcome") }
}

/// Runs all cases at once, for those that hang take their time.
async fn everywhere<F>(case: impl Fn(&'static Outage, Place) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut cases = JoinSet::new();
    for outage in &OUTAGES {
        // What was never there is refused at once; that is another story.
        let places = Place::ALL
            .into_iter()
            .filter(|place| !(outage.kind == ErrorKind::NotFound && *place == Place::Before));
        for place in places {
            cases.spawn(case(outage, place));
        }
    }
    while let Some(case) = cases.join_next().await {
        case.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    }
}

#[tokio::test]
async fn s11_an_outage_that_ends_in_time_only_holds() {
    everywhere(|outage, place| async move {
        let (endpoint, plan) = start("", "{ tolerate = \"10m\" }");
        let begun = Notify::new();
        let case = format!("{}, {place:?}", outage.name);
        let repair = async {
            begun.notified().await;
            let looks = endpoint.requests_of("DescribeAlarms").len();
            endpoint.arrived("DescribeAlarms", looks + outage.requests).await;
            assert_eq!(endpoint.alias_history(), place.history(), "nothing rises: {case}");
            let arrived = endpoint.requests().len();
            (outage.set)(&endpoint, false);
            arrived
        };
        let (told, arrived) = tokio::join!(run(&endpoint, plan, outage, place, &begun), repair);
        assert_eq!(told.outcome.kind, OutcomeKind::Promoted, "{case}: {:?}", told.outcome);
        assert_eq!(endpoint.alias_history(), [Some(split(10.0)), Some(only(2))], "{case}");
        let [(_, kind, words)] = told.unreadable.try_into().expect("said once for an outage");
        assert_eq!(kind, outage.kind, "{case}: {words}");
        assert!(words.contains(outage.words), "{case}: {words}");
        let first = endpoint.requests()[arrived..]
            .iter()
            .map(|request| request.operation.clone())
            .find(|o| o != "GetAlias");
        assert_eq!(first.as_deref(), Some("DescribeAlarms"), "a look comes before all else: {case}");
    })
    .await;
}

#[tokio::test]
async fn s11_an_outage_that_does_not_end_is_borne_as_long_as_the_plan_says() {
    everywhere(|outage, place| async move {
        let (endpoint, plan) = start("", "{ tolerate = \"1s\", then = \"roll-back\" }");
        let Told { unreadable, rolling_back_at, outcome } =
            run(&endpoint, plan, outage, place, &Notify::new()).await;
        let case = format!("{}, {place:?}: {outcome:?}", outage.name);
        let [(since_told, ..)] = unreadable.try_into().expect("said once for an outage");
        match &outcome.cause {
            Some(Cause::AlarmsUnreadable { since, error }) => {
                assert_eq!((*since, error.kind), (since_told, outage.kind), "{case}");
                assert!(error.to_string().contains(outage.words), "{case}");
            }
            other => panic!("{case}: {other:?}"),
        }
        let mut history = place.history();
        if place == Place::Before {
            assert_eq!((outcome.kind, outcome.exit_code()), (OutcomeKind::Refused, 3), "{case}");
        } else {
            assert_eq!((outcome.kind, outcome.exit_code()), (OutcomeKind::RolledBack, 4), "{case}");
            let borne = rolling_back_at.expect("it was told").since(since_told);
            assert!(borne >= Duration::from_secs(1), "put back after {borne:?}: {case}");
            history.push(Some(only(1)));
        }
        assert_eq!(endpoint.alias_history(), history, "{case}");
    })
    .await;
}

/// Where the plan says so an outage holds for ever, and the plan's deadline ends it.
#[tokio::test]
async fn s11_an_outage_holds_where_the_plan_says_so() {
    let outage = &OUTAGES[0];
    let (endpoint, plan) = start("deadline = \"3s\"", "{ tolerate = \"1s\", then = \"hold\" }");
    let told = run(&endpoint, plan, outage, Place::Hold, &Notify::new()).await;
    assert!(matches!(told.outcome.cause, Some(Cause::Deadline { .. })), "{:?}", told.outcome);
    assert_eq!(endpoint.alias_history(), [Some(split(10.0)), Some(only(1))]);
}

/// An alarm of which no page told is not taken for one that is quiet, and a name that is not there for one that is.
#[tokio::test]
async fn an_alarm_that_was_never_there_is_refused_by_name() {
    let (endpoint, plan) = start("", "{ tolerate = \"10m\" }");
    endpoint.delete_alarm("latency", true);
    let told = run(&endpoint, plan, &OUTAGES[0], Place::Hold, &Notify::new()).await;
    assert_eq!(
        (told.outcome.kind, told.outcome.exit_code()),
        (OutcomeKind::Refused, 3),
        "{:?}",
        told.outcome
    );
    let cause = told.outcome.cause.map(|cause| cause.to_string()).unwrap_or_default();
    assert_eq!(cause, "no such alarm in this account and Region: `latency`");
    assert!(endpoint.alias_history().is_empty());
}

/// A permission that is missing does not come back by waiting: that is no outage, whatever the plan tolerates of one.
#[tokio::test]
async fn access_denied_is_not_tolerated() {
    let denied: [fn(&SimulatedEndpoint, bool); 2] = [
        |endpoint, on| every_call(endpoint, on, Fault::Denied),
        |endpoint, on| second_page(endpoint, on, Fault::Denied),
    ];
    for set in denied {
        let words = "add `cloudwatch:DescribeAlarms` on `*`";
        let outage = Outage { name: "denied", set, kind: ErrorKind::AccessDenied, words, requests: 1 };
        for place in Place::ALL {
            let (endpoint, plan) = start("", "{ tolerate = \"10m\", then = \"hold\" }");
            let Told { outcome, .. } = run(&endpoint, plan, &outage, place, &Notify::new()).await;
            let mut history = place.history();
            let kind = if place == Place::Before {
                OutcomeKind::Refused
            } else {
                history.push(Some(only(1)));
                OutcomeKind::RolledBack
            };
            let cause = outcome.cause.as_ref().map(ToString::to_string).unwrap_or_default();
            assert!(outcome.kind == kind && cause.contains(words), "{place:?}: {outcome:?}");
            assert_eq!(endpoint.alias_history(), history, "{place:?}");
        }
    }
}
