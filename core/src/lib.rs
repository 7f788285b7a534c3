//! Moves live traffic of an AWS Lambda function from one version to the next, a step at a time (canary, linear, any
//! list of steps), watches CloudWatch alarms while it does so, and puts everything back by itself when something
//! looks wrong.
//!
//! # Overview
//!
//! - A [`RolloutPlan`] says what is rolled out where, in which steps, and what is watched. It comes from a builder or
//!   from a TOML, JSON or YAML document; both check the same things.
//! - [`driver::start`] runs it through [`ports::Ports`]: those of an AWS account (`aws::Account`) or of the simulated
//!   one ([`sim::SimAccount`]).
//! - The [`driver::RolloutHandle`] gives the [`Event`]s, takes commands, and waits for the [`Outcome`]. The rollout is
//!   its own task: dropping a future or the handle never stops a shift half-way.
//!
//! # Example
//!
//! The whole story on the simulated account; virtual time makes it quick:
//!
//! ```
//! # #[cfg(all(feature = "runtime", feature = "sim"))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), lambda_rollout::Error> {
//! use lambda_rollout::driver::Launch;
//! use lambda_rollout::sim::{Scenario, SimAccount, drive};
//! use lambda_rollout::{OutcomeKind, RolloutPlan};
//!
//! let plan = RolloutPlan::builder("sample-handler", "main")
//!     .publish()
//!     .strategy_named("CANARY_10PERCENT_5MINUTES")
//!     .alarm("sample-handler-errors")
//!     .build()?;
//! let scenario = Scenario::shipped("broken").expect("it is shipped");
//! let account = SimAccount::new(&plan, &scenario, 1);
//!
//! let (mut rollout, task) = Launch::new(plan, account.ports()).into_task()?;
//! let (outcome, ()) = drive(&account, async { tokio::join!(rollout.wait(), task.run()) }, None).await;
//! assert_eq!(outcome?.kind, OutcomeKind::RolledBack);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "runtime", feature = "sim")))]
//! # fn main() {}
//! ```
//!
//! On AWS the account is another one, and the task runs by itself:
//!
//! ```no_run
//! # #[cfg(feature = "aws")]
//! # async fn release(plan: lambda_rollout::RolloutPlan) -> Result<(), lambda_rollout::Error> {
//! let account = lambda_rollout::aws::Account::for_plan(&plan).await?;
//! let mut rollout = lambda_rollout::driver::start(plan, account.ports())?;
//! let outcome = rollout.wait().await?;
//! println!("{}", outcome.kind);
//! # Ok(())
//! # }
//! ```
//!
//! # How it is built
//!
//! Everything that decides is pure: [`plan`], [`judge`] and [`machine`] know no runtime, no AWS, no clock and no
//! chance. [`driver`] carries their effects out through the [`ports`], and holds no policy. The project's DESIGN.md
//! numbers what is promised, S1 to S14; tests bear the numbers.
//!
//! # Crate features
//!
//! - **`aws`** (default): rollouts on AWS, over the AWS SDK. Brings `runtime`.
//! - **`sim`** (default): the simulated account on a virtual clock. With `runtime` also as ports for the driver.
//! - **`yaml`** (default): plans written in YAML.
//! - **`schema`** (default): the JSON Schema of the plan document.
//! - **`runtime`**: the driver and the handle, on tokio. Without it the crate is pure.
#![cfg_attr(
    not(all(feature = "runtime", feature = "sim")),
    allow(rustdoc::broken_intra_doc_links, reason = "the page links to what the features bring")
)]

pub mod account;
#[cfg(feature = "aws")]
pub mod aws;
#[cfg(feature = "runtime")]
pub mod budget;
#[cfg(feature = "runtime")]
pub mod driver;
pub mod error;
pub mod event;
#[cfg(all(feature = "runtime", any(feature = "aws", feature = "sim")))]
pub mod hosted;
pub mod iam;
#[cfg(feature = "runtime")]
pub mod journal;
pub mod judge;
pub mod machine;
pub mod plan;
#[cfg(feature = "runtime")]
pub mod ports;
#[cfg(feature = "sim")]
pub mod sim;
pub mod units;

pub use error::{Error, ErrorKind};
pub use event::{Event, EventKind, Outcome, OutcomeKind};
pub use plan::RolloutPlan;

/// The README's own code, compiled.
#[cfg(all(doctest, feature = "aws"))]
#[doc = include_str!("../../README.md")]
pub struct Readme;
