//! What the tests with the real AWS SDK stand on.
//!
//! - [`SimulatedEndpoint`]: the simulated account of the library behind Lambda's and CloudWatch's own wire
//!   formats, with faults to order. It is not an AWS emulator: it knows one function, one alias, its versions,
//!   hooks and alarms, and what a rollout calls. What it answers was written by the same hands as the library, so
//!   that it can prove what the library does after an answer, and not that AWS answers so.
//! - [`Ministack`]: an emulator by other hands, as the second opinion on that.

mod alarm_history;
mod answer;
mod cloudwatch;
mod control;
mod endpoint;
mod fault;
mod fixture;
mod held;
mod lambda;
mod ministack;
mod outside;
mod query;
mod trace;

pub use endpoint::{Request, SimulatedEndpoint};
pub use fault::Fault;
pub use fixture::{child, only, plan, run, scenario, split, version};
pub use held::{Arrived, Held};
pub use lambda::ENVIRONMENT_VALUE;
pub use ministack::Ministack;
