use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::answer::Answer;
use crate::endpoint::{Call, Request, Shared, lock};

/// A request yet to come, which the endpoint will keep waiting until the test has decided what becomes of it.
///
/// Dropped before the request has arrived, it lets that pass.
#[must_use = "the request waits for a decision"]
pub struct Held {
    pub(crate) shared: Arc<Mutex<Shared>>,
    pub(crate) waiting: oneshot::Receiver<Waiting>,
}

/// A request that has arrived and waits.
///
/// What is decided happens even if whoever sent it is gone by then. Dropped undecided, it is lost.
#[must_use = "the request waits for a decision"]
pub struct Arrived {
    shared: Arc<Mutex<Shared>>,
    waiting: Waiting,
}

/// The endpoint's end of a [`Held`].
pub(crate) type Hold = oneshot::Sender<Waiting>;

/// A request on its way from the connection to the test, with the way back.
pub(crate) struct Waiting {
    pub(crate) request: Request,
    pub(crate) call: Call,
    /// `None` once the connection is broken.
    pub(crate) answer: Option<oneshot::Sender<Answer>>,
}

impl Held {
    /// Waits until the request has arrived. For ever, if it never does.
    ///
    /// # Panics
    /// When the endpoint has ended.
    pub async fn arrived(self) -> Arrived {
        let waiting = self.waiting.await.expect("the endpoint outlives what it holds");
        Arrived { shared: self.shared, waiting }
    }
}

impl Arrived {
    /// The request.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.waiting.request
    }

    /// Its connection breaks. Whether it takes effect is still open.
    pub fn cut(&mut self) {
        self.waiting.answer = None;
    }

    /// It takes effect now, and is answered if anybody is there to hear it.
    pub fn apply(self) {
        let Waiting { request, call, answer } = self.waiting;
        let performed = call.perform(&request.body, &mut lock(&self.shared));
        if let Some(answer) = answer {
            let _gone = answer.send(performed);
        }
    }

    /// It never takes effect, and its connection breaks.
    pub fn lose(self) {}
}
