use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{AlarmHistoryItem, AlarmType, HistoryItemType, ScanBy, StateValue};
use serde::Deserialize;

use super::account::Connection;
use super::failure::Call;
use crate::Error;
use crate::account::{AlarmState, AlarmTransition};
use crate::units::{AlarmName, Timestamp};

/// The most items that one call gives
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html>).
const ITEMS_A_CALL: i32 = 100;
/// The most pages that are read: an alarm that has changed a thousand times between two readings tells nothing more.
const MOST_PAGES: usize = 10;

/// Every change of this alarm's state after `after`, oldest first.
pub(super) async fn read_history(
    connection: &Connection,
    alarm: &AlarmName,
    after: Timestamp,
) -> Result<Vec<AlarmTransition>, Error> {
    let call = Call {
        operation: "DescribeAlarmHistory",
        action: "cloudwatch:DescribeAlarmHistory",
        resource: "*".to_owned(),
        endpoint: connection.cloudwatch_endpoint(),
        quotable: true,
        writes: false,
    };
    let mut transitions = Vec::new();
    let mut next_token: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let request = connection
            .cloudwatch()
            .describe_alarm_history()
            .alarm_name(alarm.as_str())
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .alarm_types(AlarmType::LogAlarm)
            .history_item_type(HistoryItemType::StateUpdate)
            .start_date(DateTime::from_millis(after.as_millis()))
            .scan_by(ScanBy::TimestampAscending)
            .max_records(ITEMS_A_CALL)
            .set_next_token(next_token.clone());
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        for item in answer.alarm_history_items() {
            transitions.push(transition(&call, item)?);
        }
        match answer.next_token.filter(|token| !token.is_empty()) {
            Some(token) if next_token.as_ref() == Some(&token) => return Err(call.endless()),
            Some(token) => next_token = Some(token),
            None => {
                transitions.retain(|transition| transition.at > after);
                // Emulators are known to ignore the order that was asked for.
                transitions.sort_by_key(|transition| transition.at);
                return Ok(transitions);
            }
        }
    }
    Err(call.endless())
}

fn transition(call: &Call<'_>, item: &AlarmHistoryItem) -> Result<AlarmTransition, Error> {
    let at = item.timestamp().and_then(|at| at.to_millis().ok());
    let at = Timestamp::from_millis(at.ok_or_else(|| call.misfit("the time of a change"))?);
    let data = item.history_data().and_then(of_data);
    let (state, reason) = match data.or_else(|| item.history_summary().and_then(of_summary)) {
        Some(found) => found,
        None => return Err(call.misfit("the state that an alarm changed to")),
    };
    let to = match StateValue::from(state.as_str()) {
        StateValue::Ok => AlarmState::Ok,
        StateValue::Alarm => AlarmState::Alarm,
        StateValue::InsufficientData => AlarmState::InsufficientData,
        _ => AlarmState::Unreadable,
    };
    Ok(AlarmTransition { at, to, reason })
}

/// The new state and its reason from `HistoryData`, which is JSON in a text.
fn of_data(data: &str) -> Option<(String, String)> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Data {
        new_state: NewState,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct NewState {
        state_value: String,
        #[serde(default)]
        state_reason: String,
    }
    let Data { new_state } = serde_json::from_str(data).ok()?;
    Some((new_state.state_value, new_state.state_reason))
}

/// The new state from `Alarm updated from OK to ALARM`, which stands for the reason as well.
fn of_summary(summary: &str) -> Option<(String, String)> {
    let state = summary.rsplit_once(" to ")?.1.trim();
    Some((state.trim_end_matches('.').to_owned(), summary.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call<'static> {
        Call {
            operation: "DescribeAlarmHistory",
            action: "cloudwatch:DescribeAlarmHistory",
            resource: "*".to_owned(),
            endpoint: "the CloudWatch endpoint",
            quotable: true,
            writes: false,
        }
    }

    fn read(data: Option<&str>, summary: Option<&str>) -> Result<(AlarmState, String), Error> {
        let item = AlarmHistoryItem::builder()
            .timestamp(DateTime::from_millis(1_500))
            .set_history_data(data.map(str::to_owned))
            .set_history_summary(summary.map(str::to_owned));
        let read = transition(&call(), &item.build())?;
        assert_eq!(read.at, Timestamp::from_millis(1_500));
        Ok((read.to, read.reason))
    }

    #[test]
    fn the_new_state_is_in_the_data_and_failing_that_in_the_summary() {
        let data = r#"{"version":"1.0","oldState":{"stateValue":"OK"},"newState":{"stateValue":"ALARM","stateReason":"too many","stateReasonData":{"x":1}}}"#;
        let summary = "Alarm updated from OK to INSUFFICIENT_DATA";
        assert_eq!(
            read(Some(data), Some(summary)).expect("read"),
            (AlarmState::Alarm, "too many".to_owned())
        );
        for data in [None, Some(""), Some("{"), Some("{}"), Some(r#"{"newState":{}}"#)] {
            let expected = (AlarmState::InsufficientData, summary.to_owned());
            assert_eq!(read(data, Some(summary)).expect("read"), expected, "{data:?}");
        }
        assert_eq!(read(None, Some("Alarm updated from ALARM to OK.")).expect("read").0, AlarmState::Ok);
        let unknown = r#"{"newState":{"stateValue":"SNOOZED"}}"#;
        assert_eq!(read(Some(unknown), None).expect("read").0, AlarmState::Unreadable);
        for (data, summary) in [(None, None), (Some("{}"), Some("Alarm created"))] {
            assert_eq!(read(data, summary).expect_err("nothing to read").kind(), crate::ErrorKind::Rejected);
        }
    }

    #[test]
    fn a_change_without_a_time_cannot_be_worked_with() {
        let item = AlarmHistoryItem::builder().history_summary("Alarm updated from OK to ALARM").build();
        assert_eq!(transition(&call(), &item).expect_err("no time").kind(), crate::ErrorKind::Rejected);
    }
}
