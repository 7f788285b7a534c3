use std::time::Duration;

use lambda_rollout::account::{
    AlarmReading, AlarmState, AlarmTransition, AliasState, AliasWrite, Claim, FunctionVersion, Lifecycle,
    ProvisionedConcurrency, PublishRequest, Routing, UpdateStatus,
};
use lambda_rollout::units::{AlarmName, Qualifier, RolloutId, Timestamp, Version, Weight};
use lambda_rollout::{Error, ErrorKind};

pub(crate) const STABLE: u64 = 1;
pub(crate) const CANARY: u64 = 2;
const FOREIGN: u64 = 3;

/// Longer than a rollout bears that AWS does not answer, whatever it is doing.
const OUTAGE: Duration = Duration::from_secs(75);
/// Time that AWS takes here to move provisioned concurrency: less, and more, than its weights are given without a word
/// from it.
const SETTLING: Duration = Duration::from_secs(30);
const SLOW_SETTLING: Duration = Duration::from_secs(3 * 60);

/// A read that lags does so by seconds; this is what a rollout allows for at most.
const LONGEST_LAG: Duration = Duration::from_secs(30);

/// Longer than any plan here tolerates an alarm that cannot be read.
const HEALS: Duration = Duration::from_secs(3 * 60);

/// The code that the plan brings, or that `$LATEST` has when the rollout begins, and another pipeline's.
pub(crate) const OURS: &str = "ours";
const THEIRS: &str = "theirs";
/// What publishing another pipeline's code gives.
pub(crate) const THEIR_VERSION: u64 = 4;

pub(crate) fn version(number: u64) -> Version {
    Version::new(number).expect("above zero")
}

pub(crate) fn percent(percent: f64) -> Weight {
    Weight::from_percent(percent).expect("a weight")
}

fn only(number: u64) -> Routing {
    Routing::only(version(number))
}

fn split(own: u64, second: u64, weight: f64) -> Routing {
    Routing::split(version(own), version(second), percent(weight))
}

/// What the alarm shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alarm {
    Ok,
    Firing,
    NoData,
    Gone,
    /// CloudWatch cannot evaluate it.
    Unreadable,
}

impl Alarm {
    pub(crate) const ALL: [Self; 5] = [Self::Ok, Self::Firing, Self::NoData, Self::Gone, Self::Unreadable];

    /// The state that CloudWatch keeps of it.
    fn state(self) -> Option<AlarmState> {
        match self {
            Self::Ok | Self::Unreadable => Some(AlarmState::Ok),
            Self::Firing => Some(AlarmState::Alarm),
            Self::NoData => Some(AlarmState::InsufficientData),
            Self::Gone => None,
        }
    }
}

/// What another hand makes of the alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drift {
    OtherVersion,
    WeightsCleared,
    CanaryPromoted,
    OtherWeight,
    /// A weight of nothing, and of all traffic, beside the stable version.
    NoWeight,
    FullWeight,
    OtherVersionBeside,
    CanaryBesideOther,
    RolesSwapped,
    Deleted,
    DescriptionEdited,
    /// A runner of another rollout, which says so.
    OtherRunner,
}

impl Drift {
    pub(crate) const ALL: [Self; 12] = [
        Self::OtherVersion,
        Self::WeightsCleared,
        Self::CanaryPromoted,
        Self::OtherWeight,
        Self::NoWeight,
        Self::FullWeight,
        Self::OtherVersionBeside,
        Self::CanaryBesideOther,
        Self::RolesSwapped,
        Self::Deleted,
        Self::DescriptionEdited,
        Self::OtherRunner,
    ];

    /// Where the alias points afterwards; `None` when it is gone, or stays where it was.
    fn routing(self) -> Option<Routing> {
        match self {
            Self::OtherVersion => Some(only(FOREIGN)),
            Self::WeightsCleared => Some(only(STABLE)),
            Self::CanaryPromoted => Some(only(CANARY)),
            Self::OtherWeight | Self::OtherRunner => Some(split(STABLE, CANARY, 37.0)),
            Self::NoWeight => Some(split(STABLE, CANARY, 0.0)),
            Self::FullWeight => Some(split(STABLE, CANARY, 100.0)),
            Self::OtherVersionBeside => Some(split(STABLE, FOREIGN, 37.0)),
            Self::CanaryBesideOther => Some(split(FOREIGN, CANARY, 37.0)),
            Self::RolesSwapped => Some(split(CANARY, STABLE, 37.0)),
            Self::Deleted | Self::DescriptionEdited => None,
        }
    }
}

