//! What the user asks for: pure data, checked. From a document or from a builder, it is the same plan.

mod builder;
mod document;
mod hook;
mod nearest;
mod problem;
mod reader;
mod schedule;
#[cfg(feature = "schema")]
mod schema;
mod strategy;
mod strategy_name;
mod syntax;
mod watch;
mod writer;

use std::path::PathBuf;
use std::time::Duration;

use crate::account::{CodeSource, HookMoment};
use crate::units::{AliasName, FunctionRef, Version};

pub use builder::PlanBuilder;
pub use document::Format;
pub use hook::{Hook, HookRunner};
pub use problem::{PlanError, Problem};
pub use schedule::{Schedule, Step};
#[cfg(feature = "schema")]
pub use schema::json_schema;
pub use strategy::Strategy;
pub use watch::{
    AlarmWatch, AlreadyAlarming, Flaps, InsufficientData, MissingAlarm, Unreadable, WhenUnreadable,
};

/// A checked plan: what is rolled out where, in which steps, and what is watched meanwhile.
///
/// Made by [`RolloutPlan::builder`], [`RolloutPlan::from_file`] or [`RolloutPlan::parse`]; all three check the
/// same things, and a plan that exists is right as far as it can be told without calling AWS.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutPlan {
    pub(crate) function: FunctionRef,
    pub(crate) alias: AliasName,
    pub(crate) version: VersionSource,
    pub(crate) strategy: Strategy,
    pub(crate) schedule: Schedule,
    pub(crate) bake: Option<Duration>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) rollback_deadline: Duration,
    pub(crate) alarms: AlarmWatch,
    pub(crate) before_traffic: Option<Hook>,
    pub(crate) after_traffic: Option<Hook>,
    // The folder that relative paths count from: the plan file's own, where there is one.
    pub(crate) folder: Option<PathBuf>,
}

/// Where the canary version comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum VersionSource {
    /// A version that exists.
    Existing(Version),
    /// What `$LATEST` is now, published.
    Publish {
        /// The new version's description.
        description: Option<String>,
        /// Publish only if the code of `$LATEST` has this SHA-256 (base64).
        code_sha256: Option<String>,
    },
    /// New code: put into `$LATEST`, waited for, published.
    Code(CodeSource),
}

impl RolloutPlan {
    /// Time that rollback may take, retries and all, before the outcome is unsettled, when the plan does not say.
    pub const DEFAULT_ROLLBACK_DEADLINE: Duration = Duration::from_secs(15 * 60);

    /// The shortest time for a rollback that a plan may name: one call without an answer must not use it up.
    pub const SHORTEST_ROLLBACK_DEADLINE: Duration = Duration::from_secs(10);

    /// The function.
    #[must_use]
    pub fn function(&self) -> &FunctionRef {
        &self.function
    }

    /// The alias whose traffic moves.
    #[must_use]
    pub fn alias(&self) -> &AliasName {
        &self.alias
    }

    /// Where the canary version comes from.
    #[must_use]
    pub fn version(&self) -> &VersionSource {
        &self.version
    }

    /// The strategy as the user chose it.
    #[must_use]
    pub fn strategy(&self) -> &Strategy {
        &self.strategy
    }

    /// The strategy written out: every weight and how long it is held.
    #[must_use]
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// How long to watch after 100 %, with rollback still armed; never zero.
    #[must_use]
    pub fn bake(&self) -> Option<Duration> {
        self.bake
    }

    /// Time for the whole rollout; when it has passed, the rollout is put back.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// Time that rollback may take before the outcome is unsettled.
    #[must_use]
    pub fn rollback_deadline(&self) -> Duration {
        self.rollback_deadline
    }

    /// The alarms and how they are watched.
    #[must_use]
    pub fn alarms(&self) -> &AlarmWatch {
        &self.alarms
    }

    /// The hook of this moment, if there is one.
    #[must_use]
    pub fn hook(&self, moment: HookMoment) -> Option<&Hook> {
        match moment {
            HookMoment::BeforeTraffic => self.before_traffic.as_ref(),
            HookMoment::AfterTraffic => self.after_traffic.as_ref(),
        }
    }

    /// The folder that relative paths in the plan count from, when the plan came from a file.
    #[must_use]
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.folder.as_deref()
    }
}
