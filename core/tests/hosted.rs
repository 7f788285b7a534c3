//! Rollouts on a host: one queue, requests, threads, the simulated clock's step, and fork.
#![cfg(all(feature = "runtime", feature = "sim"))]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use lambda_rollout::account::{AlarmReading, AlarmState, HookFailure, HookMoment, HookReport};
use lambda_rollout::event::{Cause, EventKind};
use lambda_rollout::hosted::{
    Host, HostOptions, HostedRollout, Item, Next, ProgramHook, SimulatedStage, StartOptions,
};
use lambda_rollout::machine::Command;
use lambda_rollout::sim::{Scenario, simulate};
use lambda_rollout::units::AlarmName;
use lambda_rollout::{Error, ErrorKind, Event, Outcome, OutcomeKind, RolloutPlan};

/// Long enough for anything that is told, so that a test that would hang fails.
const LONG: Option<Duration> = Some(Duration::from_secs(30));
const NOW: Option<Duration> = Some(Duration::ZERO);

fn host() -> Host {
    Host::new(&HostOptions::default()).expect("two threads")
}

fn plan() -> RolloutPlan {
    let plan = RolloutPlan::builder("sample-handler", "main").publish().alarm("errors").alarm("own");
    plan.strategy_named("Canary10Percent5Minutes").build().expect("a good plan")
}

fn start(host: &Host, options: StartOptions) -> HostedRollout {
    host.start(plan(), SimulatedStage::default().into(), options).expect("it fits")
}

fn with_hook(moment: HookMoment) -> StartOptions {
    StartOptions { hooks: BTreeMap::from([(moment, ProgramHook::default())]), ..StartOptions::default() }
}

fn with_own_alarm() -> StartOptions {
    StartOptions { alarms: [own()].into(), ..StartOptions::default() }
}

fn own() -> AlarmName {
    AlarmName::parse("own").expect("a name")
}

fn reading(state: AlarmState) -> Vec<AlarmReading> {
    vec![AlarmReading { name: own(), state, reason: "by the test".into(), since: None }]
}

/// Looks first and waits then, as an event loop does.
fn next(rollout: &HostedRollout) -> Option<Item> {
    let mut next = rollout.next(NOW).expect("it is open");
    if next == Next::TimedOut {
        next = rollout.next(LONG).expect("it is open");
    }
    match next {
        Next::Item(item) => Some(*item),
        Next::Ended => None,
        Next::TimedOut => panic!("nothing came: {:?}", rollout.status()),
    }
}

/// All events to the end, with what `react` does on each, and the outcome.
fn attend(rollout: &HostedRollout, mut react: impl FnMut(&Item)) -> (Vec<Event>, Outcome) {
    let mut events = Vec::new();
    while let Some(item) = next(rollout) {
        react(&item);
        if let Item::Event(event) = item {
            events.push(event);
        }
    }
    (events, rollout.wait(LONG).expect("it is open").expect("the end"))
}

/// Takes items until a request comes.
fn next_request(rollout: &HostedRollout) -> Item {
    loop {
        let item = next(rollout).expect("a request");
        if item.request_id().is_some() {
            return item;
        }
    }
}

fn text(events: &[Event]) -> String {
    events.iter().map(|event| serde_json::to_string(event).expect("JSON") + "\n").collect()
}

fn is(item: &Item, kind: &str) -> bool {
    item.kind_name() == kind
}

#[test]
fn a_hosted_rollout_tells_the_same_history_as_a_simulated_run() {
    let host = host();
    for name in ["healthy", "broken", "bad-day"] {
        let scenario = Scenario::shipped(name).expect("it is shipped");
        let expected = simulate(&plan(), &scenario, 3).expect("an end");
        for speed in [None, Some(f64::INFINITY)] {
            let stage = SimulatedStage { scenario: scenario.clone(), seed: Some(3), speed };
            let rollout = host.start(plan(), stage.into(), StartOptions::default()).expect("it fits");
            let (events, outcome) = attend(&rollout, |_| {});
            assert_eq!(text(&events), text(&expected.events), "{name}, {speed:?}");
            assert_eq!(outcome, expected.outcome);
            assert!(rollout.has_ended().expect("it is open"));
        }
    }
}

