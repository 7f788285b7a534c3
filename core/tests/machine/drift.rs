//! Another hand on the alias, at every point of a rollout: each kind of drift meets each phase, and what has to come of
//! it is computed from the words of S7.

use std::time::Duration;

use lambda_rollout::RolloutPlan;
use lambda_rollout::account::Routing;
use lambda_rollout::event::{EventKind, OutcomeKind};
use lambda_rollout::machine::{Command, Phase};
use lambda_rollout::plan::{Hook, Step, Strategy};
use lambda_rollout::units::{FunctionRef, Qualifier, Weight};

use crate::bench::{Bench, Fate, canary, minutes, only, percent, split, version};

/// A point of a rollout at which another hand comes.
struct Spot {
    name: &'static str,
    reach: fn(&mut Bench),
    /// Where the rollout had left the alias, as far as it knew.
    known: Routing,
    /// Where a write brings it that is under way, or whose answer was lost.
    under_way: Option<Routing>,
    /// Whether that raise has landed already: what is found where it was known to be has been undone.
    landed_unseen: bool,
    /// How it ends when nobody comes.
    undisturbed: OutcomeKind,
}

/// What has to come of it.
#[derive(Debug, PartialEq)]
struct End {
    kind: OutcomeKind,
    left: Option<Routing>,
    /// What `drifted` tells: found, and expected.
    told: Option<(Option<Routing>, Routing)>,
}

/// Both hooks, a step of 10 % with a gate, a bake.
fn plan() -> RolloutPlan {
    let hook = || Hook::lambda(FunctionRef::parse("check").expect("a name"));
    let step = Step { weight: percent(10.0), hold: minutes(5), gate: true };
    canary(|plan| {
        let plan = plan.strategy(Strategy::Steps(vec![step])).bake(minutes(5));
        plan.before_traffic(hook()).after_traffic(hook())
    })
}

/// Runs to this phase, whose first call is not answered yet.
fn to(bench: &mut Bench, phase: Phase) {
    bench.start();
    bench.run_to(phase);
}

fn to_unpaused(bench: &mut Bench) {
    to(bench, Phase::BeforeHook);
    bench.command(Command::Pause).expect("it fits");
    bench.run_to(Phase::Ready);
}

/// All the way up, gate and all.
fn past_the_gate(bench: &mut Bench, phase: Phase) {
    to(bench, Phase::Gated);
    bench.command(Command::Resume).expect("it waits");
    bench.run_to(phase);
}

fn to_a_rollback(bench: &mut Bench) {
    to(bench, Phase::Holding);
    bench.command(Command::Abort { reason: "a person".into() }).expect("it fits");
}

/// The write takes effect, and the read that comes next is not answered yet.
fn lands(bench: &mut Bench) {
    bench.held_kind = Some("read_alias");
    assert!(bench.answer_one());
}

/// The same, and the write's own answer is lost.
fn lands_unseen(bench: &mut Bench) {
    bench.fates = vec![Fate::ReplyLost];
    lands(bench);
}

fn spots() -> Vec<Spot> {
    let (stable, ten, full) = (only(1), split(1, 2, 10.0), only(2));
    let spot = |name, known, under_way: Option<Routing>, reach: fn(&mut Bench)| Spot {
        name,
        reach,
        known,
        under_way,
        undisturbed: OutcomeKind::Promoted,
        landed_unseen: false,
    };
    let unseen = |name, known, under_way: Routing, reach: fn(&mut Bench)| Spot {
        landed_unseen: true,
        ..spot(name, known, Some(under_way), reach)
    };
    let rollback = |name, known, under_way: Option<Routing>, reach: fn(&mut Bench)| Spot {
        undisturbed: OutcomeKind::Aborted,
        ..spot(name, known, under_way, reach)
    };
    vec![
        spot("preparing", stable, None, |bench| to(bench, Phase::Preparing)),
        spot("checking", stable, None, |bench| to(bench, Phase::Checking)),
        spot("hook before traffic", stable, None, |bench| to(bench, Phase::BeforeHook)),
        spot("ready, and paused", stable, None, to_unpaused),
        spot("shifting", stable, Some(ten), |bench| to(bench, Phase::Shifting)),
        unseen("shifting, landed unseen", stable, ten, |bench| {
            to(bench, Phase::Shifting);
            lands_unseen(bench);
        }),
        spot("holding", ten, None, |bench| to(bench, Phase::Holding)),
        spot("gated", ten, None, |bench| to(bench, Phase::Gated)),
        spot("promoting", ten, Some(full), |bench| past_the_gate(bench, Phase::Promoting)),
        unseen("promoting, landed unseen", ten, full, |bench| {
            past_the_gate(bench, Phase::Promoting);
            lands_unseen(bench);
        }),
        spot("hook after traffic", full, None, |bench| past_the_gate(bench, Phase::AfterHook)),
        spot("baking", full, None, |bench| past_the_gate(bench, Phase::Baking)),
        spot("confirming", full, None, |bench| past_the_gate(bench, Phase::Confirming)),
        rollback("rolling back", ten, Some(stable), to_a_rollback),
        rollback("rolling back, landed unseen", ten, Some(stable), |bench| {
            to_a_rollback(bench);
            lands_unseen(bench);
        }),
        rollback("rolled back, and reading back", stable, None, |bench| {
            to_a_rollback(bench);
            lands(bench);
        }),
    ]
}

