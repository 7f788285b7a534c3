//! What each way of failing becomes, through the real SDK: its kind, its words, and how often it was tried.

use std::time::Duration;

use lambda_rollout::account::{AliasState, AliasWrite, Routing};
use lambda_rollout::machine::Effect;
use lambda_rollout::units::{AlarmName, AliasName, FunctionRef, Qualifier, Version};
use lambda_rollout::{Error, ErrorKind, aws};
use lambda_rollout_aws_tests::{Fault, SimulatedEndpoint, plan, scenario};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

fn endpoint() -> SimulatedEndpoint {
    let lines = "version = \"2\"\nstrategy = \"AllAtOnce\"\nalarms = { names = [\"errors\"] }";
    SimulatedEndpoint::start(&plan(lines), &scenario(""))
}

fn function() -> FunctionRef {
    FunctionRef::parse("sample-handler").expect("a name")
}

async fn read(account: &aws::Account) -> Result<AliasState, Error> {
    account.traffic().read_alias(&function(), &AliasName::parse("main").expect("a name")).await
}

async fn write(account: &aws::Account, revision_id: &str) -> Result<AliasState, Error> {
    let routing = Routing::only(Version::new(2).expect("a version"));
    let write = AliasWrite::new(routing, revision_id);
    account.traffic().write_alias(&function(), &AliasName::parse("main").expect("a name"), &write).await
}

/// What the fault becomes on a write, whether the write took effect, and how many tries a read then makes of it.
fn table() -> Vec<(Fault, ErrorKind, bool, usize)> {
    vec![
        (Fault::Throttle, ErrorKind::Throttled, false, 3),
        (Fault::Denied, ErrorKind::AccessDenied, false, 1),
        (Fault::Expired, ErrorKind::Config, false, 1),
        (Fault::Conflict, ErrorKind::Conflict, false, 1),
        (Fault::Stale, ErrorKind::Conflict, false, 1),
        (Fault::ServerError, ErrorKind::Unreachable, false, 3),
        (Fault::ServerErrorAfter, ErrorKind::Unreachable, true, 3),
        (Fault::Unavailable, ErrorKind::Unreachable, false, 3),
        (Fault::LostRequest, ErrorKind::Unreachable, false, 3),
        (Fault::LostReply, ErrorKind::Unreachable, true, 3),
        (Fault::Html, ErrorKind::Unreachable, false, 1),
    ]
}

#[tokio::test]
async fn a_write_is_tried_once_whatever_befalls_it() {
    for (fault, kind, effect, _) in table() {
        let endpoint = endpoint();
        let account = endpoint.account();
        let before = read(&account).await.expect("an alias");
        endpoint.fault_always("UpdateAlias", Some(fault.clone()));
        let error = write(&account, &before.revision_id).await.expect_err("a fault");
        assert_eq!(error.kind(), kind, "{fault:?}: {error}");
        assert_eq!(error.aws().map(|aws| aws.operation.as_str()), Some("UpdateAlias"), "{fault:?}");
        assert_eq!(endpoint.requests_of("UpdateAlias").len(), 1, "{fault:?}");
        let took_effect = endpoint.world(|world| world.alias_history().len()) == 1;
        assert_eq!(took_effect, effect, "{fault:?}");
    }
}

#[tokio::test]
async fn a_read_is_tried_again_where_that_can_help() {
    for (fault, kind, _, tries) in table() {
        let endpoint = endpoint();
        endpoint.fault_always("GetAlias", Some(fault.clone()));
        let error = read(&endpoint.account()).await.expect_err("a fault");
        assert_eq!(error.kind(), kind, "{fault:?}: {error}");
        assert_eq!(endpoint.requests_of("GetAlias").len(), tries, "{fault:?}");
    }
}

#[tokio::test]
async fn a_read_that_fails_once_is_no_error() {
    for fault in [Fault::Throttle, Fault::ServerError, Fault::LostReply] {
        let endpoint = endpoint();
        endpoint.fault("GetAlias", 1, fault.clone());
        endpoint.fault("DescribeAlarms", 1, fault.clone());
        read(&endpoint.account()).await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        let names = [AlarmName::parse("errors").expect("a name")];
        let alarms = endpoint.account().alarms();
        alarms.read_alarms(&names).await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
    }
}

