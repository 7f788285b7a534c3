//! The standard AWS configuration, as a process finds it: each case is a child process with an environment of its own.

use std::net::TcpListener;

use lambda_rollout::account::AliasWrite;
use lambda_rollout::aws::Account;
use lambda_rollout::units::{AliasName, FunctionRef};
use lambda_rollout_aws_tests::{Fault, SimulatedEndpoint, only, plan, scenario};

/// The child: connects as the environment says, reads or writes the alias, and prints what came of it on one line.
#[tokio::test]
#[ignore = "run by the other tests of this file, each in an environment of its own"]
async fn child() {
    let variable = |name: &str| std::env::var(name).ok();
    let mut builder =
        Account::builder().profile(variable("CHILD_PROFILE")).endpoint_url(variable("CHILD_ENDPOINT"));
    let function = variable("CHILD_FUNCTION").unwrap_or_else(|| "sample-handler".to_owned());
    if function.starts_with("arn:") {
        let text =
            format!("function = \"{function}\"\nalias = \"main\"\nversion = \"2\"\nstrategy = \"AllAtOnce\"");
        let plan =
            lambda_rollout::RolloutPlan::parse(&text, lambda_rollout::plan::Format::Toml).expect("a plan");
        builder = builder.plan(&plan);
    }
    builder = builder.region(variable("CHILD_REGION"));
    let function = FunctionRef::parse(&function).expect("a name");
    let alias = AliasName::parse("main").expect("a name");
    let result = match builder.connect().await {
        Ok(account) => {
            let traffic = account.traffic();
            let state = if variable("CHILD_WRITES").is_some() {
                let write = AliasWrite::new(only(2), "r");
                traffic.write_alias(&function, &alias, &write).await
            } else {
                traffic.read_alias(&function, &alias).await
            };
            state.map(|state| format!("{} in {}", state.routing, account.region()))
        }
        Err(error) => Err(error),
    };
    match result {
        Ok(text) => println!("\nCHILD ok: {text}"),
        Err(error) => println!("\nCHILD {}: {error}", error.kind().name()),
    }
}

const KEYS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "hunter2")];
const NO_METADATA: (&str, &str) = ("AWS_EC2_METADATA_DISABLED", "true");

fn run(environment: &[(&str, &str)]) -> String {
    let home = tempfile::tempdir().expect("a home without configuration");
    let output = lambda_rollout_aws_tests::child(home.path(), environment);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        !text.contains("hunter2") && !String::from_utf8_lossy(&output.stderr).contains("hunter2"),
        "{text}"
    );
    let line = text.lines().find_map(|line| line.strip_prefix("CHILD "));
    line.unwrap_or_else(|| panic!("no result: {text}{}", String::from_utf8_lossy(&output.stderr))).to_owned()
}

fn endpoint() -> SimulatedEndpoint {
    SimulatedEndpoint::start(&plan("version = \"2\"\nstrategy = \"AllAtOnce\""), &scenario(""))
}

#[test]
fn keys_region_and_endpoint_from_the_environment() {
    let endpoint = endpoint();
    for region in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        for url in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA", "CHILD_ENDPOINT"] {
            let mut environment = KEYS.to_vec();
            environment.extend([(region, "eu-west-1"), (url, endpoint.url())]);
            assert_eq!(run(&environment), "ok: version 1 alone in eu-west-1", "{region} {url}");
        }
    }
}

#[test]
fn everything_from_a_profile() {
    let endpoint = endpoint();
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config");
    let text = format!(
        "[profile team]\nregion = eu-north-1\nendpoint_url = {}\n\
         aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = hunter2\n",
        endpoint.url()
    );
    std::fs::write(&config, text).expect("written");
    let config = config.to_str().expect("a path in UTF-8");
    for profile in ["AWS_PROFILE", "CHILD_PROFILE"] {
        let line = run(&[("AWS_CONFIG_FILE", config), (profile, "team"), NO_METADATA]);
        assert_eq!(line, "ok: version 1 alone in eu-north-1", "{profile}");
    }
    let line =
        run(&[("AWS_CONFIG_FILE", config), ("AWS_PROFILE", "nobody"), ("AWS_REGION", "x-1"), NO_METADATA]);
    assert!(line.starts_with("config: GetAlias: "), "{line}");
}

#[test]
fn the_plans_arn_says_the_region_and_wins_over_the_environment() {
    let endpoint = endpoint();
    let arn = "arn:aws:lambda:ap-south-1:123456789012:function:sample-handler";
    let mut environment = KEYS.to_vec();
    environment.extend([
        ("CHILD_FUNCTION", arn),
        ("AWS_ENDPOINT_URL", endpoint.url()),
        ("AWS_REGION", "eu-west-1"),
    ]);
    assert_eq!(run(&environment), "ok: version 1 alone in ap-south-1");
}

