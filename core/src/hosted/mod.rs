//! Rollouts for programs in other languages: a runtime of the library's own, blocking calls, and one queue to pull from.
//!
//! A C, Go or Python program has no tokio runtime and wants none of its code run on foreign threads. So a [`Host`] keeps
//! the threads, and a [`HostedRollout`] hands out everything that happens as [`Item`]s of one queue: the events, and
//! also what the program is asked, where it wanted to answer for a hook or an alarm itself. It answers by the request's id,
//! from whichever thread. The one thing called on a library thread is the notifier of [`HostedRollout::on_ready`].
//!
//! ```
//! # #[cfg(feature = "sim")]
//! # fn main() -> Result<(), lambda_rollout::Error> {
//! use lambda_rollout::RolloutPlan;
//! use lambda_rollout::hosted::{Host, HostOptions, Item, Next, SimulatedStage, StartOptions};
//!
//! let plan = RolloutPlan::builder("sample-handler", "main").strategy_named("Canary10Percent5Minutes").build()?;
//! let host = Host::new(&HostOptions::default())?;
//! let rollout = host.start(plan, SimulatedStage::default().into(), StartOptions::default())?;
//! while let Next::Item(item) = rollout.next(None)? {
//!     if let Item::Event(event) = *item {
//!         println!("{}", event.kind.name());
//!     }
//! }
//! assert!(rollout.wait(None)?.is_some_and(|outcome| outcome.is_success()));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "sim"))]
//! # fn main() {}
//! ```
//!
//! # Threads
//!
//! Everything here may be used from any number of threads at once. Each item is handed out once. Whoever waits is woken
//! by the end, by [`HostedRollout::close`], and by the end of the host.
//!
//! # Time on the simulated account
//!
//! The virtual clock stands still while the program has a request to answer, so that thinking takes no time there. Without
//! a speed it also goes in step with the program: it moves only while the queue is empty and the program has asked for
//! more, or while it waits for the end. What a program does on seeing an event is then done at the event's own time, and
//! the same program with the same seed tells the same history.
//!
//! # Fork
//!
//! A child that was forked has none of the threads. There every call answers
//! [`ErrorKind::Forked`](crate::ErrorKind::Forked), and dropping things does nothing.

#[cfg(feature = "aws")]
mod accounts;
mod host;
mod item;
mod log_line;
mod options;
mod process;
mod queue;
mod requests;
mod rollout;
mod stage;
#[cfg(unix)]
mod wake;

pub use host::{Host, HostOptions};
pub use item::{Item, Next};
pub use log_line::log_line;
pub use options::{ProgramHook, StartOptions};
pub use rollout::HostedRollout;
#[cfg(feature = "sim")]
pub use stage::SimulatedStage;
pub use stage::Stage;
#[cfg(feature = "aws")]
pub use stage::{AwsStage, CredentialsSource};
