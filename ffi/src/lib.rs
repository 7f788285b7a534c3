//! The C ABI of lambda-rollout: `include/lambda_rollout.h` and what stands behind it.
//!
//! No logic lives here. Every function checks its arguments, calls [`lambda_rollout`], and turns what comes back into a
//! status, an error object and outputs; `boundary` is what keeps panics, NULL and bad text out of it. The contract
//! that C programs read is the header's opening comment, in `cbindgen.toml`.

#![allow(
    clippy::missing_safety_doc,
    reason = "the header's opening comment is the contract of every function"
)]

mod abi;
mod boundary;
mod error;
mod event;
mod log;
mod outcome;
mod plan;
mod rollout;
mod runtime;
mod status;
mod text;

pub use abi::*;
pub use error::*;
pub use event::*;
pub use log::*;
pub use outcome::*;
pub use plan::*;
pub use rollout::*;
pub use runtime::*;
pub use status::Status;
pub use text::*;
