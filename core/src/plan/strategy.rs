use std::fmt;
use std::time::Duration;

use super::strategy_name;
use super::{Schedule, Step};
use crate::units::{InvalidValue, Weight, format_duration, parse_duration, parse_duration_or_zero};

/// How the weight rises. The first shift happens at once.
///
/// Make one with [`Strategy::named`] or with the constructors, which check their bounds. One that is put
/// together by hand is checked when the plan is built.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// A share, one interval, then all.
    Canary {
        /// The share.
        percent: Weight,
        /// How long it is held.
        interval: Duration,
    },
    /// The same share more at each interval.
    Linear {
        /// The share added each time.
        percent: Weight,
        /// How long each weight is held.
        interval: Duration,
    },
    /// A share that is multiplied at each interval.
    Exponential {
        /// The first share.
        percent: Weight,
        /// What it is multiplied by, in thousandths: 2000 doubles it.
        factor_thousandths: u32,
        /// How long each weight is held.
        interval: Duration,
    },
    /// All traffic in one shift.
    AllAtOnce,
    /// Any list of rising weights below 100 %.
    Steps(Vec<Step>),
}

impl Strategy {
    /// The most steps that a strategy may have below 100 %.
    pub const MOST_STEPS: usize = 1000;

    /// A strategy by its name, in every spelling that AWS has: CodeDeploy's
    /// (`CodeDeployDefault.LambdaCanary10Percent5Minutes`), SAM's (`Canary10Percent5Minutes`, also with
    /// `Lambda` in front) and CDK's (`CANARY_10PERCENT_5MINUTES`); and the same patterns with any other
    /// number, and with seconds and hours: `Linear2.5PercentEvery30Seconds`.
    ///
    /// Letter case does not count, nor does singular or plural.
    ///
    /// # Errors
    /// When the name follows none of the patterns, or its numbers are out of bounds.
    ///
    /// ```
    /// use lambda_rollout::plan::Strategy;
    ///
    /// let strategy = Strategy::named("CodeDeployDefault.LambdaCanary10Percent5Minutes")?;
    /// assert_eq!(strategy, Strategy::named("CANARY_10PERCENT_5MINUTES")?);
    /// assert_eq!(strategy.to_string(), "Canary10Percent5Minutes");
    /// assert!(Strategy::named("Canary100Percent5Minutes").is_err());
    /// # Ok::<(), lambda_rollout::units::InvalidValue>(())
    /// ```
    pub fn named(name: &str) -> Result<Self, InvalidValue> {
        strategy_name::parse(name)
    }

    /// A share of traffic, held for an interval; then all.
    ///
    /// # Errors
    /// When the share is not above 0 and below 100 %, or the interval is not a time that a plan may name.
    pub fn canary(percent: Weight, interval: Duration) -> Result<Self, InvalidValue> {
        Ok(Self::Canary { percent: check_share(percent)?, interval: check_time(interval)? })
    }

    /// The same share more at each interval: 30 % every minute is 30, 60, 90, then 100 %.
    ///
    /// # Errors
    /// As for [`Strategy::canary`], and when there would be more than [`Strategy::MOST_STEPS`] steps.
    pub fn linear(percent: Weight, interval: Duration) -> Result<Self, InvalidValue> {
        Self::Linear { percent: check_share(percent)?, interval: check_time(interval)? }.within_most_steps()
    }

    /// A share that is multiplied at each interval: 1 % times 2 is 1, 2, 4, … 64, then 100 %. Weights are
    /// rounded to 0.01 %, and each is at least that much above the one before.
    ///
    /// # Errors
    /// As for [`Strategy::linear`], and when the factor is not above 1 and at most 10,000 with three
    /// decimals.
    pub fn exponential(percent: Weight, factor: f64, interval: Duration) -> Result<Self, InvalidValue> {
        Self::Exponential {
            percent: check_share(percent)?,
            factor_thousandths: check_factor(factor)?,
            interval: check_time(interval)?,
        }
        .within_most_steps()
    }

    /// These steps; then all.
    ///
    /// # Errors
    /// When there is none or more than [`Strategy::MOST_STEPS`], a weight is not above 0 and below 100 %,
    /// weights do not rise, or a hold is neither zero nor a time that a plan may name.
    pub fn steps(steps: impl Into<Vec<Step>>) -> Result<Self, InvalidValue> {
        let steps = steps.into();
        let mut before = None;
        for step in &steps {
            check_share(step.weight)?;
            parse_duration_or_zero(&super::writer::duration_text(step.hold))?;
            check_rise(before, step.weight)?;
            before = Some(step.weight);
        }
        check_step_count(steps.len())?;
        Ok(Self::Steps(steps))
    }

