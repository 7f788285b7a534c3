//! `check`: what a run would find before any traffic moves.

use std::time::Duration;

use lambda_rollout::account::{AlarmState, HookMoment};
use lambda_rollout::driver::{CHECK_LIMIT, CheckReport, FirstMove};
use lambda_rollout::event::{CheckedAlarm, Event, EventKind, Outcome, OutcomeKind};
use lambda_rollout::plan::{HookRunner, RolloutPlan, VersionSource};
use lambda_rollout::units::{Weight, format_duration};
use lambda_rollout::{Error, ErrorKind};
use serde_json::json;
use tokio::time::Instant;

use crate::args::{AwsArgs, CheckArgs};
use crate::console::{one_line, paint, tone};
use crate::failure::{Failure, print};
use crate::screen::Screen;
use crate::world::World;

/// Checks the plan and the account, says what was found, and gives the exit code. All of it within [`CHECK_LIMIT`].
pub(crate) async fn check(args: &CheckArgs, aws: &AwsArgs, screen: &Screen) -> Result<u8, Failure> {
    let began = Instant::now();
    let plan = RolloutPlan::from_file(&args.plan)?;
    let world = tokio::select! {
        world = World::open(&plan, aws, &args.simulation) => world?,
        () = limit() => return Err(Failure::refused(unconfigured())),
    };
    if !args.json {
        let plan = format!("{}:{}, {}", plan.function(), plan.alias(), plan.strategy());
        screen.say(good(&format!("plan {}: {plan}", args.plan.display())), 0);
    }
    let report = world.check(&plan, CHECK_LIMIT.saturating_sub(began.elapsed())).await?;
    let code = report.outcome.as_ref().map_or(0, Outcome::exit_code);
    if args.json {
        print(&document(&plan, aws, &report, code).to_string())?;
        return Ok(code);
    }
    for line in report.events.iter().flat_map(|event| findings(&plan, event)) {
        screen.say(line, 0);
    }
    let text = verdict(&plan, &report);
    screen.say(
        match report.outcome.as_ref().map(|outcome| outcome.kind) {
            None => good(&paint(tone::STRONG, text)),
            Some(OutcomeKind::NothingToDo) => good(&text),
            Some(_) => bad(&text),
        },
        0,
    );
    if let Some(advice) = report.outcome.as_ref().and_then(|outcome| outcome.advice.as_ref()) {
        screen.say(format!("  to do: {}", one_line(&aws.in_advice(advice))), 4);
    }
    Ok(code)
}

fn unconfigured() -> Error {
    let limit = format_duration(CHECK_LIMIT);
    Error::new(ErrorKind::Config, format!("the AWS configuration could not be read within {limit}"))
}

/// What programs read.
fn document(plan: &RolloutPlan, aws: &AwsArgs, report: &CheckReport, code: u8) -> serde_json::Value {
    let mut document = json!({
        "function": plan.function(),
        "alias": plan.alias(),
        "exit_code": code,
        "message": verdict(plan, report),
        "timed_out": report.timed_out,
        "events": report.events,
    });
    if let Some(first_move) = &report.first_move {
        document["would"] = json!(first_move);
    }
    if let Some(outcome) = &report.outcome {
        document["outcome"] = json!(outcome.kind);
        if let Some(cause) = &outcome.cause {
            document["cause"] = json!(cause);
        }
        if let Some(advice) = &outcome.advice {
            document["advice"] = json!(aws.in_advice(advice));
        }
    }
    document
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
                Some(stable) if *weight > Weight::ZERO => doubtful(&format!(
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
fn verdict(plan: &RolloutPlan, report: &CheckReport) -> String {
    let outcome = report.outcome.as_ref();
    let cause = outcome.and_then(|outcome| outcome.cause.as_ref());
    let cause = cause.map_or_else(String::new, |cause| one_line(&cause.to_string()));
    match outcome.map(|outcome| outcome.kind) {
        None => match &report.first_move {
            Some(first_move) => format!("a run would go ahead and {}", move_words(plan, report, first_move)),
            None => "a run would go ahead".to_owned(),
        },
        Some(OutcomeKind::NothingToDo) => format!("nothing to do: {cause}"),
        Some(_) if report.timed_out => format!("not ready within {}: {cause}", format_duration(CHECK_LIMIT)),
        Some(kind) => format!("a run would end here, {kind}: {cause}"),
    }
}

fn move_words(plan: &RolloutPlan, report: &CheckReport, first_move: &FirstMove) -> String {
    match *first_move {
        FirstMove::CreateAlias => "create the alias: there is nothing to shift".to_owned(),
        FirstMove::Shift { weight } if weight == Weight::FULL && found(report) > Weight::ZERO => {
            "promote at once: all traffic to the canary, weights cleared".to_owned()
        }
        FirstMove::Shift { weight } => match plan.hook(HookMoment::BeforeTraffic) {
            Some(hook) if found(report) == Weight::ZERO => match hook.runner() {
                HookRunner::Lambda(function) => format!("run hook {function}, then shift {weight}"),
                HookRunner::InProcess => format!("run the hook before traffic, then shift {weight}"),
            },
            _ => format!("shift {weight} at once"),
        },
        FirstMove::Hold { weight, hold_ms, gate, next } => {
            let hold = format_duration(Duration::from_millis(hold_ms));
            let gate = if gate { "wait for approval, then " } else { "" };
            format!("hold {weight} for {hold}, then {gate}shift {next}")
        }
        _ => "move traffic".to_owned(),
    }
}

/// The canary's share as it was found.
fn found(report: &CheckReport) -> Weight {
    let weight = report.events.iter().find_map(|event| match event.kind {
        EventKind::Checked { weight, .. } => Some(weight),
        _ => None,
    });
    weight.unwrap_or_default()
}

#[expect(
    clippy::disallowed_methods,
    reason = "people wait in real time for what no clock of a rollout measures"
)]
async fn limit() {
    tokio::time::sleep(CHECK_LIMIT).await;
}
