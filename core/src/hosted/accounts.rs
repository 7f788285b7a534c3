use std::sync::{Arc, Mutex, PoisonError};

use super::stage::AwsStage;
use crate::aws::Account;
use crate::error::Error;
use crate::plan::RolloutPlan;

/// The AWS accounts of a host: rollouts that say the same share one, with its connections and its budget of calls.
#[derive(Default)]
pub(super) struct Accounts(Mutex<Vec<(Said, Account)>>);

/// More than a program has at a time; one whose credentials are others at every start does not fill the memory.
const MOST: usize = 64;

/// What an account was made of.
#[derive(Clone)]
struct Said {
    stage: AwsStage,
    plan_region: Option<String>,
}

impl Accounts {
    /// The account for this, there already or made now.
    pub(super) async fn get(&self, stage: AwsStage, plan: &RolloutPlan) -> Result<Account, Error> {
        let said = Said { stage, plan_region: plan.function().region().map(str::to_owned) };
        if let Some(account) = self.find(&said) {
            return Ok(account);
        }
        let account = said.stage.clone().connect(plan).await?;
        // Somebody else may have made the same meanwhile: the first one counts.
        Ok(self.find(&said).unwrap_or_else(|| self.add(said, account)))
    }

    fn find(&self, said: &Said) -> Option<Account> {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().find(|(other, _)| other.is(said)).map(|(_, account)| account.clone())
    }

    fn add(&self, said: Said, account: Account) -> Account {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() == MOST {
            accounts.remove(0);
        }
        accounts.push((said, account.clone()));
        account
    }
}

impl Said {
    fn is(&self, other: &Self) -> bool {
        let (one, two) = (&self.stage, &other.stage);
        let same_source = match (&one.credentials, &two.credentials) {
            (None, None) => one.access_keys == two.access_keys,
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            _ => false,
        };
        same_source
            && self.plan_region == other.plan_region
            && (&one.region, &one.profile, &one.endpoint_url)
                == (&two.region, &two.profile, &two.endpoint_url)
    }
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
        for (number, stage) in stages.iter().enumerate() {
            for _ in 0..2 {
                accounts.get(stage.clone(), &plan).await.expect("an account");
                assert_eq!(made(&accounts), number + 1);
            }
        }
        for number in 0..2 * MOST {
            let stage = AwsStage { access_keys: keys(&number.to_string()), ..stages[0].clone() };
            accounts.get(stage, &plan).await.expect("an account");
        }
        assert_eq!(made(&accounts), MOST);
    }
}
