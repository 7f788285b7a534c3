//! The same ports against an emulator by other hands: what the simulated endpoint takes for granted, and whole
//! rollouts of real handlers. Skipped, with the reason, where the emulator cannot be had.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_cloudwatch::types::{ComparisonOperator, StateValue, Statistic};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{FunctionCode, Runtime};
use lambda_rollout::account::{
    AlarmState, AliasState, AliasWrite, CodeSource, FunctionVersion, HookFailure, HookMoment, HookRequest,
    HookVerdict, Lifecycle, PublishRequest, Routing, UpdateStatus,
};
use lambda_rollout::event::Cause;
use lambda_rollout::ports::{Ports, TrafficPort};
use lambda_rollout::units::{
    AlarmName, AliasName, FunctionRef, HookFunction, Qualifier, RolloutId, Version, Weight,
};
use lambda_rollout::{Error, ErrorKind, EventKind, Outcome, OutcomeKind, driver};
use lambda_rollout_aws_tests::{Ministack, plan};

const HANDLER: &str = "def handler(event, context):\n    return {'made': 'it', 'number': 1}\n";
const OTHER_HANDLER: &str = "def handler(event, context):\n    return {'made': 'it', 'number': 2}\n";

struct Clients {
    lambda: aws_sdk_lambda::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
}

