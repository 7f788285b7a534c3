use std::error::Error;
use std::time::{Duration, Instant};

use lambda_rollout::account::AlarmState;
use lambda_rollout::sim::Scenario;
use lambda_rollout::units::{AlarmName, Weight};
use lambda_rollout::{EventKind, OutcomeKind, RolloutPlan, driver, plan::Strategy};
use lambda_rollout_aws_tests::{Request, SimulatedEndpoint};
use lambda_rollout_bench::{Samples, Table, seconds};
use tokio::task::JoinSet;

const ALARM: &str = "sample-handler-errors";

/// Rollouts that look at their alarm this often.
struct Watch {
    poll: Duration,
    samples: u32,
    /// How many run at the same time: so few that they do not wait for each other.
    at_once: u32,
}

const WATCHES: [Watch; 3] = [
    Watch { poll: Duration::from_millis(100), samples: 40, at_once: 4 },
    Watch { poll: Duration::from_secs(1), samples: 20, at_once: 10 },
    Watch { poll: Duration::from_secs(10), samples: 8, at_once: 8 },
];

/// What one rollout showed, in seconds.
struct Restored {
    /// From the alarm's flip to the arrival of the write that restores the alias.
    after_flip: f64,
    /// From the arrival of the look that saw it.
    after_look: f64,
    /// A look at the alarms, there and back, on the same connection.
    round_trip: f64,
}

/// How soon after an alarm's flip the restoring write arrives, as a share of the poll.
pub(crate) fn measure() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let heading = [
        "poll",
        "samples",
        "flip to write, mean",
        "of the poll",
        "longest",
        "of the poll",
        "look to write",
        "round trip",
        "×",
    ];
    let mut table = Table::new(heading);
    for watch in &WATCHES {
        let all = runtime.block_on(watch.measure())?;
        let poll = watch.poll.as_secs_f64();
        let of = |figure: fn(&Restored) -> f64| -> Samples { all.iter().map(figure).collect() };
        let after_flip = of(|restored| restored.after_flip);
        table.row([
            seconds(poll),
            after_flip.count().to_string(),
            seconds(after_flip.mean()),
            format!("{:.1} %", 100.0 * after_flip.mean() / poll),
            seconds(after_flip.largest()),
            format!("{:.1} %", 100.0 * after_flip.largest() / poll),
            seconds(of(|restored| restored.after_look).median()),
            seconds(of(|restored| restored.round_trip).median()),
            format!("{:.2}", of(|restored| restored.after_look / restored.round_trip).median()),
        ]);
    }
    println!("## From an alarm's flip to the arrival of the restoring write\n\n{table}");
    Ok(())
}

impl Watch {
    async fn measure(&self) -> Result<Vec<Restored>, Box<dyn Error>> {
        let mut all = Vec::new();
        for first in (0..self.samples).step_by(self.at_once as usize) {
            let mut running = JoinSet::new();
            for number in first..(first + self.at_once).min(self.samples) {
                // Spread evenly over the poll: chance would need many more samples to show the mean as well.
                let phase = (f64::from(number) + 0.5) / f64::from(self.samples);
                running.spawn(restore(self.poll, self.poll.mul_f64(phase)));
            }
            while let Some(restored) = running.join_next().await {
                all.push(restored??);
            }
        }
        Ok(all)
    }
}

/// Starts a rollout, has its alarm flip so long after a look, and waits until all is put back.
async fn restore(poll: Duration, phase: Duration) -> Result<Restored, lambda_rollout::Error> {
    let plan = plan(poll)?;
    let endpoint = SimulatedEndpoint::start(&plan, &Scenario::default());
    let account = endpoint.account();
    let mut rollout = driver::start(plan, account.ports())?;
    while let Some(event) = rollout.next_event().await {
        if matches!(event.kind, EventKind::Shifted { .. }) {
            break;
        }
    }
    let seen = arrivals(&endpoint, "DescribeAlarms").pop().expect("no shift without a look");
    tokio::time::sleep_until((seen + poll + phase).into()).await;
    let flipped = endpoint.set_alarm(ALARM, AlarmState::Alarm, "flipped by the benchmark");
    let outcome = rollout.wait().await?;
    assert_eq!(outcome.kind, OutcomeKind::RolledBack);

    let written = arrivals(&endpoint, "UpdateAlias").into_iter().find(|at| *at > flipped);
    let written = written.expect("the alias was restored");
    let looked = arrivals(&endpoint, "DescribeAlarms").into_iter().rfind(|at| *at < written);
    let looked = looked.expect("something saw the alarm");
    let after = |earlier: Instant| written.duration_since(earlier).as_secs_f64();
    Ok(Restored {
        after_flip: after(flipped),
        after_look: after(looked),
        round_trip: round_trip(&account).await?,
    })
}

fn arrivals(endpoint: &SimulatedEndpoint, operation: &str) -> Vec<Instant> {
    endpoint.requests_of(operation).iter().map(|request: &Request| request.at).collect()
}

async fn round_trip(account: &lambda_rollout::aws::Account) -> Result<f64, lambda_rollout::Error> {
    let names = [AlarmName::parse(ALARM).expect("a name")];
    let mut times = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        account.alarms().read_alarms(&names).await?;
        times.push(start.elapsed().as_secs_f64());
    }
    Ok(times.into_iter().collect::<Samples>().median())
}

/// A canary that holds 10 % for longer than anybody measures here.
fn plan(poll: Duration) -> Result<RolloutPlan, lambda_rollout::Error> {
    let weight = Weight::from_percent(10.0).expect("a share");
    let strategy = Strategy::canary(weight, Duration::from_secs(3600)).expect("a canary");
    let version = lambda_rollout::units::Version::new(2).expect("versions start at 1");
    let plan = RolloutPlan::builder("sample-handler", "main").version(version).strategy(strategy);
    Ok(plan.alarm(ALARM).poll(poll).build()?)
}
