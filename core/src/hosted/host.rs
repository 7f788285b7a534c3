use std::collections::BTreeSet;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::runtime::{Builder, Handle, Runtime};

use super::options::StartOptions;
use super::process::Process;
use super::queue::Queue;
use super::rollout::{HostedRollout, run_to_the_end};
use super::stage::Stage;
use crate::account::{AlarmReading, AlarmTransition, HookMoment};
use crate::driver::{Launch, RolloutHandle, RolloutTask};
use crate::error::{Error, ErrorKind};
use crate::journal::Journal;
use crate::plan::{HookRunner, RolloutPlan};
use crate::ports::{AlarmPort, Ports};
use crate::units::{AlarmName, RolloutId, Timestamp};

/// How long the end of a host waits for its own threads. They are busy for longer only when the system keeps them so.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a host is made. As JSON: `{"worker_threads":2}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostOptions {
    /// Threads that run the rollouts, 1 to 64; thousands of rollouts need no more than two.
    pub worker_threads: usize,
}

impl Default for HostOptions {
    fn default() -> Self {
        Self { worker_threads: 2 }
    }
}

/// The threads that rollouts run on. A program needs one.
///
/// Dropping it ends the threads, and waits for them up to five seconds. A rollout that still runs stops where it is, as
/// if the process had died, and its handle says so; the same plan, run again, carries on. To put everything back,
/// abort it first and wait for its end.
#[derive(Debug)]
pub struct Host {
    process: Process,
    /// There until the drop.
    runtime: Option<Runtime>,
    handle: Handle,
    #[cfg(feature = "aws")]
    accounts: Arc<super::accounts::Accounts>,
}

impl Host {
    /// Starts the threads.
    ///
    /// # Errors
    /// [`ErrorKind::Plan`] for options that cannot be; [`ErrorKind::Internal`] when the system gives no thread.
    pub fn new(options: &HostOptions) -> Result<Self, Error> {
        let threads = options.worker_threads;
        if !(1..=64).contains(&threads) {
            let message = format!("worker_threads is a number from 1 to 64, and is not `{threads}`");
            return Err(Error::new(ErrorKind::Plan, message));
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("lambda-rollout")
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Internal, format!("no threads could be started: {error}"))
                    .with_source(error)
            })?;
        Ok(Self {
            process: Process::this(),
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
            #[cfg(feature = "aws")]
            accounts: Arc::default(),
        })
    }

    /// Starts a rollout.
    ///
    /// Rollouts on AWS that run at the same time and whose stages and environment say the same share an account: its
    /// configuration is read by the first of them, and they share its connections and its budget of calls.
    ///
    /// Waits while a journal is opened and, on EC2 without a Region said anywhere, for the metadata service.
    ///
    /// # Errors
    /// [`ErrorKind::Plan`] for options that do not fit the plan; [`ErrorKind::Config`] and [`ErrorKind::Journal`] as
    /// [`crate::aws::Account`] and [`Journal::open`] say; [`ErrorKind::Forked`].
    pub fn start(
        &self,
        plan: RolloutPlan,
        stage: Stage,
        options: StartOptions,
    ) -> Result<HostedRollout, Error> {
        self.process.check()?;
        let plan = options.apply_to(plan)?;
        match stage {
            #[cfg(feature = "aws")]
            Stage::Aws(stage) => {
                let queue = Arc::new(Queue::new(false));
                let (accounts, named) = (Arc::clone(&self.accounts), plan.clone());
                let account = self.complete(async move { accounts.get(stage, &named).await })??;
                let (rollout, task) = launch(plan, account.ports(), None, options, &queue)?;
                Ok(self.run(rollout, queue, |rollout, queue| async move {
                    run_to_the_end(rollout, task, &queue, None).await;
                }))
            }
            #[cfg(feature = "sim")]
            Stage::Simulated(stage) => {
                let pace = stage.pace()?;
                let queue = Arc::new(Queue::new(stage.speed.is_none()));
                let seed = stage.seed.unwrap_or_else(|| stage.scenario.seed());
                let account = crate::sim::SimAccount::new(&plan, &stage.scenario, seed);
                let id = Some(account.rollout_id());
                let (rollout, task) = launch(plan, account.ports(), id, options, &queue)?;
                Ok(self.run(rollout, queue, move |rollout, queue| async move {
                    let gate = Arc::clone(&queue);
                    let run = run_to_the_end(rollout, task, &queue, Some(&account));
                    crate::sim::drive_while(&account, run, pace, |cx| gate.lets_the_clock_move(cx)).await;
                }))
            }
        }
    }

    fn run<F: Future<Output = ()> + Send + 'static>(
        &self,
        rollout: RolloutHandle,
        queue: Arc<Queue>,
        run: impl FnOnce(RolloutHandle, Arc<Queue>) -> F,
    ) -> HostedRollout {
        let hosted =
            HostedRollout::new(self.process, self.handle.clone(), Arc::clone(&queue), rollout.remote());
        let end = AtLeastAnEnd(Arc::clone(&queue));
        let run = run(rollout, queue);
        self.handle.spawn(async move {
            let _end = end;
            run.await;
        });
        hosted
    }

    /// Waits for a future that the host's threads run. Unlike tokio's own way this can be done anywhere.
    #[cfg(feature = "aws")]
    fn complete<F: Future<Output: Send + 'static> + Send + 'static>(
        &self,
        future: F,
    ) -> Result<F::Output, Error> {
        complete(&self.handle, future)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        if self.process.is_another() {
            // Its threads are not here, and waiting for them would never end.
            std::mem::forget(runtime);
        } else if Handle::try_current().is_ok() {
            // On a thread of a runtime, perhaps its own, which cannot wait for itself.
            runtime.shutdown_background();
        } else {
            runtime.shutdown_timeout(PATIENCE);
        }
    }
}