/// Whether a write of which no answer tells took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Landing {
    Never,
    Already,
    Later,
}

/// How the rollout finds the account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Opening {
    pub(crate) routing: Routing,
    /// Whether a rollout of another process says that these are its weights.
    pub(crate) claimed: bool,
    pub(crate) alarm: Alarm,
    /// Whether what is no state to go on in ends by itself: where the plan waits for that as long as it takes.
    pub(crate) heals: bool,
    /// What the code of `$LATEST` is.
    pub(crate) latest: &'static str,
}

impl Default for Opening {
    fn default() -> Self {
        Self { routing: only(STABLE), claimed: false, alarm: Alarm::Ok, heals: false, latest: OURS }
    }
}

impl Opening {
    /// The canary has this share beside the stable version already.
    pub(crate) fn at(weight: f64, claimed: bool) -> Self {
        Self { routing: split(STABLE, CANARY, weight), claimed, ..Self::default() }
    }
}

#[derive(Debug, Clone, Copy)]
struct Latest {
    code: &'static str,
    revision: u32,
}

impl Latest {
    fn revision_id(self) -> String {
        format!("latest-{}", self.revision)
    }
}

/// An account with one function, one alias and one alarm, exact in what a rollout can tell of it.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    alias: Option<AliasState>,
    /// Writes without an answer that have not landed. Each still may, while the alias is at the revision it names.
    late: Vec<AliasWrite>,
    /// When AWS clears the weights that it has set itself, and what remains then.
    settles: Option<(Timestamp, Routing)>,
    now: Timestamp,
    /// The alias as it was until its newest change, and when that was: what a read that lags shows.
    replaced: Option<(AliasState, Timestamp)>,
    alarm: Alarm,
    /// Since when it is in its state, and what is known of it before.
    alarm_since: Timestamp,
    /// When it is well again by itself.
    heals: bool,
    heals_at: Option<Timestamp>,
    transitions: Vec<AlarmTransition>,
    latest: Latest,
    /// Whether the versions that publishing makes are there.
    published: [bool; 2],
    lambda_back_at: Option<Timestamp>,
    alarms_back_at: Option<Timestamp>,
    next_revision: u64,
}

impl Account {
    pub(crate) fn new(opening: &Opening, now: Timestamp) -> Self {
        let mut account = Self {
            alias: None,
            late: Vec::new(),
            settles: None,
            now,
            replaced: None,
            alarm: opening.alarm,
            alarm_since: now - Duration::from_secs(60 * 60),
            heals: opening.heals,
            heals_at: opening.heals.then_some(now + HEALS),
            transitions: Vec::new(),
            latest: Latest { code: opening.latest, revision: 1 },
            published: [false; 2],
            lambda_back_at: None,
            alarms_back_at: None,
            next_revision: 0,
        };
        let description = match opening.claimed {
            true => Claim { rollout_id: RolloutId::from_bits(99), runner: String::new() }
                .add_to("")
                .expect("room"),
            false => String::new(),
        };
        account.published[0] =
            opening.routing.additional.is_some_and(|(second, _)| second == version(CANARY));
        account.set(opening.routing, description);
        account.replaced = None;
        account
    }

    /// What time alone brings about.
    pub(crate) fn pass_time(&mut self, now: Timestamp) {
        if let Some((at, routing)) = self.settles.take_if(|(at, _)| *at <= now) {
            self.now = at;
            self.set(routing, self.description());
        }
        self.now = now;
        self.replaced.take_if(|(_, at)| now.since(*at) > LONGEST_LAG);
        if self.heals_at.take_if(|at| *at <= now).is_some() && self.alarm != Alarm::Firing {
            self.set_alarm(Alarm::Ok, now);
        }
        self.lambda_back_at.take_if(|at| *at <= now);
        self.alarms_back_at.take_if(|at| *at <= now);
    }

    /// Where the alias points, or will when AWS has finished with it.
    pub(crate) fn routing(&self) -> Option<Routing> {
        self.settles.map(|(_, routing)| routing).or(self.alias.as_ref().map(|alias| alias.routing))
    }

    pub(crate) fn read_alias(&self) -> Result<AliasState, Error> {
        self.reach_lambda()?;
        self.alias.clone().ok_or_else(|| error(ErrorKind::NotFound))
    }

    /// What a read shows that lags behind the newest change; `None` where there was none.
    pub(crate) fn read_alias_stale(&self) -> Option<&AliasState> {
        self.replaced.as_ref().map(|(replaced, _)| replaced).filter(|_| !self.lambda_is_down())
    }

