//! What a plan needs to be allowed to do: its calls, and the least IAM policy for them.

use serde_json::{Value, json};

use crate::account::{CodeSource, HookMoment};
use crate::plan::{HookRunner, RolloutPlan, VersionSource};
use crate::units::{FunctionRef, HookFunction};

/// An API operation that a plan makes, or may have to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiCall {
    /// The service, such as `lambda`.
    pub service: &'static str,
    /// The operation, such as `UpdateAlias`. `None` for what AWS does on the caller's behalf.
    pub operation: Option<&'static str>,
    /// What it is for.
    pub purpose: &'static str,
    /// The IAM actions that it needs.
    pub actions: Vec<&'static str>,
    /// The ARNs, or patterns of ARNs, that it needs them on.
    pub resources: Vec<String>,
}

/// The API operations that this plan makes, in the order of a rollout.
///
/// IAM looks at the function's own ARN for everything about its aliases, at a version's ARN when a call names
/// that version, and at the function's own ARN again for `$LATEST`
/// (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-api-permissions-ref.html>; since January 2022 a
/// `Qualifier` beside an unqualified name needs the qualified ARN).
#[must_use]
pub fn calls(plan: &RolloutPlan) -> Vec<ApiCall> {
    calls_in(plan, None)
}

/// As [`calls`], for a plan that is run in this Region: where an ARN of the plan says none, this one stands in it.
#[must_use]
pub fn calls_in(plan: &RolloutPlan, region: Option<&str>) -> Vec<ApiCall> {
    let function = function_arn_in(plan.function(), region);
    let versions = format!("{function}:*");
    let on_function = |operation, action, purpose| ApiCall {
        service: "lambda",
        operation: Some(operation),
        purpose,
        actions: vec![action],
        resources: vec![function.clone()],
    };
    let publishes = !matches!(plan.version(), VersionSource::Existing(_));
    let hooks: Vec<String> = hook_functions(plan).into_iter().map(|hook| hook_arn_in(hook, region)).collect();
    let mut read = if publishes { vec![function.clone(), versions] } else { vec![versions] };
    read.extend(hooks.iter().cloned());
    let mut calls = vec![
        on_function(
            "GetAlias",
            "lambda:GetAlias",
            "reads the alias: at the start, every minute, and to prove the end",
        ),
        ApiCall {
            service: "lambda",
            operation: Some("GetFunction"),
            purpose: "reads both versions, until they are ready, and finds the hooks",
            actions: vec!["lambda:GetFunction"],
            resources: read,
        },
        ApiCall {
            service: "lambda",
            operation: Some("GetProvisionedConcurrencyConfig"),
            purpose: "finds out whether the alias has provisioned concurrency, which rules out weights",
            actions: vec!["lambda:GetProvisionedConcurrencyConfig"],
            resources: vec![format!("{function}:{}", plan.alias())],
        },
    ];
    if let VersionSource::Code(code) = plan.version() {
        let purpose = "puts the new code into $LATEST";
        calls.push(on_function("UpdateFunctionCode", "lambda:UpdateFunctionCode", purpose));
        calls.extend(code_access(code, plan.function(), region));
    }
    if publishes {
        calls.push(on_function("PublishVersion", "lambda:PublishVersion", "publishes the canary version"));
    }
    if !plan.alarms().names().is_empty() {
        // Composite alarms, and their history, are shown only to those who may see every alarm.
        let on_alarms = |operation, action, purpose| ApiCall {
            service: "cloudwatch",
            operation: Some(operation),
            purpose,
            actions: vec![action],
            resources: vec!["*".to_owned()],
        };
        calls.push(on_alarms("DescribeAlarms", "cloudwatch:DescribeAlarms", "watches the alarms"));
        let purpose = "looks up an alarm that was in another state between two polls";
        calls.push(on_alarms("DescribeAlarmHistory", "cloudwatch:DescribeAlarmHistory", purpose));
    }
    if !hooks.is_empty() {
        calls.push(ApiCall {
            service: "lambda",
            operation: Some("Invoke"),
            purpose: "runs the hooks",
            actions: vec!["lambda:InvokeFunction"],
            resources: hooks,
        });
    }
    calls.push(on_function("CreateAlias", "lambda:CreateAlias", "creates the alias, when there is none yet"));
    calls.push(on_function("UpdateAlias", "lambda:UpdateAlias", "shifts, promotes and rolls back"));
    calls
}

