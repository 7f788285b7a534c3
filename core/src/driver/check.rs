use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::Serialize;

use super::perform::perform;
use crate::account::{AlarmState, AliasState, FunctionVersion, Lifecycle, UpdateStatus};
use crate::error::{Error, ErrorKind, ErrorReport};
use crate::event::{Cause, Event, EventKind, Outcome};
use crate::machine::{EffectId, EffectResult, Input, Output, Rollout};
use crate::plan::RolloutPlan;
use crate::ports::Ports;
use crate::units::{AlarmName, RolloutId, Timestamp, Version, Weight, format_duration};

/// How long [`check`] takes at most.
pub const CHECK_LIMIT: Duration = Duration::from_secs(30);

/// What pre-flight found without writing anything.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport {
    /// What was seen, in order.
    pub events: Vec<Event>,
    /// How a run would end before any traffic moves: refused, or nothing to do. `None` when it would go ahead.
    pub outcome: Option<Outcome>,
    /// What a run would do first where it would go ahead.
    pub first_move: Option<FirstMove>,
    /// Whether the checks were given up because they took too long. The outcome's cause then says what was not ready; a
    /// run would go on waiting for that.
    pub timed_out: bool,
}

/// What a run would do first, once pre-flight has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FirstMove {
    /// Create the alias on the version. There is nothing to shift.
    CreateAlias,
    /// Give the canary version this weight; all of it is the promotion.
    Shift {
        /// The weight.
        weight: Weight,
    },
    /// The alias already has the weight of a step: hold it for the whole of its time.
    Hold {
        /// The weight.
        weight: Weight,
        /// How long, in milliseconds.
        hold_ms: u64,
        /// Whether somebody has to approve before the next shift.
        gate: bool,
        /// The weight of the next shift.
        next: Weight,
    },
}

impl FirstMove {
    /// By the rule that a run follows when it finds the alias so.
    fn of(plan: &RolloutPlan, alias: Option<&AliasState>, canary: Option<Version>) -> Self {
        let Some(alias) = alias else { return Self::CreateAlias };
        let weight = canary.map_or(Weight::ZERO, |canary| alias.routing.share_of(canary));
        let steps = plan.schedule().steps();
        let weight_of = |step: usize| steps.get(step).map_or(Weight::FULL, |step| step.weight);
        let reached = steps.iter().filter(|step| step.weight <= weight).count();
        match reached.checked_sub(1) {
            Some(last) if steps[last].weight == weight => Self::Hold {
                weight,
                hold_ms: u64::try_from(steps[last].hold.as_millis()).unwrap_or(u64::MAX),
                gate: steps[last].gate,
                next: weight_of(reached),
            },
            _ if weight == Weight::FULL => Self::Shift { weight },
            // Between two steps, the lower one's weight is written again.
            last => Self::Shift { weight: weight_of(last.unwrap_or(0)) },
        }
    }
}

/// Makes a plan's pre-flight checks, and writes nothing anywhere: nothing is published, no hook is run. It ends within
/// [`CHECK_LIMIT`], whatever happens: what is not ready by then is reported as a refusal.
///
/// What only a run can know it does not know: whether publishing makes a new version, and whether that becomes active.
///
/// # Errors
/// Never for what a run would refuse: that is in the report. Only [`ErrorKind::Internal`].
///
/// # Cancel safety
/// Dropping the future is harmless.
pub async fn check(plan: RolloutPlan, ports: Ports) -> Result<CheckReport, Error> {
    check_within(plan, ports, CHECK_LIMIT).await
}

/// As [`check`], within another time.
///
/// # Errors
/// As [`check`].
///
/// # Cancel safety
/// Dropping the future is harmless.
pub async fn check_within(plan: RolloutPlan, ports: Ports, limit: Duration) -> Result<CheckReport, Error> {
    let plan = Arc::new(plan);
    let clock = Arc::clone(&ports.clock);
    let mut machine = Rollout::check_only(Arc::clone(&plan), RolloutId::from_bits(0), clock.now());
    let mut events = Vec::new();
    let mut running = FuturesUnordered::new();
    let mut seen = Seen::since(clock.now());
    let until = clock.now() + limit;
    let mut timed_out = false;
    machine.handle(Input::Start, clock.now())?;
    loop {
        while let Some(output) = machine.poll() {
            let outcome = match output {
                Output::Persist(_) | Output::Withdraw(_) => continue,
                Output::Event(event) => {
                    events.push(event);
                    continue;
                }
                Output::Effect(id, effect) => {
                    seen.asked.insert(id, effect.kind());
                    running.push(perform(&ports, &plan, id, effect, machine.urgency()));
                    continue;
                }
                Output::Done(outcome) => Some(outcome),
                Output::CheckPassed => None,
            };
            let first_move =
                outcome.is_none().then(|| FirstMove::of(&plan, seen.alias.as_ref(), canary(&events)));
            return Ok(CheckReport { events, outcome, first_move, timed_out });
        }
        let due = machine.deadline();
        if due.is_none() && running.is_empty() {
            return Err(Error::new(ErrorKind::Internal, "the check waits for nothing"));
        }
        let due = due.map_or(until, |due| due.min(until));
        tokio::select! {
            biased;
            Some((id, result)) = running.next() => {
                seen.note(id, &result);
                machine.handle(Input::Done(id, result), clock.now())?;
            }
            () = clock.wait_until(due) => {
                timed_out = clock.now() >= until;
                if timed_out {
                    machine.give_up_check(seen.missing(limit), clock.now());
                } else {
                    machine.handle(Input::Tick, clock.now())?;
                }
            }
        }
    }
}

