//! The simulated account: its scenarios, its world, and that the driver tells the same history on it.
#![cfg(feature = "sim")]

#[cfg(feature = "runtime")]
mod driver;
mod scenario_file;
mod scenarios;
mod world;
