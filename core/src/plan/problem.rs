use std::fmt;
use std::path::Path;

use crate::units::InvalidValue;

/// One thing that is wrong with a plan: where, what, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The place in the document, such as `alarms.names[2]` (lists count from 0); empty for the document as a
    /// whole.
    pub path: String,
    /// The line, from 1, where the format has lines.
    pub line: Option<u32>,
    /// What is wrong.
    pub wrong: String,
    /// What would be right.
    pub right: String,
}

impl Problem {
    // Values come from the document and may be of any size and content; a message stays one line that can be
    // read.
    const LONGEST: usize = 400;

    pub(crate) fn new(path: &str, line: Option<u32>, what: InvalidValue) -> Self {
        let one_line = |text: &str| {
            let mut line: String = text
                .chars()
                .take(Self::LONGEST)
                .map(|c| if c.is_control() { '\u{fffd}' } else { c })
                .collect();
            if text.chars().nth(Self::LONGEST).is_some() {
                line.push('…');
            }
            line
        };
        Self { path: one_line(path), line, wrong: one_line(&what.wrong), right: one_line(&what.right) }
    }

    /// A problem of the document as a whole.
    pub(super) fn of_document(wrong: impl Into<String>, right: impl Into<String>) -> Self {
        Self::new("", None, InvalidValue::new(wrong, right))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}; {}", self.wrong, self.right)
    }
}

/// All that is wrong with a plan, at once. `Display` has one line for each problem.
///
/// As a [`crate::Error`] it is the source, so that [`PlanError::problems`] stays in reach:
///
/// ```
/// use lambda_rollout::plan::{Format, PlanError, RolloutPlan};
/// use std::error::Error as _;
///
/// let error = RolloutPlan::parse("alias = \"live\"", Format::Toml).unwrap_err();
/// assert_eq!(error.problems().len(), 2); // no function, no strategy
///
/// let error = lambda_rollout::Error::from(error);
/// let plan_error = error.source().and_then(|source| source.downcast_ref::<PlanError>());
/// assert_eq!(plan_error.map(|error| error.problems().len()), Some(2));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError {
    pub(crate) problems: Vec<Problem>,
}

impl PlanError {
    /// The problems in the document's order: those without a line, which are missing from it, come first.
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.line);
        Self { problems }
    }

    /// Every problem, in the document's order; never empty.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The library's error for a plan that stands in this file; each line of its message starts with the
    /// path.
    pub(super) fn in_file(self, path: &Path) -> crate::Error {
        let lines: Vec<String> =
            self.problems.iter().map(|problem| format!("{}: {problem}", path.display())).collect();
        crate::Error::new(crate::ErrorKind::Plan, lines.join("\n")).with_source(self)
    }
}

impl From<Problem> for PlanError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for PlanError {}

impl From<PlanError> for crate::Error {
    fn from(error: PlanError) -> Self {
        Self::new(crate::ErrorKind::Plan, error.to_string()).with_source(error)
    }
}
