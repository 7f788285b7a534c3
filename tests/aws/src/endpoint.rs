use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_lambda::config::{Credentials, SharedCredentialsProvider};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lambda_rollout::RolloutPlan;
use lambda_rollout::account::HookMoment;
use lambda_rollout::aws;
use lambda_rollout::plan::HookRunner;
use lambda_rollout::sim::{Scenario, World};
use lambda_rollout::units::{AliasName, FunctionRef, Timestamp};
use serde_json::Value;
use tokio::sync::{oneshot, watch};

use crate::answer::{Answer, Protocol};
use crate::fault::{Fault, FaultPlan, Met};
use crate::held::{Held, Hold, Waiting};
use crate::outside::{Provisioned, Shown};
use crate::{alarm_history, cloudwatch, control, lambda, query};

/// The simulated account behind Lambda's and CloudWatch's wire formats, on a free port of the loopback
/// interface and on a thread of its own. Dropping it ends it.
///
/// The account's virtual clock runs with the real one here, for real HTTP needs real time: plans have holds of
/// milliseconds, and alarms are set by the test, not by simulated minutes of metrics.
pub struct SimulatedEndpoint {
    url: String,
    shared: Arc<Mutex<Shared>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// The API operation.
    pub operation: String,
    /// When it had arrived whole.
    pub at: Instant,
    /// The path and query.
    pub target: String,
    /// The body as JSON, whatever the protocol.
    pub body: Value,
}

/// What the operations work on.
pub(crate) struct Account {
    pub(crate) world: World,
    pub(crate) function: FunctionRef,
    pub(crate) alias: AliasName,
    pub(crate) composite: BTreeSet<String>,
    pub(crate) deleted: BTreeSet<String>,
    pub(crate) page_size: usize,
    pub(crate) last_page_leads_on: bool,
    pub(crate) shown: BTreeMap<String, Shown>,
    /// The functions of the plan's hooks.
    pub(crate) hooks: BTreeSet<String>,
    pub(crate) provisioned: Option<Provisioned>,
    /// Shown instead of the alias's own weights, until the next write.
    pub(crate) shown_weights: Option<Value>,
    /// The alias as it was shown before the newest write.
    pub(crate) old_copy: Option<Value>,
    pub(crate) overtaken: u32,
}

impl Account {
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:lambda:us-east-1:123456789012:function:{}", self.function.name())
    }
}

pub(crate) struct Shared {
    pub(crate) account: Account,
    pub(crate) faults: FaultPlan,
    pub(crate) log: Vec<Request>,
    pub(crate) born: Instant,
    arrivals: watch::Sender<()>,
    start: Timestamp,
}

impl Shared {
    /// Lets the account's clock catch up with the real one.
    pub(crate) fn catch_up(&mut self) {
        self.account.world.advance_to(self.start + self.born.elapsed());
    }
}

#[expect(clippy::disallowed_methods, reason = "the endpoint is the outside world, which has the real clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

fn hook_functions(plan: &RolloutPlan) -> BTreeSet<String> {
    let hooks =
        [HookMoment::BeforeTraffic, HookMoment::AfterTraffic].into_iter().filter_map(|at| plan.hook(at));
    hooks
        .filter_map(|hook| match hook.runner() {
            HookRunner::Lambda(function) => Some(function.name().to_owned()),
            HookRunner::InProcess => None,
        })
        .collect()
}

fn wall_clock() -> Timestamp {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Timestamp::from_millis(since.as_millis() as i64)
}

