//! The names of strategies: CodeDeploy's, SAM's and CDK's spellings, read as one pattern.

use std::time::Duration;

use super::Strategy;
use super::nearest::nearest;
use crate::units::{InvalidValue, Weight};

/// The strategies that CodeDeploy defines for Lambda, as SAM writes them; CodeDeploy puts
/// `CodeDeployDefault.Lambda` in front
/// (<https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html>).
pub(super) const PREDEFINED: [&str; 9] = [
    "Canary10Percent5Minutes",
    "Canary10Percent10Minutes",
    "Canary10Percent15Minutes",
    "Canary10Percent30Minutes",
    "Linear10PercentEvery1Minute",
    "Linear10PercentEvery2Minutes",
    "Linear10PercentEvery3Minutes",
    "Linear10PercentEvery10Minutes",
    "AllAtOnce",
];

const PATTERNS: &str = "a name such as `Canary10Percent5Minutes`, `Linear10PercentEvery1Minute` or `AllAtOnce` \
                        with any number, in seconds, minutes or hours, or a table with a `kind`";

/// What stands in front of a name in CodeDeploy, in CDK and in CloudFormation; the longest first.
const PREFIXES: [&str; 3] = ["CodeDeployDefault.Lambda", "LambdaDeploymentConfig.", "Lambda"];

pub(super) fn parse(name: &str) -> Result<Strategy, InvalidValue> {
    let bare = PREFIXES.iter().find_map(|prefix| strip_prefix_any_case(name, prefix)).unwrap_or(name);
    if ["allatonce", "all_at_once", "all-at-once"].contains(&bare.to_ascii_lowercase().as_str()) {
        return Ok(Strategy::AllAtOnce);
    }
    let in_name = |error: InvalidValue| {
        InvalidValue::new(format!("`{name}` is out of bounds: {}", error.wrong), error.right)
    };
    let Some(Parts { linear, percent, interval }) = Parts::of(bare) else {
        return Err(unknown(name, bare));
    };
    let percent = Weight::from_percent(percent).map_err(in_name)?;
    let make = if linear { Strategy::linear } else { Strategy::canary };
    make(percent, interval).map_err(in_name)
}

fn unknown(name: &str, bare: &str) -> InvalidValue {
    let wrong = format!("`{name}` is no strategy");
    match nearest(bare, &PREDEFINED) {
        Some(near) => InvalidValue::new(wrong, format!("perhaps `{near}`; {PATTERNS}")),
        None => InvalidValue::new(wrong, PATTERNS),
    }
}

/// AWS's own name of a strategy, if it has one.
pub(super) fn predefined(strategy: &Strategy) -> Option<&'static str> {
    let (start, percent, interval) = match strategy {
        Strategy::AllAtOnce => return Some("AllAtOnce"),
        Strategy::Canary { percent, interval } => ("Canary10Percent", percent, interval),
        Strategy::Linear { percent, interval } => ("Linear10PercentEvery", percent, interval),
        Strategy::Exponential { .. } | Strategy::Steps(_) => return None,
    };
    let whole_minutes = interval.as_millis().is_multiple_of(60_000);
    if percent.basis_points() != 1000 || !whole_minutes {
        return None;
    }
    let minutes = (interval.as_secs() / 60).to_string();
    PREDEFINED.into_iter().find(|name| {
        let end = name.strip_prefix(start).and_then(|rest| rest.strip_prefix(&minutes));
        matches!(end, Some("Minute" | "Minutes"))
    })
}

/// What a name that follows the pattern says; the numbers are not checked yet.
struct Parts {
    linear: bool,
    percent: f64,
    interval: Duration,
}

impl Parts {
    fn of(bare: &str) -> Option<Self> {
        let mut words = Words(bare);
        let linear = words.next_is("linear");
        if !linear && !words.next_is("canary") {
            return None;
        }
        let percent = words.number()?;
        let follows = words.next_is("percent") && (!linear || words.next_is("every"));
        if !follows {
            return None;
        }
        let count: u64 = words.whole_number()?;
        let unit = [("second", 1), ("minute", 60), ("hour", 3600)]
            .into_iter()
            .find_map(|(word, seconds)| words.next_is(word).then_some(seconds))?;
        let plural_or_end = words.0.is_empty() || words.0.eq_ignore_ascii_case("s");
        let interval = Duration::from_secs(count.checked_mul(unit)?);
        plural_or_end.then_some(Self { linear, percent, interval })
    }
}

/// A name, word by word. CDK puts `_` between words; between the digits of a number it could hide a decimal
/// point, so there it is not taken.
struct Words<'a>(&'a str);

impl Words<'_> {
    fn next_is(&mut self, word: &str) -> bool {
        let rest = self.0.strip_prefix('_').unwrap_or(self.0);
        let Some(rest) = strip_prefix_any_case(rest, word) else { return false };
        self.0 = rest;
        true
    }

    fn digits(&mut self) -> Option<&str> {
        let rest = self.0.strip_prefix('_').unwrap_or(self.0);
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (digits, rest) = rest.split_at(end);
        self.0 = rest;
        digits.starts_with(|c: char| c.is_ascii_digit()).then_some(digits)
    }

    fn number(&mut self) -> Option<f64> {
        self.digits()?.parse().ok()
    }

    fn whole_number(&mut self) -> Option<u64> {
        self.digits()?.parse().ok()
    }
}

