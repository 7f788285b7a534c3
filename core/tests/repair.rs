//! `repair`: an alias that somebody left on two versions is settled on the one that is chosen, whatever befalls the calls.

#![cfg(all(feature = "runtime", feature = "sim"))]

use std::sync::Arc;

use async_trait::async_trait;
use lambda_rollout::account::{
    AliasState, AliasWrite, Claim, CodeSource, FunctionVersion, Lifecycle, PublishRequest, Routing,
};
use lambda_rollout::driver::{Repair, RepairEnd, repair};
use lambda_rollout::ports::{Ports, TrafficPort};
use lambda_rollout::sim::{Hand, Scenario, SimAccount, drive};
use lambda_rollout::units::{AliasName, FunctionRef, Qualifier, RolloutId, Version, Weight};
use lambda_rollout::{Error, ErrorKind, RolloutPlan};

fn version(number: u64) -> Version {
    Version::new(number).expect("above zero")
}

fn split(percent: f64) -> Routing {
    Routing::split(version(1), version(2), Weight::from_percent(percent).expect("a weight"))
}

/// An account whose alias was left on 10 % of version 2, with faults such as these.
fn left_behind(faults: &str) -> SimAccount {
    let plan = RolloutPlan::builder("sample-handler", "main").version(version(2));
    let plan = plan.strategy_named("AllAtOnce").build().expect("a plan");
    let account = SimAccount::new(&plan, &Scenario::parse(faults).expect("a scenario"), 1);
    route(&account, split(10.0));
    account
}

fn route(account: &SimAccount, routing: Routing) {
    let claim = Claim { rollout_id: RolloutId::from_bits(7), runner: "host/1".to_owned() };
    account.with_world(|world| {
        let state = world.alias().expect("an alias");
        let description = claim.add_to("the live one");
        let write = AliasWrite { description, ..AliasWrite::new(routing, state.revision_id) };
        world.write_alias(&write, Hand::Other).expect("written");
    });
}

async fn repair_to(account: &SimAccount, to: u64) -> Result<Repair, Error> {
    let (function, alias) = ("sample-handler".parse().expect("a name"), "main".parse().expect("a name"));
    drive(account, repair(&function, &alias, version(to), account.ports()), None).await
}

fn routing(account: &SimAccount) -> Routing {
    account.with_world(|world| world.alias().expect("an alias").routing)
}

#[tokio::test]
async fn it_goes_to_the_version_that_is_chosen_and_says_who_had_moved_it() {
    for to in [1, 2] {
        let account = left_behind("");
        let done = repair_to(&account, to).await.expect("it can be settled");
        assert_eq!((done.end, done.found.routing), (RepairEnd::Settled, split(10.0)));
        let claim = Claim::find(&done.found.description).expect("a claim");
        assert_eq!((claim.rollout_id, claim.runner.as_str()), (RolloutId::from_bits(7), "host/1"));
        let left = account.with_world(|world| world.alias()).expect("an alias");
        assert_eq!((left.routing, left.description.as_str()), (Routing::only(version(to)), "the live one"));
        let ours = account.alias_history().into_iter().filter(|change| change.by == Hand::Rollout);
        assert!(ours.map(|change| change.guarded).eq([true]), "{:?}", account.alias_history());
    }
}

