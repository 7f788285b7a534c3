use super::effect::{Effect, EffectResult};
use super::phase::Trigger;
use super::rollout::Rollout;
use crate::account::{HookFailure, HookMoment, HookReport, HookRequest, HookVerdict};
use crate::event::{Cause, EventKind};
use crate::plan::HookRunner;
use crate::units::format_duration;

impl Rollout {
    pub(super) fn run_hook(&mut self, moment: HookMoment) {
        let (Some(hook), Some(canary_version)) = (self.plan.hook(moment), self.canary) else { return };
        let lambda = match hook.runner() {
            HookRunner::Lambda(function) => Some(function.clone()),
            HookRunner::InProcess => None,
        };
        let request = HookRequest {
            lambda: lambda.clone(),
            timeout: hook.timeout(),
            rollout_id: self.id.clone(),
            hook: moment,
            function: self.plan.function.clone(),
            alias: self.plan.alias.clone(),
            stable_version: self.stable,
            canary_version,
            weight: self.weight(),
            parameters: hook.parameters().clone(),
        };
        self.emit(EventKind::HookStarted { hook: moment, lambda });
        let id = self.effect(Effect::RunHook(request));
        self.hook = Some((id, moment));
    }

    pub(super) fn hook_finished(&mut self, result: EffectResult) {
        let Some((_, moment)) = self.hook.take() else { return };
        let report = match result {
            EffectResult::Hook(report) => report,
            _ => {
                let limit = self.plan.hook(moment).map(|hook| hook.timeout()).unwrap_or_default();
                let within = format_duration(limit);
                HookReport::failed(HookFailure::TimedOut, format!("no answer within {within}"))
            }
        };
        self.emit(EventKind::HookFinished { hook: moment, report: report.clone() });
        match report.verdict {
            HookVerdict::Pass => {
                self.go(Trigger::HookPassed);
                self.clear_since = self.now;
                if moment == HookMoment::AfterTraffic {
                    self.begin_bake();
                }
            }
            HookVerdict::Fail => {
                let HookReport { failure, reason, .. } = report;
                self.put_back(Cause::Hook { hook: moment, failure, reason });
            }
            HookVerdict::Inconclusive => {
                self.go(Trigger::HookInconclusive);
                let reason = format!("hook {moment} could not tell: {}", report.reason);
                self.emit(EventKind::GateWaiting { reason });
            }
        }
    }
}
