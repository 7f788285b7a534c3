use std::fmt::{Debug, Write};
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

/// No time span is measured that is longer, but for deadlines, which are kept below it.
const HORIZON_MS: i64 = 10 * 60 * 1000;

impl Fingerprints {
    /// The fingerprint of a situation at this time. `bounded` says whether the plan has a deadline: only then does
    /// it count when the rollout began.
    pub(crate) fn of(&mut self, situation: &impl Debug, now: Timestamp, bounded: bool) -> u128 {
        let text = self.canonical(situation, now, bounded).as_bytes();
        let hash = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u8(salt);
            hasher.write(text);
            u128::from(hasher.finish())
        };
        hash(0) << 64 | hash(1)
    }

    /// The form that is hashed.
    pub(crate) fn canonical(&mut self, situation: &impl Debug, now: Timestamp, bounded: bool) -> &str {
        self.debug.clear();
        write!(self.debug, "{situation:?}").expect("memory");
        self.leave_out(bounded);
        self.number(now.as_millis());
        &self.canonical
    }

    fn leave_out(&mut self, bounded: bool) {
        self.kept.clear();
        let mut rest = self.debug.as_str();
        while let Some(colon) = rest.find(':') {
            let (head, value) = rest.split_at(colon + 1);
            self.kept.push_str(head);
            rest = value;
            let name_at = head.bytes().rposition(|byte| byte == b' ' || byte == b'{').map_or(0, |at| at + 1);
            match weight_of(&head[name_at..colon]) {
                Weight::Whole => {}
                Weight::Bounded if bounded => {}
                Weight::Kind => {
                    let is_kind = |byte: u8| byte.is_ascii_alphabetic() || byte == b'(' || byte == b' ';
                    let kind = value.bytes().position(|byte| !is_kind(byte)).unwrap_or(value.len());
                    self.kept.push_str(&value[..kind]);
                    rest = &value[end_of_value(value)..];
                }
                Weight::Bounded | Weight::None => rest = &value[end_of_value(value)..],
            }
        }
        self.kept.push_str(rest);
    }

    fn number(&mut self, now: i64) {
        let (mut effects, mut revisions) = (Vec::new(), Vec::new());
        let mut long_ago = None;
        self.canonical.clear();
        let mut rest = self.kept.as_str();
        while let Some(at) = rest.bytes().position(|byte| byte == b'(' || byte == b'"') {
            let (head, tail) = rest.split_at(at + 1);
            self.canonical.push_str(head);
            rest = tail;
            let (number, end) = match head.as_bytes() {
                [.., b'T', b'i', b'm', b'e', b's', b't', b'a', b'm', b'p', b'('] => {
                    let Some((time, end)) = leading_number(tail) else { continue };
                    let age = now - time;
                    if age <= HORIZON_MS {
                        (-age, end)
                    } else {
                        let times =
                            long_ago.get_or_insert_with(|| times_before(&self.kept, now - HORIZON_MS));
                        let rank = times.partition_point(|other| *other < time) as i64;
                        self.canonical.push_str("long ago ");
                        (rank, end)
                    }
                }
                [.., b'E', b'f', b'f', b'e', b'c', b't', b'I', b'd', b'('] => {
                    let Some((id, end)) = leading_number(tail) else { continue };
                    (place(&mut effects, id), end)
                }
                [.., b'"'] if tail.starts_with('r') => {
                    let Some((revision, end)) = leading_number(&tail[1..]) else { continue };
                    (place(&mut revisions, revision), end + 1)
                }
                _ => continue,
            };
            write!(self.canonical, "{number}").expect("memory");
            rest = &tail[end..];
        }
        self.canonical.push_str(rest);
    }
}

/// What of a field decides about the future.
enum Weight {
    Whole,
    /// What kind of thing it holds, if any.
    Kind,
    /// All of it, in a plan with a deadline.
    Bounded,
    None,
}

fn weight_of(field: &str) -> Weight {
    match field {
        "plan" | "clock" | "next_effect" | "next_seq" | "next_revision" | "calls" | "taken" | "last_at"
        | "finished" | "decided_at" | "sent_at" | "read_back_at" | "last_error" | "error" | "reason" => {
            Weight::None
        }
        "cause" | "rolling_back" | "written_at" => Weight::Kind,
        "started_at" => Weight::Bounded,
        _ => Weight::Whole,
    }
}

/// Where this first appeared among the others.
fn place(seen: &mut Vec<i64>, number: i64) -> i64 {
    let at = seen.iter().position(|other| *other == number).unwrap_or_else(|| {
        seen.push(number);
        seen.len() - 1
    });
    at as i64
}

/// The times before a time, in their order, each once.
fn times_before(text: &str, before: i64) -> Vec<i64> {
    let times = text.split("Timestamp(").skip(1).filter_map(leading_number).map(|(time, _)| time);
    let mut times: Vec<i64> = times.filter(|time| *time < before).collect();
    times.sort_unstable();
    times.dedup();
    times
}

/// The number that a text begins with, and where it ends.
fn leading_number(text: &str) -> Option<(i64, usize)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit() && byte != b'-').unwrap_or(text.len());
    Some((text[..end].parse().ok()?, end))
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
            b',' | b')' | b']' | b'}' if depth == 0 => return at,
            b')' | b']' | b'}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}
