//! What use in the field has shown: reads that lag, a 404 that is a proxy's, alarms that flap while nobody reads, other
//! people's code, weights that are none.

use std::time::Duration;

use lambda_rollout::account::{
    AlarmState, AliasState, Claim, CodeSource, FunctionVersion, Lifecycle, ProvisionedConcurrency, Routing,
};
use lambda_rollout::event::{Cause, EventKind, OutcomeKind};
use lambda_rollout::machine::{Command, EffectResult, Input, Phase};
use lambda_rollout::plan::{
    AlreadyAlarming, Flaps, Hook, InsufficientData, PlanBuilder, RolloutPlan, VersionSource,
};
use lambda_rollout::units::{HookFunction, RolloutId, Weight};
use lambda_rollout::{Error, ErrorKind};

use crate::bench::{Bench, Fate, alarm, canary, function_version, minutes, only, split, version};
use crate::stories::{abort, baked, in_hold};

const SECOND: Duration = Duration::from_secs(1);

fn ends(mut bench: Bench, kind: OutcomeKind, routing: Routing) -> Bench {
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (kind, routing), "{:#?}", bench.end());
    bench.check_promises();
    bench
}

fn publishing(change: impl FnOnce(PlanBuilder) -> PlanBuilder) -> RolloutPlan {
    canary(|plan| change(plan.publish()))
}

/// The alias as a rollout leaves it that died at this weight.
fn left_at(canary: u64, weight: f64) -> AliasState {
    let claim = Claim { rollout_id: RolloutId::from_bits(3), runner: "ci/1".into() };
    let mut state = AliasState::new(split(1, canary, weight), "r0");
    state.description = claim.add_to("live").expect("room");
    state
}

fn beside(canary: u64, weight: Weight) -> Routing {
    Routing { version: version(1).into(), additional: Some((version(canary), weight)) }
}

// Alarms

#[test]
fn what_fires_in_a_hold_is_never_excused_for_having_had_no_data_before() {
    for policy in [AlreadyAlarming::Ignore, AlreadyAlarming::IgnoreUntilOk, AlreadyAlarming::Refuse] {
        for thin in [InsufficientData::RollBack, InsufficientData::Pass, InsufficientData::Hold] {
            let plan = canary(|plan| plan.already_alarming(policy).insufficient_data(thin));
            let mut bench = Bench::new(plan);
            bench.alarms.insert(alarm(), AlarmState::InsufficientData);
            bench.start();
            bench.run_to(Phase::Holding);
            bench.fire();
            ends(bench, OutcomeKind::RolledBack, only(1));
        }
    }
}

#[test]
fn an_alarm_without_data_is_no_obstacle_before_traffic_and_holds_or_rolls_back_after() {
    for (thin, kind) in
        [(InsufficientData::Hold, None), (InsufficientData::RollBack, Some(OutcomeKind::RolledBack))]
    {
        let mut bench = Bench::new(canary(|plan| plan.insufficient_data(thin)));
        bench.alarms.insert(alarm(), AlarmState::InsufficientData);
        bench.start();
        bench.run_to(Phase::Shifting);
        bench.run_for(minutes(30));
        assert_eq!(bench.outcome.as_ref().map(|outcome| outcome.kind), kind);
        if kind.is_none() {
            assert_eq!(bench.routing(), split(1, 2, 10.0));
            bench.alarms.insert(alarm(), AlarmState::Ok);
            let again = bench.now;
            let bench = ends(bench, OutcomeKind::Promoted, only(2));
            // The time without data was not held.
            assert!(bench.now.since(again) >= minutes(5));
        }
    }
}

#[test]
fn an_excuse_until_ok_covers_one_stay_in_alarm() {
    let plan = || canary(|plan| plan.already_alarming(AlreadyAlarming::IgnoreUntilOk));
    // Through "no data" into ALARM again, or out of it and back between two polls.
    let mut thin = Bench::new(plan());
    thin.referee.excuses = true;
    thin.fire();
    thin.start();
    thin.run_to(Phase::Holding);
    thin.alarms.insert(alarm(), AlarmState::InsufficientData);
    thin.run_for(minutes(1));
    thin.fire();
    ends(thin, OutcomeKind::RolledBack, only(1));
    let mut flapped = Bench::new(plan());
    flapped.referee.excuses = true;
    flapped.fire();
    flapped.start();
    flapped.run_to(Phase::Holding);
    flapped.flap(AlarmState::Ok);
    ends(flapped, OutcomeKind::RolledBack, only(1));
    let mut stays = Bench::new(plan());
    stays.referee.excuses = true;
    stays.fire();
    ends(
        {
            stays.start();
            stays
        },
        OutcomeKind::Promoted,
        only(2),
    );
}

