use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    AliasRoutingConfiguration, LastUpdateStatus, ProvisionedConcurrencyStatusEnum, State,
};

use super::account::{Connection, once};
use super::code::{check_archive, read_archive};
use super::failure::Call;
use crate::Error;
use crate::account::{
    AliasState, AliasWrite, CodeSource, FunctionVersion, Lifecycle, ProvisionedConcurrency, PublishRequest,
    Routing, UpdateStatus,
};
use crate::iam::function_arn;
use crate::ports::TrafficPort;
use crate::units::{AliasName, FunctionRef, Qualifier, Version, Weight};

/// Time for one alias write. The machine bears 10 seconds; what is unanswered sooner is read back sooner.
const WRITE: Duration = Duration::from_secs(6);
/// Time for publishing: below the machine's minute, so that the reason reaches it.
const PUBLISH: Duration = Duration::from_secs(55);
/// Time for new code, which may be 50 MB over a slow line: below the machine's ten minutes.
const UPDATE_CODE: Duration = Duration::from_secs(590);

/// Aliases and versions of a Lambda function. None of its calls waits for its turn: see [`crate::budget`].
pub(super) struct LambdaTraffic {
    pub(super) connection: Arc<Connection>,
}

impl LambdaTraffic {
    fn client(&self) -> &Client {
        self.connection.lambda()
    }

    fn read(&self, operation: &'static str, action: &'static str, function: &FunctionRef) -> Call<'_> {
        let resource = function_arn(function);
        let endpoint = self.connection.lambda_endpoint();
        Call { operation, action, resource, endpoint, quotable: true, writes: false }
    }

    fn write(&self, operation: &'static str, action: &'static str, function: &FunctionRef) -> Call<'_> {
        Call { writes: true, ..self.read(operation, action, function) }
    }
}

#[async_trait]
impl TrafficPort for LambdaTraffic {
    async fn read_alias(&self, function: &FunctionRef, alias: &AliasName) -> Result<AliasState, Error> {
        let call = self.read("GetAlias", "lambda:GetAlias", function);
        let request = self.client().get_alias().function_name(function.as_str()).name(alias.as_str());
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        alias_state!(call, answer)
    }

    async fn write_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        write: &AliasWrite,
    ) -> Result<AliasState, Error> {
        let call = self.write("UpdateAlias", "lambda:UpdateAlias", function);
        if write.revision_id.is_empty() {
            return Err(call.unguarded("the alias"));
        }
        let request = self
            .client()
            .update_alias()
            .function_name(function.as_str())
            .name(alias.as_str())
            .function_version(write.routing.version.to_string())
            .routing_config(weights(&write.routing))
            .set_description(write.description.clone())
            .revision_id(&write.revision_id);
        let request = request.customize().config_override(once(WRITE));
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        alias_state!(call, answer)
    }

    async fn create_alias(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
        version: Version,
    ) -> Result<AliasState, Error> {
        let call = self.write("CreateAlias", "lambda:CreateAlias", function);
        let request = self
            .client()
            .create_alias()
            .function_name(function.as_str())
            .name(alias.as_str())
            .function_version(version.to_string());
        let request = request.customize().config_override(once(WRITE));
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        alias_state!(call, answer)
    }

    async fn read_version(
        &self,
        function: &FunctionRef,
        version: Qualifier,
    ) -> Result<FunctionVersion, Error> {
        let mut call = self.read("GetFunction", "lambda:GetFunction", function);
        let mut request = self.client().get_function().function_name(function.as_str());
        // Without a qualifier Lambda gives `$LATEST`, and then the function's own ARN is enough for IAM.
        if version != Qualifier::Latest {
            request = request.qualifier(version.to_string());
            call.resource = format!("{}:{version}", call.resource);
        }
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        let facts = answer.configuration().ok_or_else(|| call.misfit("a configuration"))?;
        function_version!(call, facts)
    }

    async fn update_code(
        &self,
        function: &FunctionRef,
        code: &CodeSource,
        revision_id: &str,
    ) -> Result<FunctionVersion, Error> {
        let call = self.write("UpdateFunctionCode", "lambda:UpdateFunctionCode", function);
        if revision_id.is_empty() {
            return Err(call.unguarded("`$LATEST`"));
        }
        let request =
            self.client().update_function_code().function_name(function.as_str()).revision_id(revision_id);
        let request = match code {
            CodeSource::Zip(path) => request.zip_file(Blob::new(read_archive(path).await?)),
            CodeSource::S3 { bucket, key, object_version } => {
                request.s3_bucket(bucket).s3_key(key).set_s3_object_version(object_version.clone())
            }
            CodeSource::Image(uri) => request.image_uri(uri),
        };
        let request = request.customize().config_override(once(UPDATE_CODE));
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        function_version!(call, answer)
    }

    async fn publish(
        &self,
        function: &FunctionRef,
        request: &PublishRequest,
    ) -> Result<FunctionVersion, Error> {
        let call = self.write("PublishVersion", "lambda:PublishVersion", function);
        if request.revision_id.is_empty() {
            return Err(call.unguarded("`$LATEST`"));
        }
        let request = self
            .client()
            .publish_version()
            .function_name(function.as_str())
            .set_description(request.description.clone())
            .code_sha256(&request.code_sha256)
            .revision_id(&request.revision_id);
        let request = request.customize().config_override(once(PUBLISH));
        let answer = request.send().await.map_err(|error| call.failed(error))?;
        function_version!(call, answer)
    }

    async fn read_provisioned_concurrency(
        &self,
        function: &FunctionRef,
        alias: &AliasName,
    ) -> Result<Option<ProvisionedConcurrency>, Error> {
        let operation = "GetProvisionedConcurrencyConfig";
        let mut call = self.read(operation, "lambda:GetProvisionedConcurrencyConfig", function);
        call.resource = format!("{}:{alias}", call.resource);
        let request = self.client().get_provisioned_concurrency_config();
        let request = request.function_name(function.as_str()).qualifier(alias.as_str());
        match request.send().await {
            Ok(answer) => Ok(Some(provisioned(answer.status()))),
            Err(error) if error.code() == Some(NO_PROVISIONED_CONCURRENCY) => Ok(None),
            Err(error) => Err(call.failed(error)),
        }
    }

    async fn check_code(&self, code: &CodeSource) -> Result<(), Error> {
        match code {
            CodeSource::Zip(path) => check_archive(path).await,
            // Lambda fetches these itself, and may be allowed what the caller is not.
            CodeSource::S3 { .. } | CodeSource::Image(_) => Ok(()),
        }
    }
}

