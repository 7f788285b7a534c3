//! Any text as a scenario of the simulated account: refused in words, or a scenario that can be told.
#![no_main]

use lambda_rollout::ErrorKind;
use lambda_rollout::sim::Scenario;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Scenario::parse(text) {
        Ok(scenario) => assert!(scenario.end() >= scenario.start()),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Plan);
            assert!(!error.message().is_empty());
            for line in error.message().lines() {
                assert!(!line.contains(char::is_control), "{line:?}");
            }
        }
    }
});
