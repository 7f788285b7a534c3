use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::operation::invoke::{InvokeError, InvokeOutput};
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use serde::Deserialize;
use tokio::time::Instant;

use super::account::{Connection, once};
use super::failure::{Call, NotRun};
use crate::Error;
use crate::account::{HookFailure, HookReport, HookRequest};
use crate::iam::hook_arn;
use crate::ports::HookPort;
use crate::units::{HookFunction, format_duration};

/// Hooks that are Lambda functions, invoked synchronously, and again as long as they surely have not run.
pub(super) struct LambdaHooks {
    pub(super) connection: Arc<Connection>,
}

#[async_trait]
impl HookPort for LambdaHooks {
    async fn run_hook(&self, request: &HookRequest) -> HookReport {
        let Some(lambda) = &request.lambda else {
            let reason = "the plan has a hook in the embedding program, and the program brings none";
            return HookReport::failed(HookFailure::NotInvoked, reason);
        };
        match serde_json::to_vec(request) {
            Ok(payload) => self.invoke(lambda, payload, request).await,
            Err(error) => {
                let reason = format!("the hook's payload cannot be written as JSON: {error}");
                HookReport::failed(HookFailure::NotInvoked, reason)
            }
        }
    }

    async fn check_hook(&self, lambda: &HookFunction) -> Result<(), Error> {
        let mut call = self.call("GetFunction", "lambda:GetFunction", lambda);
        (call.quotable, call.writes) = (true, false);
        let request = self.connection.lambda().get_function().function_name(lambda.function().as_str());
        let request = request.set_qualifier(lambda.qualifier().map(str::to_owned));
        request.send().await.map(drop).map_err(|error| call.failed(error))
    }
}

impl LambdaHooks {
    /// Invokes it, again where it surely has not run, within its time.
    async fn invoke(&self, lambda: &HookFunction, payload: Vec<u8>, request: &HookRequest) -> HookReport {
        let (until, payload) = (Instant::now() + request.timeout, Blob::new(payload));
        let mut tries = Tries::default();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let error = match self.send(lambda, payload.clone(), left).await {
                Ok(answer) => return report(lambda, &answer),
                Err(SdkError::TimeoutError(_)) => {
                    let time = format_duration(request.timeout);
                    let reason = format!("`{lambda}` did not answer within {time}");
                    return HookReport::failed(HookFailure::TimedOut, reason);
                }
                Err(error) => error,
            };
            let (not_run, error) =
                self.call("Invoke", "lambda:InvokeFunction", lambda).judge_invocation(error);
            match tries.wait(not_run, until.saturating_duration_since(Instant::now())) {
                Some(wait) => {
                    tracing::info!(%error, ?wait, "the hook has not run, and is invoked again");
                    sleep(wait).await;
                }
                None => return HookReport::failed(HookFailure::NotInvoked, tries.told(&error)),
            }
        }
    }

    async fn send(
        &self,
        lambda: &HookFunction,
        payload: Blob,
        limit: Duration,
    ) -> Result<InvokeOutput, SdkError<InvokeError, HttpResponse>> {
        let request = self.connection.lambda().invoke().function_name(lambda.function().as_str());
        let request = request.set_qualifier(lambda.qualifier().map(str::to_owned));
        let request = request.invocation_type(InvocationType::RequestResponse).payload(payload);
        request.customize().config_override(once(limit)).send().await
    }

    fn call(&self, operation: &'static str, action: &'static str, lambda: &HookFunction) -> Call<'_> {
        Call {
            operation,
            action,
            resource: hook_arn(lambda),
            endpoint: self.connection.lambda_endpoint(),
            quotable: false,
            writes: true,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "between two real calls; no rollout's time comes from here")]
async fn sleep(wait: Duration) {
    tokio::time::sleep(wait).await;
}

fn report(lambda: &HookFunction, answer: &InvokeOutput) -> HookReport {
    let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
    match answer.function_error() {
        None => HookReport::from_answer(payload),
        Some(_) => HookReport::failed(HookFailure::FunctionError, thrown(lambda, payload)),
    }
}

/// How often a hook that has not run is invoked again, and after how long.
#[derive(Debug, Default)]
struct Tries {
    made: u32,
    after_faults: u32,
}

/// Further tries after faults. Being asked for fewer calls is not counted: that ends by itself.
const RETRIES: u32 = 2;
/// The wait before the second try; twice that before the third, and so on up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

impl Tries {
    /// After a try that failed: how long to wait before the next, or `None` when there is to be none.
    fn wait(&mut self, not_run: Option<NotRun>, left: Duration) -> Option<Duration> {
        self.made += 1;
        match not_run? {
            NotRun::Throttled => {}
            NotRun::Fault if self.after_faults == RETRIES => return None,
            NotRun::Fault => self.after_faults += 1,
        }
        let wait = FIRST_WAIT.saturating_mul(1 << (self.made - 1).min(10)).min(LONGEST_WAIT);
        (wait < left).then_some(wait)
    }

    fn told(&self, error: &Error) -> String {
        match self.made {
            1 => error.to_string(),
            made => format!("{error}; tried {made} times"),
        }
    }
}

/// What the hook's code threw, by its type alone: the message and the trace may hold secrets.
fn thrown(lambda: &HookFunction, payload: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Thrown {
        #[serde(rename = "errorType")]
        error_type: String,
    }
    let name = lambda.name();
    match serde_json::from_slice::<Thrown>(payload) {
        Ok(Thrown { error_type }) if is_type_name(&error_type) => {
            format!("`{name}` failed with `{error_type}`; its log group `/aws/lambda/{name}` says more")
        }
        _ => format!("`{name}` failed; its log group `/aws/lambda/{name}` says more"),
    }
}

/// Whether it reads like a type's name, and not like a sentence.
fn is_type_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._:$-<>".contains(c);
    (1..=100).contains(&text.len()) && text.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_few_and_throttles_go_on_until_the_time_is_near() {
        let minute = Duration::from_secs(60);
        let mut tries = Tries::default();
        assert_eq!(tries.wait(Some(NotRun::Fault), minute), Some(Duration::from_millis(500)));
        assert_eq!(tries.wait(Some(NotRun::Throttled), minute), Some(Duration::from_secs(1)));
        assert_eq!(tries.wait(Some(NotRun::Fault), minute), Some(Duration::from_secs(2)));
        assert_eq!(tries.wait(Some(NotRun::Fault), minute), None);

        let (mut tries, mut left) = (Tries::default(), 5 * minute);
        while let Some(wait) = tries.wait(Some(NotRun::Throttled), left) {
            left -= wait;
        }
        assert!((20..30).contains(&tries.made) && left <= LONGEST_WAIT, "{tries:?} {left:?}");

        let mut tries = Tries::default();
        assert_eq!(tries.wait(None, minute), None, "it may have run");
        assert_eq!(Tries::default().wait(Some(NotRun::Throttled), FIRST_WAIT), None, "no time is left");
    }

    #[test]
    fn what_a_hook_threw_is_told_by_its_type_alone() {
        let hook = HookFunction::parse("check").expect("a name");
        let payload =
            br#"{"errorMessage":"bad token hunter2","errorType":"ValueError","stackTrace":["hunter2"]}"#;
        let reason = thrown(&hook, payload);
        assert_eq!(reason, "`check` failed with `ValueError`; its log group `/aws/lambda/check` says more");
        for payload in [&b"hunter2"[..], b"{}", br#"{"errorType":"no token hunter2 here"}"#] {
            assert_eq!(thrown(&hook, payload), "`check` failed; its log group `/aws/lambda/check` says more");
        }
    }
}
