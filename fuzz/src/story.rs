//! Plans and inputs, made of bytes.

use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use lambda_rollout::account::{
    AlarmReading, AlarmState, CodeSource, HookFailure, HookReport, Lifecycle, Routing, UpdateStatus,
};
use lambda_rollout::machine::EffectResult;
use lambda_rollout::plan::{
    AlreadyAlarming, Flaps, Hook, InsufficientData, MissingAlarm, Step, Strategy, Unreadable, WhenUnreadable,
};
use lambda_rollout::units::{AlarmName, Qualifier, Timestamp, Weight};
use lambda_rollout::{ErrorKind, RolloutPlan};

use crate::account::{CANARY, CODE, alias_state, failed, function_version, version};

/// The alarms of every plan that has any.
const ALARMS: [&str; 2] = ["errors", "latency"];

/// A hash that no version's code has.
const OTHER_CODE: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB=";

/// A whole story: a plan, an alias and what happens.
#[derive(Debug, Arbitrary)]
pub struct Story {
    /// The plan.
    pub plan: Plan,
    /// Where the alias points at first.
    pub alias: Option<Route>,
    /// What happens, in order.
    pub happenings: Vec<Happening>,
}

/// Something that happens to a rollout.
#[derive(Debug, Arbitrary)]
pub enum Happening {
    /// A call comes to its end: the oldest, or as many after it.
    Ends(u8, Ending),
    /// An answer to a call that was answered before, or that was never made.
    Stray(u16, Lie),
    /// The clock moves on to the machine's deadline.
    Deadline,
    /// The clock leaps by these seconds, forth or back.
    Leap(i16),
    /// A person wants something.
    Wish(Wish),
    /// Another hand sets the alias, or deletes it.
    Drift(Option<Route>),
    /// The alarms change.
    Alarms(Alarms),
    /// They go through another state and back while nobody looks.
    Flap(Alarms),
    /// The hooks change their mind.
    Hooks(Opinion),
    /// The runner dies, and another takes over: from what was kept, or with no memory.
    Dies(Orphan, bool),
    /// Somebody starts it again.
    StartsAgain,
}

/// What becomes of a write that was under way when its runner died.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub enum Orphan {
    /// It never arrives.
    Lost,
    /// It takes effect.
    Lands,
    /// It takes effect after the next read.
    LandsLate,
}

/// How a call ends.
#[derive(Debug, Arbitrary)]
pub enum Ending {
    /// Done, and so says the answer.
    Done,
    /// Not done, and so says the answer.
    Fails(Failure),
    /// Done, and yet the answer is an error.
    DoneAndFails(Failure),
    /// Not done, and no answer.
    Lost,
    /// Done, and no answer.
    ReplyLost,
    /// A write takes effect only after the next read, and no answer comes.
    Late,
    /// A read shows the alias as it was before its newest change.
    Stale,
    /// Done; and after a write to one version AWS shows weights of its own in so many reads.
    Moves(u8),
    /// Anything at all, whatever was asked.
    Lie(Lie),
}

/// Any answer to any call.
#[derive(Debug, Arbitrary)]
pub enum Lie {
    /// An alias.
    Alias(Route, u8),
    /// A version, or `$LATEST`.
    Version(Option<u8>, Health),
    /// The alarms, of which some may be missing.
    Alarms([Option<Alarms>; 2]),
    /// What a hook says.
    Hook(Opinion),
    /// An error of a call for an alias.
    NoAlias(Failure),
    /// An error of a call for a version.
    NoVersion(Failure),
    /// An error of a look at the alarms.
    NoAlarms(Failure),
    /// No answer.
    TimedOut,
}

/// How a version is.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub enum Health {
    /// Ready.
    Ready,
    /// Not ready yet.
    Pending,
    /// Failed.
    Failed,
    /// Idle.
    Idle,
    /// Being updated.
    Updating,
    /// Could not be updated.
    NotUpdated,
    /// Ready, with another role.
    OtherRole,
    /// Ready, with another dead-letter queue.
    OtherQueue,
    /// Ready, with other code.
    OtherCode,
}

/// The state of an alarm.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub enum Alarms {
    /// Quiet.
    Ok,
    /// Firing.
    Alarm,
    /// Too little data.
    Thin,
    /// They could not be evaluated.
    Unreadable,
}

