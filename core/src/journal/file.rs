use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::entry::{Line, document, event_line};
use super::{History, Runner, entry};
use crate::error::{Error, ErrorKind};
use crate::event::{Event, EventKind};
use crate::machine::Snapshot;
use crate::plan::RolloutPlan;
use crate::units::Timestamp;

/// An open journal: this process alone writes it.
///
/// Given to [`Launch::journal`](crate::driver::Launch::journal); dropping it lets go of the file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    history: History,
    /// Bytes of the file that are whole lines.
    whole: u64,
    /// Lines that could not be written yet.
    pending: Vec<u8>,
}

impl Journal {
    /// Opens a journal, or makes one, and locks it.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`] when another runner has it (the message says who), when the file is no journal, or when it
    /// cannot be opened, read or locked. The file is as it was then.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        let failed = |what: &str, error: io::Error| {
            let message = format!("the journal cannot be {what}: {error}: `{}`", path.display());
            Error::new(ErrorKind::Journal, message)
        };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(|error| failed("opened", error))?;
        if !file.metadata().map_err(|error| failed("opened", error))?.is_file() {
            return Err(failed("opened", io::Error::other("not a file")));
        }
        let locked = file.try_lock();
        if let Err(TryLockError::Error(error)) = locked {
            return Err(failed("locked", error));
        }
        let mut bytes = Vec::new();
        let read = file.read_to_end(&mut bytes);
        if locked.is_err() {
            return Err(in_use(&path, &bytes));
        }
        read.map_err(|error| failed("read", error))?;
        let history = History::parse(&bytes).map_err(|error| {
            let message = format!("no journal to go on with: {}: `{}`", error.message(), path.display());
            Error::new(ErrorKind::Journal, message)
        })?;
        Ok(Self { whole: history.whole as u64, path, file, history, pending: Vec::new() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it told when it was opened.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Begins to write for this plan, and gives what there is to carry on.
    pub(crate) fn begin(&mut self, plan: &RolloutPlan, now: Timestamp) -> Result<Option<Snapshot>, Error> {
        let document = document(plan);
        if let Some((key, there, here)) = self.history.difference(&document) {
            let message = format!(
                "the journal is of another plan, in which {key} is {there} and not {here}: `{}`",
                self.path.display()
            );
            return Err(Error::new(ErrorKind::Journal, message));
        }
        let is_new = self.history.plan.is_none();
        if is_new {
            self.pending = Line::Journal { format: entry::FORMAT, plan: &document }.to_json();
        }
        self.pending.extend(Line::Runner(&Runner::this_process(now)).to_json());
        self.write_to_disk().map_err(|error| self.not_written(error))?;
        if is_new {
            sync_folder_of(&self.path);
        }
        Ok(self.history.unfinished.take())
    }

    /// Adds an event. One that cannot be written now is written with the next line.
    pub(crate) fn tell(&mut self, event: &Event) {
        self.pending.extend(event_line(event));
        let written = match event.kind {
            EventKind::Finished(_) => self.write_to_disk(),
            _ => self.write(),
        };
        if let Err(error) = written {
            tracing::warn!(journal = %self.path.display(), %error, "an event could not be written down");
        }
    }

    /// Adds a snapshot, and returns when all that was added is on the disk.
    pub(crate) fn keep(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        self.pending.extend(Line::Snapshot(snapshot).to_json());
        self.write_to_disk().map_err(|error| self.not_written(error))
    }

    fn write_to_disk(&mut self) -> io::Result<()> {
        self.write()?;
        self.file.sync_data()
    }

    /// Writes what is pending after the last whole line, over whatever is torn there.
    fn write(&mut self) -> io::Result<()> {
        if self.file.metadata()?.len() > self.whole {
            self.file.set_len(self.whole)?;
        }
        self.file.write_all(&self.pending)?;
        self.whole += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// From here on nothing can be written, as on a disk that is full.
    #[cfg(test)]
    pub(crate) fn fill_the_disk(&mut self) {
        self.file = File::open(&self.path).expect("it is there");
    }

    fn not_written(&self, error: io::Error) -> Error {
        let message = format!("the journal cannot be written: {error}: `{}`", self.path.display());
        Error::new(ErrorKind::Journal, message)
    }
}

fn in_use(path: &Path, bytes: &[u8]) -> Error {
    let runner = History::parse(bytes).ok().and_then(|history| history.runner);
    let by = runner.map_or_else(|| "another runner".to_owned(), |runner| runner.to_string());
    Error::new(ErrorKind::Journal, format!("the journal is in use by {by}: `{}`", path.display()))
}

/// Makes a new file's name durable, where the system can: otherwise the file could be gone with its name.
fn sync_folder_of(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
        tracing::debug!(folder = %folder.display(), %error, "the folder could not be synced");
    }
}