/// The least IAM policy that this plan needs, as a policy document. What the plan does not say of account
/// and Region stands as `*`.
///
/// ```
/// use lambda_rollout::iam::least_policy;
/// use lambda_rollout::plan::{Format, RolloutPlan};
///
/// let text = "function = \"api\"\nalias = \"live\"\nversion = \"7\"\nstrategy = \"AllAtOnce\"";
/// let policy = least_policy(&RolloutPlan::parse(text, Format::Toml)?);
/// assert_eq!(policy["Statement"][0]["Resource"], "arn:aws:lambda:*:*:function:api");
/// # Ok::<(), lambda_rollout::plan::PlanError>(())
/// ```
#[must_use]
pub fn least_policy(plan: &RolloutPlan) -> Value {
    least_policy_in(plan, None)
}

/// As [`least_policy`], for a plan that is run in this Region.
#[must_use]
pub fn least_policy_in(plan: &RolloutPlan, region: Option<&str>) -> Value {
    let mut statements: Vec<(Vec<String>, Vec<&'static str>)> = Vec::new();
    for call in calls_in(plan, region) {
        match statements.iter_mut().find(|(resources, _)| *resources == call.resources) {
            Some((_, actions)) => actions.extend(call.actions),
            None => statements.push((call.resources, call.actions)),
        }
    }
    let statements: Vec<Value> = statements
        .into_iter()
        .map(|(resources, actions)| json!({"Effect": "Allow", "Action": one_or_many(actions), "Resource": one_or_many(resources)}))
        .collect();
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// The function's ARN, with `*` for what its name does not say.
#[cfg(feature = "aws")]
pub(crate) fn function_arn(function: &FunctionRef) -> String {
    function_arn_in(function, None)
}

fn function_arn_in(function: &FunctionRef, region: Option<&str>) -> String {
    let partition = partition_of(function, region);
    let region = function.region().or(region).unwrap_or("*");
    let account = function.account().unwrap_or("*");
    format!("arn:{partition}:lambda:{region}:{account}:function:{}", function.name())
}

/// What may be invoked: with a qualifier, IAM looks at the ARN that has it.
#[cfg(feature = "aws")]
pub(crate) fn hook_arn(hook: &HookFunction) -> String {
    hook_arn_in(hook, None)
}

fn hook_arn_in(hook: &HookFunction, region: Option<&str>) -> String {
    let function = function_arn_in(hook.function(), region);
    match hook.qualifier() {
        Some(qualifier) => format!("{function}:{qualifier}"),
        None => function,
    }
}

/// The partition, which a Region's name says where the function's does not
/// (<https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>).
fn partition_of<'a>(function: &'a FunctionRef, region: Option<&str>) -> &'a str {
    const BY_PREFIX: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("us-iso-", "aws-iso"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ];
    let by_region = || {
        let region = region?;
        BY_PREFIX.iter().find(|(prefix, _)| region.starts_with(prefix)).map(|(_, partition)| *partition)
    };
    function.partition().or_else(by_region).unwrap_or("aws")
}

