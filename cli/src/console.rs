//! Where words for people go, and what that place can show: colours, Unicode, how many columns.

use std::io::{self, IsTerminal};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

/// How a piece of text is meant. What that looks like is said here alone.
pub(crate) mod tone {
    use super::{AnsiColor, Style};

    pub(crate) const PLAIN: Style = Style::new();
    pub(crate) const STRONG: Style = Style::new().bold();
    pub(crate) const FAINT: Style = Style::new().dimmed();
    pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
    pub(crate) const MOVE: Style = AnsiColor::Cyan.on_default().bold();
    pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
    pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
}

/// Text in a tone. [`Console`] takes the tone out again where it cannot be shown.
pub(crate) fn paint(tone: Style, text: impl std::fmt::Display) -> String {
    format!("{tone}{text}{tone:#}")
}

/// Text of others (alarms, hooks, AWS) made safe to print: one line, without control characters.
pub(crate) fn one_line(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Width where there is no terminal to ask.
const DEFAULT_WIDTH: usize = 80;

/// One of the two standard streams, as far as people read it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Console {
    stream: Stream,
    terminal: bool,
    colour: bool,
    unicode: bool,
}

#[derive(Debug, Clone, Copy)]
enum Stream {
    Stdout,
    Stderr,
}

impl Console {
    /// Standard output: data that people may also read.
    pub(crate) fn stdout() -> Self {
        let choice = AutoStream::choice(&io::stdout());
        Self::on(Stream::Stdout, io::stdout().is_terminal(), choice)
    }

    /// Standard error: all that is said to people.
    pub(crate) fn stderr() -> Self {
        let choice = AutoStream::choice(&io::stderr());
        Self::on(Stream::Stderr, io::stderr().is_terminal(), choice)
    }

    fn on(stream: Stream, terminal: bool, choice: ColorChoice) -> Self {
        Self { stream, terminal, colour: choice != ColorChoice::Never, unicode: speaks_unicode() }
    }

    /// A file, without colours.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { stream: Stream::Stderr, terminal: false, colour: false, unicode: true }
    }

    /// Whether a line can be drawn over: a terminal that is not a dumb one.
    pub(crate) fn is_live(&self) -> bool {
        self.terminal && !is_dumb()
    }

    /// Columns, as they are now.
    pub(crate) fn width(&self) -> usize {
        if !self.terminal {
            return DEFAULT_WIDTH;
        }
        let size = match self.stream {
            Stream::Stdout => terminal_size::terminal_size_of(io::stdout()),
            Stream::Stderr => terminal_size::terminal_size_of(io::stderr()),
        };
        size.map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0).max(20))
    }

    /// The text in lines that a terminal need not break in mid-word, the further ones indented. A file gets one line.
    pub(crate) fn wrap(&self, text: &str, indent: usize) -> String {
        if self.terminal { wrapped(text, indent, self.width()) } else { text.to_owned() }
    }

    /// The text as this stream can show it.
    pub(crate) fn adapt(&self, text: &str) -> String {
        let text = if self.unicode { text.to_owned() } else { in_ascii(text) };
        if self.colour { text } else { anstream::adapter::strip_str(&text).to_string() }
    }

    /// Whether it shows colours.
    pub(crate) fn has_colours(&self) -> bool {
        self.colour
    }
}

fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let mut lines = String::with_capacity(text.len());
    let mut column = 0;
    for (index, word) in text.split(' ').enumerate() {
        let room = anstream::adapter::strip_str(word).to_string().chars().count();
        // A word that has no room on any line is left to the terminal.
        if column > indent && column + 1 + room > width {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            column = indent;
        } else if index > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += room;
    }
    lines
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Whether the locale is a UTF-8 one, by POSIX's order of precedence.
fn speaks_unicode() -> bool {
    if cfg!(windows) {
        return true;
    }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    !is_dumb() && (locale.contains("utf-8") || locale.contains("utf8"))
}

fn in_ascii(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '→' => plain.push_str("->"),
            '…' => plain.push_str("..."),
            '·' => plain.push('-'),
            '✓' => plain.push_str("ok"),
            '✗' => plain.push_str("no"),
            '▲' => plain.push('^'),
            '›' => plain.push('>'),
            '│' => plain.push('|'),
            '└' | '┬' => plain.push('+'),
            '─' => plain.push('-'),
            '▁' | '▂' | '▃' | '░' => plain.push('.'),
            '▄' | '▅' | '▆' | '▏' | '▎' | '▍' => plain.push(':'),
            '▇' | '█' | '▌' | '▋' | '▊' | '▉' => plain.push('#'),
            c if c.is_ascii() => plain.push(c),
            _ => plain.push('?'),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(colour: bool, unicode: bool) -> Console {
        Console { stream: Stream::Stderr, terminal: false, colour, unicode }
    }

    #[test]
    fn a_stream_gets_what_it_can_show() {
        let text = paint(tone::GOOD, "10 % → version 2 ✓");
        assert_eq!(console(true, true).adapt(&text), text);
        assert_eq!(console(false, true).adapt(&text), "10 % → version 2 ✓");
        assert_eq!(console(false, false).adapt(&text), "10 % -> version 2 ok");
    }

    #[test]
    fn a_long_line_is_broken_between_words() {
        let text = format!("00:00:00  {}  one two three", paint(tone::BAD, "alarm"));
        let lines = wrapped(&text, 17, 26);
        assert_eq!(
            anstream::adapter::strip_str(&lines).to_string(),
            "00:00:00  alarm  one two\n                 three"
        );
        assert_eq!(wrapped("  two  blanks", 2, 80), "  two  blanks");
        assert_eq!(wrapped("unbreakable", 4, 5), "unbreakable");
    }

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        assert_eq!(one_line("bad\x1b[2Jrelease\nrolled\u{9b}2J back\r"), "bad [2Jrelease rolled 2J back");
    }
}
