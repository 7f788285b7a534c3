//! Any text as a scenario of the simulated account: refused in words, or a scenario that can be told.
#![no_main]

use lambda_rollout::sim::Scenario;
use lambda_rollout::{ErrorKind, RolloutPlan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Scenario::parse(text) {
        Ok(scenario) => {
            let plan =
                RolloutPlan::builder("f", "a").strategy_named("AllAtOnce").build().expect("a good plan");
            assert!(scenario.end(&plan) >= scenario.start());
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Plan);
            assert!(!error.message().is_empty());
            for line in error.message().lines() {
                assert!(!line.contains(char::is_control), "{line:?}");
            }
        }
    }
});
