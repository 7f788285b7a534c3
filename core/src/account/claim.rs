use std::fmt;

use serde::{Deserialize, Serialize};

use crate::units::RolloutId;

/// The note at the end of an alias's description that says which rollout moves its traffic:
/// ` [lambda-rollout ro-0123456789abcdef by ci-7/4242]`.
///
/// A rollout leaves it with every write that gives the alias weights, and takes it away, the description otherwise as
/// it was, with the write that clears them. The revision guards it as it guards the weights. So a second runner on the
/// same alias finds out, and people who look at the alias see who is at work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The rollout.
    pub rollout_id: RolloutId,
    /// Who runs it, as host and process; empty when nobody said.
    pub runner: String,
}

/// How many characters a description may have
/// (<https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html>).
const LONGEST: usize = 256;
const BEGIN: &str = "[lambda-rollout ";
const BY: &str = " by ";

impl Claim {
    /// The claim in a description, if there is one.
    #[must_use]
    pub fn find(description: &str) -> Option<Self> {
        let (_, note) = split(description)?;
        let (id, runner) = note.split_once(BY).unwrap_or((note, ""));
        Some(Self { rollout_id: RolloutId::parse(id).ok()?, runner: runner.to_owned() })
    }

    /// A description without the claim in it, whoever's it is.
    #[must_use]
    pub fn strip(description: &str) -> &str {
        match split(description) {
            Some((own, _)) if Self::find(description).is_some() => own,
            _ => description,
        }
    }

    /// A description with this claim in place of any other; `None` when there is no room for it.
    #[must_use]
    pub fn add_to(&self, description: &str) -> Option<String> {
        let own = Self::strip(description);
        let space = if own.is_empty() { "" } else { " " };
        let by = if self.runner.is_empty() { "" } else { BY };
        let claimed = format!("{own}{space}{BEGIN}{}{by}{}]", self.rollout_id, self.runner);
        (claimed.chars().count() <= LONGEST).then_some(claimed)
    }
}

/// A description's own part and the note's inside.
fn split(description: &str) -> Option<(&str, &str)> {
    let (own, note) = description.strip_suffix(']')?.rsplit_once(BEGIN)?;
    Some((own.strip_suffix(' ').unwrap_or(own), note))
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rollout {}", self.rollout_id)?;
        if self.runner.is_empty() { Ok(()) } else { write!(f, " by {}", self.runner) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(runner: &str) -> Claim {
        Claim { rollout_id: RolloutId::from_bits(7), runner: runner.to_owned() }
    }

    #[test]
    fn it_stands_behind_the_description_and_leaves_it_as_it_was() {
        for own in ["", "the live one", "brackets [too]", " spaces ", "[lambda-rollout ]"] {
            for runner in ["", "ci-7/4242"] {
                let described = claim(runner).add_to(own).expect("room");
                assert_eq!((Claim::find(&described), Claim::strip(&described)), (Some(claim(runner)), own));
                let again = Claim { rollout_id: RolloutId::from_bits(8), runner: String::new() };
                let again = again.add_to(&described).expect("room");
                assert_eq!(Claim::strip(&again), own);
            }
            assert_eq!((Claim::find(own), Claim::strip(own)), (None, own));
        }
    }

    #[test]
    fn a_description_without_room_is_left_alone() {
        let room = LONGEST - claim("ci-7/4242").add_to("").expect("room").len() - 1;
        assert!(claim("ci-7/4242").add_to(&"ü".repeat(room)).is_some());
        assert_eq!(claim("ci-7/4242").add_to(&"ü".repeat(room + 1)), None);
    }
}
