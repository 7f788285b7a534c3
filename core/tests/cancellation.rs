//! What stops a rollout and what does not: futures that are dropped, handles that are let go, commands at every moment,
//! and the runtime that is shut down under it.
#![cfg(all(feature = "runtime", feature = "sim"))]

use std::pin::pin;
use std::time::Duration;

use futures_util::poll;
use lambda_rollout::account::{AlarmState, Routing};
use lambda_rollout::driver::{Launch, RolloutHandle};
use lambda_rollout::event::Cause;
use lambda_rollout::journal::Journal;
use lambda_rollout::machine::Phase;
use lambda_rollout::plan::{Hook, Step, Strategy};
use lambda_rollout::ports::Clock;
use lambda_rollout::sim::{Scenario, SimAccount, drive};
use lambda_rollout::units::{AlarmName, FunctionRef, Version, Weight};
use lambda_rollout::{Error, ErrorKind, Event, Outcome, OutcomeKind, RolloutPlan};
use tokio::runtime::Runtime;

/// Everything that a rollout can wait in: hooks, a step with or without a gate, a bake.
fn plan(gate: bool) -> RolloutPlan {
    let hook = || Hook::lambda(FunctionRef::parse("check").expect("a name"));
    let weight = Weight::from_percent(10.0).expect("a weight");
    let step = Step { weight, hold: Duration::from_secs(300), gate };
    let plan = RolloutPlan::builder("sample-handler", "main").publish().alarm("errors");
    let plan = plan.strategy(Strategy::Steps(vec![step])).bake(Duration::from_secs(300));
    plan.before_traffic(hook()).after_traffic(hook()).build().expect("a good plan")
}

fn account(plan: &RolloutPlan) -> SimAccount {
    SimAccount::new(plan, &Scenario::default(), 1)
}

fn in_scenario(plan: &RolloutPlan, scenario: &str) -> SimAccount {
    SimAccount::new(plan, &Scenario::parse(scenario).expect("a good scenario"), 1)
}

fn launch(plan: &RolloutPlan, account: &SimAccount) -> Launch {
    Launch::new(plan.clone(), account.ports()).rollout_id(account.rollout_id())
}

/// Runs a rollout to its end, with a person beside it who has the handle.
async fn with_a_person<T>(
    plan: &RolloutPlan,
    account: &SimAccount,
    person: impl AsyncFnOnce(RolloutHandle) -> T,
) -> T {
    let (rollout, task) = launch(plan, account).into_task().expect("the hooks fit");
    let (said, ()) = drive(account, async { tokio::join!(biased; person(rollout), task.run()) }, None).await;
    said
}

/// Waits until the rollout is in this phase.
async fn reaches(rollout: &mut RolloutHandle, phase: Phase) {
    while rollout.status().phase != phase {
        rollout.next_status().await.unwrap_or_else(|| panic!("it ended before {phase:?}"));
    }
}

/// Brings the rollout into this phase, with what that takes.
async fn brought_to(rollout: &mut RolloutHandle, phase: Phase) {
    match phase {
        Phase::Ready => {
            reaches(rollout, Phase::BeforeHook).await;
            rollout.pause().await.expect("it fits");
        }
        Phase::RollingBack => {
            reaches(rollout, Phase::Holding).await;
            rollout.abort("the first").await.expect("it fits");
        }
        Phase::Promoting | Phase::AfterHook | Phase::Baking | Phase::Confirming => {
            reaches(rollout, Phase::Gated).await;
            rollout.resume().await.expect("it waits");
        }
        _ => {}
    }
    reaches(rollout, phase).await;
}

async fn rest_of(rollout: &mut RolloutHandle) -> (Vec<Event>, Outcome) {
    let mut events = Vec::new();
    while let Some(event) = rollout.next_event().await {
        events.push(event);
    }
    (events, rollout.wait().await.expect("an end"))
}

fn text(events: &[Event]) -> String {
    events.iter().map(|event| serde_json::to_string(event).expect("an event is JSON") + "\n").collect()
}

