//! What the user's pages show is what the library takes.

use std::path::{Path, PathBuf};

use lambda_rollout::RolloutPlan;
use lambda_rollout::plan::Format;
use lambda_rollout::sim::Scenario;

use crate::rust_sources;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("the page is there")
}

/// The fenced blocks of this language on a page.
fn blocks<'a>(page: &'a str, language: &'a str) -> impl Iterator<Item = &'a str> {
    let fence = format!("```{language}\n");
    let parts: Vec<&str> = page.split(fence.as_str()).skip(1).collect();
    assert!(!parts.is_empty(), "no {language} on the page");
    parts.into_iter().map(|rest| rest.split("```").next().unwrap_or_default())
}

#[test]
fn every_plan_on_the_pages_is_a_good_one() {
    for path in ["README.md", "docs/plan.md", "DESIGN.md"] {
        for block in blocks(&page(path), "toml") {
            // A block may show a part of a plan, or one line several times over: each line is then a plan of its own.
            let alternatives: Vec<&str> = match block.starts_with("strategy = ") {
                true => block.lines().collect(),
                false => vec![block],
            };
            for part in alternatives {
                let mut text = String::new();
                for (key, line) in [("function", "\"f\""), ("alias", "\"a\""), ("strategy", "\"AllAtOnce\"")]
                {
                    if !part.lines().any(|given| given.starts_with(key)) {
                        text.push_str(&format!("{key} = {line}\n"));
                    }
                }
                text.push_str(part);
                if let Err(error) = RolloutPlan::parse(&text, Format::Toml) {
                    panic!("{path}: {error}\n{text}");
                }
            }
        }
    }
}

#[test]
fn every_scenario_on_the_pages_is_a_good_one() {
    for block in blocks(&page("docs/scenarios.md"), "toml") {
        Scenario::parse(block).expect("a scenario");
    }
    let every_key = Scenario::parse(&page("core/scenarios/every-key.toml")).expect("a scenario");
    assert_eq!(every_key.name(), "tuesday");
}

#[test]
fn the_shipped_scenarios_are_all_on_their_page() {
    let page = page("docs/scenarios.md");
    for name in Scenario::shipped_names() {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn the_example_plans_are_good_ones() {
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("examples")).expect("the folder is there") {
        let path = entry.expect("readable").path();
        // Programs have folders of their own.
        if path.is_dir() {
            continue;
        }
        RolloutPlan::from_file(&path).expect("a good plan");
        seen += 1;
    }
    assert!(seen >= 6);
}

#[test]
fn every_promise_has_tests_and_every_test_named_is_there() {
    let code: String = rust_sources([root()]).into_iter().map(|(_, text)| text).collect();
    let (design, promises) = (page("DESIGN.md"), page("docs/promises.md"));
    let made = design.lines().filter(|line| line.starts_with("- **S")).count();
    assert_eq!(made, 14);
    for number in 1..=made {
        let row = promises.lines().find(|line| line.starts_with(&format!("| S{number} ")));
        let tests: Vec<&str> =
            row.and_then(|row| row.split('|').nth(2)).unwrap_or_default().split(", ").collect();
        assert!(tests.iter().all(|test| test.trim().len() > 2), "S{number} has no tests");
        for test in tests {
            let name = test.trim().trim_matches('`');
            assert!(code.contains(&format!("fn {name}(")), "S{number}: no test `{name}`");
        }
    }
}
