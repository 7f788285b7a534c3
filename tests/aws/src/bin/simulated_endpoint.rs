//! The simulated endpoint as a process, for benchmarks and for a look by hand:
//!
//! ```text
//! cargo run -p lambda-rollout-aws-tests --bin simulated-endpoint -- --port 0 [--plan PLAN] [--scenario FILE]
//! ```
//!
//! Prints its URL on a line of its own and runs until it is ended. `/_simulated/` is its control, see `control.rs`.

use std::path::PathBuf;
use std::process::ExitCode;

use lambda_rollout::RolloutPlan;
use lambda_rollout::plan::Format;
use lambda_rollout::sim::Scenario;
use lambda_rollout_aws_tests::SimulatedEndpoint;

/// The account's function, alias and alarm when no plan is given.
const PLAN: &str = r#"
function = "sample-handler"
alias = "main"
version = "publish"
strategy = "Canary10Percent5Minutes"
alarms = { names = ["sample-handler-errors"] }
"#;

fn main() -> ExitCode {
    match start() {
        Ok(endpoint) => {
            println!("{}", endpoint.url());
            loop {
                std::thread::park();
            }
        }
        Err(why) => {
            eprintln!("simulated-endpoint: {why}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<SimulatedEndpoint, String> {
    let (mut port, mut plan, mut scenario) = (0, None, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("`{flag}` needs a value"))?;
        match flag.as_str() {
            "--port" => port = value.parse().map_err(|_| format!("`{value}` is no port"))?,
            "--plan" => plan = Some(PathBuf::from(value)),
            "--scenario" => scenario = Some(PathBuf::from(value)),
            _ => return Err(format!("`{flag}` is not known; --port, --plan, --scenario are")),
        }
    }
    let plan = match plan {
        Some(path) => RolloutPlan::from_file(path).map_err(|error| error.to_string())?,
        None => RolloutPlan::parse(PLAN, Format::Toml).map_err(|error| error.to_string())?,
    };
    let scenario = match scenario {
        Some(path) => Scenario::from_file(path),
        None => Scenario::parse(""),
    };
    let scenario = scenario.map_err(|error| error.to_string())?;
    SimulatedEndpoint::start_on(port, &plan, &scenario).map_err(|error| error.to_string())
}
