//! What is said about plans that are not right: all problems at once, each with its place and what would be right.

use std::time::Duration;

use crate::plans::{percent, problems, toml, toml_with};
use lambda_rollout::account::CodeSource;
use lambda_rollout::plan::{Format, Hook, RolloutPlan, Step, Strategy};
use lambda_rollout::units::{FunctionRef, HookFunction};

#[test]
fn all_problems_are_told_at_once_each_with_its_place() {
    let text = r#"function = "two words"
alias = "7"
version = "$LATEST"
strateggy = "AllAtOnce"
bake = "-1s"

[alarms]
names = ["a", "", "a"]
poll = "50ms"

[hooks.before]
lambda = "check"
"#;
    assert_eq!(
        problems(toml(text)),
        [
            "strategy: `strategy` is missing; how traffic moves, such as \"Canary10Percent5Minutes\" or \"AllAtOnce\"",
            "line 1: function: `two words` names no function; a name such as \"sample-handler\" (up to 64 letters, digits, `-` and `_`), \"123456789012:function:NAME\" or \"arn:aws:lambda:REGION:ACCOUNT:function:NAME\"",
            "line 2: alias: `7` would be a version, not an alias; 1 to 128 letters, digits, `-` and `_`, not digits alone, such as \"live\"",
            "line 3: version: `$LATEST` is not a published version, and an alias cannot be weighted with it; a published version such as \"7\", or \"publish\" to publish one",
            "line 4: strateggy: unknown key `strateggy`; perhaps `strategy`",
            "line 5: bake: `-1s` is negative; a time such as \"5m\", \"90s\", \"2h 30m\" or \"PT5M\"",
            "line 8: alarms.names[1]: the alarm's name is empty; the alarm's name, 1 to 255 characters",
            "line 8: alarms.names[2]: `a` already is `alarms.names[0]`; each alarm once",
            "line 9: alarms.poll: `50ms` is too short; 100ms or more: CloudWatch limits how often it may be asked, and an alarm read seldom protects nobody",
            "line 11: hooks.before: unknown key `before`; `before_traffic` or `after_traffic`",
        ]
    );
}

#[test]
fn a_problem_has_its_parts_apart() {
    let error =
        toml_with("strategy = { kind = 'canary', percent = 100, interval = '5m' }").expect_err("too much");
    let [problem] = error.problems() else { panic!("one problem") };
    assert_eq!((problem.path.as_str(), problem.line), ("strategy.percent", Some(3)));
    assert_eq!(problem.wrong, "`100` is not above 0 and below 100");
    assert_eq!(problem.right, "a share below 100, or the strategy `AllAtOnce`");
}

#[test]
fn nothing_is_guessed_for_function_alias_and_strategy() {
    assert_eq!(
        problems(toml("")),
        [
            "function: `function` is missing; a function's name or ARN, such as \"sample-handler\"",
            "alias: `alias` is missing; the alias whose traffic moves, such as \"live\"",
            "strategy: `strategy` is missing; how traffic moves, such as \"Canary10Percent5Minutes\" or \"AllAtOnce\"",
        ]
    );
}

#[test]
fn two_strategies_are_refused_in_every_format_and_hide_no_other_problem() {
    assert_eq!(
        problems(toml_with("strategy = 'AllAtOnce'\nbake = 10\n[strategy]\nkind = 'all-at-once'")),
        [
            "line 4: bake: `10` is a number, not text; a time with its unit, such as \"10s\", \"5m\" or \"2h 30m\"",
            "line 5: the key `strategy` is given twice; each key once",
        ]
    );
    let json = "{\"function\": \"f\", \"alias\": \"live\",\n\"strategy\": \"AllAtOnce\",\n\"strategy\": \"AllAtOnce\",\n\"bake\": 10}";
    assert_eq!(
        problems(RolloutPlan::parse(json, Format::Json)),
        [
            "line 3: strategy: the key `strategy` is given twice; each key once",
            "line 4: bake: `10` is a number, not text; a time with its unit, such as \"10s\", \"5m\" or \"2h 30m\"",
        ]
    );
}