    /// The strategy written out: every weight below 100 % and how long it is held.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        match self {
            Self::Canary { percent, interval } => held(std::iter::once(percent.basis_points()), *interval),
            Self::Linear { percent, interval } => {
                let share = percent.basis_points().max(1);
                held((share..Weight::FULL.basis_points()).step_by(usize::from(share)), *interval)
            }
            Self::Exponential { percent, factor_thousandths, interval } => {
                held(multiplied(*percent, *factor_thousandths), *interval)
            }
            Self::AllAtOnce => Schedule::default(),
            Self::Steps(steps) => Schedule::of_rising(steps.iter().copied()),
        }
    }

    fn within_most_steps(self) -> Result<Self, InvalidValue> {
        check_step_count(self.schedule().steps().len())?;
        Ok(self)
    }
}

fn held(weights: impl Iterator<Item = u16>, hold: Duration) -> Schedule {
    let weights = weights.filter_map(|points| Weight::from_basis_points(points).ok());
    Schedule::of_rising(weights.map(|weight| Step { weight, hold, gate: false }))
}

/// Hundredths of a per cent from the share upwards, until all traffic is reached.
fn multiplied(percent: Weight, factor_thousandths: u32) -> impl Iterator<Item = u16> {
    let factor = f64::from(factor_thousandths) / 1000.0;
    let first = percent.basis_points().max(1);
    // What the share would be without rounding: small factors must not be lost to it.
    let mut exact = f64::from(first);
    std::iter::successors(Some(first), move |before| {
        exact *= factor;
        // A cast to u16 stops at its bounds.
        Some((exact.round() as u16).max(before.saturating_add(1)))
    })
    .take_while(|points| *points < Weight::FULL.basis_points())
}

pub(super) fn check_share(percent: Weight) -> Result<Weight, InvalidValue> {
    if percent > Weight::ZERO && percent < Weight::FULL {
        return Ok(percent);
    }
    let right =
        if percent == Weight::FULL { "a share below 100, or the strategy `AllAtOnce`" } else { SHARE };
    Err(InvalidValue::new(format!("`{}` is not above 0 and below 100", percent.percent()), right))
}

/// What a share has to be.
pub(super) const SHARE: &str =
    "a per cent above 0 and below 100 with at most two decimals, such as 10 or 0.5";

pub(super) fn check_factor(factor: f64) -> Result<u32, InvalidValue> {
    let thousandths = factor * 1000.0;
    // NaN and infinity are in no range.
    let in_bounds = factor > 1.0 && factor <= 10_000.0;
    if !in_bounds || (thousandths - thousandths.round()).abs() > 1e-6 {
        return Err(InvalidValue::new(format!("`{factor}` is not a factor above 1"), FACTOR));
    }
    Ok(thousandths.round() as u32)
}

/// What a factor has to be.
pub(super) const FACTOR: &str =
    "a number above 1, at most 10000, with at most three decimals, such as 2 or 1.5";

fn check_time(time: Duration) -> Result<Duration, InvalidValue> {
    parse_duration(&super::writer::duration_text(time))
}

pub(super) fn check_rise(before: Option<Weight>, next: Weight) -> Result<(), InvalidValue> {
    match before {
        Some(before) if next <= before => Err(InvalidValue::new(
            format!("`{}` does not rise above the step before it, `{}`", next.percent(), before.percent()),
            "steps in rising order, each above the one before",
        )),
        _ => Ok(()),
    }
}

pub(super) fn check_step_count(count: usize) -> Result<(), InvalidValue> {
    match count {
        0 => Err(InvalidValue::new("there are no steps", "at least one step, or the strategy `AllAtOnce`")),
        1..=Strategy::MOST_STEPS => Ok(()),
        _ => Err(InvalidValue::new(
            format!("the strategy comes to `{count}` steps"),
            format!("at most {} steps: a larger percent or factor", Strategy::MOST_STEPS),
        )),
    }
}

/// AWS's own name for the nine strategies that CodeDeploy defines for Lambda, as SAM writes it; otherwise a
/// short form such as `linear 5 % every 1m` or `steps 1 %, 25 %`.
impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = strategy_name::predefined(self) {
            return f.write_str(name);
        }
        match self {
            Self::Canary { percent, interval } => {
                write!(f, "canary {percent} for {}", format_duration(*interval))
            }
            Self::Linear { percent, interval } => {
                write!(f, "linear {percent} every {}", format_duration(*interval))
            }
            Self::Exponential { percent, factor_thousandths, interval } => {
                let factor = f64::from(*factor_thousandths) / 1000.0;
                write!(f, "exponential {percent} times {factor} every {}", format_duration(*interval))
            }
            Self::AllAtOnce => f.write_str("AllAtOnce"),
            Self::Steps(steps) => write_steps(f, steps),
        }
    }
}

