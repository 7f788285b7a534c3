//! Lambda's API budget: the calls that this process makes to the control plane of one account in one Region, kept below
//! what AWS allows, so that many rollouts at once do not push each other into throttling.
//!
//! AWS allows 15 calls a second for all operations but `GetFunction` and `GetPolicy` together, and raises that for nobody
//! (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>). Other processes spend from the same.
//!
//! - The most urgent call goes first, as [`Urgency`](crate::account::Urgency) says: whatever a rollback waits for is
//!   never behind anything else.
//! - Every class makes progress all the same: after seven calls of more urgent ones in a row, one of the others goes.
//! - A call that has waited three seconds is answered [`Error::queued`](crate::Error::queued) and keeps its place for a
//!   minute: the next try of the same call takes that place.
//! - There is one budget for an account and Region in a process, however many [`ApiBudget`]s speak of it.
//!
//! [`Budgeted`] puts a budget in front of any [`TrafficPort`](crate::ports::TrafficPort); [`crate::aws`] does so by
//! itself.

mod api_budget;
mod budgeted;
mod queue;
mod registry;

pub use api_budget::ApiBudget;
pub use budgeted::Budgeted;
