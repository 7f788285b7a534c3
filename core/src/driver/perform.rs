use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::account::Urgency;
use crate::error::{Error, ErrorKind};
use crate::machine::{Effect, EffectId, EffectResult};
use crate::plan::RolloutPlan;
use crate::ports::Ports;

/// Performs an effect on the ports: to its end, or until its time is up.
///
/// A port that panics must not take the rollout with it, for then nobody would put the alias back: the machine is
/// told that the call's result is unknown.
pub(super) fn perform(
    ports: &Ports,
    plan: &Arc<RolloutPlan>,
    id: EffectId,
    effect: Effect,
    urgency: Urgency,
) -> BoxFuture<'static, (EffectId, EffectResult)> {
    let (ports, plan) = (ports.clone(), Arc::clone(plan));
    let until = ports.clock.now() + effect.limit();
    async move {
        let kind = effect.kind();
        let call = AssertUnwindSafe(call(&ports, &plan, &effect, urgency)).catch_unwind();
        let result = tokio::select! {
            biased;
            result = call => result.unwrap_or_else(|_| panicked(&effect)),
            () = ports.clock.wait_until(until) => EffectResult::TimedOut,
        };
        tracing::debug!(effect = kind, ?id, "performed");
        (id, result)
    }
    .boxed()
}

async fn call(ports: &Ports, plan: &RolloutPlan, effect: &Effect, urgency: Urgency) -> EffectResult {
    let (function, alias) = (plan.function(), plan.alias());
    let traffic = &ports.traffic;
    match effect {
        Effect::ReadAlias => EffectResult::Alias(traffic.read_alias_for(function, alias, urgency).await),
        Effect::WriteAlias(write) => EffectResult::Alias(traffic.write_alias(function, alias, write).await),
        Effect::CreateAlias(version) => {
            EffectResult::Alias(traffic.create_alias(function, alias, *version).await)
        }
        Effect::ReadVersion(version) => EffectResult::Version(traffic.read_version(function, *version).await),
        Effect::UpdateCode { code, revision_id } => {
            EffectResult::Version(traffic.update_code(function, code, revision_id).await)
        }
        Effect::Publish(request) => EffectResult::Version(traffic.publish(function, request).await),
        Effect::ReadAlarms(names) => EffectResult::Alarms(ports.alarms.read_alarms(names).await),
        Effect::ReadAlarmHistory { alarm, after } => {
            EffectResult::AlarmHistory(ports.alarms.read_alarm_history(alarm, *after).await)
        }
        Effect::RunHook(request) => EffectResult::Hook(ports.hooks.run_hook(request).await),
        Effect::CheckHook(lambda) => EffectResult::Checked(ports.hooks.check_hook(lambda).await),
        Effect::CheckCode(code) => EffectResult::Checked(traffic.check_code(code).await),
        Effect::ReadProvisionedConcurrency => {
            EffectResult::ProvisionedConcurrency(traffic.read_provisioned_concurrency(function, alias).await)
        }
    }
}

fn panicked(effect: &Effect) -> EffectResult {
    let error = Error::new(ErrorKind::Internal, format!("the port panicked in `{}`", effect.kind()));
    match effect {
        Effect::ReadAlias | Effect::WriteAlias(_) | Effect::CreateAlias(_) => EffectResult::Alias(Err(error)),
        Effect::ReadVersion(_) | Effect::UpdateCode { .. } | Effect::Publish(_) => {
            EffectResult::Version(Err(error))
        }
        Effect::ReadAlarms(_) => EffectResult::Alarms(Err(error)),
        Effect::ReadAlarmHistory { .. } => EffectResult::AlarmHistory(Err(error)),
        Effect::CheckHook(_) | Effect::CheckCode(_) => EffectResult::Checked(Err(error)),
        Effect::ReadProvisionedConcurrency => EffectResult::ProvisionedConcurrency(Err(error)),
        Effect::RunHook(_) => {
            use crate::account::{HookFailure, HookReport};
            EffectResult::Hook(HookReport::failed(HookFailure::FunctionError, "the hook's port panicked"))
        }
    }
}
