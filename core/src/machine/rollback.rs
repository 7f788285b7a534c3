use super::call::Call;
use super::phase::{Phase, Trigger};
use super::rollout::Rollout;
use super::take_up::Memory;
use super::write::{Standing, lags};
use crate::account::{AliasState, Claim, Routing};
use crate::error::{Error, ErrorKind};
use crate::event::{Cause, EventKind, OutcomeKind, RollbackTimes};
use crate::units::{Timestamp, Version, Weight};

/// A rollback under way: why, since when, and how far it is.
#[derive(Debug, Clone)]
pub(super) struct Rollback {
    pub(super) cause: Cause,
    pub(super) give_up_at: Timestamp,
    decided_at: Timestamp,
    sent_at: Option<Timestamp>,
    written_at: Option<Timestamp>,
    read_back_at: Option<Timestamp>,
    /// Whether the alias, read back, showed something else than was written, so that the write alone proves nothing.
    contradicted: bool,
    last_error: Option<Error>,
}

impl Rollback {
    /// How long each part took; `None` until the restoring write was acknowledged.
    pub(super) fn times(&self) -> Option<RollbackTimes> {
        let (sent_at, written_at) = (self.sent_at?, self.written_at?);
        let millis = |from: Timestamp, to: Timestamp| to.since(from).as_millis() as u64;
        let seen_ms = match &self.cause {
            Cause::Alarm { time, .. } => Some(millis(*time, self.decided_at)),
            _ => None,
        };
        Some(RollbackTimes {
            seen_ms,
            decided_ms: millis(self.decided_at, sent_at),
            written_ms: millis(sent_at, written_at),
            read_back_ms: self.read_back_at.map(|at| millis(written_at, at)),
        })
    }
}

impl Rollout {
    /// Puts everything back, for this cause: takes the canary out if it takes traffic or may come to, and
    /// otherwise ends, for no traffic moved.
    pub(super) fn put_back(&mut self, cause: Cause) {
        if matches!(self.phase, Phase::RollingBack | Phase::Creating | Phase::Done) {
            return;
        }
        if let (Phase::New | Phase::Reading, Some(snapshot)) = (self.phase, self.memory.untested()) {
            // Taken up again, and the alias not read yet: what has to be put back is known only then.
            snapshot.rolling_back.get_or_insert(cause);
            return;
        }
        let unread = matches!(self.phase, Phase::New | Phase::Reading) && !self.check_only;
        if unread && matches!(cause, Cause::Abort { .. } | Cause::Deadline { .. }) {
            self.asked_back.get_or_insert(cause);
            return;
        }
        let writing = matches!(self.call, Some((_, Call::Write)));
        let has_canary = self.weight() > Weight::ZERO || self.is_split();
        let is_ours = has_canary && !self.is_served_already() || self.writes.may_land() || writing;
        // A check finds the traffic that another rollout moved, and leaves it to that.
        if is_ours && !self.check_only {
            self.begin_rollback(Trigger::PutBack, cause);
        } else {
            self.refuse(cause);
        }
    }

    /// Ends a rollout that has moved no traffic.
    pub(super) fn refuse(&mut self, cause: Cause) {
        let aborted = matches!(cause, Cause::Abort { .. });
        let kind = if aborted { OutcomeKind::Aborted } else { OutcomeKind::Refused };
        self.end(Trigger::Refused, kind, Some(cause));
    }

    pub(super) fn begin_rollback(&mut self, on: Trigger, cause: Cause) {
        self.emit(EventKind::RollingBack { cause: cause.clone() });
        self.go(on);
        self.memory = Memory::None;
        // The restoring write waits for nothing that does not concern it.
        let hook = self.hook.take().map(|(hook, _)| hook);
        let unwanted: Vec<_> = self.watch.forget().chain(hook).collect();
        unwanted.into_iter().for_each(|id| self.withdraw(id));
        self.hold.clear();
        self.rollback = Some(Rollback {
            cause,
            give_up_at: self.now + self.plan.rollback_deadline,
            decided_at: self.now,
            sent_at: None,
            written_at: None,
            read_back_at: None,
            contradicted: false,
            last_error: None,
        });
        match self.call {
            // A write that is under way has to come home first, and so has the read that decides about one.
            Some((_, Call::Write | Call::Resolve)) => {}
            _ if self.writes.is_unresolved() => self.issue(Call::Resolve),
            _ => self.restore_routing(),
        }
    }

