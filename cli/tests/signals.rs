//! Ctrl-C, SIGTERM and a closed terminal: the first one rolls back, the second one ends at once.

#![cfg(unix)]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};

use support::{command, finished, repository};

/// A simulated rollout that has its first weight at once and holds it for twelve real seconds.
const LINEAR: [&str; 5] = ["run", "examples/linear.toml", "--speed", "5", "--simulate"];

fn start(mut command: Command) -> (Child, BufReader<ChildStderr>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let said = BufReader::new(child.stderr.take().expect("it is piped"));
    (child, said)
}

fn wait_for(said: &mut BufReader<ChildStderr>, words: &str) {
    let mut all = String::new();
    while !all.contains(words) {
        assert!(said.read_line(&mut all).expect("readable") > 0, "it ended without `{words}`:\n{all}");
    }
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

/// What it says from now on, and its exit code.
fn rest(child: Child, mut said: BufReader<ChildStderr>) -> (String, support::Run) {
    let text = std::io::read_to_string(&mut said).expect("readable");
    (text, finished(&child.wait_with_output().expect("it ends")))
}

fn rolls_back(command: Command, signal: &str) {
    let (child, mut said) = start(command);
    wait_for(&mut said, "10 % → version 7");
    send(signal, &child);
    let (text, run) = rest(child, said);
    assert_eq!(run.code, 4, "{signal}: {text}");
    assert!(text.contains("rolling back, then ending"), "{text}");
    assert!(text.contains("aborted     main serves version 1 alone"), "{text}");
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
    let (child, mut said) = start(command);
    wait_for(&mut said, "10 % → version 7");
    send("-HUP", &child);
    // Had the first one been noticed, this one would be the second.
    send("-TERM", &child);
    let (text, run) = rest(child, said);
    assert_eq!(run.code, 4, "{text}");
    assert!(text.contains("SIGTERM: rolling back") && !text.contains("SIGHUP"), "{text}");
}

#[test]
fn before_any_traffic_moved_a_signal_refuses() {
    let (child, mut said) = start(command(&["run", "examples/canary.toml", "--simulate", "--speed", "0.2"]));
    wait_for(&mut said, "published");
    send("-INT", &child);
    let (text, run) = rest(child, said);
    assert_eq!(run.code, 3, "{text}");
    assert!(text.contains("no traffic moved"), "{text}");
}

#[test]
fn the_second_signal_ends_at_once_and_says_how_things_stand() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = folder.path().join("stuck.toml");
    // The write that would roll back never comes to an end.
    let fault = "[[faults]]\nfault = \"hang\"\ncall = \"write_alias\"\nnth = [2]\n";
    std::fs::write(&scenario, fault).expect("written");
    let (child, mut said) = start(command(&[&LINEAR[..], &[scenario.to_str().expect("a path")]].concat()));
    wait_for(&mut said, "10 % → version 7");
    send("-TERM", &child);
    wait_for(&mut said, "rolling back  aborted");
    send("-TERM", &child);
    let (text, run) = rest(child, said);
    assert_eq!(run.code, 5, "{text}");
    assert!(text.contains("left at once, while rolling back"), "{text}");
    assert!(text.contains("version 1 with 10 % on version 7, and a write may be under way"), "{text}");
    assert!(text.contains("lambda-rollout status"), "{text}");
}
