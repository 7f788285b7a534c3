use serde::{Deserialize, Serialize};

/// The state of the provisioned concurrency of an alias, as `GetProvisionedConcurrencyConfig` gives it.
///
/// Lambda gives no weights to an alias that has provisioned concurrency, and sets weights of its own there while it
/// moves the concurrency from one version to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProvisionedConcurrency {
    /// AWS is still allocating it.
    InProgress,
    /// It is where it has to be.
    Ready,
    /// It could not be allocated.
    Failed,
}
