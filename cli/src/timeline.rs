//! The end of a run at a glance: the canary's weight over time, what happened when, and what is so now.

use std::time::Duration;

use lambda_rollout::event::{Cause, Outcome, RollbackTimes};
use lambda_rollout::units::{Timestamp, Weight};

use crate::args::AwsArgs;
use crate::console::{one_line, paint, tone};
use crate::history::History;
use crate::words;

/// Rows of the chart, each of eight levels.
const ROWS: usize = 4;
const LEVELS: usize = ROWS * 8;
/// Columns left of the chart: `  100 % │`.
const GUTTER: usize = 9;
/// A chart wider than this is harder to read, not easier.
const WIDEST: usize = 100;

/// Where the summary's text starts.
pub(crate) const SUMMARY_INDENT: usize = 14;

/// The whole timeline, in lines of at most `width` columns where that can be.
pub(crate) fn timeline(history: &History, aws: &AwsArgs, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    if history.curve.iter().any(|(_, weight)| *weight > Weight::ZERO) {
        lines.extend(Chart::new(history, width).draw());
        lines.push(String::new());
    }
    if let Some(outcome) = &history.outcome {
        lines.extend(summary(history, aws, outcome));
    }
    lines
}

/// The weight over time, drawn into columns of equal time.
struct Chart<'a> {
    history: &'a History,
    columns: usize,
    column: Duration,
}

impl<'a> Chart<'a> {
    fn new(history: &'a History, width: usize) -> Self {
        let columns = width.saturating_sub(GUTTER + 1).clamp(20, WIDEST);
        // The last columns show how it is left: without them a promotion would be a line without width.
        let told = (columns - columns / 10) as u128;
        let millis = history.took().as_millis().max(1).div_ceil(told);
        Self { history, columns, column: Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)) }
    }

    fn draw(&self) -> Vec<String> {
        let title = match self.history.canary {
            Some(canary) => format!("{:GUTTER$}traffic on version {canary}", ""),
            None => String::new(),
        };
        let mut lines = vec![paint(tone::FAINT, title)];
        lines.extend((0..ROWS).map(|row| self.row(row)));
        lines.extend(self.axis());
        lines.extend(self.marks());
        lines
    }

    fn row(&self, row: usize) -> String {
        let label = match row {
            0 => "100 %",
            _ if row == ROWS / 2 => "50 %",
            _ => "",
        };
        let mut line = paint(tone::FAINT, format_args!("{label:>width$} │", width = GUTTER - 2));
        let level = |column| self.level_of(column).saturating_sub((ROWS - 1 - row) * 8);
        let end = (0..self.columns).rposition(|column| level(column) > 0).map_or(0, |last| last + 1);
        let mut column = 0;
        while column < end {
            let tone = self.tone_of(column);
            let run = (column..end).take_while(|column| self.tone_of(*column) == tone).count();
            let cells: String = (column..column + run).map(|column| block(level(column))).collect();
            line.push_str(&paint(tone, cells));
            column += run;
        }
        line
    }

    /// The highest weight within a column's time, so that no traffic is too short to be seen.
    fn level_of(&self, column: usize) -> usize {
        let (from, to) = (self.starts_at(column), self.starts_at(column + 1));
        let curve = &self.history.curve;
        let before = curve.iter().rev().find(|(at, _)| *at <= from);
        let within = curve.iter().filter(|(at, _)| *at > from && *at < to);
        let weight = before.into_iter().chain(within).map(|(_, weight)| *weight).max().unwrap_or_default();
        let level = usize::from(weight.basis_points()) * LEVELS / usize::from(Weight::FULL.basis_points());
        // A sliver still is traffic, and only all of it fills the chart.
        if weight > Weight::ZERO { level.max(1) } else { 0 }
    }

    fn tone_of(&self, column: usize) -> anstyle::Style {
        let bad_since = self.history.marks.iter().find(|mark| mark.bad).map(|mark| mark.at);
        if self.history.outcome.as_ref().is_some_and(Outcome::is_success) {
            tone::GOOD
        } else if bad_since.is_some_and(|at| at < self.starts_at(column + 1)) {
            tone::BAD
        } else {
            tone::MOVE
        }
    }

    fn starts_at(&self, column: usize) -> Timestamp {
        self.history.started_at + self.column.saturating_mul(u32::try_from(column).unwrap_or(u32::MAX))
    }

    fn column_of(&self, at: Timestamp) -> usize {
        let column = at.since(self.history.started_at).as_millis() / self.column.as_millis().max(1);
        usize::try_from(column).unwrap_or(usize::MAX).min(self.columns - 1)
    }

    /// The time axis and the labels below its ticks.
    fn axis(&self) -> [String; 2] {
        let mut axis = format!("{:>width$} └", "0 %", width = GUTTER - 2);
        let mut labels = " ".repeat(GUTTER);
        let tick = self.tick();
        let mut next = Duration::ZERO;
        for column in 0..self.columns {
            let at = self.history.started_at + next;
            if self.column_of(at) == column && next <= self.history.took() {
                axis.push('┬');
                let gap = (GUTTER + column).saturating_sub(labels.chars().count());
                labels.push_str(&" ".repeat(gap));
                labels.push_str(&words::span(next));
                next += tick;
            } else {
                axis.push('─');
            }
        }
        [paint(tone::FAINT, axis), paint(tone::FAINT, labels)]
    }

    /// The smallest round time whose ticks leave room for their labels.
    fn tick(&self) -> Duration {
        const ROUND: [u64; 24] = [
            1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000,
            300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 43_200_000,
        ];
        const ROOM: u32 = 12;
        let least = self.column.saturating_mul(ROOM);
        let day = Duration::from_secs(86_400);
        ROUND.into_iter().map(Duration::from_millis).find(|tick| *tick >= least).unwrap_or_else(|| {
            let days = least.as_secs().div_ceil(day.as_secs());
            day * u32::try_from(days).unwrap_or(u32::MAX)
        })
    }

    /// What happened when, each below its moment.
    fn marks(&self) -> Vec<String> {
        let of = |mark: &crate::history::Mark| {
            let at = words::span(mark.at.since(self.history.started_at));
            let times = if mark.times > 1 { format!(" ({} times)", mark.times) } else { String::new() };
            let text = format!("{at}  {}{times}", mark.what);
            let column = GUTTER + self.column_of(mark.at);
            let tone = if mark.bad { tone::BAD } else { tone::WARN };
            // Right of its moment if there is room, left of it otherwise.
            let line = if column + 2 + text.chars().count() <= GUTTER + self.columns {
                format!("{:column$}▲ {text}", "")
            } else {
                format!("{text:>width$} ▲", width = column.saturating_sub(1))
            };
            paint(tone, line)
        };
        self.history.marks.iter().map(of).collect()
    }
}

