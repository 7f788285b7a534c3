use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;

use super::alarms::CloudWatchAlarms;
use super::credentials::{AccessKeys, CredentialsSource};
use super::hooks::LambdaHooks;
use super::http::http_client;
use super::identity::Identified;
use super::traffic::LambdaTraffic;
use crate::budget::{ApiBudget, Budgeted};
use crate::driver::SystemClock;
use crate::error::{Error, ErrorKind};
use crate::plan::RolloutPlan;
use crate::ports::{AlarmPort, HookPort, Ports, TrafficPort};
use crate::units::FunctionRef;

/// Time to connect. The same for every call: the connection pool is kept by it.
const CONNECT: Duration = Duration::from_secs(3);
/// Time for one try of a read, so that a second fits into the 10 seconds that the machine gives it.
const READ_TRY: Duration = Duration::from_secs(4);
/// Tries of a read.
const READ_TRIES: u32 = 3;
/// Wait before the second try of a read; twice that before the third.
const READ_BACKOFF: Duration = Duration::from_millis(200);

/// Where the environment names endpoints. The SDK drops what is no URL there with a line in its log.
const ENDPOINT_VARIABLES: [&str; 3] =
    ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL_CLOUDWATCH"];

/// An AWS account and Region, with the credentials to call it.
///
/// Made from the standard AWS configuration: environment, profiles, SSO, roles, containers, EC2, and
/// `AWS_ENDPOINT_URL` in all its spellings. Making one calls nothing, except for the metadata service of EC2
/// when neither options, plan, environment nor profile name a Region. Credentials are looked for by the first
/// call. Cloning is cheap, and clones share their connections. All accounts of a process that are the same one in the same
/// Region share its quota: they call Lambda's control plane 15 times a second at most, most urgent calls first
/// ([`crate::budget`]).
///
/// ```no_run
/// # async fn example(plan: lambda_rollout::plan::RolloutPlan) -> Result<(), lambda_rollout::Error> {
/// use lambda_rollout::aws::Account;
///
/// let account = Account::for_plan(&plan).await?;
/// let ports = account.ports();
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Account {
    connection: Arc<Connection>,
}

impl Account {
    /// The account of the standard AWS configuration.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it names no Region.
    pub async fn from_env() -> Result<Self, Error> {
        Self::builder().connect().await
    }

    /// The account of the standard AWS configuration, for this plan: the plan's ARN, where it is one, says
    /// the Region.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when nothing names a Region.
    pub async fn for_plan(plan: &RolloutPlan) -> Result<Self, Error> {
        Self::builder().plan(plan).connect().await
    }

    /// The account of a configuration that the program already has. Its Region, credentials, endpoint and HTTP
    /// client are used; its time-outs and retries are not, since the machine counts on its own.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when it has no Region.
    pub fn from_sdk_config(config: &SdkConfig) -> Result<Self, Error> {
        Ok(Self { connection: Arc::new(Connection::new(config.clone())?) })
    }

    /// The same account, as long as somebody else has it.
    pub(crate) fn downgrade(&self) -> WeakAccount {
        WeakAccount(Arc::downgrade(&self.connection))
    }

    /// Says Region, profile, endpoint or plan before connecting.
    #[must_use]
    pub fn builder() -> AccountBuilder {
        AccountBuilder::default()
    }

    /// The Region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.connection.region
    }

    /// All that the driver needs, on the real clock.
    #[must_use]
    pub fn ports(&self) -> Ports {
        Ports {
            traffic: self.traffic(),
            alarms: self.alarms(),
            hooks: self.hooks(),
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// Aliases and versions alone.
    #[must_use]
    pub fn traffic(&self) -> Arc<dyn TrafficPort> {
        let calls = Arc::new(LambdaTraffic { connection: Arc::clone(&self.connection) });
        Arc::new(Budgeted::new(calls, self.connection.budget.clone()))
    }

    /// Alarms alone.
    #[must_use]
    pub fn alarms(&self) -> Arc<dyn AlarmPort> {
        Arc::new(CloudWatchAlarms { connection: Arc::clone(&self.connection) })
    }

    /// Lambda hooks alone.
    #[must_use]
    pub fn hooks(&self) -> Arc<dyn HookPort> {
        Arc::new(LambdaHooks { connection: Arc::clone(&self.connection) })
    }
}

/// An account that is there as long as somebody has it.
pub(crate) struct WeakAccount(Weak<Connection>);

impl WeakAccount {
    pub(crate) fn upgrade(&self) -> Option<Account> {
        self.0.upgrade().map(|connection| Account { connection })
    }
}

/// What is said over the standard AWS configuration. `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct AccountBuilder {
    region: Option<String>,
    function: Option<FunctionRef>,
    profile: Option<String>,
    endpoint_url: Option<String>,
    credentials: Option<CredentialsSource>,
}

