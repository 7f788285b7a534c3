//! What nobody had noticed: each test here goes red for a change of the machine that all others let pass.

use std::time::Duration;

use lambda_rollout::ErrorKind;
use lambda_rollout::account::{AlarmState, AliasState, HookMoment, Lifecycle, Routing};
use lambda_rollout::event::{Cause, EventKind, OutcomeKind};
use lambda_rollout::machine::{Command, EffectResult, Input, Phase};

use crate::bench::{Bench, Fate, alarm, canary, error, minutes, only, percent, split, version};
use crate::stories::{abort, baked, in_hold, two_steps, with_hook};

const SECOND: Duration = Duration::from_secs(1);

/// Runs until a call of this kind waits, and takes its answer into the test's own hands.
fn hold_back(bench: &mut Bench, kind: &'static str) {
    bench.held_kind = Some(kind);
    while bench.held.is_empty() {
        if !bench.answer_one() {
            bench.run_for(SECOND);
        }
    }
}

/// Answers the call that is held back with this.
fn answer(bench: &mut Bench, result: EffectResult) {
    let (id, _) = bench.held.remove(0);
    bench.input(Input::Done(id, result));
}

fn fails(kind: ErrorKind) -> EffectResult {
    EffectResult::Alias(Err(error(kind, "as the test wants it")))
}

/// The alias as AWS itself moves it, which is no drift.
fn moved(known: &AliasState, routing: Routing, revision_id: &str) -> AliasState {
    let mut state = known.clone();
    (state.routing, state.revision_id) = (routing, revision_id.to_owned());
    state
}

fn ends(bench: &Bench, kind: OutcomeKind, routing: Option<Routing>) {
    assert_eq!((bench.kind(), bench.alias.as_ref().map(|alias| alias.routing)), (kind, routing));
    bench.check_promises();
}

#[test]
fn a_check_leaves_the_traffic_alone_that_it_finds() {
    let found = || Bench::new(canary(|plan| plan)).with_alias(Some(split(1, 2, 10.0))).checking_only();
    let mut firing = found();
    firing.fire();
    let mut failed = found();
    failed.published.get_mut(&version(2)).expect("there").state = Lifecycle::Failed;
    for bench in [firing, failed] {
        let bench = bench.run();
        assert!(bench.writes.is_empty());
        ends(&bench, OutcomeKind::Refused, Some(split(1, 2, 10.0)));
    }
}

#[test]
fn s9_a_snapshot_that_contradicts_the_alias_is_not_believed() {
    for phase in [Phase::Holding, Phase::AfterHook, Phase::Baking, Phase::Confirming] {
        let mut bench = in_hold(two_steps());
        let snapshot = bench.snapshots.last_mut().expect("there is one");
        (snapshot.phase, snapshot.steps_taken) = (phase, 0);
        let died = bench.now;
        bench.die_and_restore();
        bench.run_to(Phase::Gated);
        assert_eq!((bench.now.since(died), bench.routing()), (minutes(5), split(1, 2, 10.0)), "{phase}");
    }
}

#[test]
fn s3_the_bake_ends_with_a_look_at_the_alarms() {
    let mut bench = Bench::new(baked());
    bench.start();
    bench.run_to(Phase::Baking);
    bench.run_for(minutes(10) - SECOND);
    bench.fire();
    bench.finish();
    ends(&bench, OutcomeKind::RolledBack, Some(only(1)));
}

#[test]
fn s11_an_outage_is_borne_to_the_second_while_a_look_hangs() {
    let mut bench = in_hold(canary(|plan| plan));
    bench.alarms_down = true;
    bench.run_for(minutes(1));
    let told = bench.events.last().expect("an event");
    assert_eq!(told.kind.name(), "alarms_unreadable");
    let since = told.at;
    hold_back(&mut bench, "read_alarms");
    bench.run_to(Phase::RollingBack);
    assert_eq!(bench.now.since(since), minutes(2));
    bench.finish();
    ends(&bench, OutcomeKind::RolledBack, Some(only(1)));
}

#[test]
fn what_was_checked_names_the_alarms() {
    let bench = in_hold(canary(|plan| plan));
    let checked = bench.events.iter().find_map(|event| match &event.kind {
        EventKind::Checked { alarms, .. } => Some(alarms),
        _ => None,
    });
    let states: Vec<_> =
        checked.expect("it was").iter().map(|checked| (&checked.alarm, checked.state)).collect();
    assert_eq!(states, [(&alarm(), AlarmState::Ok)]);
}