fn block(level: usize) -> char {
    const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    BLOCKS[level.min(8)]
}

fn summary(history: &History, aws: &AwsArgs, outcome: &Outcome) -> Vec<String> {
    let tone = words::outcome_tone(outcome);
    let row =
        |name: &str, text: String| format!("  {} {text}", paint(tone::FAINT, format_args!("{name:<11}")));
    let mut lines = vec![
        format!(
            "  {} {}",
            paint(tone, format_args!("{:<11}", outcome.kind.to_string())),
            words::end_state(&history.alias, outcome, history.settled)
        ),
        row("took", format!("{} · exit code {}", words::span(history.took()), outcome.exit_code())),
    ];
    if let Some(cause) = &outcome.cause {
        lines.insert(1, row("cause", one_line(&cause.to_string())));
    }
    if let Some(advice) = advice(outcome) {
        lines.insert(lines.len() - 1, row("to do", one_line(&aws.in_advice(advice))));
    }
    if let Some(times) = &outcome.rollback {
        lines.push(row("rollback", rollback(times)));
    }
    if outcome.traffic_moved && !outcome.is_success() {
        lines.push(row("exposure", exposure(history)));
    }
    let calls: Vec<String> = outcome.calls.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    if !calls.is_empty() {
        lines.push(row("calls", calls.join(" · ")));
    }
    lines
}

fn advice(outcome: &Outcome) -> Option<&str> {
    let of_error = || match &outcome.cause {
        Some(Cause::Error { error }) => Some(error.kind.advice()),
        _ => None,
    };
    outcome.advice.as_deref().or_else(of_error)
}

fn rollback(times: &RollbackTimes) -> String {
    let millis = |millis: u64| words::span(Duration::from_millis(millis));
    let mut parts = Vec::new();
    if let Some(seen) = times.seen_ms {
        parts.push(format!("seen {} after the alarm's change", millis(seen)));
    }
    parts.push(match times.decided_ms {
        0 => "decided at once".to_owned(),
        decided => format!("decided after {}", millis(decided)),
    });
    parts.push(format!("written in {}", millis(times.written_ms)));
    parts.push(match times.read_back_ms {
        Some(read_back) => format!("read back in {}", millis(read_back)),
        None => "not read back".to_owned(),
    });
    parts.join(" · ")
}

/// How much traffic the canary had for how long: what a bad release cost.
fn exposure(history: &History) -> String {
    let ends = history.curve.iter().skip(1).map(|(at, _)| *at).chain([history.latest_at]);
    let parts: Vec<String> = history
        .curve
        .iter()
        .zip(ends)
        .filter(|((from, weight), to)| *weight > Weight::ZERO && to > from)
        .map(|((from, weight), to)| format!("{weight} for {}", words::span(to.since(*from))))
        .collect();
    match parts.as_slice() {
        [] => "none that could be measured".to_owned(),
        [first, .., last] if parts.len() > 4 => format!("{first} · … · {last}"),
        _ => parts.join(" · "),
    }
}