impl SimulatedEndpoint {
    /// Starts on a free port, with the account that this plan and scenario make.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start(plan: &RolloutPlan, scenario: &Scenario) -> Self {
        Self::start_on(0, plan, scenario).expect("the loopback interface has a free port")
    }

    /// Starts on this port.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start_on(port: u16, plan: &RolloutPlan, scenario: &Scenario) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let start = wall_clock();
        let account = Account {
            world: World::new(plan, &scenario.clone().starting_at(start), scenario.seed()),
            function: plan.function().clone(),
            alias: plan.alias().clone(),
            composite: BTreeSet::new(),
            deleted: BTreeSet::new(),
            page_size: 100,
            last_page_leads_on: false,
            shown: BTreeMap::new(),
            hooks: hook_functions(plan),
            provisioned: None,
            shown_weights: None,
            old_copy: None,
            overtaken: 0,
        };
        let (faults, arrivals) = (FaultPlan::default(), watch::Sender::default());
        let shared = Shared { account, faults, log: Vec::new(), born: now(), arrivals, start };
        let shared = Arc::new(Mutex::new(shared));
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || serve(listener, shared, stopped)
        });
        Ok(Self { url, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it is, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The library's account at this endpoint, with credentials that nobody checks.
    #[must_use]
    pub fn account(&self) -> aws::Account {
        aws::Account::from_sdk_config(&self.sdk_config()).expect("the Region is there")
    }

    /// The SDK's configuration for this endpoint.
    #[must_use]
    pub fn sdk_config(&self) -> SdkConfig {
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "not-a-secret", None, None, "tests");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(&self.url)
            .build()
    }

    /// The n-th call of this operation, counted from 1, meets this fault.
    pub fn fault(&self, operation: &str, nth: u64, fault: Fault) {
        self.lock().faults.nth(operation, nth, fault);
    }

    /// Every call of this operation meets this fault, until it is called with `None`.
    pub fn fault_always(&self, operation: &str, fault: Option<Fault>) {
        self.lock().faults.always(operation, fault);
    }

    /// Every call for a page after the first meets this fault, until it is called with `None`.
    pub fn fault_further_pages(&self, fault: Option<Fault>) {
        self.lock().faults.further_pages(fault);
    }

    /// Keeps the n-th call of this operation, counted from 1, waiting for a decision.
    pub fn hold(&self, operation: &str, nth: u64) -> Held {
        self.held(|faults, hold| faults.hold(operation, nth, hold))
    }

    /// Keeps the n-th call of all, counted from 1, waiting for a decision.
    pub fn hold_of_all(&self, nth: u64) -> Held {
        self.held(|faults, hold| faults.hold_of_all(nth, hold))
    }

    fn held(&self, plan: impl FnOnce(&mut FaultPlan, Hold)) -> Held {
        let (hold, waiting) = oneshot::channel();
        plan(&mut self.lock().faults, hold);
        Held { shared: Arc::clone(&self.shared), waiting }
    }

    /// This alarm is a composite one.
    pub fn make_composite(&self, name: &str) {
        self.lock().account.composite.insert(name.to_owned());
    }

    /// An alarm is gone from now on, or there again.
    pub fn delete_alarm(&self, name: &str, deleted: bool) {
        let gone = &mut self.lock().account.deleted;
        if deleted {
            gone.insert(name.to_owned())
        } else {
            gone.remove(name)
        };
    }

    /// `DescribeAlarms` gives at most so many alarms at once, as if there were more.
    pub fn set_page_size(&self, page_size: usize) {
        self.lock().account.page_size = page_size;
    }

    /// The last page of `DescribeAlarms` names a next one, which is empty and names itself, or does not.
    pub fn let_last_page_lead_on(&self, leads_on: bool) {
        self.lock().account.last_page_leads_on = leads_on;
    }

    /// Looks at the account, or has another hand change it.
    pub fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let mut shared = self.lock();
        shared.catch_up();
        look(&mut shared.account.world)
    }

    /// Every request so far, in the order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.lock().log.clone()
    }

    /// The requests of one operation.
    #[must_use]
    pub fn requests_of(&self, operation: &str) -> Vec<Request> {
        self.lock().log.iter().filter(|request| request.operation == operation).cloned().collect()
    }

    /// Waits until the n-th request of this operation, counted from 1, has arrived.
    pub async fn arrived(&self, operation: &str, nth: usize) {
        let mut arrivals = self.lock().arrivals.subscribe();
        while self.requests_of(operation).len() < nth {
            arrivals.changed().await.expect("the endpoint outlives who asks it");
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }
}

