//! Lambda's restJson operations, on the simulated account.

use std::time::Duration;

use lambda_rollout::Error;
use lambda_rollout::account::{
    AliasState, AliasWrite, CodeSource, FunctionVersion, HookFailure, HookMoment, HookReport, Lifecycle,
    ProvisionedConcurrency, PublishRequest, Routing, UpdateStatus,
};
use lambda_rollout::sim::Hand;
use lambda_rollout::units::{HookFunction, Qualifier, Version, Weight};
use serde_json::{Value, json};

use crate::answer::{Answer, Protocol};
use crate::endpoint::Account;
use crate::query::decode;

/// The value of an environment variable of the function, which every answer that describes a version holds.
pub const ENVIRONMENT_VALUE: &str = "hunter2-environment-value";

/// One Lambda call: the operation and what its path and query say.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) operation: &'static str,
    function: String,
    alias: Option<String>,
    qualifier: Option<String>,
}

impl Call {
    /// Reads method, path and query; `None` when this is no call that a rollout makes.
    pub(crate) fn read(method: &str, path: &str, query: &[(String, String)]) -> Option<Self> {
        let parts: Vec<String> = path.split('/').skip(1).map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let [_, "functions", function, rest @ ..] = parts.as_slice() else { return None };
        let (operation, alias) = match (method, rest) {
            ("GET", ["provisioned-concurrency"]) => ("GetProvisionedConcurrencyConfig", None),
            ("GET", []) => ("GetFunction", None),
            ("GET", ["configuration"]) => ("GetFunctionConfiguration", None),
            ("PUT", ["code"]) => ("UpdateFunctionCode", None),
            ("POST", ["versions"]) => ("PublishVersion", None),
            ("POST", ["aliases"]) => ("CreateAlias", None),
            ("GET", ["aliases", alias]) => ("GetAlias", Some(*alias)),
            ("PUT", ["aliases", alias]) => ("UpdateAlias", Some(*alias)),
            ("POST", ["invocations"]) => ("Invoke", None),
            _ => return None,
        };
        Some(Self {
            operation,
            function: (*function).to_owned(),
            alias: alias.map(str::to_owned),
            qualifier: crate::query::value(query, "Qualifier").map(str::to_owned),
        })
    }

    /// Does it, and says what came of it.
    pub(crate) fn perform(&self, body: &Value, account: &mut Account) -> Answer {
        if self.operation == "Invoke" {
            return invoke(body, account);
        }
        let name = self.function.rsplit(':').next().unwrap_or_default();
        if self.operation == "GetFunction" && account.hooks.contains(name) {
            let qualifier = self.qualifier.as_ref().map(|it| format!(":{it}")).unwrap_or_default();
            let hook = HookFunction::parse(&format!("{name}{qualifier}"));
            if let Some(Err(error)) = hook.ok().map(|hook| account.world.check_hook(&hook)) {
                return refused(&error);
            }
            return Answer::json(
                200,
                &json!({"Configuration": {"FunctionName": name, "Version": "$LATEST"}}),
            );
        }
        if name != account.function.name() {
            return absent("function", &self.function);
        }
        let alias = self.alias.as_deref().or_else(|| body["Name"].as_str());
        if let Some(alias) = alias.filter(|alias| *alias != account.alias.as_str()) {
            return absent("alias", alias);
        }
        let result = match self.operation {
            "GetAlias" => account.world.alias().map(|state| alias_json(account, &state)),
            "UpdateAlias" => return update_alias(body, account),
            "GetProvisionedConcurrencyConfig" => return self.provisioned(account),
            "CreateAlias" => return create_alias(body, account),
            "PublishVersion" => account.world.publish(&publish_request(body)).map(version_json(account)),
            "UpdateFunctionCode" => {
                let revision_id = body["RevisionId"].as_str().unwrap_or_default();
                account.world.update_code(&code(body), revision_id).map(version_json(account))
            }
            _ => return self.get_function(account),
        };
        let created = matches!(self.operation, "PublishVersion");
        answer(if created { 201 } else { 200 }, result)
    }

