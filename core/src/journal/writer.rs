use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::tail::Tail;
use super::threads::{DiskId, submit};
use crate::error::{Error, ErrorKind};
use crate::units::format_duration;

/// How long a disk may keep a start, or a virtual clock, waiting. By the computer's own time.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long opening a journal waits for one of this process that is being let go of.
const CLOSING: Duration = Duration::from_secs(2);

/// Takes a journal's lines, and has them written by another thread: nothing here waits for the disk, unless it says so.
///
/// Dropped, it lets go of the file, with its lock, as soon as what was told is written.
#[derive(Debug)]
pub(super) struct Writer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    disk: DiskId,
    state: Mutex<State>,
    /// An attempt to write has ended.
    attempted: Condvar,
    #[cfg(test)]
    stand_in: Option<super::StandIn>,
}

#[derive(Debug)]
struct State {
    /// Lines that no attempt to write has taken yet.
    lines: Vec<u8>,
    wants_sync: bool,
    /// Bytes told so far, and one more for the end. A place in the journal is named by how many were told up to it.
    told: u64,
    /// The place up to which an attempt under way brings it to the disk.
    syncing: u64,
    durable: u64,
    /// The place up to which the newest attempt to sync has failed, and why.
    failed: Option<(u64, Error)>,
    /// Why the record of a rollback may have no room on the disk, if so.
    no_room: Option<Error>,
    /// Nothing will have to be recorded any longer.
    finished: bool,
    /// The file, while nobody writes it. `None` at the end, too.
    tail: Option<Tail>,
    /// Whether an attempt is under way, or waits for a thread.
    busy: bool,
    /// Nobody tells anything any longer.
    closing: bool,
    waiting: Vec<Waker>,
}

/// How many journals are being let go of while their disk has them.
static BEING_CLOSED: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

impl Writer {
    pub(super) fn new(path: PathBuf, disk: DiskId, tail: Tail) -> Self {
        let state = State {
            lines: Vec::new(),
            wants_sync: false,
            told: 0,
            syncing: 0,
            durable: 0,
            failed: None,
            no_room: None,
            finished: false,
            tail: Some(tail),
            busy: false,
            closing: false,
            waiting: Vec::new(),
        };
        Self(Arc::new(Shared {
            path,
            disk,
            state: Mutex::new(state),
            attempted: Condvar::new(),
            #[cfg(test)]
            stand_in: None,
        }))
    }

    /// A writer to a disk for tests.
    #[cfg(test)]
    pub(super) fn to_stand_in(stand_in: &super::StandIn) -> Self {
        use std::sync::atomic::{AtomicU64, Ordering};

        // A device of its own each.
        static NEXT: AtomicU64 = AtomicU64::new(1 << 40);
        let tail = Tail::new(Box::new(stand_in.clone()), 0);
        let mut writer = Self::new(PathBuf::from("journal"), NEXT.fetch_add(1, Ordering::Relaxed), tail);
        let shared = Arc::get_mut(&mut writer.0).expect("nobody else has it yet");
        shared.stand_in = Some(stand_in.clone());
        writer
    }

    /// Adds lines. With `sync` they are to come to the disk, and not only to the system's memory.
    pub(super) fn tell(&self, lines: &[u8], sync: bool) {
        let mut state = self.0.lock();
        state.lines.extend(lines);
        state.told += lines.len() as u64;
        state.wants_sync |= sync;
        self.0.begin(state);
    }

    /// All that was told until now, on its way to the disk, for who has to know that a rollback could be recorded as well.
    pub(super) fn durable_with_room(&self) -> Durable {
        Durable { with_room: true, ..self.durable() }
    }

    /// All that was told until now, on its way to the disk. Nothing more will be told, and the room for that is given back.
    pub(super) fn finish(&self) -> Durable {
        let mut state = self.0.lock();
        state.finished = true;
        // So that it can be waited for where there is nothing to write.
        state.told += 1;
        drop(state);
        self.durable()
    }

    /// Whether the record of a rollback has room on the disk, as far as is known.
    ///
    /// # Errors
    /// When it may have none.
    pub(super) fn room(&self) -> Result<(), Error> {
        self.0.lock().room()
    }

    /// All that was told until now, on its way to the disk. Where the last attempt to bring it there has failed, another
    /// one is made.
    fn durable(&self) -> Durable {
        let mut state = self.0.lock();
        let upto = state.told;
        if state.durable.max(state.syncing) < upto {
            state.failed = None;
            state.wants_sync = true;
            self.0.begin(state);
        }
        Durable { shared: Arc::clone(&self.0), upto, with_room: false }
    }

    /// Waits until all that was told is on the disk, as long as a disk may keep a start waiting.
    pub(super) fn wait_until_durable(&self) -> Result<(), Error> {
        let durable = self.durable();
        durable.shared.wait(durable.upto).unwrap_or_else(|| Err(durable.not_within(PATIENCE)))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closing = true;
        if state.busy {
            *into_inner(BEING_CLOSED.0.lock()) += 1;
        } else {
            state.tail = None;
        }
    }
}

