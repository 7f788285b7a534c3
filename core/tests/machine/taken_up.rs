//! S9: the runner dies, and the same plan runs again, with what a journal kept or with the alias alone.

use lambda_rollout::ErrorKind;
use lambda_rollout::account::{AlarmState, HookMoment, Lifecycle};
use lambda_rollout::event::{Cause, OutcomeKind};
use lambda_rollout::machine::{Command, Phase};
use lambda_rollout::plan::{AlreadyAlarming, RolloutPlan};

use crate::bench::{Bench, Fate, alarm, canary, minutes, only, split, version};
use crate::stories::{MINUTE, baked, in_hold, let_go, two_steps, with_hook};

pub(crate) fn s9_run_again_in_mid_step_holds_the_step_anew() -> Bench {
    let mut bench = in_hold(two_steps());
    bench.run_for(minutes(4));
    let again = bench.now;
    bench.die_and_run_again();
    bench.run_to(Phase::Gated);
    assert_eq!(bench.now.since(again), 5 * MINUTE);
    assert_eq!(bench.routing(), split(1, 2, 10.0));
    bench.command(Command::Resume).expect("fits");
    bench.finish();
    assert_eq!(bench.kind(), OutcomeKind::Promoted);
    assert_eq!(bench.history, [split(1, 2, 10.0), split(1, 2, 50.0), only(2)]);
    bench.events.retain(|event| event.at >= again);
    renumber(bench)
}

/// The first process's events are not of the second one's history.
fn renumber(mut bench: Bench) -> Bench {
    let from = bench.events.iter().rposition(|event| event.seq == 1).expect("a first event");
    bench.events.drain(..from);
    bench
}

pub(crate) fn s9_run_again_with_a_firing_alarm_rolls_back() -> Bench {
    let mut bench = in_hold(two_steps());
    bench.fire();
    bench.die_and_run_again();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    renumber(bench)
}

pub(crate) fn s9_run_again_between_two_steps_lowers_first() -> Bench {
    let bench = Bench::new(two_steps()).with_alias(Some(split(1, 2, 30.0)));
    let mut bench = bench;
    bench.start();
    bench.run_to(Phase::Holding);
    assert_eq!(bench.routing(), split(1, 2, 10.0));
    bench.run_to(Phase::Gated);
    bench.command(Command::Resume).expect("fits");
    bench.finish();
    assert_eq!(bench.shifts(), [10.0, 50.0, 100.0]);

    // Something failed in the very moment of going on: it is put back like any other.
    let mut fails = Bench::new(two_steps()).with_alias(Some(split(1, 2, 30.0)));
    fails.start();
    fails.command(Command::Pause).expect("fits");
    fails.run_to(Phase::Ready);
    fails.fire();
    fails.finish();
    assert_eq!((fails.kind(), fails.routing()), (OutcomeKind::RolledBack, only(1)));
    fails
}

pub(crate) fn s9_run_again_with_a_canary_that_failed_rolls_back() -> Bench {
    let mut bench = Bench::new(two_steps()).with_alias(Some(split(1, 2, 10.0)));
    bench.published.get_mut(&version(2)).expect("there").state = Lifecycle::Failed;
    let bench = bench.run();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    bench
}

fn restored(at: Phase, plan: RolloutPlan) -> Bench {
    let mut bench = Bench::new(plan);
    bench.start();
    bench.run_to(at);
    bench.die_and_restore();
    bench
}

pub(crate) fn s9_restored_before_the_first_write_goes_on() -> Bench {
    let mut bench = Bench::new(with_hook(HookMoment::BeforeTraffic));
    bench.held_kind = Some("write_alias");
    bench.start();
    bench.run_to(Phase::Shifting);
    bench.held_kind = None;
    bench.die_and_restore();
    bench.finish();
    assert_eq!((bench.kind(), bench.hook_requests.len()), (OutcomeKind::Promoted, 1));
    bench
}

