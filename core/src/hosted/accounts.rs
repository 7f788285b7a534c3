use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::stage::{AwsStage, GiveKeys};
use crate::aws::{Account, WeakAccount};
use crate::error::Error;
use crate::plan::RolloutPlan;

/// The AWS accounts of a host's rollouts: those that run at the same time and say the same share one, with its connections
/// and its budget of calls.
#[derive(Default)]
pub(super) struct Accounts(Mutex<Vec<(Said, WeakAccount)>>);

/// What an account was made of.
struct Said {
    /// Without its source of credentials, which goes with the account.
    stage: AwsStage,
    source: Option<Weak<GiveKeys>>,
    plan_region: Option<String>,
    /// What the environment says over profiles: a program may change it between two rollouts, and means it.
    environment: BTreeMap<OsString, OsString>,
}

impl Accounts {
    /// The account for this, there already or made now.
    pub(super) async fn get(&self, stage: AwsStage, plan: &RolloutPlan) -> Result<Account, Error> {
        let plan_region = plan.function().region().map(str::to_owned);
        let source = stage.credentials.as_ref().map(Arc::downgrade);
        let without = AwsStage { credentials: None, ..stage.clone() };
        let said = Said { stage: without, source, plan_region, environment: environment() };
        if let Some(account) = self.find(&said) {
            return Ok(account);
        }
        let account = stage.connect(plan).await?;
        // Somebody else may have made the same meanwhile: the first one counts.
        Ok(self.find(&said).unwrap_or_else(|| self.add(said, account)))
    }

    fn find(&self, said: &Said) -> Option<Account> {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().find(|(other, _)| other.is(said)).and_then(|(_, account)| account.upgrade())
    }

    fn add(&self, said: Said, account: Account) -> Account {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|(_, account)| account.upgrade().is_some());
        accounts.push((said, account.downgrade()));
        account
    }
}

impl Said {
    fn is(&self, other: &Self) -> bool {
        let (one, two) = (&self.stage, &other.stage);
        let same_source = match (&self.source, &other.source) {
            (None, None) => one.access_keys == two.access_keys,
            (Some(one), Some(two)) => Weak::ptr_eq(one, two),
            _ => false,
        };
        same_source
            && self.plan_region == other.plan_region
            && self.environment == other.environment
            && (&one.region, &one.profile, &one.endpoint_url)
                == (&two.region, &two.profile, &two.endpoint_url)
    }
}

fn environment() -> BTreeMap<OsString, OsString> {
    let concerns_aws = |name: &OsString| name.as_encoded_bytes().starts_with(b"AWS_");
    std::env::vars_os().filter(|(name, _)| concerns_aws(name)).collect()
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::AccessKeys;
    use crate::error::ErrorKind;

    fn keys(id: &str) -> Option<AccessKeys> {
        let secret_access_key = "hunter2".to_owned();
        Some(AccessKeys {
            access_key_id: id.into(),
            secret_access_key,
            session_token: None,
            expires_at: None,
        })
    }

    fn made(accounts: &Accounts) -> usize {
        accounts.0.lock().expect("nobody panics").len()
    }

    #[tokio::test]
    async fn rollouts_that_say_the_same_share_an_account() {
        let plan = RolloutPlan::builder("sample-handler", "main").publish().strategy_named("AllAtOnce");
        let plan = plan.build().expect("a good plan");
        let accounts = Accounts::default();
        let region = Some("eu-west-1".to_owned());
        let source: super::super::CredentialsSource = Arc::new(|| Err(Error::new(ErrorKind::Config, "none")));
        let stages = [
            AwsStage { region: region.clone(), ..AwsStage::default() },
            AwsStage { region: Some("eu-west-2".to_owned()), ..AwsStage::default() },
            AwsStage { region: region.clone(), access_keys: keys("one"), ..AwsStage::default() },
            AwsStage { region: region.clone(), access_keys: keys("two"), ..AwsStage::default() },
            AwsStage { region: region.clone(), credentials: Some(source), ..AwsStage::default() },
        ];
        let mut used = Vec::new();
        for (number, stage) in stages.iter().enumerate() {
            for _ in 0..2 {
                used.push(accounts.get(stage.clone(), &plan).await.expect("an account"));
                assert_eq!(made(&accounts), number + 1);
            }
        }
        // What nobody uses any more is not kept, nor are the credentials that it was made of.
        used.clear();
        let again = accounts.get(stages[0].clone(), &plan).await.expect("an account");
        assert_eq!(made(&accounts), 1);
        drop(again);
    }
}
