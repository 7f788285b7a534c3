use std::io;

use super::storage::Storage;

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
}

impl Tail {
    /// The end of a file that has this many bytes of whole lines. What follows them is torn.
    pub(super) fn new(storage: Box<dyn Storage>, whole: u64) -> Self {
        Self { storage, durable: whole, bytes: Vec::new(), written: 0 }
    }

    /// Writes these lines, behind all that could not be written before. With `sync`, returns when all of it is on the disk.
    pub(super) fn write(&mut self, lines: &[u8], sync: bool) -> io::Result<()> {
        self.bytes.extend(lines);
        let place = self.durable + self.written as u64;
        if self.storage.len()? > place {
            self.storage.truncate(place)?;
        }
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
        let mut tail = Tail::new(Box::new(disk.clone()), 0);
        tail.write(b"one\n", false).expect("written");
        disk.leave_room_for(3);
        tail.write(b"two\n", true).expect_err("full");
        assert_eq!(disk.written(), "one\ntwo");
        disk.leave_room_for(100);
        tail.write(b"three\n", true).expect("on the disk");
        assert_eq!(disk.on_the_disk(), "one\ntwo\nthree\n");
    }
}