    pub(crate) fn read_version(&self, qualifier: Qualifier) -> Result<FunctionVersion, Error> {
        self.reach_lambda()?;
        let number = qualifier.published().map(Version::number);
        let code_sha256 = match number {
            None => self.latest.code,
            Some(CANARY) => OURS,
            Some(THEIR_VERSION) => THEIRS,
            Some(_) => "older",
        };
        let revision_id = if number.is_none() { self.latest.revision_id() } else { String::new() };
        Ok(FunctionVersion {
            version: qualifier,
            state: Lifecycle::Active,
            state_reason: String::new(),
            update: UpdateStatus::Successful,
            update_reason: String::new(),
            role: String::new(),
            dead_letter: None,
            code_sha256: code_sha256.to_owned(),
            config_sha256: None,
            revision_id,
        })
    }

    /// Whether this would put the plan's code into `$LATEST` now.
    pub(crate) fn admits_update(&self, revision_id: &str) -> bool {
        !self.lambda_is_down() && self.latest.revision_id() == revision_id
    }

    pub(crate) fn update_code(&mut self, revision_id: &str) -> Result<FunctionVersion, Error> {
        self.reach_lambda()?;
        if !self.admits_update(revision_id) {
            return Err(error(ErrorKind::Conflict));
        }
        self.latest = Latest { code: OURS, revision: self.latest.revision + 1 };
        self.read_version(Qualifier::Latest)
    }

    pub(crate) fn publish(&mut self, request: &PublishRequest) -> Result<FunctionVersion, Error> {
        self.reach_lambda()?;
        if request.revision_id != self.latest.revision_id() || request.code_sha256 != self.latest.code {
            return Err(error(ErrorKind::Conflict));
        }
        let number = if self.latest.code == THEIRS { THEIR_VERSION } else { CANARY };
        self.published[usize::from(number == THEIR_VERSION)] = true;
        self.read_version(version(number).into())
    }

    /// Another pipeline puts its code into `$LATEST`.
    pub(crate) fn let_pipeline_in(&mut self) {
        self.latest = Latest { code: THEIRS, revision: self.latest.revision + 1 };
    }

    pub(crate) fn has_their_code(&self) -> bool {
        self.latest.code == THEIRS
    }

    pub(crate) fn provisioned_concurrency(&self) -> Result<Option<ProvisionedConcurrency>, Error> {
        self.reach_lambda()?;
        Ok(self.is_settling().then_some(ProvisionedConcurrency::InProgress))
    }

    pub(crate) fn read_alarms(&self, names: &[AlarmName]) -> Result<Vec<AlarmReading>, Error> {
        if self.alarms_back_at.is_some() {
            return Err(error(ErrorKind::Unreachable));
        }
        let state = match self.alarm {
            Alarm::Ok => AlarmState::Ok,
            Alarm::Firing => AlarmState::Alarm,
            Alarm::NoData => AlarmState::InsufficientData,
            Alarm::Unreadable => AlarmState::Unreadable,
            Alarm::Gone => return Ok(Vec::new()),
        };
        let since = Some(self.alarm_since);
        let reading =
            |name: &AlarmName| AlarmReading { name: name.clone(), state, reason: String::new(), since };
        Ok(names.iter().map(reading).collect())
    }

    pub(crate) fn read_alarm_history(&self, after: Timestamp) -> Result<Vec<AlarmTransition>, Error> {
        if self.alarms_back_at.is_some() {
            return Err(error(ErrorKind::Unreachable));
        }
        Ok(self.transitions.iter().filter(|transition| transition.at > after).cloned().collect())
    }

    fn reach_lambda(&self) -> Result<(), Error> {
        if self.lambda_back_at.is_some() { Err(error(ErrorKind::Unreachable)) } else { Ok(()) }
    }

    /// Whether this write would take effect now.
    pub(crate) fn admits(&self, write: &AliasWrite) -> bool {
        !self.lambda_is_down()
            && self.alias.as_ref().is_some_and(|alias| alias.revision_id == write.revision_id)
    }

    pub(crate) fn write(&mut self, write: &AliasWrite) -> Result<AliasState, Error> {
        self.reach_lambda()?;
        let Some(alias) = &self.alias else { return Err(error(ErrorKind::NotFound)) };
        if alias.revision_id != write.revision_id {
            return Err(error(ErrorKind::Conflict));
        }
        let description = write.description.clone().unwrap_or_else(|| alias.description.clone());
        Ok(self.set(write.routing, description))
    }

    pub(crate) fn create(&mut self, version: Version) -> Result<AliasState, Error> {
        self.reach_lambda()?;
        if self.alias.is_some() {
            return Err(error(ErrorKind::Conflict));
        }
        Ok(self.set(Routing::only(version), String::new()))
    }

