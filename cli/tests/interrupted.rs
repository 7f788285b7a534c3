//! One wish to end often comes as several signals. None of them cuts the rollback short; a deliberate second one leaves,
//! and says how the alias is.

#![cfg(unix)]

mod support;

use std::io::Write;
use std::process::Stdio;

use lambda_rollout_aws_tests::{Fault, Held, only, split};
use support::running::{Running, ends_rolled_back, later_than_one_wish};
use support::setting::{Setting, holding};

/// A rollout at 10 %. The write that rolls it back is the second one.
fn at_ten_percent() -> (Setting, Running) {
    let setting = Setting::new(&holding("100ms"));
    let mut running = Running::start(setting.command(&["run", &setting.plan()]));
    running.wait_for("10 % → version 2");
    (setting, running)
}

fn arrived(held: Held) -> lambda_rollout_aws_tests::Arrived {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(held.arrived())
}

#[test]
fn several_signals_at_once_are_one_wish() {
    for signals in [["-INT", "-INT", "-INT"], ["-HUP", "-HUP", "-TERM"], ["-TERM", "-HUP", "-INT"]] {
        let (setting, running) = at_ten_percent();
        signals.iter().for_each(|signal| running.send(signal));
        ends_rolled_back(&setting, running);
    }
}

#[test]
fn further_signals_wait_for_a_restoring_write_that_is_slow() {
    let (setting, mut running) = at_ten_percent();
    let held = setting.endpoint.hold("UpdateAlias", 2);
    running.send("-INT");
    let write = arrived(held);
    for (signal, name) in [("-INT", "Ctrl-C"), ("-TERM", "SIGTERM")] {
        running.send(signal);
        running.wait_for(&format!("{name}: already rolling back"));
    }
    assert_eq!(setting.routing(), split(10.0));
    write.apply();
    ends_rolled_back(&setting, running);
}

#[test]
fn further_signals_wait_for_a_restoring_write_that_is_throttled() {
    let (setting, mut running) = at_ten_percent();
    setting.endpoint.fault("UpdateAlias", 2, Fault::Throttle);
    let held = setting.endpoint.hold("UpdateAlias", 3);
    running.send("-TERM");
    let write = arrived(held);
    running.send("-TERM");
    running.wait_for("SIGTERM: already rolling back");
    write.apply();
    ends_rolled_back(&setting, running);
}

/// SIGINT, 7.5 seconds, SIGTERM, 2.5 seconds, SIGKILL. The first restoring write is never answered, so that another one
/// is under way when SIGTERM comes.
#[test]
fn a_cancelled_ci_job_is_rolled_back() {
    let (setting, mut running) = at_ten_percent();
    setting.endpoint.fault("UpdateAlias", 2, Fault::Hang);
    let held = setting.endpoint.hold("UpdateAlias", 3);
    running.send("-INT");
    let write = arrived(held);
    running.send("-TERM");
    running.wait_for("SIGTERM: already rolling back");
    write.apply();
    ends_rolled_back(&setting, running);
}

#[test]
fn a_deliberate_second_signal_waits_for_the_write_in_flight() {
    let (setting, mut running) = at_ten_percent();
    let held = setting.endpoint.hold("UpdateAlias", 2);
    running.send("-INT");
    let write = arrived(held);
    later_than_one_wish();
    running.send("-INT");
    running.wait_for("leaving within 5s");
    write.apply();
    ends_rolled_back(&setting, running);
}

#[test]
fn a_deliberate_second_signal_leaves_and_says_how_the_alias_is() {
    let (setting, running) = at_ten_percent();
    setting.endpoint.fault_always("UpdateAlias", Some(Fault::Throttle));
    running.send("-TERM");
    later_than_one_wish();
    running.send("-TERM");
    let run = running.finish();
    assert_eq!((run.code, setting.routing()), (5, split(10.0)), "{}", run.err);
    for words in [
        "left on SIGTERM while rolling back, before the rollback was done",
        "alias main is on version 1 with 10 % on version 2, read just now; a write may still be under way",
        "lambda-rollout status sample-handler:main",
    ] {
        assert!(run.err.contains(words), "`{words}` is missing in:\n{}", run.err);
    }
}

#[test]
fn what_cannot_be_known_on_leaving_is_not_said() {
    let (setting, running) = at_ten_percent();
    setting.endpoint.fault_always("UpdateAlias", Some(Fault::Hang));
    setting.endpoint.fault_always("GetAlias", Some(Fault::Hang));
    running.send("-TERM");
    later_than_one_wish();
    running.send("-TERM");
    let run = running.finish();
    assert_eq!(run.code, 5, "{}", run.err);
    let words = "alias main was last seen on version 1 with 10 % on version 2, and could not be read now";
    assert!(run.err.contains(words) && run.err.contains("a write may still be under way"), "{}", run.err);
}

/// Bash passes the SIGHUP of its terminal on, and the kernel sends another one when bash has ended.
#[test]
#[cfg(target_os = "linux")]
fn a_terminal_that_closes_under_an_interactive_bash_is_one_wish() {
    let setting = Setting::new(&holding("100ms"));
    let plain = setting.command(&[]);
    let mut script = std::process::Command::new("script");
    script
        .args(["-qfec", "bash --norc -i", "/dev/null"])
        .envs(plain.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let Ok(mut terminal) = script.stdin(Stdio::piped()).stdout(Stdio::null()).spawn() else {
        assert!(std::env::var_os("CI").is_none(), "`script` is needed");
        return println!("SKIP: there is no `script` to make a terminal");
    };
    let events = setting.path("events");
    let made = std::process::Command::new("mkfifo").arg(&events).status().expect("mkfifo runs");
    assert!(made.success());
    let line = format!(
        "echo $$ > {}; {} run {} --json > {events}\n",
        setting.path("bash"),
        plain.get_program().to_str().expect("UTF-8"),
        setting.plan(),
    );
    terminal.stdin.as_mut().expect("piped").write_all(line.as_bytes()).expect("typed");
    // It ends with the command, which has no terminal to say its end on.
    let reading = std::thread::spawn(move || std::fs::read_to_string(events).expect("readable"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(setting.endpoint.arrived("UpdateAlias", 1));
    let seen = setting.endpoint.requests_of("DescribeAlarms").len();
    runtime.block_on(setting.endpoint.arrived("DescribeAlarms", seen + 2));
    let held = setting.endpoint.hold("UpdateAlias", 2);
    terminal.kill().expect("killed");
    terminal.wait().expect("it ends");
    let write = arrived(held);
    let bash = std::fs::read_to_string(setting.path("bash")).expect("written");
    while std::path::Path::new("/proc").join(bash.trim()).join("exe").exists() {
        std::thread::yield_now();
    }
    write.apply();
    let events = reading.join().expect("read");
    let last = events.lines().last().expect("there are events");
    assert!(last.contains("\"outcome\":\"aborted\"") && last.contains("SIGHUP"), "{last}");
    assert_eq!(setting.routing(), only(1));
}
