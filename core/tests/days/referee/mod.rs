//! A small model of what is promised, written from the words of DESIGN.md, section 3, and from the plan: it looks at
//! all that happened in a day, and says which promise was broken.
//!
//! - `life`: what one runner was told, and when
//! - `looks`: what each look at the alarms meant, by the plan's policies
//! - `writes`: S1, S2, S7 and S8, of every write that was asked for
//! - `raises`: S3, S4 and S5, of every write and end
//! - `watch`: S10 and S11
//! - `code`: S13, of what is published and gets traffic
//! - `ends`: S6 and S9, the numbering, and whether the outcome tells the truth

mod code;
mod ends;
mod life;
mod looks;
mod raises;
mod watch;
mod writes;

use std::fmt;

use lambda_rollout::RolloutPlan;
use lambda_rollout::units::Timestamp;

use crate::day::Record;
use life::Life;

/// A broken promise.
#[derive(Debug)]
pub(crate) struct Violation {
    promise: &'static str,
    at: Timestamp,
    what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} broken at {}: {}", self.promise, self.at, self.what)
    }
}

/// Collects what is found.
#[derive(Default)]
pub(crate) struct Findings(Vec<Violation>);

impl Findings {
    fn unless(&mut self, holds: bool, promise: &'static str, at: Timestamp, what: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Violation { promise, at, what: what() });
        }
    }
}

/// Every promise that this day broke.
pub(crate) fn judge(plan: &RolloutPlan, record: &Record) -> Vec<Violation> {
    let mut findings = Findings::default();
    for life in Life::all(plan, record) {
        let writes = writes::judge(&life, &mut findings);
        let looks = looks::of(&life);
        raises::judge(&life, &writes, &looks, &mut findings);
        watch::judge(&life, &looks, &mut findings);
        code::judge(&life, &mut findings);
        ends::judge_life(&life, &mut findings);
    }
    ends::judge_day(record, &mut findings);
    findings.0
}