fn strip_prefix_any_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::parse_duration;

    fn canary(percent: f64, interval: &str) -> Strategy {
        let percent = Weight::from_percent(percent).expect("a per cent");
        Strategy::canary(percent, parse_duration(interval).expect("a time")).expect("in bounds")
    }

    fn linear(percent: f64, interval: &str) -> Strategy {
        let percent = Weight::from_percent(percent).expect("a per cent");
        Strategy::linear(percent, parse_duration(interval).expect("a time")).expect("in bounds")
    }

    #[test]
    fn every_predefined_name_is_read_in_every_spelling_and_written_again() {
        for name in PREDEFINED {
            let strategy = parse(name).expect(name);
            assert_eq!(predefined(&strategy), Some(name));
            assert_eq!(strategy.to_string(), name);
            for prefix in PREFIXES {
                assert_eq!(parse(&format!("{prefix}{name}")).as_ref(), Ok(&strategy), "{prefix}{name}");
            }
            assert_eq!(parse(&name.to_uppercase()).as_ref(), Ok(&strategy));
        }
    }

    #[test]
    fn cdk_constants_are_read() {
        for (constant, strategy) in [
            ("ALL_AT_ONCE", Strategy::AllAtOnce),
            ("CANARY_10PERCENT_5MINUTES", canary(10.0, "5m")),
            ("CANARY_10PERCENT_30MINUTES", canary(10.0, "30m")),
            ("LINEAR_10PERCENT_EVERY_1MINUTE", linear(10.0, "1m")),
            ("LINEAR_10PERCENT_EVERY_10MINUTES", linear(10.0, "10m")),
            ("LambdaDeploymentConfig.CANARY_10PERCENT_15MINUTES", canary(10.0, "15m")),
        ] {
            assert_eq!(parse(constant), Ok(strategy), "{constant}");
        }
    }

    #[test]
    fn any_number_and_unit_follow_the_same_pattern() {
        for (name, strategy) in [
            ("Canary0.5Percent5Minutes", canary(0.5, "5m")),
            ("Canary25Percent1Hour", canary(25.0, "1h")),
            ("LambdaLinear2.5PercentEvery30Seconds", linear(2.5, "30s")),
            ("linear50percentevery1second", linear(50.0, "1s")),
            ("Canary10Percent1Minutes", canary(10.0, "1m")),
            ("all-at-once", Strategy::AllAtOnce),
        ] {
            assert_eq!(parse(name), Ok(strategy), "{name}");
        }
    }

    #[test]
    fn what_follows_no_pattern_is_refused() {
        for name in [
            "",
            "Lambda",
            "Canary",
            "Canary10Percent",
            "Canary10Percent5",
            "Canary10Percent5Parsecs",
            "Canary10Percent5Minutesx",
            "Canary10PercentEvery5Minutes",
            "Linear10Percent5Minutes",
            "Canary-5Percent5Minutes",
            "CANARY_0_5PERCENT_5MINUTES",
            "Canary1e1Percent5Minutes",
            "Canary.5Percent5Minutes",
            "Canary10Percent1.5Minutes",
            "Canary10Percent99999999999999999999Minutes",
            "Canary10Percent18446744073709551615Hours",
            "CodeDeployDefault.AllAtOnce",
            "CodeDeployDefault.ECSAllAtOnce",
            "Cänary10Percent5Minutes",
        ] {
            assert!(parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn numbers_out_of_bounds_are_named() {
        for (name, wrong) in [
            ("Canary0Percent5Minutes", "`0` is not above 0 and below 100"),
            ("Canary100Percent5Minutes", "`100` is not above 0 and below 100"),
            ("Canary101Percent5Minutes", "`101` is not between 0 and 100"),
            ("Canary0.001Percent5Minutes", "`0.001` is finer than 0.01"),
            ("Canary10Percent0Minutes", "`0s` is zero"),
            ("Canary10Percent9000Hours", "`375d` is longer than a year"),
            ("Linear0.01PercentEvery1Minute", "the strategy comes to `9999` steps"),
        ] {
            let error = parse(name).expect_err(name);
            assert_eq!(error.wrong, format!("`{name}` is out of bounds: {wrong}"));
        }
    }

    #[test]
    fn a_slip_is_answered_with_the_name_meant() {
        let error = parse("Canry10Percent5Minutes").expect_err("a slip");
        assert_eq!(error.wrong, "`Canry10Percent5Minutes` is no strategy");
        assert!(
            error.right.starts_with("perhaps `Canary10Percent5Minutes`; a name such as"),
            "{}",
            error.right
        );
        assert!(parse("blue-green").expect_err("another word").right.starts_with("a name such as"));
    }
}
