//! The cost of a door: the same calls and events in Rust and through the C ABI, in turn.
//!
//! `bench-doors PROGRAM` runs itself and `bench/c/doors.c`, compiled as PROGRAM, several times each.

mod rust;

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};
use std::{env, process};

use lambda_rollout_bench::{Samples, Table, bytes, seconds};

const ROUNDS: usize = 7;

/// What is measured, and what a reader calls it.
const FIGURES: [(&str, &str); 6] = [
    ("accessor", "an event's number"),
    ("look", "asking for an event, with none there"),
    ("status", "the status, as JSON"),
    ("event", "an event, with all of a simulated rollout that leads to it"),
    ("event_json", "the same, and its JSON"),
    ("memory", "memory of one of 1,000 rollouts that hold their first step"),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("--one-round") => rust::measure(),
        Some(program) => println!("{}", compare(program)),
        None => {
            eprintln!("usage: bench-doors PROGRAM, which is bench/c/doors.c");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn compare(program: &str) -> Table {
    let mut figures: BTreeMap<(String, bool), Vec<f64>> = BTreeMap::new();
    let itself = env::current_exe().expect("this program");
    for _ in 0..ROUNDS {
        for is_c in [false, true] {
            let mut command = if is_c { Command::new(program) } else { Command::new(&itself) };
            if !is_c {
                command.arg("--one-round");
            }
            for (name, figure) in round(&mut command) {
                figures.entry((name, is_c)).or_default().push(figure);
            }
        }
    }
    let mut table = Table::new(["", "Rust", "C", "× Rust", "spread"]);
    for (name, text) in FIGURES {
        let samples = |is_c| Samples::from_iter(figures[&(name.to_owned(), is_c)].iter().copied());
        let (rust, c) = (samples(false), samples(true));
        let show = if name == "memory" { bytes } else { seconds };
        let ratio = format!("{:.2}", c.median() / rust.median());
        table.row([text.to_owned(), show(rust.median()), show(c.median()), ratio, c.spread()]);
    }
    table
}

/// The figures of a process of its own, since memory that was used once is not given back.
fn round(command: &mut Command) -> Vec<(String, f64)> {
    let output = command.output().unwrap_or_else(|error| {
        eprintln!("{command:?}: {error}");
        process::exit(1);
    });
    assert!(output.status.success(), "{command:?}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("figures");
    let figure = |line: &str| {
        let (name, figure) = line.split_once(' ').expect("a name and a figure");
        (name.to_owned(), figure.parse().expect("a figure"))
    };
    text.lines().map(figure).collect()
}
