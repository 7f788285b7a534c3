use std::collections::VecDeque;
use std::time::Duration;

use super::call::Call;
use super::effect::Effect;
use super::phase::{Phase, Trigger};
use super::prerequisite::Prerequisite;
use super::rollout::{Gone, Rollout};
use crate::account::{
    AliasState, Claim, CodeIdentity, FunctionVersion, HookMoment, Lifecycle, PublishRequest, UpdateStatus,
};
use crate::error::{Error, ErrorKind};
use crate::event::{Cause, CheckedAlarm, EventKind, OutcomeKind};
use crate::plan::VersionSource;
use crate::units::{Timestamp, Version, Weight};

/// What pre-flight has learnt so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Preparation {
    /// What has to be there before anything is changed, and was not looked for yet.
    pub(super) unchecked: VecDeque<Prerequisite>,
    /// `$LATEST` as it was when we first decided to publish it.
    latest: Option<FunctionVersion>,
    /// The hash of the code that this rollout has put into `$LATEST`: nothing else is published.
    updated_to: Option<String>,
    /// The change that waits for a poll of the alarms to pass.
    waiting: Option<Call>,
    /// Whether a change has failed: that `$LATEST` could be read again since does not make it a success.
    change_failed: bool,
    published_at: Option<Timestamp>,
    canary: Option<FunctionVersion>,
    /// The version beside the alias's own, where no claim says that it is a canary: it is one if it is what the plan would
    /// publish.
    candidate: Option<Version>,
    /// What the version is that a rollout before this one has left on the alias, or a process before this one published.
    pub(super) found: Option<CodeIdentity>,
    awaited_since: Option<Timestamp>,
    /// Whether AWS has answered any call yet: before that, no answer means a wrong endpoint rather than a bad moment.
    pub(super) answered: bool,
}

/// Time for which pre-flight tolerates failing calls.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same for changes, of which one alone may take a minute to fail.
const PATIENCE_WITH_CHANGES: Duration = Duration::from_secs(3 * 60);
/// Time between two reads of a version that is being made ready: AWS's own `FunctionActiveV2` and `FunctionUpdatedV2`
/// waiters poll each second.
const VERSION_POLL: Duration = Duration::from_secs(1);
/// Time that a version may take to become ready. SnapStart and provisioned concurrency take minutes.
const VERSION_LIMIT: Duration = Duration::from_secs(26 * 60);
/// Time in which a version that was just published may still be unknown to Lambda's reads.
const UNKNOWN_YET: Duration = Duration::from_secs(60);

impl Preparation {
    /// What was published, for another process; `None` where the plan names a version that exists.
    pub(super) fn identity(&self) -> Option<CodeIdentity> {
        let published = self.canary.as_ref().filter(|_| self.latest.is_some());
        published.map(FunctionVersion::identity).or_else(|| self.found.clone())
    }
}

impl Rollout {
    pub(super) fn alias_read(&mut self, result: Result<AliasState, Error>) {
        match result {
            Ok(state) => self.found(Some(state)),
            Err(error) if error.kind() == ErrorKind::NotFound => self.alias_not_there(),
            Err(error) => self.failed(Call::ReadAlias, error),
        }
    }

    /// The alias was not found. Before one is created, or one that a process before this one knew is given up, other reads
    /// have to say the same.
    fn alias_not_there(&mut self) {
        if self.memory.is_untested() {
            return self.alias_not_found(Call::ReadAlias);
        }
        match self.gone.replace(Gone { since: self.now, newest: self.now }) {
            None => self.retry.after_failure(Call::ReadAlias, self.now),
            Some(_) => self.found(None),
        }
    }

    pub(super) fn found(&mut self, state: Option<AliasState>) {
        self.gone = None;
        if self.memory.is_untested() {
            return self.take_up(state);
        }
        self.answered();
        if let Some(state) = state {
            let (version, revision_id) = (state.routing.version, state.revision_id.clone());
            self.alias = Some(state);
            let Some(stable) = version.published() else { return self.refuse(Cause::AliasOnLatest) };
            self.stable = Some(stable);
            if revision_id.is_empty() {
                let text = "the alias was read without a revision, and no alias is written without one: \
                            this endpoint is not AWS, and lacks what a guarded write needs";
                let error = Error::new(ErrorKind::Rejected, text);
                return self.refuse(Cause::Error { error: error.report() });
            }
        }
        self.go(Trigger::Read);
        self.recognize_canary();
        match self.asked_back.take() {
            Some(cause) => self.put_back(cause),
            None => {
                self.preparation.unchecked = self.prerequisites();
                self.check_next();
            }
        }
    }

