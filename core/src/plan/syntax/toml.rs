use serde_json::Number;
use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue, Error};

use super::{Entry, Kind, Lines, Node, Parsed};
use crate::plan::Problem;
use crate::units::InvalidValue;

/// Recovery guesses; after so many broken lines it helps nobody.
const MOST_BROKEN_LINES: usize = 20;

pub(super) fn parse(text: &str) -> Parsed {
    let (table, mut errors) = DeTable::parse_recoverable(text);
    let mut tree = Tree { lines: Lines::of(text), problems: Vec::new(), is_finite: true };
    errors.sort_by_key(|error| error.span().map(|span| span.start));
    let twice: Vec<bool> = errors.iter().map(|error| error.message() == "duplicate key").collect();
    for error in &errors {
        tree.broken(text, error);
    }
    tree.problems.dedup_by_key(|problem| problem.line);
    tree.problems.truncate(MOST_BROKEN_LINES);
    // A key given twice leaves the rest of the tree sound, so that its other problems can be told as well.
    if twice.contains(&false) {
        return Parsed { root: None, problems: tree.problems };
    }
    let kind = tree.table(table.into_inner());
    let root = tree.is_finite.then_some(Node { line: None, kind });
    Parsed { root, problems: tree.problems }
}

struct Tree {
    lines: Lines,
    problems: Vec<Problem>,
    // TOML has infinities and not-a-number, which no plan needs and JSON could not say.
    is_finite: bool,
}

impl Tree {
    fn broken(&mut self, text: &str, error: &Error) {
        let line = error.span().map(|span| self.lines.at(span.start.min(text.trim_end().len())));
        let what = match error.message() {
            "duplicate key" => {
                let key = error.span().and_then(|span| text.get(span)).unwrap_or_default();
                InvalidValue::new(format!("the key `{key}` is given twice"), "each key once")
            }
            message => InvalidValue::new(message, "a document in TOML (<https://toml.io>)"),
        };
        self.problems.push(Problem::new("", line, what));
    }

    fn table(&mut self, table: DeTable<'_>) -> Kind {
        let mut entries: Vec<_> = table.into_iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let entry = |(key, value): (Spanned<DeString<'_>>, Spanned<DeValue<'_>>)| {
            let line = Some(self.lines.at(key.span().start));
            Entry { key: key.into_inner().into_owned(), line, value: self.node(value) }
        };
        Kind::Table(entries.into_iter().map(entry).collect())
    }

    fn node(&mut self, value: Spanned<DeValue<'_>>) -> Node {
        let line = self.lines.at(value.span().start);
        let kind = match value.into_inner() {
            DeValue::String(text) => Kind::Text(text.into_owned()),
            DeValue::Integer(integer) => self.number(line, &integer.to_string(), whole(&integer)),
            DeValue::Float(float) => self.number(line, float.as_str(), finite(float.as_str())),
            DeValue::Boolean(value) => Kind::Bool(value),
            DeValue::Datetime(moment) => Kind::Text(moment.to_string()),
            DeValue::Array(items) => Kind::List(items.into_iter().map(|item| self.node(item)).collect()),
            DeValue::Table(table) => self.table(table),
        };
        Node { line: Some(line), kind }
    }

    fn number(&mut self, line: u32, text: &str, number: Option<Number>) -> Kind {
        number.map_or_else(
            || {
                let what = InvalidValue::new(format!("`{text}` is not a finite number"), "a finite number");
                self.problems.push(Problem::new("", Some(line), what));
                self.is_finite = false;
                Kind::Null
            },
            Kind::Number,
        )
    }
}

/// As JSON has it: beyond 64 bits a whole number becomes a float.
fn whole(integer: &DeInteger<'_>) -> Option<Number> {
    let (digits, radix) = (integer.as_str(), integer.radix());
    let signed = i64::from_str_radix(digits, radix).map(Number::from);
    let whole = signed.or_else(|_| u64::from_str_radix(digits, radix).map(Number::from));
    whole.ok().or_else(|| if radix == 10 { finite(digits) } else { None })
}

fn finite(digits: &str) -> Option<Number> {
    digits.parse().ok().and_then(Number::from_f64)
}
