use std::fmt::Write as _;

use lambda_rollout::RolloutPlan;

use crate::dice::Dice;

/// The faults that a scenario knows.
pub(crate) const FAULTS: &[&str] = &[
    "throttle",
    "denied",
    "conflict",
    "lost-request",
    "lost-reply",
    "server-error",
    "server-error-after",
    "hang",
    "hang-after",
    "late",
    "precondition-failed",
    "not-found",
    "stale",
    "stale",
];

/// What another hand may do to the alias or to `$LATEST`.
const DEEDS: &[&str] = &[
    "\"touch\"",
    "\"clear\"",
    "\"promote\"",
    "\"to-latest\"",
    "\"delete\"",
    "\"change-latest\"",
    "\"publish\"",
    "{ route = { version = \"2\" } }",
    "{ route = { version = \"1\", additional = \"3\", percent = 10.0 } }",
    "{ route = { version = \"1\", additional = \"3\", percent = 77.0 } }",
    "{ route = { version = \"1\", additional = \"3\", percent = 0.0 } }",
    "{ route = { version = \"1\", additional = \"3\", percent = 100.0 } }",
    "{ route = { version = \"1\", additional = \"2\", percent = 30.0 } }",
    "{ route = { version = \"2\", additional = \"3\", percent = 30.0 } }",
    "{ route = { version = \"3\", additional = \"1\", percent = 30.0 } }",
];

const CALLS: &[&str] = &[
    "write_alias",
    "write_alias",
    "write_alias",
    "read_alias",
    "read_alias",
    "read_alarms",
    "read_alarms",
    "read_version",
    "publish",
    "create_alias",
    "update_code",
    "run_hook",
];

/// A random scenario, as the TOML that a user would write. Versions: 1 is stable, 2 was published long ago, 3 is
/// the one that is rolled out.
pub(crate) fn scenario_text(dice: &mut Dice, plan: &RolloutPlan) -> String {
    let mut text = String::new();
    account(dice, plan, &mut text);
    canary(dice, &mut text);
    alarms(dice, &mut text);
    hooks(dice, &mut text);
    if dice.chance(30) {
        let slowest = dice.pick(&["0s", "500ms", "4s", "11s"]);
        tell(&mut text, format_args!("\n[calls]\nfastest = \"0s\"\nslowest = \"{slowest}\""));
    }
    if dice.chance(70) {
        for _ in 0..dice.between(1, 4) {
            fault(dice, &mut text);
        }
    }
    if dice.chance(40) {
        for _ in 0..dice.between(1, 3) {
            command(dice, &mut text);
        }
    }
    if dice.chance(40) {
        for _ in 0..dice.between(1, 2) {
            drift(dice, &mut text);
        }
    }
    if dice.chance(12) {
        pipeline(dice, &mut text);
    }
    text
}

fn drift(dice: &mut Dice, text: &mut String) {
    // At the very start, too, while the version is being made.
    let (at, deed) = if dice.chance(25) {
        (format!("{}ms", dice.between(1, 3_000)), early_deed(dice))
    } else {
        (dice.time(0, 420), dice.pick(DEEDS))
    };
    tell(text, format_args!("\n[[drift]]\nat = \"{at}\"\ndo = {deed}"));
}

fn early_deed(dice: &mut Dice) -> &'static str {
    if dice.chance(50) { "\"change-latest\"" } else { dice.pick(DEEDS) }
}

/// Another pipeline brings code of its own, and mostly publishes it, while this rollout prepares its version.
fn pipeline(dice: &mut Dice, text: &mut String) {
    let at = dice.between(1, 1_500);
    tell(text, format_args!("\n[[drift]]\nat = \"{at}ms\"\ndo = \"change-latest\""));
    if dice.chance(70) {
        let at = at + dice.between(1, 1_500);
        tell(text, format_args!("\n[[drift]]\nat = \"{at}ms\"\ndo = \"publish\""));
    }
}