/// A function is called in its own Region alone: of two that differ one is wrong, and nobody can tell which.
#[test]
fn a_region_that_is_not_the_arns_is_refused_before_any_call() {
    let endpoint = endpoint();
    let arn = "arn:aws:lambda:ap-south-1:123456789012:function:sample-handler";
    let mut environment = KEYS.to_vec();
    environment.extend([("CHILD_FUNCTION", arn), ("AWS_ENDPOINT_URL", endpoint.url())]);
    environment.push(("CHILD_REGION", "ap-south-1"));
    assert_eq!(run(&environment), "ok: version 1 alone in ap-south-1");
    environment.pop();
    environment.push(("CHILD_REGION", "eu-west-1"));
    let before = endpoint.requests().len();
    let line = run(&environment);
    assert!(line.starts_with("config: the Region is given as `eu-west-1`, and "), "{line}");
    assert!(line.contains("`ap-south-1`"), "{line}");
    assert_eq!(endpoint.requests().len(), before, "nothing may be sent");
}

#[test]
fn no_region() {
    let line = run(&[KEYS[0], KEYS[1], NO_METADATA]);
    assert_eq!(line, "config: no Region; set AWS_REGION, or name the function by its ARN");
}

#[test]
fn no_credentials() {
    let endpoint = endpoint();
    let line = run(&[("AWS_REGION", "eu-west-1"), ("AWS_ENDPOINT_URL", endpoint.url()), NO_METADATA]);
    assert!(line.starts_with("config: GetAlias: no credentials found; set AWS_PROFILE, or "), "{line}");
    assert_eq!(endpoint.requests().len(), 0, "nothing may be sent");
}

/// The metadata service of EC2 is asked when nothing else has credentials. A machine that is not on EC2 has a network
/// that refuses the question or swallows it, and the answer must be the same: were a swallowed one waited for too
/// long, the call would end in a time-out, and the message would send its reader the wrong way.
#[test]
fn no_credentials_where_the_metadata_service_is_absent_or_silent() {
    let endpoint = endpoint();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = format!("http://{}", silent.local_addr().expect("an address"));
    for metadata in ["http://127.0.0.1:1", &silent] {
        let line = run(&[
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL", endpoint.url()),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata),
        ]);
        assert!(line.starts_with("config: GetAlias: no credentials found; set AWS_PROFILE, or "), "{line}");
    }
    assert_eq!(endpoint.requests().len(), 0, "nothing may be sent");
}

/// What the environment says of retries is not for this program: a write is the machine's to repeat.
#[test]
fn retries_from_the_environment_repeat_no_write() {
    let endpoint = endpoint();
    endpoint.fault_always("UpdateAlias", Some(Fault::ServerErrorAfter));
    for mode in ["standard", "adaptive"] {
        let mut environment = KEYS.to_vec();
        environment.extend([("AWS_REGION", "eu-west-1"), ("AWS_ENDPOINT_URL", endpoint.url())]);
        environment.extend([("AWS_MAX_ATTEMPTS", "5"), ("AWS_RETRY_MODE", mode), ("CHILD_WRITES", "once")]);
        let before = endpoint.requests_of("UpdateAlias").len();
        assert!(run(&environment).starts_with("unreachable: UpdateAlias: "), "{mode}");
        assert_eq!(endpoint.requests_of("UpdateAlias").len(), before + 1, "{mode}");
    }
}

#[test]
fn an_expired_session() {
    let endpoint = endpoint();
    endpoint.fault_always("GetAlias", Some(Fault::Expired));
    let mut environment = KEYS.to_vec();
    environment.extend([("AWS_REGION", "eu-west-1"), ("AWS_ENDPOINT_URL", endpoint.url())]);
    let line = run(&environment);
    assert!(line.starts_with("config: GetAlias: AWS does not take the credentials"), "{line}");
    assert!(line.contains("(`ExpiredTokenException`, request `simulated-request`)"), "{line}");
}

#[test]
fn an_endpoint_that_is_no_url() {
    for (variable, place) in
        [("AWS_ENDPOINT_URL_CLOUDWATCH", "AWS_ENDPOINT_URL_CLOUDWATCH"), ("CHILD_ENDPOINT", "the endpoint")]
    {
        let mut environment = KEYS.to_vec();
        environment.extend([("AWS_REGION", "eu-west-1"), (variable, "localhost:4566")]);
        let expected =
            format!("config: {place} is no URL; such as `http://127.0.0.1:4566`, not `localhost:4566`");
        assert_eq!(run(&environment), expected);
    }
}
