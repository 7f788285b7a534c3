//! S14: what must stay secret reaches no event, no outcome, no journal, no error and no line of the log, whatever goes
//! wrong. Each case is a process, which has secrets in its environment and tells all that it can.

use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use lambda_rollout::Error;
use lambda_rollout::account::{AlarmReading, HookReport, HookRequest};
use lambda_rollout::aws::Account;
use lambda_rollout::driver::Launch;
use lambda_rollout::journal::Journal;
use lambda_rollout::ports::{AlarmPort, HookPort, Ports};
use lambda_rollout::units::AlarmName;
use lambda_rollout_aws_tests::{ENVIRONMENT_VALUE, Fault, SimulatedEndpoint, plan, scenario};

/// What the process has in its environment, for AWS and for itself.
const SECRETS: [(&str, &str); 3] = [
    ("AWS_SECRET_ACCESS_KEY", "hunter2-secret-access-key"),
    ("AWS_SESSION_TOKEN", "hunter2-session-token"),
    ("DATABASE_PASSWORD", "hunter2-process-environment"),
];

/// What a hook is told, and may throw back.
const PARAMETER: &str = "hunter2-parameter";

const LINES: &str = r#"
version = { s3 = { bucket = "code", key = "handler.zip" } }
strategy = { kind = "canary", percent = 10, interval = "100ms" }
alarms = { names = ["errors"], poll = "100ms", unreadable = { tolerate = "1s", then = "roll-back" } }
deadline = "6s"
rollback_deadline = "10s"
hooks.before_traffic = { lambda = "before", timeout = "1s", parameters = { password = "hunter2-parameter" } }
"#;

const QUICK: &str = r#"
account = { update_takes = "1ms" }
canary = { ready_after = "1ms" }
hooks.before_traffic = { answer = "pass", after = "1ms" }
"#;

/// The child: runs the plan, and tells every event, the outcome and the whole log on its output.
#[tokio::test]
#[ignore = "run by the other tests of this file, each in an environment of its own"]
async fn child() {
    tracing_subscriber::fmt()
        .with_env_filter("lambda_rollout=trace")
        .with_ansi(false)
        .with_writer(io::stderr)
        .init();
    let ports = Account::builder().connect().await.expect("an account").ports();
    let ports = match std::env::var("CHILD_PANICS").as_deref() {
        Ok("hook") => Ports { hooks: Arc::new(Panicking), ..ports },
        Ok("alarms") => Ports { alarms: Arc::new(Panicking), ..ports },
        _ => ports,
    };
    // What a panic says is printed by the program's own panic hook. What the library makes of it is what counts.
    std::panic::set_hook(Box::new(|_| {}));
    let journal = Journal::open(std::env::var_os("CHILD_JOURNAL").expect("said")).expect("a journal");
    let mut rollout = Launch::new(plan(LINES), ports).journal(journal).start().expect("started");
    while let Some(event) = rollout.next_event().await {
        println!("{} {event:?}", serde_json::to_string(&event).expect("JSON"));
    }
    println!("{:?}", rollout.wait().await);
}

/// A port that panics with everything that it knows.
struct Panicking;

#[async_trait]
impl HookPort for Panicking {
    async fn run_hook(&self, request: &HookRequest) -> HookReport {
        panic!("{request:?} {:?}", SECRETS.map(|(name, _)| std::env::var(name)))
    }
}

#[async_trait]
impl AlarmPort for Panicking {
    async fn read_alarms(&self, names: &[AlarmName]) -> Result<Vec<AlarmReading>, Error> {
        panic!("{names:?} {:?}", SECRETS.map(|(name, _)| std::env::var(name)))
    }
}

/// What goes wrong in a case.
#[derive(Debug, Clone, Default)]
struct Trouble {
    /// What the rollout has to come to.
    operation: &'static str,
    fault: Option<Fault>,
    /// The port that panics.
    panics: &'static str,
}

