use std::path::Path;
use std::process::{Command, Output};

use lambda_rollout::account::Routing;
use lambda_rollout::plan::Format;
use lambda_rollout::ports::Ports;
use lambda_rollout::sim::Scenario;
use lambda_rollout::units::{Version, Weight};
use lambda_rollout::{Outcome, RolloutPlan, driver};

/// A plan for the function, alias and alarm that the tests use, with these lines of TOML beside them.
///
/// # Panics
/// When it is no plan.
#[must_use]
pub fn plan(lines: &str) -> RolloutPlan {
    let text = format!("function = \"sample-handler\"\nalias = \"main\"\n{lines}");
    RolloutPlan::parse(&text, Format::Toml).unwrap_or_else(|error| panic!("{error}"))
}

/// A scenario, with everything as quick as it may be.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn scenario(lines: &str) -> Scenario {
    Scenario::parse(lines).unwrap_or_else(|error| panic!("{error}"))
}

/// The version of this number.
///
/// # Panics
/// For 0.
#[must_use]
pub fn version(number: u64) -> Version {
    Version::new(number).expect("a version")
}

/// All traffic to this version.
#[must_use]
pub fn only(number: u64) -> Routing {
    Routing::only(version(number))
}

/// So many per cent of the traffic to version 2, and the rest to version 1.
///
/// # Panics
/// When it is no share.
#[must_use]
pub fn split(percent: f64) -> Routing {
    Routing::split(version(1), version(2), Weight::from_percent(percent).expect("a weight"))
}

/// Runs the plan through these ports to its end.
///
/// # Panics
/// When it comes to none.
pub async fn run(ports: Ports, plan: RolloutPlan) -> Outcome {
    let mut rollout = driver::start(plan, ports).expect("started");
    rollout.wait().await.expect("an outcome")
}

/// Runs the ignored test `child` of the calling test binary as a process with this environment and no other.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn child(home: &Path, environment: &[(&str, &str)]) -> Output {
    Command::new(std::env::current_exe().expect("this test"))
        .args(["child", "--exact", "--ignored", "--nocapture"])
        .env_clear()
        .env("HOME", home)
        .envs(environment.iter().copied())
        .output()
        .expect("the child runs")
}
