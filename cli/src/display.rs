//! What people see while a rollout runs: lasting lines, and on a terminal one live line below them.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lambda_rollout::account::AlarmState;
use lambda_rollout::machine::{Phase, Status};
use lambda_rollout::plan::RolloutPlan;
use lambda_rollout::units::{Timestamp, Weight, format_duration};

use crate::console::{Console, paint, tone};
use crate::timeline::SUMMARY_INDENT;
use crate::words;

/// The place where a running rollout is shown.
pub(crate) struct Display {
    console: Console,
    live: Option<ProgressBar>,
}

impl Display {
    /// A display with a live line where `live` asks for one and the terminal can show one.
    pub(crate) fn new(console: Console, live: bool) -> Self {
        let live = (live && console.is_live()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            // The message is the whole line: the template cannot fail to parse, and the default would do.
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { console, live }
    }

    /// Whether there is a live line.
    pub(crate) fn is_live(&self) -> bool {
        self.live.is_some()
    }

    /// Adds a lasting line.
    pub(crate) fn line(&self, text: &str) {
        let text = self.console.wrap(text, words::INDENT);
        match &self.live {
            Some(bar) => bar.suspend(|| self.console.say(&text)),
            None => self.console.say(&text),
        }
    }

    /// Draws the live line anew, with what is being typed below it.
    pub(crate) fn redraw(&self, moment: &Moment<'_>, typed: &str) {
        if let Some(bar) = &self.live {
            // One column stays free: a full last column makes some terminals wrap.
            let mut text = moment.line(self.console.width().saturating_sub(1));
            if moment.status.phase == Phase::Gated || !typed.is_empty() {
                text.push_str(&format!("\n› {typed}"));
            }
            bar.set_message(self.console.adapt(&text));
            bar.tick();
        }
    }

    /// Takes the live line away and draws what lasts.
    pub(crate) fn finish(&self, lines: impl FnOnce(usize) -> Vec<String>) {
        if let Some(bar) = &self.live {
            bar.finish_and_clear();
        }
        for line in lines(self.console.width()) {
            self.console.say(&self.console.wrap(&line, SUMMARY_INDENT));
        }
    }
}

/// What a rollout is doing at a moment.
pub(crate) struct Moment<'a> {
    pub(crate) plan: &'a RolloutPlan,
    pub(crate) status: &'a Status,
    pub(crate) started_at: Timestamp,
    pub(crate) now: Timestamp,
}

impl Moment<'_> {
    /// `██░░░░░░░░░░  10 %  hold 3m 12s of 5m · next 100 % · alarm OK · 4m 2s`, as much of it as fits.
    fn line(&self, width: usize) -> String {
        let bar = weight_bar(self.status.weight, (width / 5).clamp(8, 30));
        let weight = format!("{:>7}", self.status.weight.to_string());
        let room = width.saturating_sub(bar.chars().count() + weight.len() + 3);
        let parts =
            [self.phase(), self.next(), self.alarms(), whole_seconds(self.now.since(self.started_at))];
        // What people can miss first goes first where room is short.
        let keeps =
            [[true; 4], [true, true, true, false], [true, false, true, false], [true, false, false, false]];
        let texts = keeps.map(|keep| {
            let kept = parts.iter().zip(keep).filter(|(part, keep)| *keep && !part.is_empty());
            kept.map(|(part, _)| part.as_str()).collect::<Vec<_>>().join(" · ")
        });
        let fits = texts.iter().find(|text| text.chars().count() <= room).unwrap_or(&texts[3]);
        let text: String = fits.chars().take(room).collect();
        let tone = match self.status.phase {
            Phase::RollingBack => tone::BAD,
            Phase::Gated => tone::WARN,
            _ => tone::MOVE,
        };
        format!("{} {}  {text}", paint(tone, bar), paint(tone::STRONG, weight))
    }

    /// What goes on.
    fn phase(&self) -> String {
        let whole = match self.status.phase {
            Phase::Holding => self.step().map(|step| step.hold),
            Phase::Baking => self.plan.bake(),
            _ => None,
        };
        let paused = if self.status.paused { "paused: " } else { "" };
        let word = match self.status.phase {
            Phase::Holding => "hold".to_owned(),
            Phase::Baking => "bake".to_owned(),
            phase => phase.to_string(),
        };
        match (whole, self.status.left) {
            (Some(whole), Some(left)) => {
                let since = if self.status.paused { Duration::ZERO } else { self.now.since(self.status.at) };
                let done = whole.saturating_sub(left.saturating_sub(since));
                format!("{paused}{word} {} of {}", whole_seconds(done), format_duration(whole))
            }
            _ => format!("{paused}{word}"),
        }
    }

    /// What comes next.
    fn next(&self) -> String {
        if self.status.phase != Phase::Holding {
            return String::new();
        }
        let next =
            self.plan.schedule().steps().get(self.status.step).map_or(Weight::FULL, |step| step.weight);
        let gate = if self.step().is_some_and(|step| step.gate) { "gate, then " } else { "" };
        format!("next {gate}{next}")
    }

    fn step(&self) -> Option<&lambda_rollout::plan::Step> {
        self.plan.schedule().steps().get(self.status.step.checked_sub(1)?)
    }

    /// The alarms' states: a firing one by name, the others by number.
    fn alarms(&self) -> String {
        let alarms = &self.status.alarms;
        if let Some((name, _)) = alarms.iter().find(|(_, state)| **state == AlarmState::Alarm) {
            return format!("{name} ALARM");
        }
        let ok = alarms.values().filter(|state| **state == AlarmState::Ok).count();
        match (alarms.len(), ok) {
            (0, _) => String::new(),
            (1, 1) => "alarm OK".to_owned(),
            (1, _) => "alarm without data".to_owned(),
            (count, ok) if count == ok => format!("{count} alarms OK"),
            (count, ok) => format!("{ok} of {count} alarms OK"),
        }
    }
}

