//! The ports over the AWS SDK: rollouts on a real account.
//!
//! [`Account`] holds the connection; [`Account::ports`] gives what the driver needs. Nothing in here decides
//! anything: an answer becomes plain data, an error becomes one of the library's few kinds, and whether to
//! try again is the machine's to say.
//!
//! What goes over the wire:
//! - Writes (`UpdateAlias`, `CreateAlias`, `PublishVersion`, `UpdateFunctionCode`) are tried once. After
//!   an unknown result only a read may follow, and an SDK that repeats by itself would break that.
//! - `Invoke` is tried again where the hook surely has not run, within the hook's own time.
//! - Reads are tried up to three times, within the time that the machine gives a read.
//! - Every alias write names the revision last seen and carries the weights, empty ones too: what an absent
//!   `RoutingConfig` means is not documented, and emulators differ.
//! - `DescribeAlarms` always asks for every alarm type: without it CloudWatch answers with metric alarms alone.
//! - Versions are read with `GetFunction`, not `GetFunctionConfiguration`. The first has a budget of its own of
//!   100 calls a second; the second shares one of 15 with `UpdateAlias`
//!   (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>), so that fifty rollouts
//!   waiting for their versions would stand in the way of the one that rolls back. The price is a permission
//!   that also shows where the code can be downloaded; the library never looks at that part of the answer.

mod account;
mod alarm_history;
mod alarms;
mod code;
mod credentials;
mod failure;
mod hooks;
mod http;
mod identity;
mod traffic;

pub(crate) use account::WeakAccount;
pub use account::{Account, AccountBuilder};
pub use credentials::AccessKeys;
