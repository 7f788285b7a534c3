//! What the walk found three and four deviations deep, as stories of their own: quick, and with a name.

use std::time::Duration;

use lambda_rollout::ErrorKind;
use lambda_rollout::account::{AliasState, Claim, Routing};
use lambda_rollout::event::{Cause, EventKind, OutcomeKind};
use lambda_rollout::machine::{Command, EffectResult, Input, Phase};
use lambda_rollout::plan::{AlreadyAlarming, Hook};
use lambda_rollout::units::RolloutId;

use crate::bench::{Bench, Fate, canary, minutes, only, split};
use crate::stories::{abort, in_hold};

/// What the newest `drifted` told of what was expected.
fn expected(bench: &Bench) -> Option<Routing> {
    bench.events.iter().rev().find_map(|event| match event.kind {
        EventKind::Drifted { expected, .. } => Some(expected),
        _ => None,
    })
}

fn to_the_first_write() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.start();
    bench.run_to(Phase::Shifting);
    bench
}

#[test]
fn a_look_from_before_a_sleep_is_not_enough_to_write_a_raise_again() {
    let mut bench = to_the_first_write();
    bench.fates = vec![Fate::Refused(ErrorKind::Throttled)];
    assert!(bench.answer_one());
    bench.now = bench.now + minutes(60);
    bench.input(Input::Tick);
    assert_eq!(bench.writes.len(), 1, "nothing is raised before the alarms were looked at");
    bench.fire();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::Refused, only(1)));
}

#[test]
fn patience_with_a_failing_write_begins_anew_after_a_pause() {
    let mut bench = to_the_first_write();
    bench.fates = vec![Fate::Refused(ErrorKind::Throttled)];
    assert!(bench.answer_one());
    bench.command(Command::Pause).expect("it fits");
    bench.run_for(minutes(10));
    bench.fates = vec![Fate::Refused(ErrorKind::Throttled)];
    bench.command(Command::Resume).expect("it is paused");
    bench.finish();
    assert_eq!(bench.kind(), OutcomeKind::Promoted);
}

/// Where the dead process was in mid-hold, a pause stops that hold's clock although the alias has not been read yet.
#[test]
fn a_pause_while_being_taken_up_stops_the_clock_of_the_hold() {
    let mut bench = in_hold(canary(|plan| plan));
    let began = bench.now;
    bench.run_for(minutes(2));
    bench.die_and_restore();
    bench.command(Command::Pause).expect("it fits");
    bench.now = bench.now + minutes(60);
    bench.input(Input::Tick);
    bench.run_to(Phase::Holding);
    bench.command(Command::Resume).expect("it is paused");
    bench.run_to(Phase::Promoting);
    // Nobody watched in that hour, so that the whole hold follows it.
    assert_eq!(bench.now.since(began), minutes(67));
    bench.finish();
    assert_eq!(bench.kind(), OutcomeKind::Promoted);
}

/// AWS acknowledged the restoring write, and then shows weights until the rollback's time is up.
#[test]
fn a_write_that_is_contradicted_to_the_end_proves_nothing() {
    let mut bench = in_hold(canary(|plan| plan.rollback_deadline(Duration::from_secs(60))));
    bench.command(abort()).expect("it fits");
    bench.held_kind = Some("read_alias");
    assert!(bench.answer_one(), "the write lands");
    while bench.outcome.is_none() {
        let known = bench.alias.clone().expect("an alias");
        let settling = AliasState { routing: split(1, 2, 50.0), ..known };
        if let Some((id, _)) = bench.held.pop() {
            bench.input(Input::Done(id, EffectResult::Alias(Ok(settling))));
        }
        if bench.outcome.is_none() && bench.held.is_empty() {
            bench.run_for(Duration::from_secs(5));
        }
    }
    assert_eq!(bench.kind(), OutcomeKind::Unsettled);
}

/// A second process is told what the first one saw of a drift, and does not tell the same again.
#[test]
fn drift_in_a_rollback_is_written_down() {
    let mut bench = in_hold(canary(|plan| plan));
    bench.command(abort()).expect("it fits");
    bench.fates = vec![Fate::Refused(ErrorKind::Conflict)];
    bench.set_alias(Some(split(3, 2, 60.0)));
    while !bench.drifted() {
        assert!(bench.answer_one());
    }
    let newest = bench.snapshots.last().expect("it is written down");
    assert_eq!(newest.alias.routing, split(3, 2, 60.0));
    bench.die_and_restore();
    bench.finish();
    let told = bench.events.iter().filter(|event| event.kind.name() == "drifted").count();
    assert_eq!((told, bench.kind(), bench.routing()), (1, OutcomeKind::Aborted, only(3)));
}