#[tokio::test]
async fn the_alarms_errors_are_told_apart_as_well() {
    for (fault, kind, words) in [
        (
            Fault::Throttle,
            ErrorKind::Throttled,
            "asked for fewer calls: AWS says `Rate exceeded` (`Throttling`",
        ),
        (Fault::Denied, ErrorKind::AccessDenied, "add `cloudwatch:DescribeAlarms` on `*`"),
        (Fault::Expired, ErrorKind::Config, "AWS does not take the credentials"),
        (Fault::Unavailable, ErrorKind::Unreachable, "server fault, status 503"),
        (Fault::Html, ErrorKind::Unreachable, "answered something that is not AWS's (status 200, `text/html"),
    ] {
        let endpoint = endpoint();
        endpoint.fault_always("DescribeAlarms", Some(fault.clone()));
        let names = [AlarmName::parse("errors").expect("a name")];
        let error = endpoint.account().alarms().read_alarms(&names).await.expect_err("a fault");
        assert_eq!(error.kind(), kind, "{fault:?}: {error}");
        assert!(error.to_string().contains(words), "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn an_error_says_operation_code_request_and_permission() {
    let endpoint = endpoint();
    endpoint.fault("UpdateAlias", 1, Fault::Denied);
    let error = write(&endpoint.account(), "r").await.expect_err("denied");
    assert_eq!(
        error.to_string(),
        "UpdateAlias: not permitted; add `lambda:UpdateAlias` on `arn:aws:lambda:*:*:function:sample-handler`: \
         AWS says `User: arn:aws:iam::123456789012:user/ci is not authorized` \
         (`AccessDeniedException`, request `simulated-request`)"
    );
}

#[tokio::test]
async fn a_real_stale_revision_is_a_conflict() {
    let endpoint = endpoint();
    let error = write(&endpoint.account(), "long-gone").await.expect_err("stale");
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(error.aws().and_then(|aws| aws.code.as_deref()), Some("PreconditionFailedException"));
    assert!(endpoint.world(|world| world.alias_history().is_empty()));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let endpoint = endpoint();
    let traffic = endpoint.account().traffic();
    let other = FunctionRef::parse("other").expect("a name");
    let error = traffic.read_version(&other, Qualifier::Latest).await.expect_err("no such function");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("other"), "{error}");
    let seven = Version::new(7).expect("a version");
    let error = traffic.read_version(&function(), seven.into()).await.expect_err("no such version");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens_is_named() {
    let endpoint = endpoint();
    let config = endpoint.sdk_config().into_builder().endpoint_url("http://127.0.0.1:1").build();
    let account = aws::Account::from_sdk_config(&config).expect("a Region");
    let error = read(&account).await.expect_err("nobody there");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.message().starts_with("no answer from `http://127.0.0.1:1`: "), "{error}");
    assert!(error.message().contains("Connection refused"), "{error}");
}

/// TLS is set up by the first request that needs it; this is one.
#[tokio::test]
async fn an_https_endpoint_is_spoken_to_with_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.read_u8().await.expect("a byte")
    });
    let config = endpoint().sdk_config().into_builder().endpoint_url(url).build();
    let account = aws::Account::from_sdk_config(&config).expect("a Region");
    let error = write(&account, "r").await.expect_err("no handshake");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(server.is_finished(), "nobody connected: {error}");
    let handshake = 0x16;
    assert_eq!(server.await.expect("a byte"), handshake);
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_named() {
    let endpoint = endpoint();
    let config = endpoint.sdk_config().into_builder().endpoint_url("http://nowhere.invalid").build();
    let account = aws::Account::from_sdk_config(&config).expect("a Region");
    let error = write(&account, "r").await.expect_err("nobody there");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.message().contains("nowhere.invalid"), "{error}");
}

/// Six seconds of real time: the write's own time-out is what is tested.
#[tokio::test]
async fn a_write_that_hangs_is_given_up_before_the_machine_does() {
    let hang = async |fault| {
        let endpoint = endpoint();
        let account = endpoint.account();
        let before = read(&account).await.expect("an alias");
        endpoint.fault("UpdateAlias", 1, fault);
        #[expect(
            clippy::disallowed_methods,
            reason = "the driver has no more time than this in real time either"
        )]
        let answered =
            tokio::time::timeout(Effect::ReadAlias.limit(), write(&account, &before.revision_id)).await;
        let error = answered.expect("an error before the machine gives up").expect_err("no answer");
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.message().ends_with("did not answer in time"), "{error}");
        assert_eq!(endpoint.requests_of("UpdateAlias").len(), 1);
    };
    tokio::join!(hang(Fault::Hang), hang(Fault::HangAfter));
}

#[tokio::test]
async fn a_late_answer_is_an_answer() {
    let endpoint = endpoint();
    let account = endpoint.account();
    let before = read(&account).await.expect("an alias");
    endpoint.fault("UpdateAlias", 1, Fault::Late(Duration::from_millis(500)));
    let after = write(&account, &before.revision_id).await.expect("late, but there");
    assert_eq!(after.routing, Routing::only(Version::new(2).expect("a version")));
}

#[tokio::test]
async fn no_error_tells_a_credential() {
    for (fault, ..) in table() {
        let endpoint = endpoint();
        endpoint.fault_always("UpdateAlias", Some(fault));
        let error = write(&endpoint.account(), "r").await.expect_err("a fault");
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains("AKIAIOSFODNN7EXAMPLE") && !text.contains("not-a-secret"), "{text}");
        }
    }
}
