use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use crate::error::{Error, ErrorKind};

/// A descriptor that can be read from as long as it is shown to be ready: a byte lies in it then.
#[derive(Debug)]
pub(super) struct WakeDescriptor {
    reader: UnixStream,
    writer: UnixStream,
}

impl WakeDescriptor {
    pub(super) fn new() -> Result<Self, Error> {
        let pair = || {
            let (reader, writer) = UnixStream::pair()?;
            reader.set_nonblocking(true)?;
            writer.set_nonblocking(true)?;
            Ok(Self { reader, writer })
        };
        pair().map_err(|error: std::io::Error| {
            Error::new(ErrorKind::Internal, format!("the system has no descriptor to wake with: {error}"))
                .with_source(error)
        })
    }

    /// Told only what is new, so that there is one byte at most.
    pub(super) fn show(&self, ready: bool) {
        // Neither can fail on a pair of which both ends are here, with room for a byte.
        let _done = match ready {
            true => (&self.writer).write(&[1]),
            false => (&self.reader).read(&mut [0]),
        };
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}