#[test]
fn a_key_given_twice_is_found_at_any_depth() {
    let text = r#"{
        "function": "f", "alias": "live", "strategy": { "kind": "all-at-once",
        "kind": "all-at-once" },
        "hooks": { "after_traffic": { "lambda": "check", "parameters": {
            "a": [{ "b": 1,
                    "b": 2 }],
            "a": 3
        } } }
    }"#;
    assert_eq!(
        problems(RolloutPlan::parse(text, Format::Json)),
        [
            "line 3: strategy.kind: the key `kind` is given twice; each key once",
            "line 6: hooks.after_traffic.parameters.a[0].b: the key `b` is given twice; each key once",
            "line 7: hooks.after_traffic.parameters.a: the key `a` is given twice; each key once",
        ]
    );
}

#[test]
fn bad_shares_are_refused() {
    let right = "a per cent above 0 and below 100 with at most two decimals, such as 10 or 0.5";
    for (share, wrong) in [
        ("0", "`0` is not above 0 and below 100"),
        ("101", "`101` is not between 0 and 100"),
        ("-5", "`-5` is not between 0 and 100"),
        ("0.001", "`0.001` is finer than 0.01"),
        ("\"ten\"", "`ten` is text, not a number"),
        ("true", "`true` is a boolean, not a number"),
    ] {
        for (start, path) in [
            ("kind = 'canary', interval = '5m', percent = ", "strategy.percent"),
            ("kind = 'linear', interval = '5m', percent = ", "strategy.percent"),
            ("kind = 'exponential', factor = 2, interval = '5m', percent = ", "strategy.percent"),
        ] {
            let found = problems(toml_with(&format!("strategy = {{ {start}{share} }}")));
            assert_eq!(found, [format!("line 3: {path}: {wrong}; {right}")]);
        }
        let steps =
            format!("strategy = {{ kind = 'steps', steps = [{{ hold = '1m', percent = {share} }}] }}");
        let found = problems(toml_with(&steps));
        assert_eq!(found, [format!("line 3: strategy.steps[0].percent: {wrong}; {right}")]);
    }
}

#[test]
fn steps_that_fall_or_stay_are_named_with_the_one_before() {
    let text = "strategy.kind = 'steps'\nstrategy.steps = [\n{ percent = 10, hold = '1m' },\n{ percent = 10, hold = '1m' },\n\
                { percent = 5, hold = '1m', gate = 'yes' },\n7\n]";
    assert_eq!(
        problems(toml_with(text)),
        [
            "line 6: strategy.steps[1].percent: `10` does not rise above the step before it, `10`; steps in rising order, each above the one before",
            "line 7: strategy.steps[2].percent: `5` does not rise above the step before it, `10`; steps in rising order, each above the one before",
            "line 7: strategy.steps[2].gate: `yes` is text, not a boolean; `true` or `false`",
            "line 8: strategy.steps[3]: `7` is a number, not a table; a table with `percent`, `hold` or `gate`",
        ]
    );
    assert_eq!(
        problems(toml_with("strategy = { kind = 'steps', steps = [] }")),
        ["line 3: strategy.steps: there are no steps; at least one step, or the strategy `AllAtOnce`",]
    );
}

#[test]
fn bad_times_are_refused() {
    let right = "a time such as \"5m\", \"90s\", \"2h 30m\" or \"PT5M\"";
    for (time, told) in [
        ("'0s'", "`0s` is zero; a time greater than zero".to_owned()),
        ("'5 parsecs'", format!("`5 parsecs` is not a length of time; {right}")),
        ("'-5m'", format!("`-5m` is negative; {right}")),
        ("'1 month'", format!("`1 month` has months or years, which differ in length; {right}")),
        (
            "5",
            "`5` is a number, not text; a time with its unit, such as \"10s\", \"5m\" or \"2h 30m\""
                .to_owned(),
        ),
    ] {
        let found = problems(toml_with(&format!(
            "strategy = {{ kind = 'canary', percent = 10, interval = {time} }}"
        )));
        assert_eq!(found, [format!("line 3: strategy.interval: {told}")]);
    }
}

