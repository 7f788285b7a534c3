use std::time::Duration;

use lambda_rollout::ErrorKind;
use lambda_rollout::account::{
    AlarmState, CodeSource, HookFailure, HookMoment, HookReport, Lifecycle, Routing, UpdateStatus,
};
use lambda_rollout::event::{Cause, EventKind, OutcomeKind};
use lambda_rollout::machine::{Command, Effect, Phase};
use lambda_rollout::plan::{Hook, InsufficientData, RolloutPlan, Step, Strategy};
use lambda_rollout::units::{FunctionRef, Qualifier};

use crate::bench::{Bench, Fate, alarm, canary, function_version, minutes, only, percent, split, version};
pub(crate) use crate::taken_up::*;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn two_steps() -> RolloutPlan {
    let step = |weight, gate| Step { weight: percent(weight), hold: 5 * MINUTE, gate };
    canary(|plan| plan.strategy(Strategy::Steps(vec![step(10.0, true), step(50.0, false)])))
}

pub(crate) fn with_hook(moment: HookMoment) -> RolloutPlan {
    let hook = || {
        Hook::lambda(FunctionRef::parse("hook").expect("a name")).with_parameters(serde_json::json!({"a": 1}))
    };
    canary(|plan| match moment {
        HookMoment::BeforeTraffic => plan.before_traffic(hook()),
        HookMoment::AfterTraffic => plan.after_traffic(hook()),
    })
}

pub(crate) fn baked() -> RolloutPlan {
    canary(|plan| plan.bake(minutes(10)))
}

pub(crate) fn in_hold(plan: RolloutPlan) -> Bench {
    let mut bench = Bench::new(plan);
    bench.start();
    bench.run_to(Phase::Holding);
    bench
}

pub(crate) fn a_healthy_canary_is_promoted() -> Bench {
    let bench = Bench::new(canary(|plan| plan)).run();
    assert_eq!(bench.kind(), OutcomeKind::Promoted);
    assert_eq!(
        bench.kinds(),
        ["started", "checked", "shifted", "step_held", "shifted", "promoted", "finished"]
    );
    assert_eq!(bench.history, [split(1, 2, 10.0), only(2)]);
    let at = |index: usize| bench.events[index].at;
    assert_eq!(at(4).since(at(2)), 5 * MINUTE);
    bench
}

pub(crate) fn linear_holds_every_step() -> Bench {
    let bench = Bench::new(canary(|plan| plan.strategy_named("Linear10PercentEvery1Minute"))).run();
    assert_eq!(bench.shifts(), [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0]);
    let times: Vec<_> =
        bench.events.iter().filter(|event| event.kind.name() == "shifted").map(|event| event.at).collect();
    assert_eq!(times[9].since(times[0]), 9 * MINUTE);
    bench
}

pub(crate) fn all_at_once_has_no_steps() -> Bench {
    let bench = Bench::new(canary(|plan| plan.strategy_named("AllAtOnce"))).run();
    assert_eq!((bench.kind(), &bench.history[..]), (OutcomeKind::Promoted, &[only(2)][..]));
    bench
}

pub(crate) fn a_bake_is_watched_to_its_end() -> Bench {
    let bench = Bench::new(baked()).run();
    let at = |name: &str| bench.events.iter().rfind(|event| event.kind.name() == name).expect("there").at;
    assert_eq!(at("promoted").since(at("shifted")), minutes(10));
    bench
}

pub(crate) fn nothing_to_do_when_the_version_serves_already() -> Bench {
    let bench = Bench::new(canary(|plan| plan)).with_alias(Some(only(2))).run();
    assert_eq!(bench.kind(), OutcomeKind::NothingToDo);
    assert_eq!(bench.kinds(), ["started", "finished"]);
    bench
}

fn publishing() -> RolloutPlan {
    canary(|plan| plan.publish())
}

pub(crate) fn publishing_waits_and_is_guarded() -> Bench {
    let mut bench = Bench::new(publishing());
    bench.latest.update = UpdateStatus::InProgress;
    bench.start();
    bench.run_for(Duration::from_secs(30));
    assert_eq!(bench.kinds(), ["started"]);
    bench.latest.update = UpdateStatus::Successful;
    bench.finish();
    assert_eq!(bench.kind(), OutcomeKind::Promoted);
    assert!(bench.kinds().contains(&"published"));
    assert_eq!(bench.end().calls["publish"], 1);
    bench
}

pub(crate) fn publishing_what_serves_already_is_nothing_to_do() -> Bench {
    let bench = Bench::new(publishing()).with_alias(Some(only(2))).run();
    assert_eq!(bench.kind(), OutcomeKind::NothingToDo);
    bench
}

pub(crate) fn publishing_again_after_a_lost_reply_is_harmless() -> Bench {
    let mut bench = Bench::new(publishing());
    bench.publish_fails = vec![ErrorKind::Unreachable, ErrorKind::Conflict];
    let bench = bench.run();
    assert_eq!((bench.kind(), bench.end().calls["publish"]), (OutcomeKind::Promoted, 3));
    bench
}

pub(crate) fn latest_that_changes_meanwhile_refuses() -> Bench {
    let mut bench = Bench::new(publishing());
    bench.held_kind = Some("publish");
    bench.start();
    bench.run_for(Duration::from_secs(1));
    bench.latest.code_sha256 = "sha-other".into();
    bench.publish_fails = vec![ErrorKind::Conflict];
    bench.release();
    bench.finish();
    assert_eq!((bench.kind(), bench.cause()), (OutcomeKind::Refused, &Cause::LatestChanged));
    bench
}

