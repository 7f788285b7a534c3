//! The house has layers (DESIGN.md, "The house"), and an arrow never runs upwards: these tests read the sources.

use std::path::{Path, PathBuf};

use crate::rust_sources;

/// What a module may not name, and why the pure part stays pure.
const IMPURE: &[&str] = &[
    "tokio",
    "aws_",
    "futures_util",
    "async ",
    "SystemTime",
    "Instant::",
    "HashMap",
    "HashSet",
    "rand::",
    "rand_",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "std::process",
];

fn sources(module: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_sources([root.join(module), root.join(format!("{module}.rs"))]);
    assert!(!files.is_empty(), "no module {module}");
    files
}

/// The code of a file, without comments and without its tests.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("\nmod tests {").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//"))
}

fn assert_names_none(module: &str, banned: &[&str], allowed_in: &[&str]) {
    for (path, text) in sources(module) {
        let is_tests = path.ends_with("tests.rs");
        if is_tests || allowed_in.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        for line in code(&text) {
            for word in banned {
                assert!(!line.contains(word), "{}: `{word}` in `{}`", path.display(), line.trim());
            }
        }
    }
}

#[test]
fn the_pure_modules_know_no_runtime_no_aws_no_clock_and_no_chance() {
    for module in ["units", "account", "event", "error", "judge", "machine", "iam"] {
        assert_names_none(module, IMPURE, &[]);
    }
    // A plan may be read from a file: that alone.
    let but_files: Vec<&str> = IMPURE.iter().copied().filter(|word| *word != "std::fs").collect();
    assert_names_none("plan", &but_files, &[]);
}

#[test]
fn no_arrow_runs_upwards() {
    let layers: [&[&str]; 7] = [
        &["units"],
        &["account", "error", "event"],
        &["plan"],
        &["judge"],
        &["machine"],
        &["journal"],
        &["driver"],
    ];
    for (level, modules) in layers.iter().enumerate() {
        let above: Vec<String> = layers[level + 1..]
            .iter()
            .flat_map(|upper| upper.iter())
            .chain(&["ports", "budget", "aws", "sim", "hosted"])
            .filter(|name| !(*modules == ["driver"] && **name == "ports"))
            .map(|name| format!("crate::{name}"))
            .collect();
        let above: Vec<&str> = above.iter().map(String::as_str).collect();
        for module in *modules {
            assert_names_none(module, &above, &[]);
        }
    }
}

#[test]
fn the_budget_knows_ports_and_neither_driver_nor_world() {
    assert_names_none(
        "budget",
        &["crate::driver", "crate::machine", "crate::aws", "crate::sim", "crate::hosted"],
        &[],
    );
}

#[test]
fn the_worlds_do_not_know_each_other() {
    assert_names_none("aws", &["crate::sim", "crate::hosted"], &[]);
    assert_names_none("sim", &["crate::aws", "crate::hosted"], &[]);
}
