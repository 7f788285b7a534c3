//! Random days, lived through the real driver on the simulated account: plans × faults × alarms × people × other hands
//! × death of the runner, and a small model that says afterwards which promise was broken.
//!
//! - `LAMBDA_ROLLOUT_SEEDS=100000` lives that many days; without it, enough for every check.
//! - `LAMBDA_ROLLOUT_SEED=17` lives that one alone, and prints its plan, its scenario and all that happened.
#![cfg(all(feature = "runtime", feature = "sim"))]

mod coverage;
mod day;
mod dice;
mod plan_text;
mod referee;
mod scenario_text;
mod telling;
mod witness;

use coverage::Coverage;
use day::{Day, Record};
use witness::What;

/// Days in every check.
const DAYS: u64 = 2_000;
/// Every so manieth day is lived twice (S12).
const TWICE: u64 = 10;
/// After so many bad days nobody reads on.
const ENOUGH: usize = 10;

#[test]
fn no_random_day_through_the_driver_breaks_a_promise() {
    if let Some(seed) = number("LAMBDA_ROLLOUT_SEED") {
        return replay(seed);
    }
    let days = number("LAMBDA_ROLLOUT_SEEDS").unwrap_or(DAYS);
    let mut coverage = Coverage::default();
    let mut bad = Vec::new();
    for seed in 0..days {
        let _told = ToldInPanic(seed);
        let day = Day::of(seed);
        let record = day.live();
        coverage.count(&day.plan, &record);
        let again = (seed % TWICE == 0).then(|| day.live());
        let faults = faults_of(&day, &record, again.as_ref());
        if !faults.is_empty() && bad.len() < ENOUGH {
            bad.push(format!("{}\n{day}\n{}\n", faults.join("\n"), how_to_replay(seed)));
        }
    }
    println!("{days} days met\n{coverage}");
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    let unmet = coverage.unmet();
    assert!(days < DAYS || unmet.is_empty(), "no day met {unmet:?}");
}

fn replay(seed: u64) {
    let day = Day::of(seed);
    let record = day.live();
    println!("{day}\n{record}");
    let faults = faults_of(&day, &record, Some(&day.live()));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Every promise that the day broke, one a line.
fn faults_of(day: &Day, record: &Record, again: Option<&Record>) -> Vec<String> {
    let mut faults: Vec<String> =
        referee::judge(&day.plan, record).iter().map(|violation| violation.to_string()).collect();
    // One broken promise is often broken many times.
    faults.truncate(5);
    if again.is_some_and(|again| log(again) != log(record)) {
        faults.push("S12 broken: the same day told another history the second time".to_owned());
    }
    faults
}

/// The event log, as a user would get it.
fn log(record: &Record) -> String {
    let events = record.entries.iter().filter_map(|entry| match &entry.what {
        What::Told(event) => Some(serde_json::to_string(event).expect("an event is JSON") + "\n"),
        _ => None,
    });
    events.collect()
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} has to be a number, and is `{value}`")))
}

fn how_to_replay(seed: u64) -> String {
    format!("LAMBDA_ROLLOUT_SEED={seed} cargo test -p lambda-rollout --test days -- --nocapture")
}

/// Says which day it was when one panics.
struct ToldInPanic(u64);

impl Drop for ToldInPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", how_to_replay(self.0));
        }
    }
}