impl Clients {
    fn of(ministack: &Ministack) -> Self {
        let config = ministack.sdk_config();
        Self {
            lambda: aws_sdk_lambda::Client::new(&config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
        }
    }

    /// Creates a function whose alias `main` is on version 1.
    async fn create(&self, folder: &Path, name: &str, source: &str) {
        let archive = Ministack::archive(folder, &format!("{name}.zip"), source);
        let code =
            FunctionCode::builder().zip_file(Blob::new(std::fs::read(archive).expect("an archive"))).build();
        let request =
            self.lambda.create_function().function_name(name).runtime(Runtime::Python313).code(code);
        let request =
            request.role("arn:aws:iam::000000000000:role/sample").handler("index.handler").publish(true);
        request.send().await.expect("created");
        let request = self.lambda.create_alias().function_name(name).name("main").function_version("1");
        request.send().await.expect("an alias");
    }

    /// Puts a metric alarm. Each has a metric of its own: the emulator ignores dimensions.
    async fn put_alarm(&self, name: &str) {
        self.cloudwatch
            .put_metric_alarm()
            .alarm_name(name)
            .namespace("AWS/Lambda")
            .metric_name(format!("errors-of-{name}"))
            .statistic(Statistic::Sum)
            .period(60)
            .evaluation_periods(1)
            .threshold(1.0)
            .comparison_operator(ComparisonOperator::GreaterThanOrEqualToThreshold)
            .send()
            .await
            .expect("an alarm");
    }

    async fn set_alarm(&self, name: &str, state: StateValue) {
        let request =
            self.cloudwatch.set_alarm_state().alarm_name(name).state_value(state).state_reason("by hand");
        request.send().await.expect("the alarm's state is set");
    }
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

/// Reads until the version, or `$LATEST`, is ready: each read goes over HTTP and takes its time.
async fn when_ready(traffic: &dyn TrafficPort, which: Qualifier) -> FunctionVersion {
    loop {
        let read = traffic.read_version(&function(), which).await.expect("a version");
        match (read.state, read.update) {
            (Lifecycle::Active, UpdateStatus::Successful) => return read,
            (Lifecycle::Pending, _) | (_, UpdateStatus::InProgress) => tokio::task::yield_now().await,
            _ => panic!("{read:?}"),
        }
    }
}

#[tokio::test]
async fn publishing_and_aliases_work_as_the_simulated_endpoint_has_it() {
    let Some(ministack) = Ministack::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let clients = Clients::of(&ministack);
    clients.create(folder.path(), "sample-handler", HANDLER).await;
    let traffic = ministack.account().traffic();

    let latest = when_ready(&*traffic, Qualifier::Latest).await;
    let archive = Ministack::archive(folder.path(), "new.zip", OTHER_HANDLER);
    let stale = traffic.update_code(&function(), &CodeSource::Zip(archive.clone()), "stale").await;
    assert_eq!(stale.expect_err("a stale revision").kind(), ErrorKind::Conflict);
    traffic.update_code(&function(), &CodeSource::Zip(archive), &latest.revision_id).await.expect("updated");
    let latest = when_ready(&*traffic, Qualifier::Latest).await;

    let request = PublishRequest {
        description: None,
        code_sha256: latest.code_sha256.clone(),
        revision_id: latest.revision_id.clone(),
    };
    let published = traffic.publish(&function(), &request).await.expect("published");
    assert_eq!(published.version, version(2).into());
    let ready = when_ready(&*traffic, version(2).into()).await;
    assert_eq!(ready.code_sha256, latest.code_sha256);

    let before = traffic.read_alias(&function(), &alias()).await.expect("an alias");
    assert_eq!(before.routing, Routing::only(version(1)));
    let weight = Weight::from_percent(12.5).expect("a weight");
    let routing = Routing::split(version(1), version(2), weight);
    let shift = AliasWrite {
        description: Some("on its way".into()),
        ..AliasWrite::new(routing, before.revision_id.clone())
    };
    let shifted = traffic.write_alias(&function(), &alias(), &shift).await.expect("shifted");
    assert_eq!((shifted.routing, shifted.description.as_str()), (shift.routing, "on its way"));
    assert_ne!(shifted.revision_id, before.revision_id);
    assert_eq!(traffic.read_alias(&function(), &alias()).await.expect("an alias"), shifted);

    let again =
        traffic.write_alias(&function(), &alias(), &shift).await.expect_err("the revision is old by now");
    assert_eq!(again.kind(), ErrorKind::Conflict);
    assert_eq!(again.aws().and_then(|aws| aws.code.as_deref()), Some("PreconditionFailedException"));

    let clear = AliasWrite::new(Routing::only(version(2)), shifted.revision_id);
    let cleared = traffic.write_alias(&function(), &alias(), &clear).await.expect("cleared");
    assert_eq!((cleared.routing, cleared.description.as_str()), (Routing::only(version(2)), "on its way"));
    assert_eq!(traffic.read_alias(&function(), &alias()).await.expect("an alias").routing, cleared.routing);

    let nobody = FunctionRef::parse("nobody").expect("a name");
    let error = traffic.read_alias(&nobody, &alias()).await.expect_err("no such function");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn alarms_are_read_page_by_page_composite_ones_among_them() {
    let Some(ministack) = Ministack::start() else { return };
    let clients = Clients::of(&ministack);
    let names: Vec<AlarmName> =
        (0..120).map(|i| AlarmName::parse(&format!("alarm-{i:03}")).expect("a name")).collect();
    for name in &names[1..] {
        clients.put_alarm(name.as_str()).await;
    }
    let composite =
        clients.cloudwatch.put_composite_alarm().alarm_name("alarm-000").alarm_rule("ALARM(\"alarm-001\")");
    composite.send().await.expect("a composite alarm");
    clients.set_alarm("alarm-001", StateValue::Alarm).await;
    clients.set_alarm("alarm-002", StateValue::Ok).await;

    let missing = AlarmName::parse("not-there").expect("a name");
    let asked: Vec<AlarmName> = names.iter().cloned().chain([missing]).collect();
    let readings = ministack.account().alarms().read_alarms(&asked).await.expect("read");
    assert_eq!(readings.len(), 120);
    let state = |name: &str| {
        readings.iter().find(|reading| reading.name.as_str() == name).map(|reading| reading.state)
    };
    assert_eq!(state("alarm-000"), Some(AlarmState::Alarm), "a composite alarm follows its child");
    assert_eq!(state("alarm-001"), Some(AlarmState::Alarm));
    assert_eq!(state("alarm-002"), Some(AlarmState::Ok));
    assert_eq!(state("alarm-003"), Some(AlarmState::InsufficientData));
    assert!(readings.iter().all(|reading| reading.since.is_some()));
}

/// A hook in Python that does what the plan's parameters say.
const HOOK: &str = "
def handler(event, context):
    want = event['parameters']['want']
    if want == 'throw':
        raise ValueError('hunter2')
    if want == 'nonsense':
        return ['hunter2', event['weight']]
    facts = [event[key] for key in ('rollout_id', 'hook', 'function', 'alias', 'stable_version', 'canary_version')]
    return {'verdict': want, 'reason': ' '.join(facts)}
";

#[tokio::test]
async fn a_hook_is_a_real_handler() {
    let Some(ministack) = Ministack::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    Clients::of(&ministack).create(folder.path(), "check", HOOK).await;
    let hooks = ministack.account().hooks();
    let ask = async |lambda: &str, want: &str| {
        let request = HookRequest {
            lambda: Some(HookFunction::parse(lambda).expect("a name")),
            timeout: Duration::from_secs(30),
            rollout_id: RolloutId::parse("ro-1").expect("an id"),
            hook: HookMoment::AfterTraffic,
            function: function(),
            alias: alias(),
            stable_version: Some(version(1)),
            canary_version: version(2),
            weight: Weight::FULL,
            parameters: serde_json::json!({"want": want}),
        };
        hooks.run_hook(&request).await
    };
    for (want, verdict) in [
        ("pass", HookVerdict::Pass),
        ("fail", HookVerdict::Fail),
        ("inconclusive", HookVerdict::Inconclusive),
    ] {
        let report = ask("check", want).await;
        assert_eq!((report.verdict, report.failure), (verdict, None), "{report:?}");
        assert_eq!(report.reason, "ro-1 after_traffic sample-handler main 1 2");
    }
    for (lambda, want, failure) in [
        ("check", "throw", HookFailure::FunctionError),
        ("check", "nonsense", HookFailure::MalformedAnswer),
        ("nobody", "pass", HookFailure::NotInvoked),
    ] {
        let report = ask(lambda, want).await;
        assert_eq!((report.verdict, report.failure), (HookVerdict::Fail, Some(failure)), "{report:?}");
        assert!(!report.reason.contains("hunter2"), "{report:?}");
    }
    let report = ask("check", "throw").await;
    // AWS names the exception here; the emulator names its own wrapper.
    assert!(report.reason.starts_with("`check` failed with `"), "{report:?}");
}

const ROLLOUT: &str = r#"
strategy = { kind = "steps", steps = [{ percent = 10, hold = "100ms" }, { percent = 50, hold = "1s" }] }
alarms = { names = ["sample-handler-errors"], poll = "100ms" }
hooks.before_traffic = { lambda = "check", timeout = "30s", parameters = { want = "pass" } }
"#;

#[tokio::test]
async fn new_code_is_put_in_place_published_and_promoted() {
    let Some(ministack) = Ministack::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let clients = Clients::of(&ministack);
    clients.create(folder.path(), "sample-handler", HANDLER).await;
    clients.create(folder.path(), "check", HOOK).await;
    clients.put_alarm("sample-handler-errors").await;
    clients.set_alarm("sample-handler-errors", StateValue::Ok).await;
    let archive = Ministack::archive(folder.path(), "new.zip", OTHER_HANDLER);

    let plan = plan(&format!("version = {{ zip = {archive:?} }}\n{ROLLOUT}"));
    let mut rollout = driver::start(plan, ministack.account().ports()).expect("started");
    let outcome = rollout.wait().await.expect("an outcome");
    assert_eq!(outcome.kind, OutcomeKind::Promoted, "{outcome:?}");
    assert_eq!((outcome.stable_version, outcome.canary_version), (Some(version(1)), Some(version(2))));
    let state = ministack.account().traffic().read_alias(&function(), &alias()).await.expect("an alias");
    assert_eq!(state.routing, Routing::only(version(2)));

    let answer = clients.lambda.invoke().function_name("sample-handler").qualifier("main").send().await;
    let payload = answer.expect("invoked").payload.map(Blob::into_inner).unwrap_or_default();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&payload).expect("JSON")["number"], 2);
}

#[tokio::test]
async fn a_firing_alarm_puts_the_stable_version_back() {
    let Some(ministack) = Ministack::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let clients = Clients::of(&ministack);
    clients.create(folder.path(), "sample-handler", HANDLER).await;
    clients.create(folder.path(), "check", HOOK).await;
    clients.put_alarm("sample-handler-errors").await;
    clients.set_alarm("sample-handler-errors", StateValue::Ok).await;
    let archive = Ministack::archive(folder.path(), "new.zip", OTHER_HANDLER);

    let plan = plan(&format!("version = {{ zip = {archive:?} }}\n{ROLLOUT}"));
    let mut rollout = driver::start(plan, ministack.account().ports()).expect("started");
    while let Some(event) = rollout.next_event().await {
        if matches!(event.kind, EventKind::Shifted { .. }) {
            clients.set_alarm("sample-handler-errors", StateValue::Alarm).await;
            break;
        }
    }
    let outcome = rollout.wait().await.expect("an outcome");
    assert_eq!(outcome.kind, OutcomeKind::RolledBack, "{outcome:?}");
    assert!(
        matches!(&outcome.cause, Some(Cause::Alarm { reason, .. }) if reason == "by hand"),
        "{outcome:?}"
    );
    let state = ministack.account().traffic().read_alias(&function(), &alias()).await.expect("an alias");
    assert_eq!(state.routing, Routing::only(version(1)));
}

/// Makes every write twice, as something on the way does whose first try's answer got lost. What comes back is the
/// answer to the second.
struct Repeating(Arc<dyn TrafficPort>);

#[async_trait]
impl TrafficPort for Repeating {
    async fn read_alias(&self, function: &FunctionRef, alias: &AliasName) -> Result<AliasState, Error> {
        self.0.read_alias(function, alias).await
    }