    /// Keeps a write that has not landed and still may.
    pub(crate) fn keep_for_later(&mut self, write: AliasWrite) {
        self.late.push(write);
    }

    pub(crate) fn forget_late(&mut self) {
        self.late.clear();
    }

    /// The writes that may still land.
    pub(crate) fn late(&self) -> &[AliasWrite] {
        &self.late
    }

    /// After a write to one version alone AWS moves provisioned concurrency from the version that served `before`, with
    /// weights of its own meanwhile.
    pub(crate) fn settle(&mut self, before: Routing, slow: bool, now: Timestamp) {
        let Some(routing) = self.alias.as_ref().map(|alias| alias.routing) else { return };
        let Some(own) = routing.version.published() else { return };
        let versions = [before.version.published(), before.additional.map(|(second, _)| second)];
        let Some(other) = versions.into_iter().flatten().find(|version| *version != own) else { return };
        self.set(Routing::split(own, other, percent(50.0)), self.description());
        self.settles = Some((now + if slow { SLOW_SETTLING } else { SETTLING }, routing));
    }

    pub(crate) fn is_settling(&self) -> bool {
        self.settles.is_some()
    }

    /// Another hand changes the alias. False when that would change nothing.
    pub(crate) fn drift(&mut self, drift: Drift) -> bool {
        let Some(alias) = &self.alias else { return false };
        let (routing, mut description) = (alias.routing, alias.description.clone());
        match drift {
            Drift::Deleted => {
                self.replaced = self.alias.take().map(|alias| (alias, self.now));
                self.late.clear();
                self.settles = None;
                return true;
            }
            Drift::DescriptionEdited => {
                let settles = self.settles;
                self.set(routing, format!("{}edited ", Claim::strip(&description)));
                self.settles = settles;
                return true;
            }
            Drift::OtherRunner => {
                let claim = Claim { rollout_id: RolloutId::from_bits(0), runner: String::new() };
                description = claim.add_to(&description).expect("room");
            }
            _ => {}
        }
        let moved = drift.routing().filter(|moved| *moved != routing);
        moved.map(|moved| self.set(moved, description)).is_some()
    }

    pub(crate) fn alarm(&self) -> Alarm {
        self.alarm
    }

    pub(crate) fn set_alarm(&mut self, alarm: Alarm, now: Timestamp) {
        if let Some(to) = alarm.state().filter(|state| self.alarm.state() != Some(*state)) {
            self.changes_to(to, now);
        }
        self.alarm = alarm;
        self.heals_at = (self.heals && alarm != Alarm::Ok).then_some(now + HEALS);
    }

    /// The alarm leaves its state and comes back to it while nobody looks.
    pub(crate) fn flap(&mut self, through: AlarmState, now: Timestamp) {
        let Some(state) = self.alarm.state() else { return };
        self.changes_to(through, now);
        self.changes_to(state, now);
    }

    fn changes_to(&mut self, to: AlarmState, now: Timestamp) {
        self.alarm_since = now;
        self.transitions.push(AlarmTransition { at: now, to, reason: String::new() });
    }

    pub(crate) fn lambda_is_down(&self) -> bool {
        self.lambda_back_at.is_some()
    }

    pub(crate) fn take_lambda_down(&mut self, now: Timestamp) {
        self.lambda_back_at = Some(now + OUTAGE);
    }

    pub(crate) fn alarms_are_down(&self) -> bool {
        self.alarms_back_at.is_some()
    }

    pub(crate) fn take_alarms_down(&mut self, now: Timestamp) {
        self.alarms_back_at = Some(now + OUTAGE);
    }

    /// Which rollout says that it moves the alias.
    pub(crate) fn claim(&self) -> Option<RolloutId> {
        Claim::find(&self.alias.as_ref()?.description).map(|claim| claim.rollout_id)
    }

    fn description(&self) -> String {
        self.alias.as_ref().map(|alias| alias.description.clone()).unwrap_or_default()
    }

    /// The one place where the alias changes: every change moves the revision on, and shuts older writes out.
    fn set(&mut self, routing: Routing, description: String) -> AliasState {
        self.next_revision += 1;
        let revision_id = format!("r{}", self.next_revision);
        let state = AliasState { description, ..AliasState::new(routing, revision_id) };
        self.replaced = self.alias.replace(state.clone()).map(|alias| (alias, self.now));
        self.settles = None;
        self.late.clear();
        state
    }
}

pub(crate) fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "as the walk wants it")
}
