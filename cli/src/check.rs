//! `check`: what a run would find before any traffic moves.

use lambda_rollout::account::AlarmState;
use lambda_rollout::event::{CheckedAlarm, Event, EventKind, Outcome, OutcomeKind};
use lambda_rollout::plan::{RolloutPlan, VersionSource};

use crate::args::{AwsArgs, CheckArgs};
use crate::console::{one_line, paint, tone};
use crate::failure::Failure;
use crate::screen::Screen;
use crate::world::World;

/// Checks the plan and the account, says what was found, and gives the exit code.
pub(crate) async fn check(args: &CheckArgs, aws: &AwsArgs, screen: &Screen) -> Result<u8, Failure> {
    let plan = RolloutPlan::from_file(&args.plan)?;
    let world = World::open(&plan, aws, &args.simulation).await?;
    screen.say(
        good(&format!(
            "plan {}: {}:{}, {}",
            args.plan.display(),
            plan.function(),
            plan.alias(),
            plan.strategy()
        )),
        0,
    );
    let report = world.check(&plan).await?;
    for line in report.events.iter().flat_map(|event| findings(&plan, event)) {
        screen.say(line, 0);
    }
    let code = report.outcome.as_ref().map_or(0, Outcome::exit_code);
    screen.say(verdict(&plan, report.outcome.as_ref()), 0);
    Ok(code)
}

fn good(text: &str) -> String {
    format!("{} {text}", paint(tone::GOOD, "✓"))
}

fn bad(text: &str) -> String {
    format!("{} {text}", paint(tone::BAD, "✗"))
}

fn doubtful(text: &str) -> String {
    format!("{} {text}", paint(tone::WARN, "!"))
}

/// What an event of the check tells, line by line.
fn findings(plan: &RolloutPlan, event: &Event) -> Vec<String> {
    match &event.kind {
        EventKind::Checked { stable_version, canary_version, weight, alarms } => {
            let alias = plan.alias();
            let mut lines = vec![match stable_version {
                Some(stable) if weight.basis_points() > 0 => doubtful(&format!(
                    "alias {alias} is on version {stable}, with {weight} on the canary already"
                )),
                Some(stable) => good(&format!("alias {alias} serves version {stable} alone")),
                None => doubtful(&format!("alias {alias} does not exist: a run would create it")),
            }];
            lines.push(match (plan.version(), canary_version) {
                (VersionSource::Existing(version), _) => good(&format!("version {version} is ready")),
                (_, Some(canary)) => good(&format!("version {canary} is ready")),
                (VersionSource::Publish { .. }, None) => good("$LATEST can be published"),
                (VersionSource::Code(_), None) => good("$LATEST can take the plan's code"),
            });
            lines.extend(alarms.iter().map(alarm_finding));
            lines.extend(
                plan.alarms()
                    .names()
                    .iter()
                    .filter(|name| !alarms.iter().any(|checked| checked.alarm == **name))
                    .map(|name| doubtful(&format!("alarm {name} does not exist, which the plan ignores"))),
            );
            lines
        }
        EventKind::AlarmsUnreadable { error } => {
            vec![doubtful(&format!("alarms could not be read: {}", one_line(&error.to_string())))]
        }
        _ => Vec::new(),
    }
}

fn alarm_finding(checked: &CheckedAlarm) -> String {
    let text = format!("alarm {} is in {}", checked.alarm, checked.state);
    if checked.state == AlarmState::Ok {
        good(&text)
    } else {
        doubtful(&format!("{text}, which the plan lets pass"))
    }
}

/// How a run would go on.
fn verdict(plan: &RolloutPlan, outcome: Option<&Outcome>) -> String {
    let cause = || {
        let cause = outcome.and_then(|outcome| outcome.cause.as_ref());
        cause.map_or_else(String::new, |cause| one_line(&cause.to_string()))
    };
    match outcome.map(|outcome| outcome.kind) {
        None => {
            let first = plan
                .schedule()
                .steps()
                .first()
                .map_or_else(|| "100 %".to_owned(), |step| step.weight.to_string());
            good(&paint(tone::STRONG, format_args!("a run would go ahead and shift {first} at once")))
        }
        Some(OutcomeKind::NothingToDo) => good(&format!("nothing to do: {}", cause())),
        Some(kind) => bad(&format!("a run would end here, {kind}: {}", cause())),
    }
}
