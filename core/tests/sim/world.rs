//! The simulated account itself: Lambda's rules, CloudWatch's clock, and what each fault does.

use std::time::Duration;

use lambda_rollout::account::{
    AlarmState, AliasState, AliasWrite, CodeSource, Lifecycle, PublishRequest, Routing, UpdateStatus,
};
use lambda_rollout::machine::{Effect, EffectResult};
use lambda_rollout::sim::{Hand, Scenario, World};
use lambda_rollout::units::{AlarmName, Qualifier, Timestamp, Version, Weight};
use lambda_rollout::{Error, ErrorKind, RolloutPlan};

const ALARM: &str = "sample-handler-errors";

fn world(scenario: &str) -> World {
    let plan = RolloutPlan::builder("sample-handler", "main")
        .publish()
        .strategy_named("Canary10Percent5Minutes")
        .alarm(ALARM)
        .build()
        .expect("a good plan");
    let scenario = Scenario::parse(scenario).unwrap_or_else(|error| panic!("{error}"));
    World::new(&plan, &scenario, 1)
}

fn version(number: u64) -> Version {
    Version::new(number).expect("above 0")
}

fn share(percent: f64) -> Weight {
    Weight::from_percent(percent).expect("a share")
}

fn write(routing: Routing, revision_id: &str) -> AliasWrite {
    AliasWrite::new(routing, revision_id)
}

fn after(world: &World, seconds: u64) -> Timestamp {
    world.now() + Duration::from_secs(seconds)
}

/// Publishes version 2, waits until it is active, and gives it this share.
fn shift(world: &mut World, percent: f64) -> AliasState {
    publish(world).expect("there is something to publish");
    world.advance_to(after(world, 2));
    let revision_id = world.alias().expect("an alias").revision_id;
    let routing = Routing::split(version(1), version(2), share(percent));
    world.write_alias(&write(routing, &revision_id), Hand::Rollout).expect("a good write")
}

fn publish(world: &mut World) -> Result<Qualifier, Error> {
    let latest = world.version(Qualifier::Latest)?;
    let (code_sha256, revision_id) = (latest.code_sha256, latest.revision_id);
    world.publish(&PublishRequest { description: None, code_sha256, revision_id }).map(|made| made.version)
}

/// Makes a call to its end: its answer and how long it took, or `None` where none comes.
fn call(world: &mut World, effect: Effect) -> Option<(EffectResult, Duration)> {
    let began = world.now();
    world.begin(7, effect, began);
    loop {
        if let Some((call, result)) = world.next_reply() {
            assert_eq!(call, 7);
            return Some((result, world.now().since(began)));
        }
        world.advance_to(world.next_at()?);
    }
}

fn code(error: &Error) -> Option<&str> {
    error.aws()?.code.as_deref()
}

fn alarm(world: &mut World) -> (AlarmState, Option<Timestamp>) {
    let name = AlarmName::parse(ALARM).expect("a name");
    let reading = world.alarms(std::slice::from_ref(&name)).pop().expect("it exists");
    (reading.state, reading.since)
}

#[test]
fn a_write_needs_the_newest_revision() {
    let mut world = world("account = { published = [\"2\"] }");
    let first = world.alias().expect("an alias");
    let routing = Routing::split(version(1), version(2), share(10.0));
    let second = world.write_alias(&write(routing, &first.revision_id), Hand::Rollout).expect("a good write");
    assert_ne!(second.revision_id, first.revision_id);
    let stale =
        world.write_alias(&write(Routing::only(version(2)), &first.revision_id), Hand::Rollout).unwrap_err();
    assert_eq!((stale.kind(), code(&stale)), (ErrorKind::Conflict, Some("PreconditionFailedException")));
    assert_eq!(stale.aws().map(|aws| aws.operation.as_str()), Some("UpdateAlias"));
    assert_eq!(world.alias().expect("an alias"), second);
    let history = world.alias_history();
    assert_eq!(history.len(), 1);
    assert_eq!((history[0].by, history[0].routing, history[0].guarded), (Hand::Rollout, Some(routing), true));
}

