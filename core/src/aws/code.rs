//! Reads the code that a plan puts into `$LATEST`.

use std::io::ErrorKind as Io;
use std::path::Path;

use crate::error::{Error, ErrorKind};

/// The largest archive that Lambda takes in the call itself
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const LARGEST_ARCHIVE: u64 = 50 * 1024 * 1024;

/// Reads a ZIP archive.
///
/// # Errors
/// When it is not there, is a folder, is no ZIP archive, or is larger than Lambda takes in a call.
pub(super) async fn read_archive(path: &Path) -> Result<Vec<u8>, Error> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || read_blocking(&path))
        .await
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "reading the ZIP archive panicked")))
}

fn read_blocking(path: &Path) -> Result<Vec<u8>, Error> {
    let wrong =
        |what: &str| Error::new(ErrorKind::Plan, format!("the ZIP archive {what}: `{}`", path.display()));
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        Io::NotFound => wrong("does not exist"),
        _ => wrong(&format!("cannot be read ({error})")),
    })?;
    if metadata.is_dir() {
        return Err(wrong("is a folder"));
    }
    if metadata.len() > LARGEST_ARCHIVE {
        let size = metadata.len();
        return Err(wrong(&format!(
            "has {size} bytes, and Lambda takes up to {LARGEST_ARCHIVE}; use `s3` instead"
        )));
    }
    let bytes = std::fs::read(path).map_err(|error| wrong(&format!("cannot be read ({error})")))?;
    if !bytes.starts_with(b"PK") {
        return Err(wrong("is no ZIP archive"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(path: &Path) -> String {
        let error = read_blocking(path).expect_err("not an archive");
        assert_eq!(error.kind(), ErrorKind::Plan);
        error.message().to_owned()
    }

    #[test]
    fn what_is_no_archive_is_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(message(&folder.path().join("no.zip")).starts_with("the ZIP archive does not exist: `"));
        assert!(message(folder.path()).starts_with("the ZIP archive is a folder"));
        let text = folder.path().join("text.zip");
        std::fs::write(&text, "hello").expect("written");
        assert!(message(&text).starts_with("the ZIP archive is no ZIP archive"));
        let large = folder.path().join("large.zip");
        std::fs::File::create(&large)
            .and_then(|file| file.set_len(LARGEST_ARCHIVE + 1))
            .expect("a sparse file");
        assert!(message(&large).contains("use `s3` instead"));
    }
}