#[tokio::test]
async fn whatever_befalls_the_write_it_is_made_once_and_proved() {
    for fault in
        ["throttle", "lost-request", "lost-reply", "server-error", "server-error-after", "hang", "conflict"]
    {
        let faults = format!("[[faults]]\ncall = \"write_alias\"\nfault = \"{fault}\"\nnth = [1, 2]\n");
        let account = left_behind(&faults);
        let done = repair_to(&account, 1).await.expect("it can be settled");
        assert_eq!((done.end, routing(&account)), (RepairEnd::Settled, Routing::only(version(1))), "{fault}");
        let ours = account.alias_history().into_iter().filter(|change| change.by == Hand::Rollout);
        assert_eq!(ours.count(), 1, "{fault}");
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_unsettled_with_the_line_that_settles_it() {
    let account = left_behind("[[faults]]\ncall = \"write_alias\"\nfault = \"throttle\"\npercent = 100.0\n");
    let done = repair_to(&account, 2).await.expect("it was tried");
    let RepairEnd::Unsettled { advice } = done.end else { panic!("{done:?}") };
    assert!(
        advice.starts_with("aws lambda update-alias --function-name sample-handler --name main"),
        "{advice}"
    );
    assert!(advice.contains("--function-version 2 ") && advice.contains("last error"), "{advice}");
    assert_eq!(routing(&account), split(10.0));
}

/// The runner that was thought dead raises the weight between the look and the write.
#[tokio::test]
async fn a_runner_that_lives_is_left_the_alias() {
    let account = left_behind("[calls]\nfastest = \"1s\"\nslowest = \"1s\"\n");
    let clock = account.ports().clock;
    let at = clock.now() + std::time::Duration::from_millis(1_500);
    let (function, alias) = ("sample-handler".parse().expect("a name"), "main".parse().expect("a name"));
    let raise = async {
        clock.wait_until(at).await;
        route(&account, split(50.0));
    };
    let both = async { tokio::join!(repair(&function, &alias, version(1), account.ports()), raise).0 };
    let done = drive(&account, both, None).await.expect("it was tried");
    assert!(matches!(done.end, RepairEnd::Drifted { .. }), "{done:?}");
    assert_eq!(routing(&account), split(50.0));
}

#[tokio::test]
async fn an_alias_that_needs_nothing_is_not_written() {
    let account = left_behind("");
    route(&account, Routing::only(version(2)));
    let writes = account.alias_history().len();
    assert_eq!(repair_to(&account, 2).await.expect("nothing to do").end, RepairEnd::NothingToDo);
    let error = repair_to(&account, 1).await.expect_err("moving traffic is a plan's");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.to_string().contains("on one version alone"), "{error}");
    assert_eq!(account.alias_history().len(), writes);
}

#[tokio::test]
async fn a_version_that_the_alias_is_not_on_is_refused() {
    let account = left_behind("");
    let error = repair_to(&account, 3).await.expect_err("no such version there");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.to_string().contains("version 3 is neither of the two"), "{error}");
    assert_eq!(routing(&account), split(10.0));
}

/// An account whose versions all could not be made.
struct NoneIsReady(Arc<dyn TrafficPort>);

#[async_trait]
impl TrafficPort for NoneIsReady {
    async fn read_alias(&self, function: &FunctionRef, alias: &AliasName) -> Result<AliasState, Error> {
        self.0.read_alias(function, alias).await
    }

    async fn write_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        write: &AliasWrite,
    ) -> Result<AliasState, Error> {
        self.0.write_alias(function, alias, write).await
    }

    async fn create_alias(&self, _: &FunctionRef, _: &AliasName, _: Version) -> Result<AliasState, Error> {
        unreachable!("repair creates nothing")
    }

    async fn read_version(
        &self,
        function: &FunctionRef,
        version: Qualifier,
    ) -> Result<FunctionVersion, Error> {
        let version = self.0.read_version(function, version).await?;
        Ok(FunctionVersion { state: Lifecycle::Failed, state_reason: "no such role".to_owned(), ..version })
    }

    async fn update_code(&self, _: &FunctionRef, _: &CodeSource, _: &str) -> Result<FunctionVersion, Error> {
        unreachable!("repair brings no code")
    }

    async fn publish(&self, _: &FunctionRef, _: &PublishRequest) -> Result<FunctionVersion, Error> {
        unreachable!("repair publishes nothing")
    }
}

#[tokio::test]
async fn a_version_that_cannot_take_traffic_is_refused() {
    let account = left_behind("");
    let ports = account.ports();
    let ports = Ports { traffic: Arc::new(NoneIsReady(Arc::clone(&ports.traffic))), ..ports };
    let (function, alias) = ("sample-handler".parse().expect("a name"), "main".parse().expect("a name"));
    let done = drive(&account, repair(&function, &alias, version(2), ports), None).await;
    let error = done.expect_err("not ready");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.to_string().contains("version 2 is Failed") && error.to_string().contains("no such role"));
    assert_eq!(routing(&account), split(10.0));
}
