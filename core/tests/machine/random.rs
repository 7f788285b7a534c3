//! Random days: faults, alarms, commands, drift and death in any order, with the referee watching every write.

use std::time::Duration;

use lambda_rollout::account::{AlarmState, Routing};
use lambda_rollout::event::OutcomeKind;
use lambda_rollout::machine::{Command, Phase};
use lambda_rollout::plan::{Step, Strategy as Shifts};
use lambda_rollout::units::Weight;
use lambda_rollout::{ErrorKind, RolloutPlan};
use proptest::prelude::*;

use crate::bench::{Bench, Fate, alarm, canary, minutes, only, percent, split, version};

#[derive(Debug, Clone)]
enum Op {
    Wait(u64),
    Fire,
    Quiet,
    AlarmsDown(bool),
    ReadsFail(Option<ErrorKind>),
    Fates(Vec<Fate>),
    Do(Command),
    Drift(Option<Routing>),
    HoldBack(&'static str),
    Release,
    TimeOut,
    DieAndRestore,
    DieAndRunAgain,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Lands),
        2 => Just(Fate::RequestLost),
        2 => Just(Fate::ReplyLost),
        2 => Just(Fate::LandsLate),
        2 => Just(Fate::LandsAndConflicts),
        1 => Just(Fate::Refused(ErrorKind::Throttled)),
        1 => Just(Fate::Refused(ErrorKind::Unreachable)),
        1 => Just(Fate::Refused(ErrorKind::Conflict)),
        1 => Just(Fate::Refused(ErrorKind::AccessDenied)),
        1 => Just(Fate::Refused(ErrorKind::Config)),
    ]
}

fn drift() -> impl Strategy<Value = Option<Routing>> {
    prop_oneof![
        Just(None),
        Just(Some(only(1))),
        Just(Some(only(2))),
        Just(Some(only(3))),
        Just(Some(split(1, 2, 30.0))),
        Just(Some(split(1, 3, 30.0))),
        Just(Some(split(3, 2, 30.0))),
        Just(Some(split(2, 1, 30.0))),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let reads_fail =
        prop_oneof![Just(None), Just(Some(ErrorKind::Unreachable)), Just(Some(ErrorKind::Throttled))];
    let command = prop_oneof![
        Just(Command::Pause),
        Just(Command::Resume),
        Just(Command::Promote),
        Just(Command::Abort { reason: "a random day".into() })
    ];
    let held = prop_oneof![Just("write_alias"), Just("read_alias"), Just("read_alarms"), Just("run_hook")];
    prop_oneof![
        10 => (0u64..400).prop_map(Op::Wait),
        1 => Just(Op::Fire),
        1 => Just(Op::Quiet),
        2 => any::<bool>().prop_map(Op::AlarmsDown),
        2 => reads_fail.prop_map(Op::ReadsFail),
        5 => proptest::collection::vec(fate(), 1..4).prop_map(Op::Fates),
        3 => command.prop_map(Op::Do),
        1 => drift().prop_map(Op::Drift),
        3 => held.prop_map(Op::HoldBack),
        2 => Just(Op::Release),
        1 => Just(Op::TimeOut),
        1 => Just(Op::DieAndRestore),
        1 => Just(Op::DieAndRunAgain),
    ]
}

fn plan() -> impl Strategy<Value = RolloutPlan> {
    let step = |weight, gate| Step { weight: percent(weight), hold: minutes(3), gate };
    let shifts = prop_oneof![
        Just(Shifts::AllAtOnce),
        Just(Shifts::Canary { percent: percent(10.0), interval: minutes(5) }),
        Just(Shifts::Linear { percent: percent(30.0), interval: minutes(1) }),
        Just(Shifts::Steps(vec![step(10.0, true), step(50.0, false)])),
    ];
    (shifts, any::<bool>(), any::<bool>()).prop_map(|(shifts, bake, deadline)| {
        canary(|mut plan| {
            plan = plan.strategy(shifts);
            if bake {
                plan = plan.bake(minutes(5));
            }
            if deadline { plan.deadline(minutes(60)) } else { plan }
        })
    })
}

fn apply(bench: &mut Bench, op: Op) {
    match op {
        Op::Wait(seconds) => bench.run_for(Duration::from_secs(seconds)),
        Op::Fire => bench.fire(),
        Op::Quiet => {
            bench.alarms.insert(alarm(), AlarmState::Ok);
        }
        Op::AlarmsDown(down) => bench.alarms_down = down,
        Op::ReadsFail(kind) => bench.reads_fail = kind,
        Op::Fates(fates) => bench.fates = fates,
        // A command that does not fit is refused and changes nothing; that too is part of a random day.
        Op::Do(command) => drop(bench.command(command)),
        Op::Drift(routing) => bench.set_alias(routing),
        Op::HoldBack(kind) => bench.held_kind = Some(kind),
        Op::Release => bench.release(),
        Op::TimeOut => bench.time_out_held(),
        Op::DieAndRestore if bench.snapshots.is_empty() => {}
        Op::DieAndRestore => bench.die_and_restore(),
        Op::DieAndRunAgain => bench.die_and_run_again(),
    }
}

/// The weather clears up: from here on everything works, and the rollout has to come to an end.
fn clear_up(bench: &mut Bench) {
    bench.fates.clear();
    bench.alarms_down = false;
    bench.reads_fail = None;
    bench.release();
    for _ in 0..100 {
        if bench.outcome.is_some() {
            return;
        }
        drop(bench.command(Command::Resume));
        bench.run_for(minutes(10));
    }
    panic!("no end: {:#?}", bench.rollout.status());
}

/// How many days: `LAMBDA_ROLLOUT_CASES`, or enough for every check.
fn cases() -> u32 {
    std::env::var("LAMBDA_ROLLOUT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn no_random_day_breaks_a_promise(plan in plan(), ops in proptest::collection::vec(op(), 0..40)) {
        let mut bench = Bench::new(plan);
        bench.start();
        for op in ops {
            if bench.outcome.is_some() {
                break;
            }
            apply(&mut bench, op);
        }
        clear_up(&mut bench);
        let outcome = bench.end().clone();
        let ours = [OutcomeKind::Promoted, OutcomeKind::RolledBack, OutcomeKind::Aborted];
        let left_by_us = bench.last_hand_was_ours();
        if ours.contains(&outcome.kind) && outcome.traffic_moved && left_by_us {
            prop_assert!(bench.routing().is_single(), "S6: {outcome:?} left {}", bench.routing());
        }
        if !bench.touched
            && !bench.died
            && outcome.kind != OutcomeKind::Unsettled
            && let Some(alias) = &bench.alias {
            prop_assert!(alias.routing.is_single(), "S6: {outcome:?} left {}", alias.routing);
        }
        if outcome.kind == OutcomeKind::RolledBack && left_by_us {
            prop_assert_eq!(bench.routing().share_of(version(2)), Weight::ZERO, "{:?}", outcome);
        }
        prop_assert_ne!(bench.rollout.status().phase, Phase::RollingBack);
    }
}
