//! What holds of the project as a whole: its layers, and that its pages say what is so.

#[cfg(all(feature = "sim", feature = "yaml"))]
mod documents;
mod layers;

use std::fs;
use std::path::{Path, PathBuf};

/// The Rust sources at and below these places, with their paths. Hidden folders and build output are passed over.
fn rust_sources(places: impl IntoIterator<Item = PathBuf>) -> Vec<(PathBuf, String)> {
    let mut open: Vec<PathBuf> = places.into_iter().collect();
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("readable").map(|entry| entry.expect("readable").path());
            open.extend(entries.filter(|entry| !is_passed_over(entry)));
        } else if path.is_file() && path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("readable");
            files.push((path, text));
        }
    }
    files
}

fn is_passed_over(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name == "target" || name.starts_with('.')
}
