use std::fmt;
use std::sync::Arc;
#[cfg(unix)]
use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::Handle;

use super::host::complete;
use super::item::{Item, Next};
use super::process::Process;
use super::queue::Queue;
#[cfg(unix)]
use super::wake::WakeDescriptor;
use crate::account::{AlarmReading, HookReport};
use crate::driver::{RolloutHandle, RolloutRemote, RolloutTask};
use crate::error::Error;
use crate::event::Outcome;
use crate::machine::{Command, Status};

/// A rollout that runs on a [`Host`](super::Host), as the program sees it.
///
/// Dropping it closes it: the rollout runs on by itself, as long as its host does.
pub struct HostedRollout {
    process: Process,
    runtime: Handle,
    queue: Arc<Queue>,
    remote: RolloutRemote,
    #[cfg(unix)]
    wake: OnceLock<Arc<WakeDescriptor>>,
}

impl HostedRollout {
    pub(super) fn new(process: Process, runtime: Handle, queue: Arc<Queue>, remote: RolloutRemote) -> Self {
        Self {
            process,
            runtime,
            queue,
            remote,
            #[cfg(unix)]
            wake: OnceLock::new(),
        }
    }

    /// The next item. Waits for it as long as this, or without end; a time of zero does not wait.
    ///
    /// # Errors
    /// [`ErrorKind::WrongState`](crate::ErrorKind::WrongState) when the handle is closed, also meanwhile;
    /// [`ErrorKind::Forked`](crate::ErrorKind::Forked).
    pub fn next(&self, timeout: Option<Duration>) -> Result<Next, Error> {
        self.process.check()?;
        self.queue.next(timeout)
    }

    /// Waits for the end as long as this, or without end. `None` when it has not come by then.
    ///
    /// A request that nobody answers meanwhile has its own time on AWS. On the simulated account it keeps the clock, and
    /// so the end, from coming.
    ///
    /// # Errors
    /// As [`next`](Self::next); [`ErrorKind::Internal`](crate::ErrorKind::Internal) when the rollout was stopped by the
    /// end of its host or by a fault of this library. A failed canary is an [`Outcome`].
    pub fn wait(&self, timeout: Option<Duration>) -> Result<Option<Outcome>, Error> {
        self.process.check()?;
        self.queue.wait(timeout)
    }

    /// Answers for a hook.
    ///
    /// # Errors
    /// [`ErrorKind::Plan`](crate::ErrorKind::Plan) for an id that is of no hook's request;
    /// [`ErrorKind::WrongState`](crate::ErrorKind::WrongState) when it was answered already, or comes too late, or the
    /// handle is closed; [`ErrorKind::Forked`](crate::ErrorKind::Forked).
    pub fn answer_hook(&self, id: u64, report: HookReport) -> Result<(), Error> {
        self.check()?;
        self.queue.answer_hook(id, report)
    }

    /// Answers for alarms: with the readings of those that exist, or with why they cannot be read.
    ///
    /// # Errors
    /// As [`answer_hook`](Self::answer_hook), and [`ErrorKind::Plan`](crate::ErrorKind::Plan) for the reading of an alarm
    /// that was not asked for.
    pub fn answer_alarms(&self, id: u64, readings: Result<Vec<AlarmReading>, Error>) -> Result<(), Error> {
        self.check()?;
        self.queue.answer_alarms(id, readings)
    }

    /// Pauses, resumes, promotes or aborts. Returns when the command is taken, not when it is done.
    ///
    /// # Errors
    /// [`ErrorKind::WrongState`](crate::ErrorKind::WrongState) when it does not fit what the rollout is doing, as
    /// [`RolloutHandle`] says for each, or the handle is closed; [`ErrorKind::Internal`](crate::ErrorKind::Internal) when
    /// the host has ended; [`ErrorKind::Forked`](crate::ErrorKind::Forked).
    pub fn order(&self, command: Command) -> Result<(), Error> {
        self.check()?;
        let remote = self.remote.clone();
        complete(&self.runtime, async move { remote.order(command).await })?
    }