    async fn write_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        write: &AliasWrite,
    ) -> Result<AliasState, Error> {
        self.0.write_alias(function, alias, write).await?;
        let again = self.0.write_alias(function, alias, write).await;
        assert_eq!(again.as_ref().map_err(Error::kind), Err(ErrorKind::Conflict));
        again
    }

    async fn create_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        version: Version,
    ) -> Result<AliasState, Error> {
        self.0.create_alias(function, alias, version).await
    }

    async fn read_version(&self, function: &FunctionRef, which: Qualifier) -> Result<FunctionVersion, Error> {
        self.0.read_version(function, which).await
    }

    async fn update_code(
        &self,
        function: &FunctionRef,
        code: &CodeSource,
        revision_id: &str,
    ) -> Result<FunctionVersion, Error> {
        self.0.update_code(function, code, revision_id).await
    }

    async fn publish(
        &self,
        function: &FunctionRef,
        request: &PublishRequest,
    ) -> Result<FunctionVersion, Error> {
        self.0.publish(function, request).await
    }
}

/// Two steps to version 2, without alarms and hooks.
const STEPS: &str = r#"
version = "2"
strategy = { kind = "steps", steps = [{ percent = 10, hold = "1s" }, { percent = 50, hold = "100ms" }] }
"#;

/// Runs the two steps, after publishing a version 2, and does something to the account after the first shift.
async fn two_steps(
    ministack: &Ministack,
    clients: &Clients,
    ports: Ports,
    after_first_shift: impl AsyncFnOnce(),
) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    clients.create(folder.path(), "sample-handler", HANDLER).await;
    let traffic = ministack.account().traffic();
    let latest = when_ready(&*traffic, Qualifier::Latest).await;
    let archive = Ministack::archive(folder.path(), "new.zip", OTHER_HANDLER);
    traffic.update_code(&function(), &CodeSource::Zip(archive), &latest.revision_id).await.expect("updated");
    let latest = when_ready(&*traffic, Qualifier::Latest).await;
    let request = PublishRequest {
        description: None,
        code_sha256: latest.code_sha256,
        revision_id: latest.revision_id,
    };
    traffic.publish(&function(), &request).await.expect("published");
    when_ready(&*traffic, version(2).into()).await;

    let mut rollout = driver::start(plan(STEPS), ports).expect("started");
    while rollout.next_event().await.expect("a shift").kind.name() != "shifted" {}
    after_first_shift().await;
    rollout.wait().await.expect("an outcome")
}