/// What another hand may make of the alias.
fn kinds(spot: &Spot) -> Vec<(&'static str, Option<Routing>)> {
    vec![
        ("the same again", Some(spot.known)),
        ("as the write under way would", spot.under_way.or(Some(spot.known))),
        ("weights cleared", Some(only(1))),
        ("canary promoted", Some(only(2))),
        ("another version alone", Some(only(3))),
        ("moved to $LATEST", Some(Routing::only(Qualifier::Latest))),
        ("deleted", None),
        ("another weight", Some(split(1, 2, 60.0))),
        ("another version in the canary's place", Some(split(1, 3, 60.0))),
        ("another version beside the canary", Some(split(3, 2, 60.0))),
        ("stable beside the canary", Some(split(2, 1, 60.0))),
    ]
}

/// S7: drift is never overwritten. If the canary version still takes traffic after it, it is taken out, and whatever
/// stands beside it stays; anything else is left alone and told. What the rollout itself would have left is no drift.
fn expected(spot: &Spot, found: Option<Routing>) -> End {
    let (stable, canary) = (version(1), version(2));
    let undone = spot.landed_unseen && found == Some(spot.known);
    if found == Some(spot.known) && !undone || found.is_some() && found == spot.under_way {
        let left = if spot.undisturbed == OutcomeKind::Promoted { canary } else { stable };
        return End { kind: spot.undisturbed, left: Some(Routing::only(left)), told: None };
    }
    let told = Some((found, spot.under_way.filter(|_| undone).unwrap_or(spot.known)));
    match found.filter(|found| found.share_of(canary) > Weight::ZERO) {
        None => End { kind: OutcomeKind::Drifted, left: found, told },
        Some(found) => {
            let beside = found.version.published().filter(|own| *own != canary).unwrap_or(stable);
            let aborted = spot.undisturbed == OutcomeKind::Aborted;
            let kind = if aborted { OutcomeKind::Aborted } else { OutcomeKind::RolledBack };
            End { kind, left: Some(Routing::only(beside)), told }
        }
    }
}

/// Lets the rollout find out by itself, and then helps it over gates and pauses.
fn live_on(bench: &mut Bench) {
    bench.release();
    bench.run_for(minutes(2));
    for _ in 0..20 {
        if bench.outcome.is_some() {
            return;
        }
        // Where it neither waits nor is paused this does not fit, and changes nothing.
        drop(bench.command(Command::Resume));
        bench.run_for(minutes(1));
    }
    panic!("no end: {:#?}", bench.events);
}

fn end_of(bench: &Bench) -> End {
    let mut told = bench.events.iter().filter_map(|event| match event.kind {
        EventKind::Drifted { found, expected } => Some((found, expected)),
        _ => None,
    });
    let left = bench.alias.as_ref().map(|alias| alias.routing);
    let end = End { kind: bench.kind(), left, told: told.next() };
    assert_eq!(told.next(), None, "drift was told twice");
    end
}

#[test]
fn s7_drift_at_every_point_is_never_overwritten() {
    for spot in spots() {
        for (kind, found) in kinds(&spot) {
            let mut bench = Bench::new(plan());
            (spot.reach)(&mut bench);
            bench.set_alias(found);
            live_on(&mut bench);
            assert_eq!(
                end_of(&bench),
                expected(&spot, found),
                "{kind} while {}: {:#?}",
                spot.name,
                bench.events
            );
            bench.check_promises();
        }
    }
}

#[test]
fn every_point_is_reached_undisturbed() {
    for spot in spots() {
        let mut bench = Bench::new(plan());
        (spot.reach)(&mut bench);
        let known = bench.rollout.status().routing;
        assert!(known.is_none_or(|known| known == spot.known), "{}: {known:?}", spot.name);
        live_on(&mut bench);
        assert_eq!(bench.kind(), spot.undisturbed, "{}", spot.name);
    }
}

/// After a write to one version AWS moves provisioned concurrency with weights of its own. As long as they end in time
/// nothing has happened; weights that stay are another hand's.
#[test]
fn s7_weights_of_provisioned_concurrency_are_no_drift_where_they_end() {
    let just_written = ["hook after traffic", "baking", "rolled back, and reading back"];
    for spot in spots().iter().filter(|spot| just_written.contains(&spot.name)) {
        let other = if spot.known == only(2) { split(2, 1, 50.0) } else { split(1, 2, 50.0) };
        for last in [spot.known, other] {
            let mut bench = Bench::new(plan());
            (spot.reach)(&mut bench);
            bench.set_alias(Some(other));
            bench.release();
            bench.run_for(Duration::from_secs(90));
            assert_eq!(bench.outcome, None, "decided too soon while {}", spot.name);
            if last == spot.known {
                bench.set_alias(Some(last));
            }
            live_on(&mut bench);
            assert_eq!(
                end_of(&bench),
                expected(spot, Some(last)),
                "while {}: {:#?}",
                spot.name,
                bench.events
            );
            bench.check_promises();
        }
    }
}
