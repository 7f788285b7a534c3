//! What is wrong is refused with the right exit code, one clear message, and no data.

mod support;

use std::fs;
use std::path::PathBuf;

use support::{command, finished, run};

/// A plan of its own for a test, with this text.
fn plan(folder: &tempfile::TempDir, name: &str, text: impl AsRef<[u8]>) -> String {
    let path: PathBuf = folder.path().join(name);
    fs::write(&path, text).expect("written");
    path.to_str().expect("a path in UTF-8").to_owned()
}

const GOOD: &str = "function = \"sample-handler\"\nalias = \"main\"\nstrategy = \"AllAtOnce\"\n";

#[test]
fn a_plan_that_is_wrong_is_refused_by_every_command_that_reads_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = plan(&folder, "plan.toml", GOOD.replace("main", "7"));
    for command in ["run", "check", "show"] {
        run(&[command, &path]).refuses(2, &["plan.toml", "line 2", "alias", "`7`"]);
    }
}

#[test]
fn every_wrong_plan_says_where_and_what() {
    let folder = tempfile::tempdir().expect("a folder");
    let steps =
        |steps: &str| GOOD.replace("\"AllAtOnce\"", &format!("{{ kind = \"steps\", steps = [{steps}] }}"));
    let canary = |percent: &str, interval: &str| {
        GOOD.replace(
            "\"AllAtOnce\"",
            &format!("{{ kind = \"canary\", percent = {percent}, interval = \"{interval}\" }}"),
        )
    };
    let cases = [
        (format!("{GOOD}colour = 1\n"), vec!["line 4", "colour"]),
        (format!("{GOOD}strategy = \"AllAtOnce\"\n"), vec!["line 4", "strategy"]),
        (canary("0", "5m"), vec!["line 3", "strategy.percent", "`0`"]),
        (canary("100", "5m"), vec!["strategy.percent", "`100`"]),
        (canary("101", "5m"), vec!["strategy.percent", "`101`"]),
        (canary("-5", "5m"), vec!["strategy.percent", "`-5`"]),
        (canary("\"ten\"", "5m"), vec!["strategy.percent", "ten"]),
        (canary("10", "0s"), vec!["strategy.interval", "`0s`"]),
        (canary("10", "5 parsecs"), vec!["strategy.interval", "`5 parsecs`"]),
        (
            steps("{ percent = 50, hold = \"1m\" }, { percent = 10, hold = \"1m\" }"),
            vec!["strategy.steps[1].percent", "`10`", "`50`"],
        ),
        (GOOD.replace("main", "7"), vec!["alias", "`7`"]),
        (GOOD.replace("main", "a b"), vec!["alias", "`a b`"]),
        (format!("{GOOD}version = \"$LATEST\"\n"), vec!["version", "$LATEST"]),
        (format!("{GOOD}[alarms]\nnames = [\"\"]\n"), vec!["alarms.names[0]"]),
    ];
    for (text, words) in cases {
        let path = plan(&folder, "plan.toml", &text);
        let run = run(&["run", &path]);
        run.refuses(2, &words);
        assert!(run.err.contains("plan.toml"), "{}", run.err);
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = plan(&folder, "plan.toml", "function = \"a b\"\nalias = \"7\"\nstrategy = \"Fast\"\n");
    run(&["check", &path])
        .refuses(2, &["3 problems", "line 1: function", "line 2: alias", "line 3: strategy"]);
}

#[test]
fn a_hundred_and_one_alarms_are_no_problem() {
    let folder = tempfile::tempdir().expect("a folder");
    let names: Vec<String> = (0..101).map(|number| format!("\"alarm-{number}\"")).collect();
    let path = plan(
        &folder,
        "plan.toml",
        format!("{GOOD}bake = \"1m\"\n[alarms]\nnames = [{}]\n", names.join(", ")),
    );
    let run = run(&["run", &path, "--simulate"]);
    assert_eq!(run.code, 0, "{}", run.err);
}

#[test]
fn what_is_no_plan_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    run(&["run", "no/such/plan.toml"]).refuses(2, &["no/such/plan.toml", "no such file"]);
    run(&["run", "examples"]).refuses(2, &["examples"]);
    run(&["run", &plan(&folder, "plan.txt", GOOD)]).refuses(2, &["plan.txt", "toml"]);
    run(&["run", &plan(&folder, "plan.toml", b"function = \"\xff\"")]).refuses(2, &["plan.toml", "UTF-8"]);
    run(&["run", &plan(&folder, "plan.json", "{\"function\": ")]).refuses(2, &["plan.json", "line 1"]);
    run(&["run", &plan(&folder, "plan.toml", "")]).refuses(2, &["function", "alias", "strategy"]);
}