/// What a process that is being taken up has seen of a write that landed, a third one has to know.
#[test]
fn a_process_that_dies_while_it_takes_up_leaves_what_it_saw() {
    let mut bench = to_the_first_write();
    bench.fates = vec![Fate::ReplyLost];
    bench.held_kind = Some("read_alias");
    assert!(bench.answer_one());
    bench.held_kind = None;
    bench.die_and_restore();
    assert!(bench.answer_one(), "it reads the alias");
    bench.die_and_restore();
    bench.set_alias(Some(only(3)));
    bench.finish();
    assert_eq!((bench.kind(), expected(&bench)), (OutcomeKind::Drifted, Some(split(1, 2, 10.0))));
}

/// An alarm that was excused at the start stays so through two deaths, of which the second comes before anything was done.
#[test]
fn what_was_excused_is_excused_for_a_third_process_too() {
    let mut bench = Bench::new(canary(|plan| plan.already_alarming(AlreadyAlarming::Ignore)));
    bench.referee.excuses = true;
    bench.fire();
    bench.start();
    bench.run_to(Phase::Holding);
    for _ in 0..2 {
        bench.die_and_restore();
        assert!(bench.answer_one(), "it reads the alias");
    }
    bench.finish();
    assert_eq!(bench.kind(), OutcomeKind::Promoted);
}

#[test]
fn a_process_that_died_before_any_write_has_moved_no_traffic() {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.start();
    bench.run_to(Phase::Checking);
    bench.die_and_restore();
    bench.fire();
    bench.finish();
    assert_eq!((bench.kind(), bench.end().traffic_moved), (OutcomeKind::Refused, false));
}

/// The write of the dead process may have landed, and nobody could look.
#[test]
fn an_end_that_never_saw_the_alias_does_not_deny_that_traffic_may_have_moved() {
    let mut bench = to_the_first_write();
    bench.die_and_restore();
    bench.held_kind = Some("read_alias");
    while bench.outcome.is_none() {
        match bench.held.pop() {
            Some((id, _)) => bench.input(Input::Done(id, EffectResult::TimedOut)),
            None => bench.run_for(Duration::from_secs(10)),
        }
    }
    assert_eq!((bench.kind(), bench.end().traffic_moved), (OutcomeKind::Unsettled, true));
}

/// A raise without an answer, and the alias where it was at a newer revision: a person may have taken the canary out.
#[test]
fn a_raise_that_was_taken_back_before_it_was_seen_is_not_made_again() {
    let mut bench = to_the_first_write();
    bench.fates = vec![Fate::ReplyLost];
    bench.held_kind = Some("read_alias");
    assert!(bench.answer_one());
    bench.set_alias(Some(only(1)));
    bench.release();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing(), bench.writes.len()), (OutcomeKind::Drifted, only(1), 1));
    assert_eq!(expected(&bench), Some(split(1, 2, 10.0)));
}

/// A refused write has most likely not landed, unless its claim is on the alias.
#[test]
fn a_refused_raise_is_made_again_unless_its_claim_tells_that_it_had_landed() {
    for claimed in [false, true] {
        let mut bench = to_the_first_write();
        bench.set_alias(Some(only(1)));
        if claimed {
            let claim = Claim { rollout_id: RolloutId::from_bits(7), runner: String::new() };
            let alias = bench.alias.as_mut().expect("an alias");
            alias.description = claim.add_to("").expect("room");
        }
        bench.finish();
        let kind = if claimed { OutcomeKind::Drifted } else { OutcomeKind::Promoted };
        assert_eq!(bench.kind(), kind, "{:#?}", bench.events);
    }
}

/// AWS is still moving provisioned concurrency after the promotion, with weights of its own.
#[test]
fn a_restoring_write_does_not_wait_until_aws_has_settled() {
    let mut bench = in_hold(canary(|plan| plan.bake(minutes(5))));
    bench.run_to(Phase::Baking);
    bench.command(abort()).expect("it fits");
    bench.fates = vec![Fate::Refused(ErrorKind::Unreachable)];
    bench.held_kind = Some("read_alias");
    assert!(bench.answer_one());
    let known = bench.alias.clone().expect("an alias");
    let settling = AliasState { routing: split(2, 1, 50.0), revision_id: "moved".to_owned(), ..known };
    bench.alias = Some(settling);
    bench.release();
    bench.run_for(Duration::from_secs(1));
    let newest = bench.writes.last().expect("a write");
    assert_eq!((newest.routing, newest.revision_id.as_str()), (only(1), "moved"));
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::Aborted, only(1)));
    assert!(matches!(bench.cause(), Cause::Abort { .. }));
}

