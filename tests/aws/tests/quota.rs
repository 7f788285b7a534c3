//! Many rollouts at once share what AWS allows an account: what takes a canary out is never behind anything else.

use lambda_rollout::account::{AliasWrite, Routing};
use lambda_rollout::units::{AliasName, FunctionRef, Version};
use lambda_rollout_aws_tests::{SimulatedEndpoint, plan, scenario};
use tokio::task::JoinSet;

#[tokio::test]
async fn the_restoring_write_goes_before_every_call_that_waits() {
    let endpoint =
        SimulatedEndpoint::start(&plan("version = \"2\"\nstrategy = \"AllAtOnce\""), &scenario(""));
    let traffic = endpoint.account().traffic();
    let (function, alias) =
        (FunctionRef::parse("sample-handler").expect("a name"), AliasName::parse("main").expect("a name"));
    let state = traffic.read_alias(&function, &alias).await.expect("an alias");
    let mut reads = JoinSet::new();
    for _ in 0..40 {
        let (traffic, function, alias) = (traffic.clone(), function.clone(), alias.clone());
        reads.spawn(async move { traffic.read_alias(&function, &alias).await });
    }
    // What may be called at once has been; the rest waits, a fifteenth of a second each.
    endpoint.arrived("GetAlias", 15).await;
    let stable = Routing::only(Version::new(1).expect("above zero"));
    let write = AliasWrite { restores: true, ..AliasWrite::new(stable, state.revision_id) };
    traffic.write_alias(&function, &alias, &write).await.expect("it lands");
    let before = endpoint.requests().iter().take_while(|request| request.operation != "UpdateAlias").count();
    assert!(before < 30, "{before} calls went first");
    let read = reads.join_all().await;
    assert!(read.iter().all(Result::is_ok), "{read:?}");
}