pub(crate) fn latest_that_failed_refuses() -> Bench {
    let mut bench = Bench::new(publishing());
    bench.latest.update = UpdateStatus::Failed;
    let bench = bench.run();
    assert!(matches!(bench.cause(), Cause::VersionNotReady { .. }));
    bench
}

pub(crate) fn a_hash_that_differs_refuses() -> Bench {
    let bench =
        Bench::new(canary(|plan| plan.publish().code_sha256("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")))
            .run();
    assert_eq!(bench.kind(), OutcomeKind::Refused);
    assert_eq!(bench.end().calls.get("publish"), None);
    bench
}

pub(crate) fn new_code_is_put_and_published() -> Bench {
    let zip = CodeSource::Zip("build/handler.zip".into());
    let mut bench = Bench::new(canary(|plan| plan.code(zip).folder("/plans")));
    // An update that failed before does not keep new code from mending it.
    bench.latest.update = UpdateStatus::Failed;
    bench.held_kind = Some("update_code");
    bench.start();
    bench.run_for(Duration::from_secs(1));
    // A relative path counts from the plan's folder.
    let at = CodeSource::Zip("/plans/build/handler.zip".into());
    assert!(matches!(&bench.held[0].1, Effect::UpdateCode { code, .. } if *code == at));
    bench.latest.update = UpdateStatus::Successful;
    bench.release();
    bench.finish();
    assert_eq!(bench.kind(), OutcomeKind::Promoted);
    assert_eq!(bench.end().calls["update_code"], 1);
    bench
}

pub(crate) fn a_version_is_waited_for_until_active() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.published.get_mut(&version(2)).expect("there").state = Lifecycle::Pending;
    bench.start();
    bench.run_for(minutes(3));
    assert_eq!(bench.kinds(), ["started"]);
    bench.published.get_mut(&version(2)).expect("there").state = Lifecycle::Active;
    bench.finish();
    assert_eq!(bench.kind(), OutcomeKind::Promoted);
    bench
}

pub(crate) fn a_failed_version_refuses() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.published.get_mut(&version(2)).expect("there").state = Lifecycle::Failed;
    let bench = bench.run();
    assert!(matches!(bench.cause(), Cause::VersionNotReady { .. }));
    bench
}

pub(crate) fn a_version_that_does_not_exist_refuses() -> Bench {
    let bench = Bench::new(canary(|plan| plan.version(version(9)))).run();
    assert!(matches!(bench.cause(), Cause::Error { error } if error.kind == ErrorKind::NotFound));
    bench
}

pub(crate) fn other_roles_refuse() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.published.get_mut(&version(1)).expect("there").role = "other".into();
    let bench = bench.run();
    assert!(matches!(bench.cause(), Cause::VersionsDiffer { what, .. } if what == "execution role"));
    assert!(bench.writes.is_empty());
    bench
}

pub(crate) fn other_dead_letters_refuse() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.published.get_mut(&version(2)).expect("there").dead_letter = Some("queue".into());
    let bench = bench.run();
    assert!(matches!(bench.cause(), Cause::VersionsDiffer { what, .. } if what == "dead-letter queue"));
    bench
}

pub(crate) fn other_roles_do_not_matter_all_at_once() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan.strategy_named("AllAtOnce")));
    bench.published.get_mut(&version(1)).expect("there").role = "other".into();
    let bench = bench.run();
    assert_eq!(bench.kind(), OutcomeKind::Promoted);
    bench
}

pub(crate) fn an_alias_with_foreign_weights_refuses() -> Bench {
    let bench = Bench::new(canary(|plan| plan)).with_alias(Some(split(1, 3, 20.0))).run();
    assert_eq!(
        (bench.kind(), bench.cause()),
        (OutcomeKind::Refused, &Cause::AliasWeighted { found: split(1, 3, 20.0), by: None })
    );
    assert!(bench.writes.is_empty());
    // Which of the two is good nobody knows here.
    let advice = bench.end().advice.as_deref().expect("advice");
    assert!(advice.contains("repair sample-handler:main --to VERSION"), "{advice}");
    assert!(!advice.contains("--function-version"), "{advice}");
    // Also where our canary version is what the other rollout starts from: taking it out would undo that one.
    let other = Bench::new(canary(|plan| plan)).with_alias(Some(split(2, 3, 20.0))).run();
    assert_eq!((other.kind(), other.writes.len()), (OutcomeKind::Refused, 0));
    bench
}

pub(crate) fn an_alias_on_latest_refuses() -> Bench {
    let latest = Routing { version: Qualifier::Latest, additional: None };
    let bench = Bench::new(canary(|plan| plan)).with_alias(Some(latest)).run();
    assert_eq!(bench.cause(), &Cause::AliasOnLatest);
    bench
}

pub(crate) fn no_permission_to_read_refuses_at_once() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.reads_fail = Some(ErrorKind::AccessDenied);
    let bench = bench.run();
    assert_eq!((bench.kind(), bench.end().calls["read_alias"]), (OutcomeKind::Refused, 1));
    bench
}

pub(crate) fn no_permission_to_write_refuses_and_writes_nothing_more() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.fate = Fate::Refused(ErrorKind::AccessDenied);
    let bench = bench.run();
    assert_eq!((bench.kind(), bench.writes.len()), (OutcomeKind::Refused, 1));
    bench
}

pub(crate) fn no_permission_to_write_all_at_once_refuses() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan.strategy_named("AllAtOnce")));
    bench.fate = Fate::Refused(ErrorKind::AccessDenied);
    let bench = bench.run();
    assert_eq!((bench.kind(), bench.writes.len()), (OutcomeKind::Refused, 1));
    bench
}

