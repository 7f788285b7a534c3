use super::{InvalidValue, text_value};

/// The name of a CloudWatch alarm: 1 to 255 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlarmName(String);

impl AlarmName {
    /// Checks a name.
    ///
    /// # Errors
    /// When CloudWatch would not take it, or when it is an ARN: alarms are asked for by name.
    pub fn parse(text: &str) -> Result<Self, InvalidValue> {
        let right = "the alarm's name, 1 to 255 characters";
        let wrong = if text.trim().is_empty() {
            "the alarm's name is empty".to_owned()
        } else if text.chars().count() > 255 {
            format!("the alarm's name is {} characters long", text.chars().count())
        } else if text.chars().any(char::is_control) {
            format!("{text:?} has a control character")
        } else if text.starts_with("arn:") {
            let name = text.rsplit(':').next().unwrap_or_default();
            return Err(InvalidValue::new(
                format!("`{text}` is an ARN"),
                format!("the name alone, `{name}`"),
            ));
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(InvalidValue::new(wrong, right))
    }
}

text_value!(AlarmName of text);
