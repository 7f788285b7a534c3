//! The programs of tests/c, against the library as it is installed: compiled by what pkg-config says and nothing else, as C
//! and as C++, under the sanitizers and under valgrind.

#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::{env, fs};

use lambda_rollout::plan::{Format, RolloutPlan};
use lambda_rollout::sim::Scenario;
use lambda_rollout_aws_tests::SimulatedEndpoint;

/// Programs that need no arguments and end with 0.
const PROGRAMS: [&str; 6] = ["own_checks", "commands", "misuse", "threads", "forked", "log"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where this run's own files go.
fn scratch() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c");
    fs::create_dir_all(&folder).expect("writable");
    folder
}

/// The libraries lie where cargo has put them for this test.
fn installed() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let built = env::current_exe().expect("this test");
        let prefix = scratch().join("prefix");
        let mut install = Command::new(root().join("scripts/install-c"));
        succeed(install.arg(&prefix).arg(built.parent().expect("a folder")));
        prefix
    })
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    output
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}{}", output.status, text(&output.stdout), text(&output.stderr))
}

fn pkg_config(arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new("pkg-config");
    command.env("PKG_CONFIG_PATH", installed().join("lib/pkgconfig")).args(arguments).arg("lambda_rollout");
    let flags = String::from_utf8(succeed(&mut command).stdout).expect("UTF-8");
    flags.split_whitespace().map(str::to_owned).collect()
}

/// Whether a tool is there. A test without its tools says so, and fails where CI is set.
fn there_is(tool: &str) -> bool {
    let there = Command::new(tool).arg("--version").output().is_ok();
    if !there {
        eprintln!("SKIP: there is no {tool}");
        assert!(env::var_os("CI").is_none(), "CI needs {tool}");
    }
    there
}

/// How a program is compiled.
#[derive(Clone, Copy)]
struct Build {
    name: &'static str,
    compiler: &'static str,
    flags: &'static [&'static str],
    is_static: bool,
}

const C11: Build = Build { name: "c11", compiler: "cc", flags: &["-std=c11"], is_static: false };
const CPP17: Build =
    Build { name: "cpp17", compiler: "c++", flags: &["-x", "c++", "-std=c++17"], is_static: false };
