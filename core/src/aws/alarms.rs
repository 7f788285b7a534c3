use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{AlarmType, EvaluationState, StateValue};

use super::account::Connection;
use super::alarm_history::read_history;
use super::failure::Call;
use crate::Error;
use crate::account::{AlarmReading, AlarmState, AlarmTransition};
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

    async fn read_alarm_history(
        &self,
        alarm: &AlarmName,
        after: Timestamp,
    ) -> Result<Vec<AlarmTransition>, Error> {
        read_history(&self.connection, alarm, after).await
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
            writes: false,
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
                readings.push(read!(call, alarm, alarm.evaluation_state()));
            }
            for alarm in answer.composite_alarms() {
                readings.push(read!(call, alarm, None));
            }
            for alarm in answer.log_alarms() {
                readings.push(read!(call, alarm, None));
            }
            match answer.next_token.filter(|token| !token.is_empty()) {
                // Asked for again it would lead here again, as fast as the network can.
                Some(token) if next_token.as_ref() == Some(&token) => {
                    return Err(call.endless());
                }
                Some(token) => next_token = Some(token),
                None => return Ok(()),
            }
        }
    }
}

/// A reading from any of the three kinds of alarm, which share these getters but no type. Only metric alarms say how their
/// evaluation went.
macro_rules! read {
    ($call:expr, $alarm:expr, $evaluation:expr) => {{
        let since = $alarm.state_transitioned_timestamp().or($alarm.state_updated_timestamp());
        let (state, reason) = state($alarm.state_value(), $evaluation, $alarm.state_reason());
        reading(&$call, $alarm.alarm_name(), state, reason, since)?
    }};
}
use read;

fn reading(
    call: &Call<'_>,
    name: Option<&str>,
    state: AlarmState,
    reason: String,
    since: Option<&DateTime>,
) -> Result<AlarmReading, Error> {
    let name = name.ok_or_else(|| call.misfit("an alarm's name"))?;
    Ok(AlarmReading {
        name: AlarmName::parse(name).map_err(|wrong| call.unusable(format!("an alarm's name: {wrong}")))?,
        state,
        reason,
        since: since.and_then(|at| at.to_millis().ok()).map(Timestamp::from_millis),
    })
}

/// The state that counts, and why.
///
/// An alarm that CloudWatch could not evaluate keeps the state that it had, so that an OK of it is a stale one; one
/// that was evaluated on a part of its data may have missed what breaches. Firing is firing either way.
fn state(
    state: Option<&StateValue>,
    evaluation: Option<&EvaluationState>,
    reason: Option<&str>,
) -> (AlarmState, String) {
    let reason = reason.unwrap_or_default();
    let known = match state {
        Some(StateValue::Ok) => AlarmState::Ok,
        Some(StateValue::Alarm) => return (AlarmState::Alarm, reason.to_owned()),
        Some(StateValue::InsufficientData) => AlarmState::InsufficientData,
        Some(other) => {
            let what = format!("CloudWatch says that it is in the state `{}`", other.as_str().escape_debug());
            return (AlarmState::Unreadable, with_reason(&what, reason));
        }
        None => return (AlarmState::Unreadable, with_reason("CloudWatch gave no state", reason)),
    };
    let Some(evaluation) = evaluation else { return (known, reason.to_owned()) };
    let value = evaluation.as_str().escape_debug();
    match evaluation {
        EvaluationState::PartialData => {
            let what = format!("evaluated on a part of its data alone ({value}), and was {known} then");
            (AlarmState::InsufficientData, with_reason(&what, reason))
        }
        _ => {
            let what = format!("CloudWatch could not evaluate it ({value}); it was {known} before");
            (AlarmState::Unreadable, with_reason(&what, reason))
        }
    }
}

fn with_reason(what: &str, reason: &str) -> String {
    if reason.is_empty() { what.to_owned() } else { format!("{what}: {reason}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(value: &str, evaluation: Option<&str>) -> (AlarmState, String) {
        let evaluation = evaluation.map(EvaluationState::from);
        state(Some(&StateValue::from(value)), evaluation.as_ref(), Some("why"))
    }

    #[test]
    fn an_evaluation_that_failed_leaves_nothing_to_read_unless_it_fires() {
        for evaluation in ["EVALUATION_ERROR", "EVALUATION_FAILURE", "EVALUATION_SKIPPED"] {
            for value in ["OK", "INSUFFICIENT_DATA"] {
                let (state, reason) = counts(value, Some(evaluation));
                assert_eq!(state, AlarmState::Unreadable, "{value} {evaluation}");
                assert!(reason.contains(evaluation) && reason.ends_with(": why"), "{reason}");
            }
            assert_eq!(counts("ALARM", Some(evaluation)), (AlarmState::Alarm, "why".to_owned()));
        }
        for value in ["OK", "INSUFFICIENT_DATA"] {
            let (state, reason) = counts(value, Some("PARTIAL_DATA"));
            assert_eq!(state, AlarmState::InsufficientData, "{value}");
            assert!(reason.contains("PARTIAL_DATA"), "{reason}");
        }
        assert_eq!(counts("ALARM", Some("PARTIAL_DATA")).0, AlarmState::Alarm);
        assert_eq!(counts("OK", None), (AlarmState::Ok, "why".to_owned()));
    }

    #[test]
    fn a_state_that_nobody_knows_is_neither_a_pass_nor_a_lack_of_data() {
        for value in ["SNOOZED", "ok", "", "Alarm"] {
            let (state, reason) = counts(value, None);
            assert_eq!(state, AlarmState::Unreadable, "{value}");
            assert!(reason.contains(&format!("`{value}`")), "{reason}");
        }
        assert_eq!(state(None, None, None), (AlarmState::Unreadable, "CloudWatch gave no state".to_owned()));
    }
}
