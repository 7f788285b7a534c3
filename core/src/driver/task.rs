use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot, watch};

use super::handle::Order;
use super::perform::perform;
use crate::error::Error;
use crate::event::{Event, Outcome};
use crate::machine::{EffectId, EffectResult, Input, Output, Rollout, Status};
use crate::ports::Ports;
use crate::units::Timestamp;

/// The rollout itself, to be polled to its end.
///
/// All of it happens inside this one future, calls and waits included: nothing is spawned.
#[must_use = "a rollout does nothing unless its task is run"]
pub struct RolloutTask {
    pub(super) machine: Rollout,
    pub(super) ports: Ports,
    pub(super) events: mpsc::UnboundedSender<Box<Event>>,
    pub(super) orders: Option<mpsc::UnboundedReceiver<Order>>,
    pub(super) status: watch::Sender<Status>,
    pub(super) outcome: watch::Sender<Option<Outcome>>,
}

type Running = FuturesUnordered<BoxFuture<'static, (EffectId, EffectResult)>>;

/// What the task woke up for.
enum Woken {
    Done(EffectId, EffectResult),
    Ordered(Order),
    NoMoreOrders,
    Due,
}

impl RolloutTask {
    /// Runs the rollout to its end.
    ///
    /// # Cancel safety
    /// None: dropped, the rollout stops where it is, as if its process had died.
    pub async fn run(mut self) {
        let mut running = Running::new();
        let mut input = Some(Input::Start);
        let mut answer = None;
        loop {
            if let Some(input) = input.take() {
                let taken = self.machine.handle(input, self.ports.clock.now());
                let ended = self.drain(&mut running);
                self.status.send_replace(self.machine.status());
                reply(answer.take(), taken);
                if ended {
                    return;
                }
            }
            input = match self.wake(&mut running).await {
                Woken::Done(id, result) => Some(Input::Done(id, result)),
                Woken::Due => Some(Input::Tick),
                Woken::Ordered((command, sender)) => {
                    answer = Some(sender);
                    Some(Input::Command(command))
                }
                Woken::NoMoreOrders => {
                    self.orders = None;
                    None
                }
            };
        }
    }

    /// Does what comes out of the machine, in order. True at the end.
    fn drain(&mut self, running: &mut Running) -> bool {
        let plan = self.machine.plan();
        while let Some(output) = self.machine.poll() {
            match output {
                // The alias itself is the record that a new run starts from; no journal is kept.
                Output::Persist(_) => {}
                // Who does not listen any more has detached.
                Output::Event(event) => drop(self.events.send(Box::new(event))),
                Output::Effect(id, effect) => running.push(perform(&self.ports, &plan, id, effect)),
                Output::Done(outcome) => {
                    self.outcome.send_replace(Some(outcome));
                    return true;
                }
                Output::CheckPassed => return true,
            }
        }
        false
    }

    async fn wake(&mut self, running: &mut Running) -> Woken {
        let due = self.machine.deadline();
        let clock = &self.ports.clock;
        let order = async {
            match &mut self.orders {
                Some(orders) => orders.recv().await.map_or(Woken::NoMoreOrders, Woken::Ordered),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some((id, result)) = running.next() => Woken::Done(id, result),
            woken = order => woken,
            () = clock.wait_until(due.unwrap_or(Timestamp::MAX)), if due.is_some() => Woken::Due,
        }
    }
}

fn reply(answer: Option<oneshot::Sender<Result<(), Error>>>, taken: Result<(), Error>) {
    if let Some(answer) = answer {
        // Who gave the order may have stopped waiting for its answer.
        drop(answer.send(taken));
    }
}

impl std::fmt::Debug for RolloutTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RolloutTask").field("status", &self.machine.status()).finish_non_exhaustive()
    }
}
