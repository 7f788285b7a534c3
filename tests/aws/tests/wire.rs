//! What goes over the wire, call by call, through the real SDK.

use lambda_rollout::ErrorKind;
use lambda_rollout::account::{
    AlarmState, AliasWrite, CodeSource, HookFailure, HookMoment, HookRequest, HookVerdict, Lifecycle,
    PublishRequest, Routing, UpdateStatus,
};
use lambda_rollout::units::{
    AlarmName, AliasName, FunctionRef, HookFunction, Qualifier, RolloutId, Version, Weight,
};
use lambda_rollout_aws_tests::{Fault, SimulatedEndpoint, plan, scenario};
use serde_json::json;
use std::time::Duration;

const PLAN: &str =
    "version = \"2\"\nstrategy = \"Canary10Percent5Minutes\"\nalarms = { names = [\"errors\"] }";

fn endpoint() -> SimulatedEndpoint {
    SimulatedEndpoint::start(&plan(PLAN), &scenario(""))
}

fn function() -> FunctionRef {
    FunctionRef::parse("sample-handler").expect("a name")
}

fn alias() -> AliasName {
    AliasName::parse("main").expect("a name")
}

fn version(number: u64) -> Version {
    Version::new(number).expect("a version")
}

#[tokio::test]
async fn a_shift_sends_version_weights_and_revision() {
    let endpoint = endpoint();
    let traffic = endpoint.account().traffic();
    let before = traffic.read_alias(&function(), &alias()).await.expect("an alias");
    assert_eq!(before.routing, Routing::only(version(1)));

    let routing = Routing::split(version(1), version(2), Weight::from_percent(12.5).expect("a weight"));
    let write = AliasWrite::new(routing, before.revision_id.clone());
    let after = traffic.write_alias(&function(), &alias(), &write).await.expect("written");
    assert_eq!(after.routing, routing);
    assert_ne!(after.revision_id, before.revision_id);
    assert_eq!(traffic.read_alias(&function(), &alias()).await.expect("an alias"), after);

    let [request] = endpoint.requests_of("UpdateAlias").try_into().expect("one write");
    assert_eq!(request.target, "/2015-03-31/functions/sample-handler/aliases/main");
    assert_eq!(
        request.body,
        json!({
            "FunctionVersion": "1",
            "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.125}},
            "RevisionId": before.revision_id,
        })
    );
}

#[tokio::test]
async fn clearing_sends_the_empty_map() {
    let endpoint = endpoint();
    let traffic = endpoint.account().traffic();
    let state = traffic.read_alias(&function(), &alias()).await.expect("an alias");
    let write = AliasWrite::new(Routing::only(version(2)), state.revision_id);
    traffic.write_alias(&function(), &alias(), &write).await.expect("written");
    let [request] = endpoint.requests_of("UpdateAlias").try_into().expect("one write");
    assert_eq!(request.body["RoutingConfig"], json!({"AdditionalVersionWeights": {}}));
}

#[tokio::test]
async fn an_arn_is_a_name_too() {
    let endpoint = endpoint();
    let arn =
        FunctionRef::parse("arn:aws:lambda:us-east-1:123456789012:function:sample-handler").expect("an ARN");
    let state = endpoint.account().traffic().read_alias(&arn, &alias()).await.expect("an alias");
    assert_eq!(state.routing, Routing::only(version(1)));
}

