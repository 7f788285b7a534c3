//! What went wrong, as the command says it: one message, what to do, an exit code.

use std::error::Error as _;
use std::io::{self, Write};

use anstream::AutoStream;
use lambda_rollout::plan::PlanError;
use lambda_rollout::{Error, ErrorKind};

use crate::console::{Console, one_line, paint, tone};
use crate::screen::Screen;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    /// Further lines: each problem of a plan.
    details: Vec<String>,
    advice: Option<&'static str>,
}

impl Failure {
    /// The command line asks for something that there is not.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into(), details: Vec::new(), advice: None }
    }

    /// Something unexpected.
    pub(crate) fn unexpected(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into(), details: Vec::new(), advice: None }
    }

    /// Nothing was written, for this reason.
    pub(crate) fn refused(error: Error) -> Self {
        Self { code: 3, ..Self::from(error) }
    }

    /// Says it and gives the exit code.
    pub(crate) fn report(&self, screen: &Screen) -> u8 {
        let mut lines = vec![format!("{} {}", paint(tone::BAD, "error:"), self.message)];
        lines.extend(self.details.iter().map(|detail| format!("  {detail}")));
        lines.extend(self.advice.map(|advice| format!("{} {advice}", paint(tone::MOVE, "advice:"))));
        screen.write(move |_| lines.join("\n"));
        self.code
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Plan => 2,
            // Another runner has it, say: refused before any traffic moved.
            ErrorKind::Journal => 3,
            _ => 1,
        };
        let text = error.to_string();
        let mut details: Vec<String> = text.lines().map(one_line).collect();
        let message = match details.len() {
            0 => error.kind().name().to_owned(),
            1 => details.remove(0),
            count => format!("{count} problems"),
        };
        // A plan's problems are told with the error itself; any other source is an answer to "why?".
        let mut source = error.source().filter(|source| !source.is::<PlanError>());
        while let Some(deeper) = source {
            details.push(format!("because: {}", one_line(&deeper.to_string())));
            source = deeper.source();
        }
        Self { code, message, details, advice: Some(error.kind().advice()) }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::unexpected(format!("cannot write to standard output: {error}"))
    }
}

/// Writes data to standard output. A reader that has seen enough, as `head` does, is no failure.
///
/// # Errors
/// When it cannot be written for any other reason.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let text = Console::stdout().adapt(text);
    match writeln!(AutoStream::always(io::stdout()), "{text}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}
