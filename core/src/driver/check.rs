use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::perform::perform;
use crate::error::{Error, ErrorKind};
use crate::event::{Event, Outcome};
use crate::machine::{Input, Output, Rollout};
use crate::plan::RolloutPlan;
use crate::ports::Ports;
use crate::units::RolloutId;

/// What pre-flight found without writing anything.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// What was seen, in order.
    pub events: Vec<Event>,
    /// How a run would end before any traffic moves: refused, or nothing to do. `None` when it would go ahead.
    pub outcome: Option<Outcome>,
}

/// Makes a plan's pre-flight checks, and writes nothing anywhere: nothing is published, no hook is run.
///
/// What only a run can know it does not know: whether publishing makes a new version, and whether that becomes active.
///
/// # Errors
/// Never for what a run would refuse: that is in the report. Only [`ErrorKind::Internal`].
///
/// # Cancel safety
/// Dropping the future is harmless.
pub async fn check(plan: RolloutPlan, ports: Ports) -> Result<CheckReport, Error> {
    let plan = Arc::new(plan);
    let mut machine = Rollout::check_only(Arc::clone(&plan), RolloutId::from_bits(0), ports.clock.now());
    let mut events = Vec::new();
    let mut running = FuturesUnordered::new();
    let mut input = Input::Start;
    loop {
        machine.handle(input, ports.clock.now())?;
        while let Some(output) = machine.poll() {
            match output {
                Output::Persist(_) | Output::Withdraw(_) => {}
                Output::Event(event) => events.push(event),
                Output::Effect(id, effect) => {
                    running.push(perform(&ports, &plan, id, effect, machine.urgency()))
                }
                Output::Done(outcome) => return Ok(CheckReport { events, outcome: Some(outcome) }),
                Output::CheckPassed => return Ok(CheckReport { events, outcome: None }),
            }
        }
        let due = machine.deadline();
        if due.is_none() && running.is_empty() {
            return Err(Error::new(ErrorKind::Internal, "the check waits for nothing"));
        }
        let wait = async {
            match due {
                Some(at) => ports.clock.wait_until(at).await,
                None => std::future::pending().await,
            }
        };
        input = tokio::select! {
            biased;
            Some((id, result)) = running.next() => Input::Done(id, result),
            () = wait => Input::Tick,
        };
    }
}
