use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use serde::Deserialize;

use crate::error::Error;
use crate::units::Timestamp;

/// Credentials that a program has itself. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKeys {
    /// The access key's id.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// The token of temporary credentials.
    #[serde(default)]
    pub session_token: Option<String>,
    /// When they stop being good; a source is asked again before that. `None` for ones that do not.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKeys").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl From<AccessKeys> for Credentials {
    fn from(keys: AccessKeys) -> Self {
        let millis = |at: Timestamp| Duration::from_millis(at.as_millis().max(0).unsigned_abs());
        let expiry: Option<SystemTime> = keys.expires_at.and_then(|at| UNIX_EPOCH.checked_add(millis(at)));
        Self::new(keys.access_key_id, keys.secret_access_key, keys.session_token, expiry, "the program")
    }
}

/// Where credentials come from, asked whenever the ones at hand run out.
#[derive(Clone)]
pub(super) struct CredentialsSource(Arc<dyn Fn() -> Result<AccessKeys, Error> + Send + Sync>);

impl CredentialsSource {
    pub(super) fn new(source: impl Fn() -> Result<AccessKeys, Error> + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }
}

impl fmt::Debug for CredentialsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialsSource")
    }
}

impl ProvideCredentials for CredentialsSource {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let source = Arc::clone(&self.0);
        future::ProvideCredentials::new(async move {
            // It may wait for whatever it likes, and this thread may not.
            match tokio::task::spawn_blocking(move || source()).await {
                Ok(keys) => keys.map(Credentials::from).map_err(CredentialsError::provider_error),
                Err(panicked) => Err(CredentialsError::unhandled(panicked)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn keys(expires_at: Option<Timestamp>) -> AccessKeys {
        AccessKeys {
            access_key_id: "AKIA".into(),
            secret_access_key: "hunter2".into(),
            session_token: Some("token".into()),
            expires_at,
        }
    }

    #[tokio::test]
    async fn a_source_is_asked_and_its_refusal_is_told_apart_from_its_panic() {
        let expires_at = Some(Timestamp::from_millis(1_800_000_000_000));
        let credentials = CredentialsSource::new(move || Ok(keys(expires_at))).provide_credentials().await;
        let credentials = credentials.expect("the source's keys");
        assert_eq!(credentials.secret_access_key(), "hunter2");
        assert_eq!(credentials.expiry(), UNIX_EPOCH.checked_add(Duration::from_secs(1_800_000_000)));

        let refuses = CredentialsSource::new(|| Err(Error::new(ErrorKind::Config, "no session")));
        let error = refuses.provide_credentials().await.expect_err("it refuses");
        assert!(matches!(error, CredentialsError::ProviderError(_)), "{error:?}");

        let panics = CredentialsSource::new(|| panic!("hunter2"));
        let error = panics.provide_credentials().await.expect_err("it panics");
        assert!(matches!(error, CredentialsError::Unhandled(_)), "{error:?}");
    }

    #[test]
    fn keys_are_shown_without_their_secrets() {
        let shown = format!("{:?}", keys(None));
        assert!(!shown.contains("hunter2") && !shown.contains("token") && !shown.contains("AKIA"), "{shown}");
    }
}
