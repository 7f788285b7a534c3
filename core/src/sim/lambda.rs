use std::collections::BTreeMap;
use std::time::Duration;

use super::document::{AliasStart, Deed, Document, Latest, Route};
use crate::account::{
    AliasState, AliasWrite, CodeSource, FunctionVersion, Lifecycle, PublishRequest, Routing, UpdateStatus,
};
use crate::error::ErrorKind;
use crate::plan::{RolloutPlan, VersionSource};
use crate::units::{Qualifier, Timestamp, Version, Weight};

/// Who wrote an alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hand {
    /// The rollout.
    Rollout,
    /// Another hand: the scenario's drift, or a test.
    Other,
}

/// One change of the simulated alias that took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasChange {
    /// When.
    pub at: Timestamp,
    /// Who made it.
    pub by: Hand,
    /// Where the alias points since; `None` when it was deleted.
    pub routing: Option<Routing>,
    /// Its revision since.
    pub revision_id: String,
    /// Whether the write named the revision that it replaced.
    pub guarded: bool,
}

/// Why Lambda says no. Which operation it was is added by whoever called.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) kind: ErrorKind,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into() }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Rejected, "InvalidParameterValueException", message)
    }

    fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, "ResourceConflictException", message)
    }

    fn absent(what: impl std::fmt::Display) -> Self {
        Self::new(ErrorKind::NotFound, "ResourceNotFoundException", format!("{what} does not exist"))
    }

    fn stale(given: &str) -> Self {
        let message = format!("the revision id does not match the latest one, given `{given}`");
        Self::new(ErrorKind::Conflict, "PreconditionFailedException", message)
    }
}

/// The plan's function and alias as Lambda keeps them, with Lambda's rules.
#[derive(Debug)]
pub(super) struct Lambda {
    /// The version that the scenario calls stable.
    pub(super) stable: Version,
    alias: Option<AliasState>,
    /// The alias as it was at the start, and then each change.
    initial: Option<Routing>,
    history: Vec<AliasChange>,
    versions: BTreeMap<Version, Published>,
    latest: Code,
    /// `$LATEST` is being updated until then.
    updating_until: Timestamp,
    update_takes: Duration,
    revisions: u64,
}

#[derive(Debug, Clone)]
struct Code {
    sha256: String,
    revision_id: String,
}

#[derive(Debug)]
struct Published {
    code: Code,
    role: String,
    dead_letter: Option<String>,
    ready_at: Timestamp,
    never_ready: Option<String>,
}

impl Lambda {
    pub(super) fn new(plan: &RolloutPlan, document: &Document) -> Self {
        let account = &document.account;
        let mut lambda = Self {
            stable: account.stable,
            alias: None,
            initial: None,
            history: Vec::new(),
            versions: BTreeMap::new(),
            latest: Code { sha256: sha("latest"), revision_id: String::new() },
            updating_until: document.start,
            update_takes: account.update_takes.0,
            revisions: 0,
        };
        lambda.latest.revision_id = lambda.next_revision();
        let named = match plan.version() {
            VersionSource::Existing(version) => Some(*version),
            VersionSource::Publish { .. } | VersionSource::Code(_) => None,
        };
        for version in account.published.iter().copied().chain(named).chain([account.stable]) {
            lambda.put_version(version, sha(version), document.start, document);
        }
        if account.latest == Latest::Unchanged || matches!(plan.version(), VersionSource::Code(_)) {
            lambda.latest.sha256 =
                lambda.newest().map_or_else(String::new, |(_, newest)| newest.code.sha256.clone());
        }
        lambda.initial = lambda.routing_at_start(named, document);
        lambda.alias = lambda.initial.map(|routing| AliasState::new(routing, lambda.next_revision()));
        lambda
    }

    /// Where the alias points at the start. A canary that is there already and that nobody named is the one
    /// that publishing would give again.
    fn routing_at_start(&mut self, named: Option<Version>, document: &Document) -> Option<Routing> {
        let stable = self.stable;
        let start = match document.account.alias {
            AliasStart::Absent => return None,
            AliasStart::OnStable => return Some(Routing::only(stable)),
            AliasStart::OnLatest => return Some(Routing::only(Qualifier::Latest)),
            AliasStart::Weighted(start) => start,
        };
        let canary = start.version.or(named.filter(|version| *version != stable)).unwrap_or_else(|| {
            let next = self.next_version();
            let sha256 = self.latest.sha256.clone();
            self.put_version(next, sha256, document.start, document);
            next
        });
        if !self.versions.contains_key(&canary) {
            self.put_version(canary, sha(canary), document.start, document);
        }
        let weight = Weight::from_percent(start.percent).unwrap_or_default();
        Some(Routing::split(stable, canary, weight))
    }