    fn provisioned(&self, account: &mut Account) -> Answer {
        let of_alias = self.qualifier.as_deref() == Some(account.alias.as_str());
        if !of_alias || account.world.alias().is_err() {
            return absent("alias", self.qualifier.as_deref().unwrap_or_default());
        }
        let own = account.provisioned.as_ref().map(|it| it.status.as_str());
        let of_the_scenario = account.world.provisioned_concurrency().map(|state| match state {
            ProvisionedConcurrency::InProgress => "IN_PROGRESS",
            ProvisionedConcurrency::Ready => "READY",
            ProvisionedConcurrency::Failed => "FAILED",
        });
        match own.or(of_the_scenario) {
            Some(status) => {
                Answer::json(200, &json!({"Status": status, "RequestedProvisionedConcurrentExecutions": 1}))
            }
            None => {
                let code = "ProvisionedConcurrencyConfigNotFoundException";
                let message = "No Provisioned Concurrency Config found for this function";
                Answer::error(Protocol::RestJson, 404, code, message)
            }
        }
    }

    fn get_function(&self, account: &mut Account) -> Answer {
        let Ok(qualifier) = Qualifier::parse(self.qualifier.as_deref().unwrap_or("$LATEST")) else {
            return absent("version", self.qualifier.as_deref().unwrap_or_default());
        };
        let version = account.world.version(qualifier).map(version_json(account));
        match self.operation {
            "GetFunction" => answer(200, version.map(|version| json!({"Configuration": version}))),
            _ => answer(200, version),
        }
    }
}

fn answer(status: u16, result: Result<Value, Error>) -> Answer {
    match result {
        Ok(body) => Answer::json(status, &body),
        Err(error) => refused(&error),
    }
}

fn refused(error: &Error) -> Answer {
    let code = error.aws().and_then(|aws| aws.code.as_deref()).unwrap_or("ServiceException");
    let status = match code {
        "PreconditionFailedException" => 412,
        "ResourceConflictException" => 409,
        "ResourceNotFoundException" => 404,
        "ServiceException" => 500,
        _ => 400,
    };
    Answer::error(Protocol::RestJson, status, code, error.message())
}

fn absent(what: &str, name: &str) -> Answer {
    let message = format!("Cannot find {what}: {name}");
    Answer::error(Protocol::RestJson, 404, "ResourceNotFoundException", &message)
}

fn invalid(message: &str) -> Answer {
    Answer::error(Protocol::RestJson, 400, "InvalidParameterValueException", message)
}

/// An absent `FunctionVersion` or `RoutingConfig` leaves what there is, as AWS is thought to do.
fn update_alias(body: &Value, account: &mut Account) -> Answer {
    let before = match account.world.alias() {
        Ok(state) => state.routing,
        Err(error) => return refused(&error),
    };
    let version = match body["FunctionVersion"].as_str().map(Qualifier::parse) {
        None => before.version,
        Some(Ok(version)) => version,
        Some(Err(wrong)) => return invalid(&wrong.to_string()),
    };
    let additional = match additional(&body["RoutingConfig"]) {
        Ok(None) => before.additional,
        Ok(Some(additional)) => additional,
        Err(wrong) => return invalid(&wrong),
    };
    if additional.is_some() && account.provisioned.is_some() {
        return invalid("Alias with weights can not be used with Provisioned Concurrency");
    }
    let revision_id = body["RevisionId"].as_str().unwrap_or_default().to_owned();
    let description = body["Description"].as_str().map(str::to_owned);
    let write = AliasWrite { description, ..AliasWrite::new(Routing { version, additional }, revision_id) };
    let old_copy = account.old_copy.take();
    account.remember_alias();
    let result = account.world.write_alias(&write, Hand::Rollout);
    if result.is_ok() {
        account.shown_weights = None;
        account.move_provisioned(before.version, version);
    } else {
        account.old_copy = old_copy;
    }
    answer(200, result.map(|state| alias_json(account, &state)))
}

/// The weights of a request: not said, cleared, or one version's share.
fn additional(routing: &Value) -> Result<Option<Option<(Version, Weight)>>, String> {
    let Some(weights) = routing["AdditionalVersionWeights"].as_object() else { return Ok(None) };
    if weights.len() > 1 {
        return Err("Number of items in AdditionalVersionWeights cannot be greater than 1".to_owned());
    }
    let Some((version, weight)) = weights.iter().next() else { return Ok(Some(None)) };
    let version = Version::parse(version).map_err(|wrong| wrong.to_string())?;
    let weight = weight.as_f64().filter(|weight| (0.0..=1.0).contains(weight));
    let weight = weight.ok_or_else(|| "the weight must be a number from 0 to 1".to_owned())?;
    Ok(Some(Some((version, Weight::nearest_to_fraction(weight)))))
}

