//! The endpoint's own calls, under `/_simulated/`, for whoever runs it as a process.
//!
//! - `GET health`
//! - `POST alarms/NAME?state=ALARM&reason=…` holds an alarm in a state; without `state` it is let go. `evaluation=…`
//!   sets its `EvaluationState` instead, an empty one none
//! - `POST faults/OPERATION?fault=throttle&nth=2`; without `nth` for every call, without `fault` for none
//! - `POST provisioned?status=READY&moves=true` gives the alias provisioned concurrency, which AWS takes its time to move;
//!   without `status` it has none. `POST provisioned/moved` ends a move
//! - `POST weight?version=2&weight=0.99999` is somebody else's weight for a version
//! - `POST overtake` is another pipeline's code in `$LATEST`
//! - `GET requests` gives what arrived, with milliseconds since the start
//! - `GET alias` gives every change of the alias

use lambda_rollout::account::AlarmState;
use lambda_rollout::units::AlarmName;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::endpoint::{Shared, now};
use crate::fault::Fault;
use crate::outside::Provisioned;
use crate::query::{decode, value};

pub(crate) fn answer(shared: &mut Shared, method: &str, path: &str, query: &[(String, String)]) -> Answer {
    shared.catch_up();
    let at_ms = now().duration_since(shared.born).as_secs_f64() * 1000.0;
    let done = match (method, path.split_once('/').unwrap_or((path, ""))) {
        ("GET", ("health", "")) => Some(json!({"ready": true})),
        ("POST", ("alarms", name)) => set_alarm(shared, &decode(name), query),
        ("POST", ("faults", operation)) => set_fault(shared, operation, query),
        ("POST", ("provisioned", "")) => Some(set_provisioned(shared, query)),
        ("POST", ("provisioned", "moved")) => Some(finish_move(shared)),
        ("POST", ("weight", "")) => set_weight(shared, query),
        ("POST", ("overtake", "")) => Some(overtake(shared)),
        ("GET", ("requests", "")) => Some(requests(shared)),
        ("GET", ("alias", "")) => Some(alias(shared)),
        _ => None,
    };
    match done {
        Some(Value::Null) => Answer::json(200, &json!({"at_ms": at_ms})),
        Some(body) => Answer::json(200, &body),
        None => Answer::json(400, &json!({"message": "no such control, or a value that it does not take"})),
    }
}

fn set_alarm(shared: &mut Shared, name: &str, query: &[(String, String)]) -> Option<Value> {
    let name = AlarmName::parse(name).ok()?;
    if let Some(evaluation) = value(query, "evaluation") {
        let evaluation = (!evaluation.is_empty()).then(|| evaluation.to_owned());
        shared.account.shown_mut(name.as_str()).evaluation = evaluation;
        return Some(Value::Null);
    }
    let state = match value(query, "state") {
        None => None,
        Some("OK") => Some(AlarmState::Ok),
        Some("ALARM") => Some(AlarmState::Alarm),
        Some("INSUFFICIENT_DATA") => Some(AlarmState::InsufficientData),
        Some(_) => return None,
    };
    shared.account.world.set_alarm(&name, state, value(query, "reason").unwrap_or("set by hand"));
    Some(Value::Null)
}

fn set_fault(shared: &mut Shared, operation: &str, query: &[(String, String)]) -> Option<Value> {
    let fault = match value(query, "fault") {
        None => None,
        Some(name) => Some(Fault::parse(name)?),
    };
    match (value(query, "nth"), fault) {
        (Some(nth), Some(fault)) => shared.faults.nth(operation, nth.parse().ok()?, fault),
        (_, fault) => shared.faults.always(operation, fault),
    }
    Some(Value::Null)
}

fn set_provisioned(shared: &mut Shared, query: &[(String, String)]) -> Value {
    let moves = value(query, "moves") == Some("true");
    let provisioned = |status: &str| Provisioned { status: status.to_owned(), moves };
    shared.account.provisioned = value(query, "status").map(provisioned);
    Value::Null
}

fn finish_move(shared: &mut Shared) -> Value {
    shared.account.finish_move();
    Value::Null
}

fn set_weight(shared: &mut Shared, query: &[(String, String)]) -> Option<Value> {
    let version = value(query, "version")?.parse().ok().filter(|version| *version > 0)?;
    let weight = value(query, "weight")?.parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
    shared.account.set_weight(version, weight);
    Some(Value::Null)
}

fn overtake(shared: &mut Shared) -> Value {
    shared.account.overtake();
    Value::Null
}

fn requests(shared: &Shared) -> Value {
    let request = |request: &crate::Request| {
        let at_ms = request.at.duration_since(shared.born).as_secs_f64() * 1000.0;
        json!({"operation": request.operation, "at_ms": at_ms, "target": request.target, "body": request.body})
    };
    shared.log.iter().map(request).collect()
}

fn alias(shared: &Shared) -> Value {
    let changes = shared.account.world.alias_history().iter();
    changes
        .map(|change| json!({"at": change.at, "routing": change.routing, "guarded": change.guarded}))
        .collect()
}