    fn put_version(&mut self, version: Version, sha256: String, ready_at: Timestamp, document: &Document) {
        let like = if version == self.stable { &document.stable } else { &document.canary };
        let revision_id = self.next_revision();
        let published = Published {
            code: Code { sha256, revision_id },
            role: like.role.clone(),
            dead_letter: like.dead_letter.clone(),
            ready_at,
            never_ready: like.never_ready.clone(),
        };
        self.versions.insert(version, published);
    }

    fn newest(&self) -> Option<(Version, &Published)> {
        self.versions.last_key_value().map(|(version, published)| (*version, published))
    }

    fn next_version(&self) -> Version {
        let newest = self.newest().map_or(0, |(version, _)| version.number());
        Version::new(newest + 1).expect("one more than a version is a version")
    }

    fn next_revision(&mut self) -> String {
        self.revisions += 1;
        format!("revision-{}", self.revisions)
    }

    pub(super) fn initial(&self) -> Option<Routing> {
        self.initial
    }

    pub(super) fn history(&self) -> &[AliasChange] {
        &self.history
    }

    pub(super) fn alias(&self) -> Result<AliasState, Refusal> {
        self.alias.clone().ok_or_else(|| Refusal::absent("the alias"))
    }

    pub(super) fn write_alias(
        &mut self,
        write: &AliasWrite,
        by: Hand,
        now: Timestamp,
    ) -> Result<AliasState, Refusal> {
        let state = self.alias.as_ref().ok_or_else(|| Refusal::absent("the alias"))?;
        let guarded = !write.revision_id.is_empty();
        if guarded && write.revision_id != state.revision_id {
            return Err(Refusal::stale(&write.revision_id));
        }
        self.check_routing(&write.routing, now)?;
        let description = write.description.clone().unwrap_or_else(|| state.description.clone());
        Ok(self.set_alias(write.routing, description, by, guarded, now))
    }

    pub(super) fn create_alias(
        &mut self,
        version: Qualifier,
        by: Hand,
        now: Timestamp,
    ) -> Result<AliasState, Refusal> {
        if self.alias.is_some() {
            return Err(Refusal::conflict("the alias already exists"));
        }
        let routing = Routing::only(version);
        self.check_routing(&routing, now)?;
        Ok(self.set_alias(routing, String::new(), by, true, now))
    }

    fn set_alias(
        &mut self,
        routing: Routing,
        description: String,
        by: Hand,
        guarded: bool,
        now: Timestamp,
    ) -> AliasState {
        let state = AliasState { routing, revision_id: self.next_revision(), description };
        let revision_id = state.revision_id.clone();
        self.history.push(AliasChange { at: now, by, routing: Some(routing), revision_id, guarded });
        self.alias = Some(state.clone());
        state
    }

