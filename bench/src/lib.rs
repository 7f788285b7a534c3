//! What the benchmarks share: figures with their spread, and the tables that show them.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the real clock")]

mod samples;
mod table;

pub use samples::{Samples, mean_seconds};
pub use table::{Table, bytes, seconds};
