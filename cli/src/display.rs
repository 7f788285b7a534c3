//! What people see while a rollout runs: lasting lines, and on a terminal one live line below them.

use std::sync::Arc;
use std::time::Duration;

use lambda_rollout::account::{AlarmState, HookMoment};
use lambda_rollout::event::{Event, EventKind};
use lambda_rollout::machine::{Phase, Status};
use lambda_rollout::plan::RolloutPlan;
use lambda_rollout::units::{Timestamp, Weight, format_duration};

use crate::console::{paint, tone};
use crate::screen::{Doing, Screen};
use crate::timeline::SUMMARY_INDENT;
use crate::words;

/// The place where a running rollout is shown. Nothing here waits: what is to be written is left to the [`Screen`].
pub(crate) struct Display {
    screen: Screen,
    live: bool,
}

impl Display {
    /// A display with a live line where `live` asks for one and the terminal can show one.
    pub(crate) fn new(screen: Screen, live: bool) -> Self {
        let live = live && screen.console().is_live();
        if live {
            screen.go_live();
        }
        Self { screen, live }
    }

    /// Whether there is a live line.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// Adds a lasting line.
    pub(crate) fn line(&self, text: impl Into<String>) {
        self.screen.say(text, words::INDENT);
    }

    /// Adds a lasting line that is made where it is shown, if it comes to anything.
    pub(crate) fn event(&self, event: &Event) {
        if matches!(event.kind, EventKind::Finished(_)) {
            return;
        }
        let event = event.clone();
        self.screen.write(move |console| {
            console.wrap(&words::event_line(&event).unwrap_or_default(), words::INDENT)
        });
    }

    /// Tells what goes on now.
    pub(crate) fn show(&self, moment: Moment) {
        self.screen.doing(Some(Box::new(moment)));
    }

    /// Takes the live line away and shows what lasts, made for this many columns.
    pub(crate) fn finish(&self, lines: impl FnOnce(usize) -> Vec<String> + Send + 'static) {
        self.screen.doing(None);
        self.screen.write(move |console| {
            let lines = lines(console.width());
            lines.iter().map(|line| console.wrap(line, SUMMARY_INDENT)).collect::<Vec<_>>().join("\n")
        });
    }
}

/// What a rollout is doing at a moment.
pub(crate) struct Moment {
    pub(crate) plan: Arc<RolloutPlan>,
    pub(crate) status: Status,
    pub(crate) started_at: Timestamp,
    pub(crate) now: Timestamp,
    /// What is being typed.
    pub(crate) typed: String,
}

impl Doing for Moment {
    fn live(&self, width: usize) -> String {
        let mut text = self.line(width);
        if self.status.phase == Phase::Gated || !self.typed.is_empty() {
            text.push_str(&format!("\n› {}", self.typed));
        }
        text
    }

    /// `03:34:46  waiting       holding 10 % on version 2 · 3m 12s left, then 100 % · alarm OK`
    fn still(&self) -> String {
        let status = &self.status;
        let paused = if status.paused { "paused: " } else { "" };
        let weight = match status.canary_version {
            Some(canary) if status.weight > Weight::ZERO => {
                format!(" · {} on version {canary}", status.weight)
            }
            _ => String::new(),
        };
        let mut parts = vec![format!("{paused}{}{weight}", status.phase), self.awaited(), self.alarms()];
        parts.retain(|part| !part.is_empty());
        words::line(self.now, "waiting", tone::FAINT, &parts.join(" · "))
    }
}