#[test]
fn a_write_without_a_revision_takes_effect_and_is_told_apart() {
    let mut world = world("account = { published = [\"2\"] }");
    world.write_alias(&write(Routing::only(version(2)), ""), Hand::Other).expect("AWS takes it");
    assert!(!world.alias_history()[0].guarded);
}

#[test]
fn even_the_same_routing_gets_a_new_revision() {
    let mut world = world("drift = [{ at = \"5s\", do = \"touch\" }]");
    let before = world.alias().expect("an alias");
    world.advance_to(after(&world, 5));
    let touched = world.alias().expect("an alias");
    assert_eq!(touched.routing, before.routing);
    assert_ne!(touched.revision_id, before.revision_id);
}

#[test]
fn lambdas_rules_for_weights_hold() {
    let mut world = world(
        "account = { published = [\"2\", \"3\"] }\ncanary = { role = \"arn:aws:iam::123456789012:role/other\" }",
    );
    let mut refused = |routing| {
        let error = world.write_alias(&write(routing, ""), Hand::Rollout).unwrap_err();
        (error.kind(), error.message().to_owned())
    };
    let weighted =
        |main: Qualifier, second| Routing { version: main, additional: Some((second, share(10.0))) };
    for (routing, kind, message) in [
        (
            weighted(version(1).into(), version(1)),
            ErrorKind::Rejected,
            "already included in routing configuration",
        ),
        (weighted(Qualifier::Latest, version(1)), ErrorKind::Rejected, "$LATEST cannot have a routing"),
        (weighted(version(1).into(), version(9)), ErrorKind::NotFound, "version `9` does not exist"),
        (Routing::only(version(9)), ErrorKind::NotFound, "version `9` does not exist"),
        (weighted(version(1).into(), version(2)), ErrorKind::Rejected, "the same execution role"),
    ] {
        let found = refused(routing);
        assert_eq!(found.0, kind, "{routing}");
        assert!(found.1.contains(message), "{routing}: {}", found.1);
    }
    assert!(world.alias_history().is_empty());
    let alike = weighted(version(2).into(), version(3));
    assert!(world.write_alias(&write(alike, ""), Hand::Rollout).is_ok());

    let queue = "canary = { dead_letter = \"arn:aws:sqs:eu-west-1:123456789012:queue\" }";
    let mut world = self::world(&format!("account = {{ published = [\"2\"] }}\n{queue}"));
    let error =
        world.write_alias(&write(weighted(version(1).into(), version(2)), ""), Hand::Rollout).unwrap_err();
    assert!(error.message().contains("dead-letter queue"), "{error}");
}

#[test]
fn a_version_takes_no_traffic_before_it_is_active_and_none_if_it_fails() {
    let mut world = world("canary = { ready_after = \"30s\" }");
    let made = publish(&mut world).expect("there is something to publish");
    let state = |world: &mut World| world.version(made).expect("it is there").state;
    let take = |world: &mut World| {
        world.write_alias(&write(Routing { version: made, additional: None }, ""), Hand::Rollout)
    };
    assert_eq!(state(&mut world), Lifecycle::Pending);
    assert_eq!(take(&mut world).unwrap_err().kind(), ErrorKind::Conflict);
    world.advance_to(after(&world, 30));
    assert_eq!(state(&mut world), Lifecycle::Active);
    assert!(take(&mut world).is_ok());

    let mut world = self::world("canary = { never_ready = \"InvalidImage\" }");
    let made = publish(&mut world).expect("there is something to publish");
    world.advance_to(after(&world, 60));
    let failed = world.version(made).expect("it is there");
    assert_eq!((failed.state, failed.state_reason.as_str()), (Lifecycle::Failed, "InvalidImage"));
}

#[test]
fn publishing_twice_makes_one_version() {
    let mut world = world("");
    assert_eq!(publish(&mut world).expect("something new"), version(2).into());
    assert_eq!(publish(&mut world).expect("nothing new"), version(2).into());
    let request =
        PublishRequest { description: None, code_sha256: "another".to_owned(), revision_id: String::new() };
    assert_eq!(world.publish(&request).unwrap_err().kind(), ErrorKind::Rejected);
    let request =
        PublishRequest { description: None, code_sha256: String::new(), revision_id: "old".to_owned() };
    assert_eq!(code(&world.publish(&request).unwrap_err()), Some("PreconditionFailedException"));
}

