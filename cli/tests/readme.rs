//! The README shows what the command really prints.

use std::path::Path;
use std::process::Command;

#[test]
fn the_story_in_the_readme_is_what_the_command_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("it is there");
    let shown =
        readme.split("```text\n").nth(1).and_then(|rest| rest.split("\n```").next()).expect("a block");
    let output = Command::new(env!("CARGO_BIN_EXE_lambda-rollout"))
        .args(["run", "examples/canary.toml", "--simulate", "broken"])
        .current_dir(root)
        .env("LANG", "C.UTF-8")
        .env_remove("LC_ALL")
        .env_remove("COLUMNS")
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(4));
    let printed = String::from_utf8(output.stderr).expect("UTF-8");
    let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
    assert_eq!(shown.lines().collect::<Vec<_>>(), printed);
}
