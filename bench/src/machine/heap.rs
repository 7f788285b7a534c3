use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

/// The system's allocator, which counts while a [`Counting`] lives and costs one look at a flag otherwise.
pub(crate) struct CountedHeap;

static COUNTING: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicI64 = AtomicI64::new(0);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// What a piece of work asked of the heap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeapUse {
    /// Bytes that it left allocated, as they were asked for.
    pub(crate) bytes_left: i64,
    /// How often it allocated or grew something.
    pub(crate) allocations: u64,
}

/// Counts until it is stopped. What is freed meanwhile must have been allocated meanwhile.
#[must_use]
pub(crate) struct Counting(());

impl Counting {
    pub(crate) fn start() -> Self {
        BYTES.store(0, Relaxed);
        ALLOCATIONS.store(0, Relaxed);
        COUNTING.store(true, Relaxed);
        Self(())
    }

    pub(crate) fn stop(self) -> HeapUse {
        COUNTING.store(false, Relaxed);
        HeapUse { bytes_left: BYTES.load(Relaxed), allocations: ALLOCATIONS.load(Relaxed) }
    }
}

/// How often a piece of work allocates.
pub(crate) fn allocations<T>(work: impl FnOnce() -> T) -> u64 {
    let counting = Counting::start();
    drop(work());
    counting.stop().allocations
}

fn note(allocations: u64, bytes: i64) {
    if COUNTING.load(Relaxed) {
        ALLOCATIONS.fetch_add(allocations, Relaxed);
        BYTES.fetch_add(bytes, Relaxed);
    }
}

// SAFETY: every call is the system allocator's own; counting touches two numbers and allocates nothing.
unsafe impl GlobalAlloc for CountedHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as i64);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        note(0, -(layout.size() as i64));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, size as i64 - layout.size() as i64);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(place, layout, size) }
    }
}
