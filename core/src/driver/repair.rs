use std::sync::Arc;
use std::time::Duration;

use super::launch::random_id;
use super::task::RolloutTask;
use crate::account::{AliasState, Claim, FunctionVersion, Lifecycle};
use crate::error::{Error, ErrorKind};
use crate::event::{Cause, Outcome, OutcomeKind};
use crate::machine::{Phase, Rollout, Snapshot, Stopwatch};
use crate::plan::{RolloutPlan, Strategy};
use crate::ports::Ports;
use crate::units::{AliasName, FunctionRef, Qualifier, Version};

/// What came of settling an alias.
#[derive(Debug, Clone, PartialEq)]
pub struct Repair {
    /// The alias as it was found.
    pub found: AliasState,
    /// The rollout that had claimed the alias. If its runner is still alive, it takes the repair for drift, and rolls back
    /// within a minute where its canary was chosen: stop it first.
    pub claim: Option<Claim>,
    /// The chosen version, where it was read. One that is [`Inactive`](Lifecycle::Inactive) serves when it has been invoked.
    pub chosen: Option<FunctionVersion>,
    /// How it ended.
    pub end: RepairEnd,
}

/// How a repair ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RepairEnd {
    /// The alias was on the chosen version alone already. Nothing was written.
    NothingToDo,
    /// The alias was written, read back, and is on the chosen version alone.
    Settled,
    /// Somebody else changed the alias meanwhile. What they did stands.
    Drifted {
        /// What was found.
        cause: Cause,
    },
    /// AWS did not take the write in time, or it could not be proved. A person has to look.
    Unsettled {
        /// The AWS CLI line that settles it, and AWS's last error.
        advice: String,
    },
}

/// Time that a write that fails is tried again and again.
const PATIENCE: Duration = Duration::from_secs(2 * 60);

/// Settles an alias that somebody left on two versions: all its traffic goes to one of the two, which the caller chooses.
///
/// For aliases whose rollout no longer runs. Where a plan is at hand, running that again is better: it knows which
/// version is the right one. The write is guarded, retried and read back as that of a rollback is. A runner that is still
/// alive takes it for drift, and rolls its canary back where that was chosen: [`Repair::claim`] says whose to stop first.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is no such alias or version; [`ErrorKind::Rejected`] when the alias is on one other
/// version alone, the version is not one of its two, or is not active; and whatever the first reads fail with.
/// Nothing was written then.
///
/// # Cancel safety
/// Dropped, it stops where it is. The alias is on two versions or on one; the same call again settles it.
pub async fn repair(
    function: &FunctionRef,
    alias: &AliasName,
    to: Version,
    ports: Ports,
) -> Result<Repair, Error> {
    let found = ports.traffic.read_alias(function, alias).await?;
    let claim = Claim::find(&found.description);
    let Some(other) = other_of(&found, to)? else {
        return Ok(Repair { found, claim, chosen: None, end: RepairEnd::NothingToDo });
    };
    let chosen = ports.traffic.read_version(function, Qualifier::from(to)).await?;
    can_serve(&chosen)?;
    let now = ports.clock.now();
    let plan = RolloutPlan::builder(function.as_str(), alias.as_str())
        .version(other)
        .strategy(Strategy::AllAtOnce)
        .rollback_deadline(PATIENCE)
        .build()?;
    // A rollback of the other version that a process before this one had begun.
    let left = Snapshot {
        rollout_id: random_id(),
        started_at: now,
        next_seq: 1,
        stable_version: to,
        canary_version: other,
        phase: Phase::RollingBack,
        steps_taken: 0,
        alias: found.clone(),
        under_way: Vec::new(),
        hold: Stopwatch::default(),
        paused: false,
        promote_asked: false,
        traffic_moved: true,
        observed_until: None,
        excused: Default::default(),
        alarms: Default::default(),
        superseded: Vec::new(),
        published: None,
        rolling_back: Some(Cause::Abort { reason: format!("a person wants version {to} alone") }),
    };
    let machine = Rollout::restore(Arc::new(plan), left, now);
    let (mut handle, task) = RolloutTask::new(machine, ports, None);
    task.run().await;
    let end = end_of(handle.wait().await?);
    Ok(Repair { found, claim, chosen: Some(chosen), end })
}

/// The version beside the chosen one; `None` where there is none.
fn other_of(found: &AliasState, to: Version) -> Result<Option<Version>, Error> {
    let routing = found.routing;
    let own = routing.version.published();
    match (own, routing.additional) {
        (Some(own), None) if own == to => Ok(None),
        (Some(own), Some((second, _))) if own == to => Ok(Some(second)),
        (Some(own), Some((second, _))) if second == to => Ok(Some(own)),
        (_, Some(_)) => {
            let message = format!("version {to} is neither of the two that the alias is on: `{routing}`");
            Err(Error::new(ErrorKind::Rejected, message))
        }
        (_, None) => {
            let message = format!(
                "the alias is on one version alone, and a plan moves it from there to {to}: `{routing}`"
            );
            Err(Error::new(ErrorKind::Rejected, message))
        }
    }
}

/// AWS lets no traffic go to a version that is being made, or could not be made. One that it has put to sleep wakes up.
fn can_serve(version: &FunctionVersion) -> Result<(), Error> {
    match version.state {
        Lifecycle::Active | Lifecycle::Inactive | Lifecycle::Other => Ok(()),
        state @ (Lifecycle::Pending | Lifecycle::Failed) => {
            let (number, reason) = (version.version, &version.state_reason);
            let message = format!("version {number} is {state:?} and cannot take traffic: `{reason}`");
            Err(Error::new(ErrorKind::Rejected, message))
        }
    }
}

fn end_of(outcome: Outcome) -> RepairEnd {
    match (outcome.kind, outcome.cause) {
        (OutcomeKind::Drifted, Some(cause)) => RepairEnd::Drifted { cause },
        (OutcomeKind::Unsettled, _) => RepairEnd::Unsettled { advice: outcome.advice.unwrap_or_default() },
        _ => RepairEnd::Settled,
    }
}

#[cfg(all(test, feature = "sim"))]
mod tests {
    use super::*;
    use crate::sim::{Scenario, SimAccount};

    #[test]
    fn a_version_that_cannot_take_traffic_is_refused() {
        let two = Version::new(2).expect("above zero");
        let plan = RolloutPlan::builder("sample-handler", "main").version(two).strategy(Strategy::AllAtOnce);
        let account = SimAccount::new(&plan.build().expect("a plan"), &Scenario::default(), 1);
        let version = account.with_world(|world| world.version(two.into())).expect("it exists");
        let serves = |state| can_serve(&FunctionVersion { state, ..version.clone() });
        assert!(serves(Lifecycle::Active).is_ok() && serves(Lifecycle::Other).is_ok());
        assert_eq!(serves(Lifecycle::Pending).expect_err("not yet").kind(), ErrorKind::Rejected);
        assert!(serves(Lifecycle::Failed).expect_err("never").to_string().contains("version 2 is Failed"));
    }
}
