use std::time::Duration;

use super::InvalidValue;

/// The longest time a plan may name: a year and a day.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Reads a length of time in jiff's friendly form (`5m`, `2h 30m`, `90 seconds`) or as ISO 8601 (`PT5M`).
///
/// # Errors
/// When it is neither, is zero or negative, has units longer than a day (months differ in length),
/// is finer than a millisecond, or is longer than a year and a day.
///
/// ```
/// use lambda_rollout::units::parse_duration;
/// use std::time::Duration;
///
/// assert_eq!(parse_duration("2h 30m")?, Duration::from_secs(9000));
/// assert_eq!(parse_duration("PT5M")?, Duration::from_secs(300));
/// assert!(parse_duration("5 parsecs").is_err());
/// # Ok::<(), lambda_rollout::units::InvalidValue>(())
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, InvalidValue> {
    match parse_duration_or_zero(text)? {
        Duration::ZERO => Err(InvalidValue::new(format!("`{text}` is zero"), "a time greater than zero")),
        duration => Ok(duration),
    }
}

/// Reads a length of time as [`parse_duration`] does, where `0s` has a meaning: that there is no such time.
///
/// # Errors
/// As [`parse_duration`], but for zero.
///
/// ```
/// use lambda_rollout::units::parse_duration_or_zero;
/// use std::time::Duration;
///
/// assert_eq!(parse_duration_or_zero("0s")?, Duration::ZERO);
/// assert!(parse_duration_or_zero("-1s").is_err());
/// # Ok::<(), lambda_rollout::units::InvalidValue>(())
/// ```
pub fn parse_duration_or_zero(text: &str) -> Result<Duration, InvalidValue> {
    let right = "a time such as \"5m\", \"90s\", \"2h 30m\" or \"PT5M\"";
    let not_one = || InvalidValue::new(format!("`{text}` is not a length of time"), right);
    let span: jiff::Span = text.parse().map_err(|_| not_one())?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err(InvalidValue::new(
            format!("`{text}` has months or years, which differ in length"),
            right,
        ));
    }
    let signed = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| not_one())?;
    if signed.is_negative() {
        return Err(InvalidValue::new(format!("`{text}` is negative"), right));
    }
    let duration = Duration::try_from(signed).map_err(|_| not_one())?;
    if duration.subsec_nanos() % 1_000_000 != 0 {
        return Err(InvalidValue::new(format!("`{text}` is finer than a millisecond"), right));
    }
    if duration > LONGEST {
        return Err(InvalidValue::new(format!("`{text}` is longer than a year"), "366 days or less"));
    }
    Ok(duration)
}

/// Writes a length of time as [`parse_duration`] reads it: `5m`, `2h 30m`, `90ms`, `0s`.
///
/// ```
/// use lambda_rollout::units::format_duration;
/// use std::time::Duration;
///
/// assert_eq!(format_duration(Duration::from_millis(90_500)), "1m 30s 500ms");
/// ```
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    const UNITS: [(u128, &str); 5] =
        [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let mut rest = duration.as_millis();
    let mut parts = Vec::new();
    for (size, unit) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            parts.push(format!("{count}{unit}"));
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for millis in [1, 999, 1_000, 61_001, 3_600_000, 86_400_000, 90_061_001] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
        assert_eq!(parse_duration_or_zero(&format_duration(Duration::ZERO)), Ok(Duration::ZERO));
    }

    #[test]
    fn zero_in_every_form_is_zero() {
        for text in ["0s", "0m", "0h 0m", "PT0S", "0ms", "-0s"] {
            assert_eq!(parse_duration_or_zero(text), Ok(Duration::ZERO), "{text}");
            let error = parse_duration(text).expect_err(text);
            assert_eq!(error.to_string(), format!("`{text}` is zero; a time greater than zero"));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["", "0s", "0", "-5m", "5 parsecs", "1 month", "5", "1us", "2 years", "400d", "9999999999999h"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