    /// Writes the routing that takes the canary out, or only proves it where it is so already.
    pub(super) fn restore_routing(&mut self) {
        let target = self.restoring_routing();
        let now = self.now;
        if let Some(rollback) = &mut self.rollback {
            rollback.sent_at.get_or_insert(now);
        }
        if self.is_restored() {
            return self.restored();
        }
        self.writes.want(target);
        self.send_write();
    }

    /// Whether the alias, as known, is where it has to go, and stays there: while an older write of ours may still
    /// land, only another write shuts it out.
    fn is_restored(&self) -> bool {
        let known = self.alias.as_ref().map(|alias| alias.routing);
        known == Some(self.restoring_routing()) && !self.writes.may_land()
    }

    /// Where the alias goes: to the stable version. Only where another hand has made yet another version the alias's
    /// own is that left standing, and the canary taken from beside it.
    fn restoring_routing(&self) -> Routing {
        let own = self.alias.as_ref().and_then(|alias| alias.routing.version.published());
        let version: Option<Version> = own.filter(|own| Some(*own) != self.canary).or(self.stable);
        match version {
            Some(version) => Routing::only(version),
            None => unreachable!("a rollback begins only when the stable version is known"),
        }
    }

    /// The restoring write landed, or there was nothing to write: prove it.
    fn restored(&mut self) {
        let now = self.now;
        if let Some(rollback) = &mut self.rollback {
            rollback.written_at = Some(now);
        }
        self.issue(Call::ReadBack);
    }

    pub(super) fn rollback_read_back(&mut self, result: Result<AliasState, Error>) {
        let state = match result {
            Ok(state) => state,
            Err(error) => {
                self.note_rollback_error(&error);
                return match error.kind() {
                    ErrorKind::NotFound => self.alias_not_found(Call::ReadBack),
                    _ => self.retry.after_failure(Call::ReadBack, self.now),
                };
            }
        };
        match self.compare_with_known(state) {
            Standing::OldCopy => {
                self.note_rollback_error(&lags());
                self.retry.after_failure(Call::ReadBack, self.now);
            }
            Standing::AsKnown if self.is_restored() => {
                let now = self.now;
                if let Some(rollback) = &mut self.rollback {
                    rollback.read_back_at = Some(now);
                }
                self.rolled_back();
            }
            Standing::AsKnown => self.restore_routing(),
            Standing::Settling => {
                if let Some(rollback) = &mut self.rollback {
                    rollback.contradicted = true;
                }
                self.look_again_while_settling(Call::ReadBack);
            }
            Standing::Drifted => {}
            Standing::OursLanded(_) => unreachable!("a landed write leaves none that may land"),
        }
    }

    fn rolled_back(&mut self) {
        let (Some(rollback), Some(alias)) = (&self.rollback, &self.alias) else { return };
        let (cause, routing, revision_id) =
            (rollback.cause.clone(), alias.routing, alias.revision_id.clone());
        let Some(version) = routing.version.published() else { return };
        self.emit(EventKind::RolledBack { version, revision_id });
        let aborted = matches!(cause, Cause::Abort { .. });
        let kind = if aborted { OutcomeKind::Aborted } else { OutcomeKind::RolledBack };
        self.end(Trigger::RolledBack, kind, Some(cause));
    }

