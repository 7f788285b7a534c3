use std::path::Path;
use std::process::{Command, Output};

use lambda_rollout::RolloutPlan;
use lambda_rollout::plan::Format;
use lambda_rollout::sim::Scenario;

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