#[test]
fn what_the_program_does_on_an_event_is_done_at_the_events_own_time() {
    let host = host();
    let run = || {
        let rollout = start(&host, StartOptions::default());
        let mut shifts = 0;
        attend(&rollout, |item| match item.kind_name() {
            "shifted" => {
                shifts += 1;
                if shifts == 1 {
                    rollout.order(Command::Pause).expect("it fits");
                }
            }
            "paused" => rollout.order(Command::Promote).expect("it fits"),
            _ => {}
        })
    };
    let (events, outcome) = run();
    assert_eq!(outcome.kind, OutcomeKind::Promoted);
    let at = |name: &str| events.iter().find(|event| event.kind.name() == name).expect("it happened").at;
    assert_eq!(at("paused"), at("shifted"));
    assert_eq!(text(&run().0), text(&events));
}

#[test]
fn waiting_for_the_end_needs_nobody_who_reads() {
    let host = host();
    let rollout = start(&host, StartOptions::default());
    let outcome = rollout.wait(LONG).expect("it is open").expect("the end");
    assert_eq!(outcome.kind, OutcomeKind::Promoted);
    let (events, again) = attend(&rollout, |_| {});
    assert_eq!(again, outcome);
    assert!(matches!(events.last().map(|event| &event.kind), Some(EventKind::Finished(_))));
    assert_eq!(rollout.next(LONG).expect("it is open"), Next::Ended);
}

#[test]
fn a_hook_is_asked_for_and_answered_by_its_id() {
    let host = host();
    for (report, expected) in [
        (HookReport::pass("looks well"), OutcomeKind::Promoted),
        (HookReport::fail("looks bad"), OutcomeKind::Refused),
    ] {
        let rollout = start(&host, with_hook(HookMoment::BeforeTraffic));
        let (_, outcome) = attend(&rollout, |item| {
            if let Item::Hook { id, request } = item {
                assert_eq!((request.hook, request.weight.percent()), (HookMoment::BeforeTraffic, 0.0));
                rollout.answer_hook(*id, report.clone()).expect("it is asked for");
            }
        });
        assert_eq!(outcome.kind, expected);
    }
}

#[test]
fn alarms_of_the_program_are_read_beside_those_of_the_account() {
    let host = host();
    let rollout = start(&host, with_own_alarm());
    let mut looks = 0;
    let (events, outcome) = attend(&rollout, |item| {
        if let Item::Alarms { id, names } = item {
            assert_eq!(*names, [own()]);
            looks += 1;
            let state = if looks > 5 { AlarmState::Alarm } else { AlarmState::Ok };
            rollout.answer_alarms(*id, Ok(reading(state))).expect("it is asked for");
        }
    });
    assert_eq!(outcome.kind, OutcomeKind::RolledBack);
    assert!(matches!(outcome.cause, Some(Cause::Alarm { name, .. }) if name == own()));
    let checked = events.iter().find_map(|event| match &event.kind {
        EventKind::Checked { alarms, .. } => Some(alarms.len()),
        _ => None,
    });
    assert_eq!(checked, Some(2));
}

#[test]
fn alarms_that_the_program_cannot_read_are_an_outage() {
    let host = host();
    let rollout = start(&host, with_own_alarm());
    let mut moved = false;
    let (events, outcome) = attend(&rollout, |item| match item {
        Item::Alarms { id, .. } if moved => {
            let error = Error::new(ErrorKind::Unreachable, "the queue is down");
            rollout.answer_alarms(*id, Err(error)).expect("it is asked for");
        }
        Item::Alarms { id, .. } => {
            rollout.answer_alarms(*id, Ok(reading(AlarmState::Ok))).expect("it is asked for");
        }
        item => moved |= is(item, "shifted"),
    });
    assert!(events.iter().any(|event| event.kind.name() == "alarms_unreadable"));
    assert!(matches!(outcome.cause, Some(Cause::AlarmsUnreadable { .. })), "{outcome:?}");
}

#[test]
fn the_virtual_clock_stands_while_the_program_thinks() {
    let host = host();
    for speed in [None, Some(f64::INFINITY), Some(20_000.0)] {
        let stage = SimulatedStage { speed, ..SimulatedStage::default() };
        let rollout =
            host.start(plan(), stage.into(), with_hook(HookMoment::BeforeTraffic)).expect("it fits");
        let Item::Hook { id, request } = next_request(&rollout) else { panic!("it asks for a hook") };
        // At this speed the hook's fifteen minutes would be over at once.
        assert_eq!(rollout.next(Some(Duration::from_millis(50))).expect("it is open"), Next::TimedOut);
        assert_eq!(rollout.wait(NOW).expect("it is open"), None);
        let (before, _) = (rollout.status().expect("it is open"), request);
        rollout.answer_hook(id, HookReport::pass("")).expect("it still waits");
        let (events, outcome) = attend(&rollout, |_| {});
        assert_eq!(outcome.kind, OutcomeKind::Promoted, "{speed:?}");
        let finished = events.iter().find(|event| event.kind.name() == "hook_finished").expect("it came");
        assert!(finished.at.since(before.at) < Duration::from_secs(1), "{speed:?}");
    }
}

