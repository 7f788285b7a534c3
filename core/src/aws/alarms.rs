use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{AlarmType, StateValue};

use super::account::Connection;
use super::failure::Call;
use crate::Error;
use crate::account::{AlarmReading, AlarmState};
use crate::ports::AlarmPort;
use crate::units::{AlarmName, Timestamp};

/// The most names that one `DescribeAlarms` takes, and the most alarms that it gives back
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>).
const NAMES_A_CALL: usize = 100;

/// Alarms of CloudWatch.
pub(super) struct CloudWatchAlarms {
    pub(super) connection: Arc<Connection>,
}

#[async_trait]
impl AlarmPort for CloudWatchAlarms {
    async fn read_alarms(&self, names: &[AlarmName]) -> Result<Vec<AlarmReading>, Error> {
        let mut readings = Vec::with_capacity(names.len());
        for chunk in names.chunks(NAMES_A_CALL) {
            self.read_chunk(chunk, &mut readings).await?;
        }
        Ok(readings)
    }
}

impl CloudWatchAlarms {
    async fn read_chunk(&self, names: &[AlarmName], readings: &mut Vec<AlarmReading>) -> Result<(), Error> {
        let call = Call {
            operation: "DescribeAlarms",
            action: "cloudwatch:DescribeAlarms",
            resource: "*".to_owned(),
            endpoint: self.connection.cloudwatch_endpoint(),
            quotable: true,
        };
        let mut next_token: Option<String> = None;
        loop {
            let request = self
                .connection
                .cloudwatch()
                .describe_alarms()
                .set_alarm_names(Some(names.iter().map(AlarmName::to_string).collect()))
                .alarm_types(AlarmType::MetricAlarm)
                .alarm_types(AlarmType::CompositeAlarm)
                .alarm_types(AlarmType::LogAlarm)
                .max_records(NAMES_A_CALL as i32)
                .set_next_token(next_token.clone());
            let answer = request.send().await.map_err(|error| call.failed(error))?;
            for alarm in answer.metric_alarms() {
                readings.push(read!(call, alarm));
            }
            for alarm in answer.composite_alarms() {
                readings.push(read!(call, alarm));
            }
            for alarm in answer.log_alarms() {
                readings.push(read!(call, alarm));
            }
            match answer.next_token.filter(|token| !token.is_empty()) {
                // Asked for again it would lead here again, as fast as the network can.
                Some(token) if next_token.as_ref() == Some(&token) => {
                    return Err(call.misfit("an end to its pages"));
                }
                Some(token) => next_token = Some(token),
                None => return Ok(()),
            }
        }
    }
}

/// A reading from any of the three kinds of alarm, which share these getters but no type.
macro_rules! read {
    ($call:expr, $alarm:expr) => {{
        let since = $alarm.state_transitioned_timestamp().or($alarm.state_updated_timestamp());
        reading(&$call, $alarm.alarm_name(), $alarm.state_value(), $alarm.state_reason(), since)?
    }};
}
use read;

fn reading(
    call: &Call<'_>,
    name: Option<&str>,
    state: Option<&StateValue>,
    reason: Option<&str>,
    since: Option<&DateTime>,
) -> Result<AlarmReading, Error> {
    let name = name.ok_or_else(|| call.misfit("an alarm's name"))?;
    Ok(AlarmReading {
        name: AlarmName::parse(name).map_err(|wrong| call.unusable(format!("an alarm's name: {wrong}")))?,
        state: match state {
            Some(StateValue::Ok) => AlarmState::Ok,
            Some(StateValue::Alarm) => AlarmState::Alarm,
            _ => AlarmState::InsufficientData,
        },
        reason: reason.unwrap_or_default().to_owned(),
        since: since.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis),
    })
}
