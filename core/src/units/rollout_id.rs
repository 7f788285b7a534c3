use super::{InvalidValue, text_value};

/// Names one rollout in events, hook payloads and logs. Also the seed of its waiting times between retries,
/// so that the same rollout replays to the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RolloutId(String);

impl RolloutId {
    /// Checks an id: 1 to 64 letters, digits and `-`.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let fits =
            (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !fits {
            return Err(InvalidValue::new(
                format!("`{text}` is no rollout id"),
                "1 to 64 letters, digits and `-`",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// An id from 64 bits: `ro-` and 16 hexadecimal digits.
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Self(format!("ro-{bits:016x}"))
    }
}

text_value!(RolloutId of text);
