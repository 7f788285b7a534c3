//! The committed schema is fresh, takes good plans and refuses the bad ones that a schema can know.

use std::path::PathBuf;

use lambda_rollout::plan::{Format, RolloutPlan, json_schema};
use serde_json::{Value, json};

#[test]
fn the_committed_schema_is_fresh() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schema/plan.schema.json");
    let fresh = format!("{:#}\n", json_schema());
    if std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1") {
        std::fs::write(&path, &fresh).expect("the schema's file can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == fresh, "{} is stale: run this test with UPDATE_GENERATED=1", path.display());
}

/// A whole plan with this in place of its own value; null takes the key out.
fn plan_with(key: &str, value: Value) -> Value {
    let mut plan = json!({ "function": "sample-handler", "alias": "live", "strategy": "AllAtOnce" });
    match value {
        Value::Null => plan.as_object_mut().expect("a table").remove(key),
        value => plan.as_object_mut().expect("a table").insert(key.to_owned(), value),
    };
    plan
}

#[test]
fn good_plans_are_good_to_schema_and_reader() {
    let hash = "A".repeat(43) + "=";
    let watched = json!({
        "names": ["a", "b"], "poll": "5s", "already_alarming": "ignore-until-ok", "missing": "ignore",
        "insufficient_data": "roll-back", "unreadable": { "tolerate": "PT5M", "then": "hold" }, "flaps": "report",
    });
    let steps = json!([{ "percent": 1, "hold": "10m" }, { "percent": 25.5, "hold": "5m", "gate": true }]);
    for (key, value) in [
        ("function", json!("sample-handler")),
        ("function", json!("123456789012:function:sample-handler")),
        ("function", json!("arn:aws-cn:lambda:cn-north-1:123456789012:function:sample-handler")),
        ("version", json!("publish")),
        ("version", json!("7")),
        ("version", json!(7)),
        ("version", json!({ "publish": {} })),
        ("version", json!({ "publish": { "description": "…", "code_sha256": hash } })),
        ("version", json!({ "zip": "build/handler.zip" })),
        ("version", json!({ "s3": { "bucket": "code", "key": "a/b.zip", "object_version": "1" } })),
        ("version", json!({ "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/handler:1.4" })),
        ("strategy", json!("CodeDeployDefault.LambdaCanary10Percent5Minutes")),
        ("strategy", json!("LambdaLinear10PercentEvery1Minute")),
        ("strategy", json!("Canary0.5Percent30Seconds")),
        ("strategy", json!("CANARY_10PERCENT_5MINUTES")),
        ("strategy", json!("ALL_AT_ONCE")),
        ("strategy", json!({ "kind": "canary", "percent": 10, "interval": "5m" })),
        ("strategy", json!({ "kind": "linear", "percent": 0.5, "interval": "1m 30s" })),
        ("strategy", json!({ "kind": "exponential", "percent": 1, "factor": 1.5, "interval": "PT5M" })),
        ("strategy", json!({ "kind": "all-at-once" })),
        ("strategy", json!({ "kind": "steps", "steps": steps })),
        ("bake", json!("10 minutes")),
        ("deadline", json!("2h")),
        ("rollback_deadline", json!("90s")),
        ("alarms", watched),
        (
            "hooks",
            json!({ "before_traffic": { "lambda": "check", "timeout": "15m", "parameters": { "a": [1] } } }),
        ),
        ("hooks", json!({ "after_traffic": { "lambda": "123456789012:function:check" } })),
        ("hooks", json!({ "after_traffic": { "lambda": "check:live" } })),
        ("hooks", json!({ "after_traffic": { "lambda": "check:7" } })),
        (
            "hooks",
            json!({ "after_traffic": { "lambda": "arn:aws:lambda:eu-west-1:123456789012:function:check:$LATEST" } }),
        ),
        ("bake", json!("0s")),
        ("strategy", json!({ "kind": "steps", "steps": [{ "percent": 5, "hold": "0s", "gate": true }] })),
    ] {
        let plan = plan_with(key, value);
        assert_eq!(refusal(&plan), None, "{plan}");
        let read = RolloutPlan::parse(&plan.to_string(), Format::Json).expect("a good plan");
        assert_eq!(refusal(&read.to_document()), None, "what is written is good as well");
    }
}

