//! The rollout as a value: inputs and the time go in, effects and events come out.
//!
//! Nothing here knows AWS, a clock or a runtime. The whole behaviour is the transition table
//! ([`TRANSITIONS`]) and the handlers around it:
//!
//! - `rollout`: the value itself, its inputs and outputs, what is due when
//! - `prepare`: pre-flight, before any traffic moves
//! - `write`: guarded writes, writes of unknown result, drift
//! - `rollback`: putting everything back, and proving it
//! - `claim`: two runners on one alias
//! - `take_up`: going on where another process stopped
//! - `hook`, `command`: what hooks answer, what people want
//! - `alarm_watch`: when the alarms are looked at (what they mean is [`crate::judge`]'s to say)

mod alarm_watch;
mod call;
mod claim;
mod command;
mod create;
mod effect;
mod hold;
mod hook;
mod phase;
mod prepare;
mod prerequisite;
mod retry;
mod rollback;
mod rollout;
mod snapshot;
mod status;
mod stopwatch;
mod take_up;
mod write;

pub use effect::{Command, Effect, EffectId, EffectResult, Input, Output};
pub use phase::{Phase, TRANSITIONS, Transition, Trigger, transition_diagram};
pub use rollout::Rollout;
pub use snapshot::Snapshot;
pub use status::Status;
pub use stopwatch::Stopwatch;
