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

/// What one may not forget: a function outside the boundary would let a panic through.
#[test]
fn every_function_goes_through_the_boundary() {
    for entry in fs::read_dir(root().join("ffi/src")).expect("sources") {
        let path = entry.expect("a file").path();
        let text = fs::read_to_string(&path).expect("readable");
        for function in text.split("#[unsafe(no_mangle)]").skip(1) {
            let body = function.split("\n}\n").next().unwrap_or_default();
            let name = body.split("fn ").nth(1).and_then(|rest| rest.split('(').next()).unwrap_or_default();
            let guarded =
                ["call(", "call_on(", "order(", "quietly("].iter().any(|guard| body.contains(guard));
            // These look at what is there already, and cannot panic.
            let looks = ["is_some_and(", "map_or(", ".as_ptr()", "LRO_ABI_VERSION", "as_ref() }"];
            assert!(guarded || looks.iter().any(|look| body.contains(look)), "{name} is not guarded");
        }
    }
}