/// Waits for the journals of this process that are being let go of.
pub(super) fn wait_for_those_being_closed() {
    let count = into_inner(BEING_CLOSED.0.lock());
    drop(into_inner(BEING_CLOSED.1.wait_timeout_while(count, CLOSING, |count| *count > 0)));
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        into_inner(self.state.lock())
    }

    /// Sees to it that what is wanted is attempted.
    fn begin(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if state.busy {
            return;
        }
        state.busy = true;
        // The thread may be there at once.
        drop(state);
        let shared = Arc::clone(self);
        if let Err(error) = submit(self.disk, Box::new(move || shared.write())) {
            let mut state = self.lock();
            state.busy = false;
            state.wants_sync = false;
            let upto = state.told;
            self.attempt_ended(&mut state, upto, true, Err(error));
        }
    }

    /// Writes as long as something is wanted, on a thread that may be kept waiting.
    fn write(&self) {
        let mut state = self.lock();
        while let Some(mut tail) = state.tail.take() {
            let lines = std::mem::take(&mut state.lines);
            let sync = std::mem::take(&mut state.wants_sync);
            let upto = state.told;
            let finished = state.finished;
            state.syncing = if sync { upto } else { 0 };
            drop(state);
            let written = self.attempt(&mut tail, &lines, sync, finished);
            state = self.lock();
            state.syncing = 0;
            self.look_at_room(&mut state, &tail);
            state.busy = state.wants_sync || !state.lines.is_empty();
            self.attempt_ended(&mut state, upto, sync, written);
            if state.closing && !state.busy {
                drop(state);
                // Which may take its time, too.
                drop(tail);
                *into_inner(BEING_CLOSED.0.lock()) -= 1;
                BEING_CLOSED.1.notify_all();
                return;
            }
            let goes_on = state.busy;
            state.tail = Some(tail);
            if !goes_on {
                return;
            }
        }
    }

    fn attempt(&self, tail: &mut Tail, lines: &[u8], sync: bool, finished: bool) -> io::Result<()> {
        let journal = self.path.display();
        let written = tail.write(lines, sync);
        match &written {
            Err(error) => tracing::warn!(%journal, %error, "the journal could not be written"),
            Ok(()) if finished && sync => {
                if let Err(error) = tail.give_back() {
                    tracing::debug!(%journal, %error, "the journal's room was not given back");
                }
            }
            Ok(()) => {}
        }
        written
    }

    fn look_at_room(&self, state: &mut State, tail: &Tail) {
        let was_short = state.no_room.is_some();
        state.no_room = tail
            .shortage()
            .map(|error| self.failure(format!("its disk has no room for the record of a rollback: {error}")));
        if let Some(error) = state.no_room.as_ref().filter(|_| !was_short) {
            tracing::warn!(%error, "no weight rises until there is room");
        }
    }

    fn attempt_ended(&self, state: &mut State, upto: u64, sync: bool, written: io::Result<()>) {
        match written {
            Ok(()) if sync => {
                state.durable = upto;
                state.failed = None;
            }
            Ok(()) => {}
            Err(error) if sync => state.failed = Some((upto, self.failure(error.to_string()))),
            // It is written with the next lines.
            Err(_) => {}
        }
        state.waiting.drain(..).for_each(Waker::wake);
        self.attempted.notify_all();
    }

    /// What has come of bringing it to the disk up to here; `None` when nothing has by the time that patience ends.
    fn wait(&self, upto: u64) -> Option<Result<(), Error>> {
        let waits = |state: &mut State| state.result(upto).is_none();
        let (state, _) = into_inner(self.attempted.wait_timeout_while(self.lock(), self.patience(), waits));
        state.result(upto)
    }

    #[cfg(not(test))]
    fn patience(&self) -> Duration {
        PATIENCE
    }

    /// A disk that is known to hang need not be waited for, and on one that will answer no time is too long.
    #[cfg(test)]
    fn patience(&self) -> Duration {
        match &self.stand_in {
            Some(disk) if disk.hangs_for_good() => Duration::ZERO,
            Some(_) => 60 * PATIENCE,
            None => PATIENCE,
        }
    }

    fn failure(&self, what: String) -> Error {
        let message = format!("the journal cannot be written: {what}: `{}`", self.path.display());
        Error::new(ErrorKind::Journal, message)
    }
}

impl State {
    fn room(&self) -> Result<(), Error> {
        self.no_room.clone().map_or(Ok(()), Err)
    }

    fn result(&self, upto: u64) -> Option<Result<(), Error>> {
        if self.durable >= upto {
            return Some(Ok(()));
        }
        self.failed.as_ref().filter(|(failed, _)| *failed >= upto).map(|(_, error)| Err(error.clone()))
    }
}

