//! What the targets share: a rollout and a small account, and a referee who watches what comes out.
//!
//! - [`day`]: a rollout that takes any input, and is brought to its end when the weather clears up
//! - [`account`]: the alias, the versions and the alarms that answer it
//! - [`referee`]: what holds whatever the answers are
//! - [`story`]: plans and inputs, made of bytes

pub mod account;
pub mod day;
pub mod referee;
pub mod story;
