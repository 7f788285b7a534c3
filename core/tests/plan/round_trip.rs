//! Plan to document and back, for any plan; and any text at all, which must be answered without a panic.

use std::path::Path;
use std::time::Duration;

use crate::plans::{MINUTE, WHOLE, toml};
use lambda_rollout::account::{CodeSource, HookMoment};
use lambda_rollout::plan::{
    AlreadyAlarming, Flaps, Format, Hook, HookRunner, InsufficientData, MissingAlarm, RolloutPlan, Step,
    Strategy, Unreadable, VersionSource, WhenUnreadable,
};
use lambda_rollout::units::{FunctionRef, HookFunction, Version, Weight};
use proptest::prelude::{Just, any, prop_assert, prop_assert_eq, prop_compose, prop_oneof, proptest};
use proptest::sample::Index;
use proptest::strategy::Strategy as Generator;
use proptest::{collection, option};
use serde_json::{Value, json};

fn times() -> impl Generator<Value = Duration> {
    times_from(1)
}

fn times_from(shortest_millis: u64) -> impl Generator<Value = Duration> {
    (shortest_millis..366 * 24 * 3_600_000_u64).prop_map(Duration::from_millis)
}

fn shares() -> impl Generator<Value = Weight> {
    (1..10_000_u16).prop_map(|points| Weight::from_basis_points(points).expect("in range"))
}

fn strategies() -> impl Generator<Value = Strategy> {
    let steps =
        collection::btree_map(shares(), (prop_oneof![Just(Duration::ZERO), times()], any::<bool>()), 1..40);
    let large = (10..10_000_u16).prop_map(|points| Weight::from_basis_points(points).expect("in range"));
    prop_oneof![
        Just(Strategy::AllAtOnce),
        (shares(), times()).prop_map(|(percent, interval)| Strategy::Canary { percent, interval }),
        (large, times()).prop_map(|(percent, interval)| Strategy::Linear { percent, interval }),
        (shares(), 1_100..10_000_000_u32, times()).prop_map(|(percent, factor_thousandths, interval)| {
            Strategy::Exponential { percent, factor_thousandths, interval }
        }),
        steps.prop_map(|steps| {
            let step = |(weight, (hold, gate))| Step { weight, hold, gate };
            Strategy::Steps(steps.into_iter().map(step).collect())
        }),
    ]
}

fn versions() -> impl Generator<Value = VersionSource> {
    let description = option::of("\\PC{1,256}");
    let hash = option::of("[A-Za-z0-9+/]{43}=");
    let object_version = option::of("\\PC{1,30}");
    prop_oneof![
        (1..u64::MAX).prop_map(|number| VersionSource::Existing(Version::new(number).expect("above zero"))),
        (description, hash)
            .prop_map(|(description, code_sha256)| VersionSource::Publish { description, code_sha256 }),
        "\\PC{1,40}".prop_map(|path| VersionSource::Code(CodeSource::Zip(path.into()))),
        "[!-~]{1,40}".prop_map(|uri| VersionSource::Code(CodeSource::Image(uri))),
        ("[a-z0-9.-]{2,20}[a-z0-9]", "\\PC{1,40}", object_version).prop_map(
            |(bucket, key, object_version)| {
                VersionSource::Code(CodeSource::S3 { bucket, key, object_version })
            }
        ),
    ]
}

fn parameters() -> impl Generator<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            collection::btree_map(any::<String>(), inner, 0..5).prop_map(|map| json!(map)),
        ]
    });
    prop_oneof![
        Just(Value::Null),
        collection::btree_map(any::<String>(), tree, 0..4).prop_map(|map| json!(map))
    ]
}

fn hooks() -> impl Generator<Value = Option<Hook>> {
    let hook = (
        "[a-zA-Z0-9_-]{1,64}(:[a-z][a-z0-9]{0,9}|:[1-9][0-9]{0,9}|:\\$LATEST)?",
        1..=900_000_u64,
        parameters(),
    )
        .prop_map(|(name, millis, parameters)| {
            Hook::lambda(HookFunction::parse(&name).expect("a name"))
                .with_timeout(Duration::from_millis(millis))
                .with_parameters(parameters)
        });
    option::of(hook)
}

