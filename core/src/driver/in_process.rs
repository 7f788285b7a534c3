use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::account::{HookFailure, HookMoment, HookReport, HookRequest};
use crate::error::Error;
use crate::ports::HookPort;
use crate::units::HookFunction;

type Hook = Arc<dyn Fn(HookRequest) -> BoxFuture<'static, HookReport> + Send + Sync>;

/// Answers in-process hooks with closures, and passes every other hook on.
pub(super) struct InProcessHooks {
    before_traffic: Option<Hook>,
    after_traffic: Option<Hook>,
    others: Arc<dyn HookPort>,
}

impl InProcessHooks {
    pub(super) fn around(others: Arc<dyn HookPort>) -> Self {
        Self { before_traffic: None, after_traffic: None, others }
    }

    pub(super) fn set<F, R>(&mut self, moment: HookMoment, hook: F)
    where
        F: Fn(HookRequest) -> R + Send + Sync + 'static,
        R: Future<Output = HookReport> + Send + 'static,
    {
        let hook: Hook = Arc::new(move |request| hook(request).boxed());
        match moment {
            HookMoment::BeforeTraffic => self.before_traffic = Some(hook),
            HookMoment::AfterTraffic => self.after_traffic = Some(hook),
        }
    }

    pub(super) fn has(&self, moment: HookMoment) -> bool {
        self.at(moment).is_some()
    }

    fn at(&self, moment: HookMoment) -> Option<&Hook> {
        match moment {
            HookMoment::BeforeTraffic => self.before_traffic.as_ref(),
            HookMoment::AfterTraffic => self.after_traffic.as_ref(),
        }
    }
}

#[async_trait]
impl HookPort for InProcessHooks {
    async fn run_hook(&self, request: &HookRequest) -> HookReport {
        match self.at(request.hook) {
            Some(hook) if request.lambda.is_none() => {
                let answer = AssertUnwindSafe(async { hook(request.clone()).await }).catch_unwind();
                // What it panicked with may hold secrets: it went to the panic hook, and goes no further.
                answer
                    .await
                    .unwrap_or_else(|_| HookReport::failed(HookFailure::FunctionError, "the hook panicked"))
            }
            _ => self.others.run_hook(request).await,
        }
    }

    async fn check_hook(&self, lambda: &HookFunction) -> Result<(), Error> {
        self.others.check_hook(lambda).await
    }
}