#[test]
fn an_alarm_that_fires_and_clears_between_two_polls_rolls_back() {
    for phase in [Phase::Holding, Phase::Baking] {
        let mut bench = Bench::new(baked());
        bench.start();
        bench.run_to(phase);
        bench.run_for(minutes(1));
        bench.flap(AlarmState::Alarm);
        let bench = ends(bench, OutcomeKind::RolledBack, only(1));
        let Cause::Alarm { state, cleared_at, .. } = bench.cause() else { panic!("{:?}", bench.cause()) };
        assert!(*state == AlarmState::Alarm && cleared_at.is_some());
        assert!(bench.cause().to_string().contains("between two polls"), "{}", bench.cause());
        let changes = bench.kinds().iter().filter(|kind| **kind == "alarm_changed").count();
        assert_eq!(changes, 2, "into ALARM and out of it");
    }
}

#[test]
fn a_flap_is_told_alone_where_the_plan_says_so_and_is_nothing_where_it_was_no_alarm() {
    let mut told = in_hold(canary(|plan| plan.flaps(Flaps::Report)));
    told.flap(AlarmState::Alarm);
    let told = ends(told, OutcomeKind::Promoted, only(2));
    assert!(told.kinds().contains(&"alarm_changed"));
    let mut thin = in_hold(canary(|plan| plan));
    thin.flap(AlarmState::InsufficientData);
    ends(thin, OutcomeKind::Promoted, only(2));
}

#[test]
fn a_flap_that_nobody_can_explain_counts_as_fired_and_one_that_cannot_be_read_now_holds() {
    let mut denied = in_hold(canary(|plan| plan));
    denied.history_fails = Some(ErrorKind::AccessDenied);
    denied.flap(AlarmState::InsufficientData);
    ends(denied, OutcomeKind::RolledBack, only(1));
    let mut throttled = in_hold(canary(|plan| plan));
    throttled.run_for(minutes(4));
    throttled.history_fails = Some(ErrorKind::Throttled);
    throttled.flap(AlarmState::InsufficientData);
    throttled.run_for(Duration::from_secs(110));
    assert_eq!(throttled.routing(), split(1, 2, 10.0), "raised although it was not known");
    throttled.history_fails = None;
    ends(throttled, OutcomeKind::Promoted, only(2));
    // A history that does not reach to the newest change yet explains nothing.
    let mut lags = in_hold(canary(|plan| plan));
    lags.flap(AlarmState::Alarm);
    let whole = lags.alarm_history.remove(&alarm()).expect("there");
    let since = whole.last().map(|newest| newest.at);
    lags.shown_since = since;
    lags.alarm_history.insert(alarm(), whole[..1].to_vec());
    lags.run_for(minutes(1));
    assert_eq!(lags.routing(), split(1, 2, 10.0));
    lags.alarm_history.insert(alarm(), whole);
    ends(lags, OutcomeKind::RolledBack, only(1));
    // A change that may simply have been one, and whose history is closed to us, stops nobody.
    let mut plain = in_hold(canary(|plan| plan));
    plain.history_fails = Some(ErrorKind::AccessDenied);
    plain.alarms.insert(alarm(), AlarmState::InsufficientData);
    ends(plain, OutcomeKind::Promoted, only(2));
}

#[test]
fn an_alarm_that_fired_while_no_process_ran_is_found_by_the_next_one() {
    for phase in [Phase::Holding, Phase::Baking] {
        let mut bench = Bench::new(baked());
        bench.start();
        bench.run_to(phase);
        bench.flap(AlarmState::Alarm);
        bench.now = bench.now + minutes(3);
        bench.die_and_restore();
        ends(bench, OutcomeKind::RolledBack, only(1));
    }
}

#[test]
fn an_outage_in_which_an_alarm_fired_and_cleared_rolls_back() {
    let mut bench = in_hold(canary(|plan| plan));
    bench.run_for(minutes(1));
    bench.alarms_down = true;
    bench.run_for(SECOND * 30);
    bench.flap(AlarmState::Alarm);
    bench.run_for(SECOND * 30);
    bench.alarms_down = false;
    ends(bench, OutcomeKind::RolledBack, only(1));
}

#[test]
fn what_nobody_watched_was_not_held() {
    // The process was stopped, or the computer slept, for longer than the whole hold.
    let mut stopped = in_hold(canary(|plan| plan));
    stopped.now = stopped.now + minutes(60);
    let woke = stopped.now;
    stopped.input(Input::Tick);
    stopped.run_to(Phase::Promoting);
    assert_eq!(stopped.now.since(woke), minutes(5));
    // The alarms could not be read from the beginning of the hold to its end.
    let mut blind = Bench::new(canary(|plan| plan.unreadable(hold_on())));
    blind.start();
    blind.run_to(Phase::Holding);
    blind.alarms_down = true;
    blind.run_for(minutes(10));
    blind.alarms_down = false;
    let sees = blind.now;
    blind.run_to(Phase::Promoting);
    assert!(blind.now.since(sees) >= minutes(5), "{:?}", blind.now.since(sees));
    // For a moment alone: only that moment is not counted.
    let mut blinks = in_hold(canary(|plan| plan));
    let began = blinks.now;
    blinks.run_for(minutes(1));
    blinks.alarms_down = true;
    blinks.run_for(SECOND * 12);
    blinks.alarms_down = false;
    blinks.run_to(Phase::Promoting);
    let took = blinks.now.since(began);
    assert!(took > minutes(5) + SECOND * 5 && took < minutes(6), "{took:?}");
}

