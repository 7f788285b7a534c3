use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{AliasName, FunctionRef, HookFunction, RolloutId, Version, Weight};

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookMoment {
    /// Before the first shift: a failure refuses the rollout.
    BeforeTraffic,
    /// After all traffic was shifted: a failure rolls back.
    AfterTraffic,
}

impl fmt::Display for HookMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeforeTraffic => "before_traffic",
            Self::AfterTraffic => "after_traffic",
        })
    }
}

/// All that a hook is told. A Lambda hook gets it as its JSON payload, less `lambda` and `timeout`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HookRequest {
    /// The Lambda function to invoke; `None` when the program that embeds the library answers itself.
    #[serde(skip)]
    pub lambda: Option<HookFunction>,
    /// How long the hook may take.
    #[serde(skip)]
    pub timeout: Duration,
    /// The rollout that asks.
    pub rollout_id: RolloutId,
    /// When in the rollout.
    pub hook: HookMoment,
    /// The function that is rolled out.
    pub function: FunctionRef,
    /// Its alias.
    pub alias: AliasName,
    /// The version that traffic comes from; `None` on a first deployment.
    pub stable_version: Option<Version>,
    /// The version that traffic goes to.
    pub canary_version: Version,
    /// The canary's share of traffic at this moment, 0 to 1.
    pub weight: Weight,
    /// The plan's own parameters for this hook, untouched.
    pub parameters: serde_json::Value,
}

/// What a hook may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookVerdict {
    /// Go on.
    Pass,
    /// Put everything back.
    Fail,
    /// Cannot tell: wait for a person.
    Inconclusive,
}

impl fmt::Display for HookVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
        })
    }
}

/// How a hook came to no answer that can be used. Each counts as a failed hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookFailure {
    /// The hook's own code threw (Lambda's `FunctionError`, or an error of an in-process hook).
    FunctionError,
    /// No answer within the hook's time.
    TimedOut,
    /// An answer that is not `{"verdict":"pass|fail|inconclusive","reason":"…"}`.
    MalformedAnswer,
    /// The hook could not be started at all: it does not exist, or may not be invoked.
    NotInvoked,
}

impl fmt::Display for HookFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FunctionError => "function_error",
            Self::TimedOut => "timed_out",
            Self::MalformedAnswer => "malformed_answer",
            Self::NotInvoked => "not_invoked",
        })
    }
}

/// What came of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookReport {
    /// The verdict; [`HookVerdict::Fail`] whenever there is a failure.
    pub verdict: HookVerdict,
    /// Why, in the hook's own words or ours.
    pub reason: String,
    /// How it came to no answer, when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<HookFailure>,
}

/// The longest reason kept of a hook's answer, in characters: it goes into events and journals.
const LONGEST_REASON: usize = 1000;

impl HookReport {
    /// Go on.
    pub fn pass(reason: impl Into<String>) -> Self {
        Self { verdict: HookVerdict::Pass, reason: shorten(reason.into()), failure: None }
    }

    /// Put everything back.
    pub fn fail(reason: impl Into<String>) -> Self {
        Self { verdict: HookVerdict::Fail, reason: shorten(reason.into()), failure: None }
    }

    /// Cannot tell: wait for a person.
    pub fn inconclusive(reason: impl Into<String>) -> Self {
        Self { verdict: HookVerdict::Inconclusive, reason: shorten(reason.into()), failure: None }
    }

    /// No answer that can be used.
    pub fn failed(failure: HookFailure, reason: impl Into<String>) -> Self {
        Self { verdict: HookVerdict::Fail, reason: shorten(reason.into()), failure: Some(failure) }
    }

    /// Reads a Lambda hook's answer. What is not an answer becomes [`HookFailure::MalformedAnswer`],
    /// which names the shape but never repeats the payload: it may hold secrets.
    #[must_use]
    pub fn from_answer(payload: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Answer {
            verdict: HookVerdict,
            #[serde(default)]
            reason: String,
        }
        match serde_json::from_slice::<Answer>(payload) {
            Ok(answer) => Self { verdict: answer.verdict, reason: shorten(answer.reason), failure: None },
            Err(_) => Self::failed(
                HookFailure::MalformedAnswer,
                format!(
                    "the hook answered {} bytes that are not {{\"verdict\":\"pass|fail|inconclusive\",\"reason\":\"…\"}}",
                    payload.len()
                ),
            ),
        }
    }
}

fn shorten(reason: String) -> String {
    match reason.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_nonsense_is_told_apart() {
        assert_eq!(HookReport::from_answer(br#"{"verdict":"pass","reason":"ok"}"#), HookReport::pass("ok"));
        assert_eq!(HookReport::from_answer(br#"{"verdict":"inconclusive"}"#), HookReport::inconclusive(""));
        for nonsense in [&b""[..], b"null", b"\"pass\"", br#"{"verdict":"yes"}"#, b"{", b"\xff"] {
            let report = HookReport::from_answer(nonsense);
            assert_eq!(
                (report.verdict, report.failure),
                (HookVerdict::Fail, Some(HookFailure::MalformedAnswer))
            );
        }
    }

    #[test]
    fn a_malformed_answer_is_not_repeated() {
        let report = HookReport::from_answer(br#"{"token":"hunter2"}"#);
        assert!(!report.reason.contains("hunter2"));
    }

    #[test]
    fn a_reason_without_end_is_cut() {
        assert_eq!(HookReport::fail("ä".repeat(5000)).reason.chars().count(), LONGEST_REASON + 1);
    }
}
