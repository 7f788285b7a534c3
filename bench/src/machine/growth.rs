use std::time::Duration;

use lambda_rollout::plan::{Step, Strategy};
use lambda_rollout::sim::{Scenario, simulate};
use lambda_rollout::units::Weight;
use lambda_rollout::{Error, OutcomeKind, RolloutPlan};
use lambda_rollout_bench::{Samples, Table, mean_seconds, seconds};

const ROUNDS: usize = 31;
const STEPS: [u16; 5] = [1, 9, 50, 99, 500];
/// Steps simulated in a round, whatever the plan, so that every row takes about as long.
const STEPS_A_ROUND: u64 = 1_000;

/// Time for a rollout and for each of its steps, beside the rollout with nine of them.
pub(crate) fn measure() -> Result<Table, Error> {
    let scenario = Scenario::default();
    let plans: Vec<RolloutPlan> = STEPS.into_iter().map(plan).collect::<Result<_, _>>()?;
    let rounds: Vec<Vec<f64>> = (0..ROUNDS)
        .map(|_| {
            let time = |(plan, steps): (&RolloutPlan, u16)| {
                mean_seconds(STEPS_A_ROUND / u64::from(steps), |seed| simulate(plan, &scenario, seed))
            };
            plans.iter().zip(STEPS).map(time).collect()
        })
        .collect();
    let mut table =
        Table::new(["steps", "calls", "events", "a rollout", "spread", "a step", "a step, × that of 9"]);
    for (place, (plan, steps)) in plans.iter().zip(STEPS).enumerate() {
        let run = simulate(plan, &scenario, 1)?;
        assert_eq!(run.outcome.kind, OutcomeKind::Promoted);
        let whole: Samples = rounds.iter().map(|round| round[place]).collect();
        let each = f64::from(steps);
        let ratio: Samples = rounds.iter().map(|round| (round[place] / each) / (round[1] / 9.0)).collect();
        table.row([
            steps.to_string(),
            run.calls.values().sum::<u64>().to_string(),
            run.events.len().to_string(),
            seconds(whole.median()),
            whole.spread(),
            seconds(whole.median() / each),
            format!("{:.2}", ratio.median()),
        ]);
    }
    Ok(table)
}

/// So many evenly rising weights below 100 %.
fn plan(steps: u16) -> Result<RolloutPlan, Error> {
    let step = |number: u16| {
        let points = u32::from(number) * 10_000 / u32::from(steps + 1);
        let weight = Weight::from_basis_points(points as u16).expect("it is below 100 %");
        Step { weight, hold: Duration::from_secs(60), gate: false }
    };
    let rising: Vec<Step> = (1..=steps).map(step).collect();
    let plan = RolloutPlan::builder("sample-handler", "main")
        .strategy(Strategy::Steps(rising))
        .alarm("sample-handler-errors")
        .build()?;
    Ok(plan)
}
