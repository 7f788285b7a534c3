use std::collections::VecDeque;

use super::call::{Call, provisioned_result, unanswered};
use super::effect::{Effect, EffectResult};
use super::rollout::Rollout;
use crate::account::HookMoment;
use crate::error::{Error, ErrorKind};
use crate::plan::{HookRunner, VersionSource};
use crate::units::AliasName;

/// Something that has to be there, or must not be, before anything is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prerequisite {
    /// The plan's code.
    Code,
    /// The function of a hook.
    Hook(HookMoment),
    /// Provisioned concurrency of the alias: Lambda gives no weights to an alias that has it.
    NoProvisionedConcurrency,
}

/// How often a call is made again that only could have told earlier what AWS will say anyway.
const TRIES: u32 = 2;

impl Rollout {
    pub(super) fn prerequisites(&self) -> VecDeque<Prerequisite> {
        let code = matches!(self.plan.version, VersionSource::Code(_)).then_some(Prerequisite::Code);
        let hooks = [HookMoment::BeforeTraffic, HookMoment::AfterTraffic].into_iter();
        let hooks = hooks.filter(|moment| {
            let runner = self.plan.hook(*moment).map(|hook| hook.runner());
            matches!(runner, Some(HookRunner::Lambda(_)))
        });
        let gets_weights = self.alias.is_some() && !self.plan.schedule.steps.is_empty();
        let concurrency = gets_weights.then_some(Prerequisite::NoProvisionedConcurrency);
        code.into_iter().chain(hooks.map(Prerequisite::Hook)).chain(concurrency).collect()
    }

    /// Goes on with the next prerequisite, or with the canary version when all are there.
    pub(super) fn check_next(&mut self) {
        match self.preparation.unchecked.front() {
            Some(_) => self.issue(Call::Prerequisite),
            None => self.find_canary(),
        }
    }

    pub(super) fn check_prerequisite(&mut self) {
        let effect = match self.preparation.unchecked.front() {
            Some(Prerequisite::Code) => match &self.plan.version {
                VersionSource::Code(code) => Effect::CheckCode(code.from_folder(self.plan.folder())),
                VersionSource::Existing(_) | VersionSource::Publish { .. } => return,
            },
            Some(Prerequisite::Hook(moment)) => match self.plan.hook(*moment).map(|hook| hook.runner()) {
                Some(HookRunner::Lambda(lambda)) => Effect::CheckHook(lambda.clone()),
                Some(HookRunner::InProcess) | None => return,
            },
            Some(Prerequisite::NoProvisionedConcurrency) => Effect::ReadProvisionedConcurrency,
            None => return,
        };
        self.make(Call::Prerequisite, effect);
    }

    pub(super) fn prerequisite_checked(&mut self, result: EffectResult) {
        let Some(prerequisite) = self.preparation.unchecked.front().copied() else { return };
        let checked = match (prerequisite, result) {
            (Prerequisite::NoProvisionedConcurrency, result) => match provisioned_result(result) {
                Ok(None) => Ok(()),
                Ok(Some(_)) => Err(has_provisioned_concurrency(&self.plan.alias)),
                Err(error) => return self.not_told(error),
            },
            (_, EffectResult::Checked(checked)) => checked,
            (_, other) => Err(unanswered(&other)),
        };
        match checked {
            Ok(()) => {
                self.answered();
                self.preparation.unchecked.pop_front();
                self.check_next();
            }
            Err(error)
                if matches!(prerequisite, Prerequisite::Hook(_)) && error.kind() != ErrorKind::NotFound =>
            {
                self.not_told(error);
            }
            Err(error) => self.failed(Call::Prerequisite, error),
        }
    }

    /// Whether it is there could not be told. It is not refused for that: the permission to run a hook, say, is another
    /// one than the permission to read its configuration.
    fn not_told(&mut self, error: Error) {
        if error.kind().is_retryable() && self.preparation.answered && self.retry.tries() < TRIES {
            return self.retry.after_failure(Call::Prerequisite, self.now);
        }
        tracing::info!(rollout = %self.id, %error, "could not be checked ahead");
        self.retry.forget();
        self.preparation.unchecked.pop_front();
        self.check_next();
    }
}

fn has_provisioned_concurrency(alias: &AliasName) -> Error {
    let text = format!(
        "the alias has provisioned concurrency, and Lambda gives no weights to such an alias; configure it on the \
         versions instead, or use the strategy AllAtOnce: `{alias}`"
    );
    Error::new(ErrorKind::Rejected, text)
}