#[test]
fn strategies_that_are_none_are_refused() {
    let names = "a name such as `Canary10Percent5Minutes`, `Linear10PercentEvery1Minute` or `AllAtOnce` with any \
                 number, in seconds, minutes or hours, or a table with a `kind`";
    for (strategy, told) in [
        ("'Canry10Percent5Minutes'", format!(
            "strategy: `Canry10Percent5Minutes` is no strategy; perhaps `Canary10Percent5Minutes`; {names}"
        )),
        ("'blue-green'", format!("strategy: `blue-green` is no strategy; {names}")),
        ("'Canary100Percent5Minutes'", "strategy: `Canary100Percent5Minutes` is out of bounds: `100` is not above 0 \
            and below 100; a share below 100, or the strategy `AllAtOnce`".to_owned()),
        ("5", "strategy: `5` is a number, not a strategy; a name such as \"Canary10Percent5Minutes\", or a table with \
            a `kind`".to_owned()),
        ("{ kind = 'linear', percent = 0.01, interval = '1m' }", "strategy: the strategy comes to `9999` steps; at most \
            1000 steps: a larger percent or factor".to_owned()),
        ("{ kind = 'all-at-once', percent = 5 }", "strategy.percent: unknown key `percent`; `kind`".to_owned()),
        ("{ kind = 'exponential', percent = 1, factor = 1, interval = '1m' }", "strategy.factor: `1` is not a factor \
            above 1; a number above 1, at most 10000, with at most three decimals, such as 2 or 1.5".to_owned()),
    ] {
        assert_eq!(problems(toml_with(&format!("strategy = {strategy}"))), [format!("line 3: {told}")]);
    }
    assert_eq!(
        problems(toml_with("strategy = { kind = 'canari', percent = 0, interval = '0s' }")),
        [
            "line 3: strategy.kind: `canari` is no kind of strategy; perhaps `canary`",
            "line 3: strategy.percent: `0` is not above 0 and below 100; a per cent above 0 and below 100 with at most two decimals, such as 10 or 0.5",
            "line 3: strategy.interval: `0s` is zero; a time greater than zero",
        ]
    );
}

#[test]
fn bad_versions_are_refused() {
    for (version, told) in [
        (
            "'latest'",
            "version: `latest` is not a version; a published version such as \"7\", \"publish\", or a table with one of `publish`, `zip`, `s3` or `image`",
        ),
        (
            "0",
            "version: `0` is not a version; a published version such as \"7\", \"publish\", or a table with one of `publish`, `zip`, `s3` or `image`",
        ),
        ("{}", "version: the table is empty; one of `publish`, `zip`, `s3` or `image`"),
        ("{ zip = 'a', image = 'b' }", "version: `zip` and `image` are given together; one of them"),
        (
            "{ zip = '' }",
            "version.zip: the text is empty; the path of a ZIP archive, such as \"build/handler.zip\"",
        ),
        ("{ zipp = 'a' }", "version.zipp: unknown key `zipp`; perhaps `zip`"),
        (
            "{ s3 = { bucket = 's3://code', key = 'k' } }",
            "version.s3.bucket: `s3://code` is not a bucket's name; the bucket's name alone, 3 to 63 letters, digits, `.`, `-` and `_`",
        ),
        ("{ s3 = { bucket = 'code' } }", "version.s3.key: `key` is missing; the object's key"),
        (
            "{ image = 'a b' }",
            "version.image: `a b` is not an image's URI; an image's URI, such as \"123456789012.dkr.ecr.eu-west-1.amazonaws.com/handler:1.4\"",
        ),
        (
            "{ publish = { code_sha256 = 'e3b0c442' } }",
            "version.publish.code_sha256: `e3b0c442` is not a SHA-256 in base64; the hash in base64, 44 characters, as Lambda shows it in `CodeSha256`",
        ),
    ] {
        let found = problems(toml_with(&format!("strategy = 'AllAtOnce'\nversion = {version}")));
        assert_eq!(found, [format!("line 4: {told}")]);
    }
}

