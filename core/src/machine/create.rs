use super::call::Call;
use super::phase::Trigger;
use super::rollout::Rollout;
use crate::account::{AliasState, Routing};
use crate::error::{Error, ErrorKind};
use crate::event::{Cause, EventKind, OutcomeKind};

impl Rollout {
    pub(super) fn alias_created(&mut self, result: Result<AliasState, Error>) {
        match result {
            Ok(state) => self.created(state),
            Err(error) if error.kind() == ErrorKind::Throttled => self.failed(Call::CreateAlias, error),
            Err(error) if error.kind().is_retryable() => self.issue(Call::ResolveCreation),
            Err(error) => self.refuse(Cause::Error { error: error.report() }),
        }
    }

    pub(super) fn creation_resolved(&mut self, result: Result<AliasState, Error>) {
        match result {
            Ok(state) => self.created(state),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let error = Error::new(ErrorKind::Unreachable, "the alias could not be created");
                self.failed(Call::CreateAlias, error);
            }
            Err(error) => self.failed(Call::ResolveCreation, error),
        }
    }

    fn created(&mut self, state: AliasState) {
        let Some(canary) = self.canary else { return };
        let (expected, found) = (Routing::only(canary), state.routing);
        if !found.is_single() {
            // Nobody creates an alias so: it was there all the time, as a rollout has left it, and the reads were wrong.
            return self.found(Some(state));
        }
        self.alias = Some(state);
        if found == expected {
            return self.end(Trigger::Created, OutcomeKind::Promoted, Some(Cause::FirstDeployment));
        }
        self.emit(EventKind::Drifted { found: Some(found), expected });
        self.end(Trigger::LetGo, OutcomeKind::Drifted, Some(Cause::Drift { found: Some(found), expected }));
    }
}