#[cfg(test)]
mod tests {
    use lambda_rollout::plan::RolloutPlan;
    use lambda_rollout::sim::{Scenario, simulate};

    use lambda_rollout::units::Version;

    use super::*;
    use crate::history::Mark;

    const MINUTE: Duration = Duration::from_secs(60);

    /// What was shifted to which per cent after how long, and when it all was over.
    fn history(curve: &[(Duration, f64)], took: Duration) -> History {
        let start = Timestamp::from_millis(0);
        let mut history = History::new("main".parse().expect("a name"), start);
        let points = curve.iter().map(|(after, percent)| (start + *after, Weight::from_percent(*percent)));
        history.curve = points.map(|(at, weight)| (at, weight.expect("a weight"))).collect();
        history.latest_at = start + took;
        history.canary = Version::new(2);
        history
    }

    /// The chart alone, without its tones.
    fn chart(history: &History, width: usize) -> String {
        let lines = Chart::new(history, width).draw();
        anstream::adapter::strip_str(&lines.join("\n")).to_string()
    }

    #[test]
    fn a_promotion_fills_the_chart() {
        let steps = [(0, 20.0), (1, 40.0), (2, 60.0), (3, 80.0), (4, 100.0)];
        let history = history(&steps.map(|(minute, percent)| (MINUTE * minute, percent)), MINUTE * 4);
        insta::assert_snapshot!(chart(&history, 60), @r#"
               traffic on version 2
        100 % │                                 ▁▁▁▁▁▁▁▁▁▁▁██████
              │                      ▃▃▃▃▃▃▃▃▃▃▃█████████████████
         50 % │           ▄▄▄▄▄▄▄▄▄▄▄████████████████████████████
              │▆▆▆▆▆▆▆▆▆▆▆███████████████████████████████████████
          0 % └┬─────────────────────┬─────────────────────┬─────
               0s                    2m                    4m
        "#);
    }

    #[test]
    fn a_rollback_falls_below_its_alarm() {
        let fired = Duration::from_secs(125);
        let mut history =
            history(&[(Duration::ZERO, 0.0), (Duration::from_secs(5), 10.0), (fired, 0.0)], fired);
        let what = "alarm errors fired".to_owned();
        history.marks.push(Mark {
            at: history.started_at + MINUTE,
            what: "paused".to_owned(),
            times: 2,
            bad: false,
        });
        history.marks.push(Mark { at: history.latest_at, what, times: 1, bad: true });
        insta::assert_snapshot!(chart(&history, 60), @r#"
               traffic on version 2
        100 % │
              │
         50 % │
              │ ▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃
          0 % └┬────────────────────┬─────────────────────┬──────
               0s                   1m                    2m
                                    ▲ 1m  paused (2 times)
                                 2m 5s  alarm errors fired ▲
        "#);
    }

    #[test]
    fn a_moment_of_traffic_is_seen_in_the_longest_chart() {
        let hour = MINUTE * 60;
        let spike = [(Duration::ZERO, 0.0), (hour, 0.01), (hour + Duration::from_millis(1), 0.0)];
        assert!(chart(&history(&spike, hour * 48), 60).contains('▁'));
    }

    #[test]
    fn what_never_moved_has_no_chart() {
        let plan = RolloutPlan::builder("sample-handler", "main")
            .publish()
            .strategy_named("AllAtOnce")
            .alarm("errors");
        let plan = plan.build().expect("a plan");
        let scenario = Scenario::parse("[[alarms]]\nname = \"errors\"\nexists = false").expect("a scenario");
        let run = simulate(&plan, &scenario, 1).expect("it runs");
        let mut history = History::new(plan.alias().clone(), scenario.start());
        run.events.iter().for_each(|event| history.observe(event));
        let text = timeline(&history, &AwsArgs::default(), 80).join("\n");
        assert!(text.contains("no traffic moved; main is as it was") && !text.contains("100 %"), "{text}");
    }

    #[test]
    fn no_line_of_a_chart_is_wider_than_the_terminal() {
        for width in 40..=200 {
            for took in [0, 1, 999, 61_000, 86_400_000, 31_622_400_000].map(Duration::from_millis) {
                let mut history = history(&[(Duration::ZERO, 50.0), (took, 100.0)], took);
                history.marks.push(Mark {
                    at: history.latest_at,
                    what: "paused".to_owned(),
                    times: 1,
                    bad: false,
                });
                for line in chart(&history, width).lines() {
                    assert!(line.chars().count() <= width, "{width}: {line}");
                }
            }
        }
    }
}
