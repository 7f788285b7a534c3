use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::{DuplicateKeyPolicy, Location, Options, RenderOptions, Spanned, UserMessageFormatter};

use super::{DEEPEST, Entry, Kind, Node, Parsed};
use crate::plan::Problem;
use crate::units::InvalidValue;

pub(super) fn parse(text: &str) -> Parsed {
    match serde_saphyr::from_str_with_options::<Spanned<Kind>>(text, options()) {
        Ok(root) => {
            let mut root = node(root);
            // A document of nothing but comments: every key is missing.
            if matches!(root.kind, Kind::Null) {
                root.kind = Kind::Table(Vec::new());
            }
            Parsed { root: Some(root), problems: Vec::new() }
        }
        Err(error) => {
            let line = error.location().and_then(line);
            let words = RenderOptions::new(&UserMessageFormatter);
            let text = error.without_snippet().render_with_options(words);
            let message = text.split(" at line ").next().unwrap_or_default().to_owned();
            let what = InvalidValue::new(message, "a document in YAML (<https://yaml.org>)");
            Parsed::broken(Problem::new("", line, what))
        }
    }
}

fn options() -> Options {
    serde_saphyr::options! {
        // Each level takes a good part of a thread's stack.
        budget: serde_saphyr::budget! { max_depth: DEEPEST, flow_nesting_limit: DEEPEST },
        // A plan is small. What few aliases unfold to must not be large either.
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 10_000 },
        // The reader tells of all keys that are given twice, in any format.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        // `on`, `off`, `yes` and `no` are names like any other, as in YAML 1.2.
        strict_booleans: true,
        with_snippet: false,
    }
}

fn line(location: Location) -> Option<u32> {
    u32::try_from(location.line()).ok().filter(|line| *line > 0)
}

fn node(spanned: Spanned<Kind>) -> Node {
    Node { line: line(spanned.referenced), kind: spanned.value }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Kind, E> {
        Number::from_f64(value).map(Kind::Number).ok_or_else(|| E::custom("the number is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Kind, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(node(item));
        }
        Ok(Kind::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Kind, A::Error> {
        let mut table = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Spanned<String>, _>()? {
            table.push(Entry { line: line(key.referenced), key: key.value, value: node(value) });
        }
        Ok(Kind::Table(table))
    }
}
