use std::time::Duration;

use super::effect::Effect;
use super::phase::{Phase, Trigger};
use super::rollout::{Call, Rollout};
use crate::account::{
    AliasState, Claim, FunctionVersion, HookMoment, Lifecycle, PublishRequest, Routing, UpdateStatus,
};
use crate::error::{Error, ErrorKind};
use crate::event::{Cause, CheckedAlarm, EventKind, OutcomeKind};
use crate::plan::VersionSource;
use crate::units::{Qualifier, Weight};

/// What pre-flight has learnt so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Preparation {
    /// `$LATEST` as it was when we first decided to publish it.
    latest: Option<FunctionVersion>,
    code_updated: bool,
    canary: Option<FunctionVersion>,
    /// Whether AWS has answered any call yet: before that, no answer means a wrong endpoint rather than a bad moment.
    answered: bool,
}

/// Time that pre-flight bears failing calls.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two looks at a version that is being made ready: AWS's own `FunctionActiveV2` and `FunctionUpdatedV2`
/// waiters look each second.
const VERSION_POLL: Duration = Duration::from_secs(1);

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
            Call::ReadLatest => Effect::ReadVersion(Qualifier::Latest),
            Call::AwaitCanary | Call::ReadStable => {
                let version = if call == Call::ReadStable { self.stable } else { self.canary };
                let Some(version) = version else { return };
                Effect::ReadVersion(version.into())
            }
            Call::UpdateCode => {
                let (VersionSource::Code(code), Some(latest)) =
                    (&self.plan.version, &self.preparation.latest)
                else {
                    return;
                };
                let code = code.from_folder(self.plan.folder());
                Effect::UpdateCode { code, revision_id: latest.revision_id.clone() }
            }
            Call::Publish => {
                let Some(request) = self.publish_request() else { return };
                Effect::Publish(request)
            }
            Call::CreateAlias => {
                let Some(canary) = self.canary else { return };
                Effect::CreateAlias(canary)
            }
            Call::Write if self.phase == Phase::RollingBack => return self.restore_routing(),
            Call::Write => return self.raise_again(),
        };
        let id = self.effect(effect);
        self.call = Some((id, call));
    }

    pub(super) fn alias_read(&mut self, result: Result<AliasState, Error>) {
        match result {
            Ok(state) => self.found(Some(state)),
            Err(error) if error.kind() == ErrorKind::NotFound => self.found(None),
            Err(error) => self.failed(Call::ReadAlias, error),
        }
    }

    fn found(&mut self, state: Option<AliasState>) {
        self.answered();
        if self.memory.is_untested() {
            return self.take_up(state);
        }
        if let Some(state) = state {
            let version = state.routing.version;
            self.alias = Some(state);
            let Some(stable) = version.published() else { return self.refuse(Cause::AliasOnLatest) };
            self.stable = Some(stable);
        }
        self.go(Trigger::Read);
        let weighted = self.alias.as_ref().is_some_and(|alias| !alias.routing.is_single());
        match self.asked_back.take() {
            Some(cause) if !weighted => self.refuse(cause),
            Some(cause) => {
                self.find_canary();
                self.put_back(cause);
            }
            None => self.find_canary(),
        }
    }

    fn find_canary(&mut self) {
        match self.plan.version {
            VersionSource::Existing(version) => {
                self.canary = Some(version);
                self.compare_with_alias();
            }
            VersionSource::Publish { .. } | VersionSource::Code(_) => self.issue(Call::ReadLatest),
        }
    }

    pub(super) fn latest_read(&mut self, result: Result<FunctionVersion, Error>) {
        let latest = match result {
            Ok(latest) => latest,
            Err(error) => return self.failed(Call::ReadLatest, error),
        };
        self.answered();
        let brings_code = matches!(self.plan.version, VersionSource::Code(_));
        let update_first = brings_code && !self.preparation.code_updated;
        match (latest.state, latest.update) {
            (Lifecycle::Pending, _) | (_, UpdateStatus::InProgress) => {
                return self.retry.after(VERSION_POLL, Call::ReadLatest, self.now);
            }
            // New code may well mend what failed.
            (Lifecycle::Failed, _) | (_, UpdateStatus::Failed) if !update_first => {
                let failed = latest.state == Lifecycle::Failed;
                let reason = if failed { latest.state_reason } else { latest.update_reason };
                return self.put_back(Cause::VersionNotReady { version: "$LATEST".to_owned(), reason });
            }
            _ => {}
        }
        if self.check_only {
            return self.check_latest(latest);
        }
        let changed = self.preparation.latest.as_ref().is_some_and(|first| {
            first.code_sha256 != latest.code_sha256 || first.config_sha256 != latest.config_sha256
        });
        if changed && (!brings_code || self.preparation.code_updated) && self.is_publishing_again() {
            return self.put_back(Cause::LatestChanged);
        }
        self.preparation.latest = Some(latest);
        if update_first {
            return self.issue(Call::UpdateCode);
        }
        if let Err(cause) = self.check_hash() {
            return self.put_back(cause);
        }
        self.issue(Call::Publish);
    }

    /// A check publishes nothing: `$LATEST` stands for the version that a run would publish.
    fn check_latest(&mut self, latest: FunctionVersion) {
        self.preparation.latest = Some(latest.clone());
        if let Err(cause) = self.check_hash() {
            return self.put_back(cause);
        }
        if let Some(alias) = &self.alias
            && !alias.routing.is_single()
        {
            let (found, by) = (alias.routing, Claim::find(&alias.description));
            return self.refuse(Cause::AliasWeighted { found, by });
        }
        self.preparation.canary = Some(latest);
        self.compare_versions_next();
    }

    fn check_hash(&self) -> Result<(), Cause> {
        let VersionSource::Publish { code_sha256: Some(wanted), .. } = &self.plan.version else {
            return Ok(());
        };
        let Some(latest) = &self.preparation.latest else { return Ok(()) };
        if *wanted == latest.code_sha256 {
            return Ok(());
        }
        let message = format!(
            "the code of $LATEST has the hash `{}`, and the plan wants `{wanted}`",
            latest.code_sha256
        );
        Err(Cause::Error { error: Error::new(ErrorKind::Rejected, message).report() })
    }

    fn is_publishing_again(&self) -> bool {
        self.preparation.latest.is_some() && self.preparation.canary.is_none()
    }

    fn publish_request(&self) -> Option<PublishRequest> {
        let latest = self.preparation.latest.as_ref()?;
        let description = match &self.plan.version {
            VersionSource::Publish { description, .. } => description.clone(),
            VersionSource::Existing(_) | VersionSource::Code(_) => None,
        };
        Some(PublishRequest {
            description,
            code_sha256: latest.code_sha256.clone(),
            revision_id: latest.revision_id.clone(),
        })
    }

    pub(super) fn code_updated(&mut self, result: Result<FunctionVersion, Error>) {
        match result {
            Ok(_) => {
                self.preparation.code_updated = true;
                // What is published is what comes of this update, not what was there before.
                self.preparation.latest = None;
                self.retry.forget();
                self.issue(Call::ReadLatest);
            }
            // A stale revision, an update under way or no answer: look again, and try again with what is there.
            Err(error) => self.failed_by(Call::UpdateCode, Call::ReadLatest, error),
        }
    }

    pub(super) fn published(&mut self, result: Result<FunctionVersion, Error>) {
        let published = match result {
            Ok(published) => published,
            // Publishing unchanged code again makes nothing new, so that a lost reply is harmless.
            Err(error) => return self.failed_by(Call::Publish, Call::ReadLatest, error),
        };
        self.answered();
        let Some(version) = published.version.published() else {
            let error = Error::new(ErrorKind::Internal, "publishing answered with $LATEST");
            return self.put_back(Cause::Error { error: error.report() });
        };
        self.emit(EventKind::Published { version, code_sha256: published.code_sha256.clone() });
        self.canary = Some(version);
        self.preparation.canary = Some(published);
        self.compare_with_alias();
    }

    /// Decides what there is to do, now that both the alias and the canary version are known.
    fn compare_with_alias(&mut self) {
        let (Some(canary), Some(alias)) = (self.canary, &self.alias) else { return self.await_canary() };
        let routing = alias.routing;
        if routing == Routing::only(canary) {
            let cause = Cause::AlreadyServed { version: canary };
            return self.end(Trigger::NothingToDo, OutcomeKind::NothingToDo, Some(cause));
        }
        match routing.additional {
            None => {}
            // A rollout of this plan, or one like it, was left in mid-step: carry on from there.
            Some((second, _)) if second == canary => self.traffic_moved = true,
            Some(_) => {
                let by = Claim::find(&alias.description);
                return self.refuse(Cause::AliasWeighted { found: routing, by });
            }
        }
        self.await_canary();
    }

    fn await_canary(&mut self) {
        match &self.preparation.canary {
            Some(published) if published.state == Lifecycle::Active => self.compare_versions_next(),
            _ => self.issue(Call::AwaitCanary),
        }
    }

    pub(super) fn canary_read(&mut self, result: Result<FunctionVersion, Error>) {
        let canary = match result {
            Ok(canary) => canary,
            Err(error) => return self.failed(Call::AwaitCanary, error),
        };
        self.answered();
        match canary.state {
            Lifecycle::Active => {
                self.preparation.canary = Some(canary);
                self.compare_versions_next();
            }
            Lifecycle::Pending => self.retry.after(VERSION_POLL, Call::AwaitCanary, self.now),
            Lifecycle::Failed | Lifecycle::Other => self.put_back(Cause::VersionNotReady {
                version: canary.version.to_string(),
                reason: canary.state_reason,
            }),
        }
    }

    fn compare_versions_next(&mut self) {
        // Without weights the two versions never serve side by side, and may differ as they like.
        let side_by_side = !self.plan.schedule.steps.is_empty();
        if self.stable.is_some() && side_by_side {
            return self.issue(Call::ReadStable);
        }
        self.begin_check(Trigger::Prepared);
    }

    pub(super) fn stable_read(&mut self, result: Result<FunctionVersion, Error>) {
        let stable = match result {
            Ok(stable) => stable,
            Err(error) => return self.failed(Call::ReadStable, error),
        };
        self.answered();
        let Some(canary) = &self.preparation.canary else { return };
        let differ = |what: &str, stable: Option<String>, canary: Option<String>| Cause::VersionsDiffer {
            what: what.to_owned(),
            stable,
            canary,
        };
        let cause = if stable.role != canary.role {
            Some(differ("execution role", Some(stable.role), Some(canary.role.clone())))
        } else if stable.dead_letter != canary.dead_letter {
            Some(differ("dead-letter queue", stable.dead_letter, canary.dead_letter.clone()))
        } else {
            None
        };
        match cause {
            Some(cause) => self.put_back(cause),
            None => self.begin_check(Trigger::Prepared),
        }
    }

    /// Pre-flight is over: traffic may move.
    pub(super) fn check_passed(&mut self) {
        let states = self.watch.states().iter();
        let alarms =
            states.map(|(alarm, state)| CheckedAlarm { alarm: alarm.clone(), state: *state }).collect();
        let weight = self.weight();
        self.emit(EventKind::Checked {
            stable_version: self.stable,
            canary_version: self.canary,
            weight,
            alarms,
        });
        if self.check_only {
            return self.pass_check();
        }
        if self.go_on() {
            return;
        }
        let steps = &self.plan.schedule.steps;
        if weight == Weight::FULL {
            self.steps_taken = steps.len();
            self.go(Trigger::PassedAtFull);
            return self.begin_bake();
        }
        if weight > Weight::ZERO {
            // The step whose weight the alias has is held anew. Between two steps' weights, the lower one is
            // written again: never above what the plan allows.
            let reached = steps.iter().filter(|step| step.weight <= weight).count();
            let in_step = reached.checked_sub(1).is_some_and(|last| steps[last].weight == weight);
            self.steps_taken = if in_step { reached } else { reached.saturating_sub(1) };
            if in_step {
                self.go(Trigger::PassedInStep);
                return self.begin_hold();
            }
            return self.go(Trigger::Passed);
        }
        if self.plan.before_traffic.is_some() {
            self.go(Trigger::PassedToHook);
            return self.run_hook(HookMoment::BeforeTraffic);
        }
        self.go(Trigger::Passed);
    }

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
        self.alias = Some(state);
        if found == expected {
            return self.end(Trigger::Created, OutcomeKind::Promoted, Some(Cause::FirstDeployment));
        }
        self.emit(EventKind::Drifted { found: Some(found), expected });
        self.end(Trigger::LetGo, OutcomeKind::Drifted, Some(Cause::Drift { found: Some(found), expected }));
    }

    fn answered(&mut self) {
        self.preparation.answered = true;
        self.retry.forget();
    }

    fn failed(&mut self, call: Call, error: Error) {
        self.failed_by(call, call, error);
    }

    /// A call of pre-flight failed: try `next` in a while, or end when that cannot help.
    fn failed_by(&mut self, call: Call, next: Call, error: Error) {
        if self.memory.is_untested() {
            return self.failed_to_take_up(error);
        }
        let worth_it = match error.kind() {
            ErrorKind::Throttled | ErrorKind::Conflict => true,
            ErrorKind::Unreachable => self.preparation.answered,
            _ => false,
        };
        if worth_it && !self.retry.is_exhausted(PATIENCE, self.now) {
            tracing::debug!(?call, %error, "trying again");
            return self.retry.after_failure(next, self.now);
        }
        let cause = Cause::Error { error: error.report() };
        if self.phase == Phase::Creating { self.refuse(cause) } else { self.put_back(cause) }
    }
}
