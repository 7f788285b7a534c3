use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::handle::RolloutHandle;
use super::in_process::InProcessHooks;
use super::task::RolloutTask;
use crate::account::{HookMoment, HookReport, HookRequest};
use crate::error::{Error, ErrorKind};
use crate::journal::{Journal, Runner};
use crate::machine::Rollout;
use crate::plan::{HookRunner, RolloutPlan};
use crate::ports::Ports;
use crate::units::RolloutId;

/// Starts a rollout of this plan on the current tokio runtime.
///
/// Short for [`Launch::new`] and [`Launch::start`].
///
/// # Errors
/// When the plan has an in-process hook: those are given to [`Launch`].
pub fn start(plan: RolloutPlan, ports: Ports) -> Result<RolloutHandle, Error> {
    Launch::new(plan, ports).start()
}

/// A rollout about to start, with what a plan alone cannot say: in-process hooks, a journal, an id of one's own.
///
/// ```
/// # use lambda_rollout::{RolloutPlan, account::HookReport, driver::Launch, plan::Hook, ports::Ports};
/// # async fn example(plan: RolloutPlan, ports: Ports) -> Result<(), lambda_rollout::Error> {
/// let mut rollout = Launch::new(plan, ports)
///     .before_traffic(async |request| match request.canary_version.number() {
///         13 => HookReport::fail("unlucky"),
///         _ => HookReport::pass("looks well"),
///     })
///     .start()?;
/// let outcome = rollout.wait().await?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct Launch {
    plan: RolloutPlan,
    ports: Ports,
    id: Option<RolloutId>,
    hooks: InProcessHooks,
    journal: Option<Journal>,
}

impl Launch {
    /// A rollout of this plan through these ports.
    pub fn new(plan: RolloutPlan, ports: Ports) -> Self {
        let hooks = InProcessHooks::around(Arc::clone(&ports.hooks));
        Self { plan, ports, id: None, hooks, journal: None }
    }

    /// Writes a journal, and carries on what it tells of, if that has not come to its end.
    ///
    /// Before each raise the rollout waits until the journal is on the disk, with room behind it for the record of a rollback.
    /// Where that is not so within ten seconds the weight does not rise: what had moved is rolled back. The rollback itself
    /// does not wait for the journal, and neither do alarms or commands.
    pub fn journal(mut self, journal: Journal) -> Self {
        self.journal = Some(journal);
        self
    }

    /// Gives the rollout an id; otherwise it gets a random one. One that a journal carries on keeps its own.
    pub fn rollout_id(mut self, id: RolloutId) -> Self {
        self.id = Some(id);
        self
    }

    /// Answers for the plan's in-process hook before traffic ([`crate::plan::Hook::in_process`]).
    ///
    /// The closure runs on the rollout's own task and must not block it; a panic in it fails the hook.
    /// Its future is dropped when its time is up or the rollout is put back meanwhile.
    pub fn before_traffic<F, R>(mut self, hook: F) -> Self
    where
        F: Fn(HookRequest) -> R + Send + Sync + 'static,
        R: Future<Output = HookReport> + Send + 'static,
    {
        self.hooks.set(HookMoment::BeforeTraffic, hook);
        self
    }

    /// Answers for the plan's in-process hook after traffic. As [`before_traffic`](Self::before_traffic) otherwise.
    pub fn after_traffic<F, R>(mut self, hook: F) -> Self
    where
        F: Fn(HookRequest) -> R + Send + Sync + 'static,
        R: Future<Output = HookReport> + Send + 'static,
    {
        self.hooks.set(HookMoment::AfterTraffic, hook);
        self
    }

    /// Starts the rollout on the current tokio runtime.
    ///
    /// # Errors
    /// [`ErrorKind::Plan`] when the plan has an in-process hook that nobody answers for, or the other way round;
    /// [`ErrorKind::Journal`] when the journal is of another plan or cannot be written, or when its disk has no room for what
    /// a rollback would have to write. Where there is one this waits for its disk, up to ten seconds.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(self) -> Result<RolloutHandle, Error> {
        let (handle, task) = self.into_task()?;
        tokio::spawn(task.run());
        Ok(handle)
    }

    /// The handle and the task apart, for who polls the task himself, as the simulated account's virtual clock does.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn into_task(mut self) -> Result<(RolloutHandle, RolloutTask), Error> {
        self.check_hooks()?;
        let now = self.ports.clock.now();
        let unfinished = match &mut self.journal {
            Some(journal) => journal.begin(&self.plan, now)?,
            None => None,
        };
        let plan = Arc::new(self.plan);
        let machine = match unfinished {
            Some(snapshot) => Rollout::restore(plan, snapshot, now),
            None => {
                let id = self.id.unwrap_or_else(random_id);
                Rollout::new(plan, id, now)
            }
        };
        let machine = machine.run_by(Runner::this_process(now).in_short());
        let ports = Ports { hooks: Arc::new(self.hooks), ..self.ports };
        Ok(RolloutTask::new(machine, ports, self.journal))
    }

    fn check_hooks(&self) -> Result<(), Error> {
        for moment in [HookMoment::BeforeTraffic, HookMoment::AfterTraffic] {
            let planned = self.plan.hook(moment).is_some_and(|hook| *hook.runner() == HookRunner::InProcess);
            let message = match (planned, self.hooks.has(moment)) {
                (true, false) => {
                    format!("the plan has an in-process hook `{moment}`, and nobody answers for it")
                }
                (false, true) => {
                    format!("a hook `{moment}` was given, and the plan has no in-process hook there")
                }
                _ => continue,
            };
            return Err(Error::new(ErrorKind::Plan, message));
        }
        Ok(())
    }
}

/// An id that no other rollout has.
pub(super) fn random_id() -> RolloutId {
    RolloutId::from_bits(RandomState::new().hash_one(()))
}