fn weight_bar(weight: Weight, cells: usize) -> String {
    const EIGHTHS: [char; 8] = ['░', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let points = usize::from(weight.basis_points());
    let eighths = points * cells * 8 / usize::from(Weight::FULL.basis_points());
    let eighths = if points > 0 { eighths.max(1) } else { 0 };
    (0..cells)
        .map(|cell| match eighths.saturating_sub(cell * 8) {
            8.. => '█',
            part => EIGHTHS[part],
        })
        .collect()
}

fn whole_seconds(duration: Duration) -> String {
    format_duration(Duration::from_secs(duration.as_secs()))
}

#[cfg(test)]
mod tests {
    use lambda_rollout::units::RolloutId;

    use super::*;

    fn status(plan: &RolloutPlan) -> Status {
        Status {
            rollout_id: RolloutId::from_bits(1),
            at: Timestamp::from_millis(60_000),
            phase: Phase::Holding,
            paused: false,
            step: 1,
            steps: plan.schedule().steps().len(),
            weight: Weight::from_percent(10.0).expect("a weight"),
            stable_version: None,
            canary_version: None,
            routing: None,
            left: Some(Duration::from_secs(240)),
            alarms: plan.alarms().names().iter().map(|name| (name.clone(), AlarmState::Ok)).collect(),
        }
    }

    fn plan() -> RolloutPlan {
        let builder =
            RolloutPlan::builder("sample-handler", "main").strategy_named("Canary10Percent5Minutes");
        builder.alarms(["errors", "latency"]).build().expect("a plan")
    }

    /// The live line twelve seconds after the status, without its tones.
    fn line(plan: &RolloutPlan, status: &Status, width: usize) -> String {
        let (started_at, now) = (Timestamp::from_millis(0), Timestamp::from_millis(72_000));
        let line = Moment { plan, status, started_at, now }.line(width);
        anstream::adapter::strip_str(&line).to_string()
    }

    #[test]
    fn the_live_line_tells_as_much_as_fits() {
        let (plan, status) = (plan(), status(&plan()));
        let texts = [100, 70, 60, 40].map(|width| line(&plan, &status, width));
        insta::assert_snapshot!(texts.join("\n"), @r#"
        ██░░░░░░░░░░░░░░░░░░    10 %  hold 1m 12s of 5m · next 100 % · 2 alarms OK · 1m 12s
        █▍░░░░░░░░░░░░    10 %  hold 1m 12s of 5m · next 100 % · 2 alarms OK
        █▏░░░░░░░░░░    10 %  hold 1m 12s of 5m · 2 alarms OK
        ▊░░░░░░░    10 %  hold 1m 12s of 5m
        "#);
        for width in 20..200 {
            assert!(line(&plan, &status, width).chars().count() <= width, "{width}");
        }
    }

    #[test]
    fn a_pause_stops_the_hold_and_a_firing_alarm_is_named() {
        let (plan, mut status) = (plan(), status(&plan()));
        status.paused = true;
        assert!(line(&plan, &status, 120).contains("paused: hold 1m of 5m"), "{}", line(&plan, &status, 120));
        status.alarms.insert(plan.alarms().names()[1].clone(), AlarmState::Alarm);
        status.phase = Phase::RollingBack;
        assert!(
            line(&plan, &status, 120).contains("rolling back · latency ALARM"),
            "{}",
            line(&plan, &status, 120)
        );
    }

    #[test]
    fn a_sliver_of_traffic_is_seen_and_all_but_all_is_not_all() {
        let bar = |percent| weight_bar(Weight::from_percent(percent).expect("a weight"), 10);
        assert_eq!(bar(0.0), "░░░░░░░░░░");
        assert_eq!(bar(0.01), "▏░░░░░░░░░");
        assert_eq!(bar(50.0), "█████░░░░░");
        assert_eq!(bar(99.99), "█████████▉");
        assert_eq!(bar(100.0), "██████████");
    }
}
