//! The simulated account: its scenarios, its world, and that the driver tells the same history on it.
#![cfg(feature = "sim")]

#[cfg(feature = "runtime")]
mod driver;
mod scenario_file;
mod scenarios;
mod world;

use lambda_rollout::RolloutPlan;

/// The plan of the project's first story.
fn canary() -> RolloutPlan {
    RolloutPlan::builder("sample-handler", "main")
        .publish()
        .strategy_named("Canary10Percent5Minutes")
        .alarm("sample-handler-errors")
        .build()
        .expect("a good plan")
}