/// Where the alias was brought, in order.
fn shares(account: &SimAccount) -> Vec<f64> {
    let canary = Version::new(2).expect("above zero");
    let share = |routing: Option<Routing>| routing.map_or(0.0, |routing| routing.share_of(canary).percent());
    account.alias_history().iter().map(|change| share(change.routing)).collect()
}

const BEFORE_TRAFFIC: [Phase; 5] =
    [Phase::Reading, Phase::Preparing, Phase::Checking, Phase::BeforeHook, Phase::Ready];
const IN_TRAFFIC: [Phase; 7] = [
    Phase::Shifting,
    Phase::Holding,
    Phase::Gated,
    Phase::Promoting,
    Phase::AfterHook,
    Phase::Baking,
    Phase::Confirming,
];

#[tokio::test]
async fn an_abort_in_any_phase_leaves_the_stable_version_alone() {
    for phase in BEFORE_TRAFFIC.into_iter().chain(IN_TRAFFIC) {
        for paused in [false, true] {
            let plan = plan(true);
            let account = account(&plan);
            let outcome = with_a_person(&plan, &account, async |mut rollout| {
                brought_to(&mut rollout, phase).await;
                if paused && !rollout.status().paused {
                    rollout.pause().await.expect("it fits");
                }
                rollout.abort("enough").await.expect("it fits");
                rollout.wait().await.expect("an end")
            });
            let outcome = outcome.await;
            let moved = IN_TRAFFIC.contains(&phase);
            let exit_code = if moved { 4 } else { 3 };
            assert_eq!((outcome.kind, outcome.exit_code()), (OutcomeKind::Aborted, exit_code), "{phase:?}");
            assert_eq!(outcome.cause, Some(Cause::Abort { reason: "enough".into() }));
            assert_eq!(shares(&account).last().copied(), moved.then_some(0.0), "{phase:?}, paused: {paused}");
        }
    }
}

#[tokio::test]
async fn an_abort_waits_for_the_write_that_is_under_way() {
    for (fault, expected) in [
        ("lost-reply", vec![10.0, 0.0]),
        ("hang-after", vec![10.0, 0.0]),
        // Nothing had landed, and yet it may: the restoring write shuts it out.
        ("hang", vec![0.0]),
        ("lost-request", vec![0.0]),
        ("throttle", vec![]),
    ] {
        let plan = plan(false);
        let scenario = format!("faults = [{{ fault = \"{fault}\", call = \"write_alias\", nth = [1] }}]");
        let account = in_scenario(&plan, &scenario);
        let outcome = with_a_person(&plan, &account, async |mut rollout| {
            reaches(&mut rollout, Phase::Shifting).await;
            rollout.abort("enough").await.expect("it fits");
            rollout.wait().await.expect("an end")
        });
        assert_eq!(outcome.await.kind, OutcomeKind::Aborted, "{fault}");
        assert_eq!(shares(&account), expected, "{fault}");
    }
}

#[tokio::test]
async fn nothing_stops_a_rollback() {
    let plan = plan(true);
    let account = account(&plan);
    let outcome = with_a_person(&plan, &account, async |mut rollout| {
        brought_to(&mut rollout, Phase::RollingBack).await;
        for answer in [
            rollout.pause().await,
            rollout.resume().await,
            rollout.promote().await,
            rollout.abort("the second").await,
        ] {
            assert_eq!(answer.expect_err("it is being rolled back").kind(), ErrorKind::WrongState);
        }
        rollout.wait().await.expect("an end")
    });
    assert_eq!(outcome.await.cause, Some(Cause::Abort { reason: "the first".into() }));
    assert_eq!(shares(&account), [10.0, 0.0]);
}

