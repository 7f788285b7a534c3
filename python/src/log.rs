//! The library's log on its way to Python's `logging`: threads of the library leave records here, and a Python thread
//! takes them. So nobody who logs waits for the GIL.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use lambda_rollout::hosted::log_line;
use pyo3::prelude::*;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::failure::call;

/// Records that are kept for a Python thread that does not get round to them. Then the oldest go.
const MOST: usize = 10_000;

/// Python's number of a level, the target, the message.
type Record = (u8, String, String);

#[derive(Default)]
struct Records {
    waiting: VecDeque<Record>,
    closed: bool,
}

static RECORDS: Mutex<Records> = Mutex::new(Records { waiting: VecDeque::new(), closed: false });
static ARRIVED: Condvar = Condvar::new();
/// The least of Python's numbers that is wanted.
static WANTED: AtomicU8 = AtomicU8::new(u8::MAX);

fn records() -> MutexGuard<'static, Records> {
    RECORDS.lock().unwrap_or_else(PoisonError::into_inner)
}

struct ToPython;

impl<S: Subscriber> Layer<S> for ToPython {
    // What is wanted may change at any time, so that nothing of ours is ruled out for good.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_ours(metadata) { Interest::sometimes() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        is_ours(metadata) && number(*metadata.level()) >= WANTED.load(Ordering::Relaxed)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let record = (number(*metadata.level()), metadata.target().replace("::", "."), log_line(event));
        let mut records = records();
        if records.waiting.len() == MOST {
            records.waiting.pop_front();
        }
        records.waiting.push_back(record);
        ARRIVED.notify_one();
    }
}

/// Whoever else logs, an HTTP client above all, may log what must not be seen.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().split("::").next() == Some("lambda_rollout")
}

fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        Level::DEBUG => 10,
        Level::TRACE => 5,
    }
}

/// Begins to keep records. A subscriber that is there already stays.
#[pyfunction]
pub(crate) fn log_begin() {
    let _other = tracing_subscriber::registry().with(ToPython).try_init();
}

/// Keeps records from this one of Python's numbers on.
#[pyfunction]
pub(crate) fn log_level(least: u8) {
    WANTED.store(least, Ordering::Relaxed);
}

/// Waits for a record; `None` when there is none any more.
#[pyfunction]
pub(crate) fn log_next(py: Python<'_>) -> PyResult<Option<Record>> {
    call(py, || {
        let empty = |records: &mut Records| records.waiting.is_empty() && !records.closed;
        let mut records = ARRIVED.wait_while(records(), empty).unwrap_or_else(PoisonError::into_inner);
        Ok(records.waiting.pop_front())
    })
}

/// Wakes whoever waits, once the records are taken.
#[pyfunction]
pub(crate) fn log_end() {
    records().closed = true;
    ARRIVED.notify_all();
}