#[tokio::test]
async fn cleared_weights_are_read_in_each_of_their_forms() {
    let endpoint = endpoint();
    let traffic = endpoint.account().traffic();
    for (nth, routing) in
        ["", r#","RoutingConfig":{}"#, r#","RoutingConfig":{"AdditionalVersionWeights":{}}"#]
            .iter()
            .zip(1..)
            .map(|(routing, nth)| (nth, routing))
    {
        let body = format!(r#"{{"FunctionVersion":"7","RevisionId":"r"{routing}}}"#);
        endpoint.fault("GetAlias", nth, Fault::Answer { status: 200, headers: vec![], body });
        let state = traffic.read_alias(&function(), &alias()).await.expect("an alias");
        assert_eq!(state.routing, Routing::only(version(7)));
    }
}

#[tokio::test]
async fn an_alias_that_cannot_be_worked_with_is_an_error() {
    let endpoint = endpoint();
    let traffic = endpoint.account().traffic();
    let weights = |weights: &str| {
        format!(
            r#"{{"FunctionVersion":"1","RevisionId":"r","RoutingConfig":{{"AdditionalVersionWeights":{weights}}}}}"#
        )
    };
    let cases = [
        (weights(r#"{"2":0.1,"3":0.1}"#), ErrorKind::Rejected, "more than one additional version"),
        (weights(r#"{"two":0.1}"#), ErrorKind::Rejected, "`two` is not a version"),
        (
            r#"{"FunctionVersion":"x","RevisionId":"r"}"#.to_owned(),
            ErrorKind::Rejected,
            "`x` is not a version",
        ),
        (r#"{}"#.to_owned(), ErrorKind::Rejected, "without the alias's version"),
        (r#"{"FunctionVersion":"#.to_owned(), ErrorKind::Unreachable, "cannot be understood"),
    ];
    for ((body, kind, words), nth) in cases.into_iter().zip(1..) {
        endpoint.fault("GetAlias", nth, Fault::Answer { status: 200, headers: vec![], body });
        let error = traffic.read_alias(&function(), &alias()).await.expect_err("nothing to work with");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(words), "{error}");
    }
}

#[tokio::test]
async fn the_alias_is_created_on_one_version() {
    let endpoint = SimulatedEndpoint::start(&plan(PLAN), &scenario("account = { alias = \"absent\" }"));
    let traffic = endpoint.account().traffic();
    let error = traffic.read_alias(&function(), &alias()).await.expect_err("no alias yet");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let state = traffic.create_alias(&function(), &alias(), version(2)).await.expect("created");
    assert_eq!(state.routing, Routing::only(version(2)));
    let [request] = endpoint.requests_of("CreateAlias").try_into().expect("one call");
    assert_eq!(request.body, json!({"FunctionVersion": "2", "Name": "main"}));
}

#[tokio::test]
async fn versions_are_read_with_get_function() {
    let endpoint = endpoint();
    let traffic = endpoint.account().traffic();
    let canary = traffic.read_version(&function(), version(2).into()).await.expect("a version");
    assert_eq!((canary.version, canary.state), (version(2).into(), Lifecycle::Active));
    assert!(canary.role.starts_with("arn:aws:iam::"));
    assert_eq!(canary.dead_letter, None);
    let latest = traffic.read_version(&function(), Qualifier::Latest).await.expect("$LATEST");
    assert_eq!((latest.version, latest.update), (Qualifier::Latest, UpdateStatus::Successful));

    let targets: Vec<String> =
        endpoint.requests_of("GetFunction").into_iter().map(|request| request.target).collect();
    assert_eq!(
        targets,
        ["/2015-03-31/functions/sample-handler?Qualifier=2", "/2015-03-31/functions/sample-handler"]
    );
}

#[tokio::test]
async fn a_state_that_nobody_knows_is_not_ready() {
    let endpoint = endpoint();
    let traffic = endpoint.account().traffic();
    for (nth, (state, lifecycle)) in [
        (r#""State":"Pending","#, Lifecycle::Pending),
        (r#""State":"Failed","StateReason":"out of ENIs","#, Lifecycle::Failed),
        (r#""State":"Inactive","#, Lifecycle::Inactive),
        (r#""State":"Levitating","LastUpdateStatus":"Simmering","#, Lifecycle::Other),
        ("", Lifecycle::Other),
    ]
    .into_iter()
    .enumerate()
    {
        let body = format!(r#"{{"Configuration":{{{state}"Version":"2","RevisionId":"r"}}}}"#);
        endpoint.fault("GetFunction", nth as u64 + 1, Fault::Answer { status: 200, headers: vec![], body });
        let read = traffic.read_version(&function(), version(2).into()).await.expect("a version");
        assert_eq!(read.state, lifecycle, "{state}");
        let expected =
            if state.contains("Simmering") { UpdateStatus::InProgress } else { UpdateStatus::Successful };
        assert_eq!(read.update, expected, "{state}");
        assert_eq!(read.state_reason == "out of ENIs", lifecycle == Lifecycle::Failed);
    }
}

#[tokio::test]
async fn new_code_and_publishing_are_guarded() {
    let plan = plan("version = \"publish\"\nstrategy = \"AllAtOnce\"");
    let endpoint = SimulatedEndpoint::start(&plan, &scenario("account = { update_takes = \"1ms\" }"));
    let traffic = endpoint.account().traffic();
    let latest = traffic.read_version(&function(), Qualifier::Latest).await.expect("$LATEST");

    let sources = [
        (CodeSource::Image("1.dkr.ecr.eu-west-1.amazonaws.com/a:b".to_owned()), "ImageUri"),
        (
            CodeSource::S3 {
                bucket: "b".to_owned(),
                key: "k".to_owned(),
                object_version: Some("v".to_owned()),
            },
            "S3ObjectVersion",
        ),
    ];
    let stale = traffic.update_code(&function(), &sources[0].0, "stale").await.expect_err("a stale revision");
    assert_eq!(stale.kind(), ErrorKind::Conflict);
    let mut now = latest;
    for (source, key) in &sources {
        now = loop {
            // The update before takes a millisecond of real time.
            match traffic.update_code(&function(), source, &now.revision_id).await {
                Ok(updated) => break updated,
                Err(error) => assert_eq!(
                    error.aws().and_then(|aws| aws.code.as_deref()),
                    Some("ResourceConflictException")
                ),
            }
        };
        let sent = endpoint.requests_of("UpdateFunctionCode").pop().expect("a call");
        assert!(sent.body[key].is_string(), "{sent:?}");
        assert!(sent.body["RevisionId"].is_string(), "{sent:?}");
    }
    let request = PublishRequest {
        description: Some("a note".to_owned()),
        code_sha256: now.code_sha256.clone(),
        revision_id: now.revision_id.clone(),
    };
    let published = loop {
        match traffic.publish(&function(), &request).await {
            Ok(published) => break published,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict),
        }
    };
    assert_eq!(published.version, version(2).into());
    let sent = endpoint.requests_of("PublishVersion").pop().expect("a call");
    assert_eq!(
        sent.body,
        json!({"CodeSha256": now.code_sha256, "Description": "a note", "RevisionId": now.revision_id})
    );
}

#[tokio::test]
async fn an_archive_is_read_and_sent_whole() {
    let endpoint = endpoint();
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("code.zip"), b"PK\x03\x04rest").expect("written");
    let code = CodeSource::Zip(folder.path().join("code.zip"));
    let traffic = endpoint.account().traffic();
    let latest = traffic.read_version(&function(), Qualifier::Latest).await.expect("$LATEST");
    traffic.update_code(&function(), &code, &latest.revision_id).await.expect("updated");
    let sent = endpoint.requests_of("UpdateFunctionCode").pop().expect("a call");
    assert_eq!(sent.body["ZipFile"], "UEsDBHJlc3Q=");

    let missing = CodeSource::Zip(folder.path().join("missing.zip"));
    let error = traffic.update_code(&function(), &missing, "r").await.expect_err("no file");
    assert_eq!(error.kind(), ErrorKind::Plan);
    assert_eq!(endpoint.requests_of("UpdateFunctionCode").len(), 1, "nothing may be sent");
}

fn names(count: usize) -> Vec<AlarmName> {
    (0..count).map(|i| AlarmName::parse(&format!("alarm-{i:03}")).expect("a name")).collect()
}

fn endpoint_with_alarms(count: usize) -> SimulatedEndpoint {
    let list: Vec<String> = names(count).iter().map(|name| format!("{:?}", name.as_str())).collect();
    let lines =
        format!("version = \"2\"\nstrategy = \"AllAtOnce\"\nalarms = {{ names = [{}] }}", list.join(","));
    SimulatedEndpoint::start(&plan(&lines), &scenario(""))
}

#[tokio::test]
async fn alarms_of_every_type_are_asked_for() {
    let endpoint = endpoint_with_alarms(2);
    endpoint.make_composite("alarm-001");
    endpoint.set_alarm("alarm-001", AlarmState::Alarm, "a child fires");
    let readings = endpoint.account().alarms().read_alarms(&names(2)).await.expect("read");
    assert_eq!(readings.len(), 2);
    let composite = readings.iter().find(|reading| reading.name.as_str() == "alarm-001").expect("there");
    assert_eq!((composite.state, composite.reason.as_str()), (AlarmState::Alarm, "a child fires"));
    assert!(composite.since.is_some());

    let [request] = endpoint.requests_of("DescribeAlarms").try_into().expect("one call");
    assert_eq!(request.body["AlarmTypes"], json!(["MetricAlarm", "CompositeAlarm", "LogAlarm"]));
    assert_eq!(request.body["MaxRecords"], 100);
    assert_eq!(request.target, "/service/GraniteServiceVersion20100801/operation/DescribeAlarms");
}

#[tokio::test]
async fn a_hundred_alarms_are_one_call_and_one_more_are_two() {
    for (count, calls) in [(100, 1), (101, 2), (250, 3)] {
        let endpoint = endpoint_with_alarms(count);
        let readings = endpoint.account().alarms().read_alarms(&names(count)).await.expect("read");
        assert_eq!(readings.len(), count);
        assert_eq!(endpoint.requests_of("DescribeAlarms").len(), calls);
    }
}

#[tokio::test]
async fn every_page_is_read() {
    let endpoint = endpoint_with_alarms(100);
    endpoint.set_page_size(30);
    let readings = endpoint.account().alarms().read_alarms(&names(100)).await.expect("read");
    let mut seen: Vec<&str> = readings.iter().map(|reading| reading.name.as_str()).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 100);
    let tokens: Vec<_> = endpoint
        .requests_of("DescribeAlarms")
        .iter()
        .map(|request| request.body["NextToken"].clone())
        .collect();
    assert_eq!(tokens, [json!(null), json!("30"), json!("60"), json!("90")]);
}

#[tokio::test]
async fn half_a_list_of_alarms_is_an_error() {
    let endpoint = endpoint_with_alarms(150);
    endpoint.fault("DescribeAlarms", 2, Fault::Denied);
    let error =
        endpoint.account().alarms().read_alarms(&names(150)).await.expect_err("the second half is missing");
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert!(error.message().contains("add `cloudwatch:DescribeAlarms` on `*`"), "{error}");
}

#[tokio::test]
async fn an_alarm_that_is_not_there_is_not_among_the_readings() {
    let endpoint = endpoint_with_alarms(1);
    let readings = endpoint.account().alarms().read_alarms(&names(3)).await.expect("read");
    assert_eq!(readings.len(), 1);
    assert_eq!(endpoint.account().alarms().read_alarms(&[]).await.expect("nothing to read"), []);
    assert_eq!(endpoint.requests_of("DescribeAlarms").len(), 1, "no names, no call");
}

fn hook_request(timeout: Duration) -> HookRequest {
    HookRequest {
        lambda: Some(HookFunction::parse("CodeDeployHook_check").expect("a name")),
        timeout,
        rollout_id: RolloutId::parse("ro-1").expect("an id"),
        hook: HookMoment::BeforeTraffic,
        function: function(),
        alias: alias(),
        stable_version: Some(version(1)),
        canary_version: version(2),
        weight: Weight::ZERO,
        parameters: json!({"smoke": ["a", 1]}),
    }
}

#[tokio::test]
async fn a_hook_is_told_the_facts_and_answers() {
    let hook =
        "hooks.before_traffic = { answer = \"inconclusive\", reason = \"too quiet\", after = \"1ms\" }";
    let endpoint = SimulatedEndpoint::start(&plan(PLAN), &scenario(hook));
    let report = endpoint.account().hooks().run_hook(&hook_request(Duration::from_secs(5))).await;
    assert_eq!((report.verdict, report.reason.as_str()), (HookVerdict::Inconclusive, "too quiet"));
    assert_eq!(report.failure, None);
    let [request] = endpoint.requests_of("Invoke").try_into().expect("one call");
    assert_eq!(request.target, "/2015-03-31/functions/CodeDeployHook_check/invocations");
    assert_eq!(
        request.body,
        json!({
            "rollout_id": "ro-1",
            "hook": "before_traffic",
            "function": "sample-handler",
            "alias": "main",
            "stable_version": "1",
            "canary_version": "2",
            "weight": 0.0,
            "parameters": {"smoke": ["a", 1]},
        })
    );
}

#[tokio::test]
async fn a_hook_is_invoked_by_the_alias_or_version_that_it_names() {
    let endpoint = endpoint();
    for (hook, target) in [
        ("check:live", "/2015-03-31/functions/check/invocations?Qualifier=live"),
        ("check:7", "/2015-03-31/functions/check/invocations?Qualifier=7"),
        ("check:$LATEST", "/2015-03-31/functions/check/invocations?Qualifier=%24LATEST"),
    ] {
        let lambda = Some(HookFunction::parse(hook).expect("a hook's function"));
        let request = HookRequest { lambda, ..hook_request(Duration::from_secs(5)) };
        endpoint.account().hooks().run_hook(&request).await;
        assert_eq!(
            endpoint.requests_of("Invoke").last().map(|request| request.target.as_str()),
            Some(target)
        );
    }
}

#[tokio::test]
async fn the_ways_in_which_a_hook_fails_are_told_apart() {
    let endpoint = endpoint();
    let hooks = endpoint.account().hooks();
    let thrown = Fault::Answer {
        status: 200,
        headers: vec![("x-amz-function-error".to_owned(), "Unhandled".to_owned())],
        body: r#"{"errorType":"KeyError","errorMessage":"hunter2"}"#.to_owned(),
    };
    let quoted = Fault::Answer {
        status: 400,
        headers: vec![("x-amzn-errortype".to_owned(), "InvalidRequestContentException".to_owned())],
        body: r#"{"message":"Could not parse request body: hunter2"}"#.to_owned(),
    };
    let malformed = |body: &str| Fault::Answer { status: 200, headers: vec![], body: body.to_owned() };
    let cases = [
        (thrown, HookFailure::FunctionError, "failed with `KeyError`"),
        (malformed(r#"{"ok":true,"secret":"hunter2"}"#), HookFailure::MalformedAnswer, "bytes that are not"),
        (malformed(""), HookFailure::MalformedAnswer, "0 bytes"),
        (Fault::Hang, HookFailure::TimedOut, "`CodeDeployHook_check` did not answer within"),
        (
            Fault::Denied,
            HookFailure::NotInvoked,
            "add `lambda:InvokeFunction` on `arn:aws:lambda:*:*:function:CodeDeployHook_check`",
        ),
        (Fault::Throttle, HookFailure::NotInvoked, "asked for fewer calls"),
        (Fault::ServerError, HookFailure::NotInvoked, "server fault"),
        (Fault::LostReply, HookFailure::NotInvoked, "no answer from"),
        (quoted, HookFailure::NotInvoked, "InvalidRequestContentException"),
    ];
    for ((fault, failure, words), nth) in cases.into_iter().zip(1..) {
        endpoint.fault("Invoke", nth, fault.clone());
        let report = hooks.run_hook(&hook_request(Duration::from_millis(300))).await;
        assert_eq!(
            (report.verdict, report.failure),
            (HookVerdict::Fail, Some(failure)),
            "{fault:?}: {report:?}"
        );
        assert!(report.reason.contains(words), "{fault:?}: {report:?}");
        assert!(!report.reason.contains("hunter2"), "{report:?}");
        assert_eq!(endpoint.requests_of("Invoke").len() as u64, nth, "a hook is invoked once: {fault:?}");
    }
}
