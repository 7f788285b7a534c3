//! Runs the real binary as a process, in a clean environment.

// Each test program uses a part of this.
#![allow(dead_code)]

pub(crate) mod running;
pub(crate) mod setting;
pub(crate) mod shim;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The command with these arguments, in an environment that has nothing of the caller's.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lambda-rollout"));
    command
        .args(args)
        .current_dir(repository())
        .env_clear()
        .env("LANG", "C.UTF-8")
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null());
    command
}

/// The repository's root, where the example plans are.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What a command did.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the command with these arguments to its end.
pub(crate) fn run(args: &[&str]) -> Run {
    finished(&command(args).output().expect("the binary runs"))
}

pub(crate) fn finished(output: &Output) -> Run {
    Run {
        code: output.status.code().expect("it ended by itself"),
        out: String::from_utf8(output.stdout.clone()).expect("stdout is UTF-8"),
        err: String::from_utf8(output.stderr.clone()).expect("stderr is UTF-8"),
    }
}

impl Run {
    /// The events on standard output.
    pub(crate) fn events(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect("a line is an event")).collect()
    }

    /// Asserts that it failed with this code and one clear message that has these words, and wrote no data.
    #[track_caller]
    pub(crate) fn refuses(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}", self.err);
        assert_eq!(self.out, "", "data was written");
        assert_eq!(self.err.matches("error:").count(), 1, "not one message:\n{}", self.err);
        for word in words {
            assert!(self.err.contains(word), "`{word}` is missing in:\n{}", self.err);
        }
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }
}