fn account(dice: &mut Dice, plan: &RolloutPlan, text: &mut String) {
    tell(text, format_args!("until = \"{}m\"", dice.between(20, 90)));
    let approved = if dice.chance(15) { "never".to_owned() } else { dice.time(1, 120) };
    tell(text, format_args!("approve_gates_after = \"{approved}\""));
    let per_second = dice.pick(&["0.0", "2.0", "5.0"]);
    tell(text, format_args!("traffic = {{ per_second = {per_second} }}"));
    tell(text, format_args!("metrics = {{ lag = \"{}\" }}", dice.time(0, 90)));
    tell(text, format_args!("\n[account]\npublished = [\"2\"]"));
    let alias = match dice.between(1, 30) {
        1 => "\"absent\"".to_owned(),
        2 => "\"on-latest\"".to_owned(),
        3..=5 => format!("{{ weighted = {{ percent = {}.0 }} }}", dice.between(1, 99)),
        6 => "{ weighted = { percent = 10.0, version = \"2\" } }".to_owned(),
        // Next to nothing and next to all: no traffic at all, all but a sliver, and all of it.
        7..=8 => format!("{{ weighted = {{ percent = {} }} }}", dice.pick(&["0.0", "99.99", "100.0"])),
        _ => "\"on-stable\"".to_owned(),
    };
    tell(text, format_args!("alias = {alias}"));
    if dice.chance(4) {
        tell(text, format_args!("latest = \"unchanged\""));
    }
    // Where the plan has steps in between, Lambda allows it no weights, and that is all there is to see.
    let has_steps = !plan.schedule().steps().is_empty();
    if dice.chance(if has_steps { 2 } else { 50 }) {
        // From at once to longer than AWS's own weights are ever given.
        let longest = dice.pick(&[20, 100, 400, 2_400]);
        let (takes, ready) = (dice.time(0, longest), dice.time(0, 30));
        tell(
            text,
            format_args!(
                "provisioned_concurrency = {{ move_takes = \"{takes}\", ready_after = \"{ready}\" }}"
            ),
        );
    }
}

fn canary(dice: &mut Dice, text: &mut String) {
    text.push_str("\n[canary]\n");
    if dice.chance(35) {
        let (after, percent) = (dice.time(0, 400), dice.pick(&["2.0", "30.0", "100.0"]));
        tell(text, format_args!("changes = [{{ after = \"{after}\", error_percent = {percent} }}]"));
    }
    if dice.chance(25) {
        tell(text, format_args!("ready_after = \"{}\"", dice.time(0, 70)));
    }
    match dice.between(1, 60) {
        1 => tell(text, format_args!("never_ready = \"InvalidImage\"")),
        2 => tell(text, format_args!("role = \"arn:aws:iam::123456789012:role/other\"")),
        3 => tell(text, format_args!("dead_letter = \"arn:aws:sqs:eu-west-1:123456789012:queue\"")),
        _ => {}
    }
}

fn alarms(dice: &mut Dice, text: &mut String) {
    for name in ["errors", "slow"] {
        if dice.chance(50) {
            continue;
        }
        let (metric, of) = (dice.pick(&["errors", "invocations"]), dice.pick(&["canary", "alias"]));
        let missing = dice.pick(&["missing", "notBreaching", "ignore"]);
        tell(text, format_args!("\n[[alarms]]\nname = \"{name}\"\nmetric = \"{metric}\"\nof = \"{of}\""));
        tell(text, format_args!("missing = \"{missing}\""));
        let threshold = if metric == "errors" { "1.0" } else { "100000.0" };
        tell(text, format_args!("threshold = {threshold}"));
        if dice.chance(10) {
            tell(text, format_args!("exists = false"));
        }
        let mut states: Vec<String> = (0..dice.between(0, 2)).map(|_| flap(dice)).collect();
        if dice.chance(50) {
            states.push(stay(dice));
        }
        tell(text, format_args!("forced = [{}]", states.join(", ")));
        if dice.chance(25) {
            let from = dice.between(0, 500);
            let to = from + dice.between(1, 250);
            tell(text, format_args!("unreadable = [{{ from = \"{from}s\", to = \"{to}s\" }}]"));
        }
    }
}