pub(crate) fn no_answer_from_the_start_refuses_at_once() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.reads_fail = Some(ErrorKind::Unreachable);
    let bench = bench.run();
    assert_eq!((bench.kind(), bench.end().calls["read_alias"]), (OutcomeKind::Refused, 1));
    bench
}

pub(crate) fn throttled_reads_are_borne_and_then_refused() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.reads_fail = Some(ErrorKind::Throttled);
    let start = bench.now;
    let bench = bench.run();
    assert_eq!(bench.kind(), OutcomeKind::Refused);
    assert!(bench.now.since(start) >= MINUTE);
    bench
}

pub(crate) fn a_firing_alarm_refuses_before_traffic() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.fire();
    let bench = bench.run();
    assert!(matches!(bench.cause(), Cause::Alarm { state: AlarmState::Alarm, .. }));
    assert_eq!((bench.kind(), bench.writes.len()), (OutcomeKind::Refused, 0));
    bench
}

pub(crate) fn a_missing_alarm_refuses_before_traffic() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.alarms.clear();
    let bench = bench.run();
    assert_eq!(bench.cause(), &Cause::AlarmsMissing { names: vec![alarm()] });
    bench
}

pub(crate) fn unreadable_alarms_refuse_before_traffic_when_borne_long_enough() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.alarms_down = true;
    let start = bench.now;
    let bench = bench.run();
    assert_eq!(bench.kind(), OutcomeKind::Refused);
    assert_eq!(bench.now.since(start), minutes(2));
    bench
}

pub(crate) fn s5_an_alarm_in_a_hold_rolls_back() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.run_for(minutes(2));
    bench.fire();
    bench.finish();
    assert_eq!(bench.kind(), OutcomeKind::RolledBack);
    assert!(matches!(bench.cause(), Cause::Alarm { .. }));
    assert_eq!(bench.history, [split(1, 2, 10.0), only(1)]);
    assert_eq!(bench.shifts(), [10.0, 0.0]);
    let last: Vec<_> = bench.kinds().into_iter().rev().take(5).collect();
    assert_eq!(last, ["finished", "rolled_back", "shifted", "rolling_back", "alarm_changed"]);
    assert!(bench.end().rollback.is_some());
    bench
}

pub(crate) fn s5_an_alarm_in_the_bake_rolls_back() -> Bench {
    let mut bench = Bench::new(baked());
    bench.start();
    bench.run_to(Phase::Baking);
    bench.run_for(minutes(9));
    bench.fire();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    assert!(!bench.kinds().contains(&"promoted"));
    bench
}

pub(crate) fn s10_an_alarm_at_a_gate_rolls_back() -> Bench {
    let mut bench = Bench::new(two_steps());
    bench.start();
    bench.run_to(Phase::Gated);
    bench.run_for(minutes(60));
    bench.fire();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    bench
}

pub(crate) fn s10_an_alarm_in_a_pause_rolls_back() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.command(Command::Pause).expect("fits");
    bench.run_for(minutes(60));
    assert_eq!(bench.routing(), split(1, 2, 10.0));
    bench.fire();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    bench
}

pub(crate) fn s10_an_alarm_during_the_hook_after_traffic_rolls_back() -> Bench {
    let mut bench = Bench::new(with_hook(HookMoment::AfterTraffic));
    bench.held_kind = Some("run_hook");
    bench.start();
    bench.run_to(Phase::AfterHook);
    bench.fire();
    bench.run_for(minutes(1));
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    bench
}

pub(crate) fn s10_an_alarm_during_the_hook_before_traffic_refuses() -> Bench {
    let mut bench = Bench::new(with_hook(HookMoment::BeforeTraffic));
    bench.held_kind = Some("run_hook");
    bench.start();
    bench.run_to(Phase::BeforeHook);
    bench.fire();
    bench.run_for(minutes(1));
    assert_eq!((bench.kind(), bench.writes.len()), (OutcomeKind::Refused, 0));
    bench
}

pub(crate) fn s10_an_alarm_while_a_shift_is_written_rolls_back() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.held_kind = Some("write_alias");
    bench.start();
    bench.run_to(Phase::Shifting);
    bench.fire();
    bench.run_for(Duration::from_secs(10));
    assert_eq!(bench.writes.len(), 1);
    bench.release();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    bench
}

pub(crate) fn s10_an_alarm_while_100_percent_is_written_rolls_back() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.held_kind = Some("write_alias");
    bench.run_to(Phase::Promoting);
    bench.fire();
    bench.run_for(Duration::from_secs(10));
    bench.release();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    bench
}

pub(crate) fn s10_an_alarm_while_the_promotion_is_confirmed_rolls_back() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.start();
    bench.run_to(Phase::Promoting);
    bench.held_kind = Some("read_alias");
    bench.run_to(Phase::Confirming);
    bench.fire();
    bench.run_for(Duration::from_secs(10));
    bench.release();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    bench
}

pub(crate) fn s3_no_shift_without_a_look_after_the_hold() -> Bench {
    // The poll is longer than the hold: the look at its end is made all the same.
    let mut bench = in_hold(canary(|plan| plan.poll(minutes(5)).strategy_named("Canary10Percent4Minutes")));
    bench.run_for(minutes(3));
    bench.fire();
    bench.finish();
    assert_eq!((bench.kind(), bench.shifts()), (OutcomeKind::RolledBack, vec![10.0, 0.0]));
    bench
}

