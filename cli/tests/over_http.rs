//! The command against Lambda's and CloudWatch's wire formats, on real HTTP and real time.

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use lambda_rollout::RolloutPlan;
use lambda_rollout::account::{AlarmState, Routing};
use lambda_rollout::sim::Scenario;
use lambda_rollout::units::{Version, Weight};
use lambda_rollout_aws_tests::{Fault, SimulatedEndpoint};
use support::{command, finished};

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

struct Setting {
    folder: tempfile::TempDir,
    endpoint: SimulatedEndpoint,
}

impl Setting {
    fn new(plan: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plan.toml");
        fs::write(&path, plan).expect("written");
        let plan = RolloutPlan::from_file(&path).expect("a plan");
        let endpoint = SimulatedEndpoint::start(&plan, &Scenario::default());
        endpoint.set_alarm("sample-handler-errors", AlarmState::Ok, "quiet");
        Self { folder, endpoint }
    }

    fn plan(&self) -> String {
        self.folder.path().join("plan.toml").to_str().expect("a path in UTF-8").to_owned()
    }

    /// The command against the endpoint, by the standard AWS configuration alone.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = command(args);
        command.env("AWS_ENDPOINT_URL", self.endpoint.url()).env("AWS_REGION", "eu-west-1");
        command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "not-to-be-seen");
        command
    }

    fn run(&self, args: &[&str]) -> support::Run {
        finished(&self.command(args).output().expect("the binary runs"))
    }

    fn routing(&self) -> Routing {
        self.endpoint.world(|world| world.alias()).expect("the alias exists").routing
    }
}

fn version(number: u64) -> Version {
    Version::new(number).expect("above zero")
}

#[test]
fn a_good_release_is_promoted() {
    let setting = Setting::new(PLAN);
    let run = setting.run(&["run", &setting.plan(), "--json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(setting.routing(), Routing::only(version(2)));
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
    assert_eq!(setting.routing(), Routing::only(version(1)));
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

    let tenth = Weight::from_percent(10.0).expect("a weight");
    let state = setting.endpoint.world(|world| world.alias()).expect("the alias exists");
    let routing = Routing::split(version(1), version(2), tenth);
    let write = lambda_rollout::account::AliasWrite::new(routing, state.revision_id);
    setting
        .endpoint
        .world(|world| world.write_alias(&write, lambda_rollout::sim::Hand::Other))
        .expect("written");
    let run = setting.run(&["status", "sample-handler:main", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&run.out).expect("one object");
    assert_eq!(status["weighted"], true);
    assert_eq!(status["versions"][0]["weight"], 0.9);
    assert_eq!(status["versions"][1]["version"]["version"], "2");
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