    /// Which version is the canary, as far as the alias and the plan say so already. Weights that carry a claim are those
    /// of a rollout: the version beside the alias's own is what that has to be taken out, whatever this plan would publish.
    fn recognize_canary(&mut self) {
        let (second, is_claimed) = match &self.alias {
            Some(alias) => (alias.routing.additional, Claim::find(&alias.description).is_some()),
            None => (None, false),
        };
        self.canary = match self.plan.version {
            VersionSource::Existing(version) => Some(version),
            VersionSource::Publish { .. } | VersionSource::Code(_) => {
                second.filter(|_| is_claimed).map(|(version, _)| version)
            }
        };
        self.preparation.candidate = second.map(|(version, _)| version).filter(|_| self.canary.is_none());
        self.traffic_moved = self.is_split() && self.weight() > Weight::ZERO;
    }

    /// The version that may be a canary which this rollout has found, as far as is known.
    pub(super) fn found_version(&self) -> Option<Version> {
        self.canary.or(self.preparation.candidate)
    }

    /// Every prerequisite is there: finds or makes the canary version.
    pub(super) fn find_canary(&mut self) {
        match self.plan.version {
            VersionSource::Existing(_) => self.compare_with_alias(),
            VersionSource::Publish { .. } | VersionSource::Code(_) if self.found_version().is_some() => {
                self.issue(Call::ReadFound);
            }
            VersionSource::Publish { .. } | VersionSource::Code(_) => self.issue(Call::ReadLatest),
        }
    }

    pub(super) fn found_version_read(&mut self, result: Result<FunctionVersion, Error>) {
        match result {
            Ok(found) => {
                self.answered();
                self.preparation.found = Some(found.identity());
                self.issue(Call::ReadLatest);
            }
            Err(error) => self.failed(Call::ReadFound, error),
        }
    }

    pub(super) fn latest_read(&mut self, result: Result<FunctionVersion, Error>) {
        let latest = match result {
            Ok(latest) => latest,
            Err(error) => return self.failed(Call::ReadLatest, error),
        };
        self.answered();
        let brings_code = matches!(self.plan.version, VersionSource::Code(_));
        let update_first = brings_code && self.preparation.updated_to.is_none();
        match (latest.state, latest.update) {
            (Lifecycle::Pending, _) | (_, UpdateStatus::InProgress) => {
                return self.await_version(Call::ReadLatest, "$LATEST", latest.update_reason);
            }
            // New code may well fix what failed.
            (Lifecycle::Failed, _) | (_, UpdateStatus::Failed) if !update_first => {
                let failed = latest.state == Lifecycle::Failed;
                let reason = if failed { latest.state_reason } else { latest.update_reason };
                return self.put_back(Cause::VersionNotReady { version: "$LATEST".to_owned(), reason });
            }
            _ => {}
        }
        self.preparation.awaited_since = None;
        if latest.revision_id.is_empty() {
            let text = "$LATEST was read without a revision, and nothing is published without one: \
                        this endpoint is not AWS, and lacks what a guarded change needs";
            let error = Error::new(ErrorKind::Rejected, text);
            return self.put_back(Cause::Error { error: error.report() });
        }
        if !update_first && let Some(candidate) = self.preparation.candidate.take() {
            let identity = latest.identity();
            let is_other = self.preparation.found.as_ref().is_none_or(|found| found.differs_from(&identity));
            if let Some(alias) = self.alias.clone().filter(|_| is_other) {
                return self.refuse_weights(alias);
            }
            self.canary = Some(candidate);
            self.traffic_moved = self.weight() > Weight::ZERO;
        }
        if !update_first && self.is_not_what_the_plan_brought(&latest) {
            return self.put_back(Cause::LatestChanged);
        }
        if self.check_only {
            return self.check_latest(latest);
        }
        self.preparation.latest = Some(latest);
        if update_first {
            return self.change_when_clear(Call::UpdateCode);
        }
        if let Err(cause) = self.check_hash() {
            return self.put_back(cause);
        }
        self.change_when_clear(Call::Publish);
    }

