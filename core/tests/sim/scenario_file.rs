//! Scenario files: what is taken, and what is said of the others.

use std::time::Duration;

use lambda_rollout::sim::Scenario;
use lambda_rollout::{ErrorKind, RolloutPlan};

fn refused(text: &str) -> String {
    let error = Scenario::parse(text).expect_err(text);
    assert_eq!(error.kind(), ErrorKind::Plan);
    error.message().to_owned()
}

#[test]
fn an_empty_file_is_the_healthy_world() {
    assert_eq!(Scenario::parse("").expect("nothing is wrong with nothing"), Scenario::default());
    assert_eq!(Scenario::default().start().to_string(), "2026-01-01T00:00:00.000Z");
    let plan = RolloutPlan::builder("f", "live")
        .strategy_named("Canary10Percent24Hours")
        .bake(Duration::from_secs(3600));
    let end = Scenario::default().end(&plan.build().expect("a good plan"));
    assert_eq!(end.to_string(), "2026-01-04T01:00:00.000Z", "two days beyond what the plan takes");
}

#[test]
fn what_is_no_scenario_is_refused_with_its_line() {
    for (text, line, says) in [
        ("seed = 1\ncanry = {}", "line 2: ", "unknown field `canry`, expected one of"),
        ("[canary]\nerrors = 5", "line 2: ", "unknown field `errors`"),
        ("[canary]\n\nlatency = \"5 parsecs\"", "line 3: ", "`5 parsecs` is not a length of time"),
        ("[canary]\nlatency = 5", "line 2: ", "invalid type: integer `5`, expected a string"),
        ("seed = ", "line 1: ", ""),
        ("[[faults]]\nfault = \"lost\"", "line 2: ", "unknown variant `lost`"),
        (
            "[[faults]]\nfault = \"hang\"\ncall = \"write\"",
            "line 3: ",
            "unknown variant `write`, expected one of `read_alias`",
        ),
        ("[[alarms]]\nmetric = \"errors\"", "line 1: ", "missing field `name`"),
        ("[[alarms]]\nname = \"a\"\nstatistic = \"p101\"", "line 3: ", "`p101` is no statistic"),
        ("approve_gates_after = \"sometimes\"", "line 1: ", "or \"never\""),
    ] {
        let message = refused(text);
        assert!(message.starts_with(line) && message.contains(says), "{text:?} gives {message:?}");
    }
}

#[test]
fn what_is_said_of_a_value_stays_a_line_that_can_be_read() {
    let long = "x".repeat(10_000);
    for text in [
        format!("[[faults]]\nfault = \"tab\\tand\\r{long}\""),
        format!("alarms = [{{ name = '{long}' }}]"),
        "alarms = [{ name = \"\\u001b[2J\" }, { name = \"\\u001b[2J\" }]".to_owned(),
    ] {
        let message = refused(&text);
        assert!(!message.contains(|c: char| c.is_control() && c != '\n'), "{message:?}");
        assert!(message.lines().all(|line| line.chars().count() < 1_000), "{message:?}");
    }
}

#[test]
fn every_value_that_cannot_be_is_told_at_once() {
    let message = refused(
        r#"
        until = "0s"
        account = { alias = { weighted = { percent = 100.5, version = "1" } } }
        traffic = { per_second = -1.0, changes = [{ at = "2m", per_second = 1.0 }, { at = "1m", per_second = inf }] }
        stable = { error_percent = 101.0, latency = "0s" }
        canary = { changes = [{ after = "1m", error_percent = nan }, { after = "1m", latency = "0s" }] }
        alarms = [
            { name = "a", statistic = "p99", threshold = nan, periods = 3, datapoints = 4 },
            { name = "a", periods = 0, forced = [{ from = "2m", to = "1m", state = "OK" }] },
            { name = "b", state = "UNREADABLE", forced = [{ state = "UNREADABLE" }], unreadable = [{ from = "1m", to = "1m" }] },
        ]
        calls = { fastest = "2s", slowest = "1s" }
        faults = [
            { fault = "throttle", percent = 150.0, nth = [0] },
            { fault = "late", from = "1m", to = "1m" },
            { fault = "hang", by = "1m" },
            { fault = "stale", call = "write_alias" },
        ]
        drift = [{ at = "1m", do = { route = { version = "2", percent = 5.0 } } }]
        runner = { dies_after_effect = [0] }
        "#,
    );
    let paths: Vec<&str> = message.lines().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(
        paths,
        [
            "until",
            "account.alias.weighted.percent",
            "account.alias.weighted.version",
            "traffic.per_second",
            "traffic.changes[1].per_second",
            "traffic.changes[1]",
            "stable.error_percent",
            "stable.latency",
            "canary.changes[0].error_percent",
            "canary.changes[1].latency",
            "canary.changes[1]",
            "alarms[0].statistic",
            "alarms[0].threshold",
            "alarms[0].datapoints",
            "alarms[1].name",
            "alarms[1].periods",
            "alarms[1].forced[0].to",
            "alarms[2].state",
            "alarms[2].forced[0].state",
            "alarms[2].unreadable[0].to",
            "calls.slowest",
            "faults[0].percent",
            "faults[0].nth",
            "faults[0].nth",
            "faults[1].to",
            "faults[1].by",
            "faults[2].by",
            "faults[3].by",
            "faults[3].call",
            "drift[0].do.route.percent",
            "runner.dies_after_effect[0]",
        ],
        "{message}"
    );
    assert!(message.lines().all(|line| line.contains("; ")), "each says what would be right\n{message}");
}

#[test]
fn a_file_gives_the_scenario_its_name_unless_it_has_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tuesday.toml");
    std::fs::write(&path, "seed = 3").expect("written");
    let scenario = Scenario::from_file(&path).expect("a good scenario");
    assert_eq!((scenario.name(), scenario.seed()), ("tuesday", 3));
    std::fs::write(&path, "name = \"wednesday\"").expect("written");
    assert_eq!(Scenario::from_file(&path).expect("a good scenario").name(), "wednesday");
}

#[test]
fn what_cannot_be_read_is_told_with_its_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |name: &str| {
        let path = folder.path().join(name);
        let error = Scenario::from_file(&path).expect_err(name);
        let message = error.message().strip_prefix(&format!("{}: ", path.display())).map(str::to_owned);
        message.unwrap_or_else(|| panic!("{error} does not start with the path"))
    };
    assert!(refused("missing.toml").starts_with("cannot be read: "));
    assert_eq!(refused(""), "is not a file");
    std::fs::write(folder.path().join("large.toml"), vec![b'#'; 1024 * 1024 + 1]).expect("written");
    assert!(refused("large.toml").starts_with("is larger than 1 MiB"));
    std::fs::write(folder.path().join("bytes.toml"), [0xff]).expect("written");
    assert_eq!(refused("bytes.toml"), "is not UTF-8");
    std::fs::write(folder.path().join("wrong.toml"), "canry = 1").expect("written");
    assert!(refused("wrong.toml").starts_with("line 1: unknown field"));
}
