//! Plans in files: what keeps one from being read, and what an error then says.

use std::error::Error as _;
use std::fs;
use std::path::Path;

use crate::plans::{WHOLE, toml};
use lambda_rollout::ErrorKind;
use lambda_rollout::plan::{PlanError, RolloutPlan};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// The error's message, less the path that it has to start with.
fn told(path: &Path) -> String {
    let error = RolloutPlan::from_file(path).expect_err("a bad file");
    assert_eq!(error.kind(), ErrorKind::Plan);
    let start = format!("{}: ", path.display());
    let lines = error.message().lines().map(|line| line.strip_prefix(&start).expect("the path").to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_file_is_read_by_its_ending_and_its_folder_is_kept() {
    let folder = folder();
    let json = toml(WHOLE).expect("a good plan").to_document().to_string();
    for (name, text) in [("plan.toml", WHOLE), ("PLAN.TOML", WHOLE), ("plan.json", &json)] {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        let plan = RolloutPlan::from_file(&path).expect("a good plan");
        assert_eq!(plan.folder(), Some(folder.path()));
        assert_eq!(plan.alias().as_str(), "main");
    }
}

#[test]
fn every_problem_reaches_the_error_with_the_path_before_it() {
    let folder = folder();
    let path = folder.path().join("plan.toml");
    fs::write(&path, "function = 'f'\nalias = '7'\nstrategy = 'AllAtOnce'\nbake = '-1s'\n").expect("written");
    assert_eq!(
        told(&path),
        "line 2: alias: `7` would be a version, not an alias; 1 to 128 letters, digits, `-` and `_`, not digits alone, such as \"live\"\n\
         line 4: bake: `-1s` is negative; a time such as \"5m\", \"90s\", \"2h 30m\" or \"PT5M\""
    );
    let error = RolloutPlan::from_file(&path).expect_err("a bad plan");
    let source =
        error.source().and_then(|source| source.downcast_ref::<PlanError>()).expect("the plan's error");
    assert_eq!(source.problems().len(), 2);
}

#[test]
fn what_cannot_be_read_is_refused() {
    let folder = folder();
    assert_eq!(told(&folder.path().join("none.toml")), "there is no such file; the path of the plan's file");
    for name in ["inner.toml", "inner"] {
        let inner = folder.path().join(name);
        fs::create_dir(&inner).expect("made");
        assert_eq!(told(&inner), "this is a folder; the path of the plan's file");
    }
    for (name, wrong) in [
        ("plan.txt", "the ending `.txt` is of no format of plans"),
        ("plan", "the file's name has no ending"),
    ] {
        let right = "a file that ends in `.toml`, `.json`, `.yaml` or `.yml`";
        let path = folder.path().join(name);
        fs::write(&path, "").expect("written");
        assert_eq!(told(&path), format!("{wrong}; {right}"));
    }
}

#[test]
fn what_is_not_utf8_is_refused_with_its_place() {
    let path = folder().keep().join("plan.toml");
    fs::write(&path, b"function = 'f'\nalias = '\xff'\n").expect("written");
    assert_eq!(told(&path), "line 2: byte 24 of the file, `0xff`, is not UTF-8; a file in UTF-8");
    fs::remove_dir_all(path.parent().expect("a folder")).expect("removed");
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_read() {
    let folder = folder();
    let path = folder.path().join("plan.toml");
    let hundred_megabytes = 100 * 1024 * 1024;
    fs::File::create(&path).and_then(|file| file.set_len(hundred_megabytes)).expect("a sparse file");
    assert_eq!(told(&path), "the file has 104857600 bytes; a plan of at most 1048576 bytes");
    let padded = format!("{WHOLE}{}", " ".repeat(1024 * 1024 - WHOLE.len()));
    fs::write(&path, &padded).expect("written");
    assert!(RolloutPlan::from_file(&path).is_ok(), "as large as may be");
    assert!(toml(&format!("{padded} ")).is_err());
}

#[cfg(unix)]
#[test]
fn a_file_that_never_ends_is_left_at_the_limit() {
    let folder = folder();
    let path = folder.path().join("plan.toml");
    std::os::unix::fs::symlink("/dev/zero", &path).expect("linked");
    assert_eq!(told(&path), "there are more than 1048576 bytes; a plan of at most 1048576 bytes");
}