fn hold_on() -> lambda_rollout::plan::Unreadable {
    let then = lambda_rollout::plan::WhenUnreadable::Hold;
    lambda_rollout::plan::Unreadable { then, ..Default::default() }
}

#[test]
fn an_alarm_whose_state_is_not_known_is_neither_a_pass_nor_a_failure() {
    let mut bench = in_hold(canary(|plan| plan));
    bench.alarms.insert(alarm(), AlarmState::Unreadable);
    bench.run_for(SECOND * 100);
    assert_eq!(bench.routing(), split(1, 2, 10.0));
    assert!(bench.kinds().contains(&"alarms_unreadable"));
    assert!(!bench.kinds().contains(&"alarm_changed"));
    let bench = ends(bench, OutcomeKind::RolledBack, only(1));
    assert!(matches!(bench.cause(), Cause::AlarmsUnreadable { .. }));
    let mut first = Bench::new(canary(|plan| plan));
    first.alarms.insert(alarm(), AlarmState::Unreadable);
    ends(
        {
            first.start();
            first
        },
        OutcomeKind::Refused,
        only(1),
    );
}

#[test]
fn access_denied_is_never_tolerated() {
    let denied = || Error::new(ErrorKind::AccessDenied, "add cloudwatch:DescribeAlarms");
    for plan in [canary(|plan| plan), canary(|plan| plan.unreadable(hold_on())), publishing(|plan| plan)] {
        let mut bench = Bench::new(plan);
        bench.held_kind = Some("read_alarms");
        bench.start();
        while bench.held.is_empty() {
            bench.answer_one();
        }
        let (id, _) = bench.held.remove(0);
        let before = bench.now;
        bench.input(Input::Done(id, EffectResult::Alarms(Err(denied()))));
        assert_eq!((bench.kind(), bench.now), (OutcomeKind::Refused, before));
        assert!(bench.cause().to_string().contains("cloudwatch:DescribeAlarms"));
    }
    let mut later = in_hold(canary(|plan| plan.unreadable(hold_on())));
    later.held_kind = Some("read_alarms");
    later.run_for(SECOND * 11);
    let (id, _) = later.held.remove(0);
    later.held_kind = None;
    later.input(Input::Done(id, EffectResult::Alarms(Err(denied()))));
    ends(later, OutcomeKind::RolledBack, only(1));
}

#[test]
fn an_answer_that_comes_late_still_proves_that_an_alarm_fired() {
    let mut bench = in_hold(canary(|plan| plan));
    bench.held_kind = Some("read_alarms");
    bench.run_for(SECOND * 11);
    bench.fire();
    bench.now = bench.now + minutes(1);
    bench.release();
    assert_eq!(bench.rollout.status().phase, Phase::RollingBack);
    ends(bench, OutcomeKind::RolledBack, only(1));
}

// The alias

#[test]
fn a_read_that_lags_behind_our_own_write_is_no_drift() {
    // At the minute's read of a hold, at the proof of a promotion, and at that of a rollback; once, and for a while.
    for lags in [1, 5] {
        let old = AliasState::new(only(1), "r0");
        let mut hold = in_hold(canary(|plan| plan));
        hold.odd_reads = vec![Ok(old.clone()); lags];
        hold.run_for(minutes(2));
        assert!(!hold.drifted() && hold.routing() == split(1, 2, 10.0));
        assert!(hold.odd_reads.is_empty());
        ends(hold, OutcomeKind::Promoted, only(2));

        let mut proof = in_hold(canary(|plan| plan));
        proof.run_to(Phase::Promoting);
        let before = proof.alias.clone().expect("an alias");
        proof.answer_one();
        proof.odd_reads = vec![Ok(before); lags];
        assert!(!ends(proof, OutcomeKind::Promoted, only(2)).drifted());

        let mut back = in_hold(canary(|plan| plan));
        let before = back.alias.clone().expect("an alias");
        back.command(abort()).expect("it fits");
        back.answer_one();
        back.odd_reads = vec![Ok(before); lags];
        let back = ends(back, OutcomeKind::Aborted, only(1));
        assert!(!back.drifted());
        assert!(back.end().rollback.expect("times").read_back_ms.is_some(), "proved");
    }
    // What decides about a write of unknown result is no old copy either.
    let mut unknown = in_hold(canary(|plan| plan));
    unknown.fates = vec![Fate::ReplyLost];
    unknown.odd_reads = vec![Ok(AliasState::new(only(1), "r0")); 3];
    assert!(!ends(unknown, OutcomeKind::Promoted, only(2)).drifted());
}