/// What a hook thinks.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub enum Opinion {
    /// Go on.
    Pass,
    /// Put everything back.
    Fail,
    /// Cannot tell.
    Inconclusive,
    /// Broken.
    Broken,
}

/// Why a call failed.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub enum Failure {
    /// For want of a permission.
    AccessDenied,
    /// There is no such thing.
    NotFound,
    /// Another hand was quicker.
    Conflict,
    /// Too many calls.
    Throttled,
    /// No answer, or a server fault.
    Unreachable,
    /// AWS said no.
    Rejected,
    /// No Region, no credentials.
    Config,
    /// A fault of ours.
    Internal,
}

/// What a person wants.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub enum Wish {
    /// No shift.
    Pause,
    /// Go on.
    Resume,
    /// 100 % now.
    Promote,
    /// Put everything back.
    Abort,
}

/// Where an alias points.
#[derive(Debug, Clone, Copy)]
pub struct Route(pub Routing);

/// A plan.
#[derive(Debug, Arbitrary)]
pub struct Plan {
    strategy: Shifts,
    source: Source,
    bake: bool,
    deadline: bool,
    before: bool,
    after: bool,
    alarms: u8,
    already: u8,
    missing: bool,
    thin: u8,
    hold_when_unreadable: bool,
    report_flaps: bool,
    /// Whether the rollout only looks.
    pub check_only: bool,
}

#[derive(Debug, Arbitrary)]
enum Shifts {
    AllAtOnce,
    Canary(u8),
    Linear(u8),
    Steps(bool, bool),
}

#[derive(Debug, Arbitrary)]
enum Source {
    Existing,
    Publish,
    PublishGuarded(bool),
    Code,
}

impl<'a> Arbitrary<'a> for Route {
    /// As AWS lets an alias be: a second version is another one, and published.
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let own = u64::from(bytes.int_in_range(0..=3_u8)?);
        let own = if own == 0 { Qualifier::Latest } else { version(own).into() };
        let second = version(u64::from(bytes.int_in_range(1..=3_u8)?));
        let weight = Weight::from_basis_points(bytes.int_in_range(0..=10_000)?).expect("no more than all");
        let weighted = own != Qualifier::Latest && own != second.into() && bytes.arbitrary()?;
        Ok(Self(Routing { version: own, additional: weighted.then_some((second, weight)) }))
    }
}

impl Failure {
    /// As the library has it.
    #[must_use]
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::AccessDenied => ErrorKind::AccessDenied,
            Self::NotFound => ErrorKind::NotFound,
            Self::Conflict => ErrorKind::Conflict,
            Self::Throttled => ErrorKind::Throttled,
            Self::Unreachable => ErrorKind::Unreachable,
            Self::Rejected => ErrorKind::Rejected,
            Self::Config => ErrorKind::Config,
            Self::Internal => ErrorKind::Internal,
        }
    }
}

impl Alarms {
    /// As the library has it.
    #[must_use]
    pub fn state(self) -> AlarmState {
        match self {
            Self::Ok => AlarmState::Ok,
            Self::Alarm => AlarmState::Alarm,
            Self::Thin => AlarmState::InsufficientData,
            Self::Unreadable => AlarmState::Unreadable,
        }
    }
}

impl Opinion {
    /// As the library has it.
    #[must_use]
    pub fn report(self) -> HookReport {
        match self {
            Self::Pass => HookReport::pass("fine"),
            Self::Fail => HookReport::fail("bad"),
            Self::Inconclusive => HookReport::inconclusive("odd"),
            Self::Broken => HookReport::failed(HookFailure::MalformedAnswer, "noise"),
        }
    }
}