pub(crate) fn s3_no_shift_while_alarms_are_unreadable() -> Bench {
    let mut bench = in_hold(canary(|plan| plan.insufficient_data(InsufficientData::Hold)));
    bench.run_for(minutes(4));
    bench.alarms_down = true;
    bench.run_for(Duration::from_secs(110));
    assert_eq!(bench.routing(), split(1, 2, 10.0));
    bench.alarms_down = false;
    bench.alarms.insert(alarm(), AlarmState::InsufficientData);
    bench.run_for(minutes(30));
    assert_eq!(bench.routing(), split(1, 2, 10.0));
    bench.alarms.insert(alarm(), AlarmState::Ok);
    bench.finish();
    assert_eq!(bench.kind(), OutcomeKind::Promoted);
    bench
}

pub(crate) fn s11_an_outage_borne_too_long_rolls_back() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.alarms_down = true;
    bench.finish();
    assert!(matches!(bench.cause(), Cause::AlarmsUnreadable { .. }));
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    assert_eq!(bench.kinds().iter().filter(|kind| **kind == "alarms_unreadable").count(), 1);
    bench
}

pub(crate) fn s11_an_outage_that_ends_goes_on() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.alarms_down = true;
    bench.run_for(minutes(1));
    bench.alarms_down = false;
    bench.finish();
    assert_eq!(bench.kind(), OutcomeKind::Promoted);
    bench
}

/// The plan's own history, whatever befell each of its writes.
fn ends_as_without_fault(fates: &[Fate]) -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.fates = fates.to_vec();
    let bench = bench.run();
    assert_eq!(bench.kind(), OutcomeKind::Promoted, "{fates:?}");
    assert_eq!(bench.history, [split(1, 2, 10.0), only(2)], "{fates:?}");
    assert_eq!(bench.shifts(), [10.0, 100.0], "{fates:?}");
    bench
}

pub(crate) fn s2_a_lost_request_is_read_and_repeated() -> Bench {
    ends_as_without_fault(&[Fate::Lands, Fate::RequestLost]);
    ends_as_without_fault(&[Fate::RequestLost, Fate::RequestLost, Fate::Lands, Fate::RequestLost])
}

pub(crate) fn s2_a_lost_reply_is_read_and_not_repeated() -> Bench {
    let bench = ends_as_without_fault(&[Fate::ReplyLost, Fate::ReplyLost]);
    assert_eq!(bench.writes.len(), 2);
    bench
}

pub(crate) fn s2_a_412_of_our_own_first_try_is_ours() -> Bench {
    let bench = ends_as_without_fault(&[Fate::LandsAndConflicts, Fate::LandsAndConflicts]);
    assert!(!bench.drifted());
    bench
}

pub(crate) fn s2_a_write_that_lands_late_is_ours() -> Bench {
    let bench = ends_as_without_fault(&[Fate::LandsLate, Fate::Lands, Fate::LandsLate]);
    assert!(!bench.drifted());
    bench
}

/// The first write meets this fate, and is aborted before the read that decides about it has come back.
fn aborted_in_the_first_write(fate: Fate) -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.fates = vec![fate];
    bench.held_kind = Some("write_alias");
    bench.start();
    bench.run_to(Phase::Shifting);
    bench.release();
    bench.command(abort()).expect("fits");
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::Aborted, only(1)));
    bench
}

pub(crate) fn s2_an_unknown_first_write_is_fenced_off_by_the_rollback() -> Bench {
    let bench = aborted_in_the_first_write(Fate::RequestLost);
    // The alias reads as it was, and is written all the same: the first write named the revision before this one.
    assert_eq!(bench.writes.len(), 2);
    assert_ne!(bench.alias.as_ref().expect("there").revision_id, bench.writes[0].revision_id);

    // And when it lands just before the rollback's write, that one finds it.
    let late = aborted_in_the_first_write(Fate::LandsLate);
    assert!(!late.drifted());
    assert_eq!(late.history, [split(1, 2, 10.0), only(1)]);
    bench
}

pub(crate) fn s2_an_unknown_first_write_is_fenced_off_between_two_tries() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.fates = vec![Fate::LandsLate];
    bench.start();
    bench.run_to(Phase::Shifting);
    // The write is unanswered, the read says that it has not landed, and the next try is due in a moment.
    while bench.answer_one() {}
    assert_eq!(bench.writes.len(), 1);
    bench.command(abort()).expect("fits");
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::Aborted, only(1)));
    assert!(!bench.drifted());
    bench
}

pub(crate) fn s2_an_abort_waits_for_the_read_that_decides() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.fates = vec![Fate::ReplyLost];
    bench.start();
    bench.run_to(Phase::Shifting);
    bench.reads_fail = Some(ErrorKind::Unreachable);
    while bench.answer_one() {}
    // The write is unanswered and the read has failed: a rollback, too, has to read first.
    bench.command(abort()).expect("fits");
    bench.reads_fail = None;
    bench.finish();
    assert_eq!((bench.kind(), bench.writes.len()), (OutcomeKind::Aborted, 2));
    bench
}

pub(crate) fn s2_a_throttled_write_is_repeated() -> Bench {
    let throttled = Fate::Refused(ErrorKind::Throttled);
    let bench = ends_as_without_fault(&[throttled, throttled, Fate::Lands, throttled]);
    assert_eq!(bench.writes.len(), 5);
    bench
}

pub(crate) fn s2_a_write_that_fails_for_long_is_given_up() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.fates = vec![Fate::Refused(ErrorKind::Throttled); 60];
    let writes = bench.writes.len();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    assert!(matches!(bench.cause(), Cause::Error { error } if error.kind == ErrorKind::Throttled));
    assert!(bench.writes.len() > writes + 30);
    bench
}