#[tokio::test]
async fn a_412_of_our_own_first_try_is_ours() {
    let Some(ministack) = Ministack::start() else { return };
    let ports = ministack.account().ports();
    let ports = Ports { traffic: Arc::new(Repeating(Arc::clone(&ports.traffic))), ..ports };
    let outcome = two_steps(&ministack, &Clients::of(&ministack), ports, async || {}).await;
    assert_eq!(outcome.kind, OutcomeKind::Promoted, "{outcome:?}");
    assert_eq!(outcome.calls["write_alias"], 3, "no step is made twice: {outcome:?}");
    let state = ministack.account().traffic().read_alias(&function(), &alias()).await.expect("an alias");
    assert_eq!(state.routing, Routing::only(version(2)));
}

#[tokio::test]
async fn a_412_after_somebody_edited_the_description_is_no_drift() {
    let Some(ministack) = Ministack::start() else { return };
    let clients = Clients::of(&ministack);
    let edit = async || {
        let request = clients.lambda.update_alias().function_name("sample-handler").name("main");
        request.description("edited in mid-step").send().await.expect("edited");
    };
    let outcome = two_steps(&ministack, &clients, ministack.account().ports(), edit).await;
    assert_eq!(outcome.kind, OutcomeKind::Promoted, "{outcome:?}");
    assert_eq!(outcome.calls["write_alias"], 4, "one of them met the edited revision: {outcome:?}");
}

#[tokio::test]
async fn a_412_after_another_hand_moved_the_alias_is_drift() {
    let Some(ministack) = Ministack::start() else { return };
    let clients = Clients::of(&ministack);
    let traffic = ministack.account().traffic();
    let move_away = async || {
        let before = traffic.read_alias(&function(), &alias()).await.expect("an alias");
        let write = AliasWrite::new(Routing::only(version(1)), before.revision_id);
        traffic.write_alias(&function(), &alias(), &write).await.expect("written by another hand");
    };
    let outcome = two_steps(&ministack, &clients, ministack.account().ports(), move_away).await;
    assert_eq!((outcome.kind, outcome.exit_code()), (OutcomeKind::Drifted, 5), "{outcome:?}");
    let state = traffic.read_alias(&function(), &alias()).await.expect("an alias");
    assert_eq!(state.routing, Routing::only(version(1)));
}
