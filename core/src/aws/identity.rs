use std::fmt;

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use crate::budget::ApiBudget;

/// Credentials that tell the budget, whenever they are loaded, which account they are of. Nothing is loaded for that.
pub(super) struct Identified {
    pub(super) provider: SharedCredentialsProvider,
    pub(super) budget: ApiBudget,
}

impl ProvideCredentials for Identified {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let credentials = self.provider.provide_credentials().await?;
            self.budget.identify(&account_of(&credentials));
            Ok(credentials)
        })
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.provider.fallback_on_interrupt()
    }
}

impl fmt::Debug for Identified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identified").field(&self.provider).finish()
    }
}

/// What stands for the account of these credentials: its number where that can be told, else the access key's id.
fn account_of(credentials: &Credentials) -> String {
    let key = credentials.access_key_id();
    match credentials.account_id() {
        Some(account) => account.as_str().to_owned(),
        None => account_in_key(key).unwrap_or_else(|| key.to_owned()),
    }
}

/// The account's number that an access key's id of today has in it, behind its four letters: 40 of the first 48 bits, in
/// base 32. AWS does not document that. Should it change, two accounts may wait for each other, or one may be
/// taken for two, and nothing worse.
fn account_in_key(key: &str) -> Option<String> {
    let digits = key.as_bytes().get(4..14).filter(|_| key.len() == 20)?;
    let bits = digits.iter().try_fold(0_u64, |bits, digit| {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        Some((bits << 5) | u64::from(value))
    })?;
    // Ten digits are 50 bits; the lowest two are of what comes behind.
    let account = ((bits >> 2) & 0x7fff_ffff_ff80) >> 7;
    Some(format!("{account:012}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(key: &str, account: Option<&str>) -> Credentials {
        let mut builder = Credentials::builder();
        builder.set_account_id(account.map(Into::into));
        builder.access_key_id(key).secret_access_key("hunter2").provider_name("test").build()
    }

    #[test]
    fn an_account_is_known_by_its_number_or_by_its_key() {
        assert_eq!(account_of(&credentials("AKIA", Some("123456789012"))), "123456789012");
        // Two keys of one account.
        assert_eq!(account_of(&credentials("ASIAQNZGKIQY56JQ7WML", None)), "029608264753");
        assert_eq!(account_of(&credentials("AKIAQNZGKIQYZZZZZZZZ", None)), "029608264753");
        for key in ["test", "AKIA", "", "AKIA0000000000000000", "AKIAÄÄÄÄÄÄÄÄ", "ASIAQNZGKIQY56JQ7WML2"]
        {
            assert_eq!(account_of(&credentials(key, None)), key);
        }
    }

    #[tokio::test]
    async fn the_account_is_told_when_the_credentials_are_loaded() {
        let [own, other] = ["123456789012", "210987654321"].map(|account| {
            let budget = ApiBudget::at("eu-west-1 identity");
            budget.identify(account);
            budget
        });
        assert!(!own.shares_with(&other));
        let provider = SharedCredentialsProvider::new(credentials("AKIA", Some("123456789012")));
        let identified = Identified { provider, budget: other.clone() };
        assert!(!own.shares_with(&other), "nothing is loaded for that");
        let loaded = identified.provide_credentials().await.expect("credentials");
        assert_eq!(loaded.secret_access_key(), "hunter2");
        assert!(own.shares_with(&other));
        assert!(!format!("{identified:?}").contains("hunter2"));
    }
}
