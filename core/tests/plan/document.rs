//! Plans from documents, files and builders: every form that is taken.

use std::time::Duration;

use crate::plans::{MINUTE, WHOLE, percent, problems, toml, toml_with};
use lambda_rollout::account::{CodeSource, HookMoment};
use lambda_rollout::plan::{
    AlreadyAlarming, Flaps, Format, Hook, HookRunner, InsufficientData, MissingAlarm, RolloutPlan, Step,
    Strategy, Unreadable, VersionSource, WhenUnreadable,
};
use lambda_rollout::units::{FunctionRef, Version, Weight};
use serde_json::json;

#[test]
fn the_whole_document_is_read_and_the_builder_makes_the_same_plan() {
    let hook = |name| Hook::lambda(FunctionRef::parse(name).expect("a function"));
    let built = RolloutPlan::builder("sample-handler", "main")
        .publish()
        .strategy_named("Canary10Percent5Minutes")
        .bake(10 * MINUTE)
        .deadline(120 * MINUTE)
        .alarm("sample-handler-errors")
        .poll(Duration::from_secs(10))
        .already_alarming(AlreadyAlarming::Refuse)
        .missing(MissingAlarm::Refuse)
        .insufficient_data(InsufficientData::Pass)
        .unreadable(Unreadable { tolerate: 2 * MINUTE, then: WhenUnreadable::RollBack })
        .flaps(Flaps::RollBack)
        .before_traffic(hook("CodeDeployHook_check").with_timeout(5 * MINUTE))
        .after_traffic(hook("CodeDeployHook_confirm"))
        .build()
        .expect("a good plan");
    assert_eq!(toml(WHOLE), Ok(built));
}

