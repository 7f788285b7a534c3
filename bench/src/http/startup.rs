use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lambda_rollout::RolloutPlan;
use lambda_rollout::sim::Scenario;
use lambda_rollout_aws_tests::{Fault, Request, SimulatedEndpoint};
use lambda_rollout_bench::{Samples, Table, bytes, seconds};

const RUNS: usize = 20;
/// Far beyond what the slowest needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that goes from its start to the first write of the alias.
struct Contender {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<PathBuf>,
}

/// What one run of it showed.
struct Run {
    first_call: f64,
    first_write: f64,
    /// The most memory that the process had, where the system tells: the writing one, where there are several.
    memory: Option<f64>,
    calls: BTreeMap<String, u64>,
}

/// How long after its start the command's first write arrives, beside two programs that make the same calls.
pub(crate) fn measure(peers: &Path) -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let plan_file = here.join("first_write.toml");
    let plan = RolloutPlan::from_file(&plan_file)?;
    let command = std::env::current_exe()?.with_file_name("lambda-rollout");
    let contenders = [
        Contender { name: "lambda-rollout", program: command, arguments: vec!["run".into(), plan_file] },
        Contender {
            name: "boto3",
            program: peers.join("python"),
            arguments: vec![here.join("peers/first_write.py")],
        },
        Contender {
            name: "AWS CLI",
            program: "/bin/sh".into(),
            arguments: vec![here.join("peers/first_write.sh")],
        },
    ];
    let mut runs: Vec<Vec<Run>> = contenders.iter().map(|_| Vec::new()).collect();
    // The first round fills the caches, and is not counted.
    for round in 0..=RUNS {
        for (contender, runs) in contenders.iter().zip(&mut runs) {
            let run = contender.run(&plan, peers).map_err(|why| format!("{}: {why}", contender.name))?;
            if round > 0 {
                runs.push(run);
            }
        }
    }
    println!("## From process start to the first alias write, {RUNS} runs in turn\n");
    println!("{}", table(&contenders, &runs));
    for (contender, runs) in contenders.iter().zip(&runs) {
        let calls = runs[0].calls.iter().map(|(operation, count)| format!("{operation} {count}"));
        println!("- {}: {}", contender.name, calls.collect::<Vec<_>>().join(", "));
    }
    Ok(())
}

fn table(contenders: &[Contender], runs: &[Vec<Run>]) -> Table {
    let mut table = Table::new(["", "first call", "first write", "spread", "×", "peak memory"]);
    let of = |runs: &[Run], figure: fn(&Run) -> f64| -> Samples { runs.iter().map(figure).collect() };
    for (contender, runs_of_it) in contenders.iter().zip(runs) {
        let pairs = runs_of_it.iter().zip(&runs[0]);
        let ratio: Samples = pairs.map(|(run, ours)| run.first_write / ours.first_write).collect();
        let write = of(runs_of_it, |run| run.first_write);
        let memory: Option<Vec<f64>> = runs_of_it.iter().map(|run| run.memory).collect();
        table.row([
            contender.name.to_owned(),
            seconds(of(runs_of_it, |run| run.first_call).median()),
            seconds(write.median()),
            write.spread(),
            format!("{:.1}", ratio.median()),
            memory.map_or("–".to_owned(), |memory| bytes(memory.into_iter().collect::<Samples>().median())),
        ]);
    }
    table
}

impl Contender {
    /// Runs it against an account of its own until its write is there, which is never answered; then ends it.
    fn run(&self, plan: &RolloutPlan, peers: &Path) -> Result<Run, Box<dyn Error>> {
        let endpoint = SimulatedEndpoint::start(plan, &Scenario::default());
        endpoint.fault("UpdateAlias", 1, Fault::HangAfter);
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Nothing of the user's own: no configuration, no proxy.
        command.env_clear().envs([
            ("PATH", format!("{}:/usr/bin:/bin", peers.display())),
            ("AWS_ENDPOINT_URL", endpoint.url().to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "not-a-secret".to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ]);
        let start = Instant::now();
        let mut child = command.spawn()?;
        let written = until_written(&mut child, &endpoint, start);
        let memory = peak_memory(child.id());
        // It may have ended by itself.
        let _ended = child.kill();
        child.wait()?;
        written?;
        Ok(Run::of(&endpoint.requests(), start, memory))
    }
}

fn until_written(child: &mut Child, endpoint: &SimulatedEndpoint, start: Instant) -> Result<(), String> {
    while endpoint.requests_of("UpdateAlias").is_empty() {
        if start.elapsed() > PATIENCE {
            return Err(format!("no write within {PATIENCE:?}"));
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("ended without a write, {status}"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// The high-water mark of a living process, from Linux's `/proc`.
fn peak_memory(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024.0)
}

impl Run {
    fn of(requests: &[Request], start: Instant, memory: Option<f64>) -> Self {
        let after = |request: &Request| request.at.duration_since(start).as_secs_f64();
        let write = requests.iter().position(|request| request.operation == "UpdateAlias");
        let write = write.expect("the write is there");
        let mut calls = BTreeMap::new();
        for request in &requests[..=write] {
            *calls.entry(request.operation.clone()).or_default() += 1;
        }
        Self { first_call: after(&requests[0]), first_write: after(&requests[write]), memory, calls }
    }
}
