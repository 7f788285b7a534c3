use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use super::{InvalidValue, text_value};

/// A moment: milliseconds of Unix time. Wall-clock time, since a rollout outlives a process.
///
/// ```
/// use lambda_rollout::units::Timestamp;
/// use std::time::Duration;
///
/// let at = Timestamp::parse("2026-11-23T03:33:46.102Z")?;
/// assert_eq!((at + Duration::from_secs(60)).to_string(), "2026-11-23T03:34:46.102Z");
/// # Ok::<(), lambda_rollout::units::InvalidValue>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The latest moment that can be written as a date.
    pub const MAX: Self = Self(253_402_207_199_999);

    /// From milliseconds of Unix time, clamped to what can be written as a date.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(-Self::MAX.0, Self::MAX.0))
    }

    /// Milliseconds of Unix time.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads an RFC 3339 date and time.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        text.parse::<jiff::Timestamp>().map(|at| Self::from_millis(at.as_millisecond())).map_err(|_| {
            InvalidValue::new(
                format!("`{text}` is not a moment"),
                "a date and time such as 2026-11-23T03:33:46Z",
            )
        })
    }

    /// Time since an earlier moment; nothing when that one is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_add(millis))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_sub(millis))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => write!(f, "{at:.3}"),
            Err(_) => write!(f, "{} ms of Unix time", self.0),
        }
    }
}

text_value!(Timestamp);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_time_neither_wrap_nor_panic() {
        assert_eq!(Timestamp::MAX + Duration::MAX, Timestamp::MAX);
        assert_eq!(Timestamp::from_millis(i64::MIN) - Duration::MAX, Timestamp::from_millis(i64::MIN));
        assert!(!Timestamp::MAX.to_string().contains("Unix"));
        assert!(!Timestamp::from_millis(i64::MIN).to_string().contains("Unix"));
        assert_eq!(Timestamp::from_millis(5).since(Timestamp::from_millis(9)), Duration::ZERO);
    }
}