#[test]
fn commands_are_taken_while_the_clock_stands() {
    let host = host();
    let rollout = start(&host, with_hook(HookMoment::BeforeTraffic));
    let id = next_request(&rollout).request_id().expect("a request");
    rollout.order(Command::Pause).expect("it fits");
    assert!(rollout.status().expect("it is open").paused);
    rollout.order(Command::Abort { reason: "enough".into() }).expect("it fits");
    let mut withdrawn = None;
    let (_, outcome) = attend(&rollout, |item| {
        if let Item::Withdrawn { id } = item {
            withdrawn = Some(*id);
        }
    });
    assert_eq!(outcome.kind, OutcomeKind::Aborted);
    assert_eq!(withdrawn, Some(id));
    let late = rollout.answer_hook(id, HookReport::pass("")).expect_err("nobody waits");
    assert_eq!(late.kind(), ErrorKind::WrongState);
    assert!(late.message().starts_with("nobody waits"), "{late}");
}

#[test]
fn a_gate_is_approved_while_time_goes_on() {
    let text = r#"
        function = "sample-handler"
        alias = "main"
        strategy = { kind = "steps", steps = [{ percent = 10, hold = "1m", gate = true }] }
    "#;
    let plan = RolloutPlan::parse(text, lambda_rollout::plan::Format::Toml).expect("a good plan");
    let scenario = Scenario::parse("approve_gates_after = \"never\"").expect("a scenario");
    let stage = SimulatedStage { scenario, ..SimulatedStage::default() };
    let host = host();
    let rollout = host.start(plan, stage.into(), StartOptions::default()).expect("it fits");
    let (_, outcome) = attend(&rollout, |item| {
        if is(item, "gate_waiting") {
            rollout.order(Command::Resume).expect("it waits for it");
        }
    });
    assert_eq!(outcome.kind, OutcomeKind::Promoted);
}

#[test]
fn answers_that_nobody_asked_for_say_so() {
    let host = host();
    let rollout =
        start(&host, StartOptions { alarms: [own()].into(), ..with_hook(HookMoment::BeforeTraffic) });
    let pass = || HookReport::pass("");
    for id in [0, 1, 77] {
        let unknown = rollout.answer_hook(id, pass()).expect_err("nobody has seen it");
        assert!(unknown.kind() == ErrorKind::Plan && unknown.message().starts_with("there is no request"));
    }
    let Item::Alarms { id, .. } = next_request(&rollout) else { panic!("alarms come first") };
    let mismatch = rollout.answer_hook(id, pass()).expect_err("it asks for alarms");
    assert_eq!(mismatch.kind(), ErrorKind::Plan);
    let other = AlarmReading {
        name: AlarmName::parse("other").expect("a name"),
        ..reading(AlarmState::Ok).remove(0)
    };
    let stray = rollout.answer_alarms(id, Ok(vec![other])).expect_err("not asked for");
    assert!(stray.message().contains("`other`"), "{stray}");
    rollout.answer_alarms(id, Ok(reading(AlarmState::Ok))).expect("still asked for");
    let double = rollout.answer_alarms(id, Ok(Vec::new())).expect_err("answered");
    assert!(
        double.kind() == ErrorKind::WrongState && double.message().starts_with("it was answered already")
    );
}

#[test]
fn options_that_do_not_fit_the_plan_are_refused() {
    let host = host();
    let refused = |plan: RolloutPlan, stage: SimulatedStage, options: StartOptions| {
        host.start(plan, stage.into(), options).expect_err("it does not fit")
    };
    let stranger =
        StartOptions { alarms: [AlarmName::parse("x").expect("a name")].into(), ..Default::default() };
    assert!(refused(plan(), SimulatedStage::default(), stranger).message().contains("`x`"));
    let text = "function = 'f'\nalias = 'a'\nstrategy = 'AllAtOnce'\n[hooks.before_traffic]\nlambda = 'g'";
    let lambda = RolloutPlan::parse(text, lambda_rollout::plan::Format::Toml).expect("a good plan");
    let error = refused(lambda, SimulatedStage::default(), with_hook(HookMoment::BeforeTraffic));
    assert!(error.kind() == ErrorKind::Plan && error.message().contains("`before_traffic`"), "{error}");
    for speed in [0.0, -1.0, f64::NAN] {
        let stage = SimulatedStage { speed: Some(speed), ..SimulatedStage::default() };
        assert_eq!(refused(plan(), stage, StartOptions::default()).kind(), ErrorKind::Plan);
    }
    for worker_threads in [0, 65] {
        assert_eq!(Host::new(&HostOptions { worker_threads }).expect_err("no").kind(), ErrorKind::Plan);
    }
}

