use std::path::PathBuf;

use super::{At, Reader};
use crate::account::CodeSource;
use crate::plan::VersionSource;
use crate::plan::nearest::one_of;
use crate::plan::syntax::Kind;
use crate::units::{InvalidValue, Version};

/// The keys of a version as a table, of which it has one.
pub(in crate::plan) const VERSION_KEYS: &[&str] = &["publish", "zip", "s3", "image"];
/// The keys of `version.publish`.
pub(in crate::plan) const PUBLISH_KEYS: &[&str] = &["description", "code_sha256"];
/// The keys of `version.s3`.
pub(in crate::plan) const S3_KEYS: &[&str] = &["bucket", "key", "object_version"];

const RIGHT: &str = "a published version such as \"7\", \"publish\", or a table with one of `publish`, `zip`, `s3` or `image`";

impl Reader {
    pub(super) fn version(&mut self, at: &At<'_>) -> Option<VersionSource> {
        match &at.node.kind {
            Kind::Text(text) if text == "publish" => {
                Some(VersionSource::Publish { description: None, code_sha256: None })
            }
            Kind::Text(text) => {
                // `$LATEST` has its own text; anything else may be any of the forms.
                let version = Version::parse(text).map_err(|mut what| {
                    if text != "$LATEST" {
                        RIGHT.clone_into(&mut what.right);
                    }
                    what
                });
                self.checked(at, version).map(VersionSource::Existing)
            }
            Kind::Number(number) => {
                let version = number.as_u64().and_then(Version::new);
                let wrong = || InvalidValue::new(format!("`{number}` is not a version"), RIGHT);
                self.checked(at, version.ok_or_else(wrong)).map(VersionSource::Existing)
            }
            Kind::Table(_) => self.version_table(at),
            _ => {
                self.not_a(at, "a version", RIGHT);
                None
            }
        }
    }

    fn version_table(&mut self, at: &At<'_>) -> Option<VersionSource> {
        let table = self.table(at, VERSION_KEYS)?;
        let given: Vec<&str> = VERSION_KEYS.iter().copied().filter(|key| table.get(key).is_some()).collect();
        if given.len() > 1 {
            let wrong = format!("`{}` are given together", given.join("` and `"));
            self.problem(at, InvalidValue::new(wrong, "one of them"));
        } else if given.is_empty() && table.entries.is_empty() {
            self.problem(
                at,
                InvalidValue::new("the table is empty", format!("one of {}", one_of(VERSION_KEYS))),
            );
        }
        let mut source = None;
        for key in given {
            let place = table.get(key)?;
            source = match key {
                "publish" => self.publish(&place),
                "zip" => self.zip(&place).map(VersionSource::Code),
                "s3" => self.s3(&place).map(VersionSource::Code),
                _ => self.image(&place).map(VersionSource::Code),
            };
        }
        source
    }

    fn publish(&mut self, at: &At<'_>) -> Option<VersionSource> {
        let table = self.table(at, PUBLISH_KEYS)?;
        let description = self.optional(&table, "description", Self::description);
        let code_sha256 = self.optional(&table, "code_sha256", Self::code_sha256);
        Some(VersionSource::Publish { description, code_sha256 })
    }

    /// Lambda's limit is 256 characters
    /// (<https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html>).
    fn description(&mut self, at: &At<'_>) -> Option<String> {
        self.text_up_to(at, 256, "the new version's description, 1 to 256 characters")
    }

    fn code_sha256(&mut self, at: &At<'_>) -> Option<String> {
        let right = "the hash in base64, 44 characters, as Lambda shows it in `CodeSha256`";
        self.parsed(at, right, |text| {
            let digits = text.strip_suffix('=').unwrap_or_default();
            let in_base64 = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
            if digits.len() == 43 && digits.bytes().all(in_base64) {
                return Ok(text.to_owned());
            }
            Err(InvalidValue::new(format!("`{text}` is not a SHA-256 in base64"), right))
        })
    }

    fn zip(&mut self, at: &At<'_>) -> Option<CodeSource> {
        let right = "the path of a ZIP archive, such as \"build/handler.zip\"";
        self.text_up_to(at, 4096, right).map(|path| CodeSource::Zip(PathBuf::from(path)))
    }

    /// Limits: <https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html>.
    fn s3(&mut self, at: &At<'_>) -> Option<CodeSource> {
        let table = self.table(at, S3_KEYS)?;
        let bucket = self
            .required(&table, "bucket", "the bucket's name")
            .and_then(|at| self.parsed(&at, "the bucket's name", bucket_name));
        let key = self
            .required(&table, "key", "the object's key")
            .and_then(|at| self.text_up_to(&at, 1024, "the object's key, 1 to 1024 characters"));
        let object_version = self.optional(&table, "object_version", |reader, at| {
            reader.text_up_to(at, 1024, "the object's version, 1 to 1024 characters")
        });
        Some(CodeSource::S3 { bucket: bucket?, key: key?, object_version })
    }

    fn image(&mut self, at: &At<'_>) -> Option<CodeSource> {
        let right = "an image's URI, such as \"123456789012.dkr.ecr.eu-west-1.amazonaws.com/handler:1.4\"";
        self.parsed(at, right, |text| {
            if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return Err(InvalidValue::new(format!("`{text}` is not an image's URI"), right));
            }
            Ok(CodeSource::Image(text.to_owned()))
        })
    }
}

fn bucket_name(text: &str) -> Result<String, InvalidValue> {
    let fits = (3..=63).contains(&text.len())
        && !text.ends_with('.')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    if !fits {
        let right = "the bucket's name alone, 3 to 63 letters, digits, `.`, `-` and `_`";
        return Err(InvalidValue::new(format!("`{text}` is not a bucket's name"), right));
    }
    Ok(text.to_owned())
}
