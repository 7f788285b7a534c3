use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::units::Qualifier;

/// A version's `State`, as far as a rollout cares.
///
/// A published version has to be waited for by this, not by `LastUpdateStatus`, which can be empty there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// Being made ready: worth waiting for.
    Pending,
    /// Ready to take traffic.
    Active,
    /// Failed for good.
    Failed,
    /// Idle for so long that Lambda has taken its resources: an invocation makes it ready again, and waiting does not.
    Inactive,
    /// A state that this library does not know: not ready, and waiting does not help.
    Other,
}

/// `LastUpdateStatus` of `$LATEST`: publishing has to wait until it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateStatus {
    /// Done, or nothing was ever updated.
    Successful,
    /// Still under way.
    InProgress,
    /// Failed.
    Failed,
}

/// A version of the function, or `$LATEST`, as far as a rollout cares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionVersion {
    /// Which one it is.
    pub version: Qualifier,
    /// `State`.
    pub state: Lifecycle,
    /// `StateReason`, or `State` itself when AWS gave no reason; for people.
    pub state_reason: String,
    /// `LastUpdateStatus`.
    pub update: UpdateStatus,
    /// `LastUpdateStatusReason`; for people.
    pub update_reason: String,
    /// The execution role. Two weighted versions must have the same.
    pub role: String,
    /// The dead-letter queue or topic. Two weighted versions must have the same, or none.
    pub dead_letter: Option<String>,
    /// SHA-256 of the code, base64.
    pub code_sha256: String,
    /// SHA-256 of the configuration, where AWS gives one.
    pub config_sha256: Option<String>,
    /// Changes with every change to the function; guards publishing.
    pub revision_id: String,
}

impl FunctionVersion {
    /// What tells its code and configuration from another version's.
    #[must_use]
    pub fn identity(&self) -> CodeIdentity {
        CodeIdentity { code_sha256: self.code_sha256.clone(), config_sha256: self.config_sha256.clone() }
    }
}

/// What tells the code and configuration of one version from another's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeIdentity {
    /// SHA-256 of the code, base64.
    pub code_sha256: String,
    /// SHA-256 of the configuration, where AWS gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_sha256: Option<String>,
}

impl CodeIdentity {
    /// Whether both are surely not the same. What AWS does not tell of one of them is not compared.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> bool {
        let configs = self.config_sha256.as_ref().zip(other.config_sha256.as_ref());
        self.code_sha256 != other.code_sha256 || configs.is_some_and(|(one, other)| one != other)
    }
}

/// What to publish, guarded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishRequest {
    /// The new version's description.
    pub description: Option<String>,
    /// Lambda publishes only if the code of `$LATEST` has this hash.
    pub code_sha256: String,
    /// Lambda publishes only if `$LATEST` still is at this revision.
    pub revision_id: String,
}

/// New code for `$LATEST`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeSource {
    /// A ZIP archive on this machine. In a plan, a relative path counts from the plan's own folder.
    Zip(PathBuf),
    /// A ZIP archive in S3.
    S3 {
        /// The bucket.
        bucket: String,
        /// The object's key.
        key: String,
        /// The object's version.
        object_version: Option<String>,
    },
    /// A container image in ECR, by its URI.
    Image(String),
}

impl CodeSource {
    /// The same source, with a relative path counted from this folder.
    #[must_use]
    pub fn from_folder(&self, folder: Option<&Path>) -> Self {
        match (self, folder) {
            (Self::Zip(path), Some(folder)) => Self::Zip(folder.join(path)),
            _ => self.clone(),
        }
    }
}
