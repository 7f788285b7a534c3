use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::join;

use super::{Launch, RolloutHandle};
use crate::account::Routing;
use crate::error::{Error, ErrorKind};
use crate::event::{Cause, Event, EventKind, Outcome, OutcomeKind};
use crate::journal::{Journal, StandIn};
use crate::machine::Phase;
use crate::plan::{Hook, PlanBuilder, RolloutPlan};
use crate::ports::Clock;
use crate::sim::{Scenario, SimAccount, drive};
use crate::units::{Timestamp, Version, Weight};

async fn with_a_fault_in(phase: Phase) -> (SimAccount, Vec<Event>, Result<Outcome, Error>) {
    let plan = RolloutPlan::builder("sample-handler", "main").publish().bake(Duration::from_secs(60));
    let plan = plan.strategy_named("Canary10Percent5Minutes").build().expect("a good plan");
    let account = SimAccount::new(&plan, &Scenario::default(), 1);
    let (mut rollout, mut task) = Launch::new(plan, account.ports()).into_task().expect("it fits");
    task.machine.panics_in = Some(phase);
    let watch = async {
        let mut events = Vec::new();
        while let Some(event) = rollout.next_event().await {
            events.push(event);
        }
        (events, rollout.wait().await)
    };
    let ((events, outcome), ()) = drive(&account, async { join!(watch, task.run()) }, None).await;
    (account, events, outcome)
}

#[tokio::test]
async fn a_panic_of_the_machine_puts_everything_back() {
    for phase in [Phase::Shifting, Phase::Holding, Phase::Promoting, Phase::Baking] {
        let (account, events, outcome) = with_a_fault_in(phase).await;
        let outcome = outcome.expect("an end");
        assert_eq!(outcome.kind, OutcomeKind::RolledBack, "{phase:?}");
        assert!(matches!(outcome.cause, Some(Cause::Error { error }) if error.kind == ErrorKind::Internal));
        let stable = Routing::only(Version::new(1).expect("above zero"));
        assert_eq!(account.alias_history().last().and_then(|change| change.routing), Some(stable));
        assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq), "{events:?}");
    }
}

#[tokio::test]
async fn a_command_that_meets_a_panic_is_not_answered_as_carried_out() {
    let plan = RolloutPlan::builder("sample-handler", "main").publish();
    let plan = plan.strategy_named("Canary10Percent5Minutes").build().expect("a good plan");
    let account = SimAccount::new(&plan, &Scenario::default(), 1);
    let (mut rollout, mut task) = Launch::new(plan, account.ports()).into_task().expect("it fits");
    task.machine.panics_in = Some(Phase::Holding);
    let person = async {
        while rollout.next_event().await.is_some_and(|event| event.kind.name() != "shifted") {}
        let answer = rollout.pause().await;
        (answer, rollout.wait().await)
    };
    let ((answer, outcome), ()) = drive(&account, async { join!(person, task.run()) }, None).await;
    assert!(answer.is_err());
    assert_eq!(outcome.expect("an end").kind, OutcomeKind::RolledBack);
}

#[tokio::test]
async fn a_panic_before_any_write_ends_without_one() {
    let (account, _, outcome) = with_a_fault_in(Phase::Preparing).await;
    assert_eq!(outcome.expect_err("no end").kind(), ErrorKind::Internal);
    assert!(account.alias_history().is_empty());
}

/// A rollout whose journal is on a disk that fails and hangs as told.
struct Journaled {
    plan: RolloutPlan,
    account: SimAccount,
    disk: StandIn,
}

impl Journaled {
    fn new(scenario: &str) -> Self {
        Self::planned(scenario, |plan| {
            plan.poll(Duration::from_secs(1)).strategy_named("Canary10Percent5Minutes")
        })
    }

    /// Of hours, which take more lines than there is room for on a full disk.
    fn with_a_long_hold(scenario: &str) -> Self {
        Self::planned(scenario, |plan| plan.strategy_named("Canary10Percent180Minutes"))
    }

    fn planned(scenario: &str, change: impl FnOnce(PlanBuilder) -> PlanBuilder) -> Self {
        let plan = RolloutPlan::builder("sample-handler", "main").publish().alarm("errors");
        let plan = change(plan).build().expect("a good plan");
        let account = SimAccount::new(&plan, &Scenario::parse(scenario).expect("a scenario"), 1);
        Self { plan, account, disk: StandIn::default() }
    }

