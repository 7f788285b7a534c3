use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// A disk, as far as one that hangs is told from the others. On Unix the number of its device.
pub(super) type DiskId = u64;

/// Something that writes to a disk, and takes as long as that does.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// How many threads write to one disk at once. A disk that hangs keeps no more of them, however many journals are on it;
/// with fewer a thousand journals that are synced at the same moment would wait for each other.
const MOST: usize = 64;

/// The threads that write journals, by disk: started when there is something to write, and gone when there is nothing.
///
/// They are the library's own. On the runtime's threads, or on those that it keeps for blocking calls, a disk that hangs
/// would stop rollouts that have nothing to do with it: AWS's host names are looked up there.
static DISKS: Mutex<BTreeMap<DiskId, Queue>> = Mutex::new(BTreeMap::new());

#[derive(Default)]
struct Queue {
    threads: usize,
    waiting: VecDeque<Job>,
}

/// Does this on a thread of that disk.
///
/// # Errors
/// When the system gives no thread and none is there. It is not done then.
pub(super) fn submit(disk: DiskId, job: Job) -> io::Result<()> {
    let mut disks = lock();
    let queue = disks.entry(disk).or_default();
    queue.waiting.push_back(job);
    if queue.threads == MOST {
        return Ok(());
    }
    let started = thread::Builder::new().name("lro-journal".to_owned()).spawn(move || work(disk));
    match started {
        Ok(_) => queue.threads += 1,
        // Those that are there come to it.
        Err(_) if queue.threads > 0 => {}
        Err(error) => {
            disks.remove(&disk);
            return Err(error);
        }
    }
    Ok(())
}

/// Works until nothing is waiting.
fn work(disk: DiskId) {
    loop {
        let job = {
            let mut disks = lock();
            let Some(queue) = disks.get_mut(&disk) else { return };
            match queue.waiting.pop_front() {
                Some(job) => job,
                None => {
                    queue.threads -= 1;
                    if queue.threads == 0 {
                        disks.remove(&disk);
                    }
                    return;
                }
            }
        };
        // A panic was told by the panic hook. The others' lines are written all the same.
        let _panicked = catch_unwind(AssertUnwindSafe(job));
    }
}

fn lock() -> MutexGuard<'static, BTreeMap<DiskId, Queue>> {
    DISKS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier, mpsc};
    use std::time::Duration;

    use super::*;

    /// Disks that no journal is on.
    const ONE: DiskId = DiskId::MAX;
    const OTHER: DiskId = DiskId::MAX - 1;

    #[test]
    fn a_disk_that_hangs_keeps_its_own_threads_alone_and_they_go_when_it_answers() {
        let thaw = Arc::new(Barrier::new(MOST + 1));
        for _ in 0..MOST {
            let thaw = Arc::clone(&thaw);
            let job = move || {
                thaw.wait();
            };
            submit(ONE, Box::new(job)).expect("a thread");
        }
        let (done, wait) = mpsc::channel();
        for disk in [ONE, OTHER] {
            let done = done.clone();
            submit(disk, Box::new(move || done.send(disk).expect("it is waited for"))).expect("a thread");
        }
        let long = Duration::from_secs(30);
        assert_eq!(wait.recv_timeout(long), Ok(OTHER));
        assert_eq!(lock().get(&ONE).map(|queue| queue.threads), Some(MOST));
        assert!(wait.try_recv().is_err());
        thaw.wait();
        assert_eq!(wait.recv_timeout(long), Ok(ONE));
        while lock().contains_key(&ONE) || lock().contains_key(&OTHER) {
            thread::yield_now();
        }
    }

    #[test]
    fn a_job_that_panics_keeps_nobody_from_writing() {
        const THIRD: DiskId = DiskId::MAX - 2;
        submit(THIRD, Box::new(|| panic!("on purpose"))).expect("a thread");
        while lock().contains_key(&THIRD) {
            thread::yield_now();
        }
    }
}
