use std::sync::Arc;

use async_trait::async_trait;

use super::ApiBudget;
use super::queue::Call;
use crate::account::{
    AliasState, AliasWrite, CodeSource, FunctionVersion, ProvisionedConcurrency, PublishRequest, Urgency,
};
use crate::error::Error;
use crate::ports::TrafficPort;
use crate::units::{AliasName, FunctionRef, Qualifier, Version};

/// A [`TrafficPort`] whose calls wait for their turn in a budget.
///
/// Versions are read with `GetFunction`, which AWS counts apart: they do not wait.
pub struct Budgeted {
    calls: Arc<dyn TrafficPort>,
    budget: ApiBudget,
}

impl Budgeted {
    /// These calls, within this budget.
    #[must_use]
    pub fn new(calls: Arc<dyn TrafficPort>, budget: ApiBudget) -> Self {
        Self { calls, budget }
    }

    async fn turn(
        &self,
        operation: &'static str,
        function: &FunctionRef,
        alias: Option<&AliasName>,
        urgency: Urgency,
    ) -> Result<(), Error> {
        self.budget.turn(Call::new(operation, function, alias), urgency).await
    }
}

#[async_trait]
impl TrafficPort for Budgeted {
    async fn read_alias(&self, function: &FunctionRef, alias: &AliasName) -> Result<AliasState, Error> {
        self.read_alias_for(function, alias, Urgency::Look).await
    }

    async fn read_alias_for(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        urgency: Urgency,
    ) -> Result<AliasState, Error> {
        self.turn("GetAlias", function, Some(alias), urgency).await?;
        self.calls.read_alias_for(function, alias, urgency).await
    }

    async fn write_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        write: &AliasWrite,
    ) -> Result<AliasState, Error> {
        let urgency = if write.restores { Urgency::Restore } else { Urgency::Change };
        self.turn("UpdateAlias", function, Some(alias), urgency).await?;
        self.calls.write_alias(function, alias, write).await
    }

    async fn create_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        version: Version,
    ) -> Result<AliasState, Error> {
        self.turn("CreateAlias", function, Some(alias), Urgency::Change).await?;
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
        self.turn("UpdateFunctionCode", function, None, Urgency::Change).await?;
        self.calls.update_code(function, code, revision_id).await
    }

    async fn publish(
        &self,
        function: &FunctionRef,
        request: &PublishRequest,
    ) -> Result<FunctionVersion, Error> {
        self.turn("PublishVersion", function, None, Urgency::Change).await?;
        self.calls.publish(function, request).await
    }

    async fn read_provisioned_concurrency(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
    ) -> Result<Option<ProvisionedConcurrency>, Error> {
        self.turn("GetProvisionedConcurrencyConfig", function, Some(alias), Urgency::Change).await?;
        self.calls.read_provisioned_concurrency(function, alias).await
    }

    async fn check_code(&self, code: &CodeSource) -> Result<(), Error> {
        self.calls.check_code(code).await
    }
}
