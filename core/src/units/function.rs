use std::fmt;

use super::{InvalidValue, text_value};

/// A Lambda function as a user names it: by name, partial ARN or ARN, without a qualifier.
///
/// ```
/// use lambda_rollout::units::FunctionRef;
///
/// let by_arn = FunctionRef::parse("arn:aws:lambda:eu-west-1:123456789012:function:sample-handler")?;
/// assert_eq!(by_arn.name(), "sample-handler");
/// assert_eq!(by_arn.region(), Some("eu-west-1"));
/// assert_eq!(by_arn.account(), Some("123456789012"));
/// # Ok::<(), lambda_rollout::units::InvalidValue>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionRef {
    text: String,
    // Where the name starts in `text`: always a suffix of it.
    name_at: usize,
}

const RIGHT: &str = "a name such as \"sample-handler\" (up to 64 letters, digits, `-` and `_`), \
                     \"123456789012:function:NAME\" or \"arn:aws:lambda:REGION:ACCOUNT:function:NAME\"";

impl FunctionRef {
    /// Reads a function's name, partial ARN or ARN.
    ///
    /// # Errors
    /// When it is none of them, or when it carries a qualifier: the alias has a place of its own in the plan.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let parts: Vec<&str> = text.split(':').collect();
        let name = match parts.as_slice() {
            [name] => name,
            [account, "function", name] if is_account(account) => name,
            ["arn", partition, "lambda", region, account, "function", name]
                if partition.starts_with("aws") && is_region(region) && is_account(account) =>
            {
                name
            }
            ["arn", _, "lambda", _, _, "function", _, qualifier] | [_, "function", _, qualifier] => {
                return Err(InvalidValue::new(
                    format!("`{text}` carries the qualifier `{qualifier}`"),
                    "the function alone, without a qualifier",
                ));
            }
            _ => return Err(InvalidValue::new(format!("`{text}` names no function"), RIGHT)),
        };
        let in_pattern = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if name.is_empty() || name.len() > 64 || !in_pattern {
            return Err(InvalidValue::new(format!("`{text}` names no function"), RIGHT));
        }
        Ok(Self { name_at: text.len() - name.len(), text: text.to_owned() })
    }

    /// As the user wrote it; AWS takes every form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The bare name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.text[self.name_at..]
    }

    /// The Region, when an ARN says it.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.arn_part(3)
    }

    /// The partition (`aws`, `aws-cn`, …), when an ARN says it.
    #[must_use]
    pub fn partition(&self) -> Option<&str> {
        self.arn_part(1)
    }

    /// The account, when an ARN or a partial ARN says it.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.arn_part(4).or_else(|| self.text.split_once(":function:").map(|(account, _)| account))
    }

    fn arn_part(&self, index: usize) -> Option<&str> {
        self.text.strip_prefix("arn:")?;
        self.text.split(':').nth(index)
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_region(text: &str) -> bool {
    text.contains('-') && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl fmt::Display for FunctionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

text_value!(FunctionRef);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_are_read() {
        let name = FunctionRef::parse("sample-handler").expect("a name");
        assert_eq!((name.name(), name.region(), name.account()), ("sample-handler", None, None));
        let partial = FunctionRef::parse("123456789012:function:api").expect("a partial ARN");
        assert_eq!(
            (partial.name(), partial.region(), partial.account()),
            ("api", None, Some("123456789012"))
        );
        let arn =
            FunctionRef::parse("arn:aws-cn:lambda:cn-north-1:123456789012:function:api").expect("an ARN");
        assert_eq!((arn.name(), arn.region(), arn.partition()), ("api", Some("cn-north-1"), Some("aws-cn")));
    }

    #[test]
    fn what_is_none_of_them_is_refused() {
        for text in [
            "",
            "two words",
            "api:live",
            "123:function:api",
            "arn:aws:s3:::bucket",
            "arn:aws:lambda:eu-west-1:123456789012:function:api:live",
            "123456789012:function:api:live",
            "arn:aws:lambda:eu-west-1:123456789012:function:",
        ] {
            assert!(FunctionRef::parse(text).is_err(), "{text}");
        }
        assert!(FunctionRef::parse(&"x".repeat(65)).is_err());
    }
}