#[test]
fn several_threads_share_a_queue_and_each_item_comes_once() {
    let host = host();
    let rollout = start(&host, StartOptions::default());
    let taken = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(Item::Event(event)) = next(&rollout) {
                    taken.lock().expect("nobody panics").push(event.seq);
                }
            });
        }
    });
    let mut taken = taken.into_inner().expect("nobody panicked");
    taken.sort_unstable();
    assert!(taken.len() > 4 && taken.iter().zip(1..).all(|(seq, expected)| *seq == expected), "{taken:?}");
}

#[test]
fn a_closed_handle_answers_so() {
    let host = host();
    let rollout = start(&host, StartOptions::default());
    rollout.close();
    let errors = [
        rollout.next(NOW).map(drop),
        rollout.wait(NOW).map(drop),
        rollout.status().map(drop),
        rollout.order(Command::Pause),
        rollout.detach(),
        rollout.on_ready(|_| {}),
        rollout.answer_hook(1, HookReport::pass("")),
    ];
    for error in errors.map(|answer| answer.expect_err("closed")) {
        assert!(error.kind() == ErrorKind::WrongState && error.message().contains("closed"), "{error}");
    }
    rollout.close();
}

#[test]
fn a_rollout_that_is_let_go_of_runs_on() {
    let host = host();
    let rollout = start(&host, StartOptions::default());
    rollout.detach().expect("it is open");
    assert_eq!(rollout.next(LONG).expect("it is open"), Next::Ended);
    assert_eq!(rollout.wait(LONG).expect("it is open").expect("the end").kind, OutcomeKind::Promoted);
}

#[test]
fn a_hook_that_nobody_will_answer_fails() {
    let host = host();
    let rollout = start(&host, with_hook(HookMoment::BeforeTraffic));
    next_request(&rollout);
    rollout.detach().expect("it is open");
    let outcome = rollout.wait(LONG).expect("it is open").expect("the end");
    assert!(matches!(outcome.cause, Some(Cause::Hook { failure: Some(HookFailure::NotInvoked), .. })));
}

#[test]
fn the_end_of_the_host_ends_its_rollouts() {
    let host = host();
    let rollout = start(&host, with_hook(HookMoment::BeforeTraffic));
    let id = next_request(&rollout).request_id().expect("a request");
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| rollout.wait(LONG));
        drop(host);
        let error = sleeper.join().expect("no panic").expect_err("nobody saw the end");
        assert_eq!(error.kind(), ErrorKind::Internal);
    });
    assert!(rollout.answer_hook(id, HookReport::pass("")).is_err());
    let order = rollout.order(Command::Pause).expect_err("nobody is there");
    assert_eq!(order.kind(), ErrorKind::Internal);
    while let Next::Item(_) = rollout.next(NOW).expect("it is open") {}
    assert_eq!(rollout.next(LONG).expect("it is open"), Next::Ended);
}

#[test]
fn the_notifier_is_told_when_there_is_something_and_when_all_is_taken() {
    let host = host();
    let rollout = start(&host, StartOptions::default());
    let told = Arc::new(Mutex::new(Vec::new()));
    let (tell, woken) = mpsc::channel();
    let log = Arc::clone(&told);
    let notify = move |ready| {
        log.lock().expect("nobody panics").push(ready);
        // Who does not listen any more has seen the end.
        let _gone = tell.send(ready);
    };
    rollout.on_ready(notify).expect("it is open");
    let panics = AtomicUsize::new(0);
    rollout
        .on_ready(move |_| {
            assert_eq!(panics.fetch_add(1, Ordering::Relaxed), 0, "it is not called again");
            panic!("on purpose");
        })
        .expect("it is open");
    let mut events = 0;
    let mut ended = false;
    while !ended {
        while !woken.recv_timeout(Duration::from_secs(30)).expect("the end is told") {}
        loop {
            match rollout.next(NOW).expect("it is open") {
                Next::Item(_) => events += 1,
                Next::TimedOut => break,
                Next::Ended => {
                    ended = true;
                    break;
                }
            }
        }
    }
    let told = told.lock().expect("nobody panics");
    assert!(events > 4 && told.iter().zip([true, false].iter().cycle()).all(|(is, expected)| is == expected));
    assert_eq!(told.last(), Some(&true));
    // There is something already, so that it is told at once.
    rollout.on_ready(|_| panic!("on purpose")).expect("it is open");
}

