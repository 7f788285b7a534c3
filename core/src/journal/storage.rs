use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where a journal's bytes go. Every call may hang as long as the disk does.
pub(super) trait Storage: Debug + Send {
    fn len(&self) -> io::Result<u64>;
    /// Cuts off what lies behind the first `len` bytes.
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
