use std::fs;
use std::hint::black_box;
use std::time::Duration;

use lambda_rollout::hosted::{Host, HostOptions, HostedRollout, Item, Next, SimulatedStage, StartOptions};
use lambda_rollout::plan::Format;
use lambda_rollout::{EventKind, RolloutPlan};
use lambda_rollout_bench::mean_seconds;

const CALLS: u64 = 100_000;
const ROLLOUTS: u64 = 100;
const MANY: u64 = 1_000;
const NOW: Option<Duration> = Some(Duration::ZERO);

const PLAN: &str = r#"
function = "sample-handler"
alias = "main"
version = "2"
strategy = "CANARY_10PERCENT_5MINUTES"
alarms = { names = ["sample-handler-errors"] }
"#;

struct Stand {
    host: Host,
    plan: RolloutPlan,
}

impl Stand {
    fn start(&self, seed: u64) -> HostedRollout {
        let stage = SimulatedStage { seed: Some(seed), ..SimulatedStage::default() };
        self.host.start(self.plan.clone(), stage.into(), StartOptions::default()).expect("it fits")
    }
}

/// One round, as `bench/c/doors.c` makes it.
pub(crate) fn measure() {
    let plan = RolloutPlan::parse(PLAN, Format::Toml).expect("a plan");
    let stand = Stand { host: Host::new(&HostOptions::default()).expect("threads"), plan };
    memory(&stand);
    calls(&stand);
    for (name, with_json) in [("event", false), ("event_json", true)] {
        let mut count = 0;
        let all = mean_seconds(1, |_| {
            for seed in 0..ROLLOUTS {
                let rollout = stand.start(seed);
                while let Next::Item(item) = rollout.next(None).expect("it is open") {
                    if with_json {
                        black_box(serde_json::to_string(&item).expect("JSON"));
                    }
                    count += 1;
                }
            }
        });
        println!("{name} {}", all / f64::from(count));
    }
}

fn calls(stand: &Stand) {
    let rollout = stand.start(1);
    let Next::Item(item) = rollout.next(None).expect("it is open") else { panic!("it has begun") };
    let seq = |item: &Item| match item {
        Item::Event(event) => event.seq,
        _ => 0,
    };
    println!("accessor {}", mean_seconds(CALLS, |_| seq(black_box(&item))));
    let status = |_| serde_json::to_string(&rollout.status().expect("it is open")).expect("JSON");
    println!("status {}", mean_seconds(CALLS, status));
    rollout.detach().expect("it is open");
    println!("look {}", mean_seconds(CALLS, |_| rollout.next(NOW)));
}

fn memory(stand: &Stand) {
    let before = resident();
    let hold = |seed| {
        let rollout = stand.start(seed);
        while let Next::Item(item) = rollout.next(None).expect("it is open") {
            if matches!(&*item, Item::Event(event) if matches!(event.kind, EventKind::Shifted { .. })) {
                break;
            }
        }
        rollout
    };
    let held: Vec<HostedRollout> = (0..MANY).map(hold).collect();
    println!("memory {}", (resident() - before) / MANY as f64);
    // To their ends, so that none runs on under what is measured next.
    for rollout in held {
        rollout.wait(None).expect("it is open");
    }
}

/// What this process has in memory, in bytes.
fn resident() -> f64 {
    let statm = fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: f64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("pages");
    pages * 4096.0
}
