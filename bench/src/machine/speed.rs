use lambda_rollout::plan::Format;
use lambda_rollout::sim::{Scenario, SimulatedRun, simulate};
use lambda_rollout::{Error, OutcomeKind, RolloutPlan};
use lambda_rollout_bench::{Samples, Table, mean_seconds, seconds};

use crate::heap;

/// A new version gets 10 % of the traffic for five minutes, then all of it, under the eye of one alarm.
const CANARY: &str = include_str!("../../../examples/canary.toml");

/// Many rounds, each over before the system takes the core away: what disturbs some leaves the median alone.
const ROUNDS: usize = 1_001;
const ROLLOUTS: u64 = 20;

/// A piece of work by its name. It is given a seed.
type Work<'a> = (String, Box<dyn Fn(u64) + 'a>);

/// How many canary rollouts one core simulates in a second, beside two pieces of plain work on the same data.
pub(crate) fn measure() -> Result<Table, Error> {
    let plan = RolloutPlan::parse(CANARY, Format::Toml)?;
    let mut table =
        Table::new(["", "time", "spread", "a second", "allocations", "× plan read", "× events told"]);
    for (name, kind) in [("healthy", OutcomeKind::Promoted), ("broken", OutcomeKind::RolledBack)] {
        let scenario = Scenario::shipped(name).expect("it is shipped");
        let once = simulate(&plan, &scenario, 1)?;
        assert_eq!(once.outcome.kind, kind);
        let works: [Work<'_>; 3] = [
            (format!("canary, {name}"), Box::new(|seed| drop(simulate(&plan, &scenario, seed)))),
            ("yardstick: plan read".to_owned(), Box::new(|_| drop(RolloutPlan::parse(CANARY, Format::Toml)))),
            (format!("yardstick: {} events told", once.events.len()), Box::new(|_| drop(told(&once)))),
        ];
        let round = |_| works.each_ref().map(|(_, work)| mean_seconds(ROLLOUTS, work));
        let rounds: Vec<[f64; 3]> = (0..ROUNDS).map(round).collect();
        for (place, (name, work)) in works.iter().enumerate() {
            let time: Samples = rounds.iter().map(|round| round[place]).collect();
            let ratio_to = |yardstick: usize| {
                let ratios: Samples = rounds.iter().map(|round| round[place] / round[yardstick]).collect();
                format!("{:.2}", ratios.median())
            };
            table.row([
                name.clone(),
                seconds(time.median()),
                time.spread(),
                format!("{:.0}", 1.0 / time.median()),
                heap::allocations(|| work(1)).to_string(),
                ratio_to(1),
                ratio_to(2),
            ]);
        }
    }
    Ok(table)
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