fn canary(events: &[Event]) -> Option<Version> {
    events.iter().rev().find_map(|event| match &event.kind {
        EventKind::Checked { canary_version, .. } => *canary_version,
        _ => None,
    })
}

/// What the calls have brought so far, as far as it tells why pre-flight does not come to its end.
struct Seen {
    since: Timestamp,
    /// The calls that are under way, by kind.
    asked: BTreeMap<EffectId, &'static str>,
    alias: Option<AliasState>,
    /// A version that was not ready when it was read last.
    unready: Option<FunctionVersion>,
    alarms_failed: Option<ErrorReport>,
    failed: Option<ErrorReport>,
    without_data: Vec<AlarmName>,
}

impl Seen {
    fn since(since: Timestamp) -> Self {
        Self {
            since,
            asked: BTreeMap::new(),
            alias: None,
            unready: None,
            alarms_failed: None,
            failed: None,
            without_data: Vec::new(),
        }
    }

    fn note(&mut self, id: EffectId, result: &EffectResult) {
        let kind = self.asked.remove(&id).unwrap_or("a call");
        let unanswered = || Error::new(ErrorKind::Unreachable, format!("no answer in time to `{kind}`"));
        match result {
            EffectResult::Alarms(Ok(readings)) => {
                self.alarms_failed = None;
                let unclear = readings
                    .iter()
                    .filter(|reading| !matches!(reading.state, AlarmState::Ok | AlarmState::Alarm));
                self.without_data = unclear.map(|reading| reading.name.clone()).collect();
            }
            EffectResult::Alarms(Err(error)) => self.alarms_failed = Some(error.report()),
            EffectResult::TimedOut if kind == "read_alarms" => {
                self.alarms_failed = Some(unanswered().report())
            }
            EffectResult::TimedOut => self.failed = Some(unanswered().report()),
            EffectResult::Version(Ok(version)) => {
                let waits = version.state == Lifecycle::Pending || version.update == UpdateStatus::InProgress;
                self.unready = waits.then(|| version.clone());
                self.failed = None;
            }
            EffectResult::Alias(Ok(alias)) => {
                self.alias = Some(alias.clone());
                self.failed = None;
            }
            EffectResult::Alias(Err(error))
            | EffectResult::Version(Err(error))
            | EffectResult::AlarmHistory(Err(error))
            | EffectResult::Checked(Err(error))
            | EffectResult::ProvisionedConcurrency(Err(error)) => self.failed = Some(error.report()),
            _ => self.failed = None,
        }
    }

    /// What was not ready when the time was up.
    fn missing(&self, limit: Duration) -> Cause {
        let limit = format_duration(limit);
        if let Some(version) = &self.unready {
            let (what, why) = match version.state {
                Lifecycle::Pending => ("Pending", &version.state_reason),
                _ => ("being updated", &version.update_reason),
            };
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            let reason = format!("still {what} after {limit}{why}");
            return Cause::VersionNotReady { version: version.version.to_string(), reason };
        }
        if let Some(error) = &self.alarms_failed {
            return Cause::AlarmsUnreadable { since: self.since, error: error.clone() };
        }
        let error = match (&self.failed, self.asked.values().next(), self.without_data.first()) {
            (Some(error), ..) => return Cause::Error { error: error.clone() },
            (None, Some(kind), _) => {
                Error::new(ErrorKind::Unreachable, format!("no answer to `{kind}` within {limit}"))
            }
            (None, None, Some(alarm)) => {
                Error::new(ErrorKind::Rejected, format!("no data within {limit} for alarm `{alarm}`"))
            }
            (None, None, None) => {
                Error::new(ErrorKind::Unreachable, format!("not ready within {limit}, for no known reason"))
            }
        };
        Cause::Error { error: error.report() }
    }
}
