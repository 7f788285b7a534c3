use std::env;
use std::path::Path;
use std::process::Command;

/// Compiles the shim that `watch.c` describes. `None` where there is no C compiler; where CI is set there has to be one.
pub(crate) fn shim(folder: &Path) -> Option<String> {
    if Command::new("cc").arg("--version").output().is_err() {
        assert!(env::var_os("CI").is_none(), "CI needs a C compiler");
        eprintln!("SKIP: there is no C compiler");
        return None;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/shim/watch.c");
    let library = folder.join("watch.so").display().to_string();
    let mut compiler = Command::new("cc");
    compiler
        .args(["-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", &library])
        .arg(source)
        .arg("-ldl");
    let compiled = compiler.output().expect("it runs");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    Some(library)
}