    /// Runs to the end, with what the disk or a person does at each event.
    async fn run(&self, react: impl AsyncFnMut(&Event, &RolloutHandle)) -> (Vec<Event>, Outcome) {
        let journal = Journal::on(&self.disk);
        let launch = Launch::new(self.plan.clone(), self.account.ports()).journal(journal);
        let launch = launch.rollout_id(self.account.rollout_id());
        let (mut rollout, task) = launch.into_task().expect("it fits");
        let mut react = react;
        let watch = async {
            let mut events = Vec::new();
            while let Some(event) = rollout.next_event().await {
                react(&event, &rollout).await;
                events.push(event);
            }
            (events, rollout.wait().await.expect("an end"))
        };
        let (result, ()) = drive(&self.account, async { join!(biased; watch, task.run()) }, None).await;
        self.disk.thaw();
        result
    }

    /// On a disk that becomes full and on which no room could be reserved.
    async fn run_without_room_from(&self, kind: &str) -> Outcome {
        self.disk.reserve_nothing();
        self.run_full_from(kind).await
    }

    async fn run_full_from(&self, kind: &str) -> Outcome {
        let fill = async |event: &Event, _: &RolloutHandle| {
            if event.kind.name() == kind {
                self.disk.leave_room_for(0);
            }
        };
        self.run(fill).await.1
    }

    async fn run_frozen_from(&self, kind: &str) -> (Vec<Event>, Outcome) {
        let freeze = async |event: &Event, _: &RolloutHandle| {
            if event.kind.name() == kind {
                self.disk.freeze();
            }
        };
        self.run(freeze).await
    }

