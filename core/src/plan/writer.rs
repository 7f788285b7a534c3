//! From a plan to its document.

use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::reader::IN_PROCESS;
use super::{AlarmWatch, Hook, HookRunner, RolloutPlan, Step, Strategy, Unreadable, VersionSource};
use crate::account::CodeSource;
use crate::units::{Weight, format_duration};

impl RolloutPlan {
    /// The plan as a document, in JSON: every default written out, strategy and times in one form.
    ///
    /// [`RolloutPlan::parse`] makes the same plan of it. Two things are no part of a document: the plan's
    /// folder, and a hook that the embedding program answers, which stands there as `{"in_process": true}`
    /// and is refused when read.
    ///
    /// ```
    /// use lambda_rollout::plan::{Format, RolloutPlan};
    ///
    /// let plan = RolloutPlan::builder("sample-handler", "live").strategy_named("AllAtOnce").build()?;
    /// let document = plan.to_document();
    /// assert_eq!(document["version"], "publish");
    /// assert_eq!(document["rollback_deadline"], "15m");
    /// assert_eq!(RolloutPlan::parse(&document.to_string(), Format::Json)?, plan);
    /// # Ok::<(), lambda_rollout::plan::PlanError>(())
    /// ```
    #[must_use]
    pub fn to_document(&self) -> Value {
        let mut document = Map::new();
        let mut put = |key: &str, value| document.insert(key.to_owned(), value);
        put("function", self.function.as_str().into());
        put("alias", self.alias.as_str().into());
        put("version", version(&self.version));
        put("strategy", strategy(&self.strategy));
        put("rollback_deadline", duration(self.rollback_deadline));
        if let Some(bake) = self.bake {
            put("bake", duration(bake));
        }
        if let Some(deadline) = self.deadline {
            put("deadline", duration(deadline));
        }
        if !self.alarms.names.is_empty() {
            put("alarms", alarms(&self.alarms));
        }
        let hooks = [("before_traffic", &self.before_traffic), ("after_traffic", &self.after_traffic)];
        let hooks: Map<String, Value> = hooks
            .into_iter()
            .filter_map(|(key, plan_hook)| Some((key.to_owned(), hook(plan_hook.as_ref()?))))
            .collect();
        if !hooks.is_empty() {
            put("hooks", hooks.into());
        }
        Value::Object(document)
    }
}

/// As [`RolloutPlan::to_document`] gives it.
impl Serialize for RolloutPlan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_document().serialize(serializer)
    }
}

/// A length of time as a document says it. What [`format_duration`] would round away stays, so that the
/// reader sees and refuses it.
pub(super) fn duration_text(duration: Duration) -> String {
    if duration.subsec_nanos().is_multiple_of(1_000_000) {
        format_duration(duration)
    } else {
        format!("{}ns", duration.as_nanos())
    }
}

pub(super) fn duration(duration: Duration) -> Value {
    duration_text(duration).into()
}

pub(super) fn version(source: &VersionSource) -> Value {
    match source {
        VersionSource::Existing(version) => version.to_string().into(),
        VersionSource::Publish { description: None, code_sha256: None } => "publish".into(),
        VersionSource::Publish { description, code_sha256 } => {
            let pairs = [("description", description), ("code_sha256", code_sha256)];
            json!({ "publish": with_given(pairs) })
        }
        VersionSource::Code(source) => code(source),
    }
}

fn code(source: &CodeSource) -> Value {
    match source {
        CodeSource::Zip(path) => json!({ "zip": path.to_string_lossy() }),
        CodeSource::S3 { bucket, key, object_version } => {
            let mut s3 = with_given([("object_version", object_version)]);
            s3.insert("bucket".to_owned(), bucket.as_str().into());
            s3.insert("key".to_owned(), key.as_str().into());
            json!({ "s3": s3 })
        }
        CodeSource::Image(uri) => json!({ "image": uri }),
    }
}

fn with_given<const N: usize>(pairs: [(&str, &Option<String>); N]) -> Map<String, Value> {
    pairs.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text.as_deref()?.into()))).collect()
}

pub(super) fn strategy(strategy: &Strategy) -> Value {
    match strategy {
        Strategy::Canary { percent, interval } => {
            json!({ "kind": "canary", "percent": per_cent(*percent), "interval": duration(*interval) })
        }
        Strategy::Linear { percent, interval } => {
            json!({ "kind": "linear", "percent": per_cent(*percent), "interval": duration(*interval) })
        }
        Strategy::Exponential { percent, factor_thousandths, interval } => json!({
            "kind": "exponential",
            "percent": per_cent(*percent),
            "factor": parts(u64::from(*factor_thousandths), 1000),
            "interval": duration(*interval),
        }),
        Strategy::AllAtOnce => json!({ "kind": "all-at-once" }),
        Strategy::Steps(steps) => {
            json!({ "kind": "steps", "steps": steps.iter().map(step).collect::<Vec<_>>() })
        }
    }
}

fn step(step: &Step) -> Value {
    json!({ "percent": per_cent(step.weight), "hold": duration(step.hold), "gate": step.gate })
}

fn per_cent(weight: Weight) -> Value {
    parts(u64::from(weight.basis_points()), 100)
}

/// A whole number where it is one: `10`, not `10.0`.
fn parts(count: u64, to_a_whole: u32) -> Value {
    let whole = u64::from(to_a_whole);
    if count.is_multiple_of(whole) {
        (count / whole).into()
    } else {
        (count as f64 / f64::from(to_a_whole)).into()
    }
}

fn alarms(watch: &AlarmWatch) -> Value {
    json!({
        "names": watch.names,
        "poll": duration(watch.poll),
        "already_alarming": watch.already_alarming,
        "missing": watch.missing,
        "insufficient_data": watch.insufficient_data,
        "unreadable": unreadable(watch.unreadable),
        "flaps": watch.flaps,
    })
}

pub(super) fn unreadable(policy: Unreadable) -> Value {
    json!({ "tolerate": duration(policy.tolerate), "then": policy.then })
}

pub(super) fn hook(hook: &Hook) -> Value {
    let mut document = Map::new();
    match &hook.runner {
        HookRunner::Lambda(function) => document.insert("lambda".to_owned(), function.as_str().into()),
        HookRunner::InProcess => document.insert(IN_PROCESS.to_owned(), true.into()),
    };
    document.insert("timeout".to_owned(), duration(hook.timeout));
    if !hook.parameters.is_null() {
        document.insert("parameters".to_owned(), hook.parameters.clone());
    }
    Value::Object(document)
}
