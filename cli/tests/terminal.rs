//! What happens on a terminal: the live line, typed commands, and the terminal's end.
//!
//! The terminal is made by util-linux's `script`.

#![cfg(target_os = "linux")]

mod support;

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use support::{command, repository};

struct Terminal {
    script: Child,
    keys: ChildStdin,
    screen: ChildStdout,
    shown: String,
}

impl Terminal {
    /// Runs the command on a terminal of its own. `None`, and said so, where there is no `script`.
    fn run(args: &str) -> Option<Self> {
        let binary = command(&[]).get_program().to_owned().into_string().expect("a path in UTF-8");
        let mut script = Command::new("script");
        script.args(["-qfec", &format!("stty cols 100; {binary} {args}"), "/dev/null"]);
        script.current_dir(repository()).env("LC_ALL", "C.UTF-8").env("TERM", "xterm").env_remove("NO_COLOR");
        script.stdin(Stdio::piped()).stdout(Stdio::piped());
        match script.spawn() {
            Ok(mut script) => {
                let (keys, screen) =
                    (script.stdin.take().expect("piped"), script.stdout.take().expect("piped"));
                Some(Self { script, keys, screen, shown: String::new() })
            }
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "`script` is needed: {error}");
                println!("SKIP: there is no `script` to make a terminal: {error}");
                None
            }
        }
    }

    /// Reads on until these words are on the screen, and gives all that was shown so far.
    fn wait_for(&mut self, words: &str) -> &str {
        let mut bytes = [0; 4096];
        while !self.shown.contains(words) {
            let count = self.screen.read(&mut bytes).expect("readable");
            assert!(count > 0, "it ended without `{words}`:\n{}", self.shown);
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        &self.shown
    }

    fn type_in(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("typed");
    }

    fn exit_code(mut self) -> i32 {
        self.script.wait().expect("it ends").code().expect("it ended by itself")
    }
}

#[test]
fn a_live_line_shows_the_hold_and_typed_commands_are_obeyed() {
    let Some(mut terminal) = Terminal::run("run examples/linear.toml --simulate --speed 5") else { return };
    let shown = terminal.wait_for("of 1m · next 20 % · 2 alarms OK");
    assert!(shown.contains('\r') && shown.contains("\x1b["), "{shown}");
    terminal.type_in("pau");
    terminal.wait_for("› pau");
    terminal.type_in("se\n");
    terminal.wait_for("no shift until resumed");
    terminal.wait_for("paused: hold");
    terminal.type_in("jump\n");
    terminal.wait_for("`jump` is not a command");
    terminal.type_in("r\n");
    terminal.type_in("abort\n");
    terminal.wait_for("main serves version 1 alone");
    assert_eq!(terminal.exit_code(), 4);
}

#[test]
fn a_gate_says_how_to_approve_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = folder.path().join("nobody.toml");
    std::fs::write(&scenario, "approve_gates_after = \"never\"\n").expect("written");
    let args = format!("run examples/steps.toml --speed 3600 --simulate {}", scenario.display());
    let Some(mut terminal) = Terminal::run(&args) else { return };
    terminal.wait_for("type a command and Enter");
    terminal.type_in("promote\n");
    terminal.wait_for("main serves version 2 alone");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn without_progress_a_terminal_gets_lasting_lines_alone() {
    let Some(mut terminal) = Terminal::run("run examples/canary.toml --simulate --speed 9999 --no-progress")
    else {
        return;
    };
    let shown = terminal.wait_for("exit code 0");
    assert!(!shown.contains("next 100 %"), "{shown}");
}

#[test]
fn a_terminal_that_closes_rolls_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let events = folder.path().join("events");
    // A pipe that is read to its end tells when the command has ended, without a terminal to say it on.
    let made = Command::new("mkfifo").arg(&events).status().expect("mkfifo runs");
    assert!(made.success());
    let args = format!("run examples/linear.toml --simulate --speed 5 --json > {}", events.display());
    let Some(mut terminal) = Terminal::run(&args) else { return };
    let reader = std::thread::spawn(move || std::fs::read_to_string(events).expect("readable"));
    terminal.wait_for("next 20 %");
    terminal.script.kill().expect("killed");
    terminal.script.wait().expect("it ends");
    let events = reader.join().expect("read");
    let last = events.lines().last().expect("there are events");
    assert!(last.contains("\"outcome\":\"aborted\"") && last.contains("SIGHUP"), "{last}");
}