    #[track_caller]
    fn assert_recorded(&self) {
        let told = self.disk.on_the_disk();
        for words in [
            "\"rolling_back\":{",
            "\"kind\":\"rolling_back\"",
            "\"kind\":\"rolled_back\"",
            "\"kind\":\"finished\"",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert_eq!(told, self.disk.written());
    }

    /// When the alias changed, from the first change on.
    fn changes(&self) -> Vec<Duration> {
        let history = self.account.alias_history();
        history.iter().map(|change| change.at.since(history[0].at)).collect()
    }
}

fn is_journal(cause: Option<&Cause>) -> bool {
    matches!(cause, Some(Cause::Error { error }) if error.kind == ErrorKind::Journal)
}

const HOLD: Duration = Duration::from_secs(300);

#[tokio::test]
async fn without_room_for_the_journal_no_weight_rises() {
    let setting = Journaled::new("");
    let outcome = setting.run_without_room_from("started").await;
    assert_eq!((outcome.kind, outcome.traffic_moved), (OutcomeKind::Refused, false));
    assert!(is_journal(outcome.cause.as_ref()), "{outcome:?}");
    assert!(setting.account.alias_history().is_empty());

    let setting = Journaled::new("");
    let outcome = setting.run_without_room_from("shifted").await;
    assert_eq!(outcome.kind, OutcomeKind::RolledBack);
    assert!(is_journal(outcome.cause.as_ref()), "{outcome:?}");
    assert_eq!(setting.account.alias_history().len(), 2);
}

#[tokio::test]
async fn a_sync_that_failed_stops_the_raise_and_its_lines_are_written_again() {
    let setting = Journaled::new("");
    let fail = async |event: &Event, _: &RolloutHandle| match event.kind {
        EventKind::Shifted { weight, .. } if weight > Weight::ZERO => {
            setting.disk.wait_for("\"phase\":\"holding\"");
            setting.disk.fail_syncs(usize::MAX);
        }
        EventKind::Shifted { .. } => setting.disk.fail_syncs(0),
        _ => {}
    };
    let (_, outcome) = setting.run(fail).await;
    assert_eq!(outcome.kind, OutcomeKind::RolledBack);
    assert!(is_journal(outcome.cause.as_ref()), "{outcome:?}");
    let told = setting.disk.on_the_disk();
    assert_eq!(told, setting.disk.written());
    assert!(told.contains("\"kind\":\"step_held\"") && told.contains("\"kind\":\"finished\""), "{told}");
}

const FIRES: &str =
    "[[alarms]]\nname = \"errors\"\nforced = [{ from = \"AT\", state = \"ALARM\", reason = \"bad\" }]\n";

fn fires_at(at: &str) -> String {
    FIRES.replace("AT", at)
}

#[tokio::test]
async fn a_rollback_needs_no_journal() {
    let setting = Journaled::new(&fires_at("2m"));
    let outcome = setting.run_without_room_from("shifted").await;
    assert_eq!(outcome.kind, OutcomeKind::RolledBack);
    assert!(matches!(outcome.cause, Some(Cause::Alarm { .. })));
}

#[tokio::test]
async fn a_rollback_is_recorded_on_a_disk_that_became_full() {
    let setting = Journaled::new(&fires_at("2m"));
    let outcome = setting.run_full_from("shifted").await;
    assert!(matches!(outcome.cause, Some(Cause::Alarm { .. })), "{outcome:?}");
    setting.assert_recorded();
}

#[tokio::test]
async fn a_full_disk_stops_the_raise_after_a_long_hold_and_that_is_recorded() {
    let setting = Journaled::with_a_long_hold("");
    let outcome = setting.run_full_from("shifted").await;
    assert_eq!(outcome.kind, OutcomeKind::RolledBack);
    assert!(is_journal(outcome.cause.as_ref()), "{outcome:?}");
    assert_eq!(setting.account.alias_history().len(), 2, "the raise was made");
    setting.assert_recorded();
}

#[tokio::test]
async fn what_a_person_says_on_a_full_disk_is_written_down() {
    let setting = Journaled::with_a_long_hold(&fires_at("2h").replace("ALARM", "INSUFFICIENT_DATA"));
    let late = Timestamp::parse("2026-01-01T02:00:00Z").expect("a time");
    let react = async |event: &Event, rollout: &RolloutHandle| match event.kind.name() {
        "shifted" => setting.disk.leave_room_for(0),
        "alarm_changed" if event.at >= late => rollout.pause().await.expect("it fits"),
        "paused" => rollout.abort("enough").await.expect("it fits"),
        _ => {}
    };
    let outcome = setting.run(react).await.1;
    assert_eq!(outcome.kind, OutcomeKind::Aborted);
    let told = setting.disk.on_the_disk();
    let pauses = |line: &str| line.contains("\"paused\":true") && !line.contains("\"rolling_back\":{");
    assert!(told.lines().any(pauses), "{told}");
}

#[tokio::test]
async fn a_rollback_does_not_wait_for_a_disk_that_hangs() {
    let setting = Journaled::new(&fires_at("2m"));
    let (events, outcome) = setting.run_frozen_from("shifted").await;
    assert_eq!(outcome.kind, OutcomeKind::RolledBack);
    assert!(matches!(outcome.cause, Some(Cause::Alarm { .. })), "{outcome:?}");
    let changes = setting.changes();
    assert!(changes.len() == 2 && changes[1] < Duration::from_secs(123), "{changes:?}");
    // The end itself is told, by and by.
    assert_eq!(events.last().map(|event| event.kind.name()), Some("finished"));
}

#[tokio::test]
async fn a_raise_waits_for_a_disk_that_hangs_and_then_everything_is_rolled_back() {
    let setting = Journaled::new("");
    let (events, outcome) = setting.run_frozen_from("shifted").await;
    assert_eq!(outcome.kind, OutcomeKind::RolledBack);
    assert!(is_journal(outcome.cause.as_ref()), "{outcome:?}");
    let changes = setting.changes();
    let waited = changes[1].saturating_sub(HOLD);
    assert!(changes.len() == 2 && waited >= Duration::from_secs(10), "{changes:?}");
    assert!(waited < Duration::from_secs(12), "{changes:?}");
    let text = serde_json::to_string(&events).expect("JSON");
    assert!(text.contains("its disk has not answered within 10s"), "{text}");
}

#[tokio::test]
async fn before_traffic_a_disk_that_hangs_refuses() {
    let setting = Journaled::new("");
    let (_, outcome) = setting.run_frozen_from("started").await;
    assert_eq!((outcome.kind, outcome.traffic_moved), (OutcomeKind::Refused, false));
    assert!(is_journal(outcome.cause.as_ref()), "{outcome:?}");
    assert!(setting.account.alias_history().is_empty());
}

#[tokio::test]
async fn alarms_are_polled_while_a_raise_waits_for_the_disk() {
    let setting = Journaled::new(&fires_at("5m5s"));
    let (events, outcome) = setting.run_frozen_from("shifted").await;
    assert!(matches!(outcome.cause, Some(Cause::Alarm { .. })), "{outcome:?}");
    let held = events.iter().find(|event| event.kind.name() == "step_held").expect("it was held").at;
    let fired = events.iter().find(|event| event.kind.name() == "rolling_back").expect("it fired").at;
    assert!(fired > held && fired.since(held) < Duration::from_secs(8), "{events:?}");
    let changes = setting.account.alias_history();
    assert_eq!(changes.len(), 2, "the raise was made");
    assert!(changes[1].at.since(fired) < Duration::from_secs(1), "{changes:?}");
}

#[tokio::test]
async fn commands_are_taken_while_a_raise_waits_for_the_disk() {
    for first in [true, false] {
        let setting = Journaled::new("");
        let asked = std::cell::Cell::new(Timestamp::MAX);
        let abort = async |event: &Event, rollout: &RolloutHandle| {
            let waits = if first { "checked" } else { "step_held" };
            match event.kind {
                EventKind::Published { .. } if first => setting.disk.freeze(),
                EventKind::Shifted { .. } if !first => setting.disk.freeze(),
                _ => {}
            }
            if event.kind.name() == waits {
                let clock = setting.account.clone();
                clock.wait_until(clock.now() + Duration::from_secs(4)).await;
                asked.set(clock.now());
                rollout.abort("coffee").await.expect("it is taken");
                assert_eq!(clock.now(), asked.get(), "the answer waited for the disk");
            }
        };
        let (_, outcome) = setting.run(abort).await;
        assert_eq!((outcome.kind, outcome.traffic_moved), (OutcomeKind::Aborted, !first));
        let changes = setting.account.alias_history();
        assert_eq!(changes.len(), if first { 0 } else { 2 });
        for change in changes.iter().skip(1) {
            assert!(change.at.since(asked.get()) < Duration::from_secs(1), "{changes:?}");
        }
    }
}

/// As a person's command does, when the virtual clock stands since the disk has not answered yet.
#[tokio::test]
async fn a_command_is_taken_while_the_clock_stands() {
    let setting = Journaled::new("");
    let abort = async |event: &Event, rollout: &RolloutHandle| match event.kind.name() {
        "shifted" => setting.disk.stall(),
        "step_held" => rollout.abort("coffee").await.expect("it is taken"),
        "rolled_back" => setting.disk.thaw(),
        _ => {}
    };
    let (events, outcome) = setting.run(abort).await;
    assert_eq!(outcome.kind, OutcomeKind::Aborted);
    let at = |kind| events.iter().find(|event| event.kind.name() == kind).expect("told").at;
    assert_eq!(at("rolling_back"), at("step_held"));
    assert_eq!(setting.account.alias_history().len(), 2, "the raise was made");
}

/// S12: how long the disk takes is not seen on the virtual clock, nor in what is asked of the account.
#[tokio::test]
async fn a_slow_disk_changes_nothing_in_virtual_time() {
    let quick = Journaled::new(&fires_at("7m")).run(async |_, _| {}).await;
    for _ in 0..3 {
        let setting = Journaled::new(&fires_at("7m"));
        let slow = async |_: &Event, _: &RolloutHandle| {
            setting.disk.stall();
            let disk = setting.disk.clone();
            std::thread::spawn(move || {
                disk.wait_until_hanging();
                (0..500).for_each(|_| std::thread::yield_now());
                disk.thaw();
            });
        };
        assert_eq!(setting.run(slow).await, quick);
    }
}

#[tokio::test]
async fn the_end_is_on_the_disk_when_it_is_told() {
    let setting = Journaled::new("");
    let look = async |event: &Event, _: &RolloutHandle| {
        if let EventKind::Finished(_) = event.kind {
            let line = serde_json::to_string(event).expect("JSON");
            assert!(setting.disk.on_the_disk().ends_with(&format!("{line}\n")));
        }
    };
    let (_, outcome) = setting.run(look).await;
    assert_eq!(outcome.kind, OutcomeKind::Promoted);
}

/// What a machine that panicked has begun must not be answered to the next one, which counts its calls anew.
#[tokio::test]
async fn what_a_panicked_machine_has_begun_is_dropped() {
    struct Dropped(SimAccount, Arc<Mutex<Option<usize>>>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            *self.1.lock().expect("nobody panics") = Some(self.0.alias_history().len());
        }
    }

    let plan = RolloutPlan::builder("sample-handler", "main").publish().strategy_named("AllAtOnce");
    let plan = plan.after_traffic(Hook::in_process()).build().expect("a good plan");
    let account = SimAccount::new(&plan, &Scenario::default(), 1);
    let changes = Arc::new(Mutex::new(None));
    let (of_hook, told) = (account.clone(), Arc::clone(&changes));
    let launch = Launch::new(plan, account.ports()).after_traffic(move |_| {
        let dropped = Dropped(of_hook.clone(), Arc::clone(&told));
        async move {
            let _dropped = dropped;
            std::future::pending().await
        }
    });
    let (mut rollout, mut task) = launch.into_task().expect("it fits");
    task.machine.panics_in = Some(Phase::AfterHook);
    let person = async {
        while rollout.next_event().await.is_some_and(|event| event.kind.name() != "hook_started") {}
        // Any input will do.
        drop(rollout.pause().await);
        rollout.wait().await
    };
    let (outcome, ()) = drive(&account, async { join!(person, task.run()) }, None).await;
    assert_eq!(outcome.expect("an end").kind, OutcomeKind::RolledBack);
    // Before the restoring write, which was the second.
    assert_eq!(*changes.lock().expect("nobody panicked"), Some(1));
}
