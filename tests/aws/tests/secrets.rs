//! S14: what must stay secret reaches no event, no outcome and no line of the log, whatever goes wrong.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_sdk_lambda::config::{Credentials, SharedCredentialsProvider};
use lambda_rollout::driver;
use lambda_rollout_aws_tests::{Fault, SimulatedEndpoint, plan, scenario};
use tracing_subscriber::fmt::MakeWriter;

const KEY: &str = "hunter2-secret-access-key";
const TOKEN: &str = "hunter2-session-token";
const PARAMETER: &str = "hunter2-parameter";

const LINES: &str = r#"
version = "2"
strategy = { kind = "canary", percent = 10, interval = "200ms" }
alarms = { names = ["errors"], poll = "100ms", unreadable = { tolerate = "300ms", then = "roll-back" } }
hooks.before_traffic = { lambda = "before", parameters = { password = "hunter2-parameter" } }
"#;

/// A log that a test can read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn configuration(endpoint: &SimulatedEndpoint) -> SdkConfig {
    let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", KEY, Some(TOKEN.to_owned()), None, "test");
    let credentials = SharedCredentialsProvider::new(credentials);
    endpoint.sdk_config().into_builder().credentials_provider(credentials).build()
}

/// Runs the plan on an account with this fault, and gives all that was said of it: events, outcome and log.
async fn everything_said(operation: &str, fault: Option<Fault>, lines: &str) -> String {
    let plan = plan(LINES);
    let endpoint = SimulatedEndpoint::start(&plan, &scenario(lines));
    endpoint.fault_always(operation, fault);
    let account =
        lambda_rollout::aws::Account::from_sdk_config(&configuration(&endpoint)).expect("an account");
    let mut rollout = driver::start(plan, account.ports()).expect("started");
    let mut said = String::new();
    while let Some(event) = rollout.next_event().await {
        said.push_str(&serde_json::to_string(&event).expect("JSON"));
        said.push_str(&format!("{event:?}\n"));
    }
    said.push_str(&format!("{:?}", rollout.wait().await));
    said
}

#[tokio::test]
async fn s14_no_credential_and_no_parameter_is_told() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_env_filter("lambda_rollout=trace").with_writer(log.clone()).finish();
    let _guard = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
    let function_error =
        "hooks.before_traffic = { answer = \"function-error\", reason = \"hunter2-parameter\" }";
    let malformed = "hooks.before_traffic = { answer = \"malformed\", reason = \"hunter2-parameter\" }";
    for (operation, fault, lines) in [
        ("GetAlias", None, ""),
        ("GetAlias", Some(Fault::Html), ""),
        ("UpdateAlias", Some(Fault::Denied), ""),
        ("DescribeAlarms", Some(Fault::ServerError), ""),
        ("Invoke", Some(Fault::ServerError), ""),
        ("Invoke", None, function_error),
        ("Invoke", None, malformed),
    ] {
        let said = everything_said(operation, fault, lines).await + &log.text();
        for secret in [KEY, TOKEN, PARAMETER] {
            assert!(!said.contains(secret), "{secret} was told: {said}");
        }
    }
    assert!(log.text().contains("lambda_rollout"), "nothing was logged, so nothing was looked at");
}
