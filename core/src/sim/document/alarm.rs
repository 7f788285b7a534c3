use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::Span;
use crate::account::AlarmState;
use crate::units::AlarmName;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlarmSpec {
    pub(crate) name: AlarmName,
    #[serde(default = "yes")]
    pub(crate) exists: bool,
    #[serde(default)]
    pub(crate) metric: Metric,
    #[serde(default)]
    pub(crate) of: Subject,
    #[serde(default)]
    pub(crate) statistic: Option<Statistic>,
    #[serde(default)]
    pub(crate) comparison: Comparison,
    #[serde(default = "one")]
    pub(crate) threshold: f64,
    #[serde(default = "one_period")]
    pub(crate) periods: usize,
    #[serde(default)]
    pub(crate) datapoints: Option<usize>,
    #[serde(default)]
    pub(crate) missing: TreatMissing,
    #[serde(default)]
    pub(crate) state: Option<AlarmState>,
    #[serde(default)]
    pub(crate) forced: Vec<ForcedState>,
    #[serde(default)]
    pub(crate) unreadable: Vec<EvaluationOutage>,
}

fn yes() -> bool {
    true
}

fn one() -> f64 {
    1.0
}

fn one_period() -> usize {
    1
}

impl AlarmSpec {
    /// An alarm that a plan names and the scenario does not describe: errors of the new version, sum of
    /// one minute, one is too many.
    pub(crate) fn errors_of_canary(name: AlarmName) -> Self {
        Self {
            name,
            exists: true,
            metric: Metric::Errors,
            of: Subject::Canary,
            statistic: None,
            comparison: Comparison::AtLeast,
            threshold: 1.0,
            periods: 1,
            datapoints: None,
            missing: TreatMissing::NotBreaching,
            state: None,
            forced: Vec::new(),
            unreadable: Vec::new(),
        }
    }
}

/// A metric of `AWS/Lambda`, or a quotient of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Metric {
    #[default]
    Errors,
    Invocations,
    ErrorPercent,
    Duration,
}

/// Whose metric: the dimension `ExecutedVersion`, or none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Subject {
    #[default]
    Canary,
    Stable,
    Alias,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Statistic {
    Sum,
    Average,
    Minimum,
    Maximum,
    Percentile(f64),
}

impl<'de> Deserialize<'de> for Statistic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let percentile = text.strip_prefix('p').and_then(|rest| rest.parse().ok());
        match (text.as_str(), percentile) {
            ("sum", _) => Ok(Self::Sum),
            ("average", _) => Ok(Self::Average),
            ("minimum", _) => Ok(Self::Minimum),
            ("maximum", _) => Ok(Self::Maximum),
            (_, Some(percent)) if (0.0..=100.0).contains(&percent) => Ok(Self::Percentile(percent)),
            _ => Err(D::Error::custom(format!(
                "`{text}` is no statistic; sum, average, minimum, maximum or a percentile such as p99"
            ))),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) enum Comparison {
    #[default]
    #[serde(rename = ">=", alias = "GreaterThanOrEqualToThreshold")]
    AtLeast,
    #[serde(rename = ">", alias = "GreaterThanThreshold")]
    Above,
    #[serde(rename = "<=", alias = "LessThanOrEqualToThreshold")]
    AtMost,
    #[serde(rename = "<", alias = "LessThanThreshold")]
    Below,
}

/// `TreatMissingData`, in CloudWatch's own spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum TreatMissing {
    #[default]
    Missing,
    NotBreaching,
    Breaching,
    Ignore,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForcedState {
    #[serde(default)]
    pub(crate) from: Span,
    pub(crate) to: Option<Span>,
    pub(crate) state: AlarmState,
    #[serde(default)]
    pub(crate) reason: String,
}

/// A time in which CloudWatch cannot evaluate the alarm.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvaluationOutage {
    #[serde(default)]
    pub(crate) from: Span,
    pub(crate) to: Option<Span>,
    #[serde(default)]
    pub(crate) reason: String,
}
