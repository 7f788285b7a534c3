//! Many rollouts at once share what AWS allows an account: what takes a canary out is never behind anything else.

use lambda_rollout::Error;
use lambda_rollout::account::{AliasState, AliasWrite, Urgency};
use lambda_rollout::units::{AliasName, FunctionRef};
use lambda_rollout_aws_tests::{Request, SimulatedEndpoint, only, plan, scenario};
use tokio::task::JoinSet;

fn names() -> (FunctionRef, AliasName) {
    (FunctionRef::parse("sample-handler").expect("a name"), AliasName::parse("main").expect("a name"))
}

fn endpoint() -> SimulatedEndpoint {
    SimulatedEndpoint::start(&plan("version = \"2\"\nstrategy = \"AllAtOnce\""), &scenario(""))
}

/// Reads wait, and so do writes that take no canary out: it goes before both.
#[tokio::test]
async fn the_restoring_write_goes_before_every_call_that_waits() {
    let endpoint = endpoint();
    let traffic = endpoint.account().traffic();
    let (function, alias) = names();
    let state = traffic.read_alias(&function, &alias).await.expect("an alias");
    let (mut reads, mut writes) = (JoinSet::new(), JoinSet::new());
    for _ in 0..20 {
        let (traffic, function, alias) = (traffic.clone(), function.clone(), alias.clone());
        reads.spawn(async move { traffic.read_alias(&function, &alias).await });
    }
    for number in 0..20 {
        let (traffic, function, alias) = (traffic.clone(), function.clone(), alias.clone());
        let write = AliasWrite::new(only(2), format!("stale-{number}"));
        writes.spawn(async move { traffic.write_alias(&function, &alias, &write).await });
    }
    // What may be called at once has been; the rest waits, a fifteenth of a second each.
    while endpoint.requests().len() < 16 {
        tokio::task::yield_now().await;
    }
    let write = AliasWrite { restores: true, ..AliasWrite::new(only(1), state.revision_id) };
    traffic.write_alias(&function, &alias, &write).await.expect("it lands");
    let requests = endpoint.requests();
    let is_ours = |request: &Request| request.body["FunctionVersion"] == "1";
    let before = requests.iter().take_while(|request| !is_ours(request)).count();
    assert!(before < 24, "{before} calls went first");
    let read = reads.join_all().await;
    assert!(read.iter().all(|read| read.is_ok() || is_queued(read)), "{read:?}");
    writes.join_all().await;
}

/// Two `Account`s of the same account and Region have one budget, and the second's calls wait for the first's.
#[tokio::test]
async fn accounts_that_are_the_same_share_their_budget() {
    let endpoint = endpoint();
    let (function, alias) = names();
    let accounts = [endpoint.account(), endpoint.account()];
    let mut reads = JoinSet::new();
    for account in &accounts {
        // The account is known from the first call on.
        account.traffic().read_alias(&function, &alias).await.expect("an alias");
    }
    for number in 0..40 {
        let (traffic, function, alias) = (accounts[number % 2].traffic(), function.clone(), alias.clone());
        reads.spawn(async move { traffic.read_alias(&function, &alias).await });
    }
    reads.join_all().await;
    let requests = endpoint.requests_of("GetAlias");
    let first_second = requests[0].at + std::time::Duration::from_secs(1);
    let made = requests.iter().filter(|request| request.at < first_second).count();
    assert!((15..=31).contains(&made), "{made} of 42 in the first second");
}

/// A read that a rollback waits for is not behind those that nothing waits for.
#[tokio::test]
async fn a_rollbacks_read_goes_before_other_reads() {
    let endpoint = endpoint();
    let traffic = endpoint.account().traffic();
    let (function, alias) = names();
    let mut reads = JoinSet::new();
    for _ in 0..40 {
        let (traffic, function, alias) = (traffic.clone(), function.clone(), alias.clone());
        reads.spawn(async move { traffic.read_alias(&function, &alias).await });
    }
    endpoint.arrived("GetAlias", 15).await;
    traffic.read_alias_for(&function, &alias, Urgency::Restore).await.expect("read");
    let made = endpoint.requests_of("GetAlias").len();
    assert!(made < 22, "{made} calls went first");
    reads.join_all().await;
}

fn is_queued(read: &Result<AliasState, Error>) -> bool {
    read.as_ref().is_err_and(Error::is_queued)
}
