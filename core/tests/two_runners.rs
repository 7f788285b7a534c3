//! Two runners of one plan on one alias: one of them ends the rollout, the other says who has it and leaves traffic alone.

use std::time::Duration;

use lambda_rollout::account::{Claim, Routing};
use lambda_rollout::driver::Launch;
use lambda_rollout::event::Cause;
use lambda_rollout::sim::{Hand, Scenario, SimAccount, drive};
use lambda_rollout::units::{RolloutId, Version};
use lambda_rollout::{Outcome, OutcomeKind, RolloutPlan};

fn plan() -> RolloutPlan {
    let plan = RolloutPlan::builder("sample-handler", "main").version(version(2)).alarm("errors");
    plan.strategy_named("Linear30PercentEvery10Minutes").build().expect("a good plan")
}

fn version(number: u64) -> Version {
    Version::new(number).expect("above zero")
}

/// Runs two rollouts, the second one begun so much later, and gives both ends, the first one's first.
async fn run_two(account: &SimAccount, later: Duration) -> [Outcome; 2] {
    let launch = |id| Launch::new(plan(), account.ports()).rollout_id(RolloutId::from_bits(id));
    let (mut first, first_task) = launch(1).into_task().expect("it fits");
    let clock = account.ports().clock;
    let begins = clock.now() + later;
    let second = async {
        clock.wait_until(begins).await;
        let (mut second, task) = launch(2).into_task().expect("it fits");
        tokio::join!(second.wait(), task.run()).0
    };
    let (one, (), other) =
        drive(account, async { tokio::join!(first.wait(), first_task.run(), second) }, None).await;
    [one.expect("an end"), other.expect("an end")]
}

fn routings(account: &SimAccount) -> Vec<Routing> {
    account.alias_history().into_iter().filter_map(|change| change.routing).collect()
}

/// Wherever the second one begins, each step is written once, and who lets go names the other.
#[tokio::test]
async fn one_wins_and_the_other_says_who_has_the_alias() {
    let mut alone = 0;
    for minutes in [0, 3, 12, 25] {
        let account = SimAccount::new(&plan(), &Scenario::default(), 1);
        let ends = run_two(&account, Duration::from_secs(60 * minutes)).await;
        let shares: Vec<_> =
            routings(&account).iter().map(|routing| routing.share_of(version(2)).percent()).collect();
        assert_eq!(shares, [30.0, 60.0, 90.0, 100.0], "{minutes}");
        assert!(account.alias_history().iter().all(|change| change.by == Hand::Rollout && change.guarded));
        let promoted = ends.iter().filter(|end| end.kind == OutcomeKind::Promoted).count();
        assert_eq!(promoted, 1, "{ends:?}");
        for (index, end) in ends.iter().enumerate() {
            if end.kind == OutcomeKind::Drifted {
                let other = RolloutId::from_bits(2 - index as u64);
                let by = matches!(&end.cause, Some(Cause::TakenOver { by }) if by.rollout_id == other);
                assert!(by, "{minutes}: {end:?}");
                assert_eq!(end.exit_code(), 5);
                alone += 1;
            }
        }
    }
    assert_eq!(alone, 4);
}

/// The note is there while the alias has weights, and gone with them; what people wrote stays.
#[tokio::test]
async fn the_claim_goes_with_the_weights() {
    let account = SimAccount::new(&plan(), &Scenario::default(), 1);
    account.with_world(|world| {
        let state = world.alias().expect("an alias");
        let described = Some("the live one".to_owned());
        let write = lambda_rollout::account::AliasWrite {
            description: described,
            ..lambda_rollout::account::AliasWrite::new(state.routing, state.revision_id)
        };
        world.write_alias(&write, Hand::Other).expect("written");
    });
    let (mut rollout, task) = Launch::new(plan(), account.ports()).into_task().expect("it fits");
    let id = rollout.id().clone();
    let mut seen = Vec::new();
    let watch = async {
        while let Some(event) = rollout.next_event().await {
            if event.kind.name() == "shifted" {
                seen.push(account.with_world(|world| world.alias()).expect("an alias").description);
            }
        }
    };
    drive(&account, async { tokio::join!(biased; watch, task.run()) }, None).await;
    let (last, weighted) = seen.split_last().expect("shifts");
    assert_eq!(last, "the live one");
    for description in weighted {
        assert_eq!(Claim::strip(description), "the live one");
        assert_eq!(Claim::find(description).expect("a claim").rollout_id, id);
    }
    assert_eq!(weighted.len(), 3);
}
