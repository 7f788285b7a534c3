use std::sync::Arc;
use std::time::Duration;

use lambda_rollout::driver::{self, RolloutHandle, SystemClock};
use lambda_rollout::machine::{Input, Output, Phase, Rollout};
use lambda_rollout::plan::Format;
use lambda_rollout::ports::Ports;
use lambda_rollout::units::{RolloutId, Timestamp};
use lambda_rollout::{Error, RolloutPlan};
use lambda_rollout_bench::{Table, bytes};
use tokio::task::JoinHandle;

use crate::heap::{Counting, HeapUse};
use crate::still_account::StillAccount;

const MANY: usize = 1_000;
const PLAN: &str = r#"
function = "sample-handler"
alias = "main"
version = "2"
strategy = "CANARY_10PERCENT_5MINUTES"
alarms = { names = ["sample-handler-errors"] }
"#;

/// What a rollout that holds its first step keeps in memory, beside a task that only sleeps.
pub(crate) fn measure() -> Result<Table, Error> {
    let plan = RolloutPlan::parse(PLAN, Format::Toml)?;
    let shared = Arc::new(plan.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let (sleeping, running) = runtime.block_on(async { (sleeping_tasks().await, held_tasks(&plan).await) });
    let sizes = [
        ("yardstick: a tokio task that sleeps", sleeping),
        ("a plan", each(|| plan.clone())),
        ("a machine, its plan apart", each(|| held(&shared))),
        ("all of a running rollout: task, machine, plan, handle", running),
    ];
    let mut table = Table::new(["", "memory", "allocations", "× sleeping task"]);
    for (name, Size { bytes: size, allocations }) in sizes {
        let ratio = format!("{:.1}", size / sleeping.bytes);
        table.row([name.to_owned(), bytes(size), format!("{allocations:.0}"), ratio]);
    }
    Ok(table)
}

/// What one of many keeps on the heap, its own value included, and how often it allocated until then.
#[derive(Debug, Clone, Copy)]
struct Size {
    bytes: f64,
    allocations: f64,
}

impl Size {
    fn of(used: HeapUse) -> Self {
        let many = MANY as f64;
        Self { bytes: used.bytes_left as f64 / many, allocations: used.allocations as f64 / many }
    }

    fn plus(self, bytes: usize) -> Self {
        Self { bytes: self.bytes + bytes as f64, ..self }
    }
}

/// Bytes and allocations of one among many, once all are made.
fn each<T>(make: impl Fn() -> T) -> Size {
    let mut all = Vec::with_capacity(MANY);
    let counting = Counting::start();
    all.extend(std::iter::repeat_with(make).take(MANY));
    let used = counting.stop();
    Size::of(used).plus(size_of::<T>())
}

/// A machine that holds its first step.
fn held(plan: &Arc<RolloutPlan>) -> Rollout {
    let account = StillAccount::on_version_1();
    let now = Timestamp::from_millis(0);
    let mut rollout = Rollout::new(Arc::clone(plan), RolloutId::from_bits(1), now);
    let mut inputs = vec![Input::Start];
    while let Some(input) = inputs.pop() {
        rollout.handle(input, now).expect("a rollout takes its answers");
        while let Some(output) = rollout.poll() {
            if let Output::Effect(id, effect) = output {
                inputs.push(Input::Done(id, account.answer(&effect)));
            }
        }
    }
    assert_eq!(rollout.status().phase, Phase::Holding);
    rollout
}

/// The whole of a running rollout, as a service has it.
async fn held_tasks(plan: &RolloutPlan) -> Size {
    let clock = Arc::new(SystemClock::new());
    let start = || {
        let account = Arc::new(StillAccount::on_version_1());
        let ports = Ports {
            traffic: Arc::clone(&account) as _,
            alarms: Arc::clone(&account) as _,
            hooks: account,
            clock: Arc::clone(&clock) as _,
        };
        driver::start(plan.clone(), ports).expect("the plan has no hooks")
    };
    let until_held = async |mut rollout: RolloutHandle| {
        while rollout.status().phase != Phase::Holding {
            rollout.next_event().await.expect("it holds before it ends");
        }
        rollout
    };
    tasks(start, until_held).await
}

/// What a task of the runtime costs that does nothing but wait.
async fn sleeping_tasks() -> Size {
    #[expect(clippy::disallowed_methods, reason = "it is the runtime's own timer that is measured")]
    let start = || Sleeping(tokio::spawn(tokio::time::sleep(Duration::from_secs(300))));
    tasks(start, async |task| {
        tokio::task::yield_now().await;
        task
    })
    .await
}

/// The handle of a task that sleeps.
struct Sleeping(#[expect(dead_code, reason = "held as a rollout's handle is")] JoinHandle<()>);

/// Bytes and allocations of one of many tasks that stand still.
async fn tasks<T>(start: impl Fn() -> T, until_still: impl AsyncFn(T) -> T) -> Size {
    let mut all = Vec::with_capacity(2 * MANY);
    let mut used = None;
    // The first thousand bring the runtime's own memory to its size.
    for _ in 0..2 {
        let mut new = Vec::with_capacity(MANY);
        let counting = Counting::start();
        new.extend(std::iter::repeat_with(&start).take(MANY));
        for task in new.drain(..) {
            all.push(until_still(task).await);
        }
        used = Some(counting.stop());
    }
    Size::of(used.expect("two rounds were made")).plus(size_of::<T>())
}