pub(crate) fn s2_a_write_to_100_percent_that_is_denied_rolls_back() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.fates = vec![Fate::Refused(ErrorKind::Rejected)];
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    bench
}

pub(crate) fn s5_a_rollback_waits_for_the_write_in_flight() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.held_kind = Some("write_alias");
    bench.start();
    bench.run_to(Phase::Shifting);
    bench.run_for(Duration::from_secs(1));
    bench.command(Command::Abort { reason: "test".into() }).expect("fits");
    assert_eq!(bench.writes.len(), 1);
    bench.time_out_held();
    bench.finish();
    assert_eq!((bench.kind(), bench.writes.len()), (OutcomeKind::Aborted, 2));
    assert!(bench.end().rollback.expect("times").decided_ms >= 10_000);
    bench
}

pub(crate) fn s6_a_rollback_that_cannot_write_is_unsettled() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.fate = Fate::Refused(ErrorKind::AccessDenied);
    bench.fire();
    let fired = bench.now;
    bench.finish();
    assert_eq!(bench.kind(), OutcomeKind::Unsettled);
    assert!(bench.now.since(fired) >= minutes(15));
    let advice = bench.end().advice.clone().expect("advice");
    assert!(
        advice.starts_with(
            "aws lambda update-alias --function-name sample-handler --name main --function-version 1 \
             --routing-config AdditionalVersionWeights={}"
        ),
        "{advice}"
    );
    bench
}

pub(crate) fn s6_a_rollback_repeats_its_write_until_it_lands() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.fates = vec![
        Fate::Refused(ErrorKind::Throttled),
        Fate::Refused(ErrorKind::Unreachable),
        Fate::RequestLost,
        Fate::Refused(ErrorKind::Config),
        Fate::Refused(ErrorKind::Conflict),
        Fate::ReplyLost,
    ];
    bench.fire();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    assert_eq!(bench.history, [split(1, 2, 10.0), only(1)]);
    bench
}

pub(crate) fn s6_a_rollback_that_cannot_be_read_back_still_counts() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.reads_fail = Some(ErrorKind::Unreachable);
    bench.fire();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    bench
}

fn drift_to(routing: Option<Routing>) -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.run_for(minutes(2));
    bench.set_alias(routing);
    bench.finish();
    assert!(bench.drifted());
    bench
}

pub(crate) fn s7_other_weights_on_the_canary_are_taken_out() -> Bench {
    let bench = drift_to(Some(split(1, 2, 60.0)));
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    assert!(matches!(bench.cause(), Cause::Drift { .. }));
    bench
}

pub(crate) fn s7_another_version_beside_the_canary_is_left_standing() -> Bench {
    let bench = drift_to(Some(split(3, 2, 60.0)));
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(3)));
    bench
}

pub(crate) fn s7_a_canary_promoted_by_another_hand_is_taken_out() -> Bench {
    let bench = drift_to(Some(only(2)));
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    bench
}

pub(crate) fn let_go(bench: Bench, left: Option<Routing>) -> Bench {
    assert_eq!(bench.kind(), OutcomeKind::Drifted);
    assert_eq!(bench.alias.as_ref().map(|alias| alias.routing), left);
    bench
}

pub(crate) fn s7_cleared_weights_are_let_go() -> Bench {
    let_go(drift_to(Some(only(1))), Some(only(1)))
}

pub(crate) fn s7_another_version_alone_is_let_go() -> Bench {
    let_go(drift_to(Some(only(3))), Some(only(3)))
}

pub(crate) fn s7_a_deleted_alias_is_let_go() -> Bench {
    let_go(drift_to(None), None)
}

pub(crate) fn s7_drift_found_by_a_write_is_not_overwritten() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.held_kind = Some("write_alias");
    bench.start();
    bench.run_to(Phase::Shifting);
    bench.set_alias(Some(only(3)));
    bench.release();
    bench.finish();
    let_go(bench, Some(only(3)))
}

pub(crate) fn s7_drift_found_while_promoting_is_not_overwritten() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.held_kind = Some("write_alias");
    bench.run_to(Phase::Promoting);
    bench.set_alias(Some(only(1)));
    bench.release();
    bench.finish();
    let_go(bench, Some(only(1)))
}

pub(crate) fn s7_drift_during_a_rollback_is_let_go() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.fire();
    bench.held_kind = Some("write_alias");
    bench.run_to(Phase::RollingBack);
    bench.set_alias(Some(only(3)));
    bench.release();
    bench.finish();
    let_go(bench, Some(only(3)))
}

pub(crate) fn s7_drift_at_a_gate_is_let_go() -> Bench {
    let mut bench = Bench::new(two_steps());
    bench.start();
    bench.run_to(Phase::Gated);
    bench.set_alias(Some(only(3)));
    bench.finish();
    let_go(bench, Some(only(3)))
}

pub(crate) fn s7_drift_in_a_bake_is_let_go() -> Bench {
    let mut bench = Bench::new(baked());
    bench.start();
    bench.run_to(Phase::Baking);
    bench.set_alias(Some(only(3)));
    bench.finish();
    let_go(bench, Some(only(3)))
}

pub(crate) fn s7_drift_during_the_hook_after_traffic_is_let_go() -> Bench {
    let mut bench = Bench::new(with_hook(HookMoment::AfterTraffic));
    bench.held_kind = Some("run_hook");
    bench.start();
    bench.run_to(Phase::AfterHook);
    bench.set_alias(Some(only(3)));
    bench.run_for(minutes(2));
    let_go(bench, Some(only(3)))
}

