use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::strategy_name::PREDEFINED;
use super::{
    AlarmWatch, AlreadyAlarming, Flaps, Hook, InsufficientData, MissingAlarm, RolloutPlan, Strategy,
    Unreadable, WhenUnreadable,
};
use crate::units::format_duration;

/// The JSON Schema (draft 7, which editors for TOML, YAML and JSON all know) of the plan document.
///
/// For completion and a first check while writing. It knows less than [`RolloutPlan::parse`]: not that
/// weights rise, that a deadline is long enough or that an alarm is named twice; and it wants names of
/// strategies in AWS's own letter case.
///
/// ```
/// let schema = lambda_rollout::plan::json_schema();
/// assert_eq!(schema["required"], serde_json::json!(["function", "alias", "strategy"]));
/// ```
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = table(
        "Moves the traffic of a Lambda alias from one version to the next, watches alarms, and rolls back by itself",
        &["function", "alias", "strategy"],
        json!({
            "function": {
                "description": "The function: its name, partial ARN or ARN, without a qualifier",
                "type": "string",
                "pattern": FUNCTION,
                "examples": ["sample-handler"],
            },
            "alias": {
                "description": "The alias whose traffic moves",
                "type": "string",
                "pattern": "^[0-9]*[a-zA-Z_-][a-zA-Z0-9_-]*$",
                "maxLength": 128,
                "examples": ["live"],
            },
            "version": version(),
            "strategy": strategy(),
            "bake": time("How long to watch after 100 %, with rollback still armed; `0s` for not at all", "10m"),
            "deadline": time("Time for the whole rollout; when it has passed, the rollout is put back", "2h"),
            "rollback_deadline": with_default(
                time("Time that rollback may take before the outcome is unsettled, 10 seconds or more", "15m"),
                format_duration(RolloutPlan::DEFAULT_ROLLBACK_DEADLINE),
            ),
            "alarms": alarms(),
            "hooks": table("Functions that say pass or fail", &[], json!({
                "before_traffic": hook("Runs before any traffic moves; a failure refuses the rollout"),
                "after_traffic": hook("Runs when all traffic has moved; a failure rolls back"),
            })),
        }),
    );
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "lambda-rollout plan".into();
    schema
}

const FUNCTION: &str =
    "^(arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:|[0-9]{12}:function:)?[a-zA-Z0-9_-]{1,64}$";

