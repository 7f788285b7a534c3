//! `show`: what a plan would do, without calling anything.

use std::time::Duration;

use lambda_rollout::account::{CodeSource, HookMoment};
use lambda_rollout::iam::{self, ApiCall};
use lambda_rollout::plan::{
    AlarmWatch, AlreadyAlarming, Flaps, HookRunner, InsufficientData, MissingAlarm, RolloutPlan,
    VersionSource, WhenUnreadable,
};
use lambda_rollout::units::{Weight, format_duration};
use serde_json::{Value, json};

use crate::args::{AwsArgs, ShowArgs};
use crate::console::{paint, tone};
use crate::failure::{Failure, print};

/// How often a rollout reads its alias while it waits, to notice drift.
const PATROL: Duration = Duration::from_secs(60);
/// Names that one `DescribeAlarms` takes
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>).
const NAMES_A_CALL: usize = 100;

/// Prints the plan's timeline, calls and IAM policy.
pub(crate) fn show(args: &ShowArgs, aws: &AwsArgs) -> Result<u8, Failure> {
    let plan = RolloutPlan::from_file(&args.plan)?;
    let region = aws.region.as_deref();
    if args.json {
        print(&format!("{:#}", as_json(&plan, region)))?;
        return Ok(0);
    }
    let sections = [header(&plan), timeline(&plan), watching(&plan), calls(&plan), policy(&plan, region)];
    print(&sections.join(&String::new()).join("\n"))?;
    Ok(0)
}

/// One moment of the timeline.
struct Row {
    at: Duration,
    weight: Weight,
    hold: Option<Duration>,
    then: String,
}

fn rows(plan: &RolloutPlan) -> Vec<Row> {
    let mut at = Duration::ZERO;
    let mut rows = Vec::new();
    for step in plan.schedule().steps() {
        let then = if step.gate { "gate: waits for approval".to_owned() } else { String::new() };
        rows.push(Row { at, weight: step.weight, hold: Some(step.hold), then });
        at += step.hold;
    }
    let mut then = Vec::new();
    if plan.hook(HookMoment::AfterTraffic).is_some() {
        then.push("hook after traffic");
    }
    if plan.bake().is_some() {
        then.push("bake, rollback still armed");
    }
    then.push("promoted");
    rows.push(Row { at, weight: Weight::FULL, hold: plan.bake(), then: then.join(", then ") });
    rows
}

fn header(plan: &RolloutPlan) -> Vec<String> {
    let version = match plan.version() {
        VersionSource::Existing(version) => format!("version {version}"),
        VersionSource::Publish { .. } => "$LATEST, published".to_owned(),
        VersionSource::Code(CodeSource::Zip(path)) => format!("{}, uploaded and published", path.display()),
        VersionSource::Code(CodeSource::S3 { bucket, key, .. }) => format!("s3://{bucket}/{key}, published"),
        VersionSource::Code(CodeSource::Image(image)) => format!("{image}, published"),
    };
    vec![
        paint(tone::STRONG, format_args!("{}:{}", plan.function(), plan.alias())),
        pair("version", version),
        pair("strategy", plan.strategy()),
    ]
}

fn pair(name: &str, value: impl std::fmt::Display) -> String {
    format!("  {} {value}", paint(tone::FAINT, format_args!("{name:<10}")))
}

fn title(text: &str) -> String {
    paint(tone::STRONG, text)
}

fn timeline(plan: &RolloutPlan) -> Vec<String> {
    let mut lines = vec![title("Timeline")];
    if let Some(hook) = hook_words(plan, HookMoment::BeforeTraffic) {
        lines.push(pair("before", format_args!("hook {hook}")));
    }
    lines.push(paint(tone::FAINT, format_args!("  {:<10} {:>7}   {:<8} then", "at", "weight", "held")));
    for Row { at, weight, hold, then } in rows(plan) {
        let hold = hold.map_or_else(|| "-".to_owned(), format_duration);
        let (at, weight) = (format_duration(at), weight.to_string());
        lines.push(format!("  {at:<10} {weight:>7}   {hold:<8} {then}").trim_end().to_owned());
    }
    if let Some(hook) = hook_words(plan, HookMoment::AfterTraffic) {
        lines.push(pair("after", format_args!("hook {hook}")));
    }
    if let Some(deadline) = plan.deadline() {
        lines.push(pair("deadline", format_args!("{}, then rolled back", format_duration(deadline))));
    }
    lines
}

fn hook_words(plan: &RolloutPlan, moment: HookMoment) -> Option<String> {
    let hook = plan.hook(moment)?;
    let runner = match hook.runner() {
        HookRunner::Lambda(function) => function.to_string(),
        HookRunner::InProcess => "in the embedding program".to_owned(),
    };
    Some(format!("{runner}, at most {}", format_duration(hook.timeout())))
}

