//! How a day reads when somebody has to find out what went wrong.

use std::fmt;

use lambda_rollout::account::{AliasState, Routing};
use lambda_rollout::machine::{Effect, EffectResult};

use crate::day::{Day, Record};
use crate::witness::{Death, Entry, What};

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# plan.toml\n{}\n# scenario.toml\n{}", self.plan_text, self.scenario_text)?;
        writeln!(f, "# seed {}{}", self.seed, if self.journal { ", with a journal" } else { "" })?;
        for Death { effect, moment } in &self.deaths {
            writeln!(
                f,
                "# the runner dies at effect {effect}, {moment:?}, and is back after {:?}",
                self.back_after
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.entries {
            writeln!(f, "{entry}")?;
        }
        writeln!(f, "the alias: {} at the start", pointing(self.initial))?;
        for change in &self.history {
            let (routing, revision) = (pointing(change.routing), &change.revision_id);
            writeln!(f, "{} {:?}: {routing} at {revision}", change.at, change.by)?;
        }
        Ok(())
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.at)?;
        match &self.what {
            What::Began => f.write_str("a runner begins"),
            What::Died(moment) => write!(f, "the runner dies: {moment:?}"),
            What::Asked(call, Effect::WriteAlias(write)) => {
                write!(f, "> {call} write_alias {} at {}", write.routing, write.revision_id)
            }
            What::Asked(call, effect) => write!(f, "> {call} {}", effect.kind()),
            What::Answered(call, result) => write!(f, "< {call} {}", answer(result)),
            What::GivenUp(call) => write!(f, "< {call} no answer that anybody waits for"),
            What::Told(event) => f.write_str(&serde_json::to_string(&event.kind).map_err(|_| fmt::Error)?),
            What::Given(command) => write!(f, "a person wants: {command:?}"),
            What::Obeyed(command) => write!(f, "taken: {command:?}"),
            What::Refused(command) => write!(f, "refused: {command:?}"),
            What::Ended(outcome) => write!(f, "the end: {}", outcome.kind),
        }
    }
}

fn answer(result: &EffectResult) -> String {
    match result {
        EffectResult::Alias(Ok(AliasState { routing, revision_id, .. })) => {
            format!("{routing} at {revision_id}")
        }
        EffectResult::Version(Ok(version)) => format!("version {} is {:?}", version.version, version.state),
        EffectResult::Alarms(Ok(readings)) => {
            let states = readings.iter().map(|reading| format!("{} {}", reading.name, reading.state));
            states.collect::<Vec<_>>().join(", ")
        }
        EffectResult::Hook(report) => format!("{} {}", report.verdict, report.reason),
        EffectResult::Alias(Err(error))
        | EffectResult::Version(Err(error))
        | EffectResult::Alarms(Err(error)) => {
            format!("{:?}: {error}", error.kind())
        }
        other => format!("{other:?}"),
    }
}

fn pointing(routing: Option<Routing>) -> String {
    routing.map_or_else(|| "no alias".to_owned(), |routing| routing.to_string())
}
