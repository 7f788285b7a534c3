use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};

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

/// Sends a signal such as `-INT`.
pub(crate) fn send(signal: &str, process: u32) {
    let sent = Command::new("kill").args([signal, &process.to_string()]).status().expect("kill runs");
    assert!(sent.success());
}