#[test]
fn bad_alarms_are_refused() {
    for (alarms, told) in [
        (
            "['a']",
            "alarms: this is a list, not a table; the names under `[alarms]`, such as names = [\"sample-handler-errors\"]",
        ),
        (
            "{ poll = '5s' }",
            "alarms.names: `names` is missing; a list of alarm names, such as [\"sample-handler-errors\"]",
        ),
        (
            "{ names = [] }",
            "alarms.names: the list is empty; at least one name; a plan that watches nothing leaves `alarms` out",
        ),
        (
            "{ names = 'a' }",
            "alarms.names: `a` is text, not a list; a list of alarm names, such as [\"sample-handler-errors\"]",
        ),
        (
            "{ names = ['a', ' '] }",
            "alarms.names[1]: the alarm's name is empty; the alarm's name, 1 to 255 characters",
        ),
        (
            "{ names = ['arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a'] }",
            "alarms.names[0]: `arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a` is an ARN; the name alone, `a`",
        ),
        (
            "{ names = ['a'], missing = 'refused' }",
            "alarms.missing: `refused` is none of the words that go here; perhaps `refuse`",
        ),
        (
            "{ names = ['a'], unreadable.then = 'fail' }",
            "alarms.unreadable.then: `fail` is none of the words that go here; `hold` or `roll-back`",
        ),
        (
            "{ names = ['a'], flaps = 'roll_back' }",
            "alarms.flaps: `roll_back` is none of the words that go here; perhaps `roll-back`",
        ),
        (
            "{ names = ['a'], poll = '5m 1ms' }",
            "alarms.poll: `5m 1ms` is too long; 5m or less: CloudWatch limits how often it may be asked, and an alarm read seldom protects nobody",
        ),
        (
            "{ names = ['a'], unreadable.tolerate = '999ms' }",
            "alarms.unreadable.tolerate: `999ms` is too short; 1s or more: one call that CloudWatch throttles is no outage",
        ),
        (
            "{ names = ['a'], unreadable.tolerate = '0s' }",
            "alarms.unreadable.tolerate: `0s` is zero; a time greater than zero",
        ),
    ] {
        let found = problems(toml_with(&format!("strategy = 'AllAtOnce'\nalarms = {alarms}")));
        assert_eq!(found, [format!("line 4: {told}")]);
    }
}

#[test]
fn limits_are_themselves_allowed() {
    for lines in [
        "rollback_deadline = '10s'",
        "alarms = { names = ['a'], poll = '100ms', unreadable.tolerate = '1s' }",
        "alarms = { names = ['a'], poll = '5m', unreadable.tolerate = '366d' }",
    ] {
        toml_with(&format!("strategy = 'AllAtOnce'\n{lines}")).expect(lines);
    }
    for time in ["1ms", "9s 999ms"] {
        assert_eq!(
            problems(toml_with(&format!("strategy = 'AllAtOnce'\nrollback_deadline = '{time}'"))),
            [format!(
                "line 4: rollback_deadline: `{time}` is too short; 10s or more: a call may have to be repeated before \
                 the alias is on one version"
            )]
        );
    }
}

