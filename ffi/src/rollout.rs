use std::ffi::{c_char, c_int};

use lambda_rollout::account::{AlarmReading, HookFailure, HookReport};
use lambda_rollout::hosted::{AwsStage, HostedRollout, Next, SimulatedStage, Stage, StartOptions};
use lambda_rollout::machine::Command;
use lambda_rollout::sim::Scenario;
use lambda_rollout::{Error as CoreError, ErrorKind};
use serde::Deserialize;

use crate::boundary::{
    Failure, Handle, Opaque, Out, call_on, from_json, options, quietly, required, required_text, text,
    timeout,
};
use crate::error::Error;
use crate::event::Event;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::runtime::Runtime;
use crate::status::Status;
use crate::text::c_string;

/// A rollout.
pub struct Rollout(Handle<HostedRollout>);

impl Opaque for Rollout {
    type Object = HostedRollout;

    const NAME: &'static str = "rollout";

    fn handle(&self) -> &Handle<HostedRollout> {
        &self.0
    }
}

/// What the program says of a hook that it was asked to run.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Pass = 1,
    /// Put everything back.
    Fail = 2,
    /// It cannot tell: wait for a person.
    Inconclusive = 3,
    /// The hook itself broke, which counts as a failed one.
    Broken = 4,
}

/// The options of a rollout on AWS.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AwsOptions {
    aws: AwsStage,
    #[serde(flatten)]
    start: Flat,
}

/// The options of a rollout on the simulated account.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SimulationOptions {
    seed: Option<u64>,
    speed: Option<f64>,
    #[serde(flatten)]
    start: Flat,
}

/// What is left of the options, which knows whether a key is unknown.
type Flat = serde_json::Map<String, serde_json::Value>;

fn start_options(rest: Flat) -> Result<StartOptions, Failure> {
    from_json("options", &serde_json::Value::Object(rest).to_string())
}

/// Starts a rollout on AWS. The runtime may be freed before the rollout, and the plan at once.
///
/// The options are NULL or a JSON object, in which every key may be left out:
///
///     {"aws": {"region": "eu-west-1", "profile": "release", "endpoint_url": "http://127.0.0.1:4566",
///              "access_keys": {"access_key_id": "…", "secret_access_key": "…", "session_token": "…"}},
///      "journal": "/var/lib/releases/f.journal", "rollout_id": "release-417",
///      "hooks": {"before_traffic": {"timeout": "2m", "parameters": {}}}, "alarms": ["queue-depth"]}
///
/// What "aws" does not say comes from the standard AWS configuration. With a journal that tells of a rollout that has not
/// ended, that one is resumed. "hooks" and "alarms" are those that the program answers for (`lro_event_request`).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_rollout_start(
    runtime: *const Runtime,
    plan: *const Plan,
    options_json: *const c_char,
    options_len: usize,
    rollout: *mut *mut Rollout,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        let rollout = Out::cleared(rollout);
        call_on(runtime, error, |host| {
            let rollout = rollout.required()?;
            let plan = required(plan)?.handle().object().clone();
            let options: AwsOptions = options(options_json, options_len)?;
            let stage = Stage::Aws(options.aws);
            Ok(rollout.put(Rollout(Handle::new(host.start(plan, stage, start_options(options.start)?)?))))
        })
    }
}

/// Starts a rollout on the simulated account: a small AWS on a virtual clock, which needs no account.
///
/// The scenario says what befalls it: the name of one that comes with the library ("healthy", "broken", "slow-burn",
/// "no-traffic", "alarm-outage", "bad-day"), or a scenario's TOML text; NULL is the healthy world. The options are as for
/// `lro_rollout_start`, with "seed" and "speed" in place of "aws".
///
/// The virtual clock stands still while a request waits for its answer. Without a speed it also goes in step with the
/// program: it moves only while the program has found the queue empty and asks for more, or waits for the end. A speed is
/// how many virtual seconds a real one shows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_rollout_simulate(
    runtime: *const Runtime,
    plan: *const Plan,
    scenario: *const c_char,
    scenario_len: usize,
    options_json: *const c_char,
    options_len: usize,
    rollout: *mut *mut Rollout,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        let rollout = Out::cleared(rollout);
        call_on(runtime, error, |host| {
            let rollout = rollout.required()?;
            let plan = required(plan)?.handle().object().clone();
            let text = text("scenario", scenario, scenario_len)?.unwrap_or_default();
            // No document is a bare word, so that a name is not taken for one.
            let scenario = Scenario::shipped(text).map_or_else(|| Scenario::parse(text), Ok)?;
            let options: SimulationOptions = options(options_json, options_len)?;
            let stage = SimulatedStage { scenario, seed: options.seed, speed: options.speed };
            let hosted = host.start(plan, stage.into(), start_options(options.start)?)?;
            Ok(rollout.put(Rollout(Handle::new(hosted))))
        })
    }
}