impl Lie {
    /// As the library has it.
    #[must_use]
    pub fn result(&self, now: Timestamp) -> EffectResult {
        match self {
            Self::Alias(route, revision) => {
                EffectResult::Alias(Ok(alias_state(route.0, u64::from(*revision))))
            }
            Self::Version(number, health) => {
                let number = number.and_then(|number| lambda_rollout::units::Version::new(number.into()));
                let mut read = function_version(number.map_or(Qualifier::Latest, Qualifier::Published));
                match health {
                    Health::Ready => {}
                    Health::Pending => read.state = Lifecycle::Pending,
                    Health::Failed => read.state = Lifecycle::Failed,
                    Health::Idle => read.state = Lifecycle::Other,
                    Health::Updating => read.update = UpdateStatus::InProgress,
                    Health::NotUpdated => read.update = UpdateStatus::Failed,
                    Health::OtherRole => read.role = "another".into(),
                    Health::OtherQueue => read.dead_letter = Some("queue".into()),
                    Health::OtherCode => read.code_sha256 = "other".into(),
                }
                EffectResult::Version(Ok(read))
            }
            Self::Alarms(alarms) => {
                let reading = |(name, alarm): (&str, &Option<Alarms>)| {
                    let (name, state) = (AlarmName::parse(name).expect("a name"), alarm.as_ref()?.state());
                    Some(AlarmReading { name, state, reason: String::new(), since: Some(now) })
                };
                EffectResult::Alarms(Ok(ALARMS.into_iter().zip(alarms).filter_map(reading).collect()))
            }
            Self::Hook(opinion) => EffectResult::Hook(opinion.report()),
            Self::NoAlias(failure) => EffectResult::Alias(Err(failed(failure.kind()))),
            Self::NoVersion(failure) => EffectResult::Version(Err(failed(failure.kind()))),
            Self::NoAlarms(failure) => EffectResult::Alarms(Err(failed(failure.kind()))),
            Self::TimedOut => EffectResult::TimedOut,
        }
    }
}

impl Plan {
    /// The plan itself.
    ///
    /// # Panics
    /// Never: whatever the bytes, the plan is a good one.
    #[must_use]
    pub fn build(&self) -> RolloutPlan {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let mut plan = RolloutPlan::builder("sample-handler", "main").strategy(self.strategy.build());
        plan = match self.source {
            Source::Existing => plan.version(version(CANARY)),
            Source::Publish => plan.publish(),
            Source::PublishGuarded(matches) => plan.code_sha256(if matches { CODE } else { OTHER_CODE }),
            Source::Code => plan.code(CodeSource::Image("registry/image:1".into())),
        };
        if self.bake {
            plan = plan.bake(minutes(2));
        }
        if self.deadline {
            plan = plan.deadline(minutes(60));
        }
        if self.before {
            plan = plan.before_traffic(Hook::in_process());
        }
        if self.after {
            plan = plan.after_traffic(Hook::in_process());
        }
        let alarms = usize::from(self.alarms) % (ALARMS.len() + 1);
        if alarms > 0 {
            let then =
                if self.hold_when_unreadable { WhenUnreadable::Hold } else { WhenUnreadable::RollBack };
            plan = plan
                .alarms(ALARMS.into_iter().take(alarms))
                .poll(Duration::from_secs(10))
                .already_alarming(match self.already % 3 {
                    0 => AlreadyAlarming::Refuse,
                    1 => AlreadyAlarming::IgnoreUntilOk,
                    _ => AlreadyAlarming::Ignore,
                })
                .missing(if self.missing { MissingAlarm::Ignore } else { MissingAlarm::Refuse })
                .insufficient_data(match self.thin % 3 {
                    0 => InsufficientData::Pass,
                    1 => InsufficientData::Hold,
                    _ => InsufficientData::RollBack,
                })
                .unreadable(Unreadable { tolerate: minutes(2), then })
                .flaps(if self.report_flaps { Flaps::Report } else { Flaps::RollBack });
        }
        plan.build().expect("a good plan")
    }
}

impl Shifts {
    fn build(&self) -> Strategy {
        let minute = Duration::from_secs(60);
        let percent = |percent: u8| Weight::from_percent(f64::from(percent)).expect("a weight");
        match *self {
            Self::AllAtOnce => Strategy::AllAtOnce,
            Self::Canary(share) => {
                Strategy::Canary { percent: percent(1 + share % 99), interval: 2 * minute }
            }
            Self::Linear(share) => Strategy::Linear { percent: percent(20 + share % 40), interval: minute },
            Self::Steps(first, second) => Strategy::Steps(vec![
                Step { weight: percent(10), hold: minute, gate: first },
                Step { weight: percent(50), hold: 2 * minute, gate: second },
            ]),
        }
    }
}