fn watches() -> impl Generator<Value = Option<(Vec<String>, Duration, [usize; 5], Duration)>> {
    let names = collection::btree_set("[a-zA-Z][\\PC&&[^:]]{0,30}", 1..5);
    let words = [0..3_usize, 0..2, 0..3, 0..2, 0..2];
    let watch = (names, 100..=300_000_u64, words, times_from(1_000));
    option::of(watch.prop_map(|(names, poll, words, tolerate)| {
        (names.into_iter().collect(), Duration::from_millis(poll), words, tolerate)
    }))
}

prop_compose! {
    fn plans()(
        (function, alias) in ("[a-zA-Z0-9_-]{1,64}", "[a-zA-Z_][a-zA-Z0-9_-]{0,127}"),
        version in versions(),
        strategy in strategies(),
        (bake, room, rollback_deadline) in (
            option::of(prop_oneof![Just(Duration::ZERO), times()]), option::of(1..1_000_000_u64), option::of(times_from(10_000))
        ),
        watch in watches(),
        (before, after) in (hooks(), hooks()),
    ) -> RolloutPlan {
        let full = strategy.schedule().time_to_full();
        let mut builder = RolloutPlan::builder(&function, &alias).strategy(strategy.clone());
        builder = match version.clone() {
            VersionSource::Existing(version) => builder.version(version),
            VersionSource::Code(source) => builder.code(source),
            VersionSource::Publish { description, code_sha256 } => {
                let builder = builder.publish();
                let builder = description.iter().fold(builder, |builder, text| builder.publish_described(text));
                code_sha256.iter().fold(builder, |builder, hash| builder.code_sha256(hash))
            }
        };
        builder = bake.into_iter().fold(builder, |builder, bake| builder.bake(bake));
        // A deadline as long as it has to be, when that is not longer than any may be.
        let deadline = room.map(|room| full + bake.unwrap_or_default() + Duration::from_millis(room));
        let deadline = deadline.filter(|deadline| *deadline <= Duration::from_secs(366 * 24 * 3600));
        builder = deadline.into_iter().fold(builder, |builder, deadline| builder.deadline(deadline));
        builder = rollback_deadline.into_iter().fold(builder, |builder, time| builder.rollback_deadline(time));
        if let Some((names, poll, [already, missing, insufficient, then, flaps], tolerate)) = watch {
            builder = builder
                .alarms(names)
                .poll(poll)
                .already_alarming([AlreadyAlarming::Refuse, AlreadyAlarming::IgnoreUntilOk, AlreadyAlarming::Ignore][already])
                .missing([MissingAlarm::Refuse, MissingAlarm::Ignore][missing])
                .insufficient_data([InsufficientData::Pass, InsufficientData::Hold, InsufficientData::RollBack][insufficient])
                .unreadable(Unreadable { tolerate, then: [WhenUnreadable::Hold, WhenUnreadable::RollBack][then] })
                .flaps([Flaps::RollBack, Flaps::Report][flaps]);
        }
        builder = before.iter().cloned().fold(builder, |builder, hook| builder.before_traffic(hook));
        builder = after.iter().cloned().fold(builder, |builder, hook| builder.after_traffic(hook));
        let plan = builder.build().expect("a good plan");
        // A builder that lost something would lose it again on the way back, and nobody would see it.
        assert_eq!((plan.strategy(), plan.version()), (&strategy, &version));
        assert_eq!(plan.hook(HookMoment::BeforeTraffic), before.as_ref());
        assert_eq!(plan.hook(HookMoment::AfterTraffic), after.as_ref());
        assert_eq!((plan.bake(), plan.deadline()), (bake.filter(|bake| !bake.is_zero()), deadline));
        plan
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(plan in plans()) {
        let text = plan.to_document().to_string();
        let read = RolloutPlan::parse(&text, Format::Json);
        prop_assert_eq!(read.as_ref(), Ok(&plan));
        prop_assert_eq!(serde_json::to_string(&plan).expect("a document"), text);
    }

    #[test]
    fn a_schedule_always_rises_and_stays_below_all(plan in plans()) {
        let weights: Vec<Weight> = plan.schedule().steps().iter().map(|step| step.weight).collect();
        prop_assert!(weights.is_sorted_by(|before, next| before < next));
        prop_assert!(weights.iter().all(|weight| *weight > Weight::ZERO && *weight < Weight::FULL));
        prop_assert!(weights.len() <= Strategy::MOST_STEPS);
    }

    #[test]
    fn any_text_is_answered_without_a_panic(text in any::<String>()) {
        for format in [Format::Toml, Format::Json, Format::Yaml] {
            if let Err(error) = RolloutPlan::parse(&text, format) {
                prop_assert!(!error.problems().is_empty());
            }
        }
    }

    #[test]
    fn a_damaged_plan_is_answered_without_a_panic(
        plan in plans(), at in any::<Index>(), length in 0..20_usize, put in "[\\[\\]{}\"':,=#&*|>\n a-z0-9.-]{0,4}"
    ) {
        let document = plan.to_document();
        let mut toml = WHOLE.to_owned();
        let mut json = format!("{document:#}");
        for text in [&mut toml, &mut json] {
            let boundary = |mut at: usize| {
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let start = boundary(at.index(text.len()));
            let end = boundary((start + length).min(text.len())).max(start);
            text.replace_range(start..end, &put);
        }
        for (text, format) in [(&toml, Format::Toml), (&json, Format::Json), (&json, Format::Yaml)] {
            let result = RolloutPlan::parse(text, format);
            if let Err(error) = result {
                prop_assert!(error.problems().iter().all(|problem| !problem.wrong.is_empty()));
            }
        }
    }
}

#[test]
fn every_format_reads_what_is_written() {
    let plan = toml(WHOLE).expect("a good plan");
    let document = plan.to_document();
    assert_eq!(toml(&::toml::to_string(&document).expect("TOML")).as_ref(), Ok(&plan));
    #[cfg(feature = "yaml")]
    assert_eq!(RolloutPlan::parse(&document.to_string(), Format::Yaml).as_ref(), Ok(&plan));
}

#[test]
fn the_deepest_parameters_are_read_in_every_format() {
    let deepest = (1..12).fold(json!({}), |inner, _| json!({ "a": inner }));
    let hook = Hook::lambda(FunctionRef::parse("check").expect("a name"));
    let builder = |parameters| {
        let hook = hook.clone().with_parameters(parameters);
        RolloutPlan::builder("f", "live").strategy(Strategy::AllAtOnce).after_traffic(hook).build()
    };
    let plan = builder(deepest.clone()).expect("a good plan");
    let document = plan.to_document();
    assert_eq!(RolloutPlan::parse(&document.to_string(), Format::Json).as_ref(), Ok(&plan));
    assert_eq!(toml(&::toml::to_string(&document).expect("TOML")).as_ref(), Ok(&plan));
    #[cfg(feature = "yaml")]
    assert_eq!(RolloutPlan::parse(&document.to_string(), Format::Yaml).as_ref(), Ok(&plan));
    assert!(builder(json!({ "a": deepest })).is_err());
}

#[test]
fn a_hook_of_the_program_is_written_but_not_read() {
    let plan = RolloutPlan::builder("f", "live")
        .strategy(Strategy::AllAtOnce)
        .before_traffic(Hook::in_process().with_timeout(60 * MINUTE))
        .build()
        .expect("a good plan");
    assert_eq!(plan.hook(HookMoment::BeforeTraffic).map(Hook::runner), Some(&HookRunner::InProcess));
    assert_eq!(plan.to_document()["hooks"]["before_traffic"], json!({ "in_process": true, "timeout": "1h" }));
    assert!(RolloutPlan::parse(&plan.to_document().to_string(), Format::Json).is_err());
}

#[test]
fn the_builders_folder_is_kept() {
    let plan = RolloutPlan::builder("f", "live").strategy(Strategy::AllAtOnce).folder("plans").build();
    assert_eq!(plan.expect("a good plan").folder(), Some(Path::new("plans")));
}
