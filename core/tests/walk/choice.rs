use std::fmt;

use lambda_rollout::ErrorKind;
use lambda_rollout::account::{AlarmState, HookVerdict};
use lambda_rollout::machine::Command;

use crate::account::{Alarm, Drift, Landing};

/// What happens next. Calls are named by their place among those in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The rollout begins.
    Start,
    /// A call is answered as it should be.
    Answer(u8),
    /// A call fails; of a write, whether it took effect all the same.
    Fail(u8, ErrorKind, Landing),
    /// A call is slow: others go first, and it may or may not come home within its time.
    Delay(u8),
    /// A call's time is up.
    TimeOut(u8, Landing),
    /// A read of the alias lags behind: it shows what was there before the newest change.
    Stale(u8),
    /// A write to one version lands, and AWS moves provisioned concurrency with weights of its own; slowly or not.
    Settle(u8, bool),
    /// A hook says this.
    Hook(u8, HookVerdict),
    /// A write that was given up lands after all.
    LandLate(u8),
    /// The machine's deadline is here.
    Tick,
    /// The machine's deadline comes an hour late: the computer slept.
    TickLate,
    /// A tick comes with a time of an hour ago.
    TickEarly,
    /// Another hand changes the alias.
    Drift(Drift),
    /// The alarm changes.
    Alarm(Alarm),
    /// The alarm goes through another state and comes back while nobody looks.
    Flap(AlarmState),
    /// Another pipeline puts its code into `$LATEST`.
    Pipeline,
    /// Lambda's API does not answer for longer than a rollout bears.
    LambdaDown,
    /// CloudWatch's API does not.
    AlarmsDown,
    /// A person or program wants something.
    Order(Order),
    /// The process dies, and another begins; with the journal or without. A write in flight has this fate. In the dark
    /// the next one begins only when more than a hold has passed.
    Die { journal: bool, landing: Landing, dark: bool },
}

/// A command without its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Pause,
    Resume,
    Promote,
    Abort,
}

impl Order {
    pub(crate) const ALL: [Self; 4] = [Self::Pause, Self::Resume, Self::Promote, Self::Abort];

    pub(crate) fn command(self) -> Command {
        match self {
            Self::Pause => Command::Pause,
            Self::Resume => Command::Resume,
            Self::Promote => Command::Promote,
            Self::Abort => Command::Abort { reason: String::new() },
        }
    }
}

impl Choice {
    /// The call that it is about.
    pub(crate) fn call(self) -> Option<usize> {
        match self {
            Self::Answer(call)
            | Self::Fail(call, ..)
            | Self::Delay(call)
            | Self::TimeOut(call, _)
            | Self::Stale(call)
            | Self::Settle(call, _)
            | Self::Hook(call, _) => Some(usize::from(call)),
            _ => None,
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = |landing: &Landing| match landing {
            Landing::Never => "",
            Landing::Already => ", having taken effect",
            Landing::Later => ", and is still on its way",
        };
        match self {
            Self::Start => f.write_str("the rollout begins"),
            Self::Answer(_) => f.write_str("is answered"),
            Self::Fail(_, kind, landing) => write!(f, "FAILS as {}{}", kind.name(), effect(landing)),
            Self::Delay(_) => f.write_str("IS SLOW"),
            Self::TimeOut(_, landing) => write!(f, "times out{}", effect(landing)),
            Self::Stale(_) => f.write_str("LAGS BEHIND: it shows what was before"),
            Self::Settle(_, slow) => {
                let how = if *slow { " SLOWLY" } else { "" };
                write!(f, "is answered, AND AWS MOVES PROVISIONED CONCURRENCY{how}")
            }
            Self::Hook(_, verdict) => write!(f, "SAYS {verdict}"),
            Self::LandLate(_) => f.write_str("the write that was given up lands"),
            Self::Tick => f.write_str("time passes"),
            Self::TickLate => f.write_str("THE COMPUTER SLEEPS FOR AN HOUR"),
            Self::TickEarly => f.write_str("THE CLOCK IS AN HOUR BEHIND"),
            Self::Drift(drift) => write!(f, "ANOTHER HAND: {drift:?}"),
            Self::Alarm(alarm) => write!(f, "THE ALARM: {alarm:?}"),
            Self::Flap(through) => write!(f, "THE ALARM GOES THROUGH {through} AND BACK"),
            Self::Pipeline => f.write_str("ANOTHER PIPELINE CHANGES $LATEST"),
            Self::LambdaDown => f.write_str("LAMBDA DOES NOT ANSWER ANY MORE"),
            Self::AlarmsDown => f.write_str("CLOUDWATCH DOES NOT ANSWER ANY MORE"),
            Self::Order(order) => write!(f, "COMMAND: {order:?}"),
            Self::Die { journal, landing, dark } => {
                let with = if *journal { "with" } else { "without" };
                let write = match landing {
                    Landing::Never => "is lost",
                    Landing::Already => "has landed",
                    Landing::Later => "is still on its way",
                };
                write!(
                    f,
                    "THE PROCESS DIES (a write in flight {write}); THE NEXT ONE BEGINS {with} THE JOURNAL{}",
                    if *dark { " FIVE MINUTES LATER" } else { "" }
                )
            }
        }
    }
}
