use crate::error::{Error, ErrorKind};

/// The process in which the library's threads are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process(u32);

impl Process {
    pub(super) fn this() -> Self {
        Self(std::process::id())
    }

    /// To be asked before any lock is taken: in a forked child it may be held for ever, by a thread that is not there.
    pub(super) fn check(self) -> Result<(), Error> {
        if self.is_another() {
            let message = "the process was forked, and the library's threads are not in this child";
            return Err(Error::new(ErrorKind::Forked, message));
        }
        Ok(())
    }

    pub(super) fn is_another(self) -> bool {
        self != Self::this()
    }
}
