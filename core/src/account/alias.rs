use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::{Qualifier, Version, Weight};

/// Where an alias sends its traffic: one version, or one version and a share for a second one.
///
/// Lambda allows at most two versions
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Routing {
    /// The alias's own version, which takes what the additional one does not.
    pub version: Qualifier,
    /// The second version and its share; `None` when the weights are cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional: Option<(Version, Weight)>,
}

impl Routing {
    /// All traffic to one version, weights cleared.
    #[must_use]
    pub fn only(version: impl Into<Qualifier>) -> Self {
        Self { version: version.into(), additional: None }
    }

    /// Traffic split between the stable version and the canary version.
    #[must_use]
    pub fn split(stable: Version, canary: Version, weight: Weight) -> Self {
        Self { version: stable.into(), additional: Some((canary, weight)) }
    }

    /// The share of traffic that goes to this version.
    #[must_use]
    pub fn share_of(&self, version: Version) -> Weight {
        let additional = self.additional.map_or(Weight::ZERO, |(_, weight)| weight);
        match self.additional {
            Some((second, weight)) if second == version => weight,
            _ if self.version == version.into() => additional.rest(),
            _ => Weight::ZERO,
        }
    }

    /// Whether the alias is on one version with no weights.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.additional.is_none()
    }
}

impl fmt::Display for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.additional {
            None => write!(f, "version {} alone", self.version),
            Some((second, weight)) => {
                write!(f, "version {} with {weight} on version {second}", self.version)
            }
        }
    }
}

/// An alias as it was read: where it points, and the revision that a write has to name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasState {
    /// Where the traffic goes.
    pub routing: Routing,
    /// Changes with every write to the alias; a write that names an older one is refused with 412.
    pub revision_id: String,
    /// What people wrote about it, with the [`Claim`](super::Claim) of the rollout that moves it behind, if one does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

impl AliasState {
    /// An alias that nobody has described.
    #[must_use]
    pub fn new(routing: Routing, revision_id: impl Into<String>) -> Self {
        Self { routing, revision_id: revision_id.into(), description: String::new() }
    }
}

/// One guarded write to the plan's alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasWrite {
    /// Where the traffic shall go. Sent whole: the version and the weights, empty ones too.
    pub routing: Routing,
    /// The revision last seen; the write takes effect only if it still is the newest.
    pub revision_id: String,
    /// The description, where it has to change; `None` leaves it as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it takes a canary out: then it goes ahead of every other call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restores: bool,
}

impl AliasWrite {
    /// A write that leaves the description as it is, and is in no haste.
    #[must_use]
    pub fn new(routing: Routing, revision_id: impl Into<String>) -> Self {
        Self { routing, revision_id: revision_id.into(), description: None, restores: false }
    }
}
