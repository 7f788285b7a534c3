use std::fmt;

use serde::{Deserialize, Serialize};

/// What a rollout is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Nothing yet.
    New,
    /// Reading the alias.
    Reading,
    /// Making or finding the canary version and waiting until it is ready.
    Preparing,
    /// Looking at the alarms before any traffic moves.
    Checking,
    /// Running the hook before traffic.
    BeforeHook,
    /// All set for the next shift: waiting for a fresh look at the alarms, or for the end of a pause.
    Ready,
    /// Creating the alias, which did not exist.
    Creating,
    /// Writing a weight below 100 %, or finding out what came of it.
    Shifting,
    /// Holding a weight.
    Holding,
    /// Waiting for a person or program to approve.
    Gated,
    /// Writing 100 %, or finding out what came of it.
    Promoting,
    /// Running the hook after traffic.
    AfterHook,
    /// Watching after 100 %.
    Baking,
    /// Reading the alias a last time.
    Confirming,
    /// Taking the canary version out.
    RollingBack,
    /// The end.
    Done,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::New => "new",
            Self::Reading => "reading the alias",
            Self::Preparing => "preparing the version",
            Self::Checking => "checking",
            Self::BeforeHook => "hook before traffic",
            Self::Ready => "ready to shift",
            Self::Creating => "creating the alias",
            Self::Shifting => "shifting",
            Self::Holding => "holding",
            Self::Gated => "waiting for approval",
            Self::Promoting => "promoting",
            Self::AfterHook => "hook after traffic",
            Self::Baking => "baking",
            Self::Confirming => "confirming",
            Self::RollingBack => "rolling back",
            Self::Done => "done",
        })
    }
}

/// What moves a rollout from one phase to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Trigger {
    /// The rollout was started.
    Start,
    /// The alias was read, or found not to exist.
    Read,
    /// The journal says what had been prepared: only the alarms are looked at anew.
    Remembered,
    /// The journal says that the canary was being taken out.
    RememberedRollback,
    /// The canary version is ready.
    Prepared,
    /// There is nothing to do.
    NothingToDo,
    /// Pre-flight passed, and a hook comes first.
    PassedToHook,
    /// Pre-flight passed.
    Passed,
    /// Pre-flight passed, and the alias already has the weight of a step.
    PassedInStep,
    /// The alarms are fine, and the journal says that the rollout waits for approval.
    PassedToGate,
    /// The alarms are fine, and the alias already is at 100 %.
    PassedAtFull,
    /// The alarms are fine, the alias already is at 100 %, and the hook comes next.
    PassedToHookAtFull,
    /// Refused: no traffic moved, none will.
    Refused,
    /// The hook said pass.
    HookPassed,
    /// The hook could not tell.
    HookInconclusive,
    /// Approved before 100 %.
    Approved,
    /// Approved at 100 %.
    ApprovedAtFull,
    /// The next shift is to a step.
    Shift,
    /// The next shift is to 100 %.
    ShiftToFull,
    /// The alias has to be created.
    Create,
    /// The alias was created.
    Created,
    /// The write is known to have landed.
    Landed,
    /// The write to 100 % landed, and a hook comes next.
    LandedToHook,
    /// The hold has passed, and the step has a gate.
    HeldToGate,
    /// A person or program asked for 100 % now.
    Promote,
    /// A person or program asked to end the bake now.
    EndBake,
    /// The bake has passed.
    Baked,
    /// The alias, read back, proved the promotion.
    Confirmed,
    /// The canary has to be taken out.
    PutBack,
    /// The alias, read back, proved the rollback.
    RolledBack,
    /// Another hand holds the alias, and the canary takes no traffic there.
    LetGo,
    /// The rollback's time is up, or the time to take up a rollout of which the journal knows.
    GaveUp,
}

/// A row of the transition table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Transition {
    /// The phase before.
    pub from: Phase,
    /// What happened.
    pub on: Trigger,
    /// The phase after.
    pub to: Phase,
}

