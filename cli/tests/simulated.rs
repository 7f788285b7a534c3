//! `run --simulate`: the whole way through plan, machine, driver and account, as a newcomer sees it.

mod support;

use std::process::Stdio;

use support::{command, finished, run};

const CANARY: &str = "examples/canary.toml";

#[test]
fn a_good_release_is_promoted() {
    let run = run(&["run", CANARY, "--simulate"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(run.out, "");
    for words in
        ["10 % → version 2", "100 % → version 2", "promoted    main serves version 2 alone", "exit code 0"]
    {
        assert!(run.err.contains(words), "`{words}` is missing in:\n{}", run.err);
    }
}

#[test]
fn a_bad_release_is_rolled_back_and_the_alarm_is_named() {
    let run = run(&["run", CANARY, "--simulate", "broken"]);
    assert_eq!(run.code, 4, "{}", run.err);
    for words in [
        "all traffic → version 1",
        "alarm sample-handler-errors fired",
        "rolled back main serves version 1 alone",
        "cause       alarm `sample-handler-errors` is in ALARM: Threshold Crossed",
        "seen ",
        "decided at once",
    ] {
        assert!(run.err.contains(words), "`{words}` is missing in:\n{}", run.err);
    }
}

#[test]
fn every_shipped_scenario_ends_as_its_story_says() {
    let ends = [
        ("healthy", 0),
        ("broken", 4),
        ("slow-burn", 4),
        ("no-traffic", 0),
        ("alarm-outage", 4),
        ("bad-day", 4),
    ];
    for (scenario, code) in ends {
        let run = run(&["run", CANARY, "--simulate", scenario]);
        assert_eq!(run.code, code, "{scenario}:\n{}", run.err);
        let name = format!("simulated: {scenario}, seed ");
        assert!(run.err.contains(&name), "{}", run.err);
    }
}

#[test]
fn events_are_json_lines_and_the_last_one_is_the_end() {
    let run = run(&["run", CANARY, "--simulate", "broken", "--json"]);
    assert_eq!(run.code, 4);
    let events = run.events();
    let numbers: Vec<u64> = events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    assert_eq!(events[0]["kind"], "started");
    let last = events.last().expect("there are events");
    assert_eq!((&last["kind"], &last["outcome"]), (&"finished".into(), &"rolled_back".into()));
    assert_eq!(last["cause"]["kind"], "alarm");
    assert_eq!(last["cause"]["name"], "sample-handler-errors");
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    let of = |seed| run(&["run", CANARY, "--simulate", "bad-day", "--seed", seed, "--json"]);
    let (first, second, other) = (of("11"), of("11"), of("12"));
    assert_eq!((first.out, first.err), (second.out.clone(), second.err));
    assert_ne!(second.out, other.out);
}

#[test]
fn away_from_a_terminal_there_is_no_escape_code() {
    let run = run(&["run", CANARY, "--simulate", "broken", "--json"]);
    assert!(!run.err.contains('\x1b') && !run.err.contains('\r'), "{}", run.err);
    assert!(!run.out.contains('\x1b'));
}

#[test]
fn colour_can_be_asked_for_and_no_color_wins() {
    let coloured = |name| {
        let mut command = command(&["run", CANARY, "--simulate"]);
        finished(&command.env("CLICOLOR_FORCE", "1").env(name, "1").output().expect("it runs"))
            .err
            .contains('\x1b')
    };
    assert!(coloured("LAMBDA"));
    assert!(!coloured("NO_COLOR"));
}

#[test]
fn where_unicode_is_not_spoken_plain_ascii_is() {
    for (name, value) in [("LC_ALL", "C"), ("TERM", "dumb")] {
        let mut command = command(&["run", "examples/steps.toml", "--simulate", "broken"]);
        let run = finished(&command.env(name, value).output().expect("it runs"));
        assert!(run.err.is_ascii(), "{}", run.err);
        assert!(run.err.contains("all traffic -> version 1"), "{}", run.err);
    }
}

#[test]
fn the_scenario_approves_gates() {
    let run = run(&["run", "examples/steps.toml", "--simulate", "--json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let kinds: Vec<_> = run.events().iter().map(|event| event["kind"].clone()).collect();
    let gate = kinds.iter().position(|kind| kind == "gate_waiting").expect("the plan has a gate");
    assert_eq!(kinds[gate + 1], "resumed");
}

#[test]
fn every_example_plan_runs() {
    for plan in ["canary.toml", "canary.json", "canary.yaml", "linear.toml", "steps.toml", "hooks.toml"] {
        let run = run(&["run", &format!("examples/{plan}"), "--simulate"]);
        assert_eq!(run.code, 0, "{plan}:\n{}", run.err);
    }
}

#[test]
fn a_scenario_of_ones_own_comes_from_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, "description = \"half of it fails\"\n[canary]\nerror_percent = 50.0\n")
        .expect("written");
    let run = run(&["run", CANARY, "--simulate", path.to_str().expect("a path")]);
    assert_eq!(run.code, 4, "{}", run.err);
    assert!(run.err.contains("simulated: mine, seed 1"), "{}", run.err);
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_rollout() {
    let mut command = command(&["run", CANARY, "--simulate", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    let run = finished(&child.wait_with_output().expect("it ends"));
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("the rollout goes on"), "{}", run.err);
    assert!(run.err.contains("main serves version 2 alone"), "{}", run.err);
}

#[test]
fn what_show_expects_is_what_a_run_calls() {
    for plan in ["canary.toml", "linear.toml", "hooks.toml"] {
        let path = format!("examples/{plan}");
        let shown: serde_json::Value =
            serde_json::from_str(&run(&["show", &path, "--json"]).out).expect("an object");
        let run = run(&["run", &path, "--simulate", "--json"]);
        let made = run.events().last().expect("an end")["calls"].clone();
        let expected = |operation: &str| {
            let calls = shown["calls"].as_array().expect("a list");
            calls
                .iter()
                .find(|call| call["operation"] == operation)
                .map_or(0, |call| call["expected"].as_u64().unwrap())
        };
        for (operation, kind) in
            [("UpdateAlias", "write_alias"), ("PublishVersion", "publish"), ("Invoke", "run_hook")]
        {
            assert_eq!(expected(operation), made[kind].as_u64().unwrap_or(0), "{plan}: {operation}");
        }
        for (operation, kind) in
            [("GetAlias", "read_alias"), ("DescribeAlarms", "read_alarms"), ("GetFunction", "read_version")]
        {
            let (expected, made) = (expected(operation), made[kind].as_u64().unwrap_or(0));
            assert!(expected.abs_diff(made) <= 2 + made / 4, "{plan}: {operation} {expected}, made {made}");
        }
    }
}
