//! Events on standard output, for programs.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use lambda_rollout::event::Event;
use tokio::sync::oneshot;

use crate::console::{paint, tone};
use crate::screen::Screen;

/// How many events may wait for their reader: a few dozen MiB, and more than a rollout has.
const LONGEST_BACKLOG: u64 = 100_000;

/// Writes events as lines of JSON, on a thread of its own: a reader that is slow, or gone, must neither
/// stop the rollout nor keep a signal from being heard.
pub(crate) struct EventLog {
    events: mpsc::Sender<Box<Event>>,
    screen: Screen,
    sent: u64,
    dropped: u64,
    written: Arc<AtomicU64>,
    ended: oneshot::Receiver<()>,
}

impl EventLog {
    /// A log on standard output, which says on the screen what keeps it from being written.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn on_stdout(screen: &Screen) -> io::Result<Self> {
        Self::start(screen, || io::stdout().lock())
    }

    fn start<W: Write>(screen: &Screen, open: impl FnOnce() -> W + Send + 'static) -> io::Result<Self> {
        let (events, to_write) = mpsc::channel();
        let (end, ended) = oneshot::channel();
        let written = Arc::<AtomicU64>::default();
        let (count, told) = (Arc::clone(&written), screen.clone());
        std::thread::Builder::new().name("event-log".to_owned()).spawn(move || {
            if let Err(error) = write_all(&mut open(), &to_write, &count) {
                warn(
                    &told,
                    &format!(
                        "standard output: {error}; the rollout goes on, and its further events are not written"
                    ),
                );
            }
            // The command may have ended without waiting.
            let _ = end.send(());
        })?;
        Ok(Self { events, screen: screen.clone(), sent: 0, dropped: 0, written, ended })
    }

    /// Adds an event.
    pub(crate) fn write(&mut self, event: &Event) {
        if self.backlog() >= LONGEST_BACKLOG {
            self.dropped += 1;
            return;
        }
        // The thread is gone when standard output is, and has said so.
        if self.events.send(Box::new(event.clone())).is_ok() {
            self.sent += 1;
        }
    }

    fn backlog(&self) -> u64 {
        self.sent - self.written.load(Ordering::Relaxed)
    }

    /// Waits until all of it is written, or nothing of it could be for so long. Dropping the future leaves the rest
    /// unwritten.
    pub(crate) async fn close(mut self, stalled: Duration) {
        // Without a sender the thread ends when it has written all.
        self.events = mpsc::channel().0;
        loop {
            let before = self.written.load(Ordering::Relaxed);
            tokio::select! {
                _ = &mut self.ended => break,
                () = pause(stalled) => {
                    if self.written.load(Ordering::Relaxed) == before {
                        let left = self.backlog();
                        warn(&self.screen, &format!("nobody reads standard output: {left} events are not written"));
                        break;
                    }
                }
            }
        }
        if self.dropped > 0 {
            warn(
                &self.screen,
                &format!("{} events were dropped, since standard output was not read", self.dropped),
            );
        }
    }
}

fn warn(screen: &Screen, text: &str) {
    screen.say(format!("{} {text}", paint(tone::WARN, "warning:")), 0);
}

/// Each event is flushed by itself: its reader may act on it.
fn write_all(
    out: &mut impl Write,
    events: &mpsc::Receiver<Box<Event>>,
    written: &AtomicU64,
) -> io::Result<()> {
    for event in events {
        serde_json::to_writer(&mut *out, &event)?;
        out.write_all(b"\n")?;
        out.flush()?;
        written.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a reader of standard output reads in real time")]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
