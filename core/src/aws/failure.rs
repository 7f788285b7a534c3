//! How the SDK's errors become the library's. One table, for every operation.
//!
//! The SDK's error itself is not kept as a source: its `Debug` prints raw answers, and those may hold
//! environment variables of the function.

use std::error::Error as StdError;

use aws_config::imds::client::error::ImdsError;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::DispatchFailure;

use crate::error::{AwsAnswer, Error, ErrorKind};

/// The codes with which AWS asks for fewer calls. A call so refused surely had no effect.
const THROTTLED: [&str; 10] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// The codes that complain of the caller's credentials or clock, not of its rights.
const BAD_CREDENTIALS: [&str; 13] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// The codes that want a permission.
const DENIED: [&str; 4] = ["AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation"];

/// The codes that say that something does not exist. A 404 alone does not: a proxy, a gateway or another web server on the
/// way gives that as well, and whoever believes one abandons an alias that is there.
const NOT_FOUND_CODES: [&str; 2] = ["ResourceNotFound", "ResourceNotFoundException"];

/// The longest text of AWS's that is repeated, in characters.
const LONGEST_WORDS: usize = 400;

/// Why a function that was invoked surely has not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotRun {
    /// AWS asked for fewer calls.
    Throttled,
    /// Something failed before it was started.
    Fault,
}

/// One call, as far as an error has to name it.
pub(super) struct Call<'a> {
    /// The API operation.
    pub(super) operation: &'static str,
    /// The IAM action that it needs.
    pub(super) action: &'static str,
    /// The ARN, or pattern of ARNs, that it needs the action on.
    pub(super) resource: String,
    /// The endpoint that was called, for people.
    pub(super) endpoint: &'a str,
    /// Whether AWS's own words may be repeated. Not where they can quote a hook's payload.
    pub(super) quotable: bool,
    /// Whether it changes something: then an answer that cannot be used says nothing of what came of it.
    pub(super) writes: bool,
}