#[test]
fn a_hook_elsewhere_than_the_function_is_refused_with_both_named() {
    let function = "arn:aws:lambda:eu-west-1:123456789012:function:api";
    let found = |function: &str, hook: &str| {
        RolloutPlan::builder(function, "live")
            .strategy(Strategy::AllAtOnce)
            .after_traffic(Hook::lambda(HookFunction::parse(hook).expect("a function")))
            .build()
            .map_or_else(|error| error.problems().iter().map(ToString::to_string).collect(), |_| Vec::new())
    };
    for (hook, what, its, wanted) in [
        ("arn:aws:lambda:us-east-1:123456789012:function:check", "Region", "us-east-1", "eu-west-1"),
        ("arn:aws:lambda:us-east-1:123456789012:function:check:live", "Region", "us-east-1", "eu-west-1"),
        ("arn:aws-cn:lambda:eu-west-1:123456789012:function:check", "partition", "aws-cn", "aws"),
        ("210987654321:function:check:7", "account", "210987654321", "123456789012"),
    ] {
        let told = format!(
            "hooks.after_traffic.lambda: `{hook}` is in the {what} `{its}`, but `{function}` is in `{wanted}`; \
             a function in the {what} `{wanted}`"
        );
        assert_eq!(found(function, hook), [told]);
        assert!(found("api", hook).is_empty(), "a name says nothing of where it is");
    }
    for hook in ["check", "check:live", "123456789012:function:check", &format!("{function}-check:$LATEST")] {
        assert!(found(function, hook).is_empty(), "{hook}");
    }
}

#[test]
fn bad_hooks_are_refused() {
    for (hook, told) in [
        (
            "{}",
            "hooks.before_traffic.lambda: `lambda` is missing; a function's name or ARN, such as \"smoke-test\" or \"smoke-test:live\"",
        ),
        (
            "'check'",
            "hooks.before_traffic: `check` is text, not a table; a table with `lambda`, `timeout` or `parameters`",
        ),
        (
            "{ lambda = 'a', timeout = '16m' }",
            "hooks.before_traffic.timeout: `16m` is longer than Lambda lets a function run; 15m or less",
        ),
        (
            "{ lambda = 'a', parameters = 5 }",
            "hooks.before_traffic.parameters: `5` is a number, not a table; a table, such as { stage = \"prod\" }; the hook gets it as it is",
        ),
        (
            "{ lambda = 'a', 'in the way' = 5 }",
            "hooks.before_traffic.\"in the way\": unknown key `in the way`; `lambda`, `timeout` or `parameters`",
        ),
        (
            "{ in_process = true }",
            "hooks.before_traffic.in_process: a hook that the program answers cannot be had from a document; `lambda`, or a plan that the program builds itself",
        ),
    ] {
        let found = problems(toml_with(&format!("strategy = 'AllAtOnce'\nhooks.before_traffic = {hook}")));
        assert_eq!(found, [format!("line 4: {told}")]);
    }
}

#[test]
fn a_deadline_has_to_leave_time_for_steps_and_bake() {
    let with_deadline = |rest: &str| toml_with(&format!("strategy = 'Linear10PercentEvery1Minute'\n{rest}"));
    assert_eq!(
        problems(with_deadline("bake = '10m'\ndeadline = '19m'")),
        [
            "line 5: deadline: `19m` is not longer than the `19m` that the rollout takes (9m of steps and 10m of bake); more than 19m, with room for hooks, gates and retries",
        ]
    );
    assert_eq!(
        problems(with_deadline("deadline = '5m'")),
        [
            "line 4: deadline: `5m` is not longer than the `9m` that the rollout takes; more than 9m, with room for hooks, gates and retries",
        ]
    );
    assert!(with_deadline("bake = '10m'\ndeadline = '19m 1s'").is_ok());
}

