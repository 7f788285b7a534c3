//! The account that a command works on: AWS, or the simulated one.

use std::future::pending;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lambda_rollout::account::AliasState;
use lambda_rollout::aws::{Account, AccountBuilder};
use lambda_rollout::driver::{self, CheckReport, Launch, RolloutTask};
use lambda_rollout::event::Event;
use lambda_rollout::machine;
use lambda_rollout::plan::RolloutPlan;
use lambda_rollout::ports::{Clock, Ports};
use lambda_rollout::sim::{self, Scenario, SimAccount};
use lambda_rollout::units::{AliasName, FunctionRef};

use crate::args::{AwsArgs, SimulationArgs};
use crate::failure::Failure;

/// An account, ready to be called.
pub(crate) enum World {
    /// The AWS account that the configuration names.
    Aws(Account),
    /// The embedded account, and what it was made of.
    Simulated(SimAccount, Scenario, u64),
}

impl World {
    /// The account that the arguments ask for. Calls nothing, except to find a Region where none is said.
    pub(crate) async fn open(
        plan: &RolloutPlan,
        aws: &AwsArgs,
        simulation: &SimulationArgs,
    ) -> Result<Self, Failure> {
        let Some(name) = &simulation.simulate else {
            return Ok(Self::Aws(configured(aws).plan(plan).connect().await?));
        };
        let scenario = scenario(name)?;
        let seed = simulation.seed.unwrap_or_else(|| scenario.seed());
        Ok(Self::Simulated(SimAccount::new(plan, &scenario, seed), scenario, seed))
    }

    /// What people have to know of it, for the head of a rollout; nothing for AWS.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Aws(_) => String::new(),
            Self::Simulated(_, scenario, seed) => format!("simulated: {}, seed {seed} · ", scenario.name()),
        }
    }

    fn ports(&self) -> Ports {
        match self {
            Self::Aws(account) => account.ports(),
            Self::Simulated(account, ..) => account.ports(),
        }
    }

    /// The account's clock.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.ports().clock
    }

    /// A rollout's start, on this account.
    pub(crate) fn launch(&self, plan: RolloutPlan) -> Launch {
        match self {
            Self::Aws(account) => Launch::new(plan, account.ports()),
            // The seed names the rollout too, so that the same seed tells the same history.
            Self::Simulated(account, ..) => {
                Launch::new(plan, account.ports()).rollout_id(account.rollout_id())
            }
        }
    }

    /// Runs a rollout while `watch` watches it, and gives what comes of the watching. `pace` is for the simulated
    /// account alone: virtual seconds that a real one shows, or as fast as can be.
    pub(crate) async fn attend<F: Future>(
        &self,
        task: RolloutTask,
        watch: F,
        pace: Option<f64>,
    ) -> F::Output {
        match self {
            Self::Aws(_) => {
                // On the runtime's other thread: what keeps this one waiting does not keep the rollout.
                tokio::spawn(task.run());
                watch.await
            }
            Self::Simulated(account, ..) => {
                let together = async {
                    let rollout = async {
                        task.run().await;
                        pending().await
                    };
                    tokio::select! {
                        biased;
                        output = watch => output,
                        never = rollout => never,
                    }
                };
                sim::drive(account, together, pace).await
            }
        }
    }

    /// The pace at which a plan's simulated run takes about so long. On AWS time has its own.
    pub(crate) fn pace_to_take(&self, plan: &RolloutPlan, real: Duration) -> Option<f64> {
        match self {
            Self::Aws(_) => None,
            // How long it will be is known by running it ahead: the same seed is the same run.
            Self::Simulated(_, scenario, seed) => {
                let ahead = sim::simulate(plan, scenario, *seed).ok()?;
                Some((ahead.duration.as_secs_f64() / real.as_secs_f64()).max(1.0))
            }
        }
    }

    /// Whether people in it approve gates: those of the simulated account do.
    pub(crate) fn has_people(&self) -> bool {
        matches!(self, Self::Simulated(..))
    }

    /// What the people of the simulated account do next; nobody does anything on AWS. Cancel safe.
    pub(crate) async fn next_command(&self) -> machine::Command {
        match self {
            Self::Aws(_) => pending().await,
            Self::Simulated(account, ..) => account.next_command().await,
        }
    }

    /// Shows an event to the people of the simulated account, who approve gates.
    pub(crate) fn see(&self, event: &Event) {
        if let Self::Simulated(account, ..) = self {
            account.see(event);
        }
    }

    /// Reads the alias outside of any rollout.
    pub(crate) async fn read_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
    ) -> Result<AliasState, lambda_rollout::Error> {
        self.ports().traffic.read_alias(function, alias).await
    }

    /// What the scenario asks for and `run --simulate` does not do.
    pub(crate) fn ignores(&self) -> Option<&'static str> {
        match self {
            Self::Simulated(_, scenario, _) if scenario.kills_the_runner() => {
                Some("the scenario's [runner] is ignored: this run's process does not die")
            }
            _ => None,
        }
    }

    /// Makes a plan's pre-flight checks, within this time.
    pub(crate) async fn check(&self, plan: &RolloutPlan, limit: Duration) -> Result<CheckReport, Failure> {
        let check = driver::check_within(plan.clone(), self.ports(), limit);
        Ok(match self {
            Self::Aws(_) => check.await?,
            Self::Simulated(account, ..) => sim::drive(account, check, None).await?,
        })
    }
}

/// The AWS account for a function that no plan speaks of.
pub(crate) async fn account_of(function: &FunctionRef, aws: &AwsArgs) -> Result<Account, Failure> {
    Ok(configured(aws).function(function).connect().await?)
}

fn configured(aws: &AwsArgs) -> AccountBuilder {
    Account::builder()
        .region(aws.region.clone())
        .profile(aws.profile.clone())
        .endpoint_url(aws.endpoint_url.clone())
}

/// A scenario by its name, or from a file.
fn scenario(name: &str) -> Result<Scenario, Failure> {
    if let Some(shipped) = Scenario::shipped(name) {
        return Ok(shipped);
    }
    let path = Path::new(name);
    if path.exists() || path.extension().is_some() || path.components().count() > 1 {
        return Ok(Scenario::from_file(path)?);
    }
    let names: Vec<&str> = Scenario::shipped_names().collect();
    Err(Failure::usage(format!(
        "there is neither a scenario nor a file `{name}`; the shipped scenarios are {}",
        names.join(", ")
    )))
}