#[test]
fn new_code_keeps_latest_busy_for_a_while() {
    let mut world = world("account = { update_takes = \"10s\" }");
    let before = world.version(Qualifier::Latest).expect("always there");
    let zip = CodeSource::Zip("handler.zip".into());
    assert!(world.update_code(&zip, "old").is_err());
    let updated = world.update_code(&zip, &before.revision_id).expect("a good update");
    assert_eq!(updated.update, UpdateStatus::InProgress);
    assert_ne!(updated.code_sha256, before.code_sha256);
    let busy = publish(&mut world).unwrap_err();
    assert_eq!((busy.kind(), code(&busy)), (ErrorKind::Conflict, Some("ResourceConflictException")));
    world.advance_to(after(&world, 10));
    assert_eq!(world.version(Qualifier::Latest).expect("always there").update, UpdateStatus::Successful);
    assert_eq!(publish(&mut world).expect("something new"), version(2).into());
}

#[test]
fn an_alias_that_was_deleted_is_not_found_and_can_be_created() {
    let mut world = world("drift = [{ at = \"1s\", do = \"delete\" }]");
    assert!(world.create_alias(version(1), Hand::Rollout).is_err());
    world.advance_to(after(&world, 1));
    assert_eq!(world.alias().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(world.alias_history()[0].routing, None);
    assert!(world.create_alias(version(1), Hand::Rollout).is_ok());
}

#[test]
fn drift_happens_at_its_time_and_no_sooner() {
    let mut world =
        world("drift = [{ at = \"10s\", do = \"change-latest\" }, { at = \"5s\", do = \"to-latest\" }]");
    let before = world.version(Qualifier::Latest).expect("always there");
    world.advance_to(world.now() + Duration::from_millis(4_999));
    assert!(world.alias_history().is_empty());
    world.advance_to(after(&world, 3));
    assert_eq!(world.alias().expect("an alias").routing.version, Qualifier::Latest);
    assert_eq!(world.version(Qualifier::Latest).expect("always there"), before);
    world.advance_to(after(&world, 3));
    assert_ne!(world.version(Qualifier::Latest).expect("always there").revision_id, before.revision_id);
}

#[test]
fn a_call_takes_the_time_that_the_scenario_gives_it() {
    let mut world = world("calls = { fastest = \"100ms\", slowest = \"200ms\" }");
    let mut times: Vec<Duration> =
        (0..200).map(|_| call(&mut world, Effect::ReadAlias).expect("an answer").1).collect();
    times.sort();
    assert!(times[0] >= Duration::from_millis(100) && times[0] < Duration::from_millis(110));
    assert!(times[199] <= Duration::from_millis(200) && times[199] > Duration::from_millis(190));
    assert_eq!(world.calls()["read_alias"], 200);
}

/// What a write under a fault comes to: how it is answered, and whether it took effect.
fn write_under(fault: &str) -> (Option<Result<AliasState, Error>>, bool) {
    let scenario =
        format!("account = {{ published = [\"2\"] }}\nfaults = [{{ {fault}, call = \"write_alias\" }}]");
    let mut world = world(&scenario);
    let revision_id = world.alias().expect("an alias").revision_id;
    let answer = call(&mut world, Effect::WriteAlias(write(Routing::only(version(2)), &revision_id)));
    let answer = answer.map(|(result, _)| match result {
        EffectResult::Alias(result) => result,
        other => panic!("a write was answered with {other:?}"),
    });
    (answer, !world.alias_history().is_empty())
}

#[test]
fn each_fault_does_what_it_says() {
    for (fault, kind, aws_code, effect) in [
        ("throttle", ErrorKind::Throttled, Some("TooManyRequestsException"), false),
        ("denied", ErrorKind::AccessDenied, Some("AccessDeniedException"), false),
        ("conflict", ErrorKind::Conflict, Some("ResourceConflictException"), false),
        ("lost-request", ErrorKind::Unreachable, None, false),
        ("lost-reply", ErrorKind::Unreachable, None, true),
        ("server-error", ErrorKind::Unreachable, Some("ServiceException"), false),
        ("server-error-after", ErrorKind::Unreachable, Some("ServiceException"), true),
        ("precondition-failed", ErrorKind::Conflict, Some("PreconditionFailedException"), false),
        ("not-found", ErrorKind::NotFound, Some("ResourceNotFoundException"), false),
    ] {
        let (answer, took_effect) = write_under(&format!("fault = \"{fault}\""));
        let error = answer.expect("an answer").unwrap_err();
        assert_eq!((error.kind(), code(&error)), (kind, aws_code), "{fault}");
        assert_eq!(error.aws().map(|aws| aws.request_id.is_some()), Some(aws_code.is_some()), "{fault}");
        assert_eq!(took_effect, effect, "{fault}");
    }
    assert!(matches!(write_under("fault = \"hang\""), (None, false)));
    assert!(matches!(write_under("fault = \"hang-after\""), (None, true)));
}

#[test]
fn a_late_call_takes_effect_late() {
    let mut world = world("account = { published = [\"2\"] }\nfaults = [{ fault = \"late\", by = \"30s\" }]");
    let revision_id = world.alias().expect("an alias").revision_id;
    world.begin(1, Effect::WriteAlias(write(Routing::only(version(2)), &revision_id)), world.now());
    world.advance_to(after(&world, 30));
    assert!(world.alias_history().is_empty() && world.next_reply().is_none());
    world.advance_to(after(&world, 1));
    assert_eq!(world.alias_history().len(), 1);
    assert!(world.next_reply().is_some());
}

#[test]
fn a_fault_befalls_its_calls_alone() {
    let mut world = world(
        r#"
        faults = [
            { fault = "throttle", call = "read_alias", nth = [2, 4] },
            { fault = "denied", call = "read_alias", from = "1m", to = "2m" },
            { fault = "server-error", call = "read_alarms", percent = 25.0 },
        ]"#,
    );
    let read = |world: &mut World| match call(world, Effect::ReadAlias) {
        Some((EffectResult::Alias(result), _)) => result.err().map(|error| error.kind()),
        other => panic!("{other:?}"),
    };
    let found: Vec<_> = (0..5).map(|_| read(&mut world)).collect();
    let throttled = Some(ErrorKind::Throttled);
    assert_eq!(found, [None, throttled, None, throttled, None]);
    world.advance_to(after(&world, 60));
    assert_eq!(read(&mut world), Some(ErrorKind::AccessDenied));
    world.advance_to(after(&world, 60));
    assert_eq!(read(&mut world), None);
    let failed = |_: &u32| {
        let answer = call(&mut world, Effect::ReadAlarms(Vec::new()));
        matches!(answer, Some((EffectResult::Alarms(Err(_)), _)))
    };
    let failed = (0..1000).filter(failed).count();
    assert!((200..300).contains(&failed), "{failed} of 1000 at 25 %");
}

#[test]
fn an_alarm_fires_once_its_late_datapoint_can_be_seen_at_a_full_minute() {
    // The canary gets traffic at 0:02 and fails always. The minute's datapoint is there when it has been over for
    // the lag, and the alarm looks at full minutes.
    for (lag, fires_at) in [("0s", 60), ("30s", 120), ("60s", 120), ("61s", 180), ("90s", 180)] {
        let mut world =
            world(&format!("canary = {{ error_percent = 100.0 }}\nmetrics = {{ lag = \"{lag}\" }}"));
        let start = world.now();
        shift(&mut world, 10.0);
        world.advance_to(start + Duration::from_millis(fires_at * 1000 - 1));
        assert_eq!(alarm(&mut world).0, AlarmState::Ok, "lag {lag}");
        let fires_at = start + Duration::from_secs(fires_at);
        world.advance_to(fires_at);
        assert_eq!(alarm(&mut world), (AlarmState::Alarm, Some(fires_at)), "lag {lag}");
    }
}

#[test]
fn nobody_has_to_look_for_an_alarm_to_have_fired_in_time() {
    let mut world = world("canary = { error_percent = 100.0 }");
    let start = world.now();
    shift(&mut world, 10.0);
    world.advance_to(start + Duration::from_secs(600));
    assert_eq!(alarm(&mut world), (AlarmState::Alarm, Some(start + Duration::from_secs(120))));
}

#[test]
fn an_alarm_lets_go_when_its_datapoints_have_gone_out_of_reach() {
    let mut world = world("canary = { error_percent = 100.0 }\nmetrics = { lag = \"0s\" }");
    let start = world.now();
    let state = shift(&mut world, 10.0);
    world.advance_to(start + Duration::from_secs(50));
    world
        .write_alias(&write(Routing::only(version(1)), &state.revision_id), Hand::Rollout)
        .expect("a good write");
    // One minute with errors, then none with data: it is looked back at for two periods more.
    for (seconds, expected) in [(60, AlarmState::Alarm), (180, AlarmState::Alarm), (240, AlarmState::Ok)] {
        world.advance_to(start + Duration::from_secs(seconds));
        assert_eq!(alarm(&mut world).0, expected, "at {seconds} s");
    }
}

#[test]
fn an_alarm_watches_whom_it_is_told_to() {
    let scenario = |alarm: &str| {
        format!(
            "canary = {{ error_percent = 50.0, latency = \"2s\" }}\nstable = {{ error_percent = 1.0 }}\n\
             alarms = [{{ name = \"{ALARM}\", {alarm} }}]"
        )
    };
    for (described, fires) in [
        ("of = \"canary\"", true),
        ("of = \"stable\", threshold = 100.0", false),
        ("of = \"stable\"", true),
        ("of = \"alias\", threshold = 2000.0", false),
        ("metric = \"error-percent\", threshold = 20.0", true),
        ("metric = \"error-percent\", threshold = 20.0, of = \"alias\"", false),
        ("metric = \"invocations\", comparison = \"<\", threshold = 20.0", false),
        ("metric = \"invocations\", comparison = \"LessThanThreshold\", threshold = 2000.0", true),
        ("metric = \"duration\", statistic = \"p50\", threshold = 1000.0", true),
        ("metric = \"duration\", statistic = \"p50\", threshold = 1000.0, of = \"stable\"", false),
        ("metric = \"duration\", threshold = 1000.0, of = \"alias\"", false),
        ("periods = 5, datapoints = 4", false),
        ("periods = 5, datapoints = 2", true),
    ] {
        let mut world = world(&scenario(described));
        shift(&mut world, 10.0);
        world.advance_to(after(&world, 210));
        assert_eq!(alarm(&mut world).0 == AlarmState::Alarm, fires, "{described}");
    }
}

#[test]
fn an_alarm_has_been_evaluated_when_the_rollout_starts_also_between_two_minutes() {
    for start in ["2026-01-01T00:00:00Z", "2026-01-01T00:00:34Z"] {
        let mut world = world(&format!("start = \"{start}\""));
        assert_eq!(alarm(&mut world).0, AlarmState::Ok, "{start}");
    }
}

#[test]
fn without_traffic_the_treatment_of_missing_data_decides() {
    for (missing, expected) in [
        ("missing", AlarmState::InsufficientData),
        ("notBreaching", AlarmState::Ok),
        ("breaching", AlarmState::Alarm),
        ("ignore", AlarmState::InsufficientData),
    ] {
        let alarms = format!("alarms = [{{ name = \"{ALARM}\", missing = \"{missing}\" }}]");
        let mut world = world(&format!("traffic = {{ per_second = 0.0 }}\n{alarms}"));
        assert_eq!(alarm(&mut world).0, expected, "{missing}");
    }
}

#[test]
fn a_state_can_be_given_at_first_and_forced_for_a_time() {
    let mut world = world(&format!(
        "alarms = [{{ name = \"{ALARM}\", missing = \"notBreaching\", state = \"ALARM\", \
         forced = [{{ from = \"3m\", to = \"5m\", state = \"ALARM\", reason = \"by hand\" }}] }}]"
    ));
    let start = world.now();
    for (seconds, expected) in [
        (0, AlarmState::Alarm),
        (59, AlarmState::Alarm),
        (60, AlarmState::Ok),
        (179, AlarmState::Ok),
        (180, AlarmState::Alarm),
        (299, AlarmState::Alarm),
        (300, AlarmState::Ok),
    ] {
        world.advance_to(start + Duration::from_secs(seconds));
        assert_eq!(alarm(&mut world).0, expected, "at {seconds} s");
    }
    assert_eq!(alarm(&mut world).1, Some(start + Duration::from_secs(300)));
}

#[test]
fn an_alarm_can_be_set_by_hand_and_let_go() {
    let mut world = world("");
    let name = AlarmName::parse(ALARM).expect("a name");
    world.advance_to(after(&world, 70));
    world.set_alarm(&name, Some(AlarmState::Alarm), "a test");
    assert_eq!(alarm(&mut world), (AlarmState::Alarm, Some(world.now())));
    assert_eq!(world.alarms(std::slice::from_ref(&name))[0].reason, "a test");
    world.set_alarm(&name, None, "");
    assert_eq!(alarm(&mut world).0, AlarmState::Ok);
}

#[test]
fn what_does_not_exist_is_not_among_the_readings() {
    let mut world =
        world(&format!("alarms = [{{ name = \"{ALARM}\", exists = false }}, {{ name = \"another\" }}]"));
    let names = [ALARM, "another", "unheard-of"].map(|name| AlarmName::parse(name).expect("a name"));
    let found: Vec<String> = world.alarms(&names).iter().map(|reading| reading.name.to_string()).collect();
    assert_eq!(found, ["another"]);
}

fn name() -> AlarmName {
    AlarmName::parse(ALARM).expect("a name")
}

/// What an alarm's history has since the start, in seconds from then.
fn history(world: &mut World, start: Timestamp) -> Vec<(u64, AlarmState)> {
    let transitions = world.alarm_history(&name(), start);
    transitions.iter().map(|transition| (transition.at.since(start).as_secs(), transition.to)).collect()
}

#[test]
fn the_history_has_what_no_reading_showed() {
    use AlarmState::{Alarm, Ok};
    let forced = "[{ from = \"61s\", to = \"63s\", state = \"ALARM\", reason = \"a spike\" }, \
                  { from = \"90s\", to = \"91s\", state = \"OK\" }]";
    let mut world = world(&format!(
        "canary = {{ error_percent = 100.0 }}\nmetrics = {{ lag = \"0s\" }}\n\
         alarms = [{{ name = \"{ALARM}\", missing = \"notBreaching\", forced = {forced} }}]"
    ));
    let start = world.now();
    let (_, since) = alarm(&mut world);
    world.advance_to(start + Duration::from_secs(70));
    let (state, newer) = alarm(&mut world);
    assert_eq!((state, newer), (Ok, Some(start + Duration::from_secs(63))));
    assert_ne!(newer, since, "its transition time gives the flap away");
    // A state that was forced although it was there already is no transition.
    world.advance_to(start + Duration::from_secs(100));
    shift(&mut world, 10.0);
    world.advance_to(start + Duration::from_secs(200));
    assert_eq!(history(&mut world, start), [(61, Alarm), (63, Ok), (120, Alarm)]);
    let later = world.alarm_history(&name(), start + Duration::from_secs(61));
    assert_eq!(later.len(), 2, "only what is later");
    assert_eq!(world.alarm_history(&name(), start)[0].reason, "a spike");
    let unheard_of = AlarmName::parse("unheard-of").expect("a name");
    assert!(world.alarm_history(&unheard_of, start).is_empty());
}

#[test]
fn the_history_knows_what_was_set_by_hand() {
    let mut world = world("");
    let start = world.now();
    world.advance_to(after(&world, 70));
    world.set_alarm(&name(), Some(AlarmState::Alarm), "a test");
    world.set_alarm(&name(), None, "");
    world.advance_to(after(&world, 5));
    assert_eq!(alarm(&mut world), (AlarmState::Ok, Some(start + Duration::from_secs(70))));
    assert_eq!(history(&mut world, start), [(70, AlarmState::Alarm), (70, AlarmState::Ok)]);
}

#[test]
fn a_forced_state_ends_with_a_reason_from_the_metric() {
    let alarms = format!(
        "alarms = [{{ name = \"{ALARM}\", missing = \"notBreaching\", state = \"OK\", \
         forced = [{{ from = \"20s\", to = \"40s\", state = \"ALARM\" }}] }}]"
    );
    for (traffic, reason) in [("0.0", "No datapoints were received"), ("20.0", "No datapoints were received")]
    {
        let mut world = world(&format!("traffic = {{ per_second = {traffic} }}\n{alarms}"));
        world.advance_to(after(&world, 50));
        let reading = world.alarms(&[name()]).pop().expect("it exists");
        assert_eq!(reading.state, AlarmState::Ok);
        assert!(reading.reason.starts_with(reason), "{}", reading.reason);
    }
    let of_alias = alarms.replace("missing =", "of = \"alias\", threshold = 2000.0, missing =");
    let mut world = world(&of_alias);
    world.advance_to(after(&world, 50));
    let reading = world.alarms(&[name()]).pop().expect("it exists");
    assert!(reading.reason.starts_with("Threshold Crossed: "), "{}", reading.reason);
}

#[test]
fn an_alarm_that_cannot_be_evaluated_is_unreadable_and_keeps_its_state() {
    let mut world = world(&format!(
        "canary = {{ error_percent = 100.0 }}\nmetrics = {{ lag = \"0s\" }}\n\
         alarms = [{{ name = \"{ALARM}\", missing = \"notBreaching\", \
         unreadable = [{{ from = \"30s\", to = \"150s\", reason = \"a metric math error\" }}] }}]"
    ));
    let start = world.now();
    let (_, since) = alarm(&mut world);
    shift(&mut world, 10.0);
    world.advance_to(start + Duration::from_secs(149));
    let reading = world.alarms(&[name()]).pop().expect("it exists");
    assert_eq!((reading.state, reading.since), (AlarmState::Unreadable, since));
    assert_eq!(reading.reason, "a metric math error");
    assert!(history(&mut world, start).is_empty());
    world.advance_to(start + Duration::from_secs(150));
    assert_eq!(alarm(&mut world), (AlarmState::Ok, since), "until it is evaluated again");
    world.advance_to(start + Duration::from_secs(180));
    assert_eq!(alarm(&mut world).0, AlarmState::Alarm);
}

#[test]
fn a_stale_read_shows_the_alias_as_it_was_with_its_old_revision() {
    let mut world = world(
        "account = { published = [\"2\"] }\ncalls = { fastest = \"0s\", slowest = \"0s\" }\n\
         faults = [{ fault = \"stale\", by = \"5s\", call = \"read_alias\" }]",
    );
    let read = |world: &mut World| match call(world, Effect::ReadAlias) {
        Some((EffectResult::Alias(result), _)) => result.map_err(|error| error.kind()),
        other => panic!("{other:?}"),
    };
    let first = world.alias().expect("an alias");
    let second = world
        .write_alias(&write(Routing::only(version(2)), &first.revision_id), Hand::Rollout)
        .expect("good");
    assert_eq!(read(&mut world).as_ref(), Ok(&first));
    world.advance_to(after(&world, 4));
    assert_eq!(read(&mut world).as_ref(), Ok(&first));
    world.advance_to(after(&world, 1));
    assert_eq!(read(&mut world).as_ref(), Ok(&second));
    world.delete_alias();
    assert_eq!(read(&mut world).as_ref(), Ok(&second));
    world.advance_to(after(&world, 5));
    assert_eq!(read(&mut world), Err(ErrorKind::NotFound));
}

#[test]
fn a_version_just_published_is_not_found_by_a_stale_read() {
    let scenario = "calls = { fastest = \"0s\", slowest = \"0s\" }\n\
                    faults = [{ fault = \"stale\", by = \"2s\", call = \"read_version\" }]";
    let mut world = world(scenario);
    let made = publish(&mut world).expect("something new");
    let read = |world: &mut World| match call(world, Effect::ReadVersion(made)) {
        Some((EffectResult::Version(result), _)) => {
            result.map(|found| found.version).map_err(|error| error.kind())
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(read(&mut world), Err(ErrorKind::NotFound));
    world.advance_to(after(&world, 2));
    assert_eq!(read(&mut world), Ok(made));
}

#[test]
fn provisioned_concurrency_is_moved_with_weights_of_awss_own() {
    use lambda_rollout::account::ProvisionedConcurrency::{InProgress, Ready};
    let mut world = world(
        "account = { published = [\"2\"], provisioned_concurrency = { move_takes = \"6m\", ready_after = \"10s\" } }",
    );
    assert_eq!(world.provisioned_concurrency(), Some(InProgress));
    world.advance_to(after(&world, 10));
    assert_eq!(world.provisioned_concurrency(), Some(Ready));
    let weighted = Routing::split(version(1), version(2), share(10.0));
    let refused = world.write_alias(&write(weighted, ""), Hand::Rollout).unwrap_err();
    assert_eq!(
        (refused.kind(), code(&refused)),
        (ErrorKind::Rejected, Some("InvalidParameterValueException"))
    );

    let written = world.write_alias(&write(Routing::only(version(2)), ""), Hand::Rollout).expect("good");
    let moving = world.alias().expect("an alias");
    assert_eq!(written.routing, Routing::only(version(2)));
    assert_eq!(moving.routing, Routing::split(version(2), version(1), Weight::FULL));
    assert_ne!(moving.revision_id, written.revision_id);
    assert_eq!(world.provisioned_concurrency(), Some(InProgress));
    world.advance_to(world.now() + Duration::from_millis(359_999));
    assert_eq!(world.alias().expect("an alias"), moving);
    world.advance_to(after(&world, 1));
    assert_eq!(world.alias().expect("an alias").routing, Routing::only(version(2)));
    assert_eq!(world.provisioned_concurrency(), Some(Ready));
    let by: Vec<Hand> = world.alias_history().iter().map(|change| change.by).collect();
    assert_eq!(by, [Hand::Rollout, Hand::Aws, Hand::Aws]);

    // A write that comes in between has its own move, and the old one's end is none of it.
    world.write_alias(&write(Routing::only(version(1)), ""), Hand::Rollout).expect("good");
    world.advance_to(after(&world, 60));
    world.write_alias(&write(Routing::only(version(2)), ""), Hand::Rollout).expect("good");
    world.advance_to(after(&world, 301));
    assert!(world.alias().expect("an alias").routing.additional.is_some());
    world.advance_to(after(&world, 60));
    assert_eq!(world.alias().expect("an alias").routing, Routing::only(version(2)));
    assert_eq!(self::world("").provisioned_concurrency(), None);
}

#[test]
fn another_pipeline_waits_for_an_update_in_progress_and_then_changes_latest() {
    let mut world =
        world("drift = [{ at = \"2s\", do = \"change-latest\" }, { at = \"3s\", do = \"publish\" }]");
    let before = world.version(Qualifier::Latest).expect("always there");
    let zip = CodeSource::Zip("handler.zip".into());
    let ours = world.update_code(&zip, &before.revision_id).expect("a good update");
    world.advance_to(world.now() + Duration::from_millis(4_999));
    assert_eq!(world.version(Qualifier::Latest).expect("always there").code_sha256, ours.code_sha256);
    world.advance_to(after(&world, 1));
    let theirs = world.version(Qualifier::Latest).expect("always there");
    assert_eq!(theirs.update, UpdateStatus::Successful);
    assert_ne!((&theirs.code_sha256, &theirs.revision_id), (&ours.code_sha256, &ours.revision_id));
    assert_eq!(world.version(version(2).into()).expect("published").code_sha256, theirs.code_sha256);
}

#[test]
fn a_hook_that_does_not_exist_is_found_by_looking_and_is_not_invoked() {
    use lambda_rollout::account::{HookFailure, HookMoment};
    use lambda_rollout::plan::Hook;
    use lambda_rollout::units::HookFunction;
    let hook = |name| HookFunction::parse(name).expect("a hook's function");
    let plan = RolloutPlan::builder("sample-handler", "main")
        .strategy_named("AllAtOnce")
        .before_traffic(Hook::lambda(hook("smoke:live")))
        .after_traffic(Hook::lambda(hook("compare")))
        .build()
        .expect("a good plan");
    let scenario = Scenario::parse("hooks.before_traffic.exists = false").expect("a good scenario");
    let mut world = World::new(&plan, &scenario, 1);
    assert_eq!(world.check_hook(&hook("smoke:live")).map_err(|error| error.kind()), Err(ErrorKind::NotFound));
    assert!(world.check_hook(&hook("compare")).is_ok());
    let (report, _) = world.hook(HookMoment::BeforeTraffic).expect("an answer");
    assert_eq!(report.failure, Some(HookFailure::NotInvoked));
}
