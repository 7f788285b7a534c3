use std::fmt::{self, Debug, Write};
use std::hash::{BuildHasher, Hasher};

use foldhash::fast::{FixedState, FoldHasher};
use lambda_rollout::units::Timestamp;

/// The fingerprint of a situation at a time: a hash of its `Debug` text, brought into a form in which situations that
/// have the same future are the same.
///
/// - Times become differences to now. Of those longer ago than anything that is measured only the order counts.
/// - Effects and revisions are numbered in the order in which they appear.
/// - Left out is what only ever goes into the history: counters, when a rollback did what, the words of errors.
///
/// `bounded` says whether the plan has a deadline: only then does it count when the rollout began.
pub(crate) fn fingerprint(situation: &impl Debug, now: Timestamp, bounded: bool) -> u64 {
    let mut form = Form::new(now, bounded);
    write!(form, "{situation:?}").expect("a derived text");
    form.finish()
}

/// No time span is measured that is longer, but for deadlines, which are kept below it.
const HORIZON_MS: i64 = 10 * 60 * 1000;

/// What is hashed, while the text comes in. The text as a whole is never there: a walk spends nearly all of its time here,
/// and would spend most of that on copying. It comes in the pieces that `std::fmt`'s builders make: the name of a field,
/// `": "`, and so on.
struct Form {
    hash: FoldHasher<'static>,
    now: i64,
    bounded: bool,
    reads: Reads,
    effects: Vec<u64>,
    revisions: Vec<u64>,
    /// The times of long ago, in the order in which they came.
    long_ago: Vec<i64>,
}

/// What the next piece is.
#[derive(Clone, Copy)]
enum Reads {
    Text,
    /// Perhaps the name of a field.
    Name,
    /// What stands between a name and the value that is left out; of some the kind is kept.
    Colon {
        kind: bool,
    },
    Bracket(Numbered),
    Number {
        of: Numbered,
        negative: bool,
    },
    Words,
    LeftOut(LeftOut),
}

/// A number that counts only in relation to others.
#[derive(Clone, Copy)]
enum Numbered {
    Time,
    Effect,
}

/// The value of a field that is left out, as far as it has been read.
#[derive(Clone, Copy)]
struct LeftOut {
    /// Whether what kind of thing it is is still being read, and kept.
    kind: bool,
    depth: u32,
    in_words: bool,
}

impl Form {
    fn new(now: Timestamp, bounded: bool) -> Self {
        Self {
            hash: FixedState::default().build_hasher(),
            now: now.as_millis(),
            bounded,
            reads: Reads::Text,
            effects: Vec::new(),
            revisions: Vec::new(),
            long_ago: Vec::new(),
        }
    }

    /// Only at the end is it known which places the times of long ago have among each other.
    fn finish(mut self) -> u64 {
        let mut times = self.long_ago.clone();
        times.sort_unstable();
        times.dedup();
        for time in std::mem::take(&mut self.long_ago) {
            self.keep_number(times.partition_point(|other| *other < time) as u64);
        }
        self.hash.finish()
    }

    fn keep(&mut self, piece: &str) {
        if !piece.is_empty() {
            self.hash.write(piece.as_bytes());
        }
    }

    fn keep_number(&mut self, number: u64) {
        self.hash.write_u64(number);
    }

    fn text(&mut self, piece: &str) {
        self.reads = match piece {
            "\"" => Reads::Words,
            ", " | " { " => Reads::Name,
            "EffectId" => Reads::Bracket(Numbered::Effect),
            "Timestamp" => Reads::Bracket(Numbered::Time),
            _ => Reads::Text,
        };
        self.keep(piece);
    }

    fn name(&mut self, piece: &str) {
        match weight_of(piece) {
            Weight::Whole => return self.text(piece),
            Weight::Bounded if self.bounded => return self.text(piece),
            Weight::Kind => self.reads = Reads::Colon { kind: true },
            Weight::Bounded | Weight::None => self.reads = Reads::Colon { kind: false },
        }
        self.keep(piece);
    }

    fn number(&mut self, of: Numbered, number: i64) {
        self.reads = Reads::Text;
        match of {
            Numbered::Effect => {
                let place = place(&mut self.effects, number as u64);
                self.keep_number(place);
            }
            Numbered::Time if self.now - number > HORIZON_MS => {
                self.long_ago.push(number);
                self.keep("long ago");
            }
            Numbered::Time => self.keep_number((self.now - number) as u64),
        }
    }

    fn words(&mut self, piece: &str) {
        match piece.strip_prefix('r').and_then(|number| number.parse().ok()) {
            Some(revision) => {
                let place = place(&mut self.revisions, revision);
                self.keep_number(place);
            }
            None => self.keep(piece),
        }
    }

    /// The value ends at the comma or the bracket that is not its own.
    fn left_out(&mut self, mut value: LeftOut, piece: &str) {
        self.reads = Reads::Text;
        let mut kind = if value.kind { piece.len() } else { 0 };
        for (at, byte) in piece.bytes().enumerate() {
            if kind > at && !(byte.is_ascii_alphabetic() || byte == b'(' || byte == b' ') {
                (kind, value.kind) = (at, false);
            }
            match byte {
                b'"' => value.in_words = !value.in_words,
                _ if value.in_words => {}
                b'(' | b'[' | b'{' => value.depth += 1,
                b',' | b')' | b']' | b'}' if value.depth == 0 => {
                    self.keep(&piece[..kind]);
                    return self.text(&piece[at..]);
                }
                b')' | b']' | b'}' => value.depth -= 1,
                _ => {}
            }
        }
        self.keep(&piece[..kind]);
        self.reads = Reads::LeftOut(value);
    }
}

impl Write for Form {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        match self.reads {
            Reads::Text => self.text(piece),
            Reads::Name => self.name(piece),
            Reads::Colon { kind } => {
                self.reads = Reads::LeftOut(LeftOut { kind, depth: 0, in_words: false });
            }
            Reads::Bracket(of) => self.reads = Reads::Number { of, negative: false },
            Reads::Number { of, .. } if piece == "-" => self.reads = Reads::Number { of, negative: true },
            Reads::Number { of, negative } => {
                let number: i64 = piece.parse().map_err(|_| fmt::Error)?;
                self.number(of, if negative { -number } else { number });
            }
            Reads::Words if piece == "\"" => {
                self.reads = Reads::Text;
                self.keep(piece);
            }
            Reads::Words => self.words(piece),
            // A quote in words.
            Reads::LeftOut(value) if value.in_words && piece == "\\\"" => {}
            Reads::LeftOut(value) => self.left_out(value, piece),
        }
        Ok(())
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
fn place(seen: &mut Vec<u64>, number: u64) -> u64 {
    let at = seen.iter().position(|other| *other == number).unwrap_or_else(|| {
        seen.push(number);
        seen.len() - 1
    });
    at as u64
}
