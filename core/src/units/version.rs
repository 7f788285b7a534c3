use std::fmt;

use super::{InvalidValue, text_value};

/// A published version of a function: 1, 2, 3 and so on. Never `$LATEST`, which no weighted alias may point to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u64);

impl Version {
    /// The version with this number, or `None` for 0, which Lambda never gives out.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        (number > 0).then_some(Self(number))
    }

    /// Reads a version as AWS writes it: digits alone.
    ///
    /// # Errors
    /// For `$LATEST` and for anything that is not a positive whole number.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text == "$LATEST" {
            return Err(InvalidValue::new(
                "`$LATEST` is not a published version, and an alias cannot be weighted with it",
                "a published version such as \"7\", or \"publish\" to publish one",
            ));
        }
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = if digits { text.parse().ok() } else { None };
        number.and_then(Self::new).ok_or_else(|| {
            InvalidValue::new(format!("`{text}` is not a version"), "a published version such as \"7\"")
        })
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

text_value!(Version);
