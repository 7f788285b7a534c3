use std::time::Duration;

use crate::units::Weight;

/// A strategy written out: the steps below 100 %, in order. After the last one follows the shift to 100 %.
///
/// Weights rise from step to step. Without steps, the first shift is the one to 100 %.
///
/// ```
/// use lambda_rollout::plan::Strategy;
/// use std::time::Duration;
///
/// let schedule = Strategy::named("Linear10PercentEvery1Minute")?.schedule();
/// assert_eq!(schedule.steps().len(), 9); // 10 %, 20 %, … 90 %
/// assert_eq!(schedule.time_to_full(), Duration::from_secs(9 * 60));
/// # Ok::<(), lambda_rollout::units::InvalidValue>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Schedule {
    pub(crate) steps: Vec<Step>,
}

/// A weight and how long it is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Step {
    /// The canary's share of traffic.
    pub weight: Weight,
    /// How long it is held before the next shift; may be zero.
    pub hold: Duration,
    /// Whether a person or program has to approve after the hold.
    pub gate: bool,
}

impl Schedule {
    /// Keeps the schedule's promise whatever it is given: a step that does not rise, or is not below 100 %,
    /// is left out.
    pub(super) fn of_rising(steps: impl IntoIterator<Item = Step>) -> Self {
        let mut rising: Vec<Step> = Vec::new();
        for step in steps {
            let before = rising.last().map_or(Weight::ZERO, |last| last.weight);
            if before < step.weight && step.weight < Weight::FULL {
                rising.push(step);
            }
        }
        Self { steps: rising }
    }

    /// The steps below 100 %, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Time from the first shift to the one to 100 %, gates and pauses not counted.
    #[must_use]
    pub fn time_to_full(&self) -> Duration {
        self.steps.iter().fold(Duration::ZERO, |sum, step| sum.saturating_add(step.hold))
    }
}