impl AccountBuilder {
    /// The Region, ahead of what the environment and the profile say. It must not contradict the function's ARN.
    #[must_use]
    pub fn region(mut self, region: impl Into<Option<String>>) -> Self {
        self.region = region.into();
        self
    }

    /// The profile of `~/.aws/config` and `~/.aws/credentials`, ahead of `AWS_PROFILE`.
    #[must_use]
    pub fn profile(mut self, profile: impl Into<Option<String>>) -> Self {
        self.profile = profile.into();
        self
    }

    /// The endpoint of every service, ahead of `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint_url(mut self, endpoint_url: impl Into<Option<String>>) -> Self {
        self.endpoint_url = endpoint_url.into();
        self
    }

    /// Credentials that the program has itself, ahead of all that the configuration names. The source is asked at the
    /// first call and again whenever what it gave runs out. It has a thread of its own and may wait; a panic of it is
    /// a failure to give any.
    #[must_use]
    pub fn credentials(
        mut self,
        source: impl Fn() -> Result<AccessKeys, Error> + Send + Sync + 'static,
    ) -> Self {
        self.credentials = Some(CredentialsSource::new(source));
        self
    }

    /// The plan: its function says the Region, as [`function`](Self::function) does.
    #[must_use]
    pub fn plan(self, plan: &RolloutPlan) -> Self {
        self.function(plan.function())
    }

    /// The function: its ARN, where it is one, says the Region, ahead of what the environment and the profile say.
    #[must_use]
    pub fn function(mut self, function: &FunctionRef) -> Self {
        self.function = Some(function.clone());
        self
    }

    /// Puts it together.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when nothing names a Region, when the Region is not that of the function's ARN, or when an
    /// endpoint is no URL.
    pub async fn connect(self) -> Result<Account, Error> {
        for variable in ENDPOINT_VARIABLES {
            if let Ok(url) = std::env::var(variable) {
                check_url(variable, &url)?;
            }
        }
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client());
        if let Some(region) = region_of(self.region.as_deref(), self.function.as_ref())? {
            loader = loader.region(Region::new(region.to_owned()));
        }
        if let Some(profile) = self.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(url) = self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(source) = self.credentials {
            loader = loader.credentials_provider(source);
        }
        Ok(Account { connection: Arc::new(Connection::new(loader.load().await)?) })
    }
}

/// The Region that was asked for, or that of the function's ARN. A function is called in its own Region alone, so that one
/// of the two would be wrong where they differ.
fn region_of<'r>(
    asked: Option<&'r str>,
    function: Option<&'r FunctionRef>,
) -> Result<Option<&'r str>, Error> {
    match (asked, function.and_then(FunctionRef::region)) {
        (Some(asked), Some(own)) if asked != own => {
            let text = format!(
                "the Region is given as `{asked}`, and the function's ARN names another one, `{own}`; leave out the \
                 first, or correct the ARN"
            );
            Err(Error::new(ErrorKind::Config, text))
        }
        (asked, own) => Ok(asked.or(own)),
    }
}

/// The clients of one account and Region. Each is made by its first call: a plan without alarms never makes
/// CloudWatch's.
pub(super) struct Connection {
    config: SdkConfig,
    region: String,
    lambda: OnceLock<aws_sdk_lambda::Client>,
    lambda_endpoint: String,
    budget: ApiBudget,
    cloudwatch: OnceLock<aws_sdk_cloudwatch::Client>,
    cloudwatch_endpoint: String,
}

impl Connection {
    fn new(config: SdkConfig) -> Result<Self, Error> {
        let Some(region) = config.region().map(|region| region.as_ref().to_owned()) else {
            let text = "no Region; set AWS_REGION, or name the function by its ARN";
            return Err(Error::new(ErrorKind::Config, text));
        };
        check_url("the endpoint", config.endpoint_url().unwrap_or_default())?;
        let mut settings = config
            .into_builder()
            .retry_config(
                RetryConfig::standard().with_max_attempts(READ_TRIES).with_initial_backoff(READ_BACKOFF),
            )
            .timeout_config(time_for_a_try(READ_TRY))
            // The time-outs above are short enough, and a hook may well be silent for minutes.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        settings.set_behavior_version(Some(BehaviorVersion::latest()));
        let mut config = settings.build();
        if config.http_client().is_none() {
            config = config.into_builder().http_client(http_client()).build();
        }
        let budget = ApiBudget::at(&format!("{region} {}", config.endpoint_url().unwrap_or("of AWS")));
        if let Some(provider) = config.credentials_provider() {
            let identified = Identified { provider, budget: budget.clone() };
            let provider = SharedCredentialsProvider::new(identified);
            config = config.into_builder().credentials_provider(provider).build();
        }
        Ok(Self {
            lambda: OnceLock::new(),
            lambda_endpoint: endpoint_name("Lambda", &region, config.endpoint_url()),
            budget,
            cloudwatch: OnceLock::new(),
            cloudwatch_endpoint: endpoint_name("CloudWatch", &region, config.endpoint_url()),
            config,
            region,
        })
    }

