//! A small AWS account on a virtual clock: what a plan would do, seen in milliseconds and without an account.
//!
//! - [`simulate`] runs a plan through a [`Scenario`] as fast as it goes: the machine and the [`World`], nothing else.
//! - [`SimAccount`] and [`drive`] put the same world under the driver, with events, handle and commands as in a real
//!   rollout. That is what `lambda-rollout run PLAN --simulate` does. Both ways tell the same history.
//!
//! Every die is thrown from one seed: the same plan, scenario and seed give the same bytes.
//!
//! # What is modelled
//!
//! - The plan's function with its versions, `$LATEST`, publishing, updates in progress, versions that become active
//!   after a while or never; the alias with its revision ids, the refusal of stale ones, Lambda's rules for weights, and
//!   provisioned concurrency, which AWS moves with weights of its own.
//! - Requests that arrive one by one, find their version by the weights, and fail or take long as that version does.
//! - One-minute metrics that are late, and alarms that are evaluated every full minute as CloudWatch does it: M of N
//!   datapoints, the evaluation range, the four treatments of missing data, their history, and times in which CloudWatch
//!   cannot evaluate them.
//! - Hooks, people who give commands and approve gates, and other hands on the alias.
//! - Calls that take their time, are throttled or denied, get lost there or back, hang, come late, or end in a 500
//!   with or without effect; reads that lag; a runner that dies and comes back.
//!
//! Not modelled: throttled or queued invocations, cold starts, the time that an alias write takes to reach every host,
//! periods other than a minute, composite alarms, permissions, and the code itself.
//!
//! # How to write a scenario
//!
//! A TOML file, in which everything may be left out: an empty one is a healthy world with 20 requests a second. Alarms
//! that the plan names and the scenario does not describe watch the errors of the new version: one in a minute is
//! too many. These are all keys:
//!
//! ```toml
#![doc = include_str!("../../scenarios/every-key.toml")]
//! ```

#[cfg(feature = "runtime")]
mod account;
mod check;
mod cloudwatch;
mod commands;
mod document;
#[cfg(feature = "runtime")]
mod drive;
mod lambda;
mod run;
mod scenario;
mod traffic;
mod world;

#[cfg(feature = "runtime")]
pub use account::SimAccount;
#[cfg(feature = "runtime")]
pub use drive::drive;
#[cfg(feature = "runtime")]
pub(crate) use drive::drive_while;
pub use lambda::{AliasChange, Hand};
pub use run::{SimulatedRun, simulate};
pub use scenario::Scenario;
pub use world::World;