pub(crate) fn s7_drift_before_the_first_shift_is_let_go() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.start();
    bench.command(Command::Pause).expect("fits");
    bench.run_to(Phase::Ready);
    bench.set_alias(Some(only(3)));
    bench.run_for(minutes(2));
    let_go(bench, Some(only(3)))
}

pub(crate) fn s7_drift_while_confirming_is_let_go() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.start();
    bench.run_to(Phase::Promoting);
    bench.held_kind = Some("read_alias");
    bench.run_to(Phase::Confirming);
    bench.run_for(Duration::from_secs(1));
    bench.set_alias(Some(only(3)));
    bench.release();
    bench.finish();
    let_go(bench, Some(only(3)))
}

pub(crate) fn s7_an_edited_description_is_no_drift() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    let routing = bench.routing();
    bench.set_alias(Some(routing));
    bench.finish();
    assert_eq!((bench.kind(), bench.drifted()), (OutcomeKind::Promoted, false));
    bench
}

/// Promoted, and AWS keeps the version before beside the new one until its provisioned concurrency is ready.
fn settling() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.run_to(Phase::Promoting);
    bench.held_kind = Some("read_alias");
    bench.run_to(Phase::Confirming);
    bench.run_for(Duration::from_secs(1));
    bench.set_alias(Some(split(2, 1, 50.0)));
    bench.release();
    bench
}

pub(crate) fn s7_weights_of_provisioned_concurrency_are_waited_for() -> Bench {
    let mut bench = settling();
    bench.run_for(Duration::from_secs(20));
    bench.set_alias(Some(only(2)));
    bench.finish();
    assert_eq!((bench.kind(), bench.drifted()), (OutcomeKind::Promoted, false));
    bench
}

pub(crate) fn s7_weights_that_stay_are_drift_after_all() -> Bench {
    let mut bench = settling();
    bench.run_for(minutes(3));
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    bench
}

pub(crate) fn s8_rollback_goes_to_the_version_written_down_first() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan)).with_alias(Some(only(3)));
    bench.start();
    bench.run_to(Phase::Holding);
    assert_eq!(bench.snapshots[0].stable_version, version(3));
    bench.fire();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(3)));
    assert_eq!(bench.end().stable_version, Some(version(3)));
    bench
}

pub(crate) fn a_deadline_rolls_back() -> Bench {
    let mut bench = in_hold(canary(|plan| plan.deadline(minutes(30))));
    bench.command(Command::Pause).expect("fits");
    bench.finish();
    assert_eq!(bench.cause(), &Cause::Deadline { after_ms: 30 * 60 * 1000 });
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    bench
}

pub(crate) fn a_deadline_before_traffic_refuses() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan.deadline(minutes(20))));
    bench.published.get_mut(&version(2)).expect("there").state = Lifecycle::Pending;
    let bench = bench.run();
    assert_eq!(
        (bench.kind(), bench.cause()),
        (OutcomeKind::Refused, &Cause::Deadline { after_ms: 1_200_000 })
    );
    bench
}

pub(crate) fn abort() -> Command {
    Command::Abort { reason: "enough".into() }
}

pub(crate) fn an_abort_rolls_back() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    bench.command(abort()).expect("fits");
    bench.finish();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::Aborted, only(1)));
    assert_eq!((bench.cause(), bench.end().exit_code()), (&Cause::Abort { reason: "enough".into() }, 4));
    bench
}

pub(crate) fn an_abort_before_traffic_moves_nothing() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.start();
    bench.command(abort()).expect("fits");
    bench.finish();
    assert_eq!((bench.kind(), bench.end().exit_code(), bench.writes.len()), (OutcomeKind::Aborted, 3, 0));
    bench
}

/// Whether there is anything to put back is not known before the alias was read.
pub(crate) fn an_abort_before_the_first_read_puts_back_what_was_found() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.set_alias(Some(split(1, 2, 10.0)));
    bench.start();
    bench.command(abort()).expect("fits");
    bench.finish();
    assert_eq!((bench.kind(), bench.end().exit_code(), bench.routing()), (OutcomeKind::Aborted, 4, only(1)));
    bench
}

pub(crate) fn a_pause_stops_the_clock_of_the_hold() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    let shifted = bench.now;
    bench.run_for(minutes(4));
    bench.command(Command::Pause).expect("fits");
    bench.run_for(minutes(60));
    bench.command(Command::Resume).expect("fits");
    bench.run_to(Phase::Promoting);
    assert_eq!(bench.now.since(shifted), minutes(65));
    bench.finish();
    bench
}

pub(crate) fn a_clock_that_goes_back_moves_nothing_back() -> Bench {
    let mut bench = in_hold(canary(|plan| plan));
    let (shifted, now) = (bench.now, bench.now);
    bench.now = now - minutes(60);
    bench.command(Command::Pause).expect("fits");
    bench.command(Command::Resume).expect("fits");
    bench.now = now;
    bench.run_to(Phase::Promoting);
    assert_eq!(bench.now.since(shifted), minutes(5));
    bench.finish();
    bench
}

pub(crate) fn a_pause_before_the_first_shift_waits() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.start();
    bench.command(Command::Pause).expect("fits");
    bench.run_to(Phase::Ready);
    bench.run_for(minutes(10));
    assert!(bench.writes.is_empty());
    bench.command(Command::Resume).expect("fits");
    bench.finish();
    assert_eq!(bench.kind(), OutcomeKind::Promoted);
    bench
}

pub(crate) fn an_abort_while_paused_before_the_first_shift_moves_nothing() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.start();
    bench.command(Command::Pause).expect("fits");
    bench.run_to(Phase::Ready);
    bench.command(abort()).expect("fits");
    assert_eq!((bench.kind(), bench.writes.len()), (OutcomeKind::Aborted, 0));
    bench
}