#[tokio::test]
async fn an_alias_that_is_being_created_has_nothing_to_go_back_to() {
    let plan = plan(false);
    let account = in_scenario(&plan, "account = { alias = \"absent\" }");
    let outcome = with_a_person(&plan, &account, async |mut rollout| {
        reaches(&mut rollout, Phase::Creating).await;
        let refused = rollout.abort("too late").await.expect_err("there is nothing to put back");
        assert_eq!(refused.kind(), ErrorKind::WrongState);
        rollout.wait().await.expect("an end")
    });
    assert_eq!(outcome.await.cause, Some(Cause::FirstDeployment));
}

#[tokio::test]
async fn an_alarm_and_a_promote_meet_and_the_canary_is_taken_out() {
    let errors = AlarmName::parse("errors").expect("a name");
    for promote_first in [false, true] {
        let plan = plan(false);
        let account = account(&plan);
        let outcome = with_a_person(&plan, &account, async |mut rollout| {
            reaches(&mut rollout, Phase::Holding).await;
            // From here on it fires; the next look is seconds away.
            account.with_world(|world| world.set_alarm(&errors, Some(AlarmState::Alarm), "by the test"));
            if promote_first {
                rollout.promote().await.expect("no look has told yet");
            }
            reaches(&mut rollout, Phase::RollingBack).await;
            assert_eq!(rollout.promote().await.expect_err("it fires").kind(), ErrorKind::WrongState);
            rollout.wait().await.expect("an end")
        });
        assert!(matches!(outcome.await.cause, Some(Cause::Alarm { .. })));
        let expected = if promote_first { vec![10.0, 100.0, 0.0] } else { vec![10.0, 0.0] };
        assert_eq!(shares(&account), expected);
    }
}

#[tokio::test]
async fn a_command_before_the_task_runs_waits_for_it() {
    let plan = plan(false);
    let account = account(&plan);
    let (mut rollout, task) = launch(&plan, &account).into_task().expect("the hooks fit");
    let person = async {
        let (paused, promoted, resumed) = tokio::join!(rollout.pause(), rollout.promote(), rollout.resume());
        (paused, promoted.map_err(|error| error.kind()), resumed, rollout.wait().await)
    };
    let ((paused, promoted, resumed, outcome), ()) =
        drive(&account, async { tokio::join!(biased; person, task.run()) }, None).await;
    assert!(paused.is_ok() && resumed.is_ok(), "taken in the order in which they were given");
    assert_eq!(promoted, Err(ErrorKind::WrongState), "pre-flight had not passed");
    assert_eq!(outcome.expect("an end").kind, OutcomeKind::Promoted);
}

async fn all_commands(rollout: &RolloutHandle) -> [Result<(), Error>; 4] {
    [rollout.pause().await, rollout.resume().await, rollout.promote().await, rollout.abort("late").await]
}

#[tokio::test]
async fn a_command_after_the_end_is_refused() {
    let plan = plan(false);
    let account = account(&plan);
    with_a_person(&plan, &account, async |mut rollout| {
        let outcome = rollout.wait().await.expect("an end");
        for answer in all_commands(&rollout).await {
            assert_eq!(answer.expect_err("it has ended").kind(), ErrorKind::WrongState);
        }
        assert_eq!(rollout.wait().await.expect("the same end"), outcome);
        rest_of(&mut rollout).await;
        assert!(rollout.next_event().await.is_none());
        while rollout.next_status().await.is_some() {}
        assert_eq!(rollout.status().phase, Phase::Done);
    })
    .await;
}

#[tokio::test]
async fn a_command_to_a_task_that_was_killed_is_refused() {
    let plan = plan(false);
    let account = account(&plan);
    let (mut rollout, task) = launch(&plan, &account).into_task().expect("the hooks fit");
    {
        let mut pause = pin!(rollout.pause());
        assert!(poll!(&mut pause).is_pending());
        drop(task);
        assert!(pause.await.is_err());
    }
    assert!(all_commands(&rollout).await.iter().all(Result::is_err));
    assert_eq!(rollout.wait().await.expect_err("nobody saw the end").kind(), ErrorKind::Internal);
    assert!(rollout.next_status().await.is_none());
}