/// Weights that appear after a process died which had written none are not AWS's own, however soon they come.
#[test]
fn weights_of_another_hand_after_a_death_before_any_write_are_not_overwritten() {
    let mut bench = Bench::new(canary(|plan| plan.before_traffic(Hook::in_process())));
    bench.start();
    bench.run_to(Phase::BeforeHook);
    bench.die_and_restore();
    bench.run_to(Phase::BeforeHook);
    bench.command(Command::Pause).expect("it fits");
    bench.set_alias(Some(split(1, 2, 37.0)));
    bench.run_for(minutes(1));
    if bench.outcome.is_none() {
        bench.command(Command::Resume).expect("it is paused");
        bench.finish();
    }
    assert!(bench.drifted(), "{:?}", bench.kinds());
    assert_eq!((expected(&bench), bench.routing()), (Some(only(1)), only(1)));
}

/// The last read of a promotion was answered after an hour of sleep, in which the alarm has fired.
#[test]
fn nothing_is_promoted_on_a_look_from_before_a_sleep() {
    let mut bench = Bench::new(canary(|plan| plan.bake(minutes(1))));
    bench.start();
    bench.run_to(Phase::Baking);
    bench.held_kind = Some("read_alias");
    bench.run_to(Phase::Confirming);
    bench.run_for(minutes(0));
    bench.now = bench.now + minutes(60);
    bench.fire();
    bench.release();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
}

/// Two reads, a minute apart, said that the alias does not exist; in between a write to it was acknowledged.
#[test]
fn two_single_404s_with_a_write_between_them_are_no_deleted_alias() {
    let mut bench = in_hold(canary(|plan| plan.bake(minutes(5))));
    bench.run_for(Duration::from_secs(299));
    for _ in 0..2 {
        bench.odd_reads = vec![Err(ErrorKind::NotFound)];
        let reads = bench.alias_reads;
        while bench.alias_reads == reads {
            bench.run_for(Duration::from_secs(1));
        }
    }
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::Promoted, only(2)), "{:#?}", bench.events);
}

/// After a raise whose result nobody knows, weights may be AWS's own or another hand's: nothing is raised before that is
/// known.
#[test]
fn a_raise_does_not_overwrite_weights_of_which_nobody_knows_whose_they_are() {
    for go_on in [Command::Resume, Command::Promote] {
        let mut bench = in_hold(canary(|plan| plan));
        bench.run_to(Phase::Promoting);
        bench.die_and_restore();
        bench.command(Command::Pause).expect("it fits");
        bench.run_for(Duration::from_secs(30));
        let before = bench.writes.len();
        bench.held_kind = Some("read_provisioned_concurrency");
        bench.set_alias(Some(split(2, 1, 37.0)));
        bench.run_for(minutes(2));
        bench.command(go_on.clone()).expect("it fits");
        bench.run_for(Duration::from_secs(5));
        assert_eq!(bench.writes.len(), before, "{go_on:?}: {:?}", bench.writes.last());
        bench.release();
        bench.finish();
        assert!(bench.drifted(), "{go_on:?}: {:?}", bench.kinds());
        assert_eq!(bench.routing(), only(1), "{go_on:?}");
    }
}

/// Weights that were taken for AWS's own at first say that the revision has moved on: the raise before them lands no more.
#[test]
fn what_another_hand_promotes_after_its_drift_is_no_raise_of_ours() {
    let mut bench = in_hold(canary(|plan| plan));
    bench.run_to(Phase::Promoting);
    bench.set_alias(Some(split(2, 1, 37.0)));
    bench.run_to(Phase::RollingBack);
    bench.set_alias(Some(only(2)));
    bench.finish();
    let drifts = bench.kinds().iter().filter(|kind| **kind == "drifted").count();
    assert_eq!((drifts, bench.routing()), (2, only(1)), "{:?}", bench.kinds());
    assert_eq!(bench.shifts(), [10.0, 0.0], "{:?}", bench.kinds());
}
