//! The command against Lambda's and CloudWatch's wire formats, on real HTTP and real time.

mod support;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use lambda_rollout::account::{AlarmState, AliasWrite, Routing};
use lambda_rollout::sim::Hand;
use lambda_rollout::units::{Qualifier, Weight};
use lambda_rollout_aws_tests::{Fault, only, split, version};
use support::finished;
use support::setting::Setting;

/// A canary of a tenth of a second, from version 1 to version 2.
const PLAN: &str = r#"
function = "sample-handler"
alias = "main"
version = "2"
strategy = { kind = "canary", percent = 10, interval = "200ms" }
[alarms]
names = ["sample-handler-errors"]
poll = "100ms"
"#;

#[test]
fn a_good_release_is_promoted() {
    let setting = Setting::new(PLAN);
    let run = setting.run(&["run", &setting.plan(), "--json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(setting.routing(), only(2));
    let kinds: Vec<_> =
        run.events().iter().map(|event| event["kind"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(kinds, ["started", "checked", "shifted", "step_held", "shifted", "promoted", "finished"]);
}

#[test]
fn an_alarm_rolls_back() {
    let setting = Setting::new(&PLAN.replace("200ms", "1h"));
    let mut command = setting.command(&["run", &setting.plan()]);
    let mut child = command.stderr(Stdio::piped()).spawn().expect("it starts");
    let mut said = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut text = String::new();
    while !text.contains("10 % → version 2") {
        assert!(said.read_line(&mut text).expect("readable") > 0, "{text}");
    }
    setting.endpoint.set_alarm("sample-handler-errors", AlarmState::Alarm, "too many\x1b[2J errors");
    text.push_str(&std::io::read_to_string(&mut said).expect("readable"));
    assert_eq!(child.wait().expect("it ends").code(), Some(4), "{text}");
    assert_eq!(setting.routing(), only(1));
    assert!(text.contains("rolled back main serves version 1 alone"), "{text}");
    assert!(text.contains("too many [2J errors") && !text.contains('\x1b'), "{text}");
}

#[test]
fn status_says_where_the_traffic_goes() {
    let setting = Setting::new(PLAN);
    let run = setting.run(&["status", "sample-handler:main"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(run.out.contains("one version alone"), "{}", run.out);
    assert!(run.out.contains("100 % → version 1  Active"), "{}", run.out);

    let state = setting.endpoint.world(|world| world.alias()).expect("the alias exists");
    let write = AliasWrite::new(split(10.0), state.revision_id);
    setting.endpoint.world(|world| world.write_alias(&write, Hand::Other)).expect("written");
    let run = setting.run(&["status", "sample-handler:main", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&run.out).expect("one object");
    assert_eq!(status["weighted"], true);
    assert_eq!(status["versions"][0]["weight"], 0.9);
    assert_eq!(status["versions"][1]["version"]["version"], "2");
}

#[test]
fn repair_settles_an_alias_that_somebody_left() {
    let setting = Setting::new(PLAN);
    setting
        .run(&["repair", "sample-handler:main", "--to", "2"])
        .refuses(3, &["on one version alone", "advice:"]);
    let state = setting.endpoint.world(|world| world.alias()).expect("the alias exists");
    let description = Some("[lambda-rollout ro-00000000000000aa by ci-7/42]".to_owned());
    let write = AliasWrite { description, ..AliasWrite::new(split(10.0), state.revision_id) };
    setting.endpoint.world(|world| world.write_alias(&write, Hand::Other)).expect("written");
    setting.run(&["repair", "sample-handler:main", "--to", "3"]).refuses(3, &["neither of the two"]);

    let run = setting.run(&["repair", "sample-handler:main", "--to", "1"]);
    assert_eq!((run.code, run.out.as_str(), setting.routing()), (0, "", only(1)), "{}", run.err);
    for part in
        ["found on version 1 with 10 % on version 2", "ro-00000000000000aa by ci-7/42", "settled: version 1"]
    {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
    let run = setting.run(&["repair", "sample-handler:main", "--to", "1", "--json"]);
    let done: serde_json::Value = serde_json::from_str(&run.out).expect("one object");
    assert_eq!((run.code, &done["end"]), (0, &"nothing_to_do".into()), "{}", run.err);

    setting.run(&["repair", "sample-handler:main"]).refuses(2, &["--to <VERSION>"]);
    setting.run(&["repair", "sample-handler:main", "--to", "$LATEST"]).refuses(2, &["$LATEST"]);
}

#[test]
fn check_writes_nothing() {
    let setting = Setting::new(PLAN);
    let run = setting.run(&["check", &setting.plan()]);
    assert_eq!((run.code, run.out.as_str()), (0, ""), "{}", run.err);
    for request in setting.endpoint.requests() {
        assert!(
            request.operation.starts_with("Get") || request.operation.starts_with("Describe"),
            "{request:?}"
        );
    }
}

#[test]
fn a_missing_permission_is_named() {
    let setting = Setting::new(PLAN);
    setting.endpoint.fault_always("GetAlias", Some(Fault::Denied));
    let run = setting.run(&["run", &setting.plan()]);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("lambda:GetAlias"), "{}", run.err);
    setting.run(&["status", "sample-handler:main"]).refuses(1, &["lambda:GetAlias", "advice:"]);
}

#[test]
fn an_endpoint_that_answers_html_is_told_apart() {
    let setting = Setting::new(PLAN);
    setting.endpoint.fault_always("GetAlias", Some(Fault::Html));
    let run = setting.run(&["run", &setting.plan()]);
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("not AWS's") && run.err.contains("text/html"), "{}", run.err);
    assert_eq!(setting.endpoint.requests_of("UpdateAlias").len(), 0);
}

#[test]
fn options_go_before_the_environment() {
    let setting = Setting::new(PLAN);
    let url = setting.endpoint.url().to_owned();
    let mut command =
        setting.command(&["status", "sample-handler:main", "--endpoint-url", &url, "--region", "us-east-1"]);
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").env_remove("AWS_REGION");
    let run = finished(&command.output().expect("the binary runs"));
    assert_eq!(run.code, 0, "{}", run.err);
}

#[test]
fn the_log_says_what_is_done_and_no_secret() {
    let setting = Setting::new(PLAN);
    let run = setting.run(&["-vvv", "run", &setting.plan()]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("lambda_rollout"), "{}", run.err);
    assert!(!run.err.contains("not-to-be-seen"), "{}", run.err);
}

/// Has somebody else write the alias.
fn moved(setting: &Setting, routing: Routing, description: &str) {
    let state = setting.endpoint.world(|world| world.alias()).expect("the alias exists");
    let description = Some(description.to_owned());
    let write = AliasWrite { description, ..AliasWrite::new(routing, state.revision_id) };
    setting.endpoint.world(|world| world.write_alias(&write, Hand::Other)).expect("written");
}

const CLAIM: &str = "[lambda-rollout ro-00000000000000aa by ci-7/42]";

#[test]
fn status_offers_both_versions_and_says_which_is_which() {
    let setting = Setting::new(PLAN);
    moved(
        &setting,
        Routing::split(version(2), version(1), Weight::from_percent(90.0).expect("a weight")),
        "",
    );
    let run = setting.run(&["status", "sample-handler:main", "--region", "eu-west-1", "--profile", "a b"]);
    for line in [
        "lambda-rollout repair sample-handler:main --to 2 --region eu-west-1 --profile 'a b'   the alias's own version, 10 % now",
        "lambda-rollout repair sample-handler:main --to 1 --region eu-west-1 --profile 'a b'   the additional version, 90 % now",
    ] {
        assert!(run.out.contains(line), "`{line}` is missing in:\n{}", run.out);
    }
    moved(&setting, split(10.0), CLAIM);
    let run = setting.run(&["status", "sample-handler:main"]);
    for words in
        ["wait for rollout ro-00000000000000aa by ci-7/42 to end, or stop it", "--to 1   the stable version"]
    {
        assert!(run.out.contains(words), "`{words}` is missing in:\n{}", run.out);
    }
    let run = setting.run(&["status", "sample-handler:main", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&run.out).expect("one object");
    assert_eq!(status["versions"][1]["role"], "canary");
    assert_eq!(status["repair"][0]["command"], "lambda-rollout repair sample-handler:main --to 1");
}

#[test]
fn status_shows_an_alias_wherever_it_points() {
    let setting = Setting::new(PLAN);
    for latest in [Qualifier::Latest, Qualifier::LatestPublished] {
        moved(&setting, Routing::only(latest), "");
        let run = setting.run(&["status", "sample-handler:main"]);
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(run.out.contains(&format!("100 % → {latest}  Active")), "{}", run.out);
        let run = setting.run(&["run", &setting.plan()]);
        assert_eq!((run.code, setting.routing()), (3, Routing::only(latest)), "{}", run.err);
    }
    setting.endpoint.fault_always("GetFunction", Some(Fault::Denied));
    let run = setting.run(&["status", "sample-handler:main"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("$LATEST.PUBLISHED  could not be read"), "{}", run.out);
    let run = setting.run(&["status", "sample-handler:main", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&run.out).expect("one object");
    assert_eq!(status["versions"][0]["version"]["version"], "$LATEST.PUBLISHED");
    assert_eq!(status["versions"][0]["error"]["kind"], "access_denied");
}

#[test]
fn repair_warns_of_a_runner_that_may_still_be_alive() {
    let setting = Setting::new(PLAN);
    moved(&setting, split(10.0), CLAIM);
    let run = setting.run(&["repair", "sample-handler:main", "--to", "2"]);
    assert_eq!((run.code, setting.routing()), (0, only(2)), "{}", run.err);
    let words = "warning: claimed by rollout ro-00000000000000aa by ci-7/42; if its runner is still alive it undoes this";
    assert!(run.err.contains(words), "{}", run.err);
    moved(&setting, split(10.0), CLAIM);
    let run = setting.run(&["repair", "sample-handler:main", "--to", "1", "--json"]);
    let done: serde_json::Value = serde_json::from_str(&run.out).expect("one object");
    assert!(done["warning"].as_str().is_some_and(|warning| warning.contains("stop it first")), "{done}");
}
