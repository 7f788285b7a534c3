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
//! A snapshot is on the disk (`fsync`) before the raise that it speaks of is sent; the write that rolls back waits for
//! nothing. Lines are written by threads of the library's own, by disk, so that one that hangs or fails stops neither the
//! polling of alarms nor other rollouts. A raise waits ten seconds for it and is not made then; the end is told after
//! three. Only opening a journal and starting a rollout with one wait for the disk on the caller's thread.
//!
//! Behind the end of the file room is reserved (`fallocate`, on Linux, where the filesystem can), so that a disk that
//! becomes full keeps no rollback from being written down: 64 KiB, or sixteen times the longest line, filled up again when
//! half of it is used. Readers see only what was written. Where that half is missing no weight rises, and no rollout is
//! begun; one that is carried on rolls back at the latest when it would raise. As long as the disk is full, snapshots
//! that say only how far the alarms were watched are left out. At the end the room is given back; a process that died
//! leaves it to the next.
//!
//! A last line that a dying process or computer left torn is dropped; anything else that is not a journal's is refused.
//! One file may hold several rollouts of one plan, one after the other: the last one is carried on unless it has come to
//! its end. An end that is `unsettled` is none: the rollback is taken up again.
//!
//! The file is locked (`flock`, or what the system has in its place) as long as the rollout runs, and as long as a disk
//! that hangs has its last lines; the system lets go of it when the process dies. Linux keeps a process that has exited in
//! its table until such a disk answers: the outcome is told before that.

mod entry;
mod file;
mod history;
mod runner;
#[cfg(test)]
mod stand_in;
mod storage;
mod tail;
mod threads;
mod writer;

pub use file::Journal;
pub use history::History;
pub use runner::Runner;
#[cfg(test)]
pub(crate) use stand_in::StandIn;
pub(crate) use writer::Durable;
