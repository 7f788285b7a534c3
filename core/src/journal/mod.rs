//! A rollout's journal: a file from which another process carries on where this one died.
//!
//! Without one the alias itself is the record, and that is enough to strand nothing: the same plan, run again, finds
//! the weights, holds the step that they belong to anew, or rolls back. With one, holds keep their start, gates and
//! pauses their place, the event history goes on, and a second runner is kept out.
//!
//! Give it to [`Launch::journal`](crate::driver::Launch::journal):
//!
//! ```no_run
//! # use lambda_rollout::{RolloutPlan, driver::Launch, journal::Journal, ports::Ports};
//! # async fn example(plan: RolloutPlan, ports: Ports) -> Result<(), lambda_rollout::Error> {
//! let journal = Journal::open("/var/lib/releases/sample-handler.journal")?;
//! let mut rollout = Launch::new(plan, ports).journal(journal).start()?;
//! let outcome = rollout.wait().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # The file
//!
//! JSON, one object a line, appended to and never rewritten. Every line has a `kind`:
//!
//! | kind | what |
//! |---|---|
//! | `journal` | the first line: the format's number and the plan, without the hooks' parameters, which may be secret |
//! | `runner` | who writes from here on: host, process and when |
//! | `snapshot` | a [`Snapshot`](crate::machine::Snapshot): what has to be remembered to carry on |
//! | any other | an [`Event`](crate::Event), as in every event log |
//!
//! A snapshot is on the disk (`fsync`) before the write that it speaks of is sent. A last line that a dying process or
//! computer left torn is dropped; anything else that is not a journal's is refused. One file may hold several
//! rollouts of one plan, one after the other: the last one is carried on unless it has come to its end. An end that is
//! `unsettled` is none: the rollback is taken up again.
//!
//! The file is locked (`flock`, or what the system has in its place) as long as the rollout runs; the system lets go of
//! it when the process dies. It belongs on a disk of this computer: the rollout waits for it.

mod entry;
mod file;
mod history;
mod runner;

pub use file::Journal;
pub use history::History;
pub use runner::Runner;