/// Takes the next event or request; waits for it as long as this: 0 does not wait, below 0 is without end.
///
/// LRO_STATUS_OK: there is one, free it with `lro_event_free`. LRO_STATUS_TIMED_OUT: none came within the time.
/// LRO_STATUS_ENDED: none will come any more. Any number of threads may wait; each event is given to one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_rollout_next_event(
    rollout: *const Rollout,
    timeout_ms: i64,
    event: *mut *mut Event,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        let event = Out::cleared(event);
        call_on(rollout, error, |rollout| {
            let event = event.required()?;
            Ok(match rollout.next(timeout(timeout_ms))? {
                Next::Item(item) => event.put(Event::from(*item)),
                Next::TimedOut => Status::TimedOut,
                Next::Ended => Status::Ended,
            })
        })
    }
}

/// A descriptor that can be read from as long as there is something to take, the end included: for poll, select, epoll and
/// event loops. Wait for it only, and take events with a time of 0 then until there are none; do not read, write or close
/// it. It is good as long as the rollout's handle, and always the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_rollout_wake_fd(
    rollout: *const Rollout,
    fd: *mut c_int,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        if !fd.is_null() {
            *fd = -1;
        }
        call_on(rollout, error, |rollout| {
            if fd.is_null() {
                return Err(Failure::new(Status::NullArgument, "the place for the output is NULL"));
            }
            *fd = descriptor(rollout)?;
            Ok(Status::Ok)
        })
    }
}

#[cfg(unix)]
fn descriptor(rollout: &HostedRollout) -> Result<c_int, Failure> {
    use std::os::fd::AsRawFd;
    Ok(rollout.wake_descriptor()?.as_raw_fd())
}

#[cfg(not(unix))]
fn descriptor(_: &HostedRollout) -> Result<c_int, Failure> {
    Err(Failure::new(Status::Unsupported, "this system has no descriptors to wait for"))
}

/// Answers for a hook. `request` is what `lro_event_request` said, `verdict` one of `lro_verdict`; the reason goes into
/// events, and may be NULL.
///
/// LRO_STATUS_PLAN: no hook was asked for by this number. LRO_STATUS_WRONG_STATE: it was answered already, or nobody waits
/// for it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_rollout_answer_hook(
    rollout: *const Rollout,
    request: u64,
    verdict: u32,
    reason: *const c_char,
    reason_len: usize,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        call_on(rollout, error, |rollout| {
            let reason = text("reason", reason, reason_len)?.unwrap_or_default();
            let report = match verdict {
                verdict if verdict == Verdict::Pass as u32 => HookReport::pass(reason),
                verdict if verdict == Verdict::Fail as u32 => HookReport::fail(reason),
                verdict if verdict == Verdict::Inconclusive as u32 => HookReport::inconclusive(reason),
                verdict if verdict == Verdict::Broken as u32 => {
                    HookReport::failed(HookFailure::FunctionError, reason)
                }
                _ => return Err(Failure::invalid(format!("`{verdict}` is no verdict; 1 to 4 are"))),
            };
            rollout.answer_hook(request, report)?;
            Ok(Status::Ok)
        })
    }
}

/// Answers for alarms, with a JSON list of those that exist:
/// `[{"name":"queue-depth","state":"OK","reason":"12 messages"}]`; states are OK, ALARM and INSUFFICIENT_DATA.
///
/// Statuses as for `lro_rollout_answer_hook`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_rollout_answer_alarms(
    rollout: *const Rollout,
    request: u64,
    readings_json: *const c_char,
    readings_len: usize,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        call_on(rollout, error, |rollout| {
            let json = required_text("readings", readings_json, readings_len)?;
            let readings: Vec<AlarmReading> = from_json("readings", json)?;
            rollout.answer_alarms(request, Ok(readings))?;
            Ok(Status::Ok)
        })
    }
}

/// Answers that the alarms cannot be read now, and why. That is neither a pass nor a bad canary: the weight does not rise,
/// and the plan says for how long that is borne.
///
/// Statuses as for `lro_rollout_answer_hook`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_rollout_fail_alarms(
    rollout: *const Rollout,
    request: u64,
    reason: *const c_char,
    reason_len: usize,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        call_on(rollout, error, |rollout| {
            let reason = text("reason", reason, reason_len)?.unwrap_or("the program could not read them");
            rollout.answer_alarms(request, Err(CoreError::new(ErrorKind::Unreachable, reason)))?;
            Ok(Status::Ok)
        })
    }
}