    /// The rules of weighted aliases
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html>).
    fn check_routing(&self, routing: &Routing, now: Timestamp) -> Result<(), Refusal> {
        let main = match routing.version {
            Qualifier::Published(version) => Some(self.ready_version(version, now)?),
            Qualifier::Latest | Qualifier::LatestPublished => None,
        };
        let Some((second, _)) = routing.additional else { return Ok(()) };
        let Some(main) = main else {
            return Err(Refusal::invalid("an alias on $LATEST cannot have a routing configuration"));
        };
        if routing.version == second.into() {
            let message = format!("function version {second} is already included in routing configuration");
            return Err(Refusal::invalid(message));
        }
        let second = self.ready_version(second, now)?;
        if second.role != main.role {
            return Err(Refusal::invalid(
                "specified versions must be associated with the same execution role",
            ));
        }
        if second.dead_letter != main.dead_letter {
            return Err(Refusal::invalid("specified versions must have the same dead-letter queue, or none"));
        }
        Ok(())
    }

    fn ready_version(&self, version: Version, now: Timestamp) -> Result<&Published, Refusal> {
        let published = self
            .versions
            .get(&version)
            .ok_or_else(|| Refusal::absent(format_args!("version `{version}`")))?;
        match published.lifecycle(now) {
            Lifecycle::Active => Ok(published),
            _ => Err(Refusal::conflict(format!("version `{version}` is not active"))),
        }
    }

    pub(super) fn version(&self, which: Qualifier, now: Timestamp) -> Result<FunctionVersion, Refusal> {
        match which {
            Qualifier::Latest => Ok(self.describe_latest(now)),
            Qualifier::LatestPublished => {
                let newest = self.newest().ok_or_else(|| Refusal::absent("version `$LATEST.PUBLISHED`"))?;
                Ok(newest.1.describe(newest.0, now))
            }
            Qualifier::Published(version) => {
                let published = self.versions.get(&version);
                let published =
                    published.ok_or_else(|| Refusal::absent(format_args!("version `{version}`")))?;
                Ok(published.describe(version, now))
            }
        }
    }

    fn describe_latest(&self, now: Timestamp) -> FunctionVersion {
        let updating = now < self.updating_until;
        let like = self.versions.get(&self.stable);
        FunctionVersion {
            version: Qualifier::Latest,
            state: Lifecycle::Active,
            state_reason: String::new(),
            update: if updating { UpdateStatus::InProgress } else { UpdateStatus::Successful },
            update_reason: if updating { "the function is being updated".to_owned() } else { String::new() },
            role: like.map_or_else(String::new, |published| published.role.clone()),
            dead_letter: like.and_then(|published| published.dead_letter.clone()),
            code_sha256: self.latest.sha256.clone(),
            config_sha256: None,
            revision_id: self.latest.revision_id.clone(),
        }
    }

    pub(super) fn update_code(
        &mut self,
        code: &CodeSource,
        revision_id: &str,
        now: Timestamp,
    ) -> Result<FunctionVersion, Refusal> {
        self.check_latest(revision_id, now)?;
        self.change_latest(sha(format_args!("{code:?}")));
        self.updating_until = now + self.update_takes;
        Ok(self.describe_latest(now))
    }

    fn check_latest(&self, revision_id: &str, now: Timestamp) -> Result<(), Refusal> {
        if now < self.updating_until {
            return Err(Refusal::conflict("an update is in progress"));
        }
        if !revision_id.is_empty() && revision_id != self.latest.revision_id {
            return Err(Refusal::stale(revision_id));
        }
        Ok(())
    }

    fn change_latest(&mut self, sha256: String) {
        self.latest = Code { sha256, revision_id: self.next_revision() };
    }

    /// Publishes `$LATEST`, or gives the newest version again when nothing changed since
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html>).
    pub(super) fn publish(
        &mut self,
        request: &PublishRequest,
        document: &Document,
        now: Timestamp,
    ) -> Result<FunctionVersion, Refusal> {
        self.check_latest(&request.revision_id, now)?;
        if !request.code_sha256.is_empty() && request.code_sha256 != self.latest.sha256 {
            return Err(Refusal::invalid("the code of $LATEST has another SHA-256"));
        }
        if let Some((version, newest)) = self.newest()
            && newest.code.sha256 == self.latest.sha256
        {
            return Ok(newest.describe(version, now));
        }
        let next = self.next_version();
        let ready_at = now + document.canary.ready_after.0;
        self.put_version(next, self.latest.sha256.clone(), ready_at, document);
        self.version(next.into(), now)
    }

    /// What another hand does. A deed that Lambda refuses, or that has nothing to act on, leaves no trace.
    pub(super) fn drift(&mut self, deed: Deed, now: Timestamp) {
        let routing = match deed {
            Deed::ChangeLatest => return self.change_latest(sha("another hand")),
            Deed::Delete => return self.delete_alias(now),
            Deed::Touch => self.alias.as_ref().map(|alias| alias.routing),
            Deed::Clear => Some(Routing::only(self.stable)),
            Deed::ToLatest => Some(Routing::only(Qualifier::Latest)),
            Deed::Promote => self.newest().map(|(version, _)| Routing::only(version)),
            Deed::Route(route) => Some(route_of(route)),
        };
        if let Some(routing) = routing {
            // A person's console writes without a guard, whatever the alias was.
            let write = AliasWrite::new(routing, "");
            let _refused = self.write_alias(&write, Hand::Other, now);
        }
    }

    pub(super) fn delete_alias(&mut self, now: Timestamp) {
        if let Some(gone) = self.alias.take() {
            let (by, revision_id) = (Hand::Other, gone.revision_id);
            self.history.push(AliasChange { at: now, by, routing: None, revision_id, guarded: false });
        }
    }
}

impl Published {
    fn lifecycle(&self, now: Timestamp) -> Lifecycle {
        match self.never_ready {
            _ if now < self.ready_at => Lifecycle::Pending,
            Some(_) => Lifecycle::Failed,
            None => Lifecycle::Active,
        }
    }

    fn describe(&self, version: Version, now: Timestamp) -> FunctionVersion {
        let state = self.lifecycle(now);
        let state_reason = match (state, &self.never_ready) {
            (Lifecycle::Pending, _) => "the version is being created".to_owned(),
            (Lifecycle::Failed, Some(reason)) => reason.clone(),
            _ => String::new(),
        };
        FunctionVersion {
            version: version.into(),
            state,
            state_reason,
            update: UpdateStatus::Successful,
            update_reason: String::new(),
            role: self.role.clone(),
            dead_letter: self.dead_letter.clone(),
            code_sha256: self.code.sha256.clone(),
            config_sha256: None,
            revision_id: self.code.revision_id.clone(),
        }
    }
}

fn route_of(route: Route) -> Routing {
    let weight = route.percent.and_then(|percent| Weight::from_percent(percent).ok());
    Routing { version: route.version.into(), additional: route.additional.zip(weight) }
}

/// Stands in for the SHA-256 of code: the same for the same code, and as long as a real one in base64.
fn sha(code: impl std::fmt::Display) -> String {
    // FNV-1a, 64 bits: enough to tell a handful of codes apart.
    let hash = code.to_string().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("simulated{hash:034x}=")
}
