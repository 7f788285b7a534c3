use std::collections::BTreeMap;
use std::fs::{Metadata, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::entry::{Line, document, event_line};
use super::storage::Disk;
use super::tail::Tail;
use super::threads::DiskId;
use super::writer::{Durable, Writer, wait_for_those_being_closed};
use super::{History, Runner, entry};
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::machine::{Snapshot, Stopwatch};
use crate::plan::RolloutPlan;
use crate::units::Timestamp;

/// An open journal: this process alone writes it.
///
/// Given to [`Launch::journal`](crate::driver::Launch::journal); dropping it lets go of the file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    history: History,
    writer: Writer,
    /// The newest snapshot, without how far the alarms were watched.
    kept: Option<Snapshot>,
}

impl Journal {
    /// Opens a journal, or makes one, and locks it.
    ///
    /// This reads the file and waits for its disk as long as that takes. In asynchronous code it belongs on a thread for
    /// blocking calls (`tokio::task::spawn_blocking`).
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
        let metadata = file.metadata().map_err(|error| failed("opened", error))?;
        if !metadata.is_file() {
            return Err(failed("opened", io::Error::other("not a file")));
        }
        let mut locked = file.try_lock();
        if matches!(locked, Err(TryLockError::WouldBlock)) {
            wait_for_those_being_closed();
            // Even where none is being closed any more: this one may have been, until just now.
            locked = file.try_lock();
        }
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
        let new_at = history.plan.is_none().then_some(path.as_path());
        let tail = Tail::new(Box::new(Disk::new(file, new_at)), history.whole as u64);
        let writer = Writer::new(path.clone(), disk_of(&metadata), tail);
        Ok(Self { path, history, writer, kept: None })
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

    /// Begins to write for this plan, and gives what there is to carry on. Waits for the disk, within bounds.
    ///
    /// A rollout that could not raise for want of room is not begun; one that is carried on may have weights to put back.
    pub(crate) fn begin(&mut self, plan: &RolloutPlan, now: Timestamp) -> Result<Option<Snapshot>, Error> {
        let document = document(plan);
        if let Some((key, there, here)) = self.history.difference(&document) {
            let message = format!(
                "the journal is of another plan, in which {key} is {there} and not {here}: `{}`",
                self.path.display()
            );
            return Err(Error::new(ErrorKind::Journal, message));
        }
        if self.history.plan.is_none() {
            let header = Line::Journal { format: entry::FORMAT, plan: &document };
            self.writer.tell(&header.to_json(), false);
        }
        self.writer.tell(&Line::Runner(&Runner::this_process(now)).to_json(), true);
        self.writer.wait_until_durable()?;
        let unfinished = self.history.unfinished.take();
        if unfinished.is_none()
            && let Err(error) = self.writer.room()
        {
            drop(self.writer.finish());
            return Err(error);
        }
        Ok(unfinished)
    }

    /// Adds an event, without waiting for the disk. One that cannot be written now is written with the next line.
    pub(crate) fn tell(&self, event: &Event) {
        self.writer.tell(&event_line(event), false);
    }

    /// Adds a snapshot that has to come to the disk, without waiting for it.
    ///
    /// While the disk is full those are left out that say only how far the alarms were watched: in a long hold they would take
    /// the room that is kept for a rollback. Whether the disk is still full is looked at.
    pub(crate) fn keep(&mut self, snapshot: &Snapshot) {
        let kept = Some(without_watching(snapshot));
        let is_left_out = self.kept == kept && self.writer.room().is_err();
        let line = if is_left_out { Vec::new() } else { Line::Snapshot(snapshot).to_json() };
        self.kept = kept;
        self.writer.tell(&line, true);
    }

    /// All that was added until now, on its way to the disk, with room behind it for the record of a rollback. Where an
    /// attempt has failed another one is made.
    pub(crate) fn ready_for_a_raise(&self) -> Durable {
        self.writer.durable_with_room()
    }

    /// All that was added, on its way to the disk. Nothing more will be.
    pub(crate) fn finish(&self) -> Durable {
        self.writer.finish()
    }

    /// A journal on a disk for tests.
    #[cfg(test)]
    pub(crate) fn on(disk: &super::StandIn) -> Self {
        let writer = Writer::to_stand_in(disk);
        Self { path: "journal".into(), history: History::default(), writer, kept: None }
    }
}

/// A snapshot without what every poll of the alarms changes. Another process that knows an older state of that holds the
/// step anew, and finds in the alarms' history what it has missed.
fn without_watching(snapshot: &Snapshot) -> Snapshot {
    Snapshot {
        next_seq: 0,
        hold: Stopwatch::default(),
        observed_until: None,
        alarms: BTreeMap::new(),
        ..snapshot.clone()
    }
}

#[cfg(unix)]
fn disk_of(metadata: &Metadata) -> DiskId {
    std::os::unix::fs::MetadataExt::dev(metadata)
}

#[cfg(not(unix))]
fn disk_of(_: &Metadata) -> DiskId {
    0
}

fn in_use(path: &Path, bytes: &[u8]) -> Error {
    let runner = History::parse(bytes).ok().and_then(|history| history.runner);
    let by = runner.map_or_else(|| "another runner".to_owned(), |runner| runner.to_string());
    Error::new(ErrorKind::Journal, format!("the journal is in use by {by}: `{}`", path.display()))
}