const SANITIZED: Build = Build {
    name: "sanitized",
    compiler: "cc",
    flags: &["-std=c11", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    is_static: false,
};
const STATIC: Build = Build { name: "static", compiler: "cc", flags: &["-std=c11"], is_static: true };

/// A program of tests/c.
fn compile(program: &str, build: Build) -> PathBuf {
    compile_file(&root().join("tests/c").join(program).with_extension("c"), build)
}

fn compile_file(source: &Path, build: Build) -> PathBuf {
    let program = source.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    let executable = scratch().join(format!("{program}-{}", build.name));
    let mut command = Command::new(build.compiler);
    command.args(build.flags).args([
        "-D_POSIX_C_SOURCE=200809L",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        "-g",
    ]);
    command.args(pkg_config(&["--cflags"])).arg(source);
    command.args(["-x", "none", "-o"]).arg(&executable).arg("-pthread");
    if build.is_static {
        let libraries = pkg_config(&["--libs", "--static"]);
        let place = installed().join("lib/liblambda_rollout.a").display().to_string();
        // The archive itself, since the linker prefers a shared library beside it.
        command.args(libraries.iter().map(|flag| if flag == "-llambda_rollout" { &place } else { flag }));
    } else {
        command.args(pkg_config(&["--libs"]));
    }
    succeed(&mut command);
    executable
}

fn run(executable: &Path) -> Command {
    let mut command = Command::new(executable);
    command.env("LD_LIBRARY_PATH", installed().join("lib"));
    command
}

fn run_all(build: Build) {
    if !there_is(build.compiler) || !there_is("pkg-config") {
        return;
    }
    for program in PROGRAMS {
        succeed(&mut run(&compile(program, build)));
    }
}

#[test]
fn the_programs_run_as_c() {
    run_all(C11);
}

#[test]
fn the_programs_run_as_cpp() {
    run_all(CPP17);
}

#[test]
fn the_programs_run_under_the_sanitizers() {
    run_all(SANITIZED);
}

#[test]
fn a_program_runs_with_the_static_library() {
    if there_is("cc") && there_is("pkg-config") {
        succeed(&mut run(&compile("own_checks", STATIC)));
    }
}

#[test]
fn the_programs_run_under_valgrind() {
    if !there_is("valgrind") || !there_is("cc") || !there_is("pkg-config") {
        return;
    }
    // Not `forked`: its child leaves its parent's threads and what they held behind, as it should.
    for program in PROGRAMS.into_iter().filter(|program| *program != "forked") {
        let executable = compile(program, C11);
        let mut command = Command::new("valgrind");
        command.env("LD_LIBRARY_PATH", installed().join("lib"));
        command.args([
            "--quiet",
            "--error-exitcode=99",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite",
        ]);
        command.args(["--fair-sched=yes"]).arg(executable);
        // A thousandth of the speed is enough for a few rollouts.
        if program == "threads" {
            command.arg("3");
        }
        succeed(&mut command);
    }
}

#[test]
fn the_first_example_runs_a_good_release_and_a_bad_one() {
    if !there_is("cc") || !there_is("pkg-config") {
        return;
    }
    let executable = compile("rollout", C11);
    let good = run(&executable).output().expect("it runs");
    assert_eq!(good.status.code(), Some(0), "{}", said(&good));
    assert!(
        said(&good).contains("100 % of the traffic is on the new version")
            && said(&good).ends_with("promoted\n")
    );
    let bad = run(&executable).arg("broken").output().expect("it runs");
    assert_eq!(bad.status.code(), Some(4), "{}", said(&bad));
    assert!(said(&bad).contains("rolled back: alarm `sample-handler-errors` is in ALARM"), "{}", said(&bad));
}

/// The page's whole programs are run; its fragments are compiled with the names that they use.
#[test]
fn the_page_on_c_says_what_works() {
    if !there_is("cc") || !there_is("pkg-config") {
        return;
    }
    let page = fs::read_to_string(root().join("docs/c.md")).expect("it is there");
    let blocks = page.split("```c\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    let (programs, fragments): (Vec<&str>, Vec<&str>) = blocks.partition(|block| block.contains("int main"));
    assert!(programs.len() == 1 && fragments.len() > 4, "{} and {}", programs.len(), fragments.len());

    let source = scratch().join("page.c");
    fs::write(&source, programs[0]).expect("writable");
    let output = run(&compile_file(&source, C11)).output().expect("it runs");
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(
        said(&output).contains("\nrolled back: alarm `sample-handler-errors` is in ALARM"),
        "{}",
        said(&output)
    );

    let names = "lro_runtime *runtime, lro_plan *plan, lro_rollout *rollout, lro_event *event";
    let mut text = "#include <lambda_rollout.h>\n".to_owned();
    for (number, fragment) in fragments.iter().enumerate() {
        text += &format!(
            "void fragment_{number}({names});\nvoid fragment_{number}({names})\n{{\nlro_error *error = NULL;\n\
             (void)runtime, (void)plan, (void)rollout, (void)event;\n{fragment}}}\n"
        );
    }
    let source = scratch().join("fragments.c");
    fs::write(&source, text + "int main(void) { return 0; }\n").expect("writable");
    succeed(&mut run(&compile_file(&source, C11)));
}

#[test]
fn a_rollout_over_http_moves_the_alias() {
    if !there_is("cc") || !there_is("pkg-config") {
        return;
    }
    let text = r#"
        function = "sample-handler"
        alias = "main"
        strategy = { kind = "canary", percent = 10, interval = "250ms" }
        alarms = { names = ["errors"], poll = "100ms" }
    "#;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plan.toml");
    fs::write(&path, text).expect("writable");
    let plan = RolloutPlan::parse(text, Format::Toml).expect("a good plan");
    let scenario = Scenario::parse("canary = { ready_after = \"100ms\" }").expect("a scenario");
    let endpoint = SimulatedEndpoint::start(&plan, &scenario);
    let executable = compile("on_aws", SANITIZED);
    let output = succeed(run(&executable).env("HOME", folder.path()).arg(&path).arg(endpoint.url()));
    let finished = said(&output);
    assert!(finished.contains("\"kind\":\"shifted\"") && finished.ends_with("promoted\n"), "{finished}");
    assert!(!finished.contains("hunter2"));
    assert_eq!(endpoint.requests_of("UpdateAlias").len(), 2);
}

#[test]
fn a_panic_comes_back_as_an_error() {
    if cfg!(feature = "panic-on-purpose") {
        succeed(&mut run(&compile("panic", C11)));
        succeed(&mut run(&compile("panic", SANITIZED)));
    }
}

#[test]
fn the_shared_library_exports_what_is_declared_and_nothing_else() {
    if !there_is("nm") {
        return;
    }
    let library = installed().join("lib/liblambda_rollout.so");
    let output = succeed(
        Command::new("nm").args(["--dynamic", "--defined-only", "--format=just-symbols"]).arg(library),
    );
    let symbols = String::from_utf8(output.stdout).expect("UTF-8");
    let exported: BTreeSet<&str> = symbols.lines().filter(|name| *name != "lro_rollout_panic").collect();
    let list = fs::read_to_string(root().join("ffi/exports.txt")).expect("it is there");
    assert_eq!(exported, list.lines().collect());
}

#[test]
fn the_shared_library_has_the_name_that_its_version_asks_for() {
    if !there_is("readelf") {
        return;
    }
    let folder = installed().join("lib");
    let output = succeed(Command::new("readelf").arg("-d").arg(folder.join("liblambda_rollout.so")));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let name =
        text.split("Library soname: [").nth(1).and_then(|rest| rest.split(']').next()).expect("a name");
    assert!(folder.join(name).exists(), "{name} is none of the installed names");
    assert!(text.contains("NODELETE"), "it must not be unloaded");
    assert_eq!(pkg_config(&["--modversion"]), [env!("CARGO_PKG_VERSION")]);
}
