use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::reader::{Origin, read_plan};
use super::syntax::Parsed;
use super::{PlanError, Problem, RolloutPlan, syntax};
use crate::units::InvalidValue;

/// The format of a plan document. The shape is the same in all three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// TOML 1.1; every problem comes with its line.
    Toml,
    /// JSON.
    Json,
    /// YAML 1.2, of one document; needs the feature `yaml`.
    Yaml,
}

impl Format {
    /// The format of a file by its ending: `.toml`, `.json`, `.yaml` or `.yml`, in any letter case.
    ///
    /// # Errors
    /// When the ending is any other.
    ///
    /// ```
    /// use lambda_rollout::plan::Format;
    /// use std::path::{Path, PathBuf};
    ///
    /// assert_eq!(Format::of_path(Path::new("rollout.yml")), Ok(Format::Yaml));
    /// assert!(Format::of_path(Path::new("rollout.txt")).is_err());
    /// ```
    pub fn of_path(path: &Path) -> Result<Self, InvalidValue> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("toml") => Ok(Self::Toml),
            Some("json") => Ok(Self::Json),
            Some("yaml" | "yml") => Ok(Self::Yaml),
            Some(other) => {
                Err(InvalidValue::new(format!("the ending `.{other}` is of no format of plans"), ENDINGS))
            }
            None => Err(InvalidValue::new("the file's name has no ending", ENDINGS)),
        }
    }
}

const ENDINGS: &str = "a file that ends in `.toml`, `.json`, `.yaml` or `.yml`";

impl RolloutPlan {
    /// The largest plan that is read, in bytes: 1 MiB.
    pub const LARGEST_DOCUMENT: u64 = 1024 * 1024;

    /// Reads and checks a plan. `version` may be left out and is then `"publish"`; function, alias and
    /// strategy may not.
    ///
    /// # Errors
    /// With every problem at once: its path, its line where the format has lines, what is wrong and what
    /// would be right. A text that is broken has its broken lines told alone, except for keys that are given
    /// twice.
    ///
    /// ```
    /// use lambda_rollout::plan::{Format, RolloutPlan};
    ///
    /// let plan = RolloutPlan::parse(
    ///     r#"
    ///     function = "sample-handler"
    ///     alias = "live"
    ///     strategy = { kind = "linear", percent = 10, interval = "1m" }
    ///     "#,
    ///     Format::Toml,
    /// )?;
    /// assert_eq!(plan.strategy().to_string(), "Linear10PercentEvery1Minute");
    ///
    /// let text = "function = 'sample handler'\nstrategi = 'AllAtOnce'";
    /// let error = RolloutPlan::parse(text, Format::Toml).unwrap_err();
    /// assert_eq!(error.problems().len(), 4); // no alias, no strategy, no such name, no such key
    /// # Ok::<(), lambda_rollout::plan::PlanError>(())
    /// ```
    pub fn parse(text: &str, format: Format) -> Result<Self, PlanError> {
        if text.len() as u64 > Self::LARGEST_DOCUMENT {
            return Err(too_large(format!("the document has {} bytes", text.len())).into());
        }
        read_plan(syntax::parse(text, format), Origin::Document)
    }

    /// Reads a plan that a program holds as a tree of values: the document, already parsed.
    ///
    /// # Errors
    /// As [`RolloutPlan::parse`]; there are no lines.
    ///
    /// ```
    /// use lambda_rollout::RolloutPlan;
    /// use serde_json::json;
    ///
    /// let mut document = json!({ "function": "sample-handler", "alias": "live", "strategy": "AllAtOnce" });
    /// document["version"] = json!({ "zip": "build/handler.zip" });
    /// let plan = RolloutPlan::from_document(document)?.in_folder("/srv/release");
    /// assert_eq!(plan.folder(), Some("/srv/release".as_ref()));
    ///
    /// let error = RolloutPlan::from_document(json!({ "function": "sample-handler" })).unwrap_err();
    /// assert_eq!(error.problems()[0].path, "alias");
    /// # Ok::<(), lambda_rollout::plan::PlanError>(())
    /// ```
    pub fn from_document(document: serde_json::Value) -> Result<Self, PlanError> {
        read_plan(Parsed { root: Some(document.into()), problems: Vec::new() }, Origin::Document)
    }

    /// The same plan with the folder that its relative paths count from.
    #[must_use]
    pub fn in_folder(self, folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()), ..self }
    }

    /// Reads and checks a plan from a file whose ending says its format. Relative paths in the plan count
    /// from the file's folder. A file that is too large is never read whole.
    ///
    /// # Errors
    /// With [`crate::ErrorKind::Plan`] for whatever keeps the file from being read and for every problem in
    /// it; each line of the message starts with the path, and the source is the [`PlanError`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, crate::Error> {
        let path = path.as_ref();
        let read = || {
            let text = read_text(path)?;
            let format = Format::of_path(path).map_err(|what| Problem::new("", None, what))?;
            Self::parse(&text, format)
        };
        let plan = read().map_err(|error: PlanError| error.in_file(path))?;
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        Ok(Self { folder: Some(folder.to_owned()), ..plan })
    }
}

fn read_text(path: &Path) -> Result<String, Problem> {
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    if metadata.is_dir() {
        return Err(Problem::of_document("this is a folder", "the path of the plan's file"));
    }
    if metadata.len() > RolloutPlan::LARGEST_DOCUMENT {
        return Err(too_large(format!("the file has {} bytes", metadata.len())));
    }
    // A pipe or a growing file says nothing of its length; so what is read has a limit too.
    let mut bytes = Vec::new();
    let limit = RolloutPlan::LARGEST_DOCUMENT + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 == limit {
        return Err(too_large(format!("there are more than {} bytes", RolloutPlan::LARGEST_DOCUMENT)));
    }
    String::from_utf8(bytes).map_err(|error| not_utf8(&error))
}

fn unreadable(error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::NotFound => {
            Problem::of_document("there is no such file", "the path of the plan's file")
        }
        io::ErrorKind::IsADirectory => {
            Problem::of_document("this is a folder", "the path of the plan's file")
        }
        _ => Problem::of_document(
            format!("the file cannot be read: {}", error.to_string().to_lowercase()),
            "a file that this user may read",
        ),
    }
}

fn too_large(wrong: String) -> Problem {
    Problem::of_document(wrong, format!("a plan of at most {} bytes", RolloutPlan::LARGEST_DOCUMENT))
}

fn not_utf8(error: &std::string::FromUtf8Error) -> Problem {
    let at = error.utf8_error().valid_up_to();
    let bytes = error.as_bytes();
    let newlines = bytes[..at].iter().filter(|byte| **byte == b'\n').count();
    let line = u32::try_from(newlines + 1).ok();
    let what = InvalidValue::new(
        format!("byte {at} of the file, `0x{:02x}`, is not UTF-8", bytes[at]),
        "a file in UTF-8",
    );
    Problem::new("", line, what)
}
