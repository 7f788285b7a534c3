use std::ffi::c_char;

use lambda_rollout::RolloutPlan;
use lambda_rollout::plan::{Format, PlanError, Schedule};
use serde_json::json;

use crate::boundary::{Failure, Handle, Opaque, Out, call, call_on, quietly, required_text};
use crate::error::Error;
use crate::status::Status;
use crate::text::c_string;

/// A checked plan. It never changes, and any number of rollouts can be started from one, also after one another.
pub struct Plan(Handle<RolloutPlan>);

impl Opaque for Plan {
    type Object = RolloutPlan;

    const NAME: &'static str = "plan";

    fn handle(&self) -> &Handle<RolloutPlan> {
        &self.0
    }
}

/// The format of a plan's text.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanFormat {
    /// TOML.
    Toml = 1,
    /// JSON.
    Json = 2,
    /// YAML.
    Yaml = 3,
}

fn format(number: u32) -> Result<Format, Failure> {
    Ok(match number {
        number if number == PlanFormat::Toml as u32 => Format::Toml,
        number if number == PlanFormat::Json as u32 => Format::Json,
        number if number == PlanFormat::Yaml as u32 => Format::Yaml,
        _ => return Err(Failure::invalid(format!("`{number}` is no format of plans; 1, 2 and 3 are"))),
    })
}

/// Reads and checks a plan. `format` is one of `lro_plan_format`. Paths in the plan count from the folder that the
/// program runs in.
///
/// LRO_STATUS_PLAN tells every problem at once, in the error's details.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_plan_parse(
    text: *const c_char,
    text_len: usize,
    format: u32,
    plan: *mut *mut Plan,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        let plan = Out::cleared(plan);
        call(error, || {
            let plan = plan.required()?;
            let text = required_text("text", text, text_len)?;
            let parsed = RolloutPlan::parse(text, self::format(format)?);
            Ok(plan.put(Plan(Handle::new(parsed.map_err(not_a_plan)?))))
        })
    }
}

fn not_a_plan(error: PlanError) -> Failure {
    lambda_rollout::Error::from(error).into()
}

/// Reads and checks a plan from a file that ends in .toml, .json, .yaml or .yml. Paths in the plan count from the file's
/// folder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_plan_from_file(
    path: *const c_char,
    path_len: usize,
    plan: *mut *mut Plan,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        let plan = Out::cleared(plan);
        call(error, || {
            let plan = plan.required()?;
            let path = required_text("path", path, path_len)?;
            Ok(plan.put(Plan(Handle::new(RolloutPlan::from_file(path)?))))
        })
    }
}

/// The plan as a JSON document with every default written out. Free it with `lro_string_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_plan_to_json(
    plan: *const Plan,
    json: *mut *mut c_char,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        let json = Out::cleared(json);
        call_on(plan, error, |plan| {
            let document = plan.to_document().to_string();
            Ok(json.required()?.put_pointer(c_string(document).into_raw()))
        })
    }
}

/// What the plan will do, as JSON:
/// `{"steps":[{"weight":0.1,"hold_ms":300000,"gate":false}],"time_to_full_ms":300000,"bake_ms":null}`. After the last step
/// follows the shift to 100 %. Free it with `lro_string_free`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_plan_schedule(
    plan: *const Plan,
    json: *mut *mut c_char,
    error: *mut *mut Error,
) -> Status {
    // SAFETY: as the header's contract says.
    unsafe {
        let json = Out::cleared(json);
        call_on(plan, error, |plan| {
            let mut schedule = schedule(plan.schedule());
            schedule["bake_ms"] = json!(plan.bake().map(|bake| bake.as_millis()));
            Ok(json.required()?.put_pointer(c_string(schedule.to_string()).into_raw()))
        })
    }
}

fn schedule(schedule: &Schedule) -> serde_json::Value {
    let steps = schedule.steps().iter().map(|step| {
        json!({ "weight": step.weight.fraction(), "hold_ms": step.hold.as_millis(), "gate": step.gate })
    });
    json!({
        "steps": steps.collect::<Vec<_>>(),
        "time_to_full_ms": schedule.time_to_full().as_millis(),
    })
}

/// Frees a plan. Rollouts that were started from it do not need it any more. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lro_plan_free(plan: *mut Plan) {
    quietly(|| {
        if !plan.is_null() {
            // SAFETY: as the header's contract says.
            drop(unsafe { Box::from_raw(plan) });
        }
    });
}