fn troubles() -> Vec<Trouble> {
    let fault = |operation, fault| Trouble { operation, fault: Some(fault), ..Trouble::default() };
    let panics = |operation, panics| Trouble { operation, panics, ..Trouble::default() };
    let answer = |operation, status, headers: &[(&str, &str)], body: String| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        fault(operation, Fault::Answer { status, headers, body })
    };
    let environment = format!(r#""Environment":{{"Variables":{{"PASSWORD":"{ENVIRONMENT_VALUE}"}}}}"#);
    let mut troubles = vec![
        Trouble { operation: "Invoke", ..Trouble::default() },
        fault("GetAlias", Fault::Html),
        fault("UpdateAlias", Fault::Denied),
        fault("UpdateAlias", Fault::Expired),
        fault("DescribeAlarms", Fault::ServerError),
        fault("Invoke", Fault::ServerError),
        fault("Invoke", Fault::Hang),
        panics("PublishVersion", "hook"),
        panics("GetAlias", "alarms"),
        // AWS's own words that quote a payload, what a hook threw, and what is no answer.
        answer(
            "Invoke",
            400,
            &[("x-amzn-errortype", "InvalidRequestContentException")],
            format!(r#"{{"message":"Could not parse request body: {PARAMETER}"}}"#),
        ),
        answer(
            "Invoke",
            200,
            &[("x-amz-function-error", "Unhandled")],
            format!(r#"{{"errorType":"KeyError","errorMessage":"{PARAMETER}"}}"#),
        ),
        answer("Invoke", 200, &[], format!(r#"{{"password":"{PARAMETER}"}}"#)),
        // A page in place of an answer, which greets with what it was sent.
        answer("DescribeAlarms", 200, &[], format!("<html>{}</html>", SECRETS[1].1)),
    ];
    // Answers that hold the function's environment, and cannot be worked with.
    for operation in ["GetFunction", "PublishVersion", "UpdateFunctionCode"] {
        for body in [
            format!(r#"{{{environment},"Configuration":{{{environment}}}}}"#),
            format!(r#"{{{environment},"Configuration":{{{environment},"Version":"{ENVIRONMENT_VALUE}""#),
            format!(r#"{{{environment},"Version":7,"Configuration":{{{environment},"Version":7}}}}"#),
        ] {
            troubles.push(answer(operation, 200, &[], body));
        }
    }
    troubles
}

/// Runs the plan in a process with this trouble, and gives all that was said of it.
fn everything_said(home: &Path, trouble: &Trouble) -> String {
    let endpoint = SimulatedEndpoint::start(&plan(LINES), &scenario(QUICK));
    endpoint.fault_always(trouble.operation, trouble.fault.clone());
    let journal = home.join("journal");
    let mut environment = SECRETS.to_vec();
    environment.extend([
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL", endpoint.url()),
        ("CHILD_JOURNAL", journal.to_str().expect("a path in UTF-8")),
        ("CHILD_PANICS", trouble.panics),
    ]);
    let output = lambda_rollout_aws_tests::child(home, &environment);
    let said = [output.stdout, output.stderr, std::fs::read(journal).expect("a journal")].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    for part in ["\"kind\":\"finished\"", "Ok(Outcome {", "DEBUG lambda_rollout", "\"kind\":\"runner\""] {
        assert!(said.contains(part), "{part} is missing, and with it what was to be looked at: {said}");
    }
    assert!(!endpoint.requests_of(trouble.operation).is_empty(), "it never came to {trouble:?}: {said}");
    assert!(trouble.panics.is_empty() || said.contains("panicked"), "nothing panicked: {said}");
    said
}

#[test]
fn s14_no_credential_and_no_parameter_is_told() {
    let secrets = SECRETS.iter().map(|(_, secret)| *secret).chain([PARAMETER, ENVIRONMENT_VALUE]);
    let secrets: Vec<&str> = secrets.collect();
    std::thread::scope(|threads| {
        for trouble in troubles() {
            let secrets = &secrets;
            threads.spawn(move || {
                let home = tempfile::tempdir().expect("a home without configuration");
                let said = everything_said(home.path(), &trouble);
                for secret in secrets {
                    assert!(!said.contains(secret), "{secret} was told in {trouble:?}: {said}");
                }
            });
        }
    });
}
