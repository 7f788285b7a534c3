//! Gives the shared library its name (SONAME) and keeps it from being unloaded.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    let part = |name: &str| std::env::var(name).unwrap_or_default();
    // As cargo-c has it: before 1.0 each minor version is an interface of its own.
    let (major, minor) = (part("CARGO_PKG_VERSION_MAJOR"), part("CARGO_PKG_VERSION_MINOR"));
    let version = if major == "0" { format!("0.{minor}") } else { major };
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,liblambda_rollout.so.{version}");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