fn watching(plan: &RolloutPlan) -> Vec<String> {
    let watch = plan.alarms();
    if watch.names().is_empty() {
        return vec![
            title("Alarms"),
            "  none: nothing but hooks and signals would roll this back".to_owned(),
        ];
    }
    let mut lines =
        vec![title("Alarms"), pair("read", format_args!("every {}", format_duration(watch.poll())))];
    lines.extend(watch.names().iter().map(|name| pair("watched", name)));
    lines.extend(
        policies(watch)
            .map(|(when, what)| format!("  {} {what}", paint(tone::FAINT, format_args!("{when:<34}")))),
    );
    lines
}

/// What the plan does in each of the alarms' moods.
fn policies(watch: &AlarmWatch) -> [(String, String); 6] {
    let already = match watch.already_alarming() {
        AlreadyAlarming::Refuse => "the rollout is refused",
        AlreadyAlarming::IgnoreUntilOk => "ignored until it was OK once",
        AlreadyAlarming::Ignore => "ignored throughout",
    };
    let missing = match watch.missing() {
        MissingAlarm::Refuse => "the rollout is refused",
        MissingAlarm::Ignore => "ignored",
    };
    let insufficient = match watch.insufficient_data() {
        InsufficientData::Pass => "as good as OK",
        InsufficientData::Hold => "the weight does not rise",
        InsufficientData::RollBack => "rolled back",
    };
    let unreadable = watch.unreadable();
    let then = match unreadable.then {
        WhenUnreadable::Hold => "the weight does not rise",
        WhenUnreadable::RollBack => "rolled back",
    };
    let flaps = match watch.flaps() {
        Flaps::RollBack => "rolled back",
        Flaps::Report => "reported",
    };
    [
        ("if one fires".to_owned(), "rolled back at once".to_owned()),
        ("if one fires before traffic moves".to_owned(), already.to_owned()),
        ("if one does not exist".to_owned(), missing.to_owned()),
        ("if one has too little data".to_owned(), insufficient.to_owned()),
        (format!("if they are unreadable for {}", format_duration(unreadable.tolerate)), then.to_owned()),
        ("if one fired between two polls".to_owned(), flaps.to_owned()),
    ]
}

fn calls(plan: &RolloutPlan) -> Vec<String> {
    let mut lines =
        vec![format!("{} {}", title("Calls"), paint(tone::FAINT, "(about, when nothing goes wrong)"))];
    let calls = iam::calls(plan);
    let longest = calls.iter().filter_map(|call| call.operation).map(str::len).max().unwrap_or_default();
    for call in calls {
        if let Some(operation) = call.operation {
            let times = expected(plan, operation).to_string();
            lines.push(format!("  {operation:<longest$} {times:>6}   {}", paint(tone::FAINT, call.purpose)));
        }
    }
    lines
}

/// How often an undisturbed rollout calls this operation, about.
fn expected(plan: &RolloutPlan, operation: &str) -> u64 {
    let watched = plan.schedule().time_to_full() + plan.bake().unwrap_or_default();
    let times_in =
        |every: Duration| u64::try_from(watched.as_millis() / every.as_millis().max(1)).unwrap_or(u64::MAX);
    let shifts = plan.schedule().steps().len() as u64 + 1;
    match operation {
        "GetAlias" => 2 + times_in(PATROL),
        "GetFunction" => 3,
        "UpdateAlias" => shifts,
        "CreateAlias" | "DescribeAlarmHistory" => 0,
        "DescribeAlarms" => {
            let calls_a_look = plan.alarms().names().len().div_ceil(NAMES_A_CALL) as u64;
            (2 + times_in(plan.alarms().poll())).saturating_mul(calls_a_look)
        }
        "Invoke" => {
            let moments = [HookMoment::BeforeTraffic, HookMoment::AfterTraffic];
            moments.into_iter().filter(|moment| plan.hook(*moment).is_some()).count() as u64
        }
        _ => 1,
    }
}

fn policy(plan: &RolloutPlan, region: Option<&str>) -> Vec<String> {
    let mut lines = vec![title("Least IAM policy")];
    lines.extend(format!("{:#}", iam::least_policy_in(plan, region)).lines().map(str::to_owned));
    lines
}

fn as_json(plan: &RolloutPlan, region: Option<&str>) -> Value {
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let timeline: Vec<Value> = rows(plan)
        .iter()
        .zip(plan.schedule().steps().iter().map(|step| step.gate).chain([false]))
        .map(|(row, gate)| {
            json!({"at_ms": millis(row.at), "weight": row.weight, "hold_ms": row.hold.map(millis), "gate": gate})
        })
        .collect();
    let call = |call: ApiCall| {
        call.operation.map(|operation| {
            json!({
                "service": call.service,
                "operation": operation,
                "purpose": call.purpose,
                "expected": expected(plan, operation),
            })
        })
    };
    let calls: Vec<Value> = iam::calls(plan).into_iter().filter_map(call).collect();
    json!({
        "plan": plan.to_document(),
        "timeline": timeline,
        "calls": calls,
        "iam_policy": iam::least_policy_in(plan, region),
    })
}
