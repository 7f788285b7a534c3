//! Streams and terminals that stand still: the rollout goes on, signals are heard, and the end comes.

#![cfg(target_os = "linux")]

mod support;

use std::io::{PipeReader, PipeWriter, Write};
use std::process::{Child, Command, Stdio};

use lambda_rollout::account::AlarmState;
use lambda_rollout_aws_tests::only;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use support::running::send;
use support::setting::{Setting, holding};

/// A pipe that is full, as that of a log collector that hangs. Whoever drops the reader breaks it.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let flags = fcntl_getfl(&writer).expect("flags");
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).expect("set");
    while writer.write(&[b'\n'; 4096]).is_ok() {}
    while writer.write(b"\n").is_ok() {}
    fcntl_setfl(&writer, flags).expect("set");
    (reader, writer)
}

/// Waits until this many calls of an operation have arrived.
fn arrived(setting: &Setting, operation: &str, nth: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(setting.endpoint.arrived(operation, nth));
}

/// Starts a run with these streams, and waits until it holds 10 %.
fn at_ten_percent(setting: &Setting, args: &[&str], out: Stdio, err: Stdio) -> Child {
    let plan = setting.plan();
    let mut command = setting.command(&[&["run", &plan], args].concat());
    let child = command.stdout(out).stderr(err).spawn().expect("it starts");
    arrived(setting, "UpdateAlias", 1);
    // Now it has been told that the write has landed.
    let seen = setting.endpoint.requests_of("DescribeAlarms").len();
    arrived(setting, "DescribeAlarms", seen + 2);
    child
}

#[track_caller]
fn ends_rolled_back(setting: &Setting, mut child: Child) {
    assert_eq!(child.wait().expect("it ends").code(), Some(4));
    assert_eq!(setting.routing(), only(1));
}

#[test]
fn an_alarm_rolls_back_though_nobody_reads_the_log() {
    for verbose in ["-v", "-vvv"] {
        let setting = Setting::new(&holding("100ms"));
        let (_reader, writer) = full_pipe();
        let child = at_ten_percent(&setting, &[verbose], Stdio::null(), writer.into());
        setting.endpoint.set_alarm("sample-handler-errors", AlarmState::Alarm, "too many errors");
        arrived(&setting, "UpdateAlias", 2);
        ends_rolled_back(&setting, child);
    }
}

#[test]
fn a_signal_is_heard_though_nobody_reads_either_stream() {
    let setting = Setting::new(&holding("100ms"));
    let ((_out, stdout), (_err, stderr)) = (full_pipe(), full_pipe());
    let child = at_ten_percent(&setting, &["--json", "-vv"], stdout.into(), stderr.into());
    send("-TERM", child.id());
    arrived(&setting, "UpdateAlias", 2);
    ends_rolled_back(&setting, child);
}

#[test]
fn a_stopped_terminal_keeps_no_signal_from_being_heard() {
    let setting = Setting::new(&holding("100ms"));
    let plain = setting.command(&[]);
    let binary = plain.get_program().to_str().expect("UTF-8");
    let mut script = Command::new("script");
    let run = format!("echo $$ > {}; exec {binary} run {}", setting.path("pid"), setting.plan());
    script.args(["-qfec", &run, "/dev/null"]).envs(plain.get_envs().filter_map(|(k, v)| Some((k, v?))));
    script.env("LC_ALL", "C.UTF-8").env("TERM", "xterm");
    let Ok(mut terminal) = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        assert!(std::env::var_os("CI").is_none(), "`script` is needed");
        return println!("SKIP: there is no `script` to make a terminal");
    };
    let mut screen = terminal.stdout.take().expect("piped");
    let reading = std::thread::spawn(move || std::io::copy(&mut screen, &mut std::io::sink()));
    arrived(&setting, "UpdateAlias", 1);
    let seen = setting.endpoint.requests_of("DescribeAlarms").len();
    // Ctrl-S.
    terminal.stdin.as_mut().expect("piped").write_all(b"\x13").expect("typed");
    arrived(&setting, "DescribeAlarms", seen + 5);
    let pid =
        std::fs::read_to_string(setting.path("pid")).expect("written").trim().parse().expect("a number");
    send("-INT", pid);
    arrived(&setting, "UpdateAlias", 2);
    ends_rolled_back(&setting, terminal);
    reading.join().expect("it ends").expect("readable");
}
