use std::io;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::storage::Storage;

/// A disk for tests, which fails and hangs as told. Cloning gives another handle on the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct StandIn(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    written: Vec<u8>,
    /// What of it is on the disk. A sync that fails forgets the rest, as Linux does.
    on_the_disk: Vec<u8>,
    lost: Vec<Range<usize>>,
    failing_syncs: usize,
    /// Room that is nobody's.
    room: Option<usize>,
    /// The place up to which there is room that is the journal's.
    reserved: usize,
    reserves_nothing: bool,
    hangs: bool,
    for_good: bool,
    /// Calls that hang now.
    hanging: usize,
}

impl StandIn {
    pub(crate) fn fail_syncs(&self, count: usize) {
        self.lock().failing_syncs = count;
    }

    /// Room for so many bytes more than are reserved.
    pub(crate) fn leave_room_for(&self, bytes: usize) {
        self.lock().room = Some(bytes);
    }

    /// From now on no room can be reserved, as on many a network's filesystem.
    pub(crate) fn reserve_nothing(&self) {
        self.lock().reserves_nothing = true;
    }

    /// Room that is kept behind the end.
    pub(super) fn reserved(&self) -> usize {
        let state = self.lock();
        state.reserved.saturating_sub(state.written.len())
    }

    /// Hangs, and nobody need wait in real time to see that.
    pub(crate) fn freeze(&self) {
        let mut state = self.lock();
        (state.hangs, state.for_good) = (true, true);
    }

    /// Hangs, and will soon be thawed.
    pub(crate) fn stall(&self) {
        self.lock().hangs = true;
    }

    pub(crate) fn thaw(&self) {
        let mut state = self.lock();
        (state.hangs, state.for_good) = (false, false);
        self.0.1.notify_all();
    }

    pub(super) fn hangs_for_good(&self) -> bool {
        self.lock().for_good
    }

    /// Waits until a call hangs.
    pub(crate) fn wait_until_hanging(&self) {
        let waits = |state: &mut State| state.hanging == 0;
        drop(self.0.1.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn written(&self) -> String {
        String::from_utf8(self.lock().written.clone()).expect("UTF-8")
    }

    /// What would be found after a power cut.
    pub(crate) fn on_the_disk(&self) -> String {
        String::from_utf8(self.lock().on_the_disk.clone()).expect("UTF-8")
    }

    /// Waits until a line with these words is on the disk.
    pub(crate) fn wait_for(&self, words: &str) {
        let waits = |state: &mut State| !String::from_utf8_lossy(&state.on_the_disk).contains(words);
        drop(self.0.1.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answering(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.hanging += 1;
        self.0.1.notify_all();
        state = self.0.1.wait_while(state, |state| state.hangs).unwrap_or_else(PoisonError::into_inner);
        state.hanging -= 1;
        state
    }
}

impl State {
    /// The place up to which there is room for sure.
    fn allocated(&self) -> usize {
        self.written.len().max(self.reserved)
    }
}

impl Storage for StandIn {
    fn len(&self) -> io::Result<u64> {
        Ok(self.answering().written.len() as u64)
    }

    fn reserve(&mut self, bytes: Range<u64>) -> io::Result<()> {
        let mut state = self.answering();
        if state.reserves_nothing {
            return Ok(());
        }
        let wanted = (bytes.end as usize).saturating_sub(state.allocated());
        if state.room.is_some_and(|room| room < wanted) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        state.room = state.room.map(|room| room - wanted);
        state.reserved = state.reserved.max(bytes.end as usize);
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        let mut state = self.answering();
        let len = len as usize;
        let freed = state.allocated().saturating_sub(len);
        state.room = state.room.map(|room| room + freed);
        state.reserved = 0;
        state.written.truncate(len);
        state.on_the_disk.truncate(len);
        state.lost.retain(|lost| lost.start < len);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.answering();
        let before = state.allocated();
        let room = before - state.written.len() + state.room.unwrap_or(usize::MAX / 2);
        let fits = bytes.len().min(room);
        state.written.extend(&bytes[..fits]);
        let taken = state.allocated() - before;
        state.room = state.room.map(|room| room - taken);
        if fits < bytes.len() {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.answering();
        let unsynced = state.on_the_disk.len()..state.written.len();
        if state.failing_syncs > 0 {
            state.failing_syncs -= 1;
            state.lost.push(unsynced);
            return Err(io::Error::other("the disk is gone"));
        }
        // What was lost stays lost, until it is written anew.
        if state.lost.is_empty() {
            state.on_the_disk = state.written.clone();
            self.0.1.notify_all();
        }
        Ok(())
    }
}
