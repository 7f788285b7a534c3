//! The `lambda-rollout` command as a library: [`run()`] takes the arguments and gives the exit code.
//!
//! Data goes to standard output, everything for people to standard error. The exit codes are:
//!
//! | exit | meaning |
//! |---|---|
//! | 0 | promoted, or there was nothing to do |
//! | 1 | something unexpected; the message says what |
//! | 2 | the plan or the command line is wrong |
//! | 3 | refused before any traffic moved |
//! | 4 | rolled back |
//! | 5 | unsettled, or drifted: a person has to look |

mod args;
mod check;
mod console;
mod display;
mod event_log;
mod failure;
mod history;
mod repair;
mod run;
mod show;
mod signals;
mod status;
mod timeline;
mod typed;
mod words;
mod world;

use std::ffi::OsString;
use std::future::Future;
use std::io;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use args::{Cli, Command};
use failure::Failure;

/// Runs the command with these arguments, the program's name first, and gives the exit code.
///
/// It takes over SIGINT, SIGTERM and SIGHUP while a rollout runs, and reads the terminal if standard input is one.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Help that nobody reads is no failure.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(2);
        }
    };
    if cli.verbose > 0 {
        log_to_stderr(cli.verbose);
    }
    dispatch(&cli).unwrap_or_else(|failure| failure.report())
}

fn dispatch(cli: &Cli) -> Result<u8, Failure> {
    // Lines of a log would be drawn over.
    let live = !cli.no_progress && cli.verbose == 0;
    match &cli.command {
        Command::Run(args) => block_on(run::run(args, &cli.aws, live)),
        Command::Check(args) => block_on(check::check(args, &cli.aws)),
        Command::Show(args) => show::show(args),
        Command::Repair(args) => block_on(repair::repair(args, &cli.aws)),
        Command::Status(args) => block_on(status::status(args, &cli.aws)),
        Command::Schema => {
            failure::print(&format!("{:#}", lambda_rollout::plan::json_schema()))?;
            Ok(0)
        }
    }
}

/// Runs a command with two threads: the rollout has one of its own, so that a terminal that stands still
/// (Ctrl-S, a full pipe) stops the display alone.
fn block_on(command: impl Future<Output = Result<u8, Failure>>) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::unexpected(format!("cannot start a runtime: {error}")))?;
    let result = runtime.block_on(command);
    // What still runs has nothing left to say: a look-up of a host name, a rollout that was left.
    runtime.shutdown_background();
    result
}

/// Logs what this library does, and nobody else: an HTTP client's log may hold what must not be seen.
fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(format!("lambda_rollout={level}")))
        .with_writer(io::stderr)
        .finish();
    // A program that calls this library may log already.
    let _ = tracing_subscriber::util::SubscriberInitExt::try_init(subscriber);
}
