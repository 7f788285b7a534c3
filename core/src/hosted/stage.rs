#[cfg(feature = "aws")]
use std::sync::Arc;

#[cfg(feature = "aws")]
use serde::Deserialize;

#[cfg(feature = "aws")]
use crate::aws::{AccessKeys, Account};
#[cfg(any(feature = "aws", feature = "sim"))]
use crate::error::Error;
#[cfg(feature = "aws")]
use crate::plan::RolloutPlan;
#[cfg(feature = "sim")]
use crate::{error::ErrorKind, sim::Scenario};

/// Where a rollout runs.
#[derive(Debug, Clone)]
pub enum Stage {
    /// On AWS.
    #[cfg(feature = "aws")]
    Aws(AwsStage),
    /// On the simulated account.
    #[cfg(feature = "sim")]
    Simulated(SimulatedStage),
}

/// Asked for credentials whenever the ones at hand run out, on a thread that may be kept waiting.
#[cfg(feature = "aws")]
pub type CredentialsSource = Arc<GiveKeys>;

/// What a source of credentials does.
#[cfg(feature = "aws")]
pub(super) type GiveKeys = dyn Fn() -> Result<AccessKeys, Error> + Send + Sync;

/// An AWS account: the standard AWS configuration, and what is said over it. `None` leaves it as it is.
///
/// As JSON: `{"region":"eu-west-1","profile":"release","endpoint_url":"http://127.0.0.1:4566","access_keys":{…}}`.
#[cfg(feature = "aws")]
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AwsStage {
    /// The Region, ahead of what the plan's ARN, the environment and the profile say.
    pub region: Option<String>,
    /// The profile, ahead of `AWS_PROFILE`.
    pub profile: Option<String>,
    /// The endpoint of every service, ahead of `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<String>,
    /// Credentials that last as long as the rollout.
    pub access_keys: Option<AccessKeys>,
    /// Credentials that are renewed. Ahead of `access_keys`.
    #[serde(skip)]
    pub credentials: Option<CredentialsSource>,
}

#[cfg(feature = "aws")]
impl AwsStage {
    pub(super) async fn connect(self, plan: &RolloutPlan) -> Result<Account, Error> {
        let builder = Account::builder()
            .plan(plan)
            .region(self.region)
            .profile(self.profile)
            .endpoint_url(self.endpoint_url);
        let builder = match (self.credentials, self.access_keys) {
            (Some(source), _) => builder.credentials(move || source()),
            (None, Some(keys)) => builder.credentials(move || Ok(keys.clone())),
            (None, None) => builder,
        };
        builder.connect().await
    }
}

#[cfg(feature = "aws")]
impl std::fmt::Debug for AwsStage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsStage")
            .field("region", &self.region)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "aws")]
impl From<AwsStage> for Stage {
    fn from(stage: AwsStage) -> Self {
        Self::Aws(stage)
    }
}

/// A simulated account. By default the healthy world, in step with the program.
#[cfg(feature = "sim")]
#[derive(Debug, Clone, Default)]
pub struct SimulatedStage {
    /// What the account is like and what befalls it.
    pub scenario: Scenario,
    /// The seed of its dice; the scenario's own when not said.
    pub seed: Option<u64>,
    /// Virtual seconds that a real one shows; infinity for as fast as can be. `None`, in step with the program.
    pub speed: Option<f64>,
}

#[cfg(feature = "sim")]
impl SimulatedStage {
    /// What [`crate::sim::drive`] takes.
    pub(super) fn pace(&self) -> Result<Option<f64>, Error> {
        match self.speed {
            Some(speed) if speed.is_nan() || speed <= 0.0 => {
                let message = format!("a speed is above zero, and is not `{speed}`");
                Err(Error::new(ErrorKind::Plan, message))
            }
            Some(speed) if speed.is_infinite() => Ok(None),
            speed => Ok(speed),
        }
    }
}

#[cfg(feature = "sim")]
impl From<SimulatedStage> for Stage {
    fn from(stage: SimulatedStage) -> Self {
        Self::Simulated(stage)
    }
}
