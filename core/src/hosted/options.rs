use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::account::HookMoment;
use crate::error::{Error, ErrorKind};
use crate::plan::{Hook, HookRunner, RolloutPlan};
use crate::units::{AlarmName, RolloutId, parse_duration};

/// What a rollout is started with, beside its plan and its stage. As JSON:
///
/// ```
/// use lambda_rollout::hosted::StartOptions;
///
/// let options: StartOptions = serde_json::from_str(
///     r#"{
///         "journal": "/var/lib/releases/sample-handler.journal",
///         "rollout_id": "release-417",
///         "hooks": {"before_traffic": {"timeout": "2m", "parameters": {"cell": 3}}},
///         "alarms": ["queue-depth"]
///     }"#,
/// )?;
/// assert_eq!(options.hooks.len(), 1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StartOptions {
    /// The journal's file: what it tells of is carried on ([`crate::journal`]).
    pub journal: Option<PathBuf>,
    /// The rollout's id; otherwise a random one, and on the simulated account its seed's.
    pub rollout_id: Option<RolloutId>,
    /// Hooks that the program answers, beside those that the plan itself gives to the program.
    pub hooks: BTreeMap<HookMoment, ProgramHook>,
    /// Alarms of the plan that the program reads itself.
    pub alarms: BTreeSet<AlarmName>,
}

/// A hook that the program answers.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProgramHook {
    /// How long it may take; [`Hook::DEFAULT_TIMEOUT`] when not said.
    #[serde(deserialize_with = "duration")]
    pub timeout: Option<Duration>,
    /// What else it is told.
    pub parameters: serde_json::Value,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse_duration(&text)).transpose().map_err(serde::de::Error::custom)
}

impl StartOptions {
    /// The plan with the hooks that the program wants to answer.
    pub(super) fn apply_to(&self, mut plan: RolloutPlan) -> Result<RolloutPlan, Error> {
        if let Some(name) = self.alarms.iter().find(|name| !plan.alarms().names.contains(name)) {
            let message = format!("the program wants to read an alarm that the plan does not name: `{name}`");
            return Err(Error::new(ErrorKind::Plan, message));
        }
        for (moment, wish) in &self.hooks {
            if plan.hook(*moment).is_some_and(|hook| *hook.runner() != HookRunner::InProcess) {
                let message =
                    format!("the program wants to answer a hook that the plan gives to Lambda: `{moment}`");
                return Err(Error::new(ErrorKind::Plan, message));
            }
            let hook = Hook::in_process().with_parameters(wish.parameters.clone());
            let hook = hook.with_timeout(wish.timeout.unwrap_or(Hook::DEFAULT_TIMEOUT));
            match moment {
                HookMoment::BeforeTraffic => plan.before_traffic = Some(hook),
                HookMoment::AfterTraffic => plan.after_traffic = Some(hook),
            }
        }
        Ok(plan)
    }
}
