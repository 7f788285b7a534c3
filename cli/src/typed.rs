//! What a person types while a rollout runs.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};

use lambda_rollout::machine::Command;

/// What came of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Typed {
    /// The line is not finished; what there is of it is in [`Keyboard::line`].
    Unfinished,
    /// A line that is a command.
    Command(Command),
    /// A line that is none.
    Unknown(String),
}

/// What can be typed, as it is told to people.
pub(crate) const COMMANDS: &str = "pause, resume (or r), promote, abort";

impl Typed {
    fn parse(line: &str) -> Self {
        Self::Command(match line.trim().to_ascii_lowercase().as_str() {
            "" => return Self::Unfinished,
            "pause" => Command::Pause,
            "resume" | "r" => Command::Resume,
            "promote" => Command::Promote,
            "abort" => Command::Abort { reason: "typed at the terminal".to_owned() },
            other => return Self::Unknown(other.to_owned()),
        })
    }
}

/// The terminal's keyboard, where there is one.
///
/// It is read without ever blocking, and only while the command is the terminal's foreground job: a job in
/// the background that read or set the terminal would be stopped by the kernel, in the middle of a rollout.
pub(crate) struct Keyboard {
    #[cfg(unix)]
    tty: Option<unix::Tty>,
    line: String,
    /// What came in one piece with the end of a line.
    ahead: VecDeque<char>,
}

impl Keyboard {
    /// The keyboard behind standard input. With `echo`, the caller shows what is typed; otherwise the terminal does.
    pub(crate) fn open(echo: bool) -> Self {
        // Without a keyboard a rollout runs as well.
        #[cfg(unix)]
        let tty = if io::stdin().is_terminal() { unix::Tty::open(echo).ok() } else { None };
        Self {
            #[cfg(unix)]
            tty,
            ..Self::none()
        }
    }

    /// No keyboard.
    pub(crate) fn none() -> Self {
        Self {
            #[cfg(unix)]
            tty: None,
            line: String::new(),
            ahead: VecDeque::new(),
        }
    }

    /// Whether anything can be typed at all.
    pub(crate) fn is_there(&self) -> bool {
        #[cfg(unix)]
        return self.tty.is_some();
        #[cfg(not(unix))]
        false
    }

    /// What is typed of the next line.
    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    /// Waits for something to be typed. Cancel safe.
    pub(crate) async fn next(&mut self) -> Typed {
        #[cfg(unix)]
        while self.ahead.is_empty()
            && let Some(tty) = &self.tty
        {
            match tty.read().await {
                Ok(bytes) if !bytes.is_empty() => self.arrived(&bytes),
                _ => self.tty = None,
            }
        }
        if self.ahead.is_empty() { std::future::pending().await } else { self.take() }
    }

    fn arrived(&mut self, bytes: &[u8]) {
        // Arrow keys and their kind come as one piece that starts with escape.
        if !bytes.starts_with(b"\x1b") {
            self.ahead.extend(String::from_utf8_lossy(bytes).chars());
        }
    }

    /// Takes what has arrived, up to the end of a line.
    fn take(&mut self) -> Typed {
        while let Some(c) = self.ahead.pop_front() {
            match c {
                '\n' | '\r' => return Typed::parse(&std::mem::take(&mut self.line)),
                '\x7f' | '\x08' => drop(self.line.pop()),
                '\x15' => self.line.clear(),
                c if !c.is_control() && self.line.len() < 64 => self.line.push(c),
                _ => {}
            }
        }
        Typed::Unfinished
    }
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::fs::{Mode, OFlags};
    use rustix::termios::{LocalModes, OptionalActions, Termios};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// The terminal, opened anew: standard input's own descriptor is shared with other processes,
    /// which would not like it to become non-blocking.
    pub(super) struct Tty {
        fd: AsyncFd<OwnedFd>,
        before: Option<Termios>,
    }

    impl Tty {
        pub(super) fn open(echo: bool) -> io::Result<Self> {
            let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            let fd = rustix::fs::open("/dev/tty", flags, Mode::empty())?;
            let mut before = None;
            if echo && in_foreground(&fd)? {
                let modes = rustix::termios::tcgetattr(&fd)?;
                let mut quiet = modes.clone();
                quiet.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
                rustix::termios::tcsetattr(&fd, OptionalActions::Now, &quiet)?;
                before = Some(modes);
            }
            // SAFETY: an `OwnedFd` keeps its descriptor open until it is dropped, and nothing here changes it.
            let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
            Ok(Self { fd: fd.map_err(io::Error::from)?, before })
        }

        /// What was typed; nothing when the terminal is gone.
        pub(super) async fn read(&self) -> io::Result<Vec<u8>> {
            loop {
                let mut ready = self.fd.readable().await?;
                // A terminal that is gone is ready for ever, and belongs to nobody.
                if !in_foreground(self.fd.get_ref())? {
                    ready.clear_ready();
                    continue;
                }
                let mut bytes = [0; 256];
                let read = ready.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), &mut bytes)?));
                if let Ok(count) = read {
                    return count.map(|count| bytes[..count].to_vec());
                }
            }
        }
    }

    impl Drop for Tty {
        fn drop(&mut self) {
            if let Some(before) = &self.before
                && in_foreground(self.fd.get_ref()).unwrap_or(false)
            {
                // The terminal may be gone by now; then there is nothing to put back.
                let _ = rustix::termios::tcsetattr(self.fd.get_ref(), OptionalActions::Now, before);
            }
        }
    }

    /// Whether this process belongs to the terminal's foreground job.
    fn in_foreground(fd: &OwnedFd) -> io::Result<bool> {
        Ok(rustix::termios::tcgetpgrp(fd)? == rustix::process::getpgrp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(keyboard: &mut Keyboard, bytes: &[u8]) -> Typed {
        keyboard.arrived(bytes);
        keyboard.take()
    }

    #[test]
    fn a_line_is_a_command_once_it_is_finished() {
        let mut keyboard = Keyboard::none();
        assert_eq!(after(&mut keyboard, b"resx"), Typed::Unfinished);
        assert_eq!(after(&mut keyboard, b"\x7fume"), Typed::Unfinished);
        assert_eq!(keyboard.line(), "resume");
        assert_eq!(after(&mut keyboard, b"\n"), Typed::Command(Command::Resume));
        assert_eq!(keyboard.line(), "");
        assert_eq!(after(&mut keyboard, b"PROMOTE\n"), Typed::Command(Command::Promote));
        assert_eq!(after(&mut keyboard, b"yes\n"), Typed::Unknown("yes".to_owned()));
    }

    #[test]
    fn two_lines_in_one_piece_are_two_commands() {
        let mut keyboard = Keyboard::none();
        assert_eq!(after(&mut keyboard, b"pause\nr\npro"), Typed::Command(Command::Pause));
        assert_eq!(keyboard.take(), Typed::Command(Command::Resume));
        assert_eq!(keyboard.take(), Typed::Unfinished);
        assert_eq!(keyboard.line(), "pro");
    }

    #[test]
    fn keys_that_are_no_text_are_passed_over() {
        let mut keyboard = Keyboard::none();
        assert_eq!(after(&mut keyboard, b"\x1b[A"), Typed::Unfinished);
        assert_eq!(after(&mut keyboard, b"junk\x15r\x00\n"), Typed::Command(Command::Resume));
        assert_eq!(after(&mut keyboard, b"\n"), Typed::Unfinished);
    }
}
