//! Events on standard output, for programs.

use std::io::{self, Write};
use std::sync::mpsc;

use lambda_rollout::event::Event;
use tokio::sync::oneshot;

use crate::console::{Console, paint, tone};

/// Writes events as lines of JSON, on a thread of its own: a reader that is slow, or gone, must neither
/// stop the rollout nor keep a signal from being heard.
pub(crate) struct EventLog {
    events: mpsc::Sender<Event>,
    written: oneshot::Receiver<()>,
}

impl EventLog {
    /// A log on standard output.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn on_stdout() -> io::Result<Self> {
        let (events, to_write) = mpsc::channel();
        let (done, written) = oneshot::channel();
        std::thread::Builder::new().name("event-log".to_owned()).spawn(move || {
            if let Err(error) = write_all(&mut io::stdout().lock(), &to_write) {
                Console::stderr().say(&format!(
                    "{} standard output: {error}; the rollout goes on, but its events are not written any more",
                    paint(tone::WARN, "warning:")
                ));
            }
            // The command may have ended without waiting.
            let _ = done.send(());
        })?;
        Ok(Self { events, written })
    }

    /// Adds an event.
    pub(crate) fn write(&self, event: &Event) {
        // The thread is gone when standard output is, and has said so.
        let _ = self.events.send(event.clone());
    }

    /// Waits until all of it is written. Dropping the future leaves the rest unwritten.
    pub(crate) async fn close(self) {
        drop(self.events);
        let _ = self.written.await;
    }
}

/// Each event is flushed by itself: its reader may act on it.
fn write_all(out: &mut impl Write, events: &mpsc::Receiver<Event>) -> io::Result<()> {
    for event in events {
        serde_json::to_writer(&mut *out, &event)?;
        out.write_all(b"\n")?;
        out.flush()?;
    }
    Ok(())
}