/// Waits for a future that a runtime's threads run.
pub(super) fn complete<F: Future<Output: Send + 'static> + Send + 'static>(
    runtime: &Handle,
    future: F,
) -> Result<F::Output, Error> {
    let (done, wait) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        // Who waits is there until it has its answer.
        drop(done.send(future.await));
    });
    wait.recv().map_err(|_| gone())
}

/// Ends the queue when the rollout's future goes without having done so: with its runtime, or by a fault.
struct AtLeastAnEnd(Arc<Queue>);

impl Drop for AtLeastAnEnd {
    fn drop(&mut self) {
        self.0.end(Err(gone()));
    }
}

fn gone() -> Error {
    Error::new(
        ErrorKind::Internal,
        "the host's threads have ended, or failed, before the rollout did; run the same plan again to carry on",
    )
}

/// The rollout with everything in it that the program answers.
fn launch(
    plan: RolloutPlan,
    ports: Ports,
    id: Option<RolloutId>,
    options: StartOptions,
    queue: &Arc<Queue>,
) -> Result<(RolloutHandle, RolloutTask), Error> {
    let asked: Vec<HookMoment> = [HookMoment::BeforeTraffic, HookMoment::AfterTraffic]
        .into_iter()
        .filter(|moment| plan.hook(*moment).is_some_and(|hook| *hook.runner() == HookRunner::InProcess))
        .collect();
    let ports = match options.alarms.is_empty() {
        true => ports,
        false => Ports {
            alarms: Arc::new(ProgramAlarms {
                queue: Arc::clone(queue),
                names: options.alarms,
                others: ports.alarms,
            }),
            ..ports
        },
    };
    let mut launch = Launch::new(plan, ports);
    for moment in asked {
        let queue = Arc::clone(queue);
        let ask = move |request| {
            let queue = Arc::clone(&queue);
            async move { queue.ask_hook(request).await }
        };
        launch = match moment {
            HookMoment::BeforeTraffic => launch.before_traffic(ask),
            HookMoment::AfterTraffic => launch.after_traffic(ask),
        };
    }
    if let Some(id) = options.rollout_id.or(id) {
        launch = launch.rollout_id(id);
    }
    if let Some(path) = options.journal {
        launch = launch.journal(Journal::open(path)?);
    }
    launch.into_task()
}

