//! The example `on_aws` does what it says, in a process whose environment names the simulated endpoint.

use lambda_rollout_aws_tests::{SimulatedEndpoint, plan, scenario};

#[allow(dead_code, reason = "its `main` is run by hand")]
#[path = "../../../core/examples/on_aws.rs"]
mod on_aws;

const LINES: &str = r#"
version = "publish"
strategy = { kind = "canary", percent = 10, interval = "200ms" }
alarms = { names = ["sample-handler-errors"], poll = "100ms" }
"#;

/// The child: runs the example's own function with the plan that its environment names.
#[tokio::test]
#[ignore = "run by the other test of this file, in an environment of its own"]
async fn child() {
    let path = std::env::var_os("CHILD_PLAN").expect("said by the parent");
    let outcome = on_aws::run(path.as_ref()).await.expect("an end");
    println!("\nCHILD {}", outcome.kind);
}

#[test]
fn the_example_promotes_over_http() {
    let endpoint = SimulatedEndpoint::start(&plan(LINES), &scenario(""));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plan.toml");
    std::fs::write(&path, format!("function = \"sample-handler\"\nalias = \"main\"\n{LINES}"))
        .expect("written");
    let environment = [
        ("CHILD_PLAN", path.to_str().expect("a path in UTF-8")),
        ("AWS_ENDPOINT_URL", endpoint.url()),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let output = lambda_rollout_aws_tests::child(folder.path(), &environment);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("\nCHILD promoted\n"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(endpoint.requests_of("UpdateAlias").len(), 2);
}