/// What was told of a journal, on its way to the disk: ready when it is there, or the attempt has failed.
#[derive(Debug, Clone)]
pub(crate) struct Durable {
    shared: Arc<Shared>,
    upto: u64,
    /// Whether the disk has to have room for the record of a rollback, too.
    with_room: bool,
}

impl Durable {
    /// The error of a disk that has not answered for so long.
    pub(crate) fn not_within(&self, time: Duration) -> Error {
        self.shared.failure(format!("its disk has not answered within {}", format_duration(time)))
    }

    /// Ready, by the computer's own time, when the disk has not answered for as long as it may keep a virtual clock
    /// waiting.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(crate) fn is_late(&self) -> impl Future<Output = ()> + Send + use<> {
        let (late, is_late) = oneshot::channel();
        let Self { shared, upto, .. } = self.clone();
        let watch = move || {
            if shared.wait(upto).is_none() {
                // Nobody may be waiting any longer.
                let _ = late.send(());
            }
        };
        let watched = thread::Builder::new().name("lro-journal-wait".to_owned()).spawn(watch);
        async move {
            // Without a thread nobody would ever say so.
            if watched.is_ok() && is_late.await.is_err() {
                std::future::pending().await
            }
        }
    }
}

impl Future for Durable {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.shared.lock();
        if let Some(result) = state.result(self.upto) {
            let room = if self.with_room { state.room() } else { Ok(()) };
            return Poll::Ready(result.and(room));
        }
        if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// Every change of the state is whole before anything in it can panic.
fn into_inner<T>(locked: Result<T, PoisonError<T>>) -> T {
    locked.unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::StandIn;
    use super::*;

    #[tokio::test]
    async fn a_failure_is_of_the_attempt_alone_and_the_next_one_may_succeed() {
        let disk = StandIn::default();
        let writer = Writer::to_stand_in(&disk);
        writer.tell(b"one\n", true);
        writer.durable().await.expect("it is there");
        disk.fail_syncs(1);
        writer.tell(b"two\n", false);
        let error = writer.durable().await.expect_err("the disk failed");
        assert_eq!(error.kind(), ErrorKind::Journal);
        writer.durable().await.expect("the next attempt brings it there");
        assert_eq!(disk.on_the_disk(), "one\ntwo\n");
    }

    #[tokio::test]
    async fn what_is_told_while_the_disk_hangs_comes_there_in_order() {
        let disk = StandIn::default();
        let writer = Writer::to_stand_in(&disk);
        disk.stall();
        for line in [b"one\n", b"two\n", b"six\n"] {
            writer.tell(line, false);
        }
        disk.wait_until_hanging();
        let all = writer.durable();
        disk.thaw();
        all.await.expect("it is there");
        assert_eq!(disk.on_the_disk(), "one\ntwo\nsix\n");
    }

    #[tokio::test]
    async fn without_room_for_a_rollback_what_is_on_the_disk_is_not_enough_for_a_raise() {
        let disk = StandIn::default();
        disk.leave_room_for(1 << 10);
        let writer = Writer::to_stand_in(&disk);
        writer.tell(b"one\n", true);
        writer.durable().await.expect("it is there");
        let error = writer.durable_with_room().await.expect_err("no room");
        assert_eq!(error.kind(), ErrorKind::Journal);
        assert!(error.to_string().contains("no room for the record of a rollback"), "{error}");
        disk.leave_room_for(1 << 20);
        writer.tell(b"two\n", true);
        writer.durable_with_room().await.expect("there is room");
    }

    #[tokio::test]
    async fn the_end_gives_the_room_back_on_a_thread_of_the_journal() {
        let disk = StandIn::default();
        let writer = Writer::to_stand_in(&disk);
        writer.tell(b"one\n", true);
        writer.durable().await.expect("it is there");
        assert!(disk.reserved() > 0);
        disk.stall();
        let end = writer.finish();
        disk.wait_until_hanging();
        assert!(disk.reserved() > 0);
        disk.thaw();
        end.await.expect("it is there");
        assert_eq!(disk.reserved(), 0);
        drop(writer);
        assert_eq!(disk.on_the_disk(), "one\n");
    }

    #[test]
    fn what_was_told_is_written_when_the_writer_is_dropped_and_opening_waits_for_that() {
        let disk = StandIn::default();
        let writer = Writer::to_stand_in(&disk);
        disk.stall();
        writer.tell(b"one\n", false);
        disk.wait_until_hanging();
        writer.tell(b"two\n", false);
        drop(writer);
        let thaws = disk.clone();
        let thread = thread::spawn(move || thaws.thaw());
        wait_for_those_being_closed();
        assert_eq!(disk.written(), "one\ntwo\n");
        thread.join().expect("no panic");
    }
}
