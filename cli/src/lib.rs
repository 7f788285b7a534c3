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
mod leaving;
mod log;
mod repair;
mod run;
mod screen;
mod show;
mod signals;
mod status;
mod timeline;
mod typed;
mod words;
mod world;

use std::ffi::OsString;
use std::future::Future;

use clap::Parser;

use args::{Cli, Command};
use failure::Failure;
use screen::{STALLED, Screen};

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
    let screen = match Screen::start(cli.quiet) {
        Ok(screen) => screen,
        Err(error) => {
            eprintln!("error: cannot start a thread: {error}");
            return 1;
        }
    };
    if cli.verbose > 0 {
        log::to_screen(&screen, cli.verbose);
    }
    let _panics = log::PanicsToScreen::install(&screen);
    let code = dispatch(&cli, &screen).unwrap_or_else(|failure| failure.report(&screen));
    screen.close(STALLED);
    code
}

fn dispatch(cli: &Cli, screen: &Screen) -> Result<u8, Failure> {
    // Lines of a log would be drawn over.
    let live = !cli.no_progress && !cli.quiet && cli.verbose == 0;
    match &cli.command {
        Command::Run(args) => block_on(run::run(args, &cli.aws, screen, live)),
        Command::Check(args) => block_on(check::check(args, &cli.aws, screen)),
        Command::Show(args) => show::show(args, &cli.aws),
        Command::Repair(args) => block_on(repair::repair(args, &cli.aws, screen)),
        Command::Status(args) => block_on(status::status(args, &cli.aws)),
        Command::Schema => {
            failure::print(&format!("{:#}", lambda_rollout::plan::json_schema()))?;
            Ok(0)
        }
    }
}

/// Runs a command on threads beside this one: what keeps the one that hears signals waiting does not keep the rollout,
/// and the other way round, for as long as one of two still turns.
fn block_on(command: impl Future<Output = Result<u8, Failure>>) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::unexpected(format!("cannot start a runtime: {error}")))?;
    let result = runtime.block_on(command);
    // What still runs has nothing left to say: a look-up of a host name, a rollout that was left.
    runtime.shutdown_background();
    result
}