#[test]
fn bad_plans_are_bad_to_schema_and_reader() {
    for (key, value) in [
        ("function", Value::Null),
        ("alias", Value::Null),
        ("alias", json!("7")),
        ("alias", json!("two words")),
        ("strategy", Value::Null),
        ("function", json!(7)),
        ("strateggy", json!("AllAtOnce")),
        ("version", json!("$LATEST")),
        ("version", json!("0")),
        ("version", json!(0)),
        ("strategy", json!("Canry10Percent5Minutes")),
        ("strategy", json!("CodeDeployDefault.AllAtOnce")),
        ("bake", json!("five minutes")),
        ("version", json!(1.5)),
        ("version", json!({ "publish": {}, "zip": "x" })),
        ("version", json!({})),
        ("version", json!({ "s3": { "bucket": "code" } })),
        ("version", json!({ "zip": "" })),
        ("version", json!({ "publish": { "description": "x".repeat(257) } })),
        ("strategy", json!({ "percent": 10, "interval": "5m" })),
        ("strategy", json!({ "kind": "canari", "percent": 10, "interval": "5m" })),
        ("strategy", json!({ "kind": "canary", "percent": 0, "interval": "5m" })),
        ("strategy", json!({ "kind": "canary", "percent": 100, "interval": "5m" })),
        ("strategy", json!({ "kind": "canary", "percent": "ten", "interval": "5m" })),
        ("strategy", json!({ "kind": "canary", "percent": 10 })),
        ("strategy", json!({ "kind": "canary", "percent": 10, "interval": "5m", "factor": 2 })),
        ("strategy", json!({ "kind": "exponential", "percent": 1, "factor": 1, "interval": "5m" })),
        ("strategy", json!({ "kind": "steps", "steps": [] })),
        ("strategy", json!({ "kind": "steps", "steps": [{ "percent": 1 }] })),
        ("bake", json!(10)),
        ("alarms", json!(["a"])),
        ("alarms", json!({ "poll": "5s" })),
        ("alarms", json!({ "names": [] })),
        ("alarms", json!({ "names": [""] })),
        ("alarms", json!({ "names": ["a", "a"] })),
        ("alarms", json!({ "names": ["a"], "missing": "refused" })),
        ("alarms", json!({ "names": ["a"], "unreadable": "hold" })),
        ("alarms", json!({ "names": ["a"], "flaps": "ignore" })),
        ("hooks", json!({ "before": { "lambda": "check" } })),
        ("hooks", json!({ "before_traffic": {} })),
        ("hooks", json!({ "before_traffic": { "lambda": "check:live:7" } })),
        ("hooks", json!({ "before_traffic": { "lambda": "check:0" } })),
        ("hooks", json!({ "before_traffic": { "lambda": "check", "parameters": 1 } })),
        ("hooks", json!({ "before_traffic": { "in_process": true } })),
    ] {
        let plan = plan_with(key, value);
        assert!(refusal(&plan).is_some(), "{plan}");
        assert!(RolloutPlan::parse(&plan.to_string(), Format::Json).is_err(), "{plan}");
    }
}

fn refusal(plan: &Value) -> Option<String> {
    refused(&json_schema(), plan)
}

/// As much of a validator as the schema uses; a keyword that it does not know fails the test.
fn refused(schema: &Value, value: &Value) -> Option<String> {
    let keywords = schema.as_object().expect("a schema is a table");
    let refused_by = |(keyword, rule): (&String, &Value)| {
        let holds = match keyword.as_str() {
            "type" => has_type(value, rule.as_str().expect("one type")),
            "const" => value == rule,
            "enum" => rule.as_array().expect("a list").contains(value),
            "oneOf" => {
                rule.as_array().expect("a list").iter().filter(|s| refused(s, value).is_none()).count() == 1
            }
            "anyOf" => rule.as_array().expect("a list").iter().any(|s| refused(s, value).is_none()),
            "properties" => value.as_object().is_none_or(|table| {
                table.iter().all(|(key, value)| rule.get(key).is_none_or(|s| refused(s, value).is_none()))
            }),
            "additionalProperties" => {
                assert_eq!(rule, false);
                value
                    .as_object()
                    .is_none_or(|table| table.keys().all(|key| schema["properties"].get(key).is_some()))
            }
            "required" => value.as_object().is_none_or(|table| {
                rule.as_array()
                    .expect("a list")
                    .iter()
                    .all(|key| table.contains_key(key.as_str().expect("a key")))
            }),
            "items" => {
                value.as_array().is_none_or(|items| items.iter().all(|item| refused(rule, item).is_none()))
            }
            "minItems" => {
                value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().expect("a count"))
            }
            "maxItems" => {
                value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().expect("a count"))
            }
            "uniqueItems" => value.as_array().is_none_or(|items| {
                items.iter().enumerate().all(|(index, item)| !items[..index].contains(item))
            }),
            "minLength" => value.as_str().is_none_or(|text| length(text) >= rule.as_u64().expect("a length")),
            "maxLength" => value.as_str().is_none_or(|text| length(text) <= rule.as_u64().expect("a length")),
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().expect("a number")),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().expect("a number")),
            "exclusiveMinimum" => {
                value.as_f64().is_none_or(|number| number > rule.as_f64().expect("a number"))
            }
            "exclusiveMaximum" => {
                value.as_f64().is_none_or(|number| number < rule.as_f64().expect("a number"))
            }
            "pattern" => value.as_str().is_none_or(|text| {
                regex_lite::Regex::new(rule.as_str().expect("a pattern")).expect("a pattern").is_match(text)
            }),
            "$schema" | "title" | "description" | "default" | "examples" => true,
            unknown => panic!("the schema uses `{unknown}`, which this test does not know"),
        };
        (!holds).then(|| format!("`{keyword}` refuses {value}"))
    };
    keywords.iter().find_map(refused_by)
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("the schema uses the type `{other}`, which this test does not know"),
    }
}

fn length(text: &str) -> u64 {
    text.chars().count() as u64
}
