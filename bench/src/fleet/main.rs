//! Many rollouts in one process, in virtual time, with the library's own API budget in front of an account in memory.
//! An argument leaves out the fleets that are larger.

mod account;
mod ask;

use std::sync::Arc;
use std::time::Duration;

use lambda_rollout::budget::{ApiBudget, Budgeted};
use lambda_rollout::driver::{self, SystemClock};
use lambda_rollout::plan::Format;
use lambda_rollout::ports::Ports;
use lambda_rollout::{Error, OutcomeKind, RolloutPlan};
use lambda_rollout_bench::{Samples, Table, seconds};
use tokio::time::Instant;

use account::FleetAccount;
use ask::Asking;

/// A fleet: so many rollouts of a strategy, and the share of their alarms that fires.
struct Fleet {
    name: &'static str,
    strategy: &'static str,
    size: u32,
    /// One alarm in so many fires, all at once, when half of the fleet has traffic on its canaries.
    one_in: Option<u32>,
}

const ALL_AT_ONCE: &str = "AllAtOnce";
const CANARY: &str = "Canary10Percent5Minutes";

const FLEETS: [Fleet; 7] = [
    Fleet { name: "all at once", strategy: ALL_AT_ONCE, size: 500, one_in: None },
    Fleet { name: "all at once", strategy: ALL_AT_ONCE, size: 2_000, one_in: None },
    Fleet { name: "all at once", strategy: ALL_AT_ONCE, size: 10_000, one_in: None },
    Fleet { name: "canary", strategy: CANARY, size: 500, one_in: None },
    Fleet { name: "canary", strategy: CANARY, size: 2_000, one_in: None },
    Fleet { name: "canary", strategy: CANARY, size: 10_000, one_in: None },
    Fleet { name: "canary, one alarm in ten fires", strategy: CANARY, size: 2_000, one_in: Some(10) },
];

/// What came of a fleet.
struct Run {
    ends: Vec<OutcomeKind>,
    took: Duration,
    account: Arc<FleetAccount>,
}

fn main() -> Result<(), Error> {
    let mut ends =
        Table::new(["fleet", "rollouts", "promoted", "rolled back", "otherwise", "virtual time", "× quota"]);
    let mut calls = Table::new([
        "calls a rollout",
        "rollouts",
        "GetAlias",
        "UpdateAlias",
        "GetFunction",
        "GetProvisioned…",
        "DescribeAlarms",
    ]);
    let mut waits = Table::new(["waits for a turn", "rollouts", "calls", "median", "longest", "asked again"]);
    let largest = std::env::args().nth(1).and_then(|size| size.parse().ok()).unwrap_or(u32::MAX);
    for fleet in FLEETS.iter().filter(|fleet| fleet.size <= largest) {
        eprintln!("{} rollouts: {}", fleet.size, fleet.name);
        let run = run(fleet)?;
        let (name, size) = (fleet.name.to_owned(), fleet.size.to_string());
        let end = |kind: OutcomeKind| run.ends.iter().filter(|end| **end == kind).count();
        let (promoted, rolled_back) = (end(OutcomeKind::Promoted), end(OutcomeKind::RolledBack));
        let made = |operation: &str| run.account.calls(operation);
        let counted = made("GetAlias") + made("UpdateAlias") + made("GetProvisionedConcurrencyConfig");
        ends.row([
            name.clone(),
            size.clone(),
            promoted.to_string(),
            rolled_back.to_string(),
            (fleet.size as usize - promoted - rolled_back).to_string(),
            seconds(run.took.as_secs_f64()),
            format!("{:.2}", run.took.as_secs_f64() / (f64::from(counted) / 15.0)),
        ]);
        let each = |operation: &str| format!("{:.2}", f64::from(made(operation)) / f64::from(fleet.size));
        calls.row([
            name.clone(),
            size.clone(),
            each("GetAlias"),
            each("UpdateAlias"),
            each("GetFunction"),
            each("GetProvisionedConcurrencyConfig"),
            each("DescribeAlarms"),
        ]);
        for (kind, times, again) in run.account.waits() {
            let samples: Samples = times.iter().map(Duration::as_secs_f64).collect();
            waits.row([
                format!("{name}: {kind}"),
                size.clone(),
                samples.count().to_string(),
                seconds(samples.median()),
                seconds(samples.largest()),
                again.to_string(),
            ]);
        }
    }
    println!("## Fleets in one process\n\n{ends}\n{calls}\n{waits}");
    Ok(())
}

fn run(fleet: &Fleet) -> Result<Run, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let account = Arc::new(FleetAccount::new(fleet.size, fleet.one_in));
        let budgeted = Budgeted::new(Arc::clone(&account) as _, ApiBudget::alone());
        let ports = Ports {
            traffic: Arc::new(Asking { calls: budgeted, account: Arc::clone(&account) }),
            alarms: Arc::clone(&account) as _,
            hooks: Arc::clone(&account) as _,
            clock: Arc::new(SystemClock::new()),
        };
        let began = now();
        let mut rollouts = Vec::new();
        for number in 0..fleet.size {
            rollouts.push(driver::start(plan(fleet.strategy, number)?, ports.clone())?);
        }
        let mut ends = Vec::new();
        for rollout in &mut rollouts {
            ends.push(rollout.wait().await?.kind);
        }
        Ok(Run { ends, took: now() - began, account })
    })
}

fn plan(strategy: &str, number: u32) -> Result<RolloutPlan, Error> {
    let text = format!(
        "function = \"function-{number}\"\nalias = \"main\"\nversion = \"2\"\nstrategy = \"{strategy}\"\n\
         alarms = {{ names = [\"alarm-{number}\"] }}"
    );
    Ok(RolloutPlan::parse(&text, Format::Toml)?)
}

fn now() -> Instant {
    Instant::now()
}