#[test]
fn a_process_that_takes_over_knows_which_reads_lag() {
    let mut bench = in_hold(canary(|plan| plan));
    bench.run_for(minutes(1));
    bench.die_and_restore();
    bench.odd_reads = vec![Ok(AliasState::new(only(1), "r0")); 2];
    let bench = ends(bench, OutcomeKind::Promoted, only(2));
    assert!(!bench.drifted());
}

#[test]
fn one_404_is_not_a_deleted_alias() {
    let gone = |times: usize| vec![Err(ErrorKind::NotFound); times];
    // To a patrol, to the read that decides about a raise and about a restoring write, to both proofs, and to the first.
    let mut patrol = in_hold(canary(|plan| plan));
    patrol.odd_reads = gone(3);
    assert!(!ends(patrol, OutcomeKind::Promoted, only(2)).drifted());

    let mut raise = Bench::new(canary(|plan| plan));
    raise.start();
    raise.run_to(Phase::Shifting);
    (raise.fates, raise.odd_reads) = (vec![Fate::ReplyLost], gone(2));
    assert!(!ends(raise, OutcomeKind::Promoted, only(2)).drifted());

    let mut restoring = in_hold(canary(|plan| plan));
    (restoring.fates, restoring.odd_reads) = (vec![Fate::Refused(ErrorKind::Unreachable)], gone(4));
    restoring.fire();
    assert!(!ends(restoring, OutcomeKind::RolledBack, only(1)).drifted());

    let mut proof = in_hold(canary(|plan| plan));
    proof.run_to(Phase::Promoting);
    proof.odd_reads = gone(1);
    assert!(!ends(proof, OutcomeKind::Promoted, only(2)).drifted());

    let mut back = in_hold(canary(|plan| plan));
    back.command(abort()).expect("it fits");
    back.odd_reads = gone(5);
    assert!(!ends(back, OutcomeKind::Aborted, only(1)).drifted());

    // The computer sleeps through the rollback's deadline: that makes one 404 no truer.
    let mut asleep = in_hold(canary(|plan| plan));
    asleep.command(abort()).expect("it fits");
    asleep.answer_one();
    asleep.odd_reads = gone(1);
    asleep.answer_one();
    asleep.now = asleep.now + minutes(60);
    asleep.input(Input::Tick);
    assert!(!ends(asleep, OutcomeKind::Aborted, only(1)).drifted());

    let mut first = Bench::new(canary(|plan| plan));
    first.odd_reads = gone(1);
    first.start();
    let first = ends(first, OutcomeKind::Promoted, only(2));
    assert_eq!(first.end().stable_version, Some(version(1)), "taken for a first deployment");

    let mut restored = in_hold(canary(|plan| plan));
    restored.die_and_restore();
    restored.odd_reads = gone(3);
    assert!(!ends(restored, OutcomeKind::Promoted, only(2)).drifted());
}

#[test]
fn full_is_the_canary_alone() {
    for weight in [Weight::FULL, Weight::nearest_to_fraction(0.99999)] {
        let mut bench = Bench::new(baked()).with_alias(Some(beside(2, weight)));
        bench.start();
        let bench = ends(bench, OutcomeKind::Promoted, only(2));
        assert!(!bench.writes.is_empty(), "nothing was written");
    }
    let mut firing = Bench::new(baked()).with_alias(Some(beside(2, Weight::FULL)));
    firing.fire();
    firing.start();
    ends(firing, OutcomeKind::RolledBack, only(1));
}

#[test]
fn a_weight_of_zero_beside_the_stable_version_is_a_weight_to_be_cleared() {
    let found = || Bench::new(canary(|plan| plan)).with_alias(Some(beside(2, Weight::ZERO)));
    let mut firing = found();
    firing.fire();
    firing.start();
    let firing = ends(firing, OutcomeKind::RolledBack, only(1));
    assert!(!firing.end().traffic_moved);
    let mut healthy = found();
    healthy.start();
    ends(healthy, OutcomeKind::Promoted, only(2));
}

#[test]
fn an_alias_that_serves_the_version_already_is_no_success_while_its_alarm_fires() {
    let serves = || Bench::new(baked()).with_alias(Some(only(2)));
    let mut firing = serves();
    firing.fire();
    firing.start();
    let firing = ends(firing, OutcomeKind::Refused, only(2));
    assert!(matches!(firing.cause(), Cause::Alarm { .. }) && firing.writes.is_empty());
    let mut healthy = serves();
    healthy.start();
    ends(healthy, OutcomeKind::NothingToDo, only(2));
}

