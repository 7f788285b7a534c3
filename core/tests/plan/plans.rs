//! What the tests of plans share.

use std::time::Duration;

use lambda_rollout::plan::{Format, PlanError, RolloutPlan};
use lambda_rollout::units::Weight;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// A plan with something in every place.
pub(crate) const WHOLE: &str = r#"
function = "sample-handler"          # name or ARN
alias = "main"
version = "publish"                  # or an existing one: "7"
strategy = "Canary10Percent5Minutes" # every AWS spelling works
bake = "10m"
deadline = "2h"

[alarms]
names = ["sample-handler-errors"]
poll = "10s"
already_alarming = "refuse"
missing = "refuse"
insufficient_data = "pass"
unreadable = { tolerate = "2m", then = "roll-back" }
flaps = "roll-back"

[hooks.before_traffic]
lambda = "CodeDeployHook_check"
timeout = "5m"

[hooks.after_traffic]
lambda = "CodeDeployHook_confirm"
"#;

pub(crate) fn toml(text: &str) -> Result<RolloutPlan, PlanError> {
    RolloutPlan::parse(text, Format::Toml)
}

/// A plan whose first two lines are its function and alias.
pub(crate) fn toml_with(rest: &str) -> Result<RolloutPlan, PlanError> {
    toml(&format!("function = \"sample-handler\"\nalias = \"live\"\n{rest}"))
}

pub(crate) fn problems(result: Result<RolloutPlan, PlanError>) -> Vec<String> {
    result.expect_err("a bad plan").problems().iter().map(ToString::to_string).collect()
}

pub(crate) fn percent(percent: f64) -> Weight {
    Weight::from_percent(percent).expect("a per cent")
}
