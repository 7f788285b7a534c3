use std::fmt::{Debug, Write};

use tracing::Event;
use tracing::field::{Field, Visit};

/// An event of the log as one line of text: the message first, then each field as `name=value`.
///
/// For doors that hand the log to a program in another language.
#[must_use]
pub fn log_line(event: &Event<'_>) -> String {
    let mut line = Line::default();
    event.record(&mut line);
    line.message + &line.fields
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
        written.expect("a text takes all that is written to it");
    }
}
