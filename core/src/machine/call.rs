use std::time::Duration;

use super::effect::{Effect, EffectId, EffectResult};
use super::phase::Phase;
use super::rollout::Rollout;
use crate::account::{AliasState, FunctionVersion, ProvisionedConcurrency, Urgency};
use crate::error::{Error, ErrorKind};
use crate::units::Qualifier;

/// A call that the rollout waits for, and what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// The first read of the alias.
    ReadAlias,
    /// Something that has to be there before anything is changed; which is [`Preparation`](super::prepare::Preparation)'s to know.
    Prerequisite,
    /// `$LATEST`, before it is updated or published.
    ReadLatest,
    UpdateCode,
    Publish,
    /// `$LATEST`, to see whether it still is what a process before this one published.
    CompareLatest,
    /// The version that was found on the alias, to see whether it is what the plan would publish.
    ReadFound,
    /// The canary version, until it is active.
    AwaitCanary,
    /// The stable version, to compare roles.
    ReadStable,
    CreateAlias,
    /// The alias, after a creation whose result is unknown.
    ResolveCreation,
    Write,
    /// The alias, after a write whose result is unknown.
    Resolve,
    /// The alias, to prove the rollback.
    ReadBack,
    /// The alias, to see whether it was changed outside this rollout.
    Patrol,
    /// The alias, to prove the promotion.
    Confirm,
    /// Whether AWS still moves provisioned concurrency.
    ReadProvisioned,
}

impl Rollout {
    /// Makes the call that is next in turn, whatever it needs.
    pub(super) fn issue(&mut self, call: Call) {
        let effect = match call {
            Call::ReadAlias
            | Call::ResolveCreation
            | Call::Resolve
            | Call::ReadBack
            | Call::Patrol
            | Call::Confirm => Effect::ReadAlias,
            Call::ReadLatest | Call::CompareLatest => Effect::ReadVersion(Qualifier::Latest),
            Call::AwaitCanary | Call::ReadStable | Call::ReadFound => {
                let version = if call == Call::ReadStable { self.stable } else { self.found_version() };
                let Some(version) = version else { return };
                Effect::ReadVersion(version.into())
            }
            Call::ReadProvisioned => Effect::ReadProvisionedConcurrency,
            Call::Prerequisite => return self.check_prerequisite(),
            Call::UpdateCode => return self.update_code(),
            Call::Publish => return self.publish(),
            Call::CreateAlias => {
                let Some(canary) = self.canary else { return };
                Effect::CreateAlias(canary)
            }
            Call::Write if self.phase == Phase::RollingBack => return self.restore_routing(),
            Call::Write => return self.raise_again(),
        };
        self.make(call, effect);
    }

    pub(super) fn make(&mut self, call: Call, effect: Effect) {
        let id = self.effect(effect);
        self.call = Some((id, call));
    }

    /// How urgent the call is that the rollout waits for: what a process has to share its API budget by.
    #[must_use]
    pub fn urgency(&self) -> Urgency {
        match self.call {
            _ if self.phase == Phase::RollingBack => Urgency::Restore,
            // Until the read has decided about a write that may have given the canary traffic, nothing can be restored.
            Some((_, Call::Resolve)) if self.writes.may_land() => Urgency::Restore,
            Some((_, Call::Patrol)) => Urgency::Look,
            _ => Urgency::Change,
        }
    }

    pub(super) fn finish_effect(&mut self, id: EffectId, result: EffectResult) {
        if self.watch.is_answer(id) {
            return self.alarms_read(result);
        }
        if self.watch.is_history(id) {
            return self.alarm_history_read(result);
        }
        if self.hook.as_ref().is_some_and(|(hook, _)| *hook == id) {
            return self.hook_finished(result);
        }
        // Answers to calls that nobody waits for any longer, such as a patrol when a rollback began, say nothing new.
        if let Some((_, call)) = self.call.take_if(|(waiting, _)| *waiting == id) {
            if is_queued(&result) {
                // It was not made, and keeps its place: nothing failed, and no patience is used up.
                return self.retry.in_series(Duration::ZERO, call, self.now);
            }
            self.call_finished(call, result);
        }
    }

    fn call_finished(&mut self, call: Call, result: EffectResult) {
        match call {
            Call::ReadAlias => self.alias_read(alias_result(result)),
            Call::Prerequisite => self.prerequisite_checked(result),
            Call::ReadLatest => self.latest_read(version_result(result)),
            Call::UpdateCode => self.code_updated(version_result(result)),
            Call::Publish => self.published(version_result(result)),
            Call::CompareLatest => self.latest_compared(version_result(result)),
            Call::ReadFound => self.found_version_read(version_result(result)),
            Call::AwaitCanary => self.canary_read(version_result(result)),
            Call::ReadStable => self.stable_read(version_result(result)),
            Call::CreateAlias => self.alias_created(alias_result(result)),
            Call::ResolveCreation => self.creation_resolved(alias_result(result)),
            Call::Write => self.write_finished(alias_result(result)),
            Call::Resolve => self.write_resolved(alias_result(result)),
            Call::ReadBack => self.rollback_read_back(alias_result(result)),
            Call::Patrol => self.patrolled(alias_result(result)),
            Call::Confirm => self.promotion_read_back(alias_result(result)),
            Call::ReadProvisioned => self.provisioned_read(provisioned_result(result)),
        }
    }
}

fn is_queued(result: &EffectResult) -> bool {
    match result {
        EffectResult::Alias(Err(error)) | EffectResult::Version(Err(error)) => error.is_queued(),
        EffectResult::Checked(Err(error)) | EffectResult::ProvisionedConcurrency(Err(error)) => {
            error.is_queued()
        }
        _ => false,
    }
}

fn alias_result(result: EffectResult) -> Result<AliasState, Error> {
    match result {
        EffectResult::Alias(result) => result,
        other => Err(unanswered(&other)),
    }
}

fn version_result(result: EffectResult) -> Result<FunctionVersion, Error> {
    match result {
        EffectResult::Version(result) => result,
        other => Err(unanswered(&other)),
    }
}

pub(super) fn provisioned_result(result: EffectResult) -> Result<Option<ProvisionedConcurrency>, Error> {
    match result {
        EffectResult::ProvisionedConcurrency(result) => result,
        other => Err(unanswered(&other)),
    }
}

/// The error of a call that was not answered, or not with an answer of its kind.
pub(super) fn unanswered(result: &EffectResult) -> Error {
    match result {
        EffectResult::TimedOut => Error::new(ErrorKind::Unreachable, "no answer in time"),
        _ => Error::new(ErrorKind::Internal, "a port answered another call than it was asked"),
    }
}
