//! The checked values that everything else is made of: weights, versions, names, times.
//!
//! Each refuses what AWS would refuse, with a message that says what would be right, so that no
//! other part of the library has to check them again.

mod alarm_name;
mod alias_name;
mod duration;
mod function;
mod hook_function;
mod qualifier;
mod rollout_id;
mod timestamp;
mod version;
mod weight;

pub use alarm_name::AlarmName;
pub use alias_name::AliasName;
pub use duration::{format_duration, parse_duration, parse_duration_or_zero};
pub use function::FunctionRef;
pub use hook_function::HookFunction;
pub use qualifier::Qualifier;
pub use rollout_id::RolloutId;
pub use timestamp::Timestamp;
pub use version::Version;
pub use weight::Weight;

/// A value that is not what it should be: what is wrong with it and what would be right.
///
/// The value's place (a path in a plan, an argument of a command) is added by whoever read it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{wrong}; {right}")]
pub struct InvalidValue {
    /// What is wrong, with the value itself in backticks.
    pub wrong: String,
    /// What would be right.
    pub right: String,
}

impl InvalidValue {
    pub(crate) fn new(wrong: impl Into<String>, right: impl Into<String>) -> Self {
        Self { wrong: wrong.into(), right: right.into() }
    }
}

/// Implements the string conversions that every checked text value has: `FromStr` goes through
/// `parse`, serde writes the text and reads through `parse`. A type `of text` holds nothing else, and gives it back.
macro_rules! text_value {
    ($type:ident of text) => {
        impl $type {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        $crate::units::text_value!($type);
    };
    ($type:ident) => {
        impl std::str::FromStr for $type {
            type Err = $crate::units::InvalidValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use text_value;