    /// Whether `$LATEST` was changed since this rollout first decided to publish it, since it put its own code there, or
    /// since the rollout began that has left its weights on the alias.
    fn is_not_what_the_plan_brought(&self, latest: &FunctionVersion) -> bool {
        let identity = latest.identity();
        let first = self.preparation.latest.as_ref().map(FunctionVersion::identity);
        let others = [first.as_ref(), self.preparation.found.as_ref()];
        others.into_iter().flatten().any(|other| other.differs_from(&identity))
            || self.preparation.updated_to.as_ref().is_some_and(|code| *code != latest.code_sha256)
    }

    /// Changes `$LATEST`, or publishes it, once a poll of the alarms has passed: a rollout that is refused for what can be
    /// read has changed nothing.
    fn change_when_clear(&mut self, change: Call) {
        if self.is_still_clear() {
            self.issue(change);
        } else {
            self.preparation.waiting = Some(change);
        }
    }

    pub(super) fn prepare_when_clear(&mut self) {
        if let Some(change) = self.preparation.waiting.take() {
            self.issue(change);
        }
    }

    /// A check publishes nothing: `$LATEST` stands for the version that a run would publish.
    fn check_latest(&mut self, latest: FunctionVersion) {
        self.preparation.latest = Some(latest.clone());
        if let Err(cause) = self.check_hash() {
            return self.put_back(cause);
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

    pub(super) fn update_code(&mut self) {
        let (VersionSource::Code(code), Some(latest)) = (&self.plan.version, &self.preparation.latest) else {
            return;
        };
        let code = code.from_folder(self.plan.folder());
        let revision_id = latest.revision_id.clone();
        self.make(Call::UpdateCode, Effect::UpdateCode { code, revision_id });
    }

    pub(super) fn code_updated(&mut self, result: Result<FunctionVersion, Error>) {
        match result {
            Ok(updated) => {
                self.preparation.updated_to = Some(updated.code_sha256);
                self.changed();
                // What is published is what comes of this update, not what was there before.
                self.preparation.latest = None;
                self.issue(Call::ReadLatest);
            }
            // A stale revision, an update under way or no answer: look again, and put it there again. That is harmless
            // where it is there already, and the revision guards against what it was not read with.
            Err(error) => {
                if error.kind().is_retryable() {
                    self.preparation.latest = None;
                }
                self.change_failed(Call::UpdateCode, error);
            }
        }
    }

    pub(super) fn publish(&mut self) {
        let Some(latest) = &self.preparation.latest else { return };
        let description = match &self.plan.version {
            VersionSource::Publish { description, .. } => description.clone(),
            VersionSource::Existing(_) | VersionSource::Code(_) => None,
        };
        let request = PublishRequest {
            description,
            code_sha256: latest.code_sha256.clone(),
            revision_id: latest.revision_id.clone(),
        };
        self.make(Call::Publish, Effect::Publish(request));
    }

    pub(super) fn published(&mut self, result: Result<FunctionVersion, Error>) {
        let published = match result {
            Ok(published) => published,
            // Publishing unchanged code again makes nothing new, so that a lost reply is harmless.
            Err(error) => return self.change_failed(Call::Publish, error),
        };
        self.changed();
        self.answered();
        let Some(version) = published.version.published() else {
            let error = Error::new(ErrorKind::Internal, "publishing answered with $LATEST");
            return self.put_back(Cause::Error { error: error.report() });
        };
        self.emit(EventKind::Published { version, code_sha256: published.code_sha256.clone() });
        let asked = self.preparation.latest.as_ref().map(|latest| latest.code_sha256.as_str());
        // Beside weights that were found, the version that they are for is the one to be rolled out.
        let is_another = self.canary.is_some_and(|found| found != version);
        if is_another || asked != Some(published.code_sha256.as_str()) {
            return self.put_back(Cause::LatestChanged);
        }
        self.canary = Some(version);
        self.preparation.published_at = Some(self.now);
        self.preparation.canary = Some(published);
        self.compare_with_alias();
    }

    fn changed(&mut self) {
        self.preparation.change_failed = false;
        self.retry.forget();
    }

    /// Decides what there is to do, now that both the alias and the canary version are known.
    fn compare_with_alias(&mut self) {
        let (Some(canary), Some(alias)) = (self.canary, &self.alias) else { return self.await_canary() };
        if self.is_served_already() && alias.routing.is_single() {
            // Whether it should be served is the alarms' to say.
            return self.begin_check(Trigger::Prepared);
        }
        match alias.routing.additional {
            // A rollout of this plan, or one like it, was left in mid-step: carry on from there.
            Some((second, _)) if second == canary => self.await_canary(),
            Some(_) => self.refuse_weights(alias.clone()),
            None => self.await_canary(),
        }
    }

    /// Whether the alias's own version is the one that the plan rolls out.
    pub(super) fn is_served_already(&self) -> bool {
        self.canary.is_some() && self.canary == self.stable
    }

    fn refuse_weights(&mut self, alias: AliasState) {
        let by = Claim::find(&alias.description);
        self.refuse(Cause::AliasWeighted { found: alias.routing, by });
    }

    fn await_canary(&mut self) {
        match &self.preparation.canary {
            Some(published) if published.state == Lifecycle::Active => self.compare_versions_next(),
            _ => self.issue(Call::AwaitCanary),
        }
    }

    pub(super) fn canary_read(&mut self, result: Result<FunctionVersion, Error>) {
        let is_new = self.preparation.published_at.is_some_and(|at| self.now.since(at) < UNKNOWN_YET);
        let canary = match result {
            Ok(canary) => canary,
            Err(error) if error.kind() == ErrorKind::NotFound && is_new => {
                return self.retry.after_failure(Call::AwaitCanary, self.now);
            }
            Err(error) => return self.failed(Call::AwaitCanary, error),
        };
        self.answered();
        let version = canary.version.to_string();
        match canary.state {
            Lifecycle::Active => {
                self.preparation.canary = Some(canary);
                self.compare_versions_next();
            }
            Lifecycle::Pending => self.await_version(Call::AwaitCanary, &version, canary.state_reason),
            Lifecycle::Inactive => self.put_back(Cause::VersionNotReady {
                reason: format!(
                    "it is Inactive, for it was not invoked for weeks; an invocation wakes it \
                     (aws lambda invoke --function-name {} --qualifier {version} out.json), and may have effects, \
                     so it is left to you",
                    self.plan.function
                ),
                version,
            }),
            Lifecycle::Failed | Lifecycle::Other => {
                self.put_back(Cause::VersionNotReady { version, reason: canary.state_reason });
            }
        }
    }

    /// A version is still being made ready: reads it again in a while, and not for ever.
    fn await_version(&mut self, call: Call, version: &str, reason: String) {
        let since = *self.preparation.awaited_since.get_or_insert(self.now);
        if self.now.since(since) < VERSION_LIMIT {
            return self.retry.in_series(VERSION_POLL, call, self.now);
        }
        let limit = crate::units::format_duration(VERSION_LIMIT);
        let reason = format!("it has been pending for {limit}: {reason}");
        self.put_back(Cause::VersionNotReady { version: version.to_owned(), reason });
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
        if self.is_served_already()
            && let Some(version) = self.canary
        {
            let cause = Cause::AlreadyServed { version };
            return self.end(Trigger::NothingToDo, OutcomeKind::NothingToDo, Some(cause));
        }
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
        if self.is_at_full() {
            self.steps_taken = steps.len();
            self.go(Trigger::PassedAtFull);
            return self.begin_bake();
        }
        if weight > Weight::ZERO {
            // The step whose weight the alias has is held anew. Between two steps' weights, the lower one is
            // written again: never above what the plan allows. All of it, beside the stable version, is above every
            // step: the weights alone have to go.
            let reached = steps.iter().filter(|step| step.weight <= weight).count();
            let in_step = reached.checked_sub(1).is_some_and(|last| steps[last].weight == weight);
            let stays = in_step || weight == Weight::FULL;
            self.steps_taken = if stays { reached } else { reached.saturating_sub(1) };
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

    pub(super) fn answered(&mut self) {
        self.preparation.answered = true;
        if !self.preparation.change_failed {
            self.retry.forget();
        }
    }

    pub(super) fn failed(&mut self, call: Call, error: Error) {
        self.failed_by(call, call, error);
    }

    /// A change of `$LATEST` failed, with or without effect: reads what is there, and tries again from that.
    fn change_failed(&mut self, change: Call, error: Error) {
        self.preparation.change_failed = true;
        self.failed_by(change, Call::ReadLatest, error);
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
        let patience = if self.preparation.change_failed { PATIENCE_WITH_CHANGES } else { PATIENCE };
        if worth_it && !self.retry.is_exhausted(patience, self.now) {
            tracing::debug!(?call, %error, "trying again");
            return self.retry.after_failure(next, self.now);
        }
        let cause = Cause::Error { error: error.report() };
        if self.phase == Phase::Creating { self.refuse(cause) } else { self.put_back(cause) }
    }
}
