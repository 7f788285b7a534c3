use std::fmt::Write;
use std::hash::{DefaultHasher, Hasher};

use lambda_rollout::units::Timestamp;

/// Brings a situation's `Debug` text into a form in which situations that have the same future are the same, and
/// hashes that.
///
/// - Times become differences to now. Of those longer ago than anything that is measured only the order counts.
/// - Effects and revisions are numbered in the order in which they appear.
/// - Left out is what only ever goes into the history: counters, when a rollback did what, the words of errors.
#[derive(Default)]
pub(crate) struct Fingerprints {
    debug: String,
    kept: String,
    canonical: String,
}

/// Fields that decide nothing.
const LEFT_OUT: [&str; 15] = [
    "plan",
    "clock",
    "next_effect",
    "next_seq",
    "next_revision",
    "calls",
    "taken",
    "last_at",
    "finished",
    "decided_at",
    "sent_at",
    "read_back_at",
    "last_error",
    "error",
    "reason",
];

/// Fields of which it only counts what kind of thing they hold, if any.
const KIND_ALONE: [&str; 3] = ["cause", "rolling_back", "written_at"];

/// No time span is measured that is longer, but for deadlines, which are kept below it.
const HORIZON_MS: i64 = 10 * 60 * 1000;

impl Fingerprints {
    /// The fingerprint of a situation at this time. `bounded` says whether the plan has a deadline: only then does
    /// it count when the rollout began.
    pub(crate) fn of(&mut self, situation: &impl std::fmt::Debug, now: Timestamp, bounded: bool) -> u128 {
        let text = self.canonical(situation, now, bounded).as_bytes();
        let hash = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(salt);
            hasher.write(text);
            u128::from(hasher.finish())
        };
        hash(0) << 64 | hash(1)
    }

    pub(crate) fn canonical(
        &mut self,
        situation: &impl std::fmt::Debug,
        now: Timestamp,
        bounded: bool,
    ) -> &str {
        self.debug.clear();
        write!(self.debug, "{situation:?}").expect("memory");
        self.leave_out(bounded);
        self.number(now.as_millis());
        &self.canonical
    }

    fn leave_out(&mut self, bounded: bool) {
        self.kept.clear();
        let mut rest = self.debug.as_str();
        while let Some(colon) = rest.find(": ") {
            let name = rest[..colon].rfind([' ', '{']).map_or(&rest[..colon], |at| &rest[at + 1..colon]);
            let (head, value) = rest.split_at(colon + 2);
            self.kept.push_str(head);
            rest = value;
            if LEFT_OUT.contains(&name) || name == "started_at" && !bounded {
                rest = &value[end_of_value(value)..];
            } else if KIND_ALONE.contains(&name) {
                let kind = value.find(|c: char| !c.is_ascii_alphanumeric() && c != '(').unwrap_or(0);
                self.kept.push_str(value[..kind].trim_end_matches(|c: char| c == '(' || c.is_ascii_digit()));
                rest = &value[end_of_value(value)..];
            }
        }
        self.kept.push_str(rest);
    }

    fn number(&mut self, now: i64) {
        let mut long_ago: Vec<i64> =
            numbers_after(&self.kept, "Timestamp(").filter(|at| now - at > HORIZON_MS).collect();
        long_ago.sort_unstable();
        long_ago.dedup();
        let (mut effects, mut revisions) = (Vec::new(), Vec::new());
        self.canonical.clear();
        let mut rest = self.kept.as_str();
        while let Some(at) = rest.find(['(', '"']) {
            let (head, tail) = rest.split_at(at + 1);
            self.canonical.push_str(head);
            rest = tail;
            let digits = |text: &str| {
                let end = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
                text[..end].parse::<i64>().ok().map(|number| (number, end))
            };
            if head.ends_with("Timestamp(")
                && let Some((time, end)) = digits(tail)
            {
                match long_ago.binary_search(&time) {
                    Ok(rank) => write!(self.canonical, "old {rank}"),
                    Err(_) => write!(self.canonical, "{}", time - now),
                }
                .expect("memory");
                rest = &tail[end..];
            } else if head.ends_with("EffectId(")
                && let Some((id, end)) = digits(tail)
            {
                write!(self.canonical, "{}", place(&mut effects, id)).expect("memory");
                rest = &tail[end..];
            } else if head.ends_with('"')
                && let Some(revision) = tail.strip_prefix('r')
                && let Some((number, end)) = digits(revision)
            {
                write!(self.canonical, "{}", place(&mut revisions, number)).expect("memory");
                rest = &revision[end..];
            }
        }
        self.canonical.push_str(rest);
    }
}

/// Where this first appeared among the others.
fn place(seen: &mut Vec<i64>, number: i64) -> usize {
    seen.iter().position(|other| *other == number).unwrap_or_else(|| {
        seen.push(number);
        seen.len() - 1
    })
}

fn numbers_after<'t>(text: &'t str, name: &'t str) -> impl Iterator<Item = i64> {
    text.match_indices(name).filter_map(move |(at, _)| {
        let tail = &text[at + name.len()..];
        tail[..tail.find(')')?].parse().ok()
    })
}

/// Where the value ends that stands at the beginning: at the comma or the bracket that is not its own.
fn end_of_value(text: &str) -> usize {
    let (mut depth, mut in_words, mut escaped) = (0_u32, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_words => escaped = true,
            b'"' => in_words = !in_words,
            _ if in_words => {}
            b'(' | b'[' | b'{' => depth += 1,
            b',' if depth == 0 => return at,
            b')' | b']' | b'}' if depth == 0 => return at,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}