#[tokio::test]
async fn two_people_at_the_same_time_are_answered_one_after_the_other() {
    let plan = plan(false);
    let account = account(&plan);
    let outcome = with_a_person(&plan, &account, async |mut rollout| {
        reaches(&mut rollout, Phase::Holding).await;
        let (first, second) = tokio::join!(rollout.pause(), rollout.pause());
        assert!(first.is_ok());
        assert_eq!(second.expect_err("paused already").kind(), ErrorKind::WrongState);
        let (abort, resume) = tokio::join!(rollout.abort("enough"), rollout.resume());
        assert!(abort.is_ok());
        assert_eq!(resume.expect_err("being rolled back").kind(), ErrorKind::WrongState);
        rollout.wait().await.expect("an end")
    });
    assert_eq!(outcome.await.kind, OutcomeKind::Aborted);
}

/// The event log of a rollout beside which nothing happens.
async fn undisturbed(plan: &RolloutPlan, account: &SimAccount) -> String {
    with_a_person(plan, account, async |mut rollout| text(&rest_of(&mut rollout).await.0)).await
}

#[tokio::test]
async fn a_question_that_is_dropped_at_any_moment_loses_nothing() {
    let plan = plan(false);
    let calm = undisturbed(&plan, &account(&plan)).await;
    let account = account(&plan);
    let events = with_a_person(&plan, &account, async |mut rollout| {
        let mut events = Vec::new();
        loop {
            let ended = poll!(pin!(rollout.wait())).is_ready();
            let _dropped = poll!(pin!(rollout.next_status()));
            if let std::task::Poll::Ready(Some(event)) = poll!(pin!(rollout.next_event())) {
                events.push(event);
                continue;
            }
            if ended {
                return events;
            }
            // Until anything at all happens: each turn asks and drops all three again.
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(text(&events.await), calm);
}

#[tokio::test]
async fn an_order_that_is_dropped_was_given_all_the_same() {
    let plan = plan(false);
    let account = account(&plan);
    let outcome = with_a_person(&plan, &account, async |mut rollout| {
        reaches(&mut rollout, Phase::Holding).await;
        drop(rollout.pause());
        rollout.next_status().await;
        assert!(!rollout.status().paused, "what was never awaited was never given");
        let _dropped = poll!(pin!(rollout.pause()));
        while !rollout.status().paused {
            rollout.next_status().await.expect("it runs");
        }
        let _dropped = poll!(pin!(rollout.abort("enough")));
        rollout.wait().await.expect("an end")
    });
    assert_eq!(outcome.await.kind, OutcomeKind::Aborted);
}

#[tokio::test]
async fn a_rollout_whose_handle_is_dropped_in_any_phase_runs_on() {
    for phase in BEFORE_TRAFFIC.into_iter().chain(IN_TRAFFIC) {
        // Nobody could approve or resume any more.
        if matches!(phase, Phase::Ready | Phase::Gated) {
            continue;
        }
        let plan = plan(false);
        let account = account(&plan);
        with_a_person(&plan, &account, async |mut rollout| reaches(&mut rollout, phase).await).await;
        assert_eq!(shares(&account), [10.0, 100.0], "{phase:?}");
    }
}

/// What is due at the moment of a command that does not fit is done all the same.
#[tokio::test]
async fn a_command_that_does_not_fit_changes_nothing() {
    let plan = plan(false);
    // Calls take no time, so that looks at the alarms come on the second; and the rollback has to try again and again.
    let scenario = r#"
        calls = { fastest = "0s", slowest = "0s" }
        alarms = [{ name = "errors", forced = [{ from = "200s", state = "ALARM" }] }]
        faults = [{ fault = "throttle", call = "write_alias", from = "190s", to = "215s" }]
    "#;
    let calm = undisturbed(&plan, &in_scenario(&plan, scenario)).await;
    let account = in_scenario(&plan, scenario);
    let start = account.now();
    let disturbed = with_a_person(&plan, &account, async |mut rollout| {
        let mut next = start;
        let mut events = Vec::new();
        loop {
            tokio::select! {
                biased;
                event = rollout.next_event() => match event {
                    Some(event) => events.push(event),
                    None => return (text(&events), rollout.wait().await.expect("an end")),
                },
                () = account.wait_until(next) => {
                    assert!(rollout.resume().await.is_err(), "nothing waits for it");
                    // Every millisecond while the rollback tries again.
                    let rolling_back = rollout.status().phase == Phase::RollingBack;
                    next = next + Duration::from_millis(if rolling_back { 1 } else { 1_000 });
                }
            }
        }
    });
    let (disturbed, outcome) = disturbed.await;
    assert_eq!(disturbed, calm);
    assert_eq!(outcome.kind, OutcomeKind::RolledBack);
    assert!(outcome.calls["write_alias"] > 3, "the rollback had to try again: {outcome:?}");
}

/// Starts the plan on a runtime of its own, and shuts that down in this phase. What was under way on the network goes on.
fn shut_down_in(phase: Phase, plan: &RolloutPlan, account: &SimAccount, journal: Option<Journal>) {
    let runtime = runtime();
    let mut launch = launch(plan, account);
    if let Some(journal) = journal {
        launch = launch.journal(journal);
    }
    let mut rollout = runtime.block_on(drive(
        account,
        async {
            let mut rollout = launch.start().expect("it fits");
            brought_to(&mut rollout, phase).await;
            rollout
        },
        None,
    ));
    drop(runtime);
    // The next process takes a moment to start.
    let clock = account.ports().clock;
    let later = clock.now() + Duration::from_secs(1);
    self::runtime().block_on(drive(account, clock.wait_until(later), None));
    let killed = self::runtime().block_on(rollout.wait()).expect_err("its runtime is gone");
    assert_eq!(killed.kind(), ErrorKind::Internal, "{phase:?}");
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

/// The same plan again, to its end; gates are approved.
fn run_again(plan: &RolloutPlan, account: &SimAccount, journal: Option<Journal>) -> Outcome {
    let mut launch = launch(plan, account);
    if let Some(journal) = journal {
        launch = launch.journal(journal);
    }
    let (mut rollout, task) = launch.into_task().expect("the journal is this plan's");
    let again = async { tokio::join!(biased; account.follow(&mut rollout, drop), task.run()) };
    runtime().block_on(drive(account, again, None));
    runtime().block_on(rollout.wait()).expect("an end")
}

#[test]
fn the_same_plan_run_again_carries_on_where_the_runtime_was_shut_down() {
    for phase in BEFORE_TRAFFIC.into_iter().chain(IN_TRAFFIC) {
        let plan = plan(true);
        let account = account(&plan);
        shut_down_in(phase, &plan, &account, None);
        let outcome = run_again(&plan, &account, None);
        assert!(outcome.is_success(), "{phase:?}: {outcome:?}");
        assert_eq!(shares(&account), [10.0, 100.0], "{phase:?}: no step twice, none left out");
    }
}

#[test]
fn with_a_journal_the_same_rollout_goes_on() {
    for phase in BEFORE_TRAFFIC.into_iter().chain(IN_TRAFFIC).chain([Phase::RollingBack]) {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = || Some(Journal::open(folder.path().join("journal")).expect("nobody has it any more"));
        let plan = plan(true);
        // Where it was paused it stays so, until a person says otherwise.
        let account = in_scenario(&plan, "commands = [{ at = \"30s\", do = \"resume\" }]");
        shut_down_in(phase, &plan, &account, journal());
        let outcome = run_again(&plan, &account, journal());
        let (kind, expected) = match phase {
            Phase::RollingBack => (OutcomeKind::Aborted, [10.0, 0.0]),
            _ => (OutcomeKind::Promoted, [10.0, 100.0]),
        };
        assert_eq!(outcome.kind, kind, "{phase:?}");
        assert_eq!(shares(&account), expected, "{phase:?}");
    }
}
