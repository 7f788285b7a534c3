use std::time::Duration;

use serde_json::{Value, json};

/// How an operation is spoken over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Lambda's.
    RestJson,
    /// CloudWatch's, as the SDKs of 2025 and later speak it.
    Cbor,
    /// CloudWatch's, as boto3 speaks it.
    AwsJson,
    /// CloudWatch's, as older command lines speak it.
    Query,
}

/// An answer on its way out.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) after: Duration,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into(), after: Duration::ZERO }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    pub(crate) fn html(status: u16) -> Self {
        Self::new(
            status,
            "text/html; charset=utf-8",
            "<!doctype html><title>Welcome</title><h1>It works</h1>",
        )
    }

    pub(crate) fn cbor(status: u16, body: &ciborium::Value) -> Self {
        let mut bytes = Vec::new();
        ciborium::into_writer(body, &mut bytes).expect("a vector takes every byte");
        Self::new(status, "application/cbor", bytes).with_header("smithy-protocol", "rpc-v2-cbor")
    }

    /// An error in this protocol's form.
    pub(crate) fn error(protocol: Protocol, status: u16, code: &str, message: &str) -> Self {
        match protocol {
            Protocol::RestJson => {
                let by = if status < 500 { "User" } else { "Server" };
                Self::json(status, &json!({"Type": by, "message": message}))
                    .with_header("x-amzn-errortype", code)
            }
            Protocol::AwsJson => Self::json(status, &json!({"__type": code, "message": message})),
            Protocol::Cbor => {
                let text = |text: &str| ciborium::Value::Text(text.to_owned());
                let body = ciborium::Value::Map(vec![
                    (text("__type"), text(&format!("com.amazonaws.cloudwatch#{code}"))),
                    (text("message"), text(message)),
                ]);
                Self::cbor(status, &body)
            }
            Protocol::Query => {
                let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
                Self::new(status, "text/xml", format!("<ErrorResponse>{error}</ErrorResponse>"))
            }
        }
    }

    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn after(mut self, after: Duration) -> Self {
        self.after = after;
        self
    }
}
