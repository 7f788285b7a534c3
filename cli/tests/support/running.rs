use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use lambda_rollout_aws_tests::only;

use super::setting::Setting;
use super::{Run, finished};

/// A command that runs, with all that it has said so far.
pub(crate) struct Running {
    pub(crate) child: Child,
    said: BufReader<ChildStderr>,
    pub(crate) text: String,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let said = BufReader::new(child.stderr.take().expect("it is piped"));
        Self { child, said, text: String::new() }
    }

    /// Reads on until it has said these words.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, words: &str) {
        while !self.text.contains(words) {
            let count = self.said.read_line(&mut self.text).expect("readable");
            assert!(count > 0, "it ended without `{words}`:\n{}", self.text);
        }
    }

    pub(crate) fn send(&self, signal: &str) {
        send(signal, self.child.id());
    }

    /// Waits for its end. All that it said is in `err`.
    pub(crate) fn finish(mut self) -> Run {
        self.said.read_to_string(&mut self.text).expect("readable");
        let run = finished(&self.child.wait_with_output().expect("it ends"));
        Run { err: self.text, ..run }
    }
}

/// A rollout that was at 10 % ends with all traffic on the stable version, and says so.
#[track_caller]
pub(crate) fn ends_rolled_back(setting: &Setting, running: Running) {
    let run = running.finish();
    assert_eq!((run.code, setting.routing()), (4, only(1)), "{}", run.err);
    assert!(run.err.contains("main serves version 1 alone"), "{}", run.err);
}

/// Waits until a signal is no longer taken for the same wish as the one before.
#[expect(clippy::disallowed_methods, reason = "the rule of the second signal is one of real time")]
pub(crate) fn later_than_one_wish() {
    std::thread::sleep(Duration::from_millis(3_200));
}

/// Sends a signal such as `-INT`.
pub(crate) fn send(signal: &str, process: u32) {
    let sent = Command::new("kill").args([signal, &process.to_string()]).status().expect("kill runs");
    assert!(sent.success());
}