#[cfg(unix)]
#[test]
fn the_wake_descriptor_can_be_read_from_while_there_is_something() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let host = host();
    let rollout = start(&host, StartOptions::default());
    let descriptor = rollout.wake_descriptor().expect("it is open");
    let readable = |seconds| {
        let mut fds = [PollFd::new(&descriptor, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: seconds, tv_nsec: 0 })).expect("it polls") == 1
    };
    let mut events = 0;
    loop {
        assert!(readable(30), "the end is told");
        match rollout.next(NOW).expect("it is open") {
            Next::Item(_) => events += 1,
            Next::TimedOut => panic!("it was readable with nothing there"),
            Next::Ended => break,
        }
        // The clock stands until the program asks: nothing else can have come.
        let more = readable(0);
        if !more {
            assert_eq!(rollout.next(NOW).expect("it is open"), Next::TimedOut);
        }
    }
    assert!(events > 4 && readable(0));
}

#[test]
fn a_thousand_rollouts_run_on_two_threads() {
    let host = host();
    let rollouts: Vec<_> = (0..1000)
        .map(|seed| {
            let stage = SimulatedStage { seed: Some(seed), ..SimulatedStage::default() };
            host.start(plan(), stage.into(), StartOptions::default()).expect("it fits")
        })
        .collect();
    for rollout in &rollouts {
        rollout.detach().expect("it is open");
    }
    for rollout in &rollouts {
        let outcome = rollout.wait(LONG).expect("it is open").expect("the end");
        assert_eq!(outcome.kind, OutcomeKind::Promoted);
    }
}

#[test]
fn a_journal_is_carried_on_and_two_rollouts_cannot_share_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = || StartOptions { journal: Some(folder.path().join("journal")), ..StartOptions::default() };
    let host = host();
    let rollout = start(&host, options());
    let error = host.start(plan(), SimulatedStage::default().into(), options()).expect_err("it is in use");
    assert_eq!(error.kind(), ErrorKind::Journal);
    rollout.order(Command::Abort { reason: "enough".into() }).expect("it fits");
    let (_, outcome) = attend(&rollout, |_| {});
    assert_eq!(outcome.kind, OutcomeKind::Aborted);
    let text = std::fs::read_to_string(folder.path().join("journal")).expect("it is there");
    assert!(text.contains("\"kind\":\"finished\""));
}

#[test]
fn requests_are_json_as_the_page_says() {
    let host = host();
    let rollout =
        start(&host, StartOptions { alarms: [own()].into(), ..with_hook(HookMoment::BeforeTraffic) });
    let json = |item: &Item| serde_json::to_value(item).expect("JSON");
    let alarms = next_request(&rollout);
    assert_eq!(
        json(&alarms),
        serde_json::json!({"kind": "alarms_requested", "request": 1, "names": ["own"]})
    );
    rollout.answer_alarms(1, Ok(reading(AlarmState::Ok))).expect("it is asked for");
    // Once before the version is published, and once more before the hook.
    assert_eq!(json(&next_request(&rollout))["request"], 2);
    rollout.answer_alarms(2, Ok(reading(AlarmState::Ok))).expect("it is asked for");
    let hook = json(&next_request(&rollout));
    assert_eq!(hook["kind"], "hook_requested");
    assert_eq!((hook["request"].as_u64(), hook["timeout_ms"].as_u64()), (Some(3), Some(900_000)));
    assert_eq!((hook["hook"].as_str(), hook["canary_version"].as_str()), (Some("before_traffic"), Some("2")));
}

/// The restoring write waits neither for the hook's answer nor for the clock, which stands while a request is open.
#[test]
fn an_abort_withdraws_what_the_program_was_asked() {
    let host = host();
    let rollout = start(&host, with_hook(HookMoment::AfterTraffic));
    let request = next_request(&rollout);
    rollout.order(Command::Abort { reason: "a person".to_owned() }).expect("it fits");
    let mut withdrawn = None;
    let (_, outcome) = attend(&rollout, |item| {
        if let Item::Withdrawn { id } = item {
            withdrawn = Some(*id);
        }
    });
    assert_eq!((outcome.kind, withdrawn), (OutcomeKind::Aborted, request.request_id()));
}
