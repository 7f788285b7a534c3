use std::fmt::Write as _;

use lambda_rollout::plan::{Format, RolloutPlan};

use crate::dice::Dice;

/// A random plan, as the TOML that a user would write.
pub(crate) fn plan_text(dice: &mut Dice) -> String {
    let mut text = String::from("function = \"sample-handler\"\nalias = \"main\"\n");
    let version = match dice.between(1, 20) {
        1..=11 => "\"publish\"",
        12..=18 => "\"3\"",
        19 => "{ publish = { description = \"a random day\" } }",
        _ => "{ s3 = { bucket = \"code\", key = \"handler.zip\" } }",
    };
    line(&mut text, "version", version);
    line(&mut text, "strategy", &strategy(dice));
    if dice.chance(50) {
        line(&mut text, "bake", &quoted(&dice.time(10, 240)));
    }
    if dice.chance(35) {
        let deadline = least_time(&text) + dice.between(1, 600);
        line(&mut text, "deadline", &quoted(&format!("{deadline}s")));
    }
    if dice.chance(40) {
        line(&mut text, "rollback_deadline", &quoted(&dice.time(20, 400)));
    }
    if dice.chance(85) {
        alarms(dice, &mut text);
    }
    for moment in ["before_traffic", "after_traffic"] {
        if dice.chance(35) {
            let _infallible = writeln!(text, "\n[hooks.{moment}]");
            line(&mut text, "lambda", "\"check\"");
            line(&mut text, "timeout", &quoted(&dice.time(5, 90)));
        }
    }
    text
}

/// How many seconds the plan takes when nothing goes wrong: a deadline has to be longer.
fn least_time(text: &str) -> u64 {
    let plan = RolloutPlan::parse(text, Format::Toml).expect("a plan without alarms and hooks");
    (plan.schedule().time_to_full() + plan.bake().unwrap_or_default()).as_secs()
}

fn strategy(dice: &mut Dice) -> String {
    let percent = dice.pick(&["0.5", "1", "5", "10", "25", "33.33", "50", "99.99"]);
    let interval = dice.time(5, 240);
    match dice.between(1, 10) {
        1..=3 => format!("{{ kind = \"canary\", percent = {percent}, interval = \"{interval}\" }}"),
        4..=5 => {
            let percent = dice.pick(&["10", "20", "30", "49"]);
            format!("{{ kind = \"linear\", percent = {percent}, interval = \"{interval}\" }}")
        }
        6 => {
            let factor = dice.pick(&["2", "2.5", "10"]);
            format!("{{ kind = \"exponential\", percent = 5, factor = {factor}, interval = \"{interval}\" }}")
        }
        7..=9 => steps(dice),
        _ => "\"AllAtOnce\"".to_owned(),
    }
}

fn steps(dice: &mut Dice) -> String {
    let mut steps = Vec::new();
    let mut percent = 0;
    for _ in 0..dice.between(1, 4) {
        percent += dice.between(1, 24);
        let (hold, gate) = (dice.time(5, 180), dice.chance(35));
        steps.push(format!("{{ percent = {percent}, hold = \"{hold}\", gate = {gate} }}"));
    }
    format!("{{ kind = \"steps\", steps = [{}] }}", steps.join(", "))
}

fn alarms(dice: &mut Dice, text: &mut String) {
    text.push_str("\n[alarms]\n");
    line(text, "names", dice.pick(&["[\"errors\"]", "[\"errors\", \"slow\"]"]));
    line(text, "poll", &quoted(dice.pick(&["1s", "5s", "10s", "10s", "30s", "1m"])));
    // Evenly, so that every combination of policies has its days.
    let (tolerate, then) = (dice.time(10, 180), dice.pick(&["hold", "roll-back"]));
    line(text, "unreadable", &format!("{{ tolerate = \"{tolerate}\", then = \"{then}\" }}"));
    line(text, "already_alarming", dice.pick(&["\"refuse\"", "\"ignore\"", "\"ignore-until-ok\""]));
    line(text, "missing", dice.pick(&["\"refuse\"", "\"refuse\"", "\"ignore\""]));
    line(text, "insufficient_data", dice.pick(&["\"pass\"", "\"hold\"", "\"roll-back\""]));
    line(text, "flaps", dice.pick(&["\"roll-back\"", "\"report\""]));
}

fn line(text: &mut String, key: &str, value: &str) {
    let _infallible = writeln!(text, "{key} = {value}");
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}
