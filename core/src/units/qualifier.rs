use std::fmt;

use super::{InvalidValue, Version, text_value};

/// What an alias may point to: a published version, or one of the unpublished ones (which only others make it do).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Qualifier {
    /// The unpublished code, which changes under the alias's feet.
    Latest,
    /// The newest version that was published to serve by itself: `$LATEST.PUBLISHED`, which changes as well
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_GetAlias.html>).
    LatestPublished,
    /// A published version.
    Published(Version),
}

const LATEST: &str = "$LATEST";
const LATEST_PUBLISHED: &str = "$LATEST.PUBLISHED";

impl Qualifier {
    /// Reads `$LATEST`, `$LATEST.PUBLISHED` or a version.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        match text {
            LATEST => Ok(Self::Latest),
            LATEST_PUBLISHED => Ok(Self::LatestPublished),
            _ => Version::parse(text).map(Self::Published),
        }
    }

    /// The published version, if it is one.
    #[must_use]
    pub fn published(self) -> Option<Version> {
        match self {
            Self::Latest | Self::LatestPublished => None,
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
            Self::Latest => f.write_str(LATEST),
            Self::LatestPublished => f.write_str(LATEST_PUBLISHED),
            Self::Published(version) => version.fmt(f),
        }
    }
}

text_value!(Qualifier);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_lambda_lets_an_alias_point_to_is_read_and_written_alike() {
        for text in ["$LATEST", "$LATEST.PUBLISHED", "1", "4711"] {
            let qualifier = Qualifier::parse(text).expect(text);
            assert_eq!(qualifier.to_string(), text);
            assert_eq!(qualifier.published().is_some(), !text.starts_with('$'));
        }
        for text in ["", "0", "$latest", "$LATEST.", "LATEST", "live"] {
            assert!(Qualifier::parse(text).is_err(), "{text}");
        }
    }
}
