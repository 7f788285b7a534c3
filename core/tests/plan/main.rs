//! Plans: what is taken, what is refused and with which words, and what is written again.

mod document;
mod file;
mod plans;
mod problems;
mod round_trip;
#[cfg(feature = "schema")]
mod schema;
