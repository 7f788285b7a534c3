//! Runs a rollout: drains the machine's outputs, performs its effects on the ports, sleeps to its deadline and
//! passes results back. It holds no policy; everything that decides is in [`crate::machine`].

mod check;
mod clock;
mod handle;
mod in_process;
mod launch;
mod perform;
mod remote;
mod repair;
mod task;
#[cfg(all(test, feature = "sim"))]
mod tests;

pub use check::{CHECK_LIMIT, CheckReport, FirstMove, check, check_within};
pub use clock::SystemClock;
pub use handle::RolloutHandle;
pub use launch::{Launch, start};
pub use remote::RolloutRemote;
pub use repair::{Repair, RepairEnd, repair};
pub use task::RolloutTask;
