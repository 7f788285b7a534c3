//! The signals that ask a rollout to end, and what they ask for.

use std::io;
use std::time::Duration;

/// Within this time after the first signal every further one belongs to it.
pub(crate) const ONE_WISH: Duration = Duration::from_secs(3);

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The first one: roll back, then end.
    RollBack,
    /// The first one's wish once more: nothing new.
    Same,
    /// Leave now, whatever the rollback has come to.
    Leave,
}

/// Tells a wish that arrives in several pieces from a second one.
///
/// One act often delivers several signals: bash sends SIGHUP twice when its terminal closes, logind SIGTERM and SIGHUP
/// together, a wrapper forwards the SIGINT that the terminal has sent already, and GitHub Actions cancels with SIGINT,
/// then SIGTERM after 7.5 seconds. So only a deliberate second one cuts a rollback short: the same signal as the first,
/// later than [`ONE_WISH`] after it.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    first: Option<(&'static str, Duration)>,
}

impl Wishes {
    /// What this signal asks for. `at` counts from any moment, always the same.
    pub(crate) fn hear(&mut self, signal: &'static str, at: Duration) -> Wish {
        match self.first {
            None => {
                self.first = Some((signal, at));
                Wish::RollBack
            }
            Some((first, since)) if first == signal && at.saturating_sub(since) > ONE_WISH => Wish::Leave,
            Some(_) => Wish::Same,
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    /// What these signals ask for, each with its time in milliseconds.
    fn wishes(signals: &[(&'static str, u64)]) -> Vec<Wish> {
        let mut wishes = Wishes::default();
        signals.iter().map(|(signal, at)| wishes.hear(signal, Duration::from_millis(*at))).collect()
    }

    #[test]
    fn signals_within_three_seconds_are_one_wish() {
        use Wish::{Leave, RollBack, Same};
        for second in [0, 2, 1_000, 2_999, 3_000] {
            assert_eq!(wishes(&[("Ctrl-C", 700), ("Ctrl-C", 700 + second)]), [RollBack, Same], "{second}");
        }
        assert_eq!(wishes(&[("Ctrl-C", 700), ("Ctrl-C", 3_701)]), [RollBack, Leave]);
        // Bash closes, and its terminal; whoever holds a key down wants out.
        assert_eq!(wishes(&[("SIGHUP", 0), ("SIGHUP", 1), ("SIGTERM", 1)]), [RollBack, Same, Same]);
        assert_eq!(wishes(&[("Ctrl-C", 0), ("Ctrl-C", 1_500), ("Ctrl-C", 3_100)]), [RollBack, Same, Leave]);
    }

    #[test]
    fn a_signal_of_another_kind_is_the_same_wish_at_any_time() {
        use Wish::{Leave, RollBack, Same};
        // GitHub Actions.
        assert_eq!(wishes(&[("Ctrl-C", 0), ("SIGTERM", 7_500)]), [RollBack, Same]);
        assert_eq!(wishes(&[("Ctrl-C", 0), ("SIGTERM", 7_500), ("SIGTERM", 60_000)]), [RollBack, Same, Same]);
        assert_eq!(wishes(&[("SIGTERM", 0), ("SIGHUP", 60_000)]), [RollBack, Same]);
        assert_eq!(wishes(&[("SIGTERM", 0), ("SIGHUP", 9_000), ("SIGTERM", 9_001)]), [RollBack, Same, Leave]);
    }
}
