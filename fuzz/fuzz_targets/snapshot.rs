//! Any text as what a journal kept: refused, or a rollout that is taken up and comes to its end.
//!
//! The first line is the snapshot, the second, which may be left out, where the alias points now.
#![no_main]

use lambda_rollout::RolloutPlan;
use lambda_rollout::account::Routing;
use lambda_rollout::machine::Snapshot;
use lambda_rollout_fuzz::account::version;
use lambda_rollout_fuzz::day::Day;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (snapshot, routing) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(snapshot) = serde_json::from_str::<Snapshot>(snapshot) else { return };
    // A rollout from a version to itself never begins.
    if snapshot.stable_version == snapshot.canary_version {
        return;
    }
    let routing = serde_json::from_str::<Option<Routing>>(routing);
    let stable = snapshot.stable_version;
    let routing = routing.unwrap_or_else(|_| Some(Routing::only(stable)));
    Day::restored(plan(), snapshot, routing).clear_up();
});

fn plan() -> RolloutPlan {
    RolloutPlan::builder("sample-handler", "main")
        .version(version(2))
        .strategy_named("Linear25PercentEvery1Minute")
        .alarm("errors")
        .build()
        .expect("a good plan")
}