/// Alarms of which the program reads some.
struct ProgramAlarms {
    queue: Arc<Queue>,
    names: BTreeSet<AlarmName>,
    others: Arc<dyn AlarmPort>,
}

#[async_trait]
impl AlarmPort for ProgramAlarms {
    async fn read_alarms(&self, names: &[AlarmName]) -> Result<Vec<AlarmReading>, Error> {
        let (own, others): (Vec<AlarmName>, Vec<AlarmName>) =
            names.iter().cloned().partition(|name| self.names.contains(name));
        let own = async { if own.is_empty() { Ok(Vec::new()) } else { self.queue.ask_alarms(own).await } };
        let others =
            async { if others.is_empty() { Ok(Vec::new()) } else { self.others.read_alarms(&others).await } };
        let (mut readings, others) = tokio::try_join!(own, others)?;
        readings.extend(others);
        Ok(readings)
    }

    async fn read_alarm_history(
        &self,
        alarm: &AlarmName,
        after: Timestamp,
    ) -> Result<Vec<AlarmTransition>, Error> {
        if self.names.contains(alarm) {
            return Err(Error::new(
                ErrorKind::Rejected,
                "the program that answers this alarm keeps no history",
            ));
        }
        self.others.read_alarm_history(alarm, after).await
    }
}

#[cfg(all(test, feature = "sim"))]
mod tests {
    use super::*;
    use crate::OutcomeKind;
    use crate::hosted::Next;
    use crate::journal::StandIn;
    use crate::machine::Command;
    use crate::sim::{Scenario, SimAccount, drive_while};

    const LONG: Option<Duration> = Some(Duration::from_secs(30));

    fn plan() -> RolloutPlan {
        let plan = RolloutPlan::builder("sample-handler", "main").publish();
        plan.strategy_named("Canary10Percent5Minutes").build().expect("a good plan")
    }

    /// Starts a rollout with its journal on this disk.
    fn start(host: &Host, disk: &StandIn) -> HostedRollout {
        let (queue, plan) = (Arc::new(Queue::new(true)), plan());
        let account = SimAccount::new(&plan, &Scenario::default(), 1);
        let launch = Launch::new(plan, account.ports()).journal(Journal::on(disk));
        let (rollout, task) = launch.into_task().expect("it fits");
        host.run(rollout, queue, move |rollout, queue| async move {
            let gate = Arc::clone(&queue);
            let run = run_to_the_end(rollout, task, &queue, Some(&account));
            drive_while(&account, run, None, |cx| gate.lets_the_clock_move(cx)).await;
        })
    }

    fn run_until(rollout: &HostedRollout, kind: &str) {
        loop {
            match rollout.next(LONG).expect("it is open") {
                Next::Item(item) if item.kind_name() == kind => return,
                Next::Item(_) => {}
                other => panic!("it came to {other:?} before `{kind}`"),
            }
        }
    }

    #[test]
    fn journals_that_hang_stop_no_other_rollout_and_no_command() {
        let host = Host::new(&HostOptions::default()).expect("two threads");
        let disks: Vec<StandIn> = (0..4).map(|_| StandIn::default()).collect();
        let hung: Vec<HostedRollout> = disks
            .iter()
            .map(|disk| {
                let rollout = start(&host, disk);
                run_until(&rollout, "shifted");
                disk.stall();
                run_until(&rollout, "step_held");
                rollout
            })
            .collect();
        let folder = tempfile::tempdir().expect("a folder");
        let options =
            StartOptions { journal: Some(folder.path().join("journal")), ..StartOptions::default() };
        let third = host.start(plan(), crate::hosted::SimulatedStage::default().into(), options);
        let third = third.expect("it fits");
        let outcome = third.wait(LONG).expect("it is open").expect("it came to its end");
        assert_eq!(outcome.kind, OutcomeKind::Promoted);
        for (rollout, disk) in hung.iter().zip(&disks) {
            rollout.order(Command::Abort { reason: "enough".into() }).expect("it is taken");
            run_until(rollout, "rolled_back");
            disk.thaw();
            let outcome = rollout.wait(LONG).expect("it is open").expect("it came to its end");
            assert_eq!(outcome.kind, OutcomeKind::Aborted);
        }
    }
}
