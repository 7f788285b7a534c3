//! What is said by a command that leaves before its rollout has ended: what the alias is, as far as that is known.

use std::time::Duration;

use lambda_rollout::driver::RolloutHandle;
use lambda_rollout::machine::{Phase, Status};
use lambda_rollout::plan::RolloutPlan;

use crate::args::AwsArgs;
use crate::console::{one_line, paint, tone};
use crate::display::Display;
use crate::world::World;

/// The exit code of a command that was made to leave while a person has to look.
const LEFT: u8 = 5;
/// How long the last reading of the alias may take.
const LAST_READING: Duration = Duration::from_secs(2);

/// Reads the alias a last time, says how it is, and gives the exit code.
pub(crate) async fn say(
    world: &World,
    aws: &AwsArgs,
    handle: &RolloutHandle,
    plan: &RolloutPlan,
    display: &Display,
    signal: &'static str,
) -> u8 {
    let (function, alias) = (plan.function(), plan.alias());
    let reading = tokio::select! {
        reading = world.read_alias(function, alias) => reading.map_err(|error| one_line(&error.to_string())),
        () = limit() => Err(format!("no answer within {}", crate::words::span(LAST_READING))),
    };
    let status = handle.status();
    let state = state(&status, reading.map(|alias| one_line(&alias.routing.to_string())));
    let lines = vec![
        format!(
            "{} on {signal} while {}, before the rollback was done",
            paint(tone::BAD, "left"),
            status.phase
        ),
        format!("  alias {alias} {state}"),
        format!("  look: {}", aws.on(&format!("lambda-rollout status {function}:{alias}"))),
        "  then run the same plan again: it carries on, or rolls back".to_owned(),
    ];
    display.finish(move |_| lines);
    LEFT
}

/// What is known of the alias, and nothing else.
fn state(status: &Status, reading: Result<String, String>) -> String {
    let may_change = match status.phase {
        Phase::Shifting | Phase::Promoting | Phase::RollingBack | Phase::Creating => {
            "; a write may still be under way"
        }
        _ => "",
    };
    match (reading, status.routing) {
        (Ok(routing), _) => format!("is on {routing}, read just now{may_change}"),
        (Err(why), Some(routing)) => {
            format!("was last seen on {routing}, and could not be read now ({why}){may_change}")
        }
        (Err(why), None) => format!("could not be read ({why}){may_change}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "who asks to leave waits in real time")]
async fn limit() {
    tokio::time::sleep(LAST_READING).await;
}