/// What was held or baked when the process before died counts; nothing is shorter for it, and nothing longer.
pub(crate) fn s9_restored_in_a_hold_or_bake_keeps_its_start() -> Bench {
    for (phase, plan, whole) in
        [(Phase::Holding, canary(|plan| plan), minutes(5)), (Phase::Baking, baked(), minutes(10))]
    {
        let mut bench = Bench::new(plan);
        bench.start();
        bench.run_to(phase);
        let began = bench.now;
        bench.run_for(minutes(2));
        bench.die_and_restore();
        let ends = if phase == Phase::Holding { "step_held" } else { "promoted" };
        bench.finish();
        let ended = bench.events.iter().find(|event| event.kind.name() == ends).expect("an end").at;
        assert_eq!((bench.kind(), ended.since(began)), (OutcomeKind::Promoted, whole));
        assert_eq!(bench.history.last(), Some(&only(2)));
    }
    // What nobody watched was not held: after an hour it starts anew. The alarms are polled before anything else is done.
    let mut long_gone = in_hold(canary(|plan| plan));
    long_gone.now = long_gone.now + 60 * MINUTE;
    long_gone.die_and_restore();
    long_gone.run_to(Phase::Promoting);
    assert_eq!(long_gone.now.since(long_gone.events[2].at), 65 * MINUTE);
    long_gone.finish();
    assert_eq!(long_gone.kind(), OutcomeKind::Promoted);
    let mut baking = restored(Phase::Baking, baked());
    baking.finish();
    baking
}

pub(crate) fn s9_restored_while_an_alarm_fires_rolls_back() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.now = bench.now + 60 * MINUTE;
    bench.fire();
    bench.die_and_restore();
    bench.finish();
    assert_eq!(
        (bench.kind(), &bench.history[..]),
        (OutcomeKind::RolledBack, &[split(1, 2, 10.0), only(1)][..])
    );
    bench
}

/// A clock that was ahead in the process before stretches nothing.
pub(crate) fn s9_restored_by_a_clock_that_is_behind_holds_no_longer_than_planned() -> Bench {
    let mut bench = in_hold(canary(|plan| plan.deadline(minutes(30))));
    bench.now = bench.now - 600 * MINUTE;
    bench.die_and_restore();
    let again = bench.now;
    bench.finish();
    assert_eq!((bench.kind(), bench.now.since(again)), (OutcomeKind::Promoted, minutes(5)));
    bench.events.clear();
    bench.outcome = None;
    bench
}

pub(crate) fn s9_restored_in_a_pause_is_paused() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.run_for(minutes(2));
    bench.command(Command::Pause).expect("fits");
    bench.run_for(minutes(60));
    bench.die_and_restore();
    bench.run_for(minutes(60));
    assert_eq!((bench.rollout.status().phase, bench.rollout.status().paused), (Phase::Holding, true));
    assert_eq!(bench.kinds().iter().filter(|kind| **kind == "paused").count(), 2);
    let again = bench.now;
    bench.command(Command::Resume).expect("fits");
    bench.finish();
    assert_eq!((bench.kind(), bench.now.since(again)), (OutcomeKind::Promoted, minutes(3)));
    bench
}

pub(crate) fn s9_restored_at_a_gate_waits_there() -> Bench {
    let mut bench = restored(Phase::Gated, two_steps());
    bench.run_for(minutes(60));
    assert_eq!(bench.rollout.status().phase, Phase::Gated);
    bench.command(Command::Resume).expect("fits");
    bench.finish();
    assert_eq!((bench.kind(), bench.shifts()), (OutcomeKind::Promoted, vec![10.0, 50.0, 100.0]));
    bench
}

pub(crate) fn s9_restored_after_an_approval_asks_for_no_other() -> Bench {
    let mut bench = Bench::new(two_steps());
    bench.start();
    bench.run_to(Phase::Gated);
    bench.command(Command::Resume).expect("fits");
    bench.die_and_restore();
    bench.finish();
    assert_eq!((bench.kind(), bench.shifts()), (OutcomeKind::Promoted, vec![10.0, 50.0, 100.0]));
    bench
}

pub(crate) fn s9_restored_in_the_hook_after_traffic_runs_it_again() -> Bench {
    let mut bench = Bench::new(with_hook(HookMoment::AfterTraffic));
    bench.held_kind = Some("run_hook");
    bench.start();
    bench.run_to(Phase::AfterHook);
    bench.held_kind = None;
    bench.die_and_restore();
    bench.finish();
    assert_eq!((bench.kind(), bench.hook_requests.len()), (OutcomeKind::Promoted, 1));
    bench
}

