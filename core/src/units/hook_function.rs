use std::fmt;

use super::{AliasName, FunctionRef, InvalidValue, Version, text_value};

/// A Lambda function that is invoked as a hook: a function by name, partial ARN or ARN, and the alias or version of it
/// that answers, if one is named.
///
/// ```
/// use lambda_rollout::units::HookFunction;
///
/// let hook = HookFunction::parse("smoke-test:live")?;
/// assert_eq!((hook.name(), hook.qualifier()), ("smoke-test", Some("live")));
/// assert_eq!(HookFunction::parse("smoke-test")?.qualifier(), None);
/// # Ok::<(), lambda_rollout::units::InvalidValue>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HookFunction {
    text: String,
    function: FunctionRef,
    // Where the qualifier starts in `text`, if there is one: always a suffix of it.
    qualifier_at: Option<usize>,
}

impl HookFunction {
    /// Reads a function's name, partial ARN or ARN, with or without `:ALIAS`, `:VERSION` or `:$LATEST`.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        // What stands between the colons of an unqualified form: a name, ACCOUNT:function:NAME, a whole ARN.
        let qualified = matches!(text.matches(':').count(), 1 | 3 | 7);
        let Some((function, qualifier)) = text.rsplit_once(':').filter(|_| qualified) else {
            return FunctionRef::parse(text).map(Self::from);
        };
        let function = FunctionRef::parse(function)?;
        check_qualifier(qualifier).map_err(|right| {
            let wrong = format!("`{qualifier}` in `{text}` is neither an alias nor a version");
            InvalidValue::new(wrong, right)
        })?;
        Ok(Self { qualifier_at: Some(text.len() - qualifier.len()), text: text.to_owned(), function })
    }

    /// As the user wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The function, without a qualifier.
    #[must_use]
    pub fn function(&self) -> &FunctionRef {
        &self.function
    }

    /// The function's bare name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.function.name()
    }

    /// The alias or version that answers, if one is named; otherwise `$LATEST` does.
    #[must_use]
    pub fn qualifier(&self) -> Option<&str> {
        self.qualifier_at.map(|at| &self.text[at..])
    }
}

fn check_qualifier(text: &str) -> Result<(), String> {
    let checked = match text {
        "$LATEST" => Ok(()),
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => Version::parse(digits).map(drop),
        alias => AliasName::parse(alias).map(drop),
    };
    checked.map_err(|_| "an alias such as `live`, a version such as `7`, or `$LATEST`".to_owned())
}

impl From<FunctionRef> for HookFunction {
    fn from(function: FunctionRef) -> Self {
        Self { text: function.as_str().to_owned(), function, qualifier_at: None }
    }
}

impl fmt::Display for HookFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

text_value!(HookFunction);

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:smoke";

    #[test]
    fn every_form_is_read_with_and_without_a_qualifier() {
        for function in ["smoke", "123456789012:function:smoke", ARN] {
            for qualifier in [None, Some("live"), Some("7"), Some("$LATEST"), Some("2024-blue")] {
                let text = qualifier.map_or_else(|| function.to_owned(), |it| format!("{function}:{it}"));
                let read = HookFunction::parse(&text).expect("a hook's function");
                assert_eq!((read.as_str(), read.name(), read.qualifier()), (&*text, "smoke", qualifier));
                assert_eq!(read.function(), &FunctionRef::parse(function).expect("a function"));
                let json = serde_json::to_string(&read).expect("text");
                assert_eq!(json, format!("{text:?}"));
                assert_eq!(serde_json::from_str::<HookFunction>(&json).expect("text"), read);
            }
        }
    }

    #[test]
    fn what_names_no_function_or_no_qualifier_is_refused() {
        let bad = [
            "",
            ":",
            ":live",
            "smoke:",
            "smoke:0",
            "smoke:li ve",
            "smoke:$latest",
            "smoke:live:7",
            "smoke:$LATEST.PUBLISHED",
            "function:smoke:live",
            "123:function:smoke:live",
            "123456789012:function:smoke:",
            "arn:aws:s3:::bucket:live",
            "arn:aws:lambda:eu-west-1:123456789012:function:smoke:live:7",
            "smoke::live",
        ];
        for text in bad {
            assert!(HookFunction::parse(text).is_err(), "{text}");
        }
    }
}