pub(crate) fn a_gate_waits_for_approval() -> Bench {
    let mut bench = Bench::new(two_steps());
    bench.start();
    bench.run_to(Phase::Gated);
    bench.run_for(minutes(600));
    assert_eq!(bench.routing(), split(1, 2, 10.0));
    bench.command(Command::Resume).expect("fits");
    bench.finish();
    assert_eq!((bench.kind(), bench.shifts()), (OutcomeKind::Promoted, vec![10.0, 50.0, 100.0]));
    bench
}

pub(crate) fn promote_now_skips_the_holds() -> Bench {
    let mut bench = in_hold(two_steps());
    bench.command(Command::Promote).expect("fits");
    bench.finish();
    assert_eq!((bench.kind(), bench.shifts()), (OutcomeKind::Promoted, vec![10.0, 100.0]));
    bench
}

pub(crate) fn promote_now_at_a_gate() -> Bench {
    let mut bench = Bench::new(two_steps());
    bench.start();
    bench.run_to(Phase::Gated);
    bench.command(Command::Promote).expect("fits");
    bench.finish();
    assert_eq!((bench.kind(), bench.shifts()), (OutcomeKind::Promoted, vec![10.0, 100.0]));
    bench
}

pub(crate) fn promote_now_before_the_first_shift() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.start();
    bench.command(Command::Pause).expect("fits");
    bench.run_to(Phase::Ready);
    bench.command(Command::Promote).expect("fits");
    bench.finish();
    assert_eq!((bench.kind(), bench.shifts()), (OutcomeKind::Promoted, vec![100.0]));
    bench
}

pub(crate) fn promote_now_while_a_shift_is_written() -> Bench {
    let mut bench = Bench::new(two_steps());
    bench.held_kind = Some("write_alias");
    bench.start();
    bench.run_to(Phase::Shifting);
    bench.run_for(Duration::from_secs(1));
    bench.command(Command::Promote).expect("fits");
    assert_eq!(bench.writes.len(), 1);
    bench.release();
    bench.finish();
    assert_eq!((bench.kind(), bench.shifts()), (OutcomeKind::Promoted, vec![10.0, 100.0]));
    bench
}

pub(crate) fn promote_now_ends_a_bake() -> Bench {
    let mut bench = Bench::new(baked());
    bench.start();
    bench.run_to(Phase::Baking);
    let baking = bench.now;
    bench.command(Command::Promote).expect("fits");
    bench.finish();
    assert_eq!((bench.kind(), bench.now), (OutcomeKind::Promoted, baking));
    bench
}

pub(crate) fn commands_that_do_not_fit_change_nothing() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan));
    bench.start();
    let events = bench.events.len();
    for command in [Command::Resume, Command::Promote] {
        assert_eq!(bench.command(command).expect_err("unfit").kind(), ErrorKind::WrongState);
    }
    bench.run_to(Phase::Holding);
    bench.command(Command::Pause).expect("fits");
    assert!(bench.command(Command::Pause).is_err());
    bench.fire();
    bench.held_kind = Some("write_alias");
    bench.run_to(Phase::RollingBack);
    for command in [Command::Pause, Command::Resume, Command::Promote, abort()] {
        assert_eq!(bench.command(command).expect_err("unfit").kind(), ErrorKind::WrongState);
    }
    bench.run_for(Duration::from_secs(1));
    bench.release();
    bench.finish();
    assert!(bench.events.len() > events);
    assert_eq!(bench.command(abort()).expect_err("ended").kind(), ErrorKind::WrongState);
    bench
}

pub(crate) fn a_hook_before_traffic_that_passes_lets_traffic_move() -> Bench {
    let bench = Bench::new(with_hook(HookMoment::BeforeTraffic)).run();
    assert_eq!(bench.kind(), OutcomeKind::Promoted);
    let kinds = bench.kinds();
    assert_eq!(kinds[..5], ["started", "checked", "hook_started", "hook_finished", "shifted"]);
    bench
}

pub(crate) fn a_hook_before_traffic_that_fails_refuses() -> Bench {
    let mut bench = Bench::new(with_hook(HookMoment::BeforeTraffic));
    bench.hook = Some(HookReport::fail("no"));
    let bench = bench.run();
    let cause = Cause::Hook { hook: HookMoment::BeforeTraffic, failure: None, reason: "no".into() };
    assert_eq!((bench.kind(), bench.cause(), bench.writes.len()), (OutcomeKind::Refused, &cause, 0));
    bench
}

pub(crate) fn a_hook_before_traffic_that_fails_clears_a_weight_of_nothing() -> Bench {
    let plan = canary(|plan| plan.before_traffic(Hook::in_process()));
    let mut bench = Bench::new(plan).with_alias(Some(split(1, 2, 0.0)));
    bench.hook = Some(HookReport::fail("no"));
    let bench = bench.run();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    bench
}

pub(crate) fn a_hook_after_traffic_that_fails_rolls_back() -> Bench {
    let mut bench = Bench::new(with_hook(HookMoment::AfterTraffic));
    bench.hook = Some(HookReport::fail("no"));
    let bench = bench.run();
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::RolledBack, only(1)));
    assert_eq!(bench.shifts(), [10.0, 100.0, 0.0]);
    bench
}

pub(crate) fn a_hook_that_times_out_fails() -> Bench {
    let mut bench = Bench::new(with_hook(HookMoment::AfterTraffic));
    bench.hook = None;
    let bench = bench.run();
    assert!(matches!(bench.cause(), Cause::Hook { failure: Some(HookFailure::TimedOut), .. }));
    assert_eq!(bench.kind(), OutcomeKind::RolledBack);
    bench
}