/// A state that several polls see.
fn stay(dice: &mut Dice) -> String {
    let from = if dice.chance(25) { 0 } else { dice.between(1, 900) };
    let to = from + dice.between(1, 300);
    let state = dice.pick(&["ALARM", "ALARM", "INSUFFICIENT_DATA", "OK"]);
    format!("{{ from = \"{from}s\", to = \"{to}s\", state = \"{state}\", reason = \"set by hand\" }}")
}

/// A state that most polls miss.
fn flap(dice: &mut Dice) -> String {
    let from = dice.between(1, 600_000);
    let to = from + dice.between(1, 4_000);
    let state = dice.pick(&["ALARM", "ALARM", "INSUFFICIENT_DATA", "OK"]);
    format!("{{ from = \"{from}ms\", to = \"{to}ms\", state = \"{state}\", reason = \"it flaps\" }}")
}

fn hooks(dice: &mut Dice, text: &mut String) {
    let bad =
        ["fail", "inconclusive", "inconclusive", "function-error", "time-out", "malformed", "not-invoked"];
    for moment in ["before_traffic", "after_traffic"] {
        let answer = if dice.chance(75) { "pass" } else { dice.pick(&bad) };
        let after = dice.time(0, 60);
        tell(text, format_args!("\n[hooks.{moment}]\nanswer = \"{answer}\"\nafter = \"{after}\""));
    }
}

fn fault(dice: &mut Dice, text: &mut String) {
    let fault = dice.pick(FAULTS);
    tell(text, format_args!("\n[[faults]]\nfault = \"{fault}\""));
    match fault {
        // Often just after a call is no longer waited for, and before the next one is sent.
        "late" if dice.chance(40) => tell(text, format_args!("by = \"{}ms\"", dice.between(9_900, 10_600))),
        "late" => tell(text, format_args!("by = \"{}\"", dice.time(1, 40))),
        "stale" => tell(text, format_args!("by = \"{}\"", dice.time(1, 20))),
        _ => {}
    }
    if fault == "not-found" && dice.chance(25) {
        // Two of them before anything else was read: the alias is taken for one that has yet to be created.
        return tell(text, format_args!("call = \"read_alias\"\nnth = [1, 2]"));
    }
    let every_call = dice.chance(15) && !matches!(fault, "stale" | "not-found");
    if !every_call {
        let calls: &[&str] = match fault {
            // These two reads alone lag behind.
            "stale" => &["read_alias", "read_alias", "read_version"],
            // A write that comes home after everybody has stopped waiting is the one that matters.
            "late" => &["write_alias", "write_alias", "write_alias", "read_alias", "read_alarms", "publish"],
            _ => CALLS,
        };
        tell(text, format_args!("call = \"{}\"", dice.pick(calls)));
    }
    // One answer that says so is wrong; where all do for half a minute, nobody could know better.
    let singly = fault == "not-found";
    let from = dice.between(0, 600);
    match dice.between(1, if singly { 3 } else { 4 }) {
        1 => tell(text, format_args!("nth = [{}]", dice.between(1, 6))),
        2 => tell(text, format_args!("nth = [{}, {}]", dice.between(1, 3), dice.between(2, 9))),
        3 => tell(text, format_args!("percent = {}.0", dice.between(1, if singly { 15 } else { 60 }))),
        // Everything fails for a while: for longer than some patience, mostly.
        _ => {
            let to = from + dice.between(5, 700);
            return tell(text, format_args!("from = \"{from}s\"\nto = \"{to}s\""));
        }
    }
    if every_call {
        tell(text, format_args!("from = \"{from}s\""));
    }
}

fn command(dice: &mut Dice, text: &mut String) {
    let (at, verb) =
        (dice.time(0, 600), dice.pick(&["pause", "resume", "promote", "abort", "pause", "resume"]));
    tell(text, format_args!("\n[[commands]]\nat = \"{at}\"\ndo = \"{verb}\""));
    if verb == "abort" {
        tell(text, format_args!("reason = \"a random day\""));
    }
}

fn tell(text: &mut String, line: std::fmt::Arguments<'_>) {
    let _infallible = writeln!(text, "{line}");
}
