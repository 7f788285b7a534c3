//! CloudWatch's `DescribeAlarms`, on the simulated account, in the three forms that clients speak.

use ciborium::Value as Cbor;
use lambda_rollout::account::AlarmReading;
use lambda_rollout::units::{AlarmName, Timestamp};
use serde_json::{Value, json};

use crate::answer::{Answer, Protocol};
use crate::endpoint::Account;
use crate::outside::Shown;
use crate::query::pairs;

/// What a request for alarms says.
#[derive(Debug, Default)]
struct Wanted {
    names: Vec<String>,
    types: Vec<String>,
    max_records: usize,
    next_token: usize,
}

/// The protocol of a CloudWatch request, if it is one, and its operation.
pub(crate) fn read(path: &str, target: Option<&str>, body: &[u8]) -> Option<(Protocol, String)> {
    if let Some(operation) = path.strip_prefix("/service/GraniteServiceVersion20100801/operation/") {
        return Some((Protocol::Cbor, operation.to_owned()));
    }
    if let Some(operation) = target.and_then(|target| target.strip_prefix("GraniteServiceVersion20100801.")) {
        return Some((Protocol::AwsJson, operation.to_owned()));
    }
    let pairs = pairs(std::str::from_utf8(body).ok()?);
    let operation = crate::query::value(&pairs, "Action")?;
    Some((Protocol::Query, operation.to_owned()))
}

/// The request's body as JSON, whatever the protocol.
pub(crate) fn body(protocol: Protocol, bytes: &[u8]) -> Value {
    match protocol {
        Protocol::Cbor => ciborium::from_reader::<Cbor, _>(bytes).map_or(Value::Null, untagged),
        Protocol::Query => {
            let pairs = pairs(&String::from_utf8_lossy(bytes));
            let list = |name: &str| -> Vec<String> {
                let prefix = format!("{name}.member.");
                pairs
                    .iter()
                    .filter(|(key, _)| key.starts_with(&prefix))
                    .map(|(_, value)| value.clone())
                    .collect()
            };
            let max_records =
                crate::query::value(&pairs, "MaxRecords").and_then(|text| text.parse::<u64>().ok());
            json!({
                "AlarmNames": list("AlarmNames"),
                "AlarmTypes": list("AlarmTypes"),
                "MaxRecords": max_records,
                "NextToken": crate::query::value(&pairs, "NextToken"),
            })
        }
        _ => serde_json::from_slice(bytes).unwrap_or(Value::Null),
    }
}

/// As JSON, which has no tags: a moment is its number of seconds.
fn untagged(value: Cbor) -> Value {
    match value {
        Cbor::Tag(_, inner) => untagged(*inner),
        Cbor::Array(items) => items.into_iter().map(untagged).collect(),
        Cbor::Map(entries) => {
            let entry = |(key, value): (Cbor, Cbor)| Some((key.as_text()?.to_owned(), untagged(value)));
            Value::Object(entries.into_iter().filter_map(entry).collect())
        }
        plain => plain.deserialized().unwrap_or(Value::Null),
    }
}

/// Answers `DescribeAlarms`. Without `AlarmTypes` only metric alarms come back, as from CloudWatch.
pub(crate) fn describe_alarms(protocol: Protocol, body: &Value, account: &mut Account) -> Answer {
    let wanted = wanted(body);
    if wanted.names.len() > 100 {
        let text = "AlarmNames has more than 100 members";
        return Answer::error(protocol, 400, "ValidationError", text);
    }
    let names: Vec<AlarmName> = wanted.names.iter().filter_map(|name| AlarmName::parse(name).ok()).collect();
    let readings = account.world.alarms(&names);
    let kind = |name: &AlarmName| {
        if account.composite.contains(name.as_str()) { "CompositeAlarm" } else { "MetricAlarm" }
    };
    let asked = |kind: &str| match wanted.types.as_slice() {
        [] => kind == "MetricAlarm",
        types => types.iter().any(|asked| asked == kind),
    };
    let is_there = |name: &AlarmName| !account.deleted.contains(name.as_str());
    let shown: Vec<&AlarmReading> =
        readings.iter().filter(|reading| asked(kind(&reading.name)) && is_there(&reading.name)).collect();
    let page = wanted.max_records.min(account.page_size);
    let rest = &shown[wanted.next_token.min(shown.len())..];
    let (now, later) = rest.split_at(page.min(rest.len()));
    let leads_on = !later.is_empty() || account.last_page_leads_on;
    let next_token = leads_on.then(|| (wanted.next_token + now.len()).to_string());
    let (composite, metric): (Vec<&AlarmReading>, Vec<&AlarmReading>) =
        now.iter().partition(|reading| kind(&reading.name) == "CompositeAlarm");
    let shown = |readings: &[&AlarmReading]| -> Vec<Alarm> {
        readings.iter().map(|reading| Alarm::new(reading, &account.shown(reading.name.as_str()))).collect()
    };
    let (metric, composite) = (shown(&metric), shown(&composite));
    match protocol {
        Protocol::Cbor => cbor(&metric, &composite, next_token),
        Protocol::Query => xml(&metric, &composite, next_token),
        _ => plain_json(&metric, &composite, next_token),
    }
}

