//! What alarm readings mean under a plan's policies. Pure: readings and the time go in, a verdict comes out.

mod alarms;
mod verdict;

pub use alarms::{AlarmChange, AlarmJudge, Judgement, SeenAlarm};
pub use verdict::Verdict;
