use std::fmt;

use super::{InvalidValue, Version, text_value};

/// What an alias may point to: a published version, or `$LATEST` (which only others make it do).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Qualifier {
    /// The unpublished code, which changes under the alias's feet.
    Latest,
    /// A published version.
    Published(Version),
}

impl Qualifier {
    /// Reads `$LATEST` or a version.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text == "$LATEST" { Ok(Self::Latest) } else { Version::parse(text).map(Self::Published) }
    }

    /// The published version, if it is one.
    #[must_use]
    pub fn published(self) -> Option<Version> {
        match self {
            Self::Latest => None,
            Self::Published(version) => Some(version),
        }
    }
}

impl From<Version> for Qualifier {
    fn from(version: Version) -> Self {
        Self::Published(version)
    }
}

impl fmt::Display for Qualifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("$LATEST"),
            Self::Published(version) => version.fmt(f),
        }
    }
}

text_value!(Qualifier);