#[test]
fn there_is_nothing_to_promote_before_the_alias_exists() {
    let mut bench = Bench::new(canary(|plan| plan)).with_alias(None);
    bench.start();
    bench.command(Command::Pause).expect("fits");
    bench.run_to(Phase::Ready);
    assert_eq!(bench.command(Command::Promote).expect_err("unfit").kind(), ErrorKind::WrongState);
    bench.command(Command::Resume).expect("fits");
    bench.finish();
    ends(&bench, OutcomeKind::Promoted, Some(only(2)));
}

#[test]
fn a_creation_that_fails_for_long_is_given_up() {
    let mut bench = Bench::new(canary(|plan| plan)).with_alias(None);
    bench.start();
    bench.held_kind = Some("create_alias");
    for _ in 0..100 {
        if bench.outcome.is_none() {
            hold_back(&mut bench, "create_alias");
            answer(&mut bench, fails(ErrorKind::Throttled));
        }
    }
    ends(&bench, OutcomeKind::Refused, None);
}

#[test]
fn s9_weights_are_not_left_where_pre_flight_is_denied() {
    let mut bench = Bench::new(canary(|plan| plan)).with_alias(Some(split(1, 2, 10.0)));
    bench.start();
    hold_back(&mut bench, "read_version");
    let denied = error(ErrorKind::AccessDenied, "GetFunction");
    bench.held_kind = None;
    answer(&mut bench, EffectResult::Version(Err(denied)));
    bench.finish();
    ends(&bench, OutcomeKind::RolledBack, Some(only(1)));
}

#[test]
fn s7_an_alias_that_is_deleted_is_seen_in_every_phase() {
    let deleted = |mut bench: Bench, by: Duration| {
        bench.set_alias(None);
        bench.release();
        bench.run_for(by);
        assert!(bench.outcome.is_none(), "believed at once");
        bench.finish();
        ends(&bench, OutcomeKind::Drifted, None);
    };
    let mut gated = Bench::new(two_steps());
    gated.start();
    gated.run_to(Phase::Gated);
    deleted(gated, minutes(1) + 25 * SECOND);

    let mut unresolved = Bench::new(canary(|plan| plan));
    unresolved.fates = vec![Fate::RequestLost];
    unresolved.start();
    hold_back(&mut unresolved, "write_alias");
    deleted(unresolved, 25 * SECOND);

    let mut confirming = Bench::new(canary(|plan| plan));
    confirming.start();
    confirming.run_to(Phase::Promoting);
    hold_back(&mut confirming, "read_alias");
    deleted(confirming, 25 * SECOND);

    let mut read_back = in_hold(canary(|plan| plan));
    read_back.command(abort()).expect("fits");
    hold_back(&mut read_back, "read_alias");
    assert_eq!(read_back.routing(), only(1));
    // A rollback does not give up before its time is up.
    deleted(read_back, minutes(14));
}

#[test]
fn a_promotion_that_cannot_be_read_at_once_is_no_drift() {
    for kind in [ErrorKind::Throttled, ErrorKind::Unreachable, ErrorKind::AccessDenied] {
        let mut bench = Bench::new(canary(|plan| plan));
        bench.start();
        bench.run_to(Phase::Promoting);
        hold_back(&mut bench, "read_alias");
        bench.held_kind = None;
        answer(&mut bench, fails(kind));
        bench.finish();
        assert!(!bench.drifted(), "{kind:?}");
        ends(&bench, OutcomeKind::Promoted, Some(only(2)));
    }
}

#[test]
fn s6_a_rollback_that_is_refused_writes_again() {
    for kind in [ErrorKind::AccessDenied, ErrorKind::Rejected] {
        let mut bench = in_hold(canary(|plan| plan));
        bench.fates = vec![Fate::Refused(kind); 3];
        bench.command(abort()).expect("fits");
        let decided = bench.now;
        bench.finish();
        assert!(bench.now.since(decided) < minutes(1), "{kind:?}");
        ends(&bench, OutcomeKind::Aborted, Some(only(1)));
    }
}

#[test]
fn s6_what_was_written_and_then_undone_by_another_hand_is_not_rolled_back() {
    let mut bench = in_hold(canary(|plan| plan));
    bench.command(abort()).expect("fits");
    hold_back(&mut bench, "read_alias");
    assert_eq!(bench.routing(), only(1));
    bench.set_alias(Some(split(1, 2, 30.0)));
    bench.fate = Fate::Refused(ErrorKind::AccessDenied);
    bench.release();
    bench.finish();
    ends(&bench, OutcomeKind::Unsettled, Some(split(1, 2, 30.0)));
    let advice = bench.end().advice.as_deref().expect("what to do");
    assert!(advice.contains("# last error: UpdateAlias: "), "{advice}");
}

