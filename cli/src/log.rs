//! What the library logs and what a panic says, put on the screen without ever waiting for it.

use std::io;
use std::panic;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::console::{one_line, paint, tone};
use crate::screen::Screen;

/// Logs what this library does, and nobody else: an HTTP client's log may hold what must not be seen.
pub(crate) fn to_screen(screen: &Screen, verbose: u8) {
    let level = match verbose {
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let writer = screen.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(format!("lambda_rollout={level}")))
        .with_ansi(screen.console().has_colours())
        .with_writer(move || LogLine(writer.clone()))
        .finish();
    // A program that calls this library may log already.
    let _ = subscriber.try_init();
}

/// Where the subscriber writes a record, whole, from whichever thread it came: the rollout's own as well.
struct LogLine(Screen);

impl io::Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.log(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Hook = Box<dyn Fn(&panic::PanicHookInfo<'_>) + Send + Sync>;

/// While it exists, a panic is told on the screen: the standard hook would wait for standard error, on the very thread
/// that is to go on after it.
pub(crate) struct PanicsToScreen(Option<Hook>);

impl PanicsToScreen {
    pub(crate) fn install(screen: &Screen) -> Self {
        let before = panic::take_hook();
        let screen = screen.clone();
        panic::set_hook(Box::new(move |panicked| {
            let text = one_line(&panicked.to_string());
            screen.say(format!("{} {text}; please report this", paint(tone::BAD, "fault:")), 0);
        }));
        Self(Some(before))
    }
}

impl Drop for PanicsToScreen {
    fn drop(&mut self) {
        // A thread that panics cannot change the hook.
        if let Some(before) = self.0.take().filter(|_| !std::thread::panicking()) {
            panic::set_hook(before);
        }
    }
}
