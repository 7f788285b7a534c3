use std::io;

use super::storage::Storage;

/// How much room there is at least, behind what is written, for the record of a rollback.
const LEAST: u64 = 32 << 10;

/// How many lines that record may take, at most: the snapshot of the raise that is rolled back, those of the hold and of the
/// rollback, and the events. With a hundred alarms a snapshot alone has many KiB.
const LINES: u64 = 8;

/// The end of a journal's file. Bytes are kept in memory until they are known to be on the disk: after a failed sync the
/// system may have dropped them, and a later sync that succeeds says nothing of them (Linux marks such pages clean,
/// [fsync(2)](https://man7.org/linux/man-pages/man2/fsync.2.html)). So they are written again.
#[derive(Debug)]
pub(super) struct Tail {
    storage: Box<dyn Storage>,
    /// Bytes of the file that are whole lines and on the disk.
    durable: u64,
    /// What comes after those.
    bytes: Vec<u8>,
    /// How many of `bytes` were handed to the system since the last failure.
    written: usize,
    /// The place up to which there is room.
    reserved: u64,
    longest_line: usize,
    /// Why there is less room than there has to be, if so.
    shortage: Option<io::Error>,
}

impl Tail {
    /// The end of a file that has this many bytes of whole lines. What follows them is torn.
    pub(super) fn new(storage: Box<dyn Storage>, whole: u64) -> Self {
        Self {
            storage,
            durable: whole,
            bytes: Vec::new(),
            written: 0,
            reserved: 0,
            longest_line: 0,
            shortage: None,
        }
    }

    /// Writes these lines, behind all that could not be written before. With `sync`, returns when all of it is on the disk.
    pub(super) fn write(&mut self, lines: &[u8], sync: bool) -> io::Result<()> {
        let longest = lines.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap_or_default();
        self.longest_line = self.longest_line.max(longest);
        self.bytes.extend(lines);
        let place = self.durable + self.written as u64;
        if self.storage.len()? > place {
            self.storage.truncate(place)?;
            self.reserved = 0;
        }
        self.reserve(place);
        self.storage.append(&self.bytes[self.written..])?;
        self.written = self.bytes.len();
        if sync {
            self.storage.sync().inspect_err(|_| self.written = 0)?;
            self.durable += self.written as u64;
            self.bytes.clear();
            self.written = 0;
        }
        Ok(())
    }

    /// Why the record of a rollback may have no room, as of the last attempt to write. `None` while it has.
    pub(super) fn shortage(&self) -> Option<&io::Error> {
        self.shortage.as_ref()
    }

    /// Gives back the room behind the end: cutting a file off where it ends frees it.
    pub(super) fn give_back(&mut self) -> io::Result<()> {
        self.reserved = 0;
        let len = self.storage.len()?;
        self.storage.truncate(len)
    }

    /// Sees to it that there is room for what is not written yet, which begins at this place, and for a rollback's record.
    ///
    /// Twice as much is taken, so that it has to be done seldom; on a disk without so much, as much as there has to be: a
    /// process that died may have left that.
    fn reserve(&mut self, place: u64) {
        let end = self.durable + self.bytes.len() as u64;
        let least = LEAST.max(LINES * self.longest_line as u64);
        if self.reserved >= end + least {
            return;
        }
        let mut up_to = |upto| self.storage.reserve(place..upto).map(|()| upto);
        match up_to(end + 2 * least).or_else(|_| up_to(end + least)) {
            Ok(upto) => (self.reserved, self.shortage) = (upto, None),
            Err(error) => self.shortage = Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stand_in::StandIn;
    use super::*;

    #[test]
    fn what_a_failed_sync_may_have_lost_is_written_again() {
        let disk = StandIn::default();
        let mut tail = Tail::new(Box::new(disk.clone()), 0);
        tail.write(b"one\n", true).expect("on the disk");
        tail.write(b"two\n", false).expect("written");
        disk.fail_syncs(1);
        tail.write(b"three\n", true).expect_err("it failed");
        // The system has dropped what it could not write, and believes it has nothing left to do.
        assert_eq!(disk.on_the_disk(), "one\n");
        tail.write(b"four\n", true).expect("on the disk");
        assert_eq!(disk.on_the_disk(), "one\ntwo\nthree\nfour\n");
        assert_eq!(disk.written(), "one\ntwo\nthree\nfour\n");
    }

    #[test]
    fn a_torn_write_is_cut_off_before_the_next() {
        let disk = StandIn::default();
        disk.reserve_nothing();
        let mut tail = Tail::new(Box::new(disk.clone()), 0);
        tail.write(b"one\n", false).expect("written");
        disk.leave_room_for(3);
        tail.write(b"two\n", true).expect_err("full");
        assert_eq!(disk.written(), "one\ntwo");
        disk.leave_room_for(100);
        tail.write(b"three\n", true).expect("on the disk");
        assert_eq!(disk.on_the_disk(), "one\ntwo\nthree\n");
    }

    #[test]
    fn on_a_full_disk_there_is_room_and_it_is_known_when_that_is_short() {
        let disk = StandIn::default();
        let mut tail = Tail::new(Box::new(disk.clone()), 0);
        tail.write(b"one\n", true).expect("on the disk");
        assert_eq!(disk.written(), "one\n", "what is reserved is not read");
        disk.leave_room_for(0);
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        while tail.shortage().is_none() {
            assert!(disk.reserved() as u64 >= LEAST);
            tail.write(&line, true).expect("on the disk");
        }
        for _ in 1..LEAST / 1024 {
            tail.write(&line, true).expect("on the disk");
        }
        tail.write(&line, true).expect_err("full");
        disk.leave_room_for(1 << 20);
        tail.write(&line, true).expect("on the disk");
        assert!(tail.shortage().is_none() && disk.reserved() as u64 == 2 * LEAST);
    }

    #[test]
    fn where_there_is_less_room_than_is_wanted_the_least_is_enough() {
        let disk = StandIn::default();
        let mut tail = Tail::new(Box::new(disk.clone()), 0);
        disk.leave_room_for(LEAST as usize + 4);
        tail.write(b"one\n", true).expect("on the disk");
        assert!(tail.shortage().is_none() && disk.reserved() as u64 == LEAST);
    }

    #[test]
    fn what_is_written_again_has_its_room_again() {
        let disk = StandIn::default();
        let mut tail = Tail::new(Box::new(disk.clone()), 0);
        tail.write(b"one\n", true).expect("on the disk");
        disk.leave_room_for(0);
        disk.fail_syncs(1);
        tail.write(b"two\n", true).expect_err("it failed");
        tail.write(b"three\n", true).expect("on the disk");
        assert_eq!(disk.on_the_disk(), "one\ntwo\nthree\n");
        assert!(tail.shortage().is_none() && disk.reserved() as u64 >= LEAST);
    }

    #[test]
    fn long_lines_have_more_room() {
        let disk = StandIn::default();
        let mut tail = Tail::new(Box::new(disk.clone()), 0);
        let line = [&[b'x'; 30 << 10][..], b"\n"].concat();
        tail.write(&line, true).expect("on the disk");
        disk.leave_room_for(0);
        for _ in 0..LINES {
            tail.write(&line, true).expect("on the disk");
        }
    }

    #[test]
    fn the_room_is_given_back() {
        let disk = StandIn::default();
        let mut tail = Tail::new(Box::new(disk.clone()), 0);
        tail.write(b"one\n", true).expect("on the disk");
        tail.give_back().expect("it is");
        assert_eq!((disk.reserved(), disk.on_the_disk().as_str()), (0, "one\n"));
    }
}
