//! What happens to the account from outside of the rollout: alarms, other people's hands on the alias, and AWS's own.

use std::time::Instant;

use lambda_rollout::account::{AlarmState, AliasWrite, CodeSource, Routing};
use lambda_rollout::sim::Hand;
use lambda_rollout::units::{AlarmName, Qualifier, Timestamp, Version, Weight};
use serde_json::{Value, json};

use crate::endpoint::{Account, SimulatedEndpoint, now};

/// What is shown of an alarm beside, or instead of, what the simulated account says.
#[derive(Debug, Default, Clone)]
pub(crate) struct Shown {
    pub(crate) state: Option<String>,
    pub(crate) evaluation: Option<String>,
    pub(crate) updated: Option<Timestamp>,
}

/// The provisioned concurrency of the alias.
#[derive(Debug, Clone)]
pub(crate) struct Provisioned {
    pub(crate) status: String,
    /// Whether AWS takes its time to move it when the alias goes to another version, with weights of its own meanwhile.
    pub(crate) moves: bool,
}

impl SimulatedEndpoint {
    /// Holds an alarm in a state, and says when. Its history has the change.
    pub fn set_alarm(&self, name: &str, state: AlarmState, reason: &str) -> Instant {
        let name = AlarmName::parse(name).expect("an alarm's name");
        self.change(|account| account.world.set_alarm(&name, Some(state), reason));
        now()
    }

    /// An alarm is shown in this state, whatever it is in; `None` shows its own again.
    pub fn show_state(&self, name: &str, state: Option<&str>) {
        self.change(|account| account.shown_mut(name).state = state.map(str::to_owned));
    }

    /// An alarm's `EvaluationState`.
    pub fn show_evaluation(&self, name: &str, evaluation: Option<&str>) {
        self.change(|account| account.shown_mut(name).evaluation = evaluation.map(str::to_owned));
    }

    /// An alarm's `StateUpdatedTimestamp`, apart from when its state changed.
    pub fn show_updated(&self, name: &str, at: Timestamp) {
        self.change(|account| account.shown_mut(name).updated = Some(at));
    }

    /// The alias has provisioned concurrency of this status, such as `READY`, or none. Where it `moves`, AWS takes its
    /// time whenever the alias goes to another version, until [`finish_move`](Self::finish_move).
    pub fn set_provisioned(&self, status: Option<&str>, moves: bool) {
        let provisioned = status.map(|status| Provisioned { status: status.to_owned(), moves });
        self.change(|account| account.provisioned = provisioned);
    }

    /// AWS has moved the provisioned concurrency: its own weights are gone.
    pub fn finish_move(&self) {
        self.change(Account::finish_move);
    }

    /// Somebody else gives version `version` this weight, to the last digit, beside the alias's own version.
    pub fn set_weight(&self, version: u64, weight: f64) {
        self.change(|account| account.set_weight(version, weight));
    }

    /// Another pipeline puts code of its own into `$LATEST`.
    pub fn overtake(&self) {
        self.change(Account::overtake);
    }

    /// The function of a hook is gone.
    pub fn delete_function(&self, name: &str) {
        self.change(|account| account.hooks.remove(name));
    }

    fn change<T>(&self, change: impl FnOnce(&mut Account) -> T) -> T {
        let mut shared = self.lock();
        shared.catch_up();
        change(&mut shared.account)
    }
}

impl Account {
    pub(crate) fn shown(&self, name: &str) -> Shown {
        self.shown.get(name).cloned().unwrap_or_default()
    }

    pub(crate) fn shown_mut(&mut self, name: &str) -> &mut Shown {
        self.shown.entry(name.to_owned()).or_default()
    }

    pub(crate) fn set_weight(&mut self, version: u64, weight: f64) {
        let version = Version::new(version).expect("a version");
        if let Ok(state) = self.world.alias() {
            let additional = Some((version, Weight::nearest_to_fraction(weight)));
            let write = AliasWrite::new(Routing { additional, ..state.routing }, "");
            self.remember_alias();
            self.world.write_alias(&write, Hand::Other).expect("two versions that are there");
            self.shown_weights = Some(json!({ version.to_string(): weight }));
        }
    }

    pub(crate) fn overtake(&mut self) {
        self.overtaken += 1;
        let code = CodeSource::Image(format!("another-pipeline:{}", self.overtaken));
        // Lambda refuses it while another update is in progress, whoever asks.
        let _refused = self.world.update_code(&code, "");
    }

    /// What a read that lags behind will show.
    pub(crate) fn remember_alias(&mut self) {
        if let Ok(state) = self.world.alias() {
            self.old_copy = Some(crate::lambda::alias_json(self, &state));
        }
    }

    /// What AWS does on its own when an alias with provisioned concurrency goes to another version: until the new one is
    /// provisioned all traffic stays where it was, by a weight that nobody asked for.
    pub(crate) fn move_provisioned(&mut self, from: Qualifier, to: Qualifier) {
        let Some(provisioned) = self.provisioned.as_mut().filter(|it| it.moves && from != to) else { return };
        "IN_PROGRESS".clone_into(&mut provisioned.status);
        self.shown_weights = Some(json!({ from.to_string(): 1.0 }));
    }

    pub(crate) fn finish_move(&mut self) {
        self.shown_weights = None;
        if let Some(provisioned) = &mut self.provisioned {
            "READY".clone_into(&mut provisioned.status);
        }
    }

    /// The weights as they are shown.
    pub(crate) fn weights(&self, routing: &Routing) -> Option<Value> {
        let own =
            || routing.additional.map(|(version, weight)| json!({ version.to_string(): weight.fraction() }));
        self.shown_weights.clone().or_else(own)
    }
}
