use crate::event::Cause;

/// What a look at the alarms means for the rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every alarm that counts was read and none fires: the weight may rise.
    Pass,
    /// Put everything back, for this cause.
    Fail(Cause),
    /// An alarm was in another state between two polls, and which one is being looked up: the weight may not rise.
    Unexplained,
    /// Too little data, and the plan says to wait: the weight may not rise.
    NoData,
    /// The alarms could not be read, and the plan bears it still: the weight may not rise.
    Error,
}