    pub(super) fn lambda(&self) -> &aws_sdk_lambda::Client {
        self.lambda.get_or_init(|| aws_sdk_lambda::Client::new(&self.config))
    }

    pub(super) fn cloudwatch(&self) -> &aws_sdk_cloudwatch::Client {
        self.cloudwatch.get_or_init(|| aws_sdk_cloudwatch::Client::new(&self.config))
    }

    pub(super) fn lambda_endpoint(&self) -> &str {
        &self.lambda_endpoint
    }

    pub(super) fn cloudwatch_endpoint(&self) -> &str {
        &self.cloudwatch_endpoint
    }
}

/// A call that is tried once, within this time.
pub(super) fn once(limit: Duration) -> aws_sdk_lambda::config::Builder {
    aws_sdk_lambda::Config::builder()
        .retry_config(RetryConfig::disabled())
        .timeout_config(time_for_a_try(limit))
}

fn time_for_a_try(limit: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(limit).build()
}

/// An empty text stands for none.
fn check_url(place: &str, url: &str) -> Result<(), Error> {
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let fits = |c: char| c.is_ascii_graphic() && !"<>\"\\^`{|}".contains(c);
    if url.is_empty() || host.is_some_and(|host| !host.is_empty() && host.chars().all(fits)) {
        return Ok(());
    }
    let text = format!("{place} is no URL; such as `http://127.0.0.1:4566`, not `{}`", url.escape_debug());
    Err(Error::new(ErrorKind::Config, text))
}

/// The endpoint's name for people, without what may stand for a password in its URL.
fn endpoint_name(service: &str, region: &str, url: Option<&str>) -> String {
    let Some(url) = url else { return format!("the {service} endpoint of {region}") };
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, host)) => format!("`{scheme}://{host}`"),
        None => format!("`{url}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_named_without_its_password() {
        assert_eq!(endpoint_name("Lambda", "eu-west-1", None), "the Lambda endpoint of eu-west-1");
        let url = Some("http://127.0.0.1:4566");
        assert_eq!(endpoint_name("Lambda", "eu-west-1", url), "`http://127.0.0.1:4566`");
        let url = Some("https://me:hunter2@proxy.test/x");
        assert_eq!(endpoint_name("Lambda", "eu-west-1", url), "`https://proxy.test/x`");
    }

    #[test]
    fn an_endpoint_that_is_no_url_is_refused() {
        for url in ["", "http://127.0.0.1:4566", "https://lambda.eu-west-1.amazonaws.com/x"] {
            assert!(check_url("it", url).is_ok(), "{url}");
        }
        for url in ["localhost:4566", "not a url", "http://", "http://a b", "ftp://x", "http://ä"] {
            let error = check_url("it", url).expect_err(url);
            assert!(error.kind() == ErrorKind::Config && error.message().contains(url), "{error}");
        }
    }

    #[test]
    fn a_region_that_contradicts_the_functions_arn_is_refused() {
        let arn = FunctionRef::parse("arn:aws:lambda:ap-south-1:123456789012:function:api").expect("an ARN");
        let name = FunctionRef::parse("api").expect("a name");
        assert_eq!(region_of(Some("eu-west-1"), Some(&name)).expect("one"), Some("eu-west-1"));
        assert_eq!(region_of(Some("ap-south-1"), Some(&arn)).expect("one"), Some("ap-south-1"));
        assert_eq!(region_of(None, Some(&arn)).expect("one"), Some("ap-south-1"));
        assert_eq!(region_of(None, Some(&name)).expect("none"), None);
        let error = region_of(Some("eu-west-1"), Some(&arn)).expect_err("two Regions");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(
            error.message().contains("`eu-west-1`") && error.message().contains("`ap-south-1`"),
            "{error}"
        );
    }

    #[test]
    fn no_region_is_said_before_any_call() {
        let error = Account::from_sdk_config(&SdkConfig::builder().build()).err().expect("no Region");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().starts_with("no Region"));
    }
}