/// A table that has these keys and no others.
fn table(description: &str, required: &[&str], properties: Value) -> Value {
    let mut schema = json!({
        "description": description,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

fn text(description: &str, longest: u32) -> Value {
    json!({ "description": description, "type": "string", "minLength": 1, "maxLength": longest })
}

/// Looser than the reader, which knows both of the forms in full.
fn time(description: &str, example: &str) -> Value {
    json!({
        "description": format!("{description}; with its units, or as ISO 8601"),
        "type": "string",
        "pattern": "^[0-9Pp+]",
        "examples": [example],
    })
}

fn with_default(mut schema: Value, default: impl Into<Value>) -> Value {
    schema["default"] = default.into();
    schema
}

fn version() -> Value {
    json!({
        "description": "What is rolled out: `$LATEST` published (the default), a version that exists, or new code",
        "default": "publish",
        "oneOf": [
            {
                "description": "`publish` for what `$LATEST` is now, or the number of a version that exists",
                "type": "string",
                "anyOf": [{ "const": "publish" }, { "pattern": "^0*[1-9][0-9]*$" }],
            },
            { "description": "A version that exists", "type": "integer", "minimum": 1 },
            table("Publish what `$LATEST` is now", &["publish"], json!({
                "publish": table("Publish what `$LATEST` is now", &[], json!({
                    "description": text("The new version's description", 256),
                    "code_sha256": {
                        "description": "Publish only if the code of `$LATEST` has this SHA-256 (base64)",
                        "type": "string",
                        "pattern": "^[A-Za-z0-9+/]{43}=$",
                    },
                })),
            })),
            table("New code from a ZIP archive on this machine", &["zip"], json!({
                "zip": text("The archive's path; a relative one counts from the plan's folder", 4096),
            })),
            table("New code from a ZIP archive in S3", &["s3"], json!({
                "s3": table("The archive", &["bucket", "key"], json!({
                    "bucket": {
                        "description": "The bucket's name",
                        "type": "string",
                        "pattern": "^[a-zA-Z0-9._-]{2,62}[a-zA-Z0-9_-]$",
                    },
                    "key": text("The object's key", 1024),
                    "object_version": text("The object's version", 1024),
                })),
            })),
            table("New code from a container image in ECR", &["image"], json!({
                "image": { "description": "The image's URI", "type": "string", "pattern": "^[^ \t\r\n]+$" },
            })),
        ],
    })
}

fn strategy() -> Value {
    let percent = json!({
        "description": "Share of traffic in per cent, with at most two decimals",
        "type": "number",
        "exclusiveMinimum": 0,
        "exclusiveMaximum": 100,
    });
    let factor = json!({
        "description": "What the share is multiplied by at each interval",
        "type": "number",
        "exclusiveMinimum": 1,
        "maximum": 10_000,
    });
    let interval = time("How long each weight is held", "5m");
    let kind = |kind: &str| json!({ "const": kind });
    let of_percent = ["kind", "percent", "interval"];
    json!({
        "description": "How the weight rises; the first shift happens at once",
        "oneOf": [
            {
                "description": "One of AWS's own names, or the same pattern with any other number",
                "type": "string",
                "anyOf": [{ "enum": PREDEFINED }, { "pattern": strategy_names() }],
            },
            table("A share, one interval, then all", &of_percent,
                json!({ "kind": kind("canary"), "percent": percent, "interval": interval })),
            table("The same share more at each interval", &of_percent,
                json!({ "kind": kind("linear"), "percent": percent, "interval": interval })),
            table("A share that is multiplied at each interval", &["kind", "percent", "factor", "interval"],
                json!({ "kind": kind("exponential"), "percent": percent, "factor": factor, "interval": interval })),
            table("All traffic in one shift", &["kind"], json!({ "kind": kind("all-at-once") })),
            table("Any list of rising weights below 100 %", &["kind", "steps"], json!({
                "kind": kind("steps"),
                "steps": {
                    "description": "The steps, in rising order; after the last one follows all traffic",
                    "type": "array",
                    "minItems": 1,
                    "maxItems": Strategy::MOST_STEPS,
                    "items": table("A weight and how long it is held", &["percent", "hold"], json!({
                        "percent": percent,
                        "hold": time("How long it is held; `0s` for not at all", "10m"),
                        "gate": {
                            "description": "Whether a person or program has to approve after the hold",
                            "type": "boolean",
                            "default": false,
                        },
                    })),
                },
            })),
        ],
    })
}

fn strategy_names() -> String {
    let number = r"[0-9]+(\.[0-9]+)?";
    let camel =
        format!("(Canary{number}Percent|Linear{number}PercentEvery)[0-9]+(Second|Minute|Hour)s?|AllAtOnce");
    let constant = format!(
        "(CANARY_{number}PERCENT_|LINEAR_{number}PERCENT_EVERY_)[0-9]+(SECOND|MINUTE|HOUR)S?|ALL_AT_ONCE"
    );
    format!(r"^((CodeDeployDefault\.)?Lambda)?({camel})$|^(LambdaDeploymentConfig\.)?({constant})$")
}

fn alarms() -> Value {
    let default = Unreadable::default();
    let names = json!({
        "description": "CloudWatch alarms, by name",
        "type": "array",
        "minItems": 1,
        "uniqueItems": true,
        "items": text("An alarm's name", 255),
        "examples": [["sample-handler-errors"]],
    });
    table(
        "The alarms that are watched throughout, and what each of their moods means",
        &["names"],
        json!({
            "names": names,
            "poll": with_default(
                time("Time between two polls, from 100 ms to 5 minutes", "10s"),
                format_duration(AlarmWatch::DEFAULT_POLL),
            ),
            "already_alarming": word::<AlreadyAlarming>(),
            "missing": word::<MissingAlarm>(),
            "insufficient_data": word::<InsufficientData>(),
            "unreadable": table(
                "What an outage of the alarm API means; the weight never rises while it lasts",
                &[],
                json!({
                    "tolerate": with_default(time("How long it is tolerated, 1 second or more", "2m"), format_duration(default.tolerate)),
                    "then": word::<WhenUnreadable>(),
                }),
            ),
            "flaps": word::<Flaps>(),
        }),
    )
}

/// The words of an enum with their docs, and its default.
fn word<T: schemars::JsonSchema + serde::Serialize + Default>() -> Value {
    let mut schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>().to_value();
    if let Value::Object(schema) = &mut schema {
        schema.remove("$schema");
        schema.remove("title");
    }
    with_default(schema, json!(T::default()))
}

/// A function with or without a qualifier.
fn hook_functions() -> String {
    let unqualified = FUNCTION.trim_end_matches('$');
    format!(r"{unqualified}(:(\$LATEST|0*[1-9][0-9]*|[0-9]*[a-zA-Z_-][a-zA-Z0-9_-]*))?$")
}

fn hook(description: &str) -> Value {
    let lambda = "The Lambda function that answers {\"verdict\": \"pass|fail|inconclusive\", \"reason\": \"…\"}, also one of its \
         aliases or versions: \"smoke-test:live\"";
    table(
        description,
        &["lambda"],
        json!({
            "lambda": { "description": lambda, "type": "string", "pattern": hook_functions() },
            "timeout": with_default(
                time("How long it may take, 15 minutes at most", "5m"),
                format_duration(Hook::DEFAULT_TIMEOUT),
            ),
            "parameters": {
                "description": "What else it is told: any table, handed on as it is",
                "type": "object",
                "default": Map::new(),
            },
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::reader::{
        ALARMS_KEYS, ALREADY_ALARMING, FLAPS, HOOK_KEYS, HOOKS_KEYS, INSUFFICIENT_DATA, KINDS, MISSING,
        PLAN_KEYS, PUBLISH_KEYS, S3_KEYS, STEP_KEYS, THEN, UNREADABLE_KEYS, VERSION_KEYS, keys_of_kind,
    };

    fn sorted(keys: impl IntoIterator<Item = impl Into<String>>) -> Vec<String> {
        let mut keys: Vec<String> = keys.into_iter().map(Into::into).collect();
        keys.sort();
        keys
    }

    fn keys_at(schema: &Value, pointer: &str) -> Vec<String> {
        let table = schema.pointer(pointer).expect(pointer);
        assert_eq!(table["additionalProperties"], false, "{pointer}");
        sorted(table["properties"].as_object().expect(pointer).keys())
    }

    #[test]
    fn the_schema_has_the_keys_that_the_reader_knows() {
        let schema = json_schema();
        for (pointer, keys) in [
            ("", PLAN_KEYS),
            ("/properties/alarms", ALARMS_KEYS),
            ("/properties/alarms/properties/unreadable", UNREADABLE_KEYS),
            ("/properties/hooks", HOOKS_KEYS),
            ("/properties/hooks/properties/before_traffic", HOOK_KEYS),
            ("/properties/hooks/properties/after_traffic", HOOK_KEYS),
            ("/properties/version/oneOf/2/properties/publish", PUBLISH_KEYS),
            ("/properties/version/oneOf/4/properties/s3", S3_KEYS),
            ("/properties/strategy/oneOf/5/properties/steps/items", STEP_KEYS),
        ] {
            assert_eq!(keys_at(&schema, pointer), sorted(keys.iter().copied()), "{pointer}");
        }
    }

    #[test]
    fn the_schema_has_the_words_that_the_reader_knows() {
        let alarms = &json_schema()["properties"]["alarms"]["properties"];
        for (policy, words) in [
            (&alarms["already_alarming"], ALREADY_ALARMING),
            (&alarms["missing"], MISSING),
            (&alarms["insufficient_data"], INSUFFICIENT_DATA),
            (&alarms["unreadable"]["properties"]["then"], THEN),
            (&alarms["flaps"], FLAPS),
        ] {
            let choices = policy["oneOf"].as_array().expect("a choice of words");
            let choices: Vec<_> = choices.iter().map(|choice| choice["const"].as_str()).collect();
            assert_eq!(choices, words.iter().copied().map(Some).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_schema_has_the_kinds_and_the_sources_that_the_reader_knows() {
        let schema = json_schema();
        for (index, kind) in KINDS.iter().enumerate() {
            let pointer = format!("/properties/strategy/oneOf/{}", index + 1);
            assert_eq!(schema.pointer(&pointer).expect("a kind")["properties"]["kind"]["const"], *kind);
            assert_eq!(keys_at(&schema, &pointer), sorted(keys_of_kind(kind).iter().copied()), "{kind}");
        }
        let sources =
            (2..=5).flat_map(|index| keys_at(&schema, &format!("/properties/version/oneOf/{index}")));
        assert_eq!(sorted(sources), sorted(VERSION_KEYS.iter().copied()));
    }
}
