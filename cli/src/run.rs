//! `run`: a rollout from its start to its end, shown to whoever watches.

use std::sync::Arc;
use std::time::Duration;

use lambda_rollout::driver::RolloutHandle;
use lambda_rollout::event::{Event, EventKind};
use lambda_rollout::journal::Journal;
use lambda_rollout::machine::{Command, Phase};
use lambda_rollout::plan::RolloutPlan;
use lambda_rollout::ports::Clock;

use crate::args::{AwsArgs, RunArgs};
use crate::console::{Console, paint, tone};
use crate::display::{Display, Moment};
use crate::event_log::EventLog;
use crate::failure::Failure;
use crate::history::History;
use crate::signals::Signals;
use crate::timeline::timeline;
use crate::typed::{COMMANDS, Keyboard, Typed};
use crate::words;
use crate::world::World;

/// The exit code of a command that was made to leave while a person has to look.
const LEFT: u8 = 5;
/// How long a simulated run takes on a terminal: long enough to be seen, short enough to be waited for.
const WATCHABLE: Duration = Duration::from_secs(7);
/// How often the live line is drawn.
const FRAME: Duration = Duration::from_millis(200);

/// Runs the plan and gives the exit code.
pub(crate) async fn run(args: &RunArgs, aws: &AwsArgs, live: bool) -> Result<u8, Failure> {
    let plan = RolloutPlan::from_file(&args.plan)?;
    let log = if args.json { Some(EventLog::on_stdout()?) } else { None };
    let journal = args.journal.as_ref().map(Journal::open).transpose()?;
    let world = World::open(&plan, aws, &args.simulation).await?;
    let signals = Signals::listen()
        .map_err(|error| Failure::unexpected(format!("cannot listen to signals: {error}")))?;
    let console = Console::stderr();
    let display = Display::new(console, live && !shares_the_terminal(args));
    let keyboard = Keyboard::open(display.is_live());

    let launch = world.launch(plan.clone());
    let launch = match journal {
        Some(journal) => launch.journal(journal),
        None => launch,
    };
    let (handle, task) = launch.into_task()?;
    let clock = world.clock();
    let history = History::new(plan.alias().clone(), clock.now());
    let world = &world;
    let mut watch = Watch {
        plan: &plan,
        world,
        handle,
        clock,
        history,
        signals,
        keyboard,
        display,
        log,
        asked_to_end: false,
    };
    let pace =
        args.speed.or_else(|| if console.is_live() { world.pace_to_take(&plan, WATCHABLE) } else { None });
    world.attend(task, watch.until_the_end(), pace).await
}

/// Whether the events would be written across the live line.
fn shares_the_terminal(args: &RunArgs) -> bool {
    args.json && Console::stdout().is_live()
}

/// A running rollout and everything that watches it.
struct Watch<'a> {
    plan: &'a RolloutPlan,
    world: &'a World,
    handle: RolloutHandle,
    clock: Arc<dyn Clock>,
    history: History,
    signals: Signals,
    keyboard: Keyboard,
    display: Display,
    log: Option<EventLog>,
    asked_to_end: bool,
}

impl Watch<'_> {
    async fn until_the_end(&mut self) -> Result<u8, Failure> {
        loop {
            tokio::select! {
                biased;
                signal = self.signals.next() => {
                    if self.asked_to_end {
                        return Ok(self.leave(signal));
                    }
                    self.end(signal).await;
                }
                typed = self.keyboard.next() => self.obey(typed).await,
                event = self.handle.next_event() => match event {
                    Some(event) => self.tell(&event),
                    None => break,
                },
                command = self.world.next_command() => self.order(command).await,
                () = frame(), if self.display.is_live() => {}
            }
            self.redraw();
        }
        let outcome = self.handle.wait().await?;
        let history = &self.history;
        self.display.finish(|width| timeline(history, width));
        if let Some(log) = self.log.take() {
            tokio::select! {
                () = log.close() => {}
                _ = self.signals.next() => {}
            }
        }
        Ok(outcome.exit_code())
    }

    fn tell(&mut self, event: &Event) {
        self.world.see(event);
        if let Some(log) = &self.log {
            log.write(event);
        }
        self.history.observe(event);
        if let EventKind::Started { function, alias, strategy, .. } = &event.kind {
            self.display.line(&format!(
                "{} · {strategy}",
                paint(tone::STRONG, format_args!("{}:{alias}", function.name()))
            ));
            let date = words::date(event.at);
            self.display
                .line(&paint(tone::FAINT, format_args!("{}{date}, times in UTC", self.world.title())));
        }
        if let Some(line) = words::event_line(event) {
            self.display.line(&line);
        }
        if matches!(event.kind, EventKind::GateWaiting { .. }) {
            self.tell_how_to_approve();
        }
    }

    fn tell_how_to_approve(&self) {
        if self.keyboard.is_there() {
            self.note(&format!("type a command and Enter: {COMMANDS}"));
        } else if !self.world.has_people() {
            let end = if self.plan.deadline().is_some() { "the plan's deadline" } else { "a signal" };
            self.note(&format!("there is no terminal to approve it from: it waits until {end} ends it"));
        }
    }

    /// The first signal: put everything back.
    async fn end(&mut self, signal: &str) {
        self.asked_to_end = true;
        self.note(&format!("{signal}: rolling back, then ending; once more ends at once"));
        self.order(Command::Abort { reason: signal.to_owned() }).await;
    }

    /// The second signal: go, and say how things stand.
    fn leave(&self, signal: &str) -> u8 {
        let status = self.handle.status();
        let (function, alias) = (self.plan.function(), self.plan.alias());
        let state = match (status.phase, status.routing) {
            (Phase::Shifting | Phase::Promoting | Phase::RollingBack, Some(routing)) => {
                format!("was last seen on {routing}, and a write may be under way")
            }
            (_, Some(routing)) => format!("was last seen on {routing}"),
            (_, None) => "was not seen yet, and nothing was written to it".to_owned(),
        };
        self.display.finish(|_| {
            vec![
                format!("{} {signal} again: left at once, while {}", paint(tone::BAD, "left"), status.phase),
                format!("  alias {alias} {state}"),
                format!("  look: lambda-rollout status {function}:{alias}"),
                "  then run the same plan again: it carries on, or rolls back".to_owned(),
            ]
        });
        LEFT
    }

    async fn obey(&mut self, typed: Typed) {
        match typed {
            Typed::Unfinished => {}
            Typed::Command(command) => self.order(command).await,
            Typed::Unknown(line) => self.note(&format!("`{line}` is no command; there are {COMMANDS}")),
        }
    }

    async fn order(&self, command: Command) {
        let taken = match command {
            Command::Pause => self.handle.pause().await,
            Command::Resume => self.handle.resume().await,
            Command::Promote => self.handle.promote().await,
            Command::Abort { reason } => self.handle.abort(reason).await,
            _ => return,
        };
        if let Err(error) = taken {
            self.note(&error.to_string());
        }
    }

    fn note(&self, text: &str) {
        self.display.line(&format!("{:width$}{}", "", paint(tone::WARN, text), width = words::INDENT));
    }

    fn redraw(&self) {
        if self.display.is_live() {
            let status = self.handle.status();
            let moment = Moment {
                plan: self.plan,
                status: &status,
                started_at: self.history.started_at,
                now: self.clock.now(),
            };
            self.display.redraw(&moment, self.keyboard.line());
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "people watch in real time, whatever clock the rollout runs by"
)]
async fn frame() {
    tokio::time::sleep(FRAME).await;
}
