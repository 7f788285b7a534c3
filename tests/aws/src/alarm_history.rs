//! CloudWatch's `DescribeAlarmHistory`, in the forms of the SDKs.

use ciborium::Value as Cbor;
use lambda_rollout::account::AlarmTransition;
use lambda_rollout::units::{AlarmName, Timestamp};
use serde_json::{Value, json};

use crate::answer::{Answer, Protocol};
use crate::endpoint::Account;

/// Answers `DescribeAlarmHistory`: newest first unless asked otherwise, and of metric alarms alone unless `AlarmTypes` says
/// more, as CloudWatch does.
pub(crate) fn describe_alarm_history(protocol: Protocol, body: &Value, account: &mut Account) -> Answer {
    let name = body["AlarmName"].as_str().unwrap_or_default();
    let kind = if account.composite.contains(name) { "CompositeAlarm" } else { "MetricAlarm" };
    let asked = match body["AlarmTypes"].as_array() {
        None => kind == "MetricAlarm",
        Some(types) => types.iter().any(|asked| asked == kind),
    };
    let of_type = body["HistoryItemType"].as_str().is_none_or(|kind| kind == "StateUpdate");
    let from = body["StartDate"].as_f64().unwrap_or(0.0);
    let mut changes = match AlarmName::parse(name) {
        Ok(name) if asked && of_type => account.world.alarm_history(&name, Timestamp::from_millis(0)),
        _ => Vec::new(),
    };
    changes.retain(|change| seconds(change) >= from);
    if body["ScanBy"] != "TimestampAscending" {
        changes.reverse();
    }
    let first = body["NextToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or(0);
    let page = body["MaxRecords"].as_u64().map_or(100, |max| max as usize).min(account.page_size);
    let rest = &changes[changes.len().min(first)..];
    let (now, later) = rest.split_at(page.min(rest.len()));
    let leads_on = !later.is_empty() || account.last_page_leads_on;
    let next_token = leads_on.then(|| (first + now.len()).to_string());
    match protocol {
        Protocol::Cbor => cbor(name, now, next_token),
        Protocol::AwsJson => plain_json(name, now, next_token),
        _ => Answer::error(protocol, 400, "UnknownOperation", "DescribeAlarmHistory"),
    }
}

fn seconds(change: &AlarmTransition) -> f64 {
    change.at.as_millis() as f64 / 1000.0
}

fn summary(change: &AlarmTransition) -> String {
    format!("Alarm updated to {}", change.to)
}

fn data(change: &AlarmTransition) -> String {
    let new = json!({"stateValue": change.to.to_string(), "stateReason": change.reason});
    json!({"version": "1.0", "newState": new}).to_string()
}

fn cbor(name: &str, changes: &[AlarmTransition], next_token: Option<String>) -> Answer {
    let text = |text: &str| Cbor::Text(text.to_owned());
    let item = |change: &AlarmTransition| {
        Cbor::Map(vec![
            (text("AlarmName"), text(name)),
            (text("AlarmType"), text("MetricAlarm")),
            // Tag 1 is a moment in seconds of Unix time.
            (text("Timestamp"), Cbor::Tag(1, Box::new(Cbor::Float(seconds(change))))),
            (text("HistoryItemType"), text("StateUpdate")),
            (text("HistorySummary"), text(&summary(change))),
            (text("HistoryData"), text(&data(change))),
        ])
    };
    let mut body = vec![(text("AlarmHistoryItems"), Cbor::Array(changes.iter().map(item).collect()))];
    body.extend(next_token.map(|token| (text("NextToken"), Cbor::Text(token))));
    Answer::cbor(200, &Cbor::Map(body))
}

fn plain_json(name: &str, changes: &[AlarmTransition], next_token: Option<String>) -> Answer {
    let item = |change: &AlarmTransition| {
        json!({
            "AlarmName": name,
            "AlarmType": "MetricAlarm",
            "Timestamp": seconds(change),
            "HistoryItemType": "StateUpdate",
            "HistorySummary": summary(change),
            "HistoryData": data(change),
        })
    };
    let mut body = json!({"AlarmHistoryItems": changes.iter().map(item).collect::<Vec<_>>()});
    if let Some(token) = next_token {
        body["NextToken"] = json!(token);
    }
    let mut answer = Answer::json(200, &body);
    answer.headers[0].1 = "application/x-amz-json-1.0".to_owned();
    answer
}
