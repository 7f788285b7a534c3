//! The whole story on the simulated account: no AWS account is needed, and virtual time makes it quick.
//!
//! `cargo run --example quickstart` promotes a healthy release; `cargo run --example quickstart broken` shows a
//! failing one being put back.

use lambda_rollout::driver::Launch;
use lambda_rollout::sim::{Scenario, SimAccount, drive};
use lambda_rollout::{Error, Outcome, RolloutPlan};

/// Runs the story in one of the shipped scenarios.
pub(crate) async fn story(scenario: &str) -> Result<Outcome, Error> {
    let plan = RolloutPlan::builder("sample-handler", "main")
        .publish()
        .strategy_named("CANARY_10PERCENT_5MINUTES")
        .alarm("sample-handler-errors")
        .build()?;
    let scenario = Scenario::shipped(scenario).unwrap_or_default();
    let account = SimAccount::new(&plan, &scenario, 1);

    let (mut rollout, task) = Launch::new(plan, account.ports()).into_task()?;
    // The scenario's people give commands and approve gates, as their like would do in a real rollout.
    let follow = account.follow(&mut rollout, |event| println!("{}  {}", event.at, event.kind.name()));
    // The simulated account has a clock of its own; `drive` moves it on whenever everything only waits.
    drive(&account, async { tokio::join!(biased; follow, task.run()) }, None).await;
    rollout.wait().await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let scenario = std::env::args().nth(1).unwrap_or_else(|| "healthy".to_owned());
    let outcome = story(&scenario).await?;
    println!("{}", outcome.kind);
    if let Some(cause) = &outcome.cause {
        println!("because {cause}");
    }
    Ok(())
}