#[test]
fn an_alias_without_a_revision_is_not_written() {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.alias.as_mut().expect("an alias").revision_id.clear();
    bench.start();
    let bench = ends(bench, OutcomeKind::Refused, only(1));
    assert!(bench.cause().to_string().contains("without a revision"), "{}", bench.cause());
}

/// The alias as AWS shows it while it moves provisioned concurrency from the stable version to the canary version.
fn moving() -> AliasState {
    let routing = Routing { version: version(2).into(), additional: Some((version(1), Weight::FULL)) };
    AliasState::new(routing, "r1")
}

/// A write to the canary version, of this fate if of any, after which AWS moves provisioned concurrency for twelve minutes.
fn promoted_when_aws_has_moved(fates: Vec<Fate>) {
    let mut bench = Bench::new(canary(|plan| plan.strategy_named("AllAtOnce")));
    bench.provisioned = Some(ProvisionedConcurrency::InProgress);
    bench.fates = fates;
    bench.start();
    bench.run_to(Phase::Promoting);
    bench.held_kind = Some("read_alias");
    bench.answer_one();
    let there = bench.alias.replace(moving()).expect("written");
    bench.release();
    bench.run_for(minutes(12));
    assert!(!bench.drifted() && bench.outcome.is_none(), "{:#?}", bench.events);
    bench.alias = Some(AliasState { revision_id: "r2".into(), ..there });
    bench.provisioned = Some(ProvisionedConcurrency::Ready);
    ends(bench, OutcomeKind::Promoted, only(2));
}

#[test]
fn aws_is_given_its_time_after_a_write_without_an_answer_too() {
    for fate in [Fate::ReplyLost, Fate::LandsAndConflicts] {
        promoted_when_aws_has_moved(vec![fate]);
    }
}

#[test]
fn a_write_that_aws_follows_with_a_move_has_moved_traffic() {
    let mut bench = Bench::new(canary(|plan| plan.strategy_named("AllAtOnce")));
    bench.provisioned = Some(ProvisionedConcurrency::InProgress);
    bench.fates = vec![Fate::ReplyLost];
    bench.start();
    bench.run_to(Phase::Promoting);
    bench.held_kind = Some("read_alias");
    bench.answer_one();
    bench.alias = Some(moving());
    bench.release();
    bench.run_for(minutes(1));
    bench.fire();
    let bench = ends(bench, OutcomeKind::RolledBack, only(1));
    assert!(bench.end().traffic_moved);
}

#[test]
fn aws_is_given_the_time_that_it_says_it_needs_to_move_provisioned_concurrency() {
    promoted_when_aws_has_moved(Vec::new());

    // Found for the first time after an outage that was longer than any grace: AWS is asked before it counts as drift.
    let mut outage = Bench::new(canary(|plan| plan.strategy_named("AllAtOnce").bake(minutes(30))));
    outage.provisioned = Some(ProvisionedConcurrency::InProgress);
    outage.start();
    outage.run_to(Phase::Baking);
    let there = outage.alias.replace(moving()).expect("written");
    outage.reads_fail = Some(ErrorKind::Unreachable);
    outage.run_for(minutes(5));
    outage.reads_fail = None;
    outage.run_for(minutes(5));
    outage.alias = Some(AliasState { revision_id: "r2".into(), ..there });
    outage.provisioned = Some(ProvisionedConcurrency::Ready);
    assert!(!ends(outage, OutcomeKind::Promoted, only(2)).drifted());

    // AWS has come to its end in an outage, and reads lag behind that: time counts from when it said so.
    let mut lags = Bench::new(canary(|plan| plan.strategy_named("AllAtOnce").bake(minutes(30))));
    lags.provisioned = Some(ProvisionedConcurrency::InProgress);
    lags.start();
    lags.run_to(Phase::Baking);
    let there = lags.alias.replace(moving()).expect("written");
    lags.run_for(minutes(3));
    lags.reads_fail = Some(ErrorKind::Unreachable);
    lags.run_for(minutes(2));
    lags.reads_fail = None;
    lags.provisioned = Some(ProvisionedConcurrency::Ready);
    lags.held_kind = Some("read_provisioned_concurrency");
    lags.run_for(minutes(2));
    lags.release();
    lags.run_for(Duration::from_secs(1));
    lags.alias = Some(AliasState { revision_id: "r2".into(), ..there });
    assert!(!ends(lags, OutcomeKind::Promoted, only(2)).drifted());

    let mut stays = Bench::new(canary(|plan| plan.strategy_named("AllAtOnce")));
    stays.start();
    stays.run_to(Phase::Promoting);
    stays.held_kind = Some("read_alias");
    stays.answer_one();
    stays.alias = Some(moving());
    stays.touched = true;
    stays.release();
    stays.run_for(minutes(5));
    assert!(stays.drifted());
}