impl Moment {
    /// `██░░░░░░░░░░  10 %  hold 3m 12s of 5m · next 100 % · alarm OK · 4m 2s`, as much of it as fits.
    fn line(&self, width: usize) -> String {
        let bar = weight_bar(self.status.weight, (width / 5).clamp(8, 30));
        let weight = format!("{:>7}", self.status.weight.to_string());
        let room = width.saturating_sub(bar.chars().count() + weight.len() + 3);
        let next = match self.status.phase {
            Phase::Holding => format!("next {}", self.next()),
            _ => String::new(),
        };
        let parts = [self.phase(), next, self.alarms(), whole_seconds(self.now.since(self.started_at))];
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
        let next =
            self.plan.schedule().steps().get(self.status.step).map_or(Weight::FULL, |step| step.weight);
        let gate = if self.step().is_some_and(|step| step.gate) { "gate, then " } else { "" };
        format!("{gate}{next}")
    }

    /// What is waited for, and how long that takes, as far as is known.
    fn awaited(&self) -> String {
        let status = &self.status;
        let since = if status.paused { Duration::ZERO } else { self.now.since(status.at) };
        let left = || match status.left {
            Some(left) => format!("{} left", whole_seconds(left.saturating_sub(since))),
            None => "its time is over".to_owned(),
        };
        match status.phase {
            _ if status.paused => "no shift until resumed".to_owned(),
            Phase::Holding => format!("{}, then {}", left(), self.next()),
            Phase::Baking => format!("{}, then promoted", left()),
            Phase::Gated => match self.plan.deadline() {
                Some(deadline) => {
                    let left = (self.started_at + deadline).since(self.now);
                    format!("rolled back in {}", whole_seconds(left))
                }
                None => "nothing ends it but a command or a signal".to_owned(),
            },
            Phase::Ready => "a passing reading of the alarms".to_owned(),
            Phase::BeforeHook | Phase::AfterHook => match self.plan.hook(self.moment()) {
                Some(hook) => format!("at most {}", format_duration(hook.timeout())),
                None => String::new(),
            },
            Phase::Shifting | Phase::Promoting | Phase::RollingBack | Phase::Creating => {
                "Lambda's answer".to_owned()
            }
            _ => String::new(),
        }
    }

    fn moment(&self) -> HookMoment {
        if self.status.phase == Phase::BeforeHook {
            HookMoment::BeforeTraffic
        } else {
            HookMoment::AfterTraffic
        }
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

    fn moment(plan: &RolloutPlan, status: &Status) -> Moment {
        Moment {
            plan: Arc::new(plan.clone()),
            status: status.clone(),
            started_at: Timestamp::from_millis(0),
            now: Timestamp::from_millis(72_000),
            typed: String::new(),
        }
    }

    /// The live line twelve seconds after the status, without its tones.
    fn line(plan: &RolloutPlan, status: &Status, width: usize) -> String {
        let line = moment(plan, status).line(width);
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

    /// The line of every minute, twelve seconds after the status.
    fn still(plan: &RolloutPlan, status: &Status) -> String {
        anstream::adapter::strip_str(&moment(plan, status).still()).to_string()
    }

    #[test]
    fn the_line_of_every_minute_says_what_is_waited_for_and_how_long() {
        let (plan, mut status) = (plan(), status(&plan()));
        status.canary_version = lambda_rollout::units::Version::new(2);
        assert_eq!(
            still(&plan, &status),
            "00:01:12  waiting       holding · 10 % on version 2 · 3m 48s left, then 100 % · 2 alarms OK"
        );
        status.paused = true;
        assert!(
            still(&plan, &status).contains("paused: holding · 10 % on version 2 · no shift until resumed")
        );
        status.paused = false;
        for (phase, words) in [
            (Phase::Reading, "reading the alias"),
            (
                Phase::Gated,
                "waiting for approval · 10 % on version 2 · nothing ends it but a command or a signal",
            ),
            (Phase::RollingBack, "rolling back · 10 % on version 2 · Lambda's answer"),
            (Phase::Ready, "a passing reading of the alarms"),
        ] {
            status.phase = phase;
            assert!(still(&plan, &status).contains(words), "{}", still(&plan, &status));
        }
        status.phase = Phase::Baking;
        status.left = Some(Duration::from_secs(5));
        assert!(still(&plan, &status).contains("baking · 10 % on version 2 · 0s left, then promoted"));
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