fn write_steps(f: &mut fmt::Formatter<'_>, steps: &[Step]) -> fmt::Result {
    const SHOWN: usize = 6;
    f.write_str("steps")?;
    for (index, step) in steps.iter().take(SHOWN).enumerate() {
        write!(f, "{} {}", if index > 0 { "," } else { "" }, step.weight)?;
    }
    if steps.len() > SHOWN {
        write!(f, " and {} more", steps.len() - SHOWN)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn percent(percent: f64) -> Weight {
        Weight::from_percent(percent).expect("a per cent")
    }

    fn weights(strategy: &Strategy) -> Vec<f64> {
        strategy.schedule().steps().iter().map(|step| step.weight.percent()).collect()
    }

    #[test]
    fn linear_adds_the_same_share_and_ends_below_all() {
        let tenths = Strategy::linear(percent(10.0), MINUTE).expect("in bounds");
        assert_eq!(weights(&tenths), [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]);
        assert_eq!(tenths.schedule().time_to_full(), 9 * MINUTE);
        let uneven = Strategy::linear(percent(30.0), MINUTE).expect("in bounds");
        assert_eq!(weights(&uneven), [30.0, 60.0, 90.0]);
    }

    #[test]
    fn exponential_multiplies_and_always_rises() {
        let doubled = Strategy::exponential(percent(1.0), 2.0, MINUTE).expect("in bounds");
        assert_eq!(weights(&doubled), [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]);
        let slow = Strategy::exponential(percent(0.01), 1.5, MINUTE).expect("in bounds");
        assert_eq!(weights(&slow)[..6], [0.01, 0.02, 0.03, 0.04, 0.05, 0.08]);
    }

    #[test]
    fn all_at_once_has_no_step_and_a_canary_has_one() {
        assert!(weights(&Strategy::AllAtOnce).is_empty());
        assert_eq!(weights(&Strategy::canary(percent(0.5), MINUTE).expect("in bounds")), [0.5]);
    }

    #[test]
    fn what_breaks_the_bounds_is_refused() {
        assert!(Strategy::canary(Weight::ZERO, MINUTE).is_err());
        assert!(Strategy::canary(Weight::FULL, MINUTE).is_err());
        assert!(Strategy::canary(percent(10.0), Duration::ZERO).is_err());
        assert!(Strategy::canary(percent(10.0), Duration::from_micros(1_500)).is_err());
        assert!(Strategy::canary(percent(10.0), Duration::MAX).is_err());
        assert!(Strategy::linear(percent(0.1), MINUTE).is_ok());
        let error = Strategy::linear(percent(0.01), MINUTE).expect_err("too many");
        assert_eq!(
            error.to_string(),
            "the strategy comes to `9999` steps; at most 1000 steps: a larger percent or factor"
        );
        for factor in [1.0, 0.5, -2.0, f64::NAN, f64::INFINITY, 1.0005, 10_001.0] {
            assert!(Strategy::exponential(percent(1.0), factor, MINUTE).is_err(), "{factor}");
        }
        assert!(Strategy::steps([]).is_err());
    }

    #[test]
    fn a_strategy_put_together_by_hand_still_gives_a_rising_schedule() {
        let step = |weight| Step { weight, hold: MINUTE, gate: false };
        let steps = [percent(5.0), percent(2.0), Weight::FULL, percent(5.0), percent(6.0)].map(step);
        assert_eq!(weights(&Strategy::Steps(steps.to_vec())), [5.0, 6.0]);
        assert_eq!(weights(&Strategy::Linear { percent: Weight::ZERO, interval: MINUTE }).len(), 9999);
        let still = Strategy::Exponential { percent: percent(99.0), factor_thousandths: 0, interval: MINUTE };
        assert_eq!(weights(&still).len(), 100);
    }

    #[test]
    fn the_short_form_is_the_aws_name_where_there_is_one() {
        let step = |weight| Step { weight: percent(weight), hold: MINUTE, gate: true };
        let texts = [
            Strategy::canary(percent(10.0), 5 * MINUTE),
            Strategy::linear(percent(10.0), MINUTE),
            Ok(Strategy::AllAtOnce),
            Strategy::canary(percent(10.0), 7 * MINUTE),
            Strategy::canary(percent(20.0), 5 * MINUTE),
            Strategy::linear(percent(2.5), 90 * MINUTE),
            Strategy::exponential(percent(1.0), 1.5, MINUTE),
            Strategy::steps([1.0, 25.0].map(step)),
            Strategy::steps([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0].map(step)),
        ]
        .map(|strategy| strategy.expect("in bounds").to_string());
        assert_eq!(
            texts,
            [
                "Canary10Percent5Minutes",
                "Linear10PercentEvery1Minute",
                "AllAtOnce",
                "canary 10 % for 7m",
                "canary 20 % for 5m",
                "linear 2.5 % every 1h 30m",
                "exponential 1 % times 1.5 every 1m",
                "steps 1 %, 25 %",
                "steps 1 %, 2 %, 3 %, 4 %, 5 %, 6 % and 2 more",
            ]
        );
    }
}
