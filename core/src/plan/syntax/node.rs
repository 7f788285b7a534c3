use serde_json::{Map, Number, Value};

/// A value of a document and the line it stands in, where the format has lines.
pub(in crate::plan) struct Node {
    pub(in crate::plan) line: Option<u32>,
    pub(in crate::plan) kind: Kind,
}

pub(in crate::plan) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    // In the document's order, and with every key that is given twice.
    Table(Vec<Entry>),
}

/// A key of a table and its value.
pub(in crate::plan) struct Entry {
    pub(in crate::plan) key: String,
    pub(in crate::plan) line: Option<u32>,
    pub(in crate::plan) value: Node,
}

impl Node {
    /// What it is, for a message: `` `7` is a number ``, `this is a table`.
    pub(in crate::plan) fn described(&self) -> String {
        match &self.kind {
            Kind::Null => "this is null".to_owned(),
            Kind::Bool(value) => format!("`{value}` is a boolean"),
            Kind::Number(value) => format!("`{value}` is a number"),
            Kind::Text(value) => format!("`{value}` is text"),
            Kind::List(_) => "this is a list".to_owned(),
            Kind::Table(_) => "this is a table".to_owned(),
        }
    }

    /// How many lists and tables stand inside each other, this one counted.
    pub(in crate::plan) fn depth(&self) -> usize {
        match &self.kind {
            Kind::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Kind::Table(entries) => 1 + entries.iter().map(|entry| entry.value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        let kind = match value {
            Value::Null => Kind::Null,
            Value::Bool(value) => Kind::Bool(value),
            Value::Number(value) => Kind::Number(value),
            Value::String(value) => Kind::Text(value),
            Value::Array(items) => Kind::List(items.into_iter().map(Self::from).collect()),
            Value::Object(entries) => Kind::Table(
                entries
                    .into_iter()
                    .map(|(key, value)| Entry { key, line: None, value: value.into() })
                    .collect(),
            ),
        };
        Self { line: None, kind }
    }
}

impl From<&Node> for Value {
    fn from(node: &Node) -> Self {
        match &node.kind {
            Kind::Null => Self::Null,
            Kind::Bool(value) => Self::Bool(*value),
            Kind::Number(value) => Self::Number(value.clone()),
            Kind::Text(value) => Self::String(value.clone()),
            Kind::List(items) => Self::Array(items.iter().map(Self::from).collect()),
            Kind::Table(entries) => {
                let pairs = entries.iter().map(|entry| (entry.key.clone(), Self::from(&entry.value)));
                Self::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }
}
