//! `show`, `check`, `schema` and the help texts.

mod support;

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;
use support::{repository, run};

#[test]
fn show_prints_the_timeline_the_calls_and_the_policy() {
    let run = run(&["show", "examples/steps.toml"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let (people, policy) = run.out.split_once("Least IAM policy\n").expect("there is a policy");
    assert_snapshot!(people, @r#"
    sample-handler:main
      version    $LATEST, published
      strategy   steps 0.5 %, 10 %, 50 %

    Timeline
      at          weight   held     then
      0s           0.5 %   10m
      10m           10 %   20m
      30m           50 %   30m      gate: waits for approval
      1h           100 %   30m      bake, rollback still armed, then promoted
      deadline   6h, then rolled back

    Alarms
      read       every 10s
      watched    sample-handler-errors
      watched    sample-handler-latency
      if one fires                       rolled back at once
      if one fires before traffic moves  ignored until it was OK once
      if one does not exist              the rollout is refused
      if one has too little data         as good as OK
      if they are unreadable for 5m      the weight does not rise
      if one fired between two polls     rolled back

    Calls (about, when nothing goes wrong)
      GetAlias                            92   reads the alias: at the start, every minute, and to prove the end
      GetFunction                          3   reads both versions, until they are ready, and finds the hooks
      GetProvisionedConcurrencyConfig      1   finds out whether the alias has provisioned concurrency, which rules out weights
      PublishVersion                       1   publishes the canary version
      DescribeAlarms                     542   watches the alarms
      DescribeAlarmHistory                 0   looks up an alarm that was in another state between two polls
      CreateAlias                          0   creates the alias, when there is none yet
      UpdateAlias                          4   shifts, promotes and rolls back
    "#);
    let policy: Value = serde_json::from_str(policy).expect("the policy is JSON");
    assert_eq!(policy["Version"], "2012-10-17");
}

#[test]
fn show_knows_hooks_and_versions() {
    let hooks = run(&["show", "examples/hooks.toml"]).out;
    for words in [
        "before     hook sample-handler-smoke-test, at most 5m",
        "hook after traffic, then promoted",
        "Invoke",
    ] {
        assert!(hooks.contains(words), "`{words}` is missing in:\n{hooks}");
    }
    let linear = run(&["show", "examples/linear.toml"]).out;
    for words in ["version    version 7", "9m           100 %", "deadline   1h, then rolled back"] {
        assert!(linear.contains(words), "`{words}` is missing in:\n{linear}");
    }
}

#[test]
fn show_prints_every_example() {
    for entry in fs::read_dir(repository().join("examples")).expect("there are examples") {
        let path = entry.expect("an entry").path();
        if path
            .extension()
            .is_some_and(|ending| ["toml", "json", "yaml"].iter().any(|known| ending == *known))
        {
            let path = path.to_str().expect("a path in UTF-8");
            assert_eq!(run(&["show", path]).code, 0, "{path}");
            let shown: Value = serde_json::from_str(&run(&["show", path, "--json"]).out).expect("one object");
            for key in ["plan", "timeline", "calls", "iam_policy"] {
                assert!(!shown[key].is_null(), "{path}: {key}");
            }
        }
    }
}

#[test]
fn the_canary_plan_is_the_same_in_all_formats() {
    let shown = |ending| run(&["show", &format!("examples/canary.{ending}"), "--json"]).out;
    assert_eq!(shown("toml"), shown("json"));
    assert_eq!(shown("toml"), shown("yaml"));
}

#[test]
fn show_as_json_has_the_timeline_in_milliseconds() {
    let shown: Value =
        serde_json::from_str(&run(&["show", "examples/canary.toml", "--json"]).out).expect("JSON");
    assert_eq!(
        shown["timeline"],
        serde_json::json!([
            {"at_ms": 0, "weight": 0.1, "hold_ms": 300_000, "gate": false},
            {"at_ms": 300_000, "weight": 1.0, "hold_ms": null, "gate": false},
        ])
    );
}

#[test]
fn check_says_what_a_run_would_do() {
    let run = run(&["check", "examples/canary.toml", "--simulate"]);
    assert_eq!((run.code, run.out.as_str()), (0, ""));
    assert_snapshot!(run.err, @r#"
    ✓ plan examples/canary.toml: sample-handler:main, Canary10Percent5Minutes
    ✓ alias main serves version 1 alone
    ✓ $LATEST can be published
    ✓ alarm sample-handler-errors is in OK
    ✓ a run would go ahead and shift 10 % at once
    "#);
}

#[test]
fn check_refuses_what_a_run_would_refuse() {
    let folder = tempfile::tempdir().expect("a folder");
    let cases = [
        ("[[alarms]]\nname = \"sample-handler-errors\"\nexists = false\n", 3, "no such alarm"),
        ("[[alarms]]\nname = \"sample-handler-errors\"\nstate = \"ALARM\"\n", 3, "is in ALARM"),
        (
            "[account]\nalias = { weighted = { percent = 10.0, version = \"40\" } }\npublished = [\"40\"]\n",
            3,
            "two versions",
        ),
        ("[canary]\nrole = \"arn:aws:iam::123456789012:role/other\"\n", 3, "execution role"),
        ("[account]\nalias = \"absent\"\n", 0, "does not exist: a run would create it"),
    ];
    for (scenario, code, words) in cases {
        let path = folder.path().join("scenario.toml");
        fs::write(&path, scenario).expect("written");
        let run = run(&["check", "examples/linear.toml", "--simulate", path.to_str().expect("a path")]);
        assert_eq!((run.code, run.out.as_str()), (code, ""), "{scenario}:\n{}", run.err);
        assert!(run.err.contains(words), "`{words}` is missing in:\n{}", run.err);
        assert_eq!(run.err.contains('✗'), code == 3, "{}", run.err);
    }
}

/// A scenario in which the plan's alias has these weights.
fn weighted(folder: &tempfile::TempDir, percent: &str) -> String {
    let path = folder.path().join("weighted.toml");
    fs::write(&path, format!("[account]\nalias = {{ weighted = {{ percent = {percent} }} }}\n"))
        .expect("written");
    path.to_str().expect("a path").to_owned()
}

#[test]
fn check_says_how_a_run_goes_on_from_weights_that_are_there() {
    let folder = tempfile::tempdir().expect("a folder");
    for (percent, words) in [
        ("50.0", "a run would go ahead and hold 50 % for 1m, then shift 60 %"),
        ("55.0", "a run would go ahead and shift 50 % at once"),
        ("90.0", "hold 90 % for 1m, then shift 100 %"),
        ("100.0", "a run would go ahead and promote at once: all traffic to the canary, weights cleared"),
        ("0.0", "a run would go ahead and shift 10 % at once"),
    ] {
        let run = run(&["check", "examples/linear.toml", "--simulate", &weighted(&folder, percent)]);
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(run.err.contains(words), "`{words}` is missing in:\n{}", run.err);
    }
    let hooks = run(&["check", "examples/hooks.toml", "--simulate"]).err;
    assert!(hooks.contains("go ahead and run hook sample-handler-smoke-test, then shift"), "{hooks}");
}

#[test]
fn check_as_json_is_one_object() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |args: &[&str]| -> (i32, Value) {
        let run = run(&[&["check", "--json", "--simulate"], args].concat());
        assert_eq!(run.err, "");
        (run.code, serde_json::from_str(&run.out).expect("one object"))
    };
    let (code, ready) = check(&["healthy", "examples/canary.toml"]);
    assert_eq!((code, &ready["exit_code"], &ready["timed_out"]), (0, &0.into(), &false.into()));
    assert_eq!(ready["would"], serde_json::json!({"action": "shift", "weight": 0.1}));
    assert_eq!((&ready["function"], &ready["alias"]), (&"sample-handler".into(), &"main".into()));
    assert!(ready.get("outcome").is_none() && ready["events"].as_array().is_some_and(|all| !all.is_empty()));

    let (_, held) = check(&[&weighted(&folder, "50.0"), "examples/linear.toml"]);
    let hold =
        serde_json::json!({"action": "hold", "weight": 0.5, "hold_ms": 60_000, "gate": false, "next": 0.6});
    assert_eq!(held["would"], hold);

    let missing = folder.path().join("missing.toml");
    fs::write(&missing, "[[alarms]]\nname = \"sample-handler-errors\"\nexists = false\n").expect("written");
    let (code, refused) = check(&[missing.to_str().expect("a path"), "examples/linear.toml"]);
    assert_eq!((code, &refused["outcome"]), (3, &"refused".into()));
    assert_eq!(refused["cause"]["kind"], "alarms_missing");
    assert!(refused["message"].as_str().is_some_and(|text| text.contains("no such alarm")), "{refused}");
    assert!(refused.get("would").is_none() && refused.get("advice").is_none());

    let path = folder.path().join("other.toml");
    let other =
        "[account]\nalias = { weighted = { percent = 10.0, version = \"40\" } }\npublished = [\"40\"]\n";
    fs::write(&path, other).expect("written");
    let (code, weighted) =
        check(&[path.to_str().expect("a path"), "examples/linear.toml", "--region", "eu-west-1"]);
    assert_eq!((code, &weighted["cause"]["kind"]), (3, &"alias_weighted".into()));
    let advice = weighted["advice"].as_str().expect("advice");
    assert!(advice.starts_with("lambda-rollout repair --region eu-west-1 "), "{advice}");
}

#[test]
fn check_names_what_is_not_ready_in_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let hangs = folder.path().join("hangs.toml");
    fs::write(&hangs, "[[faults]]\nfault = \"hang\"\ncall = \"read_alarms\"\npercent = 100.0\n")
        .expect("written");
    let run = run(&["check", "examples/steps.toml", "--simulate", hangs.to_str().expect("a path")]);
    assert_eq!((run.code, run.out.as_str()), (3, ""), "{}", run.err);
    assert!(run.err.contains("✗ not ready within 30s: the alarms could not be read since"), "{}", run.err);
}

#[test]
fn show_takes_the_region_into_the_policy() {
    let policy = |args: &[&str]| -> String {
        let run = run(&[&["show", "examples/canary.toml", "--json"], args].concat());
        let shown: Value = serde_json::from_str(&run.out).expect("JSON");
        shown["iam_policy"].to_string()
    };
    assert!(policy(&[]).contains("arn:aws:lambda:*:*:function:sample-handler"));
    for (region, partition) in
        [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
    {
        let arn = format!("arn:{partition}:lambda:{region}:*:function:sample-handler");
        assert!(policy(&["--region", region]).contains(&arn), "{arn}");
    }
    let text = run(&["show", "examples/canary.toml", "--region", "eu-west-1"]).out;
    assert!(text.contains("arn:aws:lambda:eu-west-1:*:function:sample-handler"), "{text}");
}

#[test]
fn a_scenario_s_runner_is_said_to_be_ignored() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("dies.toml");
    fs::write(&path, "[runner]\ndies_after_effect = [3]\n").expect("written");
    let said = run(&["run", "examples/canary.toml", "--simulate", path.to_str().expect("a path")]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("warning: the scenario's [runner] is ignored"), "{}", said.err);
    assert!(!run(&["run", "examples/canary.toml", "--simulate"]).err.contains("[runner]"));
}

#[test]
fn schema_prints_the_schema_that_is_committed() {
    let run = run(&["schema"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let printed: Value = serde_json::from_str(&run.out).expect("JSON");
    let committed =
        fs::read_to_string(repository().join("schema/plan.schema.json")).expect("it is committed");
    assert_eq!(printed, serde_json::from_str::<Value>(&committed).expect("JSON"));
}

#[test]
fn help_goes_to_stdout_and_says_it_all() {
    let help = run(&["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    assert_snapshot!(help.out, @r#"
    Move live traffic of an AWS Lambda alias from one version to the next, step by step, and put
    everything back when something looks wrong

    Usage: lambda-rollout [OPTIONS] <COMMAND>

    Commands:
      run     Run a plan: shift the traffic, watch, then promote or roll back
      check   Read a plan and check the account as a run would before any traffic moves. Writes nothing
              anywhere
      show    Print what a plan would do: its timeline, its calls and the IAM policy that it needs.
              Calls nothing
      status  Print where an alias sends its traffic now
      repair  Settle an alias that somebody left on two versions: all its traffic goes to the one that
              you choose
      schema  Print the JSON Schema of plans, for editors
      help    Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    AWS:
          --region <REGION>     The Region, in place of the configured one
          --profile <NAME>      The profile of the shared AWS configuration to use
          --endpoint-url <URL>  Call this endpoint in place of AWS's own, for every service

    Output:
      -v, --verbose...   Log what the library does to stderr; twice for more, three times for all of it
          --no-progress  No live progress line, even on a terminal; a status line every minute instead
      -q, --quiet        Neither a live progress line nor a status line every minute

    Exit codes:
      0  promoted, or there was nothing to do
      1  something unexpected, such as no Region; the message says what
      2  the plan or the command line is wrong
      3  refused before any traffic moved, also when AWS cannot be called
      4  rolled back
      5  unsettled, or drifted: a person has to look

    AWS is configured as everywhere: environment, profiles, SSO, roles, AWS_ENDPOINT_URL.
    Data goes to stdout, everything for people to stderr.
    "#);
    assert_snapshot!(run(&["run", "--help"]).out, @r#"
    Run a plan: shift the traffic, watch, then promote or roll back

    Usage: lambda-rollout run [OPTIONS] <PLAN>

    Arguments:
      <PLAN>  The plan: a .toml, .json, .yaml or .yml file

    Options:
      -h, --help  Print help

    Simulation:
          --simulate [<SCENARIO>]  Use the embedded account, on a virtual clock, in place of AWS.
                                   SCENARIO is a shipped one (healthy, broken, slow-burn, no-traffic,
                                   alarm-outage, bad-day) or a scenario file
          --seed <N>               Draw the simulated chance from this number: the same number, the same
                                   run
          --speed <X>              Virtual seconds that a real second shows. By itself a simulated run
                                   takes a few seconds on a terminal and no time elsewhere

    Output:
          --json         Write each event to stdout as one line of JSON, as it happens
      -v, --verbose...   Log what the library does to stderr; twice for more, three times for all of it
          --no-progress  No live progress line, even on a terminal; a status line every minute instead
      -q, --quiet        Neither a live progress line nor a status line every minute

    Journal:
          --journal <FILE>  Keep a journal in FILE, and carry on what it tells of: after a crash, the
                            same command again goes on in the same hold and history. It also keeps a
                            second runner out

    AWS:
          --region <REGION>     The Region, in place of the configured one
          --profile <NAME>      The profile of the shared AWS configuration to use
          --endpoint-url <URL>  Call this endpoint in place of AWS's own, for every service

    Examples:
      lambda-rollout run plan.toml                      on AWS
      lambda-rollout run plan.toml --simulate           on the embedded account, a good day
      lambda-rollout run plan.toml --simulate broken    the same with a release that fails
      lambda-rollout run plan.toml --journal r.journal  go on where it stood, should this die

    Signals: Ctrl-C, SIGTERM or a closed terminal rolls back and then ends. Further signals within 3
    seconds, and signals of another kind at any time, change nothing. The same signal again, later than
    that, waits 5 seconds for the rollback, then leaves and says how the alias is (exit 5).

    On a terminal, type pause, resume (or r), promote or abort and Enter at any time.

    With --json, a reader that goes away or stops reading does not stop the rollout: the events that it
    misses are not written, and a line on stderr says so. At the end both streams are given 5 seconds to
    take what is left.
    "#);
    for command in ["check", "show", "status", "schema"] {
        assert_eq!(run(&[command, "--help"]).code, 0, "{command}");
    }
}

#[test]
fn the_version_is_the_crate_s() {
    assert_eq!(run(&["--version"]).out, format!("lambda-rollout {}\n", env!("CARGO_PKG_VERSION")));
}