pub(crate) fn a_hook_that_cannot_tell_waits_before_traffic() -> Bench {
    let mut bench = Bench::new(with_hook(HookMoment::BeforeTraffic));
    bench.hook = Some(HookReport::inconclusive("hm"));
    bench.start();
    bench.run_to(Phase::Gated);
    bench.run_for(minutes(10));
    assert!(bench.writes.is_empty());
    bench.command(Command::Resume).expect("fits");
    bench.finish();
    assert_eq!(bench.kind(), OutcomeKind::Promoted);
    bench
}

pub(crate) fn a_hook_that_cannot_tell_waits_after_traffic() -> Bench {
    let mut bench = Bench::new(with_hook(HookMoment::AfterTraffic));
    bench.hook = Some(HookReport::inconclusive("hm"));
    bench.start();
    bench.run_to(Phase::Gated);
    bench.run_for(minutes(10));
    bench.command(Command::Resume).expect("fits");
    bench.finish();
    assert_eq!(bench.kind(), OutcomeKind::Promoted);
    bench
}

pub(crate) fn an_abort_at_a_gate_before_traffic_moves_nothing() -> Bench {
    let mut bench = Bench::new(with_hook(HookMoment::BeforeTraffic));
    bench.hook = Some(HookReport::inconclusive("hm"));
    bench.start();
    bench.run_to(Phase::Gated);
    bench.command(abort()).expect("fits");
    assert_eq!((bench.kind(), bench.writes.len()), (OutcomeKind::Aborted, 0));
    bench
}

pub(crate) fn a_hook_is_told_everything() -> Bench {
    let bench = Bench::new(with_hook(HookMoment::AfterTraffic)).run();
    let told = serde_json::to_value(&bench.hook_requests[0]).expect("JSON");
    assert_eq!(
        told,
        serde_json::json!({
            "rollout_id": "ro-0000000000000007", "hook": "after_traffic", "function": "sample-handler",
            "alias": "main", "stable_version": "1", "canary_version": "2", "weight": 1.0, "parameters": {"a": 1},
        })
    );
    bench
}

fn first_deployment(creation: Fate) -> Bench {
    let mut bench = Bench::new(canary(|plan| plan)).with_alias(None);
    bench.creation = creation;
    bench.run()
}

pub(crate) fn a_first_deployment_creates_the_alias() -> Bench {
    let bench = first_deployment(Fate::Lands);
    assert_eq!((bench.kind(), bench.cause()), (OutcomeKind::Promoted, &Cause::FirstDeployment));
    assert_eq!((bench.routing(), bench.end().stable_version), (only(2), None));
    bench
}

pub(crate) fn a_first_deployment_stands_a_lost_reply() -> Bench {
    let bench = first_deployment(Fate::ReplyLost);
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::Promoted, only(2)));
    bench
}

pub(crate) fn a_first_deployment_stands_a_lost_request() -> Bench {
    let bench = first_deployment(Fate::RequestLost);
    assert_eq!((bench.kind(), bench.routing()), (OutcomeKind::Promoted, only(2)));
    bench
}

pub(crate) fn a_first_deployment_that_is_denied_refuses() -> Bench {
    let bench = first_deployment(Fate::Refused(ErrorKind::AccessDenied));
    assert_eq!(bench.kind(), OutcomeKind::Refused);
    bench
}

pub(crate) fn a_first_deployment_that_another_hand_makes_is_let_go() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan)).with_alias(None);
    bench.held_kind = Some("create_alias");
    bench.start();
    bench.run_to(Phase::Creating);
    assert_eq!(bench.command(abort()).expect_err("unfit").kind(), ErrorKind::WrongState);
    bench.run_for(Duration::from_secs(1));
    bench.set_alias(Some(only(3)));
    bench.release();
    bench.finish();
    let_go(bench, Some(only(3)))
}

pub(crate) fn a_first_deployment_of_an_alias_that_is_there_after_all_carries_on() -> Bench {
    let mut bench = Bench::new(canary(|plan| plan)).with_alias(Some(split(1, 2, 10.0)));
    bench.odd_reads = vec![Err(ErrorKind::NotFound); 2];
    bench.start();
    bench.finish();
    assert_eq!((bench.kind(), bench.routing(), bench.drifted()), (OutcomeKind::Promoted, only(2), false));
    bench
}

pub(crate) fn a_check_writes_nothing() -> Bench {
    let bench = Bench::new(with_hook(HookMoment::BeforeTraffic)).checking_only().run();
    assert!(bench.check_passed && bench.writes.is_empty() && bench.hook_requests.is_empty());
    assert!(bench.events.iter().any(|event| matches!(event.kind, EventKind::Checked { .. })));
    let mut refused = Bench::new(canary(|plan| plan)).checking_only();
    refused.fire();
    assert_eq!(refused.run().kind(), OutcomeKind::Refused);
    bench
}

pub(crate) fn a_check_of_a_publishing_plan_publishes_nothing() -> Bench {
    let bench = Bench::new(publishing()).checking_only().run();
    assert!(bench.check_passed);
    assert!(!bench.kinds().contains(&"published"));
    let weighted = Bench::new(publishing()).checking_only().with_alias(Some(split(1, 3, 5.0))).run();
    assert_eq!(weighted.kind(), OutcomeKind::Refused);
    let mut differs = Bench::new(publishing()).checking_only();
    differs.latest = function_version(None);
    differs.latest.role = "other".into();
    assert_eq!(differs.run().kind(), OutcomeKind::Refused);
    bench
}
