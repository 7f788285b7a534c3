//! A rollout on AWS, with standard AWS configuration: environment, profile, `AWS_ENDPOINT_URL`.
//!
//! `cargo run --example on_aws PLAN` runs the plan in that file. Ctrl-C would end this process with the rollout in
//! mid-step; running the same plan again carries on. The `lambda-rollout` command rolls back on Ctrl-C instead.

use std::path::Path;

use lambda_rollout::aws::Account;
use lambda_rollout::{Error, Outcome, RolloutPlan, driver};

/// Runs a plan to its end.
pub(crate) async fn run(plan: &Path) -> Result<Outcome, Error> {
    let plan = RolloutPlan::from_file(plan)?;
    let account = Account::for_plan(&plan).await?;
    // The rollout is a task of its own: what happens to this function does not stop a shift half-way.
    let mut rollout = driver::start(plan, account.ports())?;
    while let Some(event) = rollout.next_event().await {
        println!("{}  {}", event.at, event.kind.name());
    }
    rollout.wait().await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let Some(plan) = std::env::args_os().nth(1) else {
        println!("usage: on_aws PLAN");
        return Ok(());
    };
    let outcome = run(Path::new(&plan)).await?;
    println!("{}", outcome.kind);
    Ok(())
}