    /// The rollback's time is up. An acknowledged write that only could not be read back still counts.
    pub(super) fn give_up(&mut self) {
        let Some(rollback) = &self.rollback else { return };
        if self.gone.is_some_and(|gone| gone.is_believed()) {
            return self.drifted(None);
        }
        if rollback.written_at.is_some() && !rollback.contradicted && self.is_restored() {
            return self.rolled_back();
        }
        let cause = rollback.cause.clone();
        self.end(Trigger::GaveUp, OutcomeKind::Unsettled, Some(cause));
    }

    pub(super) fn note_rollback_error(&mut self, error: &Error) {
        if let Some(rollback) = &mut self.rollback {
            rollback.last_error = Some(error.clone());
        }
    }

    /// What a person is to do about an alias that is left on two versions, and what kept us from doing so.
    pub(super) fn advice(&self) -> String {
        let Some(alias) = &self.alias else { return self.settling_command(self.stable) };
        let (function, name) = (&self.plan.function, &self.plan.alias);
        if self.rollback.is_some() {
            return self.settling_command(self.restoring_routing().version.published());
        }
        match Claim::find(&alias.description).filter(|claim| claim.rollout_id != self.id) {
            // Whoever writes the alias beside a living runner breaks that one's rollout.
            Some(by) => format!(
                "wait for {by} to end, or stop it: it rolls back then; only if it no longer runs: lambda-rollout repair \
                 {function}:{name} --to VERSION, with the version that is to have all traffic ({})",
                alias.routing
            ),
            None if self.is_split() => self.settling_command(self.restoring_routing().version.published()),
            // Which of the two is good is for people to know.
            None => format!(
                "lambda-rollout repair {function}:{name} --to VERSION, with the version that is to have all traffic ({})",
                alias.routing
            ),
        }
    }

    /// The AWS CLI line that brings the alias to one version, guarded, and free of a claim.
    fn settling_command(&self, version: Option<Version>) -> String {
        let version = version.map_or_else(|| "VERSION".to_owned(), |version| version.to_string());
        let mut command = format!(
            "aws lambda update-alias --function-name {} --name {} --function-version {version} \
             --routing-config AdditionalVersionWeights={{}}",
            self.plan.function, self.plan.alias
        );
        if let Some(alias) = &self.alias {
            command.push_str(&format!(" --revision-id {}", quoted(&alias.revision_id)));
            let own = Claim::strip(&alias.description);
            if own != alias.description {
                command.push_str(&format!(" --description {}", quoted(own)));
            }
        }
        match self.rollback.as_ref().and_then(|rollback| rollback.last_error.as_ref()) {
            Some(error) => format!("{command}  # last error: {error}"),
            None => command,
        }
    }

    pub(super) fn promotion_read_back(&mut self, result: Result<AliasState, Error>) {
        let state = match result {
            Ok(state) => state,
            Err(error) if error.kind() == ErrorKind::NotFound => return self.alias_not_found(Call::Confirm),
            // Nothing is claimed that was not seen; alarms stay watched, and the deadline bounds it.
            Err(_) => return self.retry.after_failure(Call::Confirm, self.now),
        };
        match self.compare_with_known(state) {
            Standing::AsKnown if self.is_still_clear() => self.promoted(),
            // The read was long in coming, and the alarms may have changed meanwhile: it is read again when they are clear.
            Standing::AsKnown => self.retry.forget(),
            Standing::OldCopy => self.retry.after_failure(Call::Confirm, self.now),
            Standing::Settling => self.look_again_while_settling(Call::Confirm),
            Standing::Drifted => {}
            Standing::OursLanded(_) => unreachable!("a landed write leaves none that may land"),
        }
    }

    fn promoted(&mut self) {
        let (Some(version), Some(alias)) = (self.canary, &self.alias) else { return };
        let revision_id = alias.revision_id.clone();
        self.emit(EventKind::Promoted { version, revision_id });
        self.end(Trigger::Confirmed, OutcomeKind::Promoted, None);
    }
}

/// A word of a shell's command line.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/".contains(c));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