/// Waits for the end as long as this: 0 does not wait, below 0 is without end. Events need not be taken meanwhile.
///
/// LRO_STATUS_OK: there is an outcome, whichever way it went; free it with `lro_outcome_free`. LRO_STATUS_TIMED_OUT: the end
/// has not come. LRO_STATUS_INTERNAL: the rollout was stopped, by the end of its runtime or by a fault of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_rollout_wait(
    rollout: *const Rollout,
    timeout_ms: i64,
    outcome: *mut *mut Outcome,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        let out = Out::cleared(outcome);
        call_on(rollout, error, |rollout| {
            let out = out.required()?;
            Ok(match rollout.wait(timeout(timeout_ms))? {
                Some(outcome) => out.put(Outcome::from(outcome)),
                None => Status::TimedOut,
            })
        })
    }
}

/// What the rollout is doing now, as JSON: "rollout_id", "at", "phase", "paused", "step", "steps", "weight",
/// "stable_version", "canary_version", "routing", "alarms". Free it with `lro_string_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_rollout_status(
    rollout: *const Rollout,
    json: *mut *mut c_char,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        let json = Out::cleared(json);
        call_on(rollout, error, |rollout| {
            let json = json.required()?;
            let status = serde_json::to_string(&rollout.status()?)
                .map_err(|error| Failure::new(Status::Internal, format!("the status is no JSON: {error}")))?;
            Ok(json.put_pointer(c_string(status).into_raw()))
        })
    }
}

/// No shift until it is resumed. The hold's clock stops; alarms stay watched, and roll back. Commands return when they are
/// taken, not when they are done; LRO_STATUS_WRONG_STATE says why one does not fit.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_rollout_pause(rollout: *const Rollout, error: *mut *mut Error) -> Status {
    // SAFETY: as the header's contract says.
    unsafe { order(rollout, Command::Pause, error) }
}

/// Goes on after a pause, or approves the gate that the rollout waits at.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_rollout_resume(rollout: *const Rollout, error: *mut *mut Error) -> Status {
    // SAFETY: as the header's contract says.
    unsafe { order(rollout, Command::Resume, error) }
}

/// Shifts all traffic to the canary version now, without the remaining holds. The hook after traffic and the bake follow as
/// planned; asked for again during the bake, it ends that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_rollout_promote(rollout: *const Rollout, error: *mut *mut Error) -> Status {
    // SAFETY: as the header's contract says.
    unsafe { order(rollout, Command::Promote, error) }
}

/// Puts everything back and ends. The reason goes into events, and may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_rollout_abort(
    rollout: *const Rollout,
    reason: *const c_char,
    reason_len: usize,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        call_on(rollout, error, |rollout| {
            let reason = text("reason", reason, reason_len)?.unwrap_or("the program asked for it").to_owned();
            rollout.order(Command::Abort { reason })?;
            Ok(Status::Ok)
        })
    }
}

unsafe fn order(rollout: *const Rollout, command: Command, error: *mut *mut Error) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        call_on(rollout, error, |rollout| {
            rollout.order(command)?;
            Ok(Status::Ok)
        })
    }
}

/// Lets the rollout run on by itself: no more events come, and what the program is asked from here on fails. Commands,
/// status and `lro_rollout_wait` stay.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_rollout_detach(rollout: *const Rollout, error: *mut *mut Error) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        call_on(rollout, error, |rollout| {
            rollout.detach()?;
            Ok(Status::Ok)
        })
    }
}

/// cbindgen:ignore
/// Panics inside the library.
#[cfg(feature = "panic-on-purpose")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_rollout_panic(rollout: *const Rollout, error: *mut *mut Error) -> Status {
    // SAFETY: as the header's contract says.
    unsafe { call_on(rollout, error, |_| panic!("on purpose")) }
}

/// Frees a rollout's handle. NULL is fine.
///
/// A rollout that still runs goes on by itself as long as its runtime does; what the program was asked fails. Threads that
/// wait on it are woken, and their calls answer LRO_STATUS_WRONG_STATE. No call may begin on it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_rollout_free(rollout: *mut Rollout) {
    quietly(|| {
        if !rollout.is_null() {
            // SAFETY: as the header's contract says.
            let rollout = unsafe { Box::from_raw(rollout) };
            // Who waits on it holds it until it is woken.
            rollout.0.object().close();
        }
    });
}
