//! Ctrl-C, SIGTERM and a closed terminal roll back. What further signals do is in `interrupted.rs`.

#![cfg(unix)]

mod support;

use std::process::Command;

use support::running::Running;
use support::{command, repository};

/// A simulated rollout that has its first weight at once and holds it for twelve real seconds.
const LINEAR: [&str; 5] = ["run", "examples/linear.toml", "--speed", "5", "--simulate"];

fn rolls_back(command: Command, signal: &str) {
    let mut running = Running::start(command);
    running.wait_for("10 % → version 7");
    running.send(signal);
    let run = running.finish();
    assert_eq!(run.code, 4, "{signal}: {}", run.err);
    assert!(run.err.contains("rolling back, then ending"), "{}", run.err);
    assert!(run.err.contains("aborted     main serves version 1 alone"), "{}", run.err);
    let events = run.events();
    let last = events.last().expect("events");
    assert_eq!((&last["kind"], &last["outcome"]), (&"finished".into(), &"aborted".into()));
}

#[test]
fn the_first_signal_rolls_back() {
    for signal in ["-INT", "-TERM"] {
        rolls_back(command(&[&LINEAR[..], &["--json"]].concat()), signal);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_closed_terminal_rolls_back() {
    // Whoever runs the tests may ignore the signal, and a child inherits that.
    let plain = command(&[]);
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP").arg(plain.get_program()).args(LINEAR).arg("--json");
    command.current_dir(repository()).env("LC_ALL", "C.UTF-8");
    rolls_back(command, "-HUP");
}

#[test]
#[cfg(target_os = "linux")]
fn nohup_keeps_a_closed_terminal_from_being_noticed() {
    let plain = command(&[]);
    let mut command = Command::new("nohup");
    command.arg(plain.get_program()).args(LINEAR).current_dir(repository()).env("LC_ALL", "C.UTF-8");
    let mut running = Running::start(command);
    running.wait_for("10 % → version 7");
    running.send("-HUP");
    // Had the first one been noticed, this one would not be the first.
    running.send("-TERM");
    let run = running.finish();
    assert_eq!(run.code, 4, "{}", run.err);
    assert!(run.err.contains("SIGTERM: rolling back") && !run.err.contains("SIGHUP"), "{}", run.err);
}

#[test]
fn before_any_traffic_moved_a_signal_refuses() {
    let mut running =
        Running::start(command(&["run", "examples/canary.toml", "--simulate", "--speed", "0.2"]));
    running.wait_for("published");
    running.send("-INT");
    let run = running.finish();
    assert_eq!(run.code, 3, "{}", run.err);
    assert!(run.err.contains("no traffic moved"), "{}", run.err);
}