impl Call<'_> {
    /// What an error of this call means.
    pub(super) fn failed<E>(&self, error: SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        match &error {
            SdkError::ServiceError(_) | SdkError::ResponseError(_) => self.answered(&error),
            SdkError::DispatchFailure(failure) => self.not_dispatched(failure),
            SdkError::TimeoutError(_) => {
                self.error(ErrorKind::Unreachable, format!("{} did not answer in time", self.endpoint))
            }
            // Construction failures and whatever the SDK adds later: nothing was sent.
            _ => match credentials_error(&error) {
                Some(error) => self.error(ErrorKind::Config, no_credentials(error)),
                None => self
                    .error(ErrorKind::Config, format!("the call could not be made: {}", innermost(&error))),
            },
        }
    }

    /// What an error of an invocation means, and whether the function surely has not run.
    ///
    /// What a function itself does wrong comes as status 200, so that AWS's own code beside a server fault or a conflict
    /// says that it was not started; so does 503, whoever gives it. Behind any other fault it may have run.
    pub(super) fn judge_invocation<E>(&self, error: SdkError<E, HttpResponse>) -> (Option<NotRun>, Error)
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let unavailable = error.raw_response().is_some_and(|raw| raw.status().as_u16() == 503);
        let never_sent = matches!(&error, SdkError::DispatchFailure(failure) if was_never_sent(failure));
        let error = self.failed(error);
        let told_by_aws = error.aws().is_some_and(|answer| answer.code.is_some());
        let not_run = match error.kind() {
            ErrorKind::Throttled => Some(NotRun::Throttled),
            ErrorKind::Conflict => Some(NotRun::Fault),
            ErrorKind::Unreachable if told_by_aws || unavailable || never_sent => Some(NotRun::Fault),
            _ => None,
        };
        (not_run, error)
    }

    /// An answer that was AWS's to all appearance, but has not what every such answer has.
    pub(super) fn misfit(&self, lacks: &str) -> Error {
        self.unusable(format!("{} answered without {lacks}", self.endpoint))
    }

    /// An answer that was understood, and cannot be worked with. Whether a write took effect is unknown then; a read
    /// would be answered so again.
    pub(super) fn unusable(&self, why: String) -> Error {
        let kind = if self.writes { ErrorKind::Unreachable } else { ErrorKind::Rejected };
        self.error(kind, why)
    }

    /// A list that comes to no end.
    pub(super) fn endless(&self) -> Error {
        self.error(ErrorKind::Unreachable, format!("{} answered without an end to its pages", self.endpoint))
    }

    /// A write that is not made, since it would have no guard.
    pub(super) fn unguarded(&self, what: &str) -> Error {
        let text = format!(
            "not sent: {} gave no revision id for {what}, so that nothing would keep this call from overwriting \
             another change; real AWS always gives one",
            self.endpoint
        );
        self.error(ErrorKind::Rejected, text)
    }

    fn error(&self, kind: ErrorKind, message: String) -> Error {
        self.error_with(kind, message, None, None)
    }

    fn error_with(&self, kind: ErrorKind, message: String, code: Option<&str>, id: Option<&str>) -> Error {
        Error::new(kind, message).with_aws(AwsAnswer {
            operation: self.operation.to_owned(),
            code: code.map(one_line),
            request_id: id.map(one_line),
        })
    }

    fn answered<E>(&self, error: &SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let metadata = error.as_service_error().map(ProvideErrorMetadata::meta);
        let code = metadata.and_then(|metadata| metadata.code());
        let words = metadata.and_then(|metadata| metadata.message()).filter(|_| self.quotable);
        let raw = error.raw_response();
        let status = raw.map_or(0, |raw| raw.status().as_u16());
        let content_type = raw.and_then(|raw| raw.headers().get("content-type")).unwrap_or_default();
        let (kind, message) = self.judge(status, code, words, content_type);
        self.error_with(kind, message, code, error.request_id())
    }

    fn judge(
        &self,
        status: u16,
        code: Option<&str>,
        words: Option<&str>,
        content_type: &str,
    ) -> (ErrorKind, String) {
        let says = |text: &str| match words {
            Some(words) => format!("{text}: AWS says `{}`", one_line(words)),
            None => text.to_owned(),
        };
        let is = |codes: &[&str]| code.is_some_and(|code| codes.contains(&code));
        let not_of_aws =
            code.is_none() && !["json", "cbor", "xml"].iter().any(|form| content_type.contains(form));
        if is(&THROTTLED) {
            (ErrorKind::Throttled, says("asked for fewer calls"))
        } else if is(&BAD_CREDENTIALS) {
            // Without AWS's words: some of them quote the signed request, session token and all.
            (ErrorKind::Config, "AWS does not take the credentials, or the clock here is wrong".to_owned())
        } else if is(&DENIED) {
            (ErrorKind::AccessDenied, says(&self.wanted()))
        } else if is(&NOT_FOUND_CODES) {
            (ErrorKind::NotFound, says("no such function, version, alias or Region"))
        } else if not_of_aws && !content_type.is_empty() {
            let what = format!("status {status}, `{}`", one_line(content_type));
            let text = format!("{} answered something that is not AWS's ({what})", self.endpoint);
            (ErrorKind::Unreachable, text)
        } else {
            match status {
                429 => (ErrorKind::Throttled, says("asked for fewer calls")),
                401 | 403 => (ErrorKind::AccessDenied, says(&self.wanted())),
                404 => (
                    ErrorKind::Unreachable,
                    says(&format!(
                        "{} answered 404 without AWS's code for what does not exist",
                        self.endpoint
                    )),
                ),
                409 => (ErrorKind::Conflict, says("another change is under way, or came first")),
                412 => (ErrorKind::Conflict, says("the revision is not the newest any more")),
                408 | 500.. => (ErrorKind::Unreachable, says(&format!("server fault, status {status}"))),
                400..=499 => (ErrorKind::Rejected, says("AWS refused the call")),
                _ => {
                    let text =
                        format!("{} answered what cannot be understood (status {status})", self.endpoint);
                    (ErrorKind::Unreachable, text)
                }
            }
        }
    }

    fn wanted(&self) -> String {
        format!("not permitted; add `{}` on `{}`", self.action, self.resource)
    }

    fn not_dispatched(&self, failure: &DispatchFailure) -> Error {
        let connector = failure.as_connector_error().map(|error| error as &(dyn StdError + 'static));
        if let Some(error) = connector.and_then(credentials_error) {
            return self.error(ErrorKind::Config, no_credentials(error));
        }
        let why = connector.map_or_else(|| "no connection".to_owned(), innermost);
        self.error(ErrorKind::Unreachable, format!("no answer from {}: {why}", self.endpoint))
    }
}

/// Whether the failure came before there was a connection to send anything on. The only time-out of a connector is that of
/// connecting; a call that is waited for too long is another error.
fn was_never_sent(failure: &DispatchFailure) -> bool {
    let connector = failure.as_connector_error().map(|error| error as &(dyn StdError + 'static));
    let is_connect = |error: &(dyn StdError + 'static)| {
        error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|error| error.is_connect())
    };
    failure.is_timeout() || connector.is_some_and(|error| chain(error).any(is_connect))
}

/// The complaint about credentials that lies underneath, if one does.
fn credentials_error<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e CredentialsError> {
    chain(error).find_map(|error| error.downcast_ref::<CredentialsError>())
}

/// Only the kind of complaint is told: the texts underneath can quote tokens.
fn no_credentials(error: &CredentialsError) -> String {
    // The metadata service of EC2 is asked last. That it is not there says that nothing before it was, either.
    let nothing_before_metadata = chain(error).any(|error| error.is::<ImdsError>());
    match error {
        CredentialsError::CredentialsNotLoaded(_) => NOT_FOUND,
        _ if nothing_before_metadata => NOT_FOUND,
        CredentialsError::ProviderTimedOut(_) => "the credentials could not be loaded in time",
        CredentialsError::InvalidConfiguration(_) => {
            "the credentials are configured wrongly; `aws sts get-caller-identity` says how"
        }
        _ => {
            "the credentials could not be loaded; `aws sts get-caller-identity` says why, \
             and an expired session is renewed with `aws sso login`"
        }
    }
    .to_owned()
}

const NOT_FOUND: &str = "no credentials found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
                         or run where a role is given";

/// What lies at the bottom, which is where the operating system speaks.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    one_line(&chain(error).last().unwrap_or(error).to_string())
}

fn chain<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call<'static> {
        Call {
            operation: "UpdateAlias",
            action: "lambda:UpdateAlias",
            resource: "arn:aws:lambda:*:*:function:api".to_owned(),
            endpoint: "the Lambda endpoint",
            quotable: true,
            writes: true,
        }
    }

    fn kind(status: u16, code: Option<&str>, content_type: &str) -> ErrorKind {
        call().judge(status, code, None, content_type).0
    }

    #[test]
    fn the_table() {
        let json = "application/json";
        assert_eq!(kind(412, Some("PreconditionFailedException"), json), ErrorKind::Conflict);
        assert_eq!(kind(409, Some("ResourceConflictException"), json), ErrorKind::Conflict);
        assert_eq!(kind(404, Some("ResourceNotFoundException"), json), ErrorKind::NotFound);
        assert_eq!(kind(429, Some("TooManyRequestsException"), json), ErrorKind::Throttled);
        assert_eq!(kind(400, Some("Throttling"), "application/cbor"), ErrorKind::Throttled);
        assert_eq!(kind(429, None, ""), ErrorKind::Throttled);
        assert_eq!(kind(403, Some("AccessDeniedException"), json), ErrorKind::AccessDenied);
        assert_eq!(kind(400, Some("AccessDenied"), "application/cbor"), ErrorKind::AccessDenied);
        assert_eq!(kind(403, Some("ExpiredTokenException"), json), ErrorKind::Config);
        assert_eq!(kind(403, Some("SignatureDoesNotMatch"), json), ErrorKind::Config);
        assert_eq!(kind(400, Some("InvalidParameterValueException"), json), ErrorKind::Rejected);
        assert_eq!(kind(500, Some("ServiceException"), json), ErrorKind::Unreachable);
        assert_eq!(kind(503, None, ""), ErrorKind::Unreachable);
        for status in [200, 403, 404, 429, 502] {
            assert_eq!(kind(status, None, "text/html; charset=utf-8"), ErrorKind::Unreachable, "{status}");
        }
    }

    /// Whoever takes any 404 for a deleted alias leaves a canary in traffic for a proxy's.
    #[test]
    fn only_awss_own_code_says_that_something_is_not_there() {
        let json = "application/json";
        for code in ["ResourceNotFoundException", "ResourceNotFound"] {
            for content_type in [json, "application/cbor", "text/html", ""] {
                assert_eq!(kind(404, Some(code), content_type), ErrorKind::NotFound, "{code} {content_type}");
            }
        }
        assert_eq!(kind(400, Some("ResourceNotFound"), "text/xml"), ErrorKind::NotFound);
        for code in [None, Some("UnknownOperationException"), Some("NotFound"), Some("404"), Some("")] {
            for content_type in [json, "application/cbor", "text/xml", "text/html", "text/plain", ""] {
                assert_eq!(kind(404, code, content_type), ErrorKind::Unreachable, "{code:?} {content_type}");
            }
        }
        let (_, message) = call().judge(404, None, None, "");
        assert_eq!(message, "the Lambda endpoint answered 404 without AWS's code for what does not exist");
    }

    #[test]
    fn a_missing_permission_is_named() {
        let (_, message) = call().judge(403, Some("AccessDenied"), Some("User is not authorized"), "");
        assert_eq!(
            message,
            "not permitted; add `lambda:UpdateAlias` on `arn:aws:lambda:*:*:function:api`: \
             AWS says `User is not authorized`"
        );
    }

    #[test]
    fn words_that_can_quote_the_signed_request_are_not_repeated() {
        let canonical = "The Canonical String should have been 'x-amz-security-token:hunter2'";
        let (_, message) =
            call().judge(403, Some("SignatureDoesNotMatch"), Some(canonical), "application/json");
        assert!(!message.contains("hunter2"), "{message}");
    }

    #[test]
    fn a_credentials_error_tells_its_kind_and_not_its_text() {
        let error = CredentialsError::provider_error("the token `hunter2` is no header value");
        assert!(!no_credentials(&error).contains("hunter2"));
        assert!(
            no_credentials(&CredentialsError::not_loaded_no_source()).starts_with("no credentials found")
        );
    }

    #[test]
    fn words_stay_on_one_line_and_come_to_an_end() {
        assert_eq!(one_line("a\r\nb"), "a  b");
        assert_eq!(one_line(&"ä".repeat(5000)).chars().count(), LONGEST_WORDS);
    }
}
