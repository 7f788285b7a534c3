use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde::Deserialize;

use super::account::{Connection, once};
use super::failure::Call;
use crate::account::{HookFailure, HookReport, HookRequest};
use crate::iam::hook_arn;
use crate::ports::HookPort;
use crate::units::{HookFunction, format_duration};

/// Hooks that are Lambda functions, invoked synchronously and once.
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
}

impl LambdaHooks {
    async fn invoke(&self, lambda: &HookFunction, payload: Vec<u8>, request: &HookRequest) -> HookReport {
        let invocation = self
            .connection
            .lambda()
            .invoke()
            .function_name(lambda.function().as_str())
            .set_qualifier(lambda.qualifier().map(str::to_owned))
            .invocation_type(InvocationType::RequestResponse)
            .payload(Blob::new(payload))
            .customize()
            .config_override(once(request.timeout));
        match invocation.send().await {
            Ok(answer) => {
                let payload = answer.payload().map(Blob::as_ref).unwrap_or_default();
                match answer.function_error() {
                    None => HookReport::from_answer(payload),
                    Some(_) => HookReport::failed(HookFailure::FunctionError, thrown(lambda, payload)),
                }
            }
            Err(SdkError::TimeoutError(_)) => HookReport::failed(
                HookFailure::TimedOut,
                format!("`{}` did not answer within {}", lambda, format_duration(request.timeout)),
            ),
            Err(error) => {
                let call = Call {
                    operation: "Invoke",
                    action: "lambda:InvokeFunction",
                    resource: hook_arn(lambda),
                    endpoint: self.connection.lambda_endpoint(),
                    quotable: false,
                };
                HookReport::failed(HookFailure::NotInvoked, call.failed(error).to_string())
            }
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
