//! A service that brings its own checks: a hook that is an async closure, and alarms from somewhere else than
//! CloudWatch. Traffic and time still come from the account (here the simulated one).

use std::sync::Arc;

use async_trait::async_trait;
use lambda_rollout::account::{AlarmReading, AlarmState, HookReport};
use lambda_rollout::driver::Launch;
use lambda_rollout::plan::Hook;
use lambda_rollout::ports::{AlarmPort, Ports};
use lambda_rollout::sim::{Scenario, SimAccount, drive};
use lambda_rollout::units::AlarmName;
use lambda_rollout::{Error, Outcome, RolloutPlan};

/// Alarms of a monitoring system of one's own. This one is always content.
struct OwnMonitoring;

#[async_trait]
impl AlarmPort for OwnMonitoring {
    async fn read_alarms(&self, names: &[AlarmName]) -> Result<Vec<AlarmReading>, Error> {
        let fine = |name: &AlarmName| AlarmReading {
            name: name.clone(),
            state: AlarmState::Ok,
            reason: "all is well".to_owned(),
            since: None,
        };
        Ok(names.iter().map(fine).collect())
    }
}

/// Runs a rollout whose smoke test passes only for versions up to `newest_good`.
pub(crate) async fn rollout(newest_good: u64) -> Result<Outcome, Error> {
    let plan = RolloutPlan::builder("sample-handler", "main")
        .publish()
        .strategy_named("Linear10PercentEvery1Minute")
        .alarm("orders-per-minute-too-low")
        .before_traffic(Hook::in_process())
        .build()?;
    let account = SimAccount::new(&plan, &Scenario::default(), 1);
    let ports = Ports { alarms: Arc::new(OwnMonitoring), ..account.ports() };

    let (mut rollout, task) = Launch::new(plan, ports)
        .before_traffic(move |request| async move {
            // Invoke the canary version here, look at what it answers, and say what you think of it.
            match request.canary_version.number() {
                number if number <= newest_good => HookReport::pass("the smoke test passed"),
                number => HookReport::fail(format!("version {number} answers nonsense")),
            }
        })
        .into_task()?;
    let (outcome, ()) = drive(&account, async { tokio::join!(rollout.wait(), task.run()) }, None).await;
    outcome
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    for newest_good in [2, 1] {
        let outcome = rollout(newest_good).await?;
        let cause = outcome.cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        println!("{}{cause}", outcome.kind);
    }
    Ok(())
}