impl Drop for SimulatedEndpoint {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

pub(crate) fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn serve(listener: TcpListener, shared: Arc<Mutex<Shared>>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener of this runtime");
        tokio::select! {
            () = accept(&listener, &shared) => {}
            _ = stopped => {}
        }
    });
}

async fn accept(listener: &tokio::net::TcpListener, shared: &Arc<Mutex<Shared>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _slower_answers = stream.set_nodelay(true);
        let shared = Arc::clone(shared);
        let service = service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move { handle(&shared, request).await }
        });
        tokio::spawn(async move {
            let http = hyper::server::conn::http1::Builder::new();
            let _broken = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The connection is to be broken: hyper closes it when a service fails.
#[derive(Debug)]
struct Break;

impl std::fmt::Display for Break {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a connection broken to order")
    }
}

impl std::error::Error for Break {}

type Response = hyper::Response<Full<Bytes>>;

async fn handle(shared: &Mutex<Shared>, request: hyper::Request<Incoming>) -> Result<Response, Break> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Break)?.to_bytes();
    let target = head.uri.to_string();
    let query = query::pairs(head.uri.query().unwrap_or_default());
    let (method, path) = (head.method.as_str(), head.uri.path());
    if let Some(path) = path.strip_prefix("/_simulated/") {
        return Ok(response(control::answer(&mut lock(shared), method, path, &query)));
    }
    let header = head.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let call = match lambda::Call::read(method, path, &query) {
        Some(call) => Call::Lambda(call),
        None => match cloudwatch::read(path, header, &body) {
            Some((protocol, operation)) => Call::CloudWatch(protocol, operation),
            None => {
                return Ok(response(Answer::error(
                    Protocol::RestJson,
                    404,
                    "UnknownOperationException",
                    path,
                )));
            }
        },
    };
    let request =
        Request { operation: call.operation().to_owned(), at: now(), target, body: call.body(&body) };
    let met = {
        let mut shared = lock(shared);
        shared.log.push(request.clone());
        shared.arrivals.send_replace(());
        shared.faults.meet(&request.operation, &request.body)
    };
    match met {
        Met::Nothing => answer(shared, &call, &request.body, None).await,
        Met::Fault(fault) => answer(shared, &call, &request.body, Some(fault)).await,
        Met::Hold(hold) => wait_for_decision(shared, hold, request, call).await,
    }
}

async fn wait_for_decision(
    shared: &Mutex<Shared>,
    hold: Hold,
    request: Request,
    call: Call,
) -> Result<Response, Break> {
    let (decide, decided) = oneshot::channel();
    match hold.send(Waiting { request, call, answer: Some(decide) }) {
        Ok(()) => decided.await.map(response).map_err(|_| Break),
        Err(Waiting { request, call, .. }) => answer(shared, &call, &request.body, None).await,
    }
}

pub(crate) enum Call {
    Lambda(lambda::Call),
    CloudWatch(Protocol, String),
}

impl Call {
    fn operation(&self) -> &str {
        match self {
            Self::Lambda(call) => call.operation,
            Self::CloudWatch(_, operation) => operation,
        }
    }

    fn protocol(&self) -> Protocol {
        match self {
            Self::Lambda(_) => Protocol::RestJson,
            Self::CloudWatch(protocol, _) => *protocol,
        }
    }

    fn body(&self, bytes: &[u8]) -> Value {
        cloudwatch::body(self.protocol(), bytes)
    }

    pub(crate) fn perform(&self, body: &Value, shared: &mut Shared) -> Answer {
        shared.catch_up();
        match self {
            Self::Lambda(call) => call.perform(body, &mut shared.account),
            Self::CloudWatch(protocol, operation) if operation == "DescribeAlarms" => {
                cloudwatch::describe_alarms(*protocol, body, &mut shared.account)
            }
            Self::CloudWatch(protocol, operation) if operation == "DescribeAlarmHistory" => {
                alarm_history::describe_alarm_history(*protocol, body, &mut shared.account)
            }
            Self::CloudWatch(protocol, operation) => {
                Answer::error(*protocol, 400, "UnknownOperation", operation)
            }
        }
    }
}

