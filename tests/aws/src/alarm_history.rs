//! CloudWatch's `DescribeAlarmHistory`, in the forms of the SDKs.

use ciborium::Value as Cbor;
use serde_json::{Value, json};

use crate::answer::{Answer, Protocol};
use crate::endpoint::Account;
use crate::outside::Change;

/// Answers `DescribeAlarmHistory`: newest first unless asked otherwise, and of metric alarms alone unless `AlarmTypes` says
/// more, as CloudWatch does.
pub(crate) fn describe_alarm_history(protocol: Protocol, body: &Value, account: &Account) -> Answer {
    let name = body["AlarmName"].as_str().unwrap_or_default();
    let kind = if account.composite.contains(name) { "CompositeAlarm" } else { "MetricAlarm" };
    let asked = match body["AlarmTypes"].as_array() {
        None => kind == "MetricAlarm",
        Some(types) => types.iter().any(|asked| asked == kind),
    };
    let from = body["StartDate"].as_f64().unwrap_or(0.0);
    let is_shown = |change: &&Change| {
        let of_type = body["HistoryItemType"].as_str().is_none_or(|kind| kind == "StateUpdate");
        asked && of_type && change.alarm.as_str() == name && seconds(change) >= from
    };
    let mut changes: Vec<&Change> = account.alarm_history.iter().filter(is_shown).collect();
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
        Protocol::Cbor => cbor(now, next_token),
        Protocol::AwsJson => plain_json(now, next_token),
        _ => Answer::error(protocol, 400, "UnknownOperation", "DescribeAlarmHistory"),
    }
}

fn seconds(change: &Change) -> f64 {
    change.now.at.as_millis() as f64 / 1000.0
}

fn summary(change: &Change) -> String {
    format!("Alarm updated from {} to {}", change.from, change.now.to)
}

fn data(change: &Change) -> String {
    let new = json!({"stateValue": change.now.to.to_string(), "stateReason": change.now.reason});
    json!({"version": "1.0", "oldState": {"stateValue": change.from.to_string()}, "newState": new})
        .to_string()
}

fn cbor(changes: &[&Change], next_token: Option<String>) -> Answer {
    let text = |text: &str| Cbor::Text(text.to_owned());
    let item = |change: &&Change| {
        Cbor::Map(vec![
            (text("AlarmName"), text(change.alarm.as_str())),
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

fn plain_json(changes: &[&Change], next_token: Option<String>) -> Answer {
    let item = |change: &&Change| {
        json!({
            "AlarmName": change.alarm,
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