#[test]
fn a_rollout_whose_alias_is_read_as_it_was_for_good_is_not_taken_up_for_ever() {
    let mut bench = in_hold(canary(|plan| plan.rollback_deadline(minutes(5))));
    bench.die_and_restore();
    bench.odd_reads = vec![Ok(AliasState::new(only(1), "r0")); 1000];
    let began = bench.now;
    bench.finish();
    assert_eq!((bench.kind(), bench.writes.len()), (OutcomeKind::Unsettled, 1));
    assert!(bench.end().advice.is_some() && bench.now.since(began) < minutes(6));
    assert!(bench.odd_reads.len() > 900, "waits grow");
}

// Pre-flight

#[test]
fn an_alias_with_provisioned_concurrency_is_refused_before_anything_is_changed() {
    let mut bench = Bench::new(publishing(|plan| plan));
    bench.provisioned = Some(ProvisionedConcurrency::Ready);
    bench.start();
    let bench = ends(bench, OutcomeKind::Refused, only(1));
    assert!(!bench.end().calls.contains_key("publish"));
    assert!(bench.cause().to_string().contains("provisioned concurrency"));
    let mut all = Bench::new(canary(|plan| plan.strategy_named("AllAtOnce")));
    all.provisioned = Some(ProvisionedConcurrency::Ready);
    all.start();
    ends(all, OutcomeKind::Promoted, only(2));
}

#[test]
fn code_and_hooks_that_are_not_there_refuse_before_anything_is_changed() {
    let zip = canary(|plan| plan.code(CodeSource::Zip("no.zip".into())));
    let hook = publishing(|plan| {
        plan.after_traffic(Hook::lambda(HookFunction::parse("check").expect("a function")))
    });
    for (plan, kind) in [(zip, ErrorKind::Plan), (hook, ErrorKind::NotFound)] {
        for check_only in [false, true] {
            let mut bench = Bench::new(plan.clone());
            if check_only {
                bench = bench.checking_only();
            }
            bench.not_there = Some(kind);
            bench.start();
            let bench = ends(bench, OutcomeKind::Refused, only(1));
            assert!(
                !bench.end().calls.contains_key("update_code") && !bench.end().calls.contains_key("publish")
            );
        }
    }
    // A permission to read the hook's configuration is not what it takes to run it.
    let mut denied = Bench::new(publishing(|plan| {
        plan.after_traffic(Hook::lambda(HookFunction::parse("check").expect("a function")))
    }));
    denied.not_there = Some(ErrorKind::AccessDenied);
    denied.start();
    ends(denied, OutcomeKind::Promoted, only(2));
}

#[test]
fn nothing_is_changed_before_the_alarms_were_read() {
    for plan in [publishing(|plan| plan), canary(|plan| plan.code(CodeSource::Image("image".into())))] {
        let mut firing = Bench::new(plan.clone());
        firing.fire();
        firing.start();
        let firing = ends(firing, OutcomeKind::Refused, only(1));
        assert!(
            !firing.end().calls.contains_key("update_code") && !firing.end().calls.contains_key("publish")
        );
        let mut down = Bench::new(plan);
        down.alarms_down = true;
        down.start();
        let down = ends(down, OutcomeKind::Refused, only(1));
        assert!(!down.end().calls.contains_key("update_code") && !down.end().calls.contains_key("publish"));
    }
}

#[test]
fn a_change_that_keeps_failing_is_not_made_for_ever() {
    for kind in [ErrorKind::Conflict, ErrorKind::Throttled, ErrorKind::Unreachable] {
        let mut bench = Bench::new(publishing(|plan| plan));
        bench.publish_fails = vec![kind; 100_000];
        let began = bench.now;
        bench.start();
        let bench = ends(bench, OutcomeKind::Refused, only(1));
        assert!(bench.now.since(began) <= minutes(4), "{kind:?}: {:?}", bench.now.since(began));
        assert!(bench.end().calls["publish"] < 40, "{kind:?}: {}", bench.end().calls["publish"]);
    }
}

#[test]
fn a_version_that_was_just_published_may_be_unknown_for_a_moment() {
    let unknown = || {
        let mut bench = Bench::new(publishing(|plan| plan));
        bench.published.get_mut(&version(2)).expect("there").state = Lifecycle::Pending;
        bench.held_kind = Some("publish");
        bench.start();
        bench.run_for(SECOND);
        bench.release();
        let two = bench.published.remove(&version(2)).expect("there");
        (bench, two)
    };
    let (mut bench, two) = unknown();
    bench.run_for(SECOND * 50);
    assert!(bench.outcome.is_none(), "{:?}", bench.outcome);
    bench.published.insert(version(2), FunctionVersion { state: Lifecycle::Active, ..two });
    ends(bench, OutcomeKind::Promoted, only(2));

    let (bench, _) = unknown();
    ends(bench, OutcomeKind::Refused, only(1));
}

