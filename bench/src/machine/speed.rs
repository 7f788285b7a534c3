use lambda_rollout::plan::Format;
use lambda_rollout::sim::{Scenario, SimulatedRun, simulate};
use lambda_rollout::{Error, OutcomeKind, RolloutPlan};
use lambda_rollout_bench::{Samples, Table, mean_seconds, seconds};

use crate::heap;

/// A new version gets 10 % of the traffic for five minutes, then all of it, under the eye of one alarm.
pub(crate) const CANARY: &str = include_str!("../../../examples/canary.toml");

/// Many short rounds: what disturbs one of them leaves the median alone.
const ROUNDS: usize = 101;
const ROLLOUTS: u64 = 200;

/// How many canary rollouts one core simulates in a second, beside two pieces of plain work on the same data.
pub(crate) fn measure() -> Result<Table, Error> {
    let plan = RolloutPlan::parse(CANARY, Format::Toml)?;
    let mut table =
        Table::new(["", "time", "spread", "a second", "allocations", "× plan read", "× events told"]);
    for (name, kind) in [("healthy", OutcomeKind::Promoted), ("broken", OutcomeKind::RolledBack)] {
        let scenario = Scenario::shipped(name).expect("it is shipped");
        let once = simulate(&plan, &scenario, 1)?;
        assert_eq!(once.outcome.kind, kind);
        let rounds: Vec<[f64; 3]> = (0..ROUNDS)
            .map(|_| {
                [
                    mean_seconds(ROLLOUTS, |seed| simulate(&plan, &scenario, seed)),
                    mean_seconds(ROLLOUTS, |_| RolloutPlan::parse(CANARY, Format::Toml)),
                    mean_seconds(ROLLOUTS, |_| told(&once)),
                ]
            })
            .collect();
        let ratio = |yardstick: usize| -> String {
            let ratios: Samples = rounds.iter().map(|round| round[0] / round[yardstick]).collect();
            format!("{:.2}", ratios.median())
        };
        let allocations = heap::allocations(|| simulate(&plan, &scenario, 1));
        let own = row(&rounds, 0, allocations);
        table.row([format!("canary, {name}"), own.0, own.1, own.2, own.3, ratio(1), ratio(2)]);
        let allocations = heap::allocations(|| RolloutPlan::parse(CANARY, Format::Toml));
        let read = row(&rounds, 1, allocations);
        table.row(["yardstick: plan read".to_owned(), read.0, read.1, read.2, read.3, one(), String::new()]);
        let allocations = heap::allocations(|| told(&once));
        let told = row(&rounds, 2, allocations);
        let name = format!("yardstick: {} events told", once.events.len());
        table.row([name, told.0, told.1, told.2, told.3, String::new(), one()]);
    }
    Ok(table)
}

fn row(rounds: &[[f64; 3]], what: usize, allocations: u64) -> (String, String, String, String) {
    let samples: Samples = rounds.iter().map(|round| round[what]).collect();
    let median = samples.median();
    (seconds(median), samples.spread(), format!("{:.0}", 1.0 / median), allocations.to_string())
}

fn one() -> String {
    "1".to_owned()
}

/// A rollout's events as the lines of JSON that the command prints.
fn told(run: &SimulatedRun) -> Vec<u8> {
    let mut lines = Vec::new();
    for event in &run.events {
        serde_json::to_writer(&mut lines, event).expect("an event is JSON");
        lines.push(b'\n');
    }
    lines
}
