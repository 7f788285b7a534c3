use std::fmt::Debug;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Where a journal's bytes go. Every call may hang as long as the disk does.
pub(super) trait Storage: Debug + Send {
    fn len(&self) -> io::Result<u64>;
    /// Sees to it that there is room for these bytes, behind the end, without making anything longer: readers see only what
    /// was written. Where that cannot be done it is done without.
    ///
    /// # Errors
    /// When there is no room for all of them.
    fn reserve(&mut self, bytes: Range<u64>) -> io::Result<()>;
    /// Cuts off what lies behind the first `len` bytes, and with it the room that was reserved there.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns when everything appended is on the disk.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file, opened to append.
#[derive(Debug)]
pub(super) struct Disk {
    file: File,
    /// The folder of a new file, until the file's name in it is durable: the file could be lost with its name.
    unsynced_folder: Option<PathBuf>,
}

impl Disk {
    /// `new_at` is the path of a file that is new.
    pub(super) fn new(file: File, new_at: Option<&Path>) -> Self {
        let folder = |path: &Path| match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        Self { file, unsynced_folder: new_at.map(folder) }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A process that is just being started from this one has the file as well, for a moment. Closing it here would leave
        // it locked until then.
        let _ = self.file.unlock();
    }
}

impl Storage for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn reserve(&mut self, bytes: Range<u64>) -> io::Result<()> {
        match allocate(&self.file, bytes) {
            Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
                Err(error)
            }
            // Not every filesystem can, some sandboxes forbid it, and no rollout is to fail for that.
            Err(error) => {
                tracing::debug!(%error, "no room can be reserved for the journal");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        if let Some(folder) = self.unsynced_folder.take()
            // Not every system can.
            && let Err(error) = File::open(&folder).and_then(|folder| folder.sync_all())
        {
            tracing::debug!(folder = %folder.display(), %error, "the folder could not be synced");
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn allocate(file: &File, bytes: Range<u64>) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};

    let len = bytes.end - bytes.start;
    let attempt = || fallocate(file, FallocateFlags::KEEP_SIZE, bytes.start, len);
    Ok(rustix::io::retry_on_intr(attempt)?)
}

#[cfg(not(target_os = "linux"))]
fn allocate(_: &File, _: Range<u64>) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_handle_still_has_open_is_let_go_of() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let file = File::create(&path).expect("a file");
        file.try_lock().expect("nobody has it");
        let _of_a_new_process = file.try_clone().expect("a handle");
        drop(Disk::new(file, None));
        File::open(&path).expect("a file").try_lock().expect("nobody has it");
    }
}