#[test]
fn s2_a_rollback_whose_time_is_up_waits_for_its_write() {
    let mut bench = in_hold(canary(|plan| plan));
    bench.command(abort()).expect("fits");
    hold_back(&mut bench, "write_alias");
    bench.run_for(minutes(16));
    assert!(bench.outcome.is_none(), "given up with a write in flight");
    bench.release();
    bench.finish();
    // Nobody has read it back, and yet AWS said so.
    ends(&bench, OutcomeKind::Aborted, Some(only(1)));
}

#[test]
fn s2_a_raise_that_never_arrives_is_given_up() {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.fate = Fate::RequestLost;
    bench.start();
    bench.run_to(Phase::Shifting);
    let begun = bench.now;
    bench.run_to(Phase::RollingBack);
    assert!((minutes(5)..minutes(6)).contains(&bench.now.since(begun)), "{}", bench.now);
    bench.fate = Fate::Lands;
    bench.finish();
    ends(&bench, OutcomeKind::RolledBack, Some(only(1)));
}

#[test]
fn weights_in_the_answer_to_a_write_are_waited_for_as_well() {
    let mut bench = in_hold(canary(|plan| plan));
    hold_back(&mut bench, "write_alias");
    bench.held_kind = None;
    let known = bench.alias.clone().expect("the alias");
    let moving = moved(&known, split(2, 1, 50.0), "moving");
    bench.alias = Some(moving.clone());
    answer(&mut bench, EffectResult::Alias(Ok(moving)));
    bench.run_for(Duration::from_secs(20));
    assert_eq!((bench.rollout.status().phase, bench.shifts()), (Phase::Promoting, vec![10.0]));
    bench.alias = Some(moved(&known, only(2), "moved"));
    bench.finish();
    assert_eq!((bench.shifts(), bench.drifted()), (vec![10.0, 100.0], false));
    ends(&bench, OutcomeKind::Promoted, Some(only(2)));
}

#[test]
fn s7_weights_for_a_foreign_version_are_not_taken_for_aws_own() {
    let mut bench = Bench::new(baked());
    bench.start();
    bench.run_to(Phase::Baking);
    bench.set_alias(Some(Routing::split(version(2), version(3), percent(30.0))));
    bench.run_for(minutes(1));
    assert!(bench.drifted());
}

#[test]
fn traffic_that_never_moved_is_not_told_as_moved() {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.fates = vec![Fate::RequestLost];
    bench.start();
    hold_back(&mut bench, "write_alias");
    bench.command(abort()).expect("fits");
    bench.release();
    bench.finish();
    assert_eq!((bench.end().traffic_moved, bench.end().exit_code(), bench.shifts()), (false, 3, vec![]));
    ends(&bench, OutcomeKind::Aborted, Some(only(1)));

    let bench = Bench::new(canary(|plan| plan)).run();
    assert!(bench.end().traffic_moved);
}

#[test]
fn the_alias_is_not_looked_at_without_need() {
    let mut bench = Bench::new(with_hook(HookMoment::BeforeTraffic));
    bench.alarms_down = true;
    bench.start();
    bench.run_for(90 * SECOND);
    bench.alarms_down = false;
    bench.finish();
    // Once at the start, at each full minute of the hold, and to confirm.
    assert_eq!(bench.end().calls["read_alias"], 1 + 5 + 1);
    ends(&bench, OutcomeKind::Promoted, Some(only(2)));
}

#[test]
fn a_rollback_tells_how_old_the_alarm_was() {
    let mut bench = in_hold(canary(|plan| plan));
    bench.fire();
    bench.finish();
    assert!(matches!(bench.cause(), Cause::Alarm { .. }));
    assert_eq!(bench.end().rollback.and_then(|times| times.seen_ms), Some(0));
}

#[test]
fn nothing_is_due_before_the_start_or_after_the_end() {
    let mut bench = Bench::new(canary(|plan| plan.deadline(minutes(60))));
    assert_eq!(bench.rollout.deadline(), None);
    bench.start();
    bench.finish();
    assert_eq!(bench.rollout.deadline(), None);
}

#[test]
fn a_story_takes_its_own_rows_of_the_table_alone() {
    let bench = Bench::new(canary(|plan| plan));
    assert_eq!(bench.transitions().count(), 0);
    let bench = bench.run();
    assert!(bench.transitions().all(|row| row.to != Phase::RollingBack));
    assert!(bench.transitions().any(|row| row.to == Phase::Holding));
}