#[test]
fn a_version_that_stays_pending_is_not_waited_for_for_ever_and_an_inactive_one_says_what_wakes_it() {
    let mut pending = Bench::new(canary(|plan| plan));
    pending.published.get_mut(&version(2)).expect("there").state = Lifecycle::Pending;
    let began = pending.now;
    pending.start();
    let pending = ends(pending, OutcomeKind::Refused, only(1));
    assert!(pending.now.since(began) <= minutes(27));
    let mut idle = Bench::new(canary(|plan| plan));
    idle.published.get_mut(&version(2)).expect("there").state = Lifecycle::Inactive;
    idle.start();
    let idle = ends(idle, OutcomeKind::Refused, only(1));
    assert!(idle.cause().to_string().contains("aws lambda invoke"), "{}", idle.cause());
}

#[test]
fn only_the_plans_own_code_is_published() {
    let mut bench = Bench::new(canary(|plan| plan.code(CodeSource::Image("image".into()))));
    let mut other = function_version(None);
    (other.code_sha256, other.revision_id) = ("somebody-elses-code".into(), "f3".into());
    bench.overtaken_by = Some(other);
    bench.start();
    let bench = ends(bench, OutcomeKind::Refused, only(1));
    assert_eq!(bench.cause(), &Cause::LatestChanged);
    assert!(!bench.end().calls.contains_key("publish"));
}

// Those who were there before

#[test]
fn weights_that_a_rollout_left_are_rolled_back_whatever_the_plan_would_publish() {
    let plans = || [publishing(|plan| plan), canary(|plan| plan.code(CodeSource::Image("image".into())))];
    for plan in plans() {
        let found = || {
            let mut bench = Bench::new(plan.clone());
            bench.alias = Some(left_at(2, 10.0));
            if matches!(plan.version(), VersionSource::Code(_)) {
                bench.published.get_mut(&version(2)).expect("there").code_sha256 = "sha-new".into();
            }
            bench
        };
        // An alarm that fires before anything is prepared, or while it is; a signal; a permission that is wanting.
        let mut firing = found();
        firing.fire();
        firing.start();
        ends(firing, OutcomeKind::RolledBack, only(1));
        let mut pending = found();
        pending.latest.update = lambda_rollout::account::UpdateStatus::InProgress;
        pending.start();
        pending.run_for(minutes(1));
        pending.fire();
        ends(pending, OutcomeKind::RolledBack, only(1));
        let mut aborted = found();
        aborted.held_kind = Some("publish");
        aborted.start();
        aborted.run_for(SECOND * 5);
        aborted.held_kind = None;
        aborted.command(abort()).expect("it fits");
        ends(aborted, OutcomeKind::Aborted, only(1));
        let mut denied = found();
        denied.publish_fails = vec![ErrorKind::AccessDenied];
        denied.start();
        ends(denied, OutcomeKind::RolledBack, only(1));
        // Nothing is wrong: it is carried on.
        let mut healthy = found();
        healthy.start();
        let healthy = ends(healthy, OutcomeKind::Promoted, only(2));
        assert!(healthy.end().traffic_moved);
    }
    // The fix was pushed meanwhile: the old canary goes, and nothing is published in its place.
    let mut fixed = Bench::new(publishing(|plan| plan));
    fixed.alias = Some(left_at(3, 10.0));
    fixed.start();
    let fixed = ends(fixed, OutcomeKind::RolledBack, only(1));
    assert_eq!((fixed.cause(), fixed.end().calls.contains_key("publish")), (&Cause::LatestChanged, false));
    // Without a claim they may be anybody's.
    let mut foreign = Bench::new(publishing(|plan| plan)).with_alias(Some(split(1, 3, 10.0)));
    foreign.start();
    let foreign = ends(foreign, OutcomeKind::Refused, split(1, 3, 10.0));
    assert!(!foreign.end().calls.contains_key("publish"), "published for nothing");
    // But where that version is what the plan would publish they are this plan's.
    let mut unclaimed = Bench::new(publishing(|plan| plan)).with_alias(Some(split(1, 2, 10.0)));
    unclaimed.fire();
    unclaimed.start();
    ends(unclaimed, OutcomeKind::RolledBack, only(1));
}

#[test]
fn a_journal_does_not_promote_the_old_canary_when_the_plan_brings_other_code_by_now() {
    let mut bench = in_hold(publishing(|plan| plan));
    bench.latest.code_sha256 = "the fix".into();
    bench.die_and_restore();
    let bench = ends(bench, OutcomeKind::RolledBack, only(1));
    assert_eq!(bench.cause(), &Cause::LatestChanged);
    // A second death forgets nothing.
    let mut twice = in_hold(publishing(|plan| plan));
    twice.die_and_restore();
    twice.run_to(Phase::Holding);
    twice.latest.config_sha256 = Some("other memory".into());
    twice.published.get_mut(&version(2)).expect("there").config_sha256 = Some("memory".into());
    twice.latest.code_sha256 = "the fix".into();
    twice.die_and_restore();
    ends(twice, OutcomeKind::RolledBack, only(1));
    let mut same = in_hold(publishing(|plan| plan));
    same.die_and_restore();
    ends(same, OutcomeKind::Promoted, only(2));
}

