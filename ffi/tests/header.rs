//! The header and the list of exported symbols are made from the sources, and committed; these tests hold them fresh.
//! UPDATE_GENERATED=1 rewrites them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The committed file is what was made just now.
fn assert_fresh(path: &Path, made: &str) {
    if env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(path, made).expect("writable");
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    assert!(
        committed == made,
        "{name} is stale: UPDATE_GENERATED=1 cargo test -p lambda-rollout-ffi --test header"
    );
}

fn header() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).expect("a configuration");
    config.after_includes = Some(versions());
    let bindings =
        cbindgen::Builder::new().with_crate(folder).with_config(config).generate().expect("sound sources");
    let mut header = Vec::new();
    bindings.write(&mut header);
    String::from_utf8(header).expect("UTF-8")
}

fn versions() -> String {
    let [major, minor, patch] =
        [env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"), env!("CARGO_PKG_VERSION_PATCH")];
    format!(
        "
/* The version that this header is of; lro_version() tells that of the library which is there at run time. */
#define LRO_VERSION_MAJOR {major}
#define LRO_VERSION_MINOR {minor}
#define LRO_VERSION_PATCH {patch}
#define LRO_VERSION \"{major}.{minor}.{patch}\"
/* The same as one number that grows, for #if. */
#define LRO_VERSION_NUMBER (LRO_VERSION_MAJOR * 1000000 + LRO_VERSION_MINOR * 1000 + LRO_VERSION_PATCH)

/* In place of a length: the text ends with a NUL. */
#define LRO_NUL_TERMINATED SIZE_MAX
"
    )
}

/// The functions that the header declares.
fn declared(header: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let code = header.split("extern \"C\" {").nth(1).expect("functions");
    code.match_indices("lro_")
        .filter_map(|(at, _)| {
            let end = code[at..].find(|c| !is_name(c))? + at;
            (code[end..].starts_with('(') && !code[..at].ends_with(is_name)).then_some(&code[at..end])
        })
        .filter(|name| !code.contains(&format!("`{name}(")))
        .collect()
}

#[test]
fn the_header_is_fresh() {
    assert_fresh(&root().join("include/lambda_rollout.h"), &header());
}

#[test]
fn the_list_of_symbols_is_what_the_header_declares() {
    let header = header();
    let names: String = declared(&header).iter().map(|name| format!("{name}\n")).collect();
    assert_fresh(&root().join("ffi/exports.txt"), &names);
}

/// These look at what is there already, and nothing in them can panic.
const ONLY_LOOKS: [&str; 17] = [
    "lro_abi_version",
    "lro_version",
    "lro_error_code",
    "lro_error_name",
    "lro_error_message",
    "lro_error_is_retryable",
    "lro_error_details",
    "lro_event_kind",
    "lro_event_seq",
    "lro_event_time_ms",
    "lro_event_weight",
    "lro_event_request",
    "lro_outcome_end",
    "lro_outcome_exit_code",
    "lro_outcome_cause",
    "lro_outcome_text",
    "lro_outcome_json",
];

/// What one may forget: a function outside the boundary would let a panic through.
#[test]
fn every_function_goes_through_the_boundary() {
    for entry in fs::read_dir(root().join("ffi/src")).expect("sources") {
        let text = fs::read_to_string(entry.expect("a file").path()).expect("readable");
        for function in text.split("#[unsafe(no_mangle)]").skip(1) {
            let (name, body) =
                function.split_once("fn ").and_then(|(_, rest)| rest.split_once('(')).expect("a function");
            let guarded =
                ["call(", "call_on(", "order(", "quietly("].iter().any(|guard| block(body).contains(guard));
            assert!(guarded || ONLY_LOOKS.contains(&name), "{name} is not guarded");
        }
    }
}

/// A function's body, from its first brace to the one that closes it.
fn block(text: &str) -> &str {
    let mut depth = 0;
    let end = text.find(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth == 0 && c == '}'
    });
    &text[..end.unwrap_or(text.len())]
}