#[test]
fn everything_in_the_document_reaches_the_plan() {
    let plan = toml_with(
        r#"
        version = { publish = { description = "faster", code_sha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" } }
        strategy = { kind = "steps", steps = [{ percent = 1, hold = "10m" }, { percent = 25, hold = "5m", gate = true }] }
        bake = "PT10M"
        deadline = "3 hours"
        rollback_deadline = "20m"
        [alarms]
        names = ["b", "a"]
        poll = "500ms"
        already_alarming = "ignore-until-ok"
        missing = "ignore"
        insufficient_data = "hold"
        unreadable = { tolerate = "1m", then = "hold" }
        flaps = "report"
        [hooks.after_traffic]
        lambda = "123456789012:function:confirm"
        timeout = "30s"
        parameters = { stage = "prod", limits = [1, 2.5] }
        "#,
    )
    .expect("a good plan");
    assert_eq!(plan.function().as_str(), "sample-handler");
    assert_eq!(plan.alias().as_str(), "live");
    let VersionSource::Publish { description, code_sha256 } = plan.version() else { panic!("publishes") };
    assert_eq!(description.as_deref(), Some("faster"));
    assert!(code_sha256.as_deref().is_some_and(|hash| hash.starts_with("47DEQ")));
    let step = |weight, minutes, gate| Step { weight: percent(weight), hold: minutes * MINUTE, gate };
    assert_eq!(plan.schedule().steps(), [step(1.0, 10, false), step(25.0, 5, true)]);
    assert_eq!(plan.strategy().to_string(), "steps 1 %, 25 %");
    assert_eq!((plan.bake(), plan.deadline()), (Some(10 * MINUTE), Some(180 * MINUTE)));
    assert_eq!(plan.rollback_deadline(), 20 * MINUTE);
    let alarms = plan.alarms();
    assert_eq!(alarms.names().iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(alarms.poll(), Duration::from_millis(500));
    assert_eq!(alarms.already_alarming(), AlreadyAlarming::IgnoreUntilOk);
    assert_eq!(alarms.missing(), MissingAlarm::Ignore);
    assert_eq!(alarms.insufficient_data(), InsufficientData::Hold);
    assert_eq!(alarms.unreadable(), Unreadable { tolerate: MINUTE, then: WhenUnreadable::Hold });
    assert_eq!(alarms.flaps(), Flaps::Report);
    assert_eq!(plan.hook(HookMoment::BeforeTraffic), None);
    let hook = plan.hook(HookMoment::AfterTraffic).expect("a hook");
    assert!(matches!(hook.runner(), HookRunner::Lambda(function) if function.name() == "confirm"));
    assert_eq!(hook.timeout(), Duration::from_secs(30));
    assert_eq!(hook.parameters(), &json!({ "stage": "prod", "limits": [1, 2.5] }));
}

#[test]
fn no_bake_and_no_hold_are_said_as_zero_in_every_format() {
    let text = "strategy = { kind = 'steps', steps = [{ percent = 5, hold = 'PT0S' }, { percent = 9, hold = '0m', gate = true }] }\n\
                bake = '0s'\ndeadline = '1s'";
    let plan = toml_with(text).expect("a good plan");
    assert_eq!((plan.bake(), plan.schedule().time_to_full()), (None, Duration::ZERO));
    assert_eq!(plan.schedule().steps().len(), 2);
    assert_eq!(plan.to_document().get("bake"), None);
    let json = plan.to_document().to_string();
    assert_eq!(RolloutPlan::parse(&json, Format::Json).as_ref(), Ok(&plan));
    #[cfg(feature = "yaml")]
    {
        let text = "function: sample-handler\nalias: live\nstrategy: AllAtOnce\nbake: 0s\n";
        assert_eq!(RolloutPlan::parse(text, Format::Yaml).expect("a good plan").bake(), None);
    }
    let step =
        Step { weight: Weight::from_percent(5.0).expect("a per cent"), hold: Duration::ZERO, gate: false };
    let built = RolloutPlan::builder("sample-handler", "live")
        .strategy(Strategy::steps([step]).expect("in bounds"))
        .bake(Duration::ZERO)
        .build()
        .expect("a good plan");
    assert_eq!((built.bake(), built.schedule().steps()[0].hold), (None, Duration::ZERO));
}

#[test]
fn what_is_left_out_has_its_default() {
    let plan = toml_with("strategy = 'AllAtOnce'").expect("a good plan");
    assert_eq!(plan.version(), &VersionSource::Publish { description: None, code_sha256: None });
    assert_eq!((plan.bake(), plan.deadline()), (None, None));
    assert_eq!(plan.rollback_deadline(), RolloutPlan::DEFAULT_ROLLBACK_DEADLINE);
    assert!(plan.alarms().names().is_empty());
    assert!(plan.schedule().steps().is_empty());
    assert_eq!(plan.folder(), None);
    let hooked =
        toml_with("strategy = 'AllAtOnce'\nhooks.after_traffic.lambda = 'check'").expect("a good plan");
    let hook = hooked.hook(HookMoment::AfterTraffic).expect("a hook");
    assert_eq!((hook.timeout(), hook.parameters()), (Hook::DEFAULT_TIMEOUT, &json!(null)));
}

#[test]
fn every_form_of_a_version_is_read() {
    let publish = |description: Option<&str>| VersionSource::Publish {
        description: description.map(str::to_owned),
        code_sha256: None,
    };
    let seventh = VersionSource::Existing(Version::new(7).expect("a version"));
    let s3 = |object_version: Option<&str>| {
        VersionSource::Code(CodeSource::S3 {
            bucket: "code".to_owned(),
            key: "a/b.zip".to_owned(),
            object_version: object_version.map(str::to_owned),
        })
    };
    for (text, version) in [
        ("'publish'", publish(None)),
        ("{ publish = {} }", publish(None)),
        ("{ publish = { description = 'faster' } }", publish(Some("faster"))),
        ("'7'", seventh.clone()),
        ("7", seventh),
        ("{ zip = 'build/handler.zip' }", VersionSource::Code(CodeSource::Zip("build/handler.zip".into()))),
        ("{ s3 = { bucket = 'code', key = 'a/b.zip' } }", s3(None)),
        ("{ s3 = { bucket = 'code', key = 'a/b.zip', object_version = 'v' } }", s3(Some("v"))),
        ("{ image = 'a.dkr.ecr/b:1' }", VersionSource::Code(CodeSource::Image("a.dkr.ecr/b:1".to_owned()))),
    ] {
        let plan = toml_with(&format!("strategy = 'AllAtOnce'\nversion = {text}")).expect(text);
        assert_eq!(plan.version(), &version, "{text}");
    }
}

#[test]
fn every_kind_of_strategy_is_read() {
    for (text, strategy) in [
        ("'AllAtOnce'", Ok(Strategy::AllAtOnce)),
        ("'CANARY_10PERCENT_5MINUTES'", Strategy::canary(percent(10.0), 5 * MINUTE)),
        ("{ kind = 'all-at-once' }", Ok(Strategy::AllAtOnce)),
        ("{ kind = 'canary', percent = 10, interval = '5m' }", Strategy::canary(percent(10.0), 5 * MINUTE)),
        ("{ kind = 'linear', percent = 0.5, interval = '1m' }", Strategy::linear(percent(0.5), MINUTE)),
        (
            "{ kind = 'exponential', percent = 1, factor = 1.5, interval = '5m' }",
            Strategy::exponential(percent(1.0), 1.5, 5 * MINUTE),
        ),
        (
            "{ kind = 'steps', steps = [{ percent = 1, hold = '1m' }] }",
            Strategy::steps([Step { weight: percent(1.0), hold: MINUTE, gate: false }]),
        ),
    ] {
        let plan = toml_with(&format!("strategy = {text}")).expect(text);
        assert_eq!(Ok(plan.strategy().clone()), strategy, "{text}");
        assert_eq!(plan.schedule(), &plan.strategy().schedule());
    }
}

#[test]
fn a_hundred_and_one_alarms_are_fine() {
    let names: Vec<String> = (0..101).map(|number| format!("alarm-{number}")).collect();
    let plan = toml_with(&format!("strategy = 'AllAtOnce'\nalarms.names = {names:?}")).expect("a good plan");
    assert_eq!(plan.alarms().names().len(), 101);
    let built = RolloutPlan::builder("sample-handler", "live").strategy(Strategy::AllAtOnce).alarms(names);
    assert_eq!(built.build(), Ok(plan));
}

#[test]
fn a_byte_order_mark_and_windows_newlines_are_borne() {
    let text = format!("\u{feff}{}", WHOLE.replace('\n', "\r\n"));
    assert_eq!(toml(&text), toml(WHOLE));
    let json = format!("\u{feff}{}", toml(WHOLE).expect("a good plan").to_document());
    assert_eq!(RolloutPlan::parse(&json, Format::Json), toml(WHOLE));
    assert_eq!(
        problems(toml("\u{feff}alias = 1\r\nfunction = 2\r\n"))[1..],
        [
            "line 1: alias: `1` is a number, not text; the alias whose traffic moves, such as \"live\"",
            "line 2: function: `2` is a number, not text; a function's name or ARN, such as \"sample-handler\"",
        ]
    );
}

#[test]
fn a_publish_is_put_together_from_its_setters_in_any_order() {
    let hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let start = || RolloutPlan::builder("f", "live").strategy(Strategy::AllAtOnce);
    let whole =
        VersionSource::Publish { description: Some("faster".to_owned()), code_sha256: Some(hash.to_owned()) };
    for builder in [
        start().publish_described("faster").code_sha256(hash),
        start().version(Version::new(7).expect("a version")).code_sha256(hash).publish_described("faster"),
    ] {
        assert_eq!(builder.build().expect("a good plan").version(), &whole);
    }
    let last_word = start().publish_described("faster").version(Version::new(7).expect("a version"));
    assert!(matches!(last_word.build().expect("a good plan").version(), VersionSource::Existing(_)));
}

#[cfg(feature = "yaml")]
#[test]
fn the_same_plan_is_read_from_yaml() {
    let text = "
function: sample-handler
alias: main
strategy: Canary10Percent5Minutes
bake: 10m
deadline: 2h
alarms:
  names: [sample-handler-errors]
hooks:
  before_traffic: { lambda: CodeDeployHook_check, timeout: 5m }
  after_traffic:
    lambda: CodeDeployHook_confirm
";
    assert_eq!(RolloutPlan::parse(text, Format::Yaml), toml(WHOLE));
}
