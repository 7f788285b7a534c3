use tokio::sync::{mpsc, watch};

use super::remote::RolloutRemote;
use crate::error::{Error, ErrorKind};
use crate::event::{Event, Outcome};
use crate::machine::{Command, Status};
use crate::units::RolloutId;

/// A running rollout, as the program that started it sees it.
///
/// The rollout is its own task. Dropping this handle, like [`detach`](Self::detach), lets it run on; dropping or
/// cancelling a future of this handle stops that future alone. Only [`abort`](Self::abort) stops a rollout, and
/// shutting down the runtime that it runs on does too: then it ends where it is, and the same plan, run again,
/// carries on from there.
#[derive(Debug)]
pub struct RolloutHandle {
    pub(super) id: RolloutId,
    // Boxed: the channel's first block has room for 32 of them, whether they come or not.
    pub(super) events: mpsc::UnboundedReceiver<Box<Event>>,
    pub(super) remote: RolloutRemote,
    pub(super) outcome: watch::Receiver<Option<Outcome>>,
}

impl RolloutHandle {
    /// The rollout's id, as it stands in its events.
    #[must_use]
    pub fn id(&self) -> &RolloutId {
        &self.id
    }

    /// Another way to command the rollout and to ask for its status, for who has not got this handle in hand.
    #[must_use]
    pub fn remote(&self) -> RolloutRemote {
        self.remote.clone()
    }

    /// The next event; `None` after `finished`. Events are kept until they are taken.
    ///
    /// # Cancel safety
    /// Dropping the future loses no event.
    pub async fn next_event(&mut self) -> Option<Event> {
        self.events.recv().await.map(|event| *event)
    }

    /// Waits for the end.
    ///
    /// # Cancel safety
    /// Dropping the future stops the waiting alone; the rollout runs on.
    ///
    /// # Errors
    /// Only when the rollout's task was killed, with its runtime or by a fault of this library. A failed canary is an [`Outcome`].
    pub async fn wait(&mut self) -> Result<Outcome, Error> {
        let ended = self.outcome.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
        ended.ok().flatten().ok_or_else(gone)
    }

    /// No shift until [`resume`](Self::resume). The hold's clock stops; alarms stay watched, and roll back.
    ///
    /// # Errors
    /// [`ErrorKind::WrongState`] when it is paused already, is being rolled back, or has ended.
    pub async fn pause(&self) -> Result<(), Error> {
        self.remote.order(Command::Pause).await
    }

    /// Goes on after a pause, or approves the gate that the rollout waits at.
    ///
    /// # Errors
    /// [`ErrorKind::WrongState`] when it neither is paused nor waits, or has ended.
    pub async fn resume(&self) -> Result<(), Error> {
        self.remote.order(Command::Resume).await
    }

    /// Shifts all traffic to the canary version now, without the remaining holds. The hook after traffic and the
    /// bake follow as planned; asked for again during the bake, it ends that.
    ///
    /// # Errors
    /// [`ErrorKind::WrongState`] before pre-flight has passed, while being rolled back (a firing alarm has had that
    /// done), or after the end.
    pub async fn promote(&self) -> Result<(), Error> {
        self.remote.order(Command::Promote).await
    }

    /// Puts everything back and ends. Returns when the order is taken; [`wait`](Self::wait) tells when it is done.
    ///
    /// # Errors
    /// [`ErrorKind::WrongState`] while being rolled back already, or after the end.
    pub async fn abort(&self, reason: impl Into<String>) -> Result<(), Error> {
        self.remote.order(Command::Abort { reason: reason.into() }).await
    }

    /// What the rollout is doing now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.remote.status()
    }

    /// Waits until the status has changed since it was last looked at; `None` after the end.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: the next call returns at once.
    pub async fn next_status(&mut self) -> Option<Status> {
        self.remote.status.changed().await.ok()?;
        Some(self.remote.status.borrow_and_update().clone())
    }

    /// Lets the rollout run on by itself, on the runtime that it was started on.
    pub fn detach(self) {}
}

fn gone() -> Error {
    Error::new(
        ErrorKind::Internal,
        "the rollout's task ended before its time, with its runtime or by a fault; run the same plan again to carry on",
    )
}