/// What Lambda fetches with the caller's own rights.
fn code_access(code: &CodeSource, function: &FunctionRef, region: Option<&str>) -> Option<ApiCall> {
    let partition = partition_of(function, region);
    let (service, purpose, actions, resource) = match code {
        CodeSource::Zip(_) => return None,
        CodeSource::S3 { bucket, key, object_version } => (
            "s3",
            "lets Lambda fetch the archive",
            vec![if object_version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" }],
            format!("arn:{partition}:s3:::{bucket}/{key}"),
        ),
        CodeSource::Image(uri) => (
            "ecr",
            "lets Lambda fetch the image",
            vec!["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            repository_arn(uri, partition),
        ),
    };
    Some(ApiCall { service, operation: None, purpose, actions, resources: vec![resource] })
}

/// The repository of `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG` or `…/NAME@DIGEST`.
fn repository_arn(uri: &str, partition: &str) -> String {
    let (host, path) = uri.split_once('/').unwrap_or(("", uri));
    let name = path.split(['@', ':']).next().unwrap_or(path);
    let mut parts = host.split('.');
    let (account, region) = match (parts.next(), parts.nth(2)) {
        (Some(account), Some(region)) => (account, region),
        _ => ("*", "*"),
    };
    format!("arn:{partition}:ecr:{region}:{account}:repository/{name}")
}

fn hook_functions(plan: &RolloutPlan) -> Vec<&HookFunction> {
    let mut functions: Vec<&HookFunction> = [HookMoment::BeforeTraffic, HookMoment::AfterTraffic]
        .into_iter()
        .filter_map(|moment| plan.hook(moment))
        .filter_map(|hook| match hook.runner() {
            HookRunner::Lambda(function) => Some(function),
            HookRunner::InProcess => None,
        })
        .collect();
    functions.dedup();
    functions
}

fn one_or_many<T: Into<Value>>(values: Vec<T>) -> Value {
    let mut values: Vec<Value> = values.into_iter().map(Into::into).collect();
    match values.len() {
        1 => values.remove(0),
        _ => Value::Array(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Format;

    const ARN: &str = "arn:aws-cn:lambda:cn-north-1:123456789012:function:api";

    fn plan(lines: &str) -> RolloutPlan {
        let text = format!("alias = \"live\"\nstrategy = \"AllAtOnce\"\n{lines}");
        RolloutPlan::parse(&text, Format::Toml).expect("a plan")
    }

    fn allow(action: Value, resource: Value) -> Value {
        json!({"Effect": "Allow", "Action": action, "Resource": resource})
    }

    #[test]
    fn a_named_version_needs_no_more_than_reading_and_shifting() {
        let policy = least_policy(&plan(&format!("function = \"{ARN}\"\nversion = \"7\"")));
        let expected = json!([
            allow(json!(["lambda:GetAlias", "lambda:CreateAlias", "lambda:UpdateAlias"]), json!(ARN)),
            allow(json!("lambda:GetFunction"), json!(format!("{ARN}:*"))),
            allow(json!("lambda:GetProvisionedConcurrencyConfig"), json!(format!("{ARN}:live"))),
        ]);
        assert_eq!(policy, json!({"Version": "2012-10-17", "Statement": expected}));
    }

    #[test]
    fn everything_that_a_plan_can_ask_for() {
        let lines = "function = \"123456789012:function:api\"\n\
                     version = { s3 = { bucket = \"code\", key = \"k/x.zip\", object_version = \"3\" } }\n\
                     alarms = { names = [\"a\"] }\n\
                     hooks.before_traffic = { lambda = \"check:live\" }\n\
                     hooks.after_traffic = { lambda = \"check\" }";
        let api = "arn:aws:lambda:*:123456789012:function:api";
        let check = "arn:aws:lambda:*:*:function:check";
        let expected = json!([
            allow(
                json!([
                    "lambda:GetAlias",
                    "lambda:UpdateFunctionCode",
                    "lambda:PublishVersion",
                    "lambda:CreateAlias",
                    "lambda:UpdateAlias",
                ]),
                json!(api),
            ),
            allow(
                json!("lambda:GetFunction"),
                json!([api, &format!("{api}:*"), &format!("{check}:live"), check])
            ),
            allow(json!("lambda:GetProvisionedConcurrencyConfig"), json!(format!("{api}:live"))),
            allow(json!("s3:GetObjectVersion"), json!("arn:aws:s3:::code/k/x.zip")),
            allow(json!(["cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory"]), json!("*")),
            allow(json!("lambda:InvokeFunction"), json!([format!("{check}:live"), check.to_owned()])),
        ]);
        assert_eq!(least_policy(&plan(lines))["Statement"], expected);
        let operations: Vec<_> = calls(&plan(lines)).into_iter().filter_map(|call| call.operation).collect();
        assert_eq!(
            operations,
            [
                "GetAlias",
                "GetFunction",
                "GetProvisionedConcurrencyConfig",
                "UpdateFunctionCode",
                "PublishVersion",
                "DescribeAlarms",
                "DescribeAlarmHistory",
                "Invoke",
                "CreateAlias",
                "UpdateAlias",
            ]
        );
    }

    #[test]
    fn a_repository_is_read_out_of_an_image() {
        let uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/api@sha256:0123";
        let arn = "arn:aws:ecr:eu-west-1:123456789012:repository/team/api";
        assert_eq!(repository_arn(uri, "aws"), arn);
        assert_eq!(repository_arn(&uri.replace("@sha256:0123", ":v2"), "aws"), arn);
        assert_eq!(repository_arn("api:v2", "aws"), "arn:aws:ecr:*:*:repository/api");
    }
}
