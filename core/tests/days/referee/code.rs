use std::collections::BTreeMap;

use lambda_rollout::account::{AliasWrite, FunctionVersion, PublishRequest};
use lambda_rollout::machine::{Effect, EffectResult};
use lambda_rollout::plan::VersionSource;
use lambda_rollout::units::{Qualifier, Timestamp, Version, Weight};

use super::Findings;
use super::life::Life;
use crate::witness::What;

/// Judges S13 of what is published and gets traffic: it is the plan's own code, whatever another pipeline does with
/// `$LATEST` meanwhile.
pub(super) fn judge(life: &Life<'_>, findings: &mut Findings) {
    if matches!(life.plan.version(), VersionSource::Existing(_)) {
        return;
    }
    let mut code = Code::default();
    for entry in life.entries {
        match &entry.what {
            What::Began => code = Code { published: code.published, ..Code::default() },
            What::Asked(_, Effect::Publish(request)) => code.judge_request(request, entry.at, findings),
            What::Asked(_, Effect::WriteAlias(write)) => code.judge_write(life, write, entry.at, findings),
            What::Answered(id, EffectResult::Version(Ok(version))) => {
                if let Some(call) = life.call(*id) {
                    code.learn(call.effect, version);
                }
            }
            _ => {}
        }
    }
}

/// What a runner knows of the code that it is to publish.
#[derive(Default)]
struct Code<'a> {
    /// The hash of `$LATEST` as it was read first.
    first: Option<&'a str>,
    /// `$LATEST` as it was read last.
    newest: Option<&'a FunctionVersion>,
    /// The hash of what the runner has put there itself.
    updated_to: Option<&'a str>,
    /// The hashes of all published versions, as far as anybody was told.
    published: BTreeMap<Version, &'a str>,
}

impl<'a> Code<'a> {
    fn learn(&mut self, effect: &Effect, version: &'a FunctionVersion) {
        let sha256 = version.code_sha256.as_str();
        match (effect, version.version) {
            (Effect::UpdateCode { .. }, _) => self.updated_to = Some(sha256),
            (_, Qualifier::Published(published)) => drop(self.published.insert(published, sha256)),
            (_, Qualifier::Latest) => {
                self.first = self.first.or(Some(sha256));
                self.newest = Some(version);
            }
            (_, Qualifier::LatestPublished) => {}
        }
    }

    /// The hash of the plan's own code.
    fn own(&self) -> Option<&'a str> {
        self.updated_to.or(self.first)
    }

    fn judge_request(&self, request: &PublishRequest, at: Timestamp, findings: &mut Findings) {
        let own = self.own() == Some(request.code_sha256.as_str());
        findings.unless(own, "S13", at, || {
            format!("{request:?} publishes code that is not the plan's {:?}", self.own())
        });
        let guarded = self.newest.is_some_and(|newest| newest.revision_id == request.revision_id);
        findings.unless(guarded, "S13", at, || {
            format!("{request:?} does not name $LATEST as it was read last: {:?}", self.newest)
        });
    }

    fn judge_write(&self, life: &Life<'_>, write: &AliasWrite, at: Timestamp, findings: &mut Findings) {
        let canary = life.canary.filter(|canary| write.routing.share_of(*canary) > Weight::ZERO);
        let code = canary.and_then(|canary| self.published.get(&canary).copied());
        let own = self.own().is_none() || code.is_none() || code == self.own();
        findings.unless(own, "S13", at, || {
            format!("{} gives traffic to code that is not the plan's {:?}", write.routing, self.own())
        });
    }
}