/// The write of the process that died took effect: it is told, its step is held whole, and it is not written again.
pub(crate) fn s9_restored_after_a_write_that_landed_unseen_tells_it() -> Bench {
    let mut bench = Bench::new(two_steps());
    bench.fates = vec![Fate::ReplyLost];
    bench.start();
    bench.run_to(Phase::Shifting);
    assert!(bench.answer_one());
    assert_eq!(bench.routing(), split(1, 2, 10.0));
    bench.die_and_restore();
    bench.run_to(Phase::Gated);
    assert_eq!((bench.shifts(), bench.writes.len()), (vec![10.0], 1));
    bench.command(Command::Resume).expect("fits");
    bench.finish();
    assert_eq!((bench.kind(), bench.shifts()), (OutcomeKind::Promoted, vec![10.0, 50.0, 100.0]));
    bench
}

/// Weights that somebody cleared while nobody ran the rollout stay cleared.
pub(crate) fn s9_restored_where_weights_were_cleared_lets_go() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.set_alias(Some(only(1)));
    bench.die_and_restore();
    bench.finish();
    let_go(bench, Some(only(1)))
}

/// An abort that met a write under way is not forgotten with the process.
pub(crate) fn s9_restored_after_an_abort_goes_on_aborting() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.held_kind = Some("write_alias");
    bench.start();
    bench.run_to(Phase::Shifting);
    bench.command(Command::Abort { reason: "test".into() }).expect("fits");
    bench.held_kind = None;
    bench.die_and_restore();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::Aborted, only(1)));
    bench
}

/// What fires while the canary version takes traffic is its own, whatever the plan excuses at the start.
pub(crate) fn s9_run_again_with_a_firing_alarm_excuses_nothing() -> Bench {
    let lenient = || canary(|plan| plan.already_alarming(AlreadyAlarming::Ignore));
    let mut bench = in_hold(lenient());
    bench.fire();
    bench.die_and_run_again();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));

    // With a journal it is known which alarms fired before the rollout began.
    let mut excused = Bench::new(lenient());
    excused.referee.excuses = true;
    excused.fire();
    excused.start();
    excused.run_to(Phase::Holding);
    excused.die_and_restore();
    excused.finish();
    assert_eq!(excused.kind(), OutcomeKind::Promoted);
    excused
}

pub(crate) fn s9_restored_in_a_rollback_goes_on_rolling_back() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.fire();
    bench.held_kind = Some("write_alias");
    bench.run_to(Phase::RollingBack);
    bench.held_kind = None;
    // Even when the alarm is quiet again.
    bench.alarms.insert(alarm(), AlarmState::Ok);
    bench.die_and_restore();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    assert!(matches!(bench.cause(), Cause::Alarm { .. }));

    // An abort that comes before the alias was read is not lost.
    let mut aborted = restored(Phase::Holding, canary(|plan| plan));
    aborted.command(Command::Abort { reason: "test".into() }).expect("fits");
    aborted.finish();
    assert_eq!((aborted.kind(), aborted.routing()), (OutcomeKind::Aborted, only(1)));
    bench
}

pub(crate) fn s9_restored_on_a_foreign_alias_lets_go() -> Bench {
    let mut bench = restored(Phase::Holding, canary(|plan| plan));
    bench.set_alias(Some(only(3)));
    bench.finish();
    let_go(bench, Some(only(3)))
}

pub(crate) fn s9_restored_on_a_deleted_alias_lets_go() -> Bench {
    let mut bench = restored(Phase::Holding, canary(|plan| plan));
    bench.set_alias(None);
    bench.finish();
    let_go(bench, None)
}

pub(crate) fn s9_restored_beside_a_foreign_version_takes_the_canary_out() -> Bench {
    let mut bench = restored(Phase::Holding, canary(|plan| plan));
    bench.set_alias(Some(split(3, 2, 60.0)));
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(3)));
    bench
}

pub(crate) fn s9_restored_where_nothing_answers_is_unsettled_in_the_end() -> Bench {
    let mut bench = restored(Phase::Holding, canary(|plan| plan));
    bench.reads_fail = Some(ErrorKind::Unreachable);
    bench.run_for(minutes(14));
    assert!(bench.outcome.is_none());
    bench.finish();
    assert_eq!(bench.kind(), OutcomeKind::Unsettled);
    assert!(bench.end().advice.as_ref().is_some_and(|advice| advice.contains("--function-version 1")));

    let mut comes_back = restored(Phase::Holding, canary(|plan| plan));
    comes_back.reads_fail = Some(ErrorKind::Unreachable);
    comes_back.run_for(minutes(14));
    comes_back.reads_fail = None;
    comes_back.finish();
    assert_eq!(comes_back.kind(), OutcomeKind::Promoted);
    bench
}
