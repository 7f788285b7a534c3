use super::{InvalidValue, text_value};

/// The name of an alias, within what Lambda allows: letters, digits, `-` and `_`, not digits alone, 1 to 128 of them.
///
/// Source: the Lambda API's pattern `(?!^[0-9]+$)([a-zA-Z0-9-_]+)`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AliasName(String);

impl AliasName {
    /// Checks a name.
    ///
    /// # Errors
    /// When Lambda would not take it.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let right = "1 to 128 letters, digits, `-` and `_`, not digits alone, such as \"live\"";
        let wrong = if text.is_empty() {
            "the alias is empty".to_owned()
        } else if text.len() > 128 {
            format!("the alias is {} characters long", text.len())
        } else if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            format!("`{text}` has a character that an alias cannot have")
        } else if text.bytes().all(|b| b.is_ascii_digit()) {
            format!("`{text}` would be a version, not an alias")
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(InvalidValue::new(wrong, right))
    }
}

text_value!(AliasName of text);
