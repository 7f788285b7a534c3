use std::time::Duration;

use futures_util::FutureExt;
use lambda_rollout::Error;
use lambda_rollout::account::Routing;
use lambda_rollout::driver::{Launch, RolloutHandle};
use lambda_rollout::journal::Journal;
use lambda_rollout::machine::Command;
use lambda_rollout::plan::{Format, RolloutPlan};
use lambda_rollout::ports::Clock;
use lambda_rollout::sim::{AliasChange, Scenario, SimAccount, drive};
use lambda_rollout::units::{Qualifier, RolloutId, Timestamp, Version};

use crate::dice::Dice;
use crate::plan_text::plan_text;
use crate::scenario_text::scenario_text;
use crate::witness::{Death, Entry, Moment, What, Witness};

/// One random day: a plan, what the world is like, and when the runner dies.
pub(crate) struct Day {
    pub(crate) seed: u64,
    pub(crate) plan: RolloutPlan,
    pub(crate) scenario: Scenario,
    pub(crate) plan_text: String,
    pub(crate) scenario_text: String,
    pub(crate) deaths: Vec<Death>,
    /// How long nobody is there after a death.
    pub(crate) back_after: Duration,
    /// Whether the next runner has the last one's journal.
    pub(crate) journal: bool,
}

/// All that is known of a day when it is over.
pub(crate) struct Record {
    /// Whether a runner had the journal of the one before.
    pub(crate) journal: bool,
    pub(crate) entries: Vec<Entry>,
    pub(crate) initial: Option<Routing>,
    pub(crate) history: Vec<AliasChange>,
    /// The newest version, before and after.
    pub(crate) newest_at_first: Option<Version>,
    pub(crate) newest_at_last: Option<Version>,
}

impl Record {
    /// Where the alias pointed at this moment; `None` where there was none.
    pub(crate) fn alias_at(&self, at: Timestamp) -> Option<Routing> {
        self.history.iter().rfind(|change| change.at <= at).map_or(self.initial, |change| change.routing)
    }

    /// When the alias at this revision was replaced, or deleted, if it was.
    pub(crate) fn replaced_at(&self, revision: &str) -> Option<Timestamp> {
        let place = self.history.iter().position(|change| change.revision_id == revision);
        // A revision that no change made is the one from the start.
        let next = place.map_or(0, |place| place + 1);
        self.history.get(next).map(|change| change.at)
    }
}

/// Time after the end in which writes that are still on their way come home.
const AFTERMATH: Duration = Duration::from_secs(2 * 60);

impl Day {
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let plan_text = plan_text(&mut dice);
        let plan = RolloutPlan::parse(&plan_text, Format::Toml);
        let plan = plan.unwrap_or_else(|error| panic!("seed {seed}: {error}\n{plan_text}"));
        let scenario_text = scenario_text(&mut dice, &plan);
        let scenario = Scenario::parse(&scenario_text);
        let scenario = scenario.unwrap_or_else(|error| panic!("seed {seed}: {error}\n{scenario_text}"));
        let mut deaths = Vec::new();
        if dice.chance(35) {
            let mut effect = 0;
            for _ in 0..dice.between(1, 3) {
                effect += if dice.chance(50) { dice.between(1, 10) } else { dice.between(1, 80) };
                deaths.push(Death {
                    effect,
                    moment: dice.pick(&[Moment::Before, Moment::UnderWay, Moment::After]),
                });
            }
        }
        let back_after = Duration::from_secs(dice.pick(&[0, 1, 30, 120]));
        let journal = !deaths.is_empty() && dice.chance(60);
        Self { seed, plan, scenario, plan_text, scenario_text, deaths, back_after, journal }
    }

    /// Lives the day through the driver, to its end and a little beyond.
    pub(crate) fn live(&self) -> Record {
        let account = SimAccount::new(&self.plan, &self.scenario, self.seed);
        let witness = Witness::new(account.clone(), &self.deaths);
        let initial = account.with_world(|world| world.initial_routing());
        let newest_at_first = newest_version(&account);
        let whole = async {
            // A rollout has come to its end by then, if it ever does.
            let last =
                self.scenario.end(&self.plan) + self.plan.rollback_deadline() + Duration::from_secs(30 * 60);
            tokio::select! {
                biased;
                () = self.lives(&account, &witness) => account.wait_until(account.now() + AFTERMATH).await,
                () = account.wait_until(last) => {}
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(drive(&account, whole, None));
        Record {
            journal: self.journal,
            entries: witness.into_entries(),
            initial,
            history: account.alias_history(),
            newest_at_first,
            newest_at_last: newest_version(&account),
        }
    }

    /// One runner after the other, until one sees the rollout's end.
    async fn lives(&self, account: &SimAccount, witness: &Witness) {
        let folder = self.journal.then(|| tempfile::tempdir().expect("a folder"));
        for life in 0.. {
            let id = RolloutId::from_bits(self.seed.wrapping_mul(1000).wrapping_add(life));
            let mut launch = Launch::new(self.plan.clone(), witness.ports()).rollout_id(id);
            if let Some(folder) = &folder {
                launch =
                    launch.journal(Journal::open(folder.path().join("journal")).expect("nobody else has it"));
            }
            witness.note(What::Began);
            let (mut rollout, task) =
                launch.into_task().expect("no in-process hooks, and the plan's own journal");
            let whole = async { tokio::join!(biased; follow(account, witness, &mut rollout), task.run()) };
            let died = tokio::select! {
                biased;
                moment = witness.death() => Some(moment),
                _ = whole => None,
            };
            while let Some(Some(event)) = rollout.next_event().now_or_never() {
                witness.note(What::Told(event));
            }
            // A command may have ended it at the very moment of the death.
            if let Some(Ok(outcome)) = rollout.wait().now_or_never() {
                return witness.note(What::Ended(outcome));
            }
            witness.note(What::Died(died.expect("a task that is over has an outcome")));
            account.wait_until(account.now() + self.back_after).await;
        }
    }
}

fn newest_version(account: &SimAccount) -> Option<Version> {
    let newest = account.with_world(|world| world.version(Qualifier::LatestPublished));
    newest.ok()?.version.published()
}

/// The scenario's people: they approve gates and give commands. What is refused is refused.
async fn follow(account: &SimAccount, witness: &Witness, rollout: &mut RolloutHandle) {
    loop {
        let command = tokio::select! {
            biased;
            event = rollout.next_event() => match event {
                Some(event) => {
                    account.see(&event);
                    witness.note(What::Told(event));
                    continue;
                }
                None => return,
            },
            command = account.next_command() => command,
        };
        witness.note(What::Given(command.clone()));
        witness.note(match order(rollout, command.clone()).await {
            Ok(()) => What::Obeyed(command),
            Err(_) => What::Refused(command),
        });
    }
}

async fn order(rollout: &RolloutHandle, command: Command) -> Result<(), Error> {
    match command {
        Command::Pause => rollout.pause().await,
        Command::Resume => rollout.resume().await,
        Command::Promote => rollout.promote().await,
        Command::Abort { reason } => rollout.abort(reason).await,
        other => unreachable!("no scenario knows {other:?}"),
    }
}