    /// What the rollout is doing now.
    ///
    /// # Errors
    /// When the handle is closed; [`ErrorKind::Forked`](crate::ErrorKind::Forked).
    pub fn status(&self) -> Result<Status, Error> {
        self.check()?;
        Ok(self.remote.status())
    }

    /// Whether the end has come. Items may still wait to be taken.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub fn has_ended(&self) -> Result<bool, Error> {
        self.check()?;
        Ok(self.queue.has_ended())
    }

    /// Lets the rollout run on by itself: the queue ends, and what the program is asked from here on fails. Commands,
    /// status and [`wait`](Self::wait) stay.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub fn detach(&self) -> Result<(), Error> {
        self.check()?;
        self.queue.detach();
        Ok(())
    }

    /// Lets the rollout run on by itself, and wakes whoever waits: their calls and all later ones answer an error.
    /// Closing what is closed does nothing, nor does it in a forked child.
    pub fn close(&self) {
        if !self.process.is_another() {
            self.queue.close();
        }
    }

    /// Calls this whenever there begins to be something to take (`true`; the end counts), and when all is taken (`false`).
    ///
    /// It is called on whichever thread made it so, one call at a time and in order. It must not block and must not call
    /// this rollout; what it is good for is to wake an event loop. One that panics is not called again.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub fn on_ready(&self, notifier: impl Fn(bool) + Send + 'static) -> Result<(), Error> {
        self.check()?;
        self.queue.add_notifier(Box::new(notifier));
        Ok(())
    }

    /// A descriptor that can be read from as long as there is something to take, for `poll` and event loops. Only to be
    /// waited for: it must not be read, written or closed, and is good as long as this handle is there.
    ///
    /// # Errors
    /// As [`status`](Self::status), and [`ErrorKind::Internal`](crate::ErrorKind::Internal) when the system has none.
    #[cfg(unix)]
    pub fn wake_descriptor(&self) -> Result<std::os::fd::BorrowedFd<'_>, Error> {
        self.check()?;
        if self.wake.get().is_none() {
            let wake = Arc::new(WakeDescriptor::new()?);
            if self.wake.set(Arc::clone(&wake)).is_ok() {
                self.queue.add_notifier(Box::new(move |ready| wake.show(ready)));
            }
        }
        Ok(self.wake.get().expect("set above, here or by another thread").descriptor())
    }

    fn check(&self) -> Result<(), Error> {
        self.process.check()?;
        self.queue.check_open()
    }
}

impl Drop for HostedRollout {
    fn drop(&mut self) {
        if self.process.is_another() {
            // One reference more each, so that none of the locks underneath is touched, which may be held for ever.
            std::mem::forget((Arc::clone(&self.queue), self.remote.clone(), self.runtime.clone()));
        } else {
            self.queue.close();
        }
    }
}

impl fmt::Debug for HostedRollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostedRollout").finish_non_exhaustive()
    }
}

/// The people of a simulated account; on AWS there are none.
#[cfg(feature = "sim")]
type People<'a> = Option<&'a crate::sim::SimAccount>;
#[cfg(not(feature = "sim"))]
type People<'a> = Option<&'a std::convert::Infallible>;

/// The rollout and what passes its events on, in one future.
pub(super) async fn run_to_the_end(
    mut rollout: RolloutHandle,
    task: RolloutTask,
    queue: &Queue,
    people: People<'_>,
) {
    let follow = async {
        match people {
            #[cfg(feature = "sim")]
            Some(account) => account.follow(&mut rollout, |event| queue.push(Item::Event(event))).await,
            _ => {
                while let Some(event) = rollout.next_event().await {
                    queue.push(Item::Event(event));
                }
            }
        }
        queue.end(rollout.wait().await);
    };
    tokio::join!(biased; follow, task.run());
}