/// The whole transition table: a rollout changes its phase in no other way.
///
/// Tests take every row; the diagram in the documentation is printed from it.
pub const TRANSITIONS: &[Transition] = {
    use Phase as P;
    use Trigger as T;
    const fn row(from: Phase, on: Trigger, to: Phase) -> Transition {
        Transition { from, on, to }
    }
    &[
        row(P::New, T::Start, P::Reading),
        row(P::Reading, T::Read, P::Preparing),
        row(P::Reading, T::Remembered, P::Checking),
        row(P::Reading, T::RememberedRollback, P::RollingBack),
        row(P::Reading, T::Refused, P::Done),
        row(P::Reading, T::PutBack, P::RollingBack),
        row(P::Reading, T::LetGo, P::Done),
        row(P::Reading, T::GaveUp, P::Done),
        row(P::Preparing, T::Prepared, P::Checking),
        row(P::Preparing, T::Refused, P::Done),
        row(P::Preparing, T::PutBack, P::RollingBack),
        row(P::Checking, T::NothingToDo, P::Done),
        row(P::Checking, T::PassedToHook, P::BeforeHook),
        row(P::Checking, T::Passed, P::Ready),
        row(P::Checking, T::PassedInStep, P::Holding),
        row(P::Checking, T::PassedToGate, P::Gated),
        row(P::Checking, T::PassedAtFull, P::Baking),
        row(P::Checking, T::PassedToHookAtFull, P::AfterHook),
        row(P::Checking, T::Refused, P::Done),
        row(P::Checking, T::PutBack, P::RollingBack),
        row(P::BeforeHook, T::HookPassed, P::Ready),
        row(P::BeforeHook, T::HookInconclusive, P::Gated),
        row(P::BeforeHook, T::Refused, P::Done),
        row(P::BeforeHook, T::PutBack, P::RollingBack),
        row(P::Ready, T::Shift, P::Shifting),
        row(P::Ready, T::ShiftToFull, P::Promoting),
        row(P::Ready, T::Create, P::Creating),
        row(P::Ready, T::Promote, P::Promoting),
        row(P::Ready, T::Refused, P::Done),
        row(P::Ready, T::PutBack, P::RollingBack),
        row(P::Ready, T::LetGo, P::Done),
        row(P::Creating, T::Read, P::Preparing),
        row(P::Creating, T::Created, P::Done),
        row(P::Creating, T::Refused, P::Done),
        row(P::Creating, T::LetGo, P::Done),
        row(P::Shifting, T::Landed, P::Holding),
        row(P::Shifting, T::Refused, P::Done),
        row(P::Shifting, T::PutBack, P::RollingBack),
        row(P::Shifting, T::LetGo, P::Done),
        row(P::Holding, T::Shift, P::Shifting),
        row(P::Holding, T::ShiftToFull, P::Promoting),
        row(P::Holding, T::HeldToGate, P::Gated),
        row(P::Holding, T::Promote, P::Promoting),
        row(P::Holding, T::PutBack, P::RollingBack),
        row(P::Holding, T::LetGo, P::Done),
        row(P::Gated, T::Approved, P::Ready),
        row(P::Gated, T::ApprovedAtFull, P::Baking),
        row(P::Gated, T::Promote, P::Promoting),
        row(P::Gated, T::Refused, P::Done),
        row(P::Gated, T::PutBack, P::RollingBack),
        row(P::Gated, T::LetGo, P::Done),
        row(P::Promoting, T::LandedToHook, P::AfterHook),
        row(P::Promoting, T::Landed, P::Baking),
        row(P::Promoting, T::Refused, P::Done),
        row(P::Promoting, T::PutBack, P::RollingBack),
        row(P::Promoting, T::LetGo, P::Done),
        row(P::AfterHook, T::HookPassed, P::Baking),
        row(P::AfterHook, T::HookInconclusive, P::Gated),
        row(P::AfterHook, T::PutBack, P::RollingBack),
        row(P::AfterHook, T::LetGo, P::Done),
        row(P::Baking, T::Baked, P::Confirming),
        row(P::Baking, T::EndBake, P::Confirming),
        row(P::Baking, T::PutBack, P::RollingBack),
        row(P::Baking, T::LetGo, P::Done),
        row(P::Confirming, T::Confirmed, P::Done),
        row(P::Confirming, T::PutBack, P::RollingBack),
        row(P::Confirming, T::LetGo, P::Done),
        row(P::RollingBack, T::RolledBack, P::Done),
        row(P::RollingBack, T::LetGo, P::Done),
        row(P::RollingBack, T::GaveUp, P::Done),
    ]
};

/// The row for this phase and trigger, with its place in the table.
pub(super) fn transition(from: Phase, on: Trigger) -> Option<(usize, Phase)> {
    let index = TRANSITIONS.iter().position(|row| row.from == from && row.on == on)?;
    Some((index, TRANSITIONS[index].to))
}

/// The table as a Mermaid state diagram.
#[must_use]
pub fn transition_diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> New\n");
    for Transition { from, on, to } in TRANSITIONS {
        text.push_str(&format!("    {from:?} --> {to:?}: {on:?}\n"));
    }
    text.push_str("    Done --> [*]\n");
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_phase_has_two_answers_to_one_trigger() {
        let pairs: BTreeSet<_> = TRANSITIONS.iter().map(|row| (row.from, row.on)).collect();
        assert_eq!(pairs.len(), TRANSITIONS.len());
    }

    #[test]
    fn every_phase_but_the_first_is_reached_and_every_phase_but_the_last_is_left() {
        for row in TRANSITIONS {
            assert_ne!(row.from, Phase::Done);
            assert!(
                row.from == Phase::New || TRANSITIONS.iter().any(|other| other.to == row.from),
                "{row:?}"
            );
        }
    }
}
