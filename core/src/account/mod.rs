//! What is read from an AWS account and what is asked of it, as plain data: aliases, versions, alarms, hooks.
//!
//! The machine speaks in these words, the ports carry them, and neither knows how the other works.

mod alarm;
mod alias;
mod claim;
mod hook;
mod provisioned;
mod urgency;
mod version;

pub use alarm::{AlarmReading, AlarmState, AlarmTransition};
pub use alias::{AliasState, AliasWrite, Routing};
pub use claim::Claim;
pub use hook::{HookFailure, HookMoment, HookReport, HookRequest, HookVerdict};
pub use provisioned::ProvisionedConcurrency;
pub use urgency::Urgency;
pub use version::{CodeIdentity, CodeSource, FunctionVersion, Lifecycle, PublishRequest, UpdateStatus};
