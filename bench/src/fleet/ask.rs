use std::sync::Arc;

use async_trait::async_trait;
use lambda_rollout::Error;
use lambda_rollout::account::{
    AliasState, AliasWrite, CodeSource, FunctionVersion, ProvisionedConcurrency, PublishRequest, Urgency,
};
use lambda_rollout::budget::Budgeted;
use lambda_rollout::ports::TrafficPort;
use lambda_rollout::units::{AliasName, FunctionRef, Qualifier, Version};

use crate::account::FleetAccount;

/// Notes when each call is asked for first, so that the account knows how long it waited.
pub(crate) struct Asking {
    pub(crate) calls: Budgeted,
    pub(crate) account: Arc<FleetAccount>,
}

impl Asking {
    fn told<T>(&self, kind: &'static str, result: Result<T, Error>) -> Result<T, Error> {
        if result.as_ref().is_err_and(Error::is_queued) {
            self.account.asked_again(kind);
        }
        result
    }
}

#[async_trait]
impl TrafficPort for Asking {
    async fn read_alias(&self, function: &FunctionRef, alias: &AliasName) -> Result<AliasState, Error> {
        self.read_alias_for(function, alias, Urgency::Look).await
    }

    async fn read_alias_for(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        urgency: Urgency,
    ) -> Result<AliasState, Error> {
        let kind = match urgency {
            Urgency::Restore => "reads of rollbacks",
            Urgency::Change => "reads of changes",
            Urgency::Look => "looks",
        };
        self.account.asked(kind, function);
        self.told(kind, self.calls.read_alias_for(function, alias, urgency).await)
    }

    async fn write_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        write: &AliasWrite,
    ) -> Result<AliasState, Error> {
        let kind = if write.restores { "restoring writes" } else { "other writes" };
        self.account.asked(kind, function);
        self.told(kind, self.calls.write_alias(function, alias, write).await)
    }

    async fn create_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        version: Version,
    ) -> Result<AliasState, Error> {
        self.calls.create_alias(function, alias, version).await
    }

    async fn read_version(
        &self,
        function: &FunctionRef,
        version: Qualifier,
    ) -> Result<FunctionVersion, Error> {
        self.calls.read_version(function, version).await
    }

    async fn update_code(
        &self,
        function: &FunctionRef,
        code: &CodeSource,
        revision_id: &str,
    ) -> Result<FunctionVersion, Error> {
        self.calls.update_code(function, code, revision_id).await
    }

    async fn publish(
        &self,
        function: &FunctionRef,
        request: &PublishRequest,
    ) -> Result<FunctionVersion, Error> {
        self.calls.publish(function, request).await
    }

    async fn read_provisioned_concurrency(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
    ) -> Result<Option<ProvisionedConcurrency>, Error> {
        self.calls.read_provisioned_concurrency(function, alias).await
    }
}