#[test]
fn a_file_of_100_mb_is_refused_without_being_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plan.toml");
    // Sparse: it takes no room on the disk.
    fs::File::create(&path).and_then(|file| file.set_len(100 * 1024 * 1024)).expect("made");
    run(&["run", path.to_str().expect("a path")]).refuses(2, &["plan.toml", "1048576 bytes"]);
}

#[test]
fn a_wrong_command_line_is_refused() {
    for (args, words) in [
        (&["run"][..], "<PLAN>"),
        (&["fly"], "fly"),
        (&[], "Usage"),
        (&["run", "examples/canary.toml", "--simulate", "--seed", "x"], "--seed"),
        (&["run", "examples/canary.toml", "--seed", "1"], "--simulate"),
        (&["run", "examples/canary.toml", "--simulate", "--speed", "0"], "--speed"),
        (&["run", "examples/canary.toml", "--simulate", "--speed", "NaN"], "--speed"),
        (&["status", "sample-handler"], "FUNCTION:ALIAS"),
        (&["status", "sample-handler:7"], "`7`"),
        (&["repair", "sample-handler:main"], "repair"),
    ] {
        let run = run(args);
        assert_eq!(run.code, 2, "{args:?}: {}", run.err);
        assert_eq!(run.out, "", "{args:?}");
        assert!(run.err.contains(words), "{args:?}: `{words}` is missing in:\n{}", run.err);
    }
}

#[test]
fn a_scenario_that_is_not_there_is_refused_with_those_that_are() {
    run(&["run", "examples/canary.toml", "--simulate", "sunny"])
        .refuses(2, &["`sunny`", "healthy", "broken"]);
    run(&["run", "examples/canary.toml", "--simulate", "no/such.toml"]).refuses(2, &["no/such.toml"]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = plan(&folder, "mine.toml", "[canary]\nerrors = 5\n");
    run(&["run", "examples/canary.toml", "--simulate", &path]).refuses(2, &["mine.toml", "line 2", "errors"]);
}

#[test]
fn without_a_region_nothing_is_called() {
    for args in [&["run", "examples/canary.toml"][..], &["status", "sample-handler:main"]] {
        run(args).refuses(1, &["no Region", "AWS_REGION", "advice:"]);
    }
}

#[test]
fn without_credentials_a_run_is_refused_before_any_traffic_moved() {
    for verb in ["run", "check"] {
        let run = run(&[verb, "examples/canary.toml", "--region", "eu-west-1"]);
        assert_eq!(run.code, 3, "{}", run.err);
        assert_eq!(run.out, "");
        assert!(run.err.contains("no credentials found"), "{}", run.err);
    }
}

#[test]
fn an_endpoint_where_nobody_listens_is_named() {
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    for (args, code) in [
        (&["run", "examples/canary.toml"][..], 3),
        (&["check", "examples/canary.toml"], 3),
        (&["status", "api:main"], 1),
    ] {
        let mut command = command(args);
        command.env("AWS_ENDPOINT_URL", &url).env("AWS_REGION", "eu-west-1");
        command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "not-to-be-seen");
        let run = finished(&command.output().expect("it runs"));
        assert_eq!(run.code, code, "{}", run.err);
        assert_eq!(run.out, "");
        assert!(run.err.contains(&url), "{}", run.err);
        assert!(!run.err.contains("not-to-be-seen"), "{}", run.err);
    }
}
