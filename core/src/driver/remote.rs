use tokio::sync::{mpsc, oneshot, watch};

use crate::error::{Error, ErrorKind};
use crate::machine::{Command, Status};

/// A command on its way to the rollout, with where its answer goes.
pub(super) type Order = (Command, oneshot::Sender<Result<(), Error>>);

/// Commands a rollout, and asks what it is doing, from any place of the program: what a
/// [`RolloutHandle`](super::RolloutHandle) does, without its events. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct RolloutRemote {
    pub(super) orders: mpsc::UnboundedSender<Order>,
    pub(super) status: watch::Receiver<Status>,
}

impl RolloutRemote {
    /// Gives a command. Returns when it is taken, not when it is done.
    ///
    /// # Errors
    /// [`ErrorKind::WrongState`] when it does not fit, or the rollout has ended.
    ///
    /// # Cancel safety
    /// Dropped after its first poll, the command was given all the same.
    pub async fn order(&self, command: Command) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        let ended = || Error::new(ErrorKind::WrongState, "the rollout has ended");
        self.orders.send((command, answer)).map_err(|_| ended())?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }

    /// What the rollout is doing now.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }
}
