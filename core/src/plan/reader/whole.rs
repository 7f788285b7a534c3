use std::time::Duration;

use super::{At, Origin, Reader, Table};
use crate::plan::syntax::{Node, Parsed};
use crate::plan::{PlanError, RolloutPlan, Schedule, VersionSource};
use crate::units::{AliasName, FunctionRef, InvalidValue, format_duration};

/// The keys at the top of a plan.
pub(in crate::plan) const PLAN_KEYS: &[&str] =
    &["function", "alias", "version", "strategy", "bake", "deadline", "rollback_deadline", "alarms", "hooks"];

/// Reads a whole plan; its syntax may already have had problems.
pub(in crate::plan) fn read_plan(parsed: Parsed, origin: Origin) -> Result<RolloutPlan, PlanError> {
    let mut reader = Reader { origin, problems: parsed.problems };
    let plan = parsed.root.as_ref().and_then(|root| reader.plan(root));
    match plan {
        Some(plan) if reader.problems.is_empty() => Ok(plan),
        _ => Err(PlanError::new(reader.problems)),
    }
}

impl Reader {
    fn plan(&mut self, root: &Node) -> Option<RolloutPlan> {
        let root = At { node: root, path: String::new(), line: None };
        let table = self.table(&root, PLAN_KEYS)?;
        let function = self.function(&table);
        let alias = self.alias(&table);
        let version = self.optional(&table, "version", Self::version);
        let right = "how traffic moves, such as \"Canary10Percent5Minutes\" or \"AllAtOnce\"";
        let strategy = self.required(&table, "strategy", right).and_then(|at| self.strategy(&at));
        // Zero says the same as no bake at all.
        let bake = self.optional(&table, "bake", Self::duration_or_zero).filter(|bake| !bake.is_zero());
        let deadline = self.optional(&table, "deadline", Self::duration);
        let rollback_deadline = self.optional(&table, "rollback_deadline", Self::rollback_deadline);
        let alarms = self.optional(&table, "alarms", Self::alarms);
        let hooks = self.optional(&table, "hooks", |reader, at| reader.hooks(at, function.as_ref()));
        let hooks = hooks.unwrap_or_default();
        let strategy = strategy?;
        let schedule = strategy.schedule();
        self.deadline_is_long_enough(&table, &schedule, bake, deadline);
        Some(RolloutPlan {
            function: function?,
            alias: alias?,
            version: version.unwrap_or(VersionSource::Publish { description: None, code_sha256: None }),
            strategy,
            schedule,
            bake,
            deadline,
            rollback_deadline: rollback_deadline.unwrap_or(RolloutPlan::DEFAULT_ROLLBACK_DEADLINE),
            alarms: alarms.unwrap_or_default(),
            before_traffic: hooks.before_traffic,
            after_traffic: hooks.after_traffic,
            folder: None,
        })
    }

    fn function(&mut self, table: &Table<'_>) -> Option<FunctionRef> {
        let right = "a function's name or ARN, such as \"sample-handler\"";
        let at = self.required(table, "function", right)?;
        self.parsed(&at, right, FunctionRef::parse)
    }

    fn alias(&mut self, table: &Table<'_>) -> Option<AliasName> {
        let right = "the alias whose traffic moves, such as \"live\"";
        let at = self.required(table, "alias", right)?;
        self.parsed(&at, right, AliasName::parse)
    }

    fn rollback_deadline(&mut self, at: &At<'_>) -> Option<Duration> {
        let reason = "a call may have to be repeated before the alias is on one version";
        self.duration_within(at, RolloutPlan::SHORTEST_ROLLBACK_DEADLINE..=Duration::MAX, reason)
    }

    fn deadline_is_long_enough(
        &mut self,
        table: &Table<'_>,
        schedule: &Schedule,
        bake: Option<Duration>,
        deadline: Option<Duration>,
    ) {
        let (Some(deadline), Some(at)) = (deadline, table.get("deadline")) else { return };
        let steps = schedule.time_to_full();
        let needed = steps.saturating_add(bake.unwrap_or_default());
        if deadline > needed {
            return;
        }
        let [deadline, needed, steps] = [deadline, needed, steps].map(format_duration);
        let parts = bake.map_or_else(String::new, |bake| {
            format!(" ({steps} of steps and {} of bake)", format_duration(bake))
        });
        let what = InvalidValue::new(
            format!("`{deadline}` is not longer than the `{needed}` that the rollout takes{parts}"),
            format!("more than {needed}, with room for hooks, gates and retries"),
        );
        self.problem(&at, what);
    }
}
