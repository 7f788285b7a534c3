//! From text to a tree of values that know their lines: one small tree for all three formats, so that one
//! reader serves them all.

mod json;
mod node;
mod toml;
#[cfg(feature = "yaml")]
mod yaml;

pub(super) use node::{Entry, Kind, Node};

use super::{Format, Problem};

/// How many lists and tables may stand inside each other: more than any plan needs, less than a small stack
/// holds. (TOML's parser has a limit of its own.)
const DEEPEST: usize = 16;

/// What a text holds: its tree, unless the text is too broken to have one, and what is wrong with its syntax.
pub(super) struct Parsed {
    pub(super) root: Option<Node>,
    pub(super) problems: Vec<Problem>,
}

impl Parsed {
    fn broken(problem: Problem) -> Self {
        Self { root: None, problems: vec![problem] }
    }
}

pub(super) fn parse(text: &str, format: Format) -> Parsed {
    // Some editors put a byte order mark in front, which is no part of the document.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        Format::Toml => toml::parse(text),
        Format::Json => json::parse(text),
        #[cfg(feature = "yaml")]
        Format::Yaml => yaml::parse(text),
        #[cfg(not(feature = "yaml"))]
        Format::Yaml => Parsed::broken(Problem::of_document(
            "this build of the library reads no YAML",
            "a plan in TOML or JSON, or a build with the feature `yaml`",
        )),
    }
}

/// Where the lines of a text start.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1).collect())
    }

    /// The line, from 1, that has this byte.
    fn at(&self, byte: usize) -> u32 {
        let before = self.0.partition_point(|start| *start <= byte);
        u32::try_from(before + 1).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_from_one_and_end_with_their_newline() {
        let lines = Lines::of("ab\n\nc");
        assert_eq!([0, 2, 3, 4, 5, 99].map(|byte| lines.at(byte)), [1, 1, 2, 3, 3, 3]);
    }

    #[test]
    fn every_format_gives_the_same_tree_and_knows_its_lines() {
        let toml = "z = 1\nb = [\"x\",\n 0.5]\n[c]\nd = true\n";
        let json = "{\"z\": 1,\n\"b\": [\"x\",\n 0.5],\n\"c\": {\n\"d\": true}}";
        let outline = |format, text| outline(&parse(text, format).root.expect("a tree"));
        assert_eq!(outline(Format::Toml, toml), "{z@1=1 b@2=[x@2 0.5@3] c@4={d@5=true}}");
        assert_eq!(outline(Format::Json, json), "{z@1=1 b@2=[x@2 0.5@3] c@4={d@5=true}}");
        #[cfg(feature = "yaml")]
        assert_eq!(
            outline(Format::Yaml, "z: 1\nb: [\"x\",\n 0.5]\nc:\n  d: true\n"),
            "{z@1=1 b@2=[x@2 0.5@3] c@4={d@5=true}}"
        );
    }

    fn outline(node: &Node) -> String {
        let line = |line: Option<u32>| line.map_or("?".to_owned(), |line| line.to_string());
        match &node.kind {
            Kind::Null => "null".to_owned(),
            Kind::Bool(value) => value.to_string(),
            Kind::Number(value) => value.to_string(),
            Kind::Text(value) => value.clone(),
            Kind::List(items) => {
                let items: Vec<_> =
                    items.iter().map(|item| format!("{}@{}", outline(item), line(item.line))).collect();
                format!("[{}]", items.join(" "))
            }
            Kind::Table(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|entry| format!("{}@{}={}", entry.key, line(entry.line), outline(&entry.value)))
                    .collect();
                format!("{{{}}}", entries.join(" "))
            }
        }
    }
}
