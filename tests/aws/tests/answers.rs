//! What the library makes of answers: what it needs of them and what it does not, which 404 it believes, which alarms it
//! can read, and what is there before anything is changed.

use std::time::Duration;

use lambda_rollout::account::{
    AlarmState, AliasWrite, CodeSource, ProvisionedConcurrency, PublishRequest, Routing,
};
use lambda_rollout::ports::TrafficPort;
use lambda_rollout::units::{AlarmName, AliasName, FunctionRef, HookFunction, Qualifier, Timestamp};
use lambda_rollout::{ErrorKind, OutcomeKind};
use lambda_rollout_aws_tests::{Fault, SimulatedEndpoint, only, plan, run, scenario, version};
use serde_json::json;

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

fn errors() -> AlarmName {
    AlarmName::parse("errors").expect("a name")
}

fn answer(body: &str) -> Fault {
    Fault::Answer { status: 200, headers: vec![], body: body.to_owned() }
}

/// An emulator that gives no revision ids can be looked at. What would be a blind write is not made.
#[tokio::test]
async fn s1_without_a_revision_the_alias_is_read_and_not_written() {
    let endpoint = endpoint();
    let traffic = endpoint.account().traffic();
    endpoint.fault_always("GetAlias", Some(answer(r#"{"FunctionVersion":"1"}"#)));
    let latest = r#"{"Configuration":{"Version":"$LATEST","CodeSha256":"x","State":"Active"}}"#;
    endpoint.fault_always("GetFunction", Some(answer(latest)));

    let state = traffic.read_alias(&function(), &alias()).await.expect("it can be read");
    assert_eq!((state.routing, state.revision_id.as_str()), (only(1), ""));
    let latest = traffic.read_version(&function(), Qualifier::Latest).await.expect("it can be read");
    assert_eq!(latest.revision_id, "");

    let write = AliasWrite::new(only(2), state.revision_id);
    let code = CodeSource::Image("registry/a:b".to_owned());
    let publish =
        PublishRequest { description: None, code_sha256: "x".to_owned(), revision_id: String::new() };
    for error in [
        traffic.write_alias(&function(), &alias(), &write).await.expect_err("blind"),
        traffic.update_code(&function(), &code, &latest.revision_id).await.expect_err("blind"),
        traffic.publish(&function(), &publish).await.expect_err("blind"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
        assert!(error.message().contains("no revision id"), "{error}");
    }
    for operation in ["UpdateAlias", "UpdateFunctionCode", "PublishVersion"] {
        assert!(endpoint.requests_of(operation).is_empty(), "{operation} was sent");
    }
}

/// A read that cannot be worked with will be answered so again; a write that is answered so may have had its effect.
#[tokio::test]
async fn an_answer_that_lacks_something_is_permanent_for_a_read_and_unknown_for_a_write() {
    let traffic_of = |endpoint: &SimulatedEndpoint| endpoint.account().traffic();
    let weights = r#"{"FunctionVersion":"1","RevisionId":"r","RoutingConfig":{"AdditionalVersionWeights":{"two":0.1}}}"#;
    for body in ["{}", weights, r#"{"FunctionVersion":"x","RevisionId":"r"}"#] {
        let endpoint = endpoint();
        let traffic = traffic_of(&endpoint);
        for operation in ["GetAlias", "UpdateAlias", "CreateAlias"] {
            endpoint.fault_always(operation, Some(answer(body)));
        }
        let read = traffic.read_alias(&function(), &alias()).await.expect_err("a misfit");
        assert_eq!(read.kind(), ErrorKind::Rejected, "{body}: {read}");
        let write = AliasWrite::new(only(2), "r");
        let written = traffic.write_alias(&function(), &alias(), &write).await.expect_err("a misfit");
        assert_eq!(written.kind(), ErrorKind::Unreachable, "{body}: {written}");
        let created = traffic.create_alias(&function(), &alias(), version(1)).await.expect_err("a misfit");
        assert_eq!(created.kind(), ErrorKind::Unreachable, "{body}: {created}");
    }
    for body in ["{}", r#"{"Configuration":{"Version":"x"}}"#] {
        let endpoint = endpoint();
        endpoint.fault_always("GetFunction", Some(answer(body)));
        endpoint.fault_always("PublishVersion", Some(answer(body)));
        let traffic = traffic_of(&endpoint);
        let read = traffic.read_version(&function(), version(2).into()).await.expect_err("a misfit");
        assert_eq!(read.kind(), ErrorKind::Rejected, "{body}: {read}");
        let publish =
            PublishRequest { description: None, code_sha256: "x".to_owned(), revision_id: "r".to_owned() };
        let published = traffic.publish(&function(), &publish).await.expect_err("a misfit");
        assert_eq!(published.kind(), ErrorKind::Unreachable, "{body}: {published}");
    }
}

#[tokio::test]
async fn only_a_404_with_awss_code_says_that_something_is_gone() {
    let endpoint = endpoint();
    let account = endpoint.account();
    let json = |body: &str| Fault::Answer { status: 404, headers: vec![], body: body.to_owned() };
    let mut unknown = json("{}");
    if let Fault::Answer { headers, .. } = &mut unknown {
        headers.push(("x-amzn-errortype".to_owned(), "UnknownOperationException".to_owned()));
    }
    let not_gone =
        [Fault::Bare404, Fault::Html404, json(""), json("{}"), json(r#"{"message":"not found"}"#), unknown];
    let cases = not_gone.map(|fault| (fault, ErrorKind::Unreachable));
    for (fault, kind) in cases.into_iter().chain([(Fault::NotFound, ErrorKind::NotFound)]) {
        for operation in ["GetAlias", "UpdateAlias", "GetFunction", "DescribeAlarms"] {
            endpoint.fault_always(operation, Some(fault.clone()));
        }
        let traffic = account.traffic();
        let write = AliasWrite::new(only(2), "r");
        for error in [
            traffic.read_alias(&function(), &alias()).await.expect_err("404"),
            traffic.write_alias(&function(), &alias(), &write).await.expect_err("404"),
            traffic.read_version(&function(), version(2).into()).await.expect_err("404"),
            account.hooks().check_hook(&function().into()).await.expect_err("404"),
            account.alarms().read_alarms(&[errors()]).await.expect_err("404"),
        ] {
            assert_eq!(error.kind(), kind, "{fault:?}: {error}");
        }
    }
}

/// X18: an alarm that is updated without changing is not in a new state.
#[tokio::test]
async fn since_is_when_the_state_changed_and_not_when_it_was_updated() {
    let endpoint = endpoint();
    let alarms = endpoint.account().alarms();
    let before = alarms.read_alarms(&[errors()]).await.expect("read").remove(0);
    let later = before.since.expect("a time") + Duration::from_secs(60);
    endpoint.show_updated("errors", later);
    let after = alarms.read_alarms(&[errors()]).await.expect("read").remove(0);
    assert_eq!(after.since, before.since);
}

#[tokio::test]
async fn an_alarm_that_cloudwatch_could_not_evaluate_is_unreadable_unless_it_fires() {
    let endpoint = endpoint();
    let alarms = endpoint.account().alarms();
    let read = async || alarms.read_alarms(&[errors()]).await.expect("read").remove(0);
    for (evaluation, ok) in [
        (None, AlarmState::Ok),
        (Some("PARTIAL_DATA"), AlarmState::InsufficientData),
        (Some("EVALUATION_ERROR"), AlarmState::Unreadable),
        (Some("EVALUATION_FAILURE"), AlarmState::Unreadable),
    ] {
        endpoint.show_evaluation("errors", evaluation);
        endpoint.set_alarm("errors", AlarmState::Alarm, "too many");
        assert_eq!(read().await.state, AlarmState::Alarm, "{evaluation:?}");
        endpoint.set_alarm("errors", AlarmState::Ok, "fine");
        let reading = read().await;
        assert_eq!(reading.state, ok, "{evaluation:?}");
        assert!(reading.reason.contains(evaluation.unwrap_or("fine")), "{reading:?}");
    }
    endpoint.show_evaluation("errors", None);
    endpoint.show_state("errors", Some("SNOOZED"));
    let reading = read().await;
    assert_eq!(reading.state, AlarmState::Unreadable);
    assert!(reading.reason.contains("`SNOOZED`"), "{reading:?}");
}

#[tokio::test]
async fn the_history_tells_an_alarm_that_flapped_from_one_that_did_not() {
    let endpoint = endpoint();
    let alarms = endpoint.account().alarms();
    let read = async || alarms.read_alarms(&[errors()]).await.expect("read").remove(0);
    let since = |reading: &lambda_rollout::account::AlarmReading| reading.since.expect("a time");
    endpoint.set_alarm("errors", AlarmState::Ok, "fine");
    let first = since(&read().await);
    assert_eq!(alarms.read_alarm_history(&errors(), first).await.expect("read"), []);

    endpoint.set_alarm("errors", AlarmState::Ok, "still fine");
    assert_eq!(since(&read().await), first, "no change, no transition");
    assert_eq!(alarms.read_alarm_history(&errors(), first).await.expect("read"), []);

    // The endpoint's clock counts milliseconds.
    while endpoint.world(|world| world.now()) <= first + Duration::from_millis(1) {}
    endpoint.set_alarm("errors", AlarmState::Alarm, "too many");
    while endpoint.world(|world| world.now()) <= first + Duration::from_millis(3) {}
    endpoint.set_alarm("errors", AlarmState::Ok, "fine again");
    let second = since(&read().await);
    assert!(second > first);
    for page_size in [100, 1] {
        endpoint.set_page_size(page_size);
        let history = alarms.read_alarm_history(&errors(), first).await.expect("read");
        let told: Vec<_> = history.iter().map(|change| (change.to, change.reason.as_str())).collect();
        assert_eq!(told, [(AlarmState::Alarm, "too many"), (AlarmState::Ok, "fine again")]);
        assert!(first < history[0].at && history[1].at == second, "{history:?}");
    }
    let request = endpoint.requests_of("DescribeAlarmHistory").remove(0);
    assert_eq!(request.body["AlarmTypes"], json!(["MetricAlarm", "CompositeAlarm", "LogAlarm"]));
    assert_eq!(request.body["HistoryItemType"], "StateUpdate");

    endpoint.let_last_page_lead_on(true);
    let error = alarms.read_alarm_history(&errors(), first).await.expect_err("no end");
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    endpoint.let_last_page_lead_on(false);
    endpoint.fault_always("DescribeAlarmHistory", Some(Fault::Denied));
    let error = alarms.read_alarm_history(&errors(), Timestamp::from_millis(0)).await.expect_err("denied");
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert!(error.message().contains("add `cloudwatch:DescribeAlarmHistory` on `*`"), "{error}");
}

async fn provisioned(
    traffic: &dyn TrafficPort,
) -> Result<Option<ProvisionedConcurrency>, lambda_rollout::Error> {
    traffic.read_provisioned_concurrency(&function(), &alias()).await
}

#[tokio::test]
async fn the_provisioned_concurrency_of_the_alias_is_read_or_is_none() {
    let endpoint = endpoint();
    let traffic = endpoint.account().traffic();
    assert_eq!(provisioned(&*traffic).await.expect("read"), None);
    let request = endpoint.requests_of("GetProvisionedConcurrencyConfig").remove(0);
    assert_eq!(request.target, "/2019-09-30/functions/sample-handler/provisioned-concurrency?Qualifier=main");
    for (status, expected) in [
        ("READY", ProvisionedConcurrency::Ready),
        ("IN_PROGRESS", ProvisionedConcurrency::InProgress),
        ("FAILED", ProvisionedConcurrency::Failed),
        ("SIMMERING", ProvisionedConcurrency::InProgress),
    ] {
        endpoint.set_provisioned(Some(status), false);
        assert_eq!(provisioned(&*traffic).await.expect("read"), Some(expected), "{status}");
    }
    endpoint.fault_always("GetProvisionedConcurrencyConfig", Some(Fault::Denied));
    let error = provisioned(&*traffic).await.expect_err("denied");
    let arn = "arn:aws:lambda:*:*:function:sample-handler:main";
    assert!(
        error.message().contains(&format!("add `lambda:GetProvisionedConcurrencyConfig` on `{arn}`")),
        "{error}"
    );
    endpoint.fault_always("GetProvisionedConcurrencyConfig", Some(Fault::Bare404));
    assert_eq!(provisioned(&*traffic).await.expect_err("a proxy's").kind(), ErrorKind::Unreachable);
}

#[tokio::test]
async fn what_a_plan_needs_is_looked_for_before_anything_is_changed() {
    let endpoint = SimulatedEndpoint::start(
        &plan(&format!("{PLAN}\nhooks.before_traffic = {{ lambda = \"smoke\" }}")),
        &scenario(""),
    );
    let account = endpoint.account();
    let smoke = HookFunction::parse("smoke:live").expect("a name");
    account.hooks().check_hook(&smoke).await.expect("it is there");
    endpoint.delete_function("smoke");
    let error = account.hooks().check_hook(&smoke).await.expect_err("it is gone");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    endpoint.fault_always("GetFunction", Some(Fault::Denied));
    let error = account.hooks().check_hook(&smoke).await.expect_err("denied");
    assert!(
        error.message().contains("add `lambda:GetFunction` on `arn:aws:lambda:*:*:function:smoke:live`"),
        "{error}"
    );

    let folder = tempfile::tempdir().expect("a folder");
    let missing = CodeSource::Zip(folder.path().join("missing.zip"));
    let error = account.traffic().check_code(&missing).await.expect_err("no file");
    assert_eq!(error.kind(), ErrorKind::Plan);
    let image = CodeSource::Image("registry/a:b".to_owned());
    account.traffic().check_code(&image).await.expect("it cannot be told");
    assert!(endpoint.requests_of("Invoke").is_empty());
}

/// AWS's own weights, while it moves the provisioned concurrency to the version that the alias goes to.
#[tokio::test]
async fn awss_own_weights_are_waited_for() {
    let plan = plan("version = \"2\"\nstrategy = \"AllAtOnce\"");
    let endpoint = SimulatedEndpoint::start(&plan, &scenario(""));
    endpoint.set_provisioned(Some("READY"), true);
    let moved = async {
        endpoint.arrived("UpdateAlias", 1).await;
        let reads = endpoint.requests_of("GetAlias").len();
        endpoint.arrived("GetAlias", reads + 1).await;
        endpoint.finish_move();
    };
    let (outcome, ()) = tokio::join!(run(endpoint.account().ports(), plan), moved);
    assert_eq!(outcome.kind, OutcomeKind::Promoted, "{outcome:?}");
    assert_eq!(endpoint.alias_history(), [Some(only(2))]);
}

/// Weights of somebody else, as the console and `update-alias` write them.
#[tokio::test]
async fn a_weight_of_somebody_else_is_read_as_it_is() {
    let endpoint = endpoint();
    let traffic = endpoint.account().traffic();
    for weight in [0.0, 0.25, 0.99999, 1.0] {
        endpoint.set_weight(2, weight);
        let state = traffic.read_alias(&function(), &alias()).await.expect("read");
        assert!(!state.routing.is_single(), "{weight}: {:?}", state.routing);
        assert_eq!(state.routing.version, Qualifier::from(version(1)));
    }
    let state = traffic.read_alias(&function(), &alias()).await.expect("read");
    let write = AliasWrite::new(Routing::only(version(2)), state.revision_id.clone());
    let after = traffic.write_alias(&function(), &alias(), &write).await.expect("written");
    assert_eq!(after.routing, only(2));
    endpoint.fault("GetAlias", endpoint.requests_of("GetAlias").len() as u64 + 1, Fault::OldCopy);
    assert_eq!(traffic.read_alias(&function(), &alias()).await.expect("an old copy"), state);
    assert_eq!(traffic.read_alias(&function(), &alias()).await.expect("the newest").routing, only(2));
}

/// Two pipelines on one function.
#[tokio::test]
async fn code_that_another_pipeline_put_there_is_not_published() {
    let plan = plan("version = \"publish\"\nstrategy = \"AllAtOnce\"");
    let endpoint = SimulatedEndpoint::start(&plan, &scenario("account = { update_takes = \"0s\" }"));
    let traffic = endpoint.account().traffic();
    let latest = traffic.read_version(&function(), Qualifier::Latest).await.expect("$LATEST");
    let request = PublishRequest {
        description: None,
        code_sha256: latest.code_sha256,
        revision_id: latest.revision_id.clone(),
    };
    endpoint.fault("PublishVersion", 1, Fault::Overtaken);
    let error = traffic.publish(&function(), &request).await.expect_err("it was overtaken");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    endpoint.overtake();
    let now = traffic.read_version(&function(), Qualifier::Latest).await.expect("$LATEST");
    assert_ne!(now.revision_id, latest.revision_id);
}
