//! The signals that ask a rollout to end.

use std::io;

/// Signals that ask to end: Ctrl-C, SIGTERM, and the terminal's closing.
///
/// While it exists, none of them ends the process by itself.
pub(crate) struct Signals {
    #[cfg(unix)]
    streams: Vec<(&'static str, tokio::signal::unix::Signal)>,
}

impl Signals {
    /// Begins to listen. Needs a runtime.
    #[cfg(unix)]
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let mut streams =
            vec![("Ctrl-C", signal(SignalKind::interrupt())?), ("SIGTERM", signal(SignalKind::terminate())?)];
        if !hangup_is_ignored() {
            streams.push(("SIGHUP", signal(SignalKind::hangup())?));
        }
        Ok(Self { streams })
    }

    /// The next signal's name. Cancel safe.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> &'static str {
        std::future::poll_fn(|context| {
            for (name, stream) in &mut self.streams {
                if stream.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(*name);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    /// Begins to listen. Needs a runtime.
    #[cfg(not(unix))]
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// The next signal's name. Cancel safe.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            Err(_) => std::future::pending().await,
        }
    }
}

/// Whether whoever started us wants a closed terminal to go by unnoticed, as `nohup` does.
///
/// Linux tells; where it cannot be told, a closed terminal ends the rollout in good order.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    const HANGUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & (1 << (HANGUP - 1)) != 0)
}