fn create_alias(body: &Value, account: &mut Account) -> Answer {
    match body["FunctionVersion"].as_str().map(Version::parse) {
        Some(Ok(version)) => {
            let result = account.world.create_alias(version, Hand::Rollout);
            answer(201, result.map(|state| alias_json(account, &state)))
        }
        _ => invalid("a published version is needed"),
    }
}

fn publish_request(body: &Value) -> PublishRequest {
    let text = |key: &str| body[key].as_str().map(str::to_owned);
    PublishRequest {
        description: text("Description"),
        code_sha256: text("CodeSha256").unwrap_or_default(),
        revision_id: text("RevisionId").unwrap_or_default(),
    }
}

/// What was sent stands for the code: the same again is the same code.
fn code(body: &Value) -> CodeSource {
    let text = |key: &str| body[key].as_str().map(str::to_owned);
    match (text("ImageUri"), text("S3Bucket"), text("S3Key")) {
        (Some(uri), _, _) => CodeSource::Image(uri),
        (None, Some(bucket), Some(key)) => {
            CodeSource::S3 { bucket, key, object_version: text("S3ObjectVersion") }
        }
        _ => CodeSource::Zip(text("ZipFile").unwrap_or_default().into()),
    }
}

fn invoke(body: &Value, account: &Account) -> Answer {
    let moment = match body["hook"].as_str() {
        Some("before_traffic") => HookMoment::BeforeTraffic,
        Some("after_traffic") => HookMoment::AfterTraffic,
        _ => return absent("hook", &body["hook"].to_string()),
    };
    match account.world.hook(moment) {
        Some((report, after)) => hook_answer(&report).after(after),
        None => Answer::json(200, &Value::Null).after(Duration::MAX),
    }
}

fn hook_answer(report: &HookReport) -> Answer {
    let HookReport { verdict, reason, failure } = report;
    match failure {
        None => Answer::json(200, &json!({"verdict": verdict.to_string(), "reason": reason})),
        Some(HookFailure::FunctionError) => {
            let thrown = json!({"errorType": "HookFailed", "errorMessage": reason});
            Answer::json(200, &thrown).with_header("x-amz-function-error", "Unhandled")
        }
        Some(HookFailure::NotInvoked) => absent("function", "hook"),
        Some(_) => Answer::json(200, &Value::Null),
    }
}

pub(crate) fn alias_json(account: &Account, state: &AliasState) -> Value {
    let mut alias = json!({
        "AliasArn": format!("{}:{}", account.arn(), account.alias),
        "Name": account.alias,
        "FunctionVersion": state.routing.version,
        "Description": state.description,
        "RevisionId": state.revision_id,
    });
    if let Some(weights) = account.weights(&state.routing) {
        alias["RoutingConfig"] = json!({"AdditionalVersionWeights": weights});
    }
    alias
}

fn version_json(account: &Account) -> impl Fn(FunctionVersion) -> Value + use<> {
    let (arn, name) = (account.arn(), account.function.name().to_owned());
    move |facts| {
        let state = match facts.state {
            Lifecycle::Pending => "Pending",
            Lifecycle::Active => "Active",
            Lifecycle::Failed => "Failed",
            Lifecycle::Inactive => "Inactive",
            Lifecycle::Other => "Unheard-of",
        };
        let update = match facts.update {
            UpdateStatus::Successful => "Successful",
            UpdateStatus::InProgress => "InProgress",
            UpdateStatus::Failed => "Failed",
        };
        json!({
            "FunctionName": name,
            "FunctionArn": format!("{arn}:{}", facts.version),
            "Version": facts.version,
            "State": state,
            "StateReason": facts.state_reason,
            "LastUpdateStatus": update,
            "LastUpdateStatusReason": facts.update_reason,
            "Role": facts.role,
            "DeadLetterConfig": {"TargetArn": facts.dead_letter},
            "CodeSha256": facts.code_sha256,
            "RevisionId": facts.revision_id,
            "Environment": {"Variables": {"PASSWORD": ENVIRONMENT_VALUE}},
            "Runtime": "python3.13",
            "Handler": "index.handler",
        })
    }
}
