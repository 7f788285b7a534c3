use std::time::Duration;

use lambda_rollout::account::{
    AlarmReading, AlarmState, AliasState, AliasWrite, Claim, FunctionVersion, Lifecycle, Routing,
    UpdateStatus,
};
use lambda_rollout::units::{AlarmName, Qualifier, RolloutId, Timestamp, Version, Weight};
use lambda_rollout::{Error, ErrorKind};

pub(crate) const STABLE: u64 = 1;
pub(crate) const CANARY: u64 = 2;
const FOREIGN: u64 = 3;

/// Longer than a rollout bears that AWS does not answer, whatever it is doing.
const OUTAGE: Duration = Duration::from_secs(75);
/// Time that AWS takes here to move provisioned concurrency.
const SETTLING: Duration = Duration::from_secs(30);

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
}

/// What another hand makes of the alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drift {
    OtherVersion,
    WeightsCleared,
    CanaryPromoted,
    OtherWeight,
    OtherVersionBeside,
    CanaryBesideOther,
    RolesSwapped,
    Deleted,
    DescriptionEdited,
    /// A runner of another rollout, which says so.
    OtherRunner,
}

impl Drift {
    pub(crate) const ALL: [Self; 10] = [
        Self::OtherVersion,
        Self::WeightsCleared,
        Self::CanaryPromoted,
        Self::OtherWeight,
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

/// An account with one function, one alias and one alarm, exact in what a rollout can tell of it.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    alias: Option<AliasState>,
    /// Writes without an answer that have not landed. Each still may, while the alias is at the revision it names.
    late: Vec<AliasWrite>,
    /// When AWS clears the weights that it has set itself, and what remains then.
    settles: Option<(Timestamp, Routing)>,
    alarm: Alarm,
    lambda_back_at: Option<Timestamp>,
    alarms_back_at: Option<Timestamp>,
    next_revision: u64,
}

impl Account {
    pub(crate) fn new() -> Self {
        let mut account = Self {
            alias: None,
            late: Vec::new(),
            settles: None,
            alarm: Alarm::Ok,
            lambda_back_at: None,
            alarms_back_at: None,
            next_revision: 0,
        };
        account.set(only(STABLE), String::new());
        account
    }

    /// What time alone brings about.
    pub(crate) fn pass_time(&mut self, now: Timestamp) {
        if let Some((_, routing)) = self.settles.take_if(|(at, _)| *at <= now) {
            self.set(routing, self.description());
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

    pub(crate) fn read_version(&self, qualifier: Qualifier) -> Result<FunctionVersion, Error> {
        self.reach_lambda()?;
        Ok(FunctionVersion {
            version: qualifier,
            state: Lifecycle::Active,
            state_reason: String::new(),
            update: UpdateStatus::Successful,
            update_reason: String::new(),
            role: String::new(),
            dead_letter: None,
            code_sha256: String::new(),
            config_sha256: None,
            revision_id: String::new(),
        })
    }

    pub(crate) fn read_alarms(&self, names: &[AlarmName]) -> Result<Vec<AlarmReading>, Error> {
        if self.alarms_back_at.is_some() {
            return Err(error(ErrorKind::Unreachable));
        }
        let state = match self.alarm {
            Alarm::Ok => AlarmState::Ok,
            Alarm::Firing => AlarmState::Alarm,
            Alarm::NoData => AlarmState::InsufficientData,
            Alarm::Gone => return Ok(Vec::new()),
        };
        let reading =
            |name: &AlarmName| AlarmReading { name: name.clone(), state, reason: String::new(), since: None };
        Ok(names.iter().map(reading).collect())
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
    pub(crate) fn settle(&mut self, before: Routing, now: Timestamp) {
        let Some(routing) = self.alias.as_ref().map(|alias| alias.routing) else { return };
        let Some(own) = routing.version.published() else { return };
        let versions = [before.version.published(), before.additional.map(|(second, _)| second)];
        let Some(other) = versions.into_iter().flatten().find(|version| *version != own) else { return };
        self.set(Routing::split(own, other, percent(50.0)), self.description());
        self.settles = Some((now + SETTLING, routing));
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
                self.alias = None;
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

    pub(crate) fn set_alarm(&mut self, alarm: Alarm) {
        self.alarm = alarm;
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
        self.alias = Some(state.clone());
        self.settles = None;
        self.late.clear();
        state
    }
}

pub(crate) fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "as the walk wants it")
}
