//! Any text as a plan, in every format: refused with problems that say where, or a plan that is sound.
#![no_main]

use std::time::Duration;

use lambda_rollout::iam;
use lambda_rollout::plan::{Format, PlanError, RolloutPlan, Strategy};
use lambda_rollout::units::Weight;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for format in [Format::Toml, Format::Json, Format::Yaml] {
        match RolloutPlan::parse(text, format) {
            Ok(plan) => check_plan(&plan),
            Err(error) => check_problems(&error),
        }
    }
});

fn check_plan(plan: &RolloutPlan) {
    let document = plan.to_document().to_string();
    for format in [Format::Json, Format::Yaml] {
        let again = RolloutPlan::parse(&document, format);
        assert_eq!(again.as_ref(), Ok(plan), "written as {document}, read as {format:?}");
    }
    assert!(!iam::calls(plan).is_empty());
    let steps = plan.schedule().steps();
    assert!(steps.is_sorted_by(|before, next| before.weight < next.weight), "{steps:?}");
    assert!(steps.iter().all(|step| step.weight > Weight::ZERO && step.weight < Weight::FULL), "{steps:?}");
    assert!(steps.iter().all(|step| step.hold > Duration::ZERO), "{steps:?}");
    assert!(steps.len() <= Strategy::MOST_STEPS, "{steps:?}");
    if let Some(deadline) = plan.deadline() {
        let needed = plan.schedule().time_to_full() + plan.bake().unwrap_or_default();
        assert!(deadline >= needed, "{deadline:?} is not enough for {needed:?}");
    }
}

fn check_problems(error: &PlanError) {
    assert!(!error.problems().is_empty());
    for problem in error.problems() {
        assert!(!problem.wrong.is_empty() && !problem.right.is_empty(), "{problem:?}");
        let told = problem.to_string();
        assert!(!told.contains(char::is_control), "more than a line: {told:?}");
    }
    assert_eq!(error.to_string().lines().count(), error.problems().len());
}