#[test]
fn broken_toml_has_each_broken_line_told() {
    assert_eq!(
        problems(toml("function = \"f\nalias = 'live'\nstrategy = AllAtOnce\n")),
        [
            "line 1: invalid basic string, expected `\"`; a document in TOML (<https://toml.io>)",
            "line 3: string values must be quoted, expected literal string; a document in TOML (<https://toml.io>)",
        ]
    );
    assert_eq!(
        problems(toml_with("strategy = { kind = 'canary', percent = nan, interval = '1m' }")),
        ["line 3: `nan` is not a finite number; a finite number",]
    );
}

#[test]
fn broken_json_has_its_line_told() {
    for (text, told) in [
        ("", "line 1: EOF while parsing a value; a document in JSON (<https://www.json.org>)"),
        (
            "{\n\"function\": \"f\",\n}",
            "line 3: key must be a string; a document in JSON (<https://www.json.org>)",
        ),
        (
            "{\n\"function\":\n\"\\ud800\"}",
            "line 3: unexpected end of hex escape; a document in JSON (<https://www.json.org>)",
        ),
        ("{\n\n\"bake\": 1e999}", "line 3: number out of range; a document in JSON (<https://www.json.org>)"),
        (
            "[1]",
            "this is a list, not a table; a table with `function`, `alias`, `version`, `strategy`, `bake`, `deadline`, `rollback_deadline`, `alarms` or `hooks`",
        ),
    ] {
        assert_eq!(problems(RolloutPlan::parse(text, Format::Json)), [told]);
    }
}

#[test]
fn documents_that_are_too_deep_are_refused() {
    let deep = |count: usize| format!("{}{}", "[".repeat(count), "]".repeat(count));
    let json = format!("{{\"bake\": {}}}", deep(100_000));
    assert_eq!(
        problems(RolloutPlan::parse(&json, Format::Json)),
        ["line 1: lists and tables stand more than 16 deep in each other; a flatter document",]
    );
    assert!(problems(toml(&format!("bake = {}", deep(100_000))))[0].contains("max recursion depth"));
    assert!(problems(toml(&format!("{}a = 1", "a.".repeat(100_000))))[0].contains("recursion limit"));
    let parameters = format!(
        "strategy = 'AllAtOnce'\nhooks.after_traffic = {{ lambda = 'a', parameters.a = {} }}",
        deep(40)
    );
    assert_eq!(
        problems(toml_with(&parameters)),
        [
            "line 4: hooks.after_traffic.parameters: lists and tables stand more than 12 deep in each other; flatter parameters",
        ]
    );
}

#[test]
fn a_message_stays_one_readable_line_whatever_the_document_holds() {
    let value = format!("a\\n\\u001b[31m{}", "x".repeat(100_000));
    let [told] = &problems(toml_with(&format!("strategy = \"{value}\"")))[..] else { panic!("one problem") };
    assert!(told.len() < 1_500, "{} bytes", told.len());
    assert!(!told.contains(char::is_control));
}

#[test]
fn a_builder_says_the_same_as_a_document() {
    let seconds = Duration::from_secs;
    let steps = [5.0, 5.0].map(|share| Step { weight: percent(share), hold: seconds(60), gate: false });
    let found = problems(
        RolloutPlan::builder("two words", "7")
            .code(CodeSource::Zip("".into()))
            .strategy(Strategy::Steps(steps.to_vec()))
            .alarms(["a", "a"])
            .poll(Duration::from_nanos(1_500_000))
            .bake(Duration::from_nanos(1))
            .rollback_deadline(Duration::from_millis(1))
            .deadline(seconds(400 * 24 * 3600))
            .after_traffic(
                Hook::lambda(FunctionRef::parse("check").expect("a function")).with_timeout(seconds(901)),
            )
            .build(),
    );
    assert_eq!(
        found,
        [
            "function: `two words` names no function; a name such as \"sample-handler\" (up to 64 letters, digits, `-` and `_`), \"123456789012:function:NAME\" or \"arn:aws:lambda:REGION:ACCOUNT:function:NAME\"",
            "alias: `7` would be a version, not an alias; 1 to 128 letters, digits, `-` and `_`, not digits alone, such as \"live\"",
            "version.zip: the text is empty; the path of a ZIP archive, such as \"build/handler.zip\"",
            "strategy.steps[1].percent: `5` does not rise above the step before it, `5`; steps in rising order, each above the one before",
            "bake: `1ns` is finer than a millisecond; a time such as \"5m\", \"90s\", \"2h 30m\" or \"PT5M\"",
            "deadline: `400d` is longer than a year; 366 days or less",
            "rollback_deadline: `1ms` is too short; 10s or more: a call may have to be repeated before the alias is on one version",
            "alarms.names[1]: `a` already is `alarms.names[0]`; each alarm once",
            "alarms.poll: `1500000ns` is finer than a millisecond; a time such as \"5m\", \"90s\", \"2h 30m\" or \"PT5M\"",
            "hooks.after_traffic.timeout: `15m 1s` is longer than Lambda lets a function run; 15m or less",
        ]
    );
}