/// How AWS says that an alias has no provisioned concurrency.
const NO_PROVISIONED_CONCURRENCY: &str = "ProvisionedConcurrencyConfigNotFoundException";

/// An absent status, or one that nobody knows, is not taken for done.
fn provisioned(status: Option<&ProvisionedConcurrencyStatusEnum>) -> ProvisionedConcurrency {
    match status {
        Some(ProvisionedConcurrencyStatusEnum::Ready) => ProvisionedConcurrency::Ready,
        Some(ProvisionedConcurrencyStatusEnum::Failed) => ProvisionedConcurrency::Failed,
        _ => ProvisionedConcurrency::InProgress,
    }
}

/// The weights as they are sent: the map is always there, and empty where there are none.
fn weights(routing: &Routing) -> AliasRoutingConfiguration {
    let map = routing.additional.iter().map(|(version, weight)| (version.to_string(), weight.fraction()));
    AliasRoutingConfiguration::builder().set_additional_version_weights(Some(map.collect())).build()
}

/// An alias from any of the three answers that describe one, which share their getters but no type.
macro_rules! alias_state {
    ($call:expr, $answer:expr) => {{
        let routing = routing(&$call, $answer.function_version(), $answer.routing_config())?;
        // Only a write needs it, and a write without one is not made.
        let revision_id = $answer.revision_id().unwrap_or_default().to_owned();
        let description = $answer.description().unwrap_or_default().to_owned();
        Ok(AliasState { routing, revision_id, description })
    }};
}
use alias_state;

fn routing(
    call: &Call<'_>,
    version: Option<&str>,
    routing: Option<&AliasRoutingConfiguration>,
) -> Result<Routing, Error> {
    let version = version.ok_or_else(|| call.misfit("the alias's version"))?;
    let version =
        Qualifier::parse(version).map_err(|wrong| call.unusable(format!("the alias's version: {wrong}")))?;
    // Cleared weights come back as an absent `RoutingConfig`, an absent map, or an empty one.
    let mut weights = routing.and_then(|routing| routing.additional_version_weights()).into_iter().flatten();
    let additional = match weights.next() {
        None => None,
        Some((version, weight)) => {
            let version = Version::parse(version)
                .map_err(|wrong| call.unusable(format!("the alias's additional version: {wrong}")))?;
            Some((version, Weight::nearest_to_fraction(*weight)))
        }
    };
    if weights.next().is_some() {
        let text = "the alias has more than one additional version, which Lambda does not allow".to_owned();
        return Err(call.unusable(text));
    }
    Ok(Routing { version, additional })
}

/// A version from any of the three answers that describe one, which share their getters but no type.
macro_rules! function_version {
    ($call:expr, $facts:expr) => {{
        let version = $facts.version().ok_or_else(|| $call.misfit("the function's version"))?;
        let state = $facts.state();
        Ok(FunctionVersion {
            version: Qualifier::parse(version)
                .map_err(|wrong| $call.unusable(format!("the function's version: {wrong}")))?,
            state: lifecycle(state),
            state_reason: $facts
                .state_reason()
                .unwrap_or_else(|| state.map_or("no state", State::as_str))
                .to_owned(),
            update: update_status($facts.last_update_status()),
            update_reason: $facts.last_update_status_reason().unwrap_or_default().to_owned(),
            role: $facts.role().unwrap_or_default().to_owned(),
            dead_letter: $facts
                .dead_letter_config()
                .and_then(|queue| queue.target_arn())
                .filter(|arn| !arn.is_empty())
                .map(str::to_owned),
            code_sha256: $facts.code_sha256().unwrap_or_default().to_owned(),
            config_sha256: $facts.config_sha256().map(str::to_owned),
            // Only changes to `$LATEST` need it, and those are not made without one.
            revision_id: $facts.revision_id().unwrap_or_default().to_owned(),
        })
    }};
}
use function_version;

fn lifecycle(state: Option<&State>) -> Lifecycle {
    match state {
        Some(State::Pending) => Lifecycle::Pending,
        Some(State::Active) => Lifecycle::Active,
        Some(State::Failed) => Lifecycle::Failed,
        Some(State::Inactive) => Lifecycle::Inactive,
        _ => Lifecycle::Other,
    }
}

/// An absent status is what a published version has; an unknown one is not taken for done.
fn update_status(status: Option<&LastUpdateStatus>) -> UpdateStatus {
    match status {
        None | Some(LastUpdateStatus::Successful) => UpdateStatus::Successful,
        Some(LastUpdateStatus::Failed) => UpdateStatus::Failed,
        Some(_) => UpdateStatus::InProgress,
    }
}