/// An alarm as it is shown.
struct Alarm {
    name: String,
    state: String,
    evaluation: Option<String>,
    reason: String,
    updated: Timestamp,
    transitioned: Timestamp,
}

impl Alarm {
    fn new(reading: &AlarmReading, shown: &Shown) -> Self {
        let since = reading.since.unwrap_or(Timestamp::from_millis(0));
        Self {
            name: reading.name.to_string(),
            state: shown.state.clone().unwrap_or_else(|| reading.state.to_string()),
            evaluation: shown.evaluation.clone(),
            reason: reading.reason.clone(),
            updated: shown.updated.unwrap_or(since),
            transitioned: since,
        }
    }
}

fn wanted(body: &Value) -> Wanted {
    let list = |key: &str| -> Vec<String> {
        body[key]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect()
    };
    Wanted {
        names: list("AlarmNames"),
        types: list("AlarmTypes"),
        max_records: body["MaxRecords"].as_u64().map_or(50, |max| max as usize),
        next_token: body["NextToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or(0),
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1000.0
}

fn cbor(metric: &[Alarm], composite: &[Alarm], next_token: Option<String>) -> Answer {
    let text = |text: &str| Cbor::Text(text.to_owned());
    // Tag 1 is a moment in seconds of Unix time.
    let moment = |at: Timestamp| Cbor::Tag(1, Box::new(Cbor::Float(seconds(at))));
    let show = |alarm: &Alarm| {
        let mut map = vec![
            (text("AlarmName"), text(&alarm.name)),
            (text("StateValue"), text(&alarm.state)),
            (text("StateReason"), text(&alarm.reason)),
            (text("StateUpdatedTimestamp"), moment(alarm.updated)),
            (text("StateTransitionedTimestamp"), moment(alarm.transitioned)),
        ];
        map.extend(alarm.evaluation.as_deref().map(|state| (text("EvaluationState"), text(state))));
        Cbor::Map(map)
    };
    let mut body = vec![
        (text("MetricAlarms"), Cbor::Array(metric.iter().map(show).collect())),
        (text("CompositeAlarms"), Cbor::Array(composite.iter().map(show).collect())),
    ];
    body.extend(next_token.map(|token| (text("NextToken"), Cbor::Text(token))));
    Answer::cbor(200, &Cbor::Map(body))
}

fn plain_json(metric: &[Alarm], composite: &[Alarm], next_token: Option<String>) -> Answer {
    let show = |alarm: &Alarm| {
        let mut map = json!({
            "AlarmName": alarm.name,
            "StateValue": alarm.state,
            "StateReason": alarm.reason,
            "StateUpdatedTimestamp": seconds(alarm.updated),
            "StateTransitionedTimestamp": seconds(alarm.transitioned),
        });
        if let Some(state) = &alarm.evaluation {
            map["EvaluationState"] = json!(state);
        }
        map
    };
    let mut body = json!({
        "MetricAlarms": metric.iter().map(show).collect::<Vec<_>>(),
        "CompositeAlarms": composite.iter().map(show).collect::<Vec<_>>(),
    });
    if let Some(token) = next_token {
        body["NextToken"] = json!(token);
    }
    let mut answer = Answer::json(200, &body);
    answer.headers[0].1 = "application/x-amz-json-1.0".to_owned();
    answer
}

fn xml(metric: &[Alarm], composite: &[Alarm], next_token: Option<String>) -> Answer {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let show = |alarm: &Alarm| {
        let evaluation = alarm.evaluation.as_deref().unwrap_or_default();
        let evaluation = match evaluation {
            "" => String::new(),
            state => format!("<EvaluationState>{state}</EvaluationState>"),
        };
        format!(
            "<member><AlarmName>{}</AlarmName><StateValue>{}</StateValue><StateReason>{}</StateReason>{evaluation}\
             <StateUpdatedTimestamp>{}</StateUpdatedTimestamp>\
             <StateTransitionedTimestamp>{}</StateTransitionedTimestamp></member>",
            escape(&alarm.name),
            alarm.state,
            escape(&alarm.reason),
            alarm.updated,
            alarm.transitioned,
        )
    };
    let list = |name: &str, alarms: &[Alarm]| {
        format!("<{name}>{}</{name}>", alarms.iter().map(show).collect::<String>())
    };
    let token = next_token.map(|token| format!("<NextToken>{token}</NextToken>")).unwrap_or_default();
    let result = format!("{}{}{token}", list("MetricAlarms", metric), list("CompositeAlarms", composite));
    let xmlns = "http://monitoring.amazonaws.com/doc/2010-08-01/";
    Answer::new(
        200,
        "text/xml",
        format!(
            "<DescribeAlarmsResponse xmlns=\"{xmlns}\"><DescribeAlarmsResult>{result}</DescribeAlarmsResult>\
             <ResponseMetadata><RequestId>simulated</RequestId></ResponseMetadata></DescribeAlarmsResponse>"
        ),
    )
}