#[cfg(feature = "yaml")]
mod yaml {
    use lambda_rollout::plan::PlanError;

    use super::*;

    fn yaml(text: &str) -> Result<RolloutPlan, PlanError> {
        RolloutPlan::parse(text, Format::Yaml)
    }

    #[test]
    fn problems_have_their_lines() {
        let text = "function: f\nalias: no\nversion: 0x07\nstrategy:\n  kind: canary\n  percent: 0\n  interval: 0s\nalarms:\nalias: yes\n";
        assert_eq!(
            problems(yaml(text)),
            [
                "line 6: strategy.percent: `0` is not above 0 and below 100; a per cent above 0 and below 100 with at most two decimals, such as 10 or 0.5",
                "line 7: strategy.interval: `0s` is zero; a time greater than zero",
                "line 8: alarms: this is null, not a table; a table with `names`, `poll`, `already_alarming`, `missing`, `insufficient_data`, `unreadable` or `flaps`",
                "line 9: alias: the key `alias` is given twice; each key once",
            ]
        );
    }

    #[test]
    fn broken_yaml_has_its_line_told() {
        for (text, told) in [
            ("function: f\nalias: [a\n", "line 2: unclosed bracket '['; "),
            (
                "alias: *nothing",
                "line 1: reference to unknown value; a document in YAML (<https://yaml.org>)",
            ),
            (
                "function: f\n---\nalias: b\n",
                "line 3: only single YAML document expected but multiple found; ",
            ),
            ("function: f\nbake: .inf", "line 2: value `.inf` is not a finite number; "),
            ("function: f\n? [a]\n: 1\n", "line 2: expected string scalar; "),
        ] {
            let found = problems(yaml(text));
            assert!(found.len() == 1 && found[0].starts_with(told), "{text:?}: {found:?}");
        }
        assert_eq!(problems(yaml("# nothing but words\n")).len(), 3);
    }

    #[test]
    fn a_bomb_of_aliases_and_a_deep_tree_are_refused() {
        let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (before, key) in "abcdefgh".chars().zip("bcdefghi".chars()) {
            bomb += &format!("{key}: &{key} [{}]\n", vec![format!("*{before}"); 10].join(", "));
        }
        let [told] = &problems(yaml(&bomb))[..] else { panic!("one problem") };
        assert!(told.contains("too large or too complex") && told.contains("10000"), "{told}");
        assert!(problems(yaml(&"[".repeat(100_000)))[0].contains("recursion limit"));
        let ladder: String = (0..1_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        assert!(problems(yaml(&ladder))[0].contains("too large or too complex"));
    }
}

#[cfg(not(feature = "yaml"))]
#[test]
fn without_the_feature_yaml_is_refused_with_a_reason() {
    assert_eq!(
        problems(RolloutPlan::parse("alias: live", Format::Yaml)),
        [
            "this build of the library reads no YAML; a plan in TOML or JSON, or a build with the feature `yaml`",
        ]
    );
}
