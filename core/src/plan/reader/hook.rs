use std::time::Duration;

use super::{At, Origin, Reader, Table};
use crate::plan::Hook;
use crate::plan::nearest::one_of;
use crate::units::{FunctionRef, HookFunction, InvalidValue, format_duration};

/// The keys of `hooks`.
pub(in crate::plan) const HOOKS_KEYS: &[&str] = &["before_traffic", "after_traffic"];
/// The keys of a hook.
pub(in crate::plan) const HOOK_KEYS: &[&str] = &["lambda", "timeout", "parameters"];

/// What stands in the place of `lambda` when a plan was built by the program that answers the hook.
pub(in crate::plan) const IN_PROCESS: &str = "in_process";

/// How many lists and tables of a hook's parameters may stand inside each other; with those around them,
/// within what every format reads.
const DEEPEST_PARAMETERS: usize = 12;

#[derive(Default)]
pub(super) struct Hooks {
    pub(super) before_traffic: Option<Hook>,
    pub(super) after_traffic: Option<Hook>,
}

impl Reader {
    pub(super) fn hooks(&mut self, at: &At<'_>, function: Option<&FunctionRef>) -> Option<Hooks> {
        let table = self.table(at, HOOKS_KEYS)?;
        Some(Hooks {
            before_traffic: self.optional(&table, "before_traffic", |reader, at| reader.hook(at, function)),
            after_traffic: self.optional(&table, "after_traffic", |reader, at| reader.hook(at, function)),
        })
    }

    fn hook(&mut self, at: &At<'_>, function: Option<&FunctionRef>) -> Option<Hook> {
        let table = self.any_table(at, &format!("a table with {}", one_of(HOOK_KEYS)))?;
        let in_process = table.get(IN_PROCESS);
        let mut keys = HOOK_KEYS.to_vec();
        keys.extend(in_process.as_ref().map(|_| IN_PROCESS));
        self.refuse_unknown(&table, &keys);
        let hook = match &in_process {
            Some(_) if self.origin == Origin::Program => Some(Hook::in_process()),
            Some(place) => {
                self.cannot_be_in_process(place);
                None
            }
            None => self.hook_function(&table, function).map(Hook::lambda),
        };
        let by_lambda = in_process.is_none();
        let timeout = self.optional(&table, "timeout", |reader, at| reader.hook_timeout(at, by_lambda));
        let parameters = self.parameters(&table);
        let hook = hook?.with_timeout(timeout.unwrap_or(Hook::DEFAULT_TIMEOUT));
        Some(match parameters {
            Some(parameters) => hook.with_parameters(parameters),
            None => hook,
        })
    }

    fn hook_function(&mut self, table: &Table<'_>, function: Option<&FunctionRef>) -> Option<HookFunction> {
        let right = "a function's name or ARN, such as \"smoke-test\" or \"smoke-test:live\"";
        let at = self.required(table, "lambda", right)?;
        let hook = self.parsed(&at, right, HookFunction::parse)?;
        if let Some(function) = function {
            self.is_beside(&at, &hook, function);
        }
        Some(hook)
    }

    /// A rollout speaks to one Region of one account, that of the function's ARN; its hooks are invoked there too.
    fn is_beside(&mut self, at: &At<'_>, hook: &HookFunction, function: &FunctionRef) {
        let of_hook = hook.function();
        for (what, its, wanted) in [
            ("partition", of_hook.partition(), function.partition()),
            ("Region", of_hook.region(), function.region()),
            ("account", of_hook.account(), function.account()),
        ] {
            let (Some(its), Some(wanted)) = (its, wanted) else { continue };
            if its != wanted {
                let wrong = format!("`{hook}` is in the {what} `{its}`, but `{function}` is in `{wanted}`");
                self.problem(at, InvalidValue::new(wrong, format!("a function in the {what} `{wanted}`")));
            }
        }
    }

    fn cannot_be_in_process(&mut self, at: &At<'_>) {
        let what = InvalidValue::new(
            "a hook that the program answers cannot be had from a document",
            "`lambda`, or a plan that the program builds itself",
        );
        self.problem(at, what);
    }

    fn hook_timeout(&mut self, at: &At<'_>, by_lambda: bool) -> Option<Duration> {
        let timeout = self.duration(at)?;
        let longest = Hook::DEFAULT_TIMEOUT;
        if !by_lambda || timeout <= longest {
            return Some(timeout);
        }
        let longest = format_duration(longest);
        let what = InvalidValue::new(
            format!("`{}` is longer than Lambda lets a function run", format_duration(timeout)),
            format!("{longest} or less"),
        );
        self.problem(at, what);
        None
    }

    fn parameters(&mut self, table: &Table<'_>) -> Option<serde_json::Value> {
        let at = table.get("parameters")?;
        if at.node.depth() > DEEPEST_PARAMETERS {
            let wrong = format!("lists and tables stand more than {DEEPEST_PARAMETERS} deep in each other");
            self.problem(&at, InvalidValue::new(wrong, "flatter parameters"));
            return None;
        }
        let right = "a table, such as { stage = \"prod\" }; the hook gets it as it is";
        let table = self.any_table(&at, right)?;
        table.entries.iter().for_each(|entry| self.refuse_doubles_within(&table.at(entry)));
        Some(serde_json::Value::from(at.node))
    }
}