#[test]
fn a_rollback_that_could_not_be_written_down_is_not_another_persons() {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.start();
    bench.run_to(Phase::Shifting);
    let known = bench.snapshots.len();
    bench.run_to(Phase::Holding);
    bench.fire();
    bench.run_to(Phase::RollingBack);
    bench.held_kind = Some("read_alias");
    bench.run_for(SECOND);
    bench.held_kind = None;
    assert_eq!(bench.routing(), only(1));
    // Nothing since the raise was written down: the disk is full.
    bench.snapshots.truncate(known);
    bench.alarms.insert(alarm(), AlarmState::Ok);
    bench.die_and_restore();
    let bench = ends(bench, OutcomeKind::RolledBack, only(1));
    assert!(!bench.drifted());
}

// Commands, and this process's own queue

#[test]
fn a_promote_at_the_gate_of_a_hook_after_traffic_does_not_skip_the_bake() {
    use lambda_rollout::account::HookReport;
    let hook = Hook::lambda(HookFunction::parse("check").expect("a function"));
    let mut bench = Bench::new(canary(|plan| plan.bake(minutes(10)).after_traffic(hook)));
    bench.hook = Some(HookReport::inconclusive("cannot tell"));
    bench.start();
    bench.run_to(Phase::Gated);
    bench.command(Command::Promote).expect("it waits");
    assert_eq!(bench.rollout.status().phase, Phase::Baking);
    let began = bench.now;
    let bench = ends(bench, OutcomeKind::Promoted, only(2));
    assert_eq!(bench.now.since(began), minutes(10));
}

#[test]
fn a_call_that_waits_for_its_turn_in_this_process_is_no_failure() {
    let queued = || EffectResult::Alias(Err(Error::queued("15 calls a second already")));
    let mut bench = Bench::new(canary(|plan| plan));
    bench.start();
    bench.run_to(Phase::Shifting);
    bench.held_kind = Some("write_alias");
    // Far longer than any patience with failures.
    for _ in 0..300 {
        bench.run_for(SECOND * 3);
        let (id, _) = bench.held.pop().expect("it is made again at once");
        bench.input(Input::Done(id, queued()));
        assert!(bench.outcome.is_none());
    }
    // An alarm that fires meanwhile ends it: the write that waits is not made any more.
    bench.run_for(SECOND);
    bench.fire();
    bench.run_for(SECOND * 11);
    let (id, _) = bench.held.pop().expect("it waits");
    bench.input(Input::Done(id, queued()));
    bench.held_kind = None;
    let bench = ends(bench, OutcomeKind::RolledBack, only(1));
    assert!(bench.history.is_empty() && !bench.end().traffic_moved);
}

#[test]
fn while_a_promotion_waits_for_the_alarms_the_alias_is_not_read_at_every_poll() {
    let mut bench = Bench::new(canary(|plan| plan.poll(Duration::from_millis(100)).unreadable(hold_on())));
    bench.start();
    bench.run_to(Phase::Confirming);
    (bench.held_kind, bench.alarms_down) = (Some("read_alias"), true);
    bench.run_for(minutes(1));
    bench.release();
    let before = bench.alias_reads;
    bench.run_for(minutes(1));
    assert_eq!((bench.outcome.is_none(), bench.alias_reads), (true, before));
    bench.alarms_down = false;
    ends(bench, OutcomeKind::Promoted, only(2));
}

#[test]
fn advice_is_guarded_and_takes_the_claim_away() {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.alias.as_mut().expect("an alias").description = "it's live".into();
    bench.start();
    bench.run_to(Phase::Holding);
    bench.fate = Fate::Refused(ErrorKind::AccessDenied);
    bench.fire();
    bench.finish();
    assert_eq!(bench.kind(), OutcomeKind::Unsettled);
    let advice = bench.end().advice.as_deref().expect("advice");
    let revision = bench.alias.as_ref().expect("an alias").revision_id.clone();
    assert!(advice.contains("--function-version 1 "), "{advice}");
    assert!(advice.contains(&format!("--revision-id {revision} ")), "{advice}");
    assert!(advice.contains(r"--description 'it'\''s live'"), "{advice}");
    // Beside a runner that may be alive, it does not say how to break its rollout.
    let mut living = Bench::new(canary(|plan| plan));
    living.alias = Some(left_at(3, 10.0));
    living.start();
    let living = ends(living, OutcomeKind::Refused, split(1, 3, 10.0));
    let advice = living.end().advice.as_deref().expect("advice");
    assert!(advice.starts_with("wait for rollout ro-0000000000000003 by ci/1"), "{advice}");
    assert!(living.events.iter().all(|event| !matches!(event.kind, EventKind::Shifted { .. })));
}
