//! Reads the code that a plan puts into `$LATEST`.

use std::fs::File;
use std::io::{ErrorKind as Io, Read};
use std::path::Path;

use crate::error::{Error, ErrorKind};

/// The largest archive that Lambda takes in the call itself
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
const LARGEST_ARCHIVE: u64 = 50 * 1024 * 1024;

/// How every ZIP archive begins, and one that holds no file.
const ARCHIVE: &[u8] = b"PK";
const EMPTY_ARCHIVE: &[u8] = b"PK\x05\x06";

/// Reads a ZIP archive.
///
/// # Errors
/// As [`check_archive`].
pub(super) async fn read_archive(path: &Path) -> Result<Vec<u8>, Error> {
    apart(path, |path| {
        let file = open(path)?;
        let mut bytes = Vec::new();
        // No more than may be sent, however large the file is by now.
        file.take(LARGEST_ARCHIVE + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
        check_size(path, bytes.len() as u64)?;
        check_start(path, &bytes)?;
        Ok(bytes)
    })
    .await
}

/// Whether a ZIP archive could be sent.
///
/// # Errors
/// [`ErrorKind::Plan`] when it is not there, is not a file, is not a ZIP archive, holds nothing, or is larger than Lambda
/// takes in a call.
pub(super) async fn check_archive(path: &Path) -> Result<(), Error> {
    apart(path, |path| {
        let mut start = Vec::new();
        let length = EMPTY_ARCHIVE.len() as u64;
        open(path)?.take(length).read_to_end(&mut start).map_err(|error| unreadable(path, &error))?;
        check_start(path, &start)
    })
    .await
}

/// On a thread of its own: a disk may make it wait, and a runtime's thread may not.
async fn apart<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || work(&path))
        .await
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "reading the ZIP archive panicked")))
}

/// Opens it. A pipe is not even opened, for that would wait for a writer.
fn open(path: &Path) -> Result<File, Error> {
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        Io::NotFound => wrong(path, "does not exist; build it first, or correct `version.zip`"),
        _ => unreadable(path, &error),
    })?;
    if metadata.is_dir() {
        return Err(wrong(path, "is a folder; name the archive itself"));
    }
    if !metadata.is_file() {
        return Err(wrong(path, "is not a regular file"));
    }
    check_size(path, metadata.len())?;
    File::open(path).map_err(|error| unreadable(path, &error))
}

fn check_size(path: &Path, size: u64) -> Result<(), Error> {
    if size == 0 {
        return Err(wrong(path, "is empty; build it again"));
    }
    if size > LARGEST_ARCHIVE {
        let what =
            format!("has {size} bytes, and Lambda takes up to {LARGEST_ARCHIVE} directly; use `s3` instead");
        return Err(wrong(path, &what));
    }
    Ok(())
}

fn check_start(path: &Path, start: &[u8]) -> Result<(), Error> {
    if start.starts_with(EMPTY_ARCHIVE) {
        return Err(wrong(path, "holds no file; build it again"));
    }
    if !start.starts_with(ARCHIVE) {
        return Err(wrong(path, "is not a ZIP archive; build it again, or correct `version.zip`"));
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    wrong(path, &format!("cannot be read ({error})"))
}

fn wrong(path: &Path, what: &str) -> Error {
    Error::new(ErrorKind::Plan, format!("the ZIP archive {what}: `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with it: the same before anything is done and when it is sent.
    async fn message(path: &Path) -> String {
        let [check, read] = [check_archive(path).await, read_archive(path).await.map(drop)]
            .map(|result| result.expect_err("not an archive"));
        assert_eq!((check.kind(), check.message()), (ErrorKind::Plan, read.message()));
        assert!(check.message().ends_with(&format!(": `{}`", path.display())), "{check}");
        check.message().to_owned()
    }

    #[tokio::test]
    async fn what_is_not_an_archive_is_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(message(&folder.path().join("no.zip")).await.starts_with("the ZIP archive does not exist; "));
        assert!(message(folder.path()).await.starts_with("the ZIP archive is a folder; "));
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).expect("written");
            path
        };
        assert!(message(&file("empty", b"")).await.starts_with("the ZIP archive is empty; "));
        for text in [&b"hello"[..], b"P", b"\x1f\x8b\x08\x00", b"pk\x03\x04"] {
            let path = file("text", text);
            assert!(message(&path).await.starts_with("the ZIP archive is not a ZIP archive; "));
        }
        let nothing = [&b"PK\x05\x06"[..], &[0; 18]].concat();
        assert!(message(&file("nothing", &nothing)).await.starts_with("the ZIP archive holds no file; "));
        let large = file("large", b"PK\x03\x04");
        File::options()
            .write(true)
            .open(&large)
            .and_then(|file| file.set_len(LARGEST_ARCHIVE + 1))
            .expect("a sparse file");
        assert!(message(&large).await.contains("use `s3` instead"));
        // A file below a file, on every system.
        assert!(message(&large.join("x")).await.starts_with("the ZIP archive "));
    }

    #[tokio::test]
    async fn an_archive_is_read_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("code.zip");
        std::fs::write(&path, b"PK\x03\x04rest").expect("written");
        check_archive(&path).await.expect("it could be sent");
        assert_eq!(read_archive(&path).await.expect("it is sent"), b"PK\x03\x04rest");
    }
}