async fn answer(
    shared: &Mutex<Shared>,
    call: &Call,
    body: &Value,
    fault: Option<Fault>,
) -> Result<Response, Break> {
    if fault == Some(Fault::Overtaken) {
        lock(shared).account.overtake();
    }
    let performed = match &fault {
        Some(fault) if !fault.takes_effect() => None,
        Some(Fault::Repeated) => {
            let _to_the_first = call.perform(body, &mut lock(shared));
            Some(call.perform(body, &mut lock(shared)))
        }
        _ => Some(call.perform(body, &mut lock(shared))),
    };
    let error = |status, code, message| Answer::error(call.protocol(), status, code, message);
    let answer = match (fault, performed) {
        (None | Some(Fault::Repeated | Fault::Overtaken), Some(answer)) => answer,
        (Some(Fault::Late(by)), Some(answer)) => answer.after(by),
        (Some(Fault::Throttle), _) if call.protocol() == Protocol::RestJson => {
            error(429, "TooManyRequestsException", "Rate exceeded")
        }
        (Some(Fault::Throttle), _) => error(400, "Throttling", "Rate exceeded"),
        (Some(Fault::Denied), _) => {
            error(403, "AccessDeniedException", "User: arn:aws:iam::123456789012:user/ci is not authorized")
        }
        (Some(Fault::Expired), _) => error(403, "ExpiredTokenException", "The security token is expired"),
        (Some(Fault::Conflict), _) => error(409, "ResourceConflictException", "An update is in progress"),
        (Some(Fault::Stale), _) => {
            error(412, "PreconditionFailedException", "The Revision Id provided is stale")
        }
        (Some(Fault::ServerError | Fault::ServerErrorAfter), _) => {
            error(500, "ServiceException", "Internal error")
        }
        (Some(Fault::Unavailable), _) => error(503, "ServiceUnavailableException", "Unavailable"),
        (Some(Fault::Refused(code)), _) => error(400, code, "Refused to order"),
        (Some(Fault::Html), _) => Answer::html(200),
        (Some(Fault::NotFound), _) => error(404, "ResourceNotFoundException", "Not found to order"),
        (Some(Fault::Bare404), _) => Answer { headers: Vec::new(), ..Answer::new(404, "", "") },
        (Some(Fault::Html404), _) => Answer::html(404),
        (Some(Fault::OldCopy), performed) => match (&lock(shared).account.old_copy, performed) {
            (Some(old), _) => Answer::json(200, old),
            (None, Some(answer)) => answer,
            (None, None) => return Err(Break),
        },
        (Some(Fault::Answer { status, headers, body }), _) => {
            let mut answer = Answer::new(status, "application/json", body);
            answer.headers.extend(headers);
            answer
        }
        (Some(Fault::Hang | Fault::HangAfter), _) => std::future::pending().await,
        (
            Some(Fault::LostRequest | Fault::LostReply | Fault::Late(_) | Fault::Repeated | Fault::Overtaken),
            _,
        )
        | (None, None) => return Err(Break),
    };
    wait(answer.after).await;
    Ok(response(answer))
}

async fn wait(time: Duration) {
    if time == Duration::MAX {
        std::future::pending::<Infallible>().await;
    }
    if !time.is_zero() {
        #[expect(clippy::disallowed_methods, reason = "a slow answer over real HTTP is slow in real time")]
        tokio::time::sleep(time).await;
    }
}

fn response(answer: Answer) -> Response {
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response
        .header("x-amzn-requestid", "simulated-request")
        .body(Full::new(Bytes::from(answer.body)))
        .expect("a status and headers that were written here")
}
