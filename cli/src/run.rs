//! `run`: a rollout from its start to its end, shown to whoever watches.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use lambda_rollout::driver::{RolloutHandle, RolloutTask};
use lambda_rollout::event::{Event, EventKind};
use lambda_rollout::journal::Journal;
use lambda_rollout::machine::Command;
use lambda_rollout::plan::RolloutPlan;
use lambda_rollout::ports::Clock;
use tokio::time::Instant;

use crate::args::{AwsArgs, RunArgs};
use crate::console::{Console, paint, tone};
use crate::display::{Display, Moment};
use crate::event_log::EventLog;
use crate::failure::Failure;
use crate::history::History;
use crate::leaving;
use crate::screen::{STALLED, Screen};
use crate::signals::{ONE_WISH, Signals, Wish, Wishes};
use crate::timeline::timeline;
use crate::typed::{COMMANDS, Keyboard, Typed};
use crate::words;
use crate::world::World;

/// How long a simulated run takes on a terminal: long enough to be seen, short enough to be waited for.
const WATCHABLE: Duration = Duration::from_secs(7);
/// How often the live line is drawn.
const FRAME: Duration = Duration::from_millis(200);
/// How often what goes on is told where there is no live line: often enough for a line a minute.
const TICK: Duration = Duration::from_secs(1);
/// How long the command waits for the rollback before it leaves: most of all for a restoring write in flight.
const LAST_CHANCE: Duration = Duration::from_secs(5);

/// Runs the plan and gives the exit code.
pub(crate) async fn run(args: &RunArgs, aws: &AwsArgs, screen: &Screen, live: bool) -> Result<u8, Failure> {
    let plan = RolloutPlan::from_file(&args.plan)?;
    let log = if args.json { Some(EventLog::on_stdout(screen)?) } else { None };
    let journal = args.journal.as_ref().map(Journal::open).transpose()?;
    let world = World::open(&plan, aws, &args.simulation).await?;
    let signals = Signals::listen()
        .map_err(|error| Failure::unexpected(format!("cannot listen to signals: {error}")))?;
    let display = Display::new(screen.clone(), live && !shares_the_terminal(args));
    let keyboard = Keyboard::open(display.is_live());

    let pace = args
        .speed
        .or_else(|| if screen.console().is_live() { world.pace_to_take(&plan, WATCHABLE) } else { None });
    let (mut watch, task) = Watch::begin(plan, journal, &world, aws, signals, keyboard, display)?;
    watch.log = log;
    world.attend(task, watch.until_the_end(), pace).await
}

/// Whether the events would be written across the live line.
fn shares_the_terminal(args: &RunArgs) -> bool {
    args.json && Console::stdout().is_live()
}

/// A running rollout and everything that watches it.
struct Watch<'a> {
    plan: Arc<RolloutPlan>,
    world: &'a World,
    aws: &'a AwsArgs,
    handle: RolloutHandle,
    clock: Arc<dyn Clock>,
    history: History,
    signals: Signals,
    began: Instant,
    wishes: Wishes,
    /// The signal that asked to leave, and when that is done at the latest.
    leaving: Option<(&'static str, Instant)>,
    /// Commands on their way, with what the rollout says to them.
    orders: FuturesUnordered<BoxFuture<'static, Result<(), lambda_rollout::Error>>>,
    keyboard: Keyboard,
    display: Display,
    log: Option<EventLog>,
    /// A fault on purpose, for the test of what happens then: at the event of this name.
    #[cfg(test)]
    panics_at: Option<&'static str>,
}

/// Why nothing is watched any longer.
enum End {
    /// The rollout has ended.
    Finished,
    /// This signal asked to leave before that.
    Left(&'static str),
}

impl<'a> Watch<'a> {
    /// A rollout about to begin, and who watches it.
    fn begin(
        plan: RolloutPlan,
        journal: Option<Journal>,
        world: &'a World,
        aws: &'a AwsArgs,
        signals: Signals,
        keyboard: Keyboard,
        display: Display,
    ) -> Result<(Self, RolloutTask), Failure> {
        let launch = world.launch(plan.clone());
        let launch = match journal {
            Some(journal) => launch.journal(journal),
            None => launch,
        };
        let (handle, task) = launch.into_task()?;
        let clock = world.clock();
        let watch = Self {
            history: History::new(plan.alias().clone(), clock.now()),
            plan: Arc::new(plan),
            world,
            aws,
            handle,
            clock,
            signals,
            began: Instant::now(),
            wishes: Wishes::default(),
            leaving: None,
            orders: FuturesUnordered::new(),
            keyboard,
            display,
            log: None,
            #[cfg(test)]
            panics_at: None,
        };
        Ok((watch, task))
    }

    async fn until_the_end(&mut self) -> Result<u8, Failure> {
        let end = loop {
            // A fault in what watches must not leave the canary in traffic: the rollout goes on, and signals are heard.
            match AssertUnwindSafe(self.watch()).catch_unwind().await {
                Ok(end) => break end,
                Err(_) => {
                    self.keyboard = Keyboard::none();
                    self.note("this command has a fault and shows less from here on; the rollout goes on");
                }
            }
        };
        let code = match end {
            End::Left(signal) => {
                leaving::say(self.world, self.aws, &self.handle, &self.plan, &self.display, signal).await
            }
            End::Finished => {
                let outcome = self.handle.wait().await?;
                let (mut history, aws) = (self.history.clone(), self.aws.clone());
                // The event of the end may have met a fault of ours.
                history.outcome.get_or_insert_with(|| outcome.clone());
                self.display.finish(move |width| timeline(&history, &aws, width));
                outcome.exit_code()
            }
        };
        if let Some(log) = self.log.take() {
            tokio::select! {
                () = log.close(STALLED) => {}
                () = self.wish_to_leave() => {}
            }
        }
        Ok(code)
    }

    /// Hears, obeys and tells, until there is nothing more to watch. Nothing in here waits for anything that may not
    /// come: not for a stream, not for the answer to a command.
    async fn watch(&mut self) -> End {
        loop {
            self.show();
            tokio::select! {
                biased;
                signal = self.signals.next() => self.hear(signal),
                Some(taken) = self.orders.next(), if !self.orders.is_empty() => if let Err(error) = taken {
                    self.note(&error.to_string());
                },
                () = until(self.leaving), if self.leaving.is_some() => {
                    if let Some((signal, _)) = self.leaving {
                        return End::Left(signal);
                    }
                }
                typed = self.keyboard.next() => self.obey(typed),
                event = self.handle.next_event() => match event {
                    Some(event) => self.tell(&event),
                    None => return End::Finished,
                },
                command = self.world.next_command() => self.order(command),
                () = pause(if self.display.is_live() { FRAME } else { TICK }) => {}
            }
        }
    }

    fn tell(&mut self, event: &Event) {
        self.world.see(event);
        #[cfg(test)]
        assert_ne!(self.panics_at, Some(event.kind.name()), "a fault on purpose");
        if let Some(log) = &mut self.log {
            log.write(event);
        }
        let history = &mut self.history;
        if catch_unwind(AssertUnwindSafe(|| history.observe(event))).is_err() {
            tracing::error!(kind = event.kind.name(), "the timeline lacks an event");
        }
        if let EventKind::Started { function, alias, strategy, .. } = &event.kind {
            self.display.line(format!(
                "{} · {strategy}",
                paint(tone::STRONG, format_args!("{}:{alias}", function.name()))
            ));
            let date = words::date(event.at);
            self.display.line(paint(tone::FAINT, format_args!("{}{date}, times in UTC", self.world.title())));
            if let Some(ignored) = self.world.ignores() {
                self.display.line(format!("{} {ignored}", paint(tone::WARN, "warning:")));
            }
        }
        self.display.event(event);
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

    /// Waits for a signal that is not just the rest of the one before.
    async fn wish_to_leave(&mut self) {
        while self.wishes.hear(self.signals.next().await, self.began.elapsed()) == Wish::Same {}
    }

    fn hear(&mut self, signal: &'static str) {
        match self.wishes.hear(signal, self.began.elapsed()) {
            Wish::RollBack => {
                let later = words::span(ONE_WISH);
                self.note(&format!(
                    "{signal}: rolling back, then ending; {signal} again after {later} leaves before the end"
                ));
                self.order(Command::Abort { reason: signal.to_owned() });
            }
            Wish::Same => self.note(&format!("{signal}: already rolling back")),
            Wish::Leave if self.leaving.is_none() => {
                let limit = words::span(LAST_CHANCE);
                self.note(&format!("{signal} again: leaving within {limit}, rolled back or not"));
                self.leaving = Some((signal, Instant::now() + LAST_CHANCE));
            }
            Wish::Leave => {}
        }
    }

    fn obey(&mut self, typed: Typed) {
        match typed {
            Typed::Unfinished => {}
            Typed::Command(command) => self.order(command),
            Typed::Unknown(line) => self.note(&format!("`{line}` is not a command; there are {COMMANDS}")),
        }
    }

    fn order(&self, command: Command) {
        let remote = self.handle.remote();
        self.orders.push(async move { remote.order(command).await }.boxed());
    }

    fn note(&self, text: &str) {
        self.display.line(format!("{:width$}{}", "", paint(tone::WARN, text), width = words::INDENT));
    }

    /// Tells the display what goes on now.
    fn show(&self) {
        self.display.show(Moment {
            plan: Arc::clone(&self.plan),
            status: self.handle.status(),
            started_at: self.history.started_at,
            now: self.clock.now(),
            typed: self.keyboard.line().to_owned(),
        });
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "people watch in real time, whatever clock the rollout runs by"
)]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

#[expect(clippy::disallowed_methods, reason = "who asks to leave waits in real time")]
async fn until(leaving: Option<(&'static str, Instant)>) {
    if let Some((_, at)) = leaving {
        tokio::time::sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use lambda_rollout::sim::{Scenario, SimAccount};

    use super::*;

    #[test]
    fn a_fault_in_what_watches_leaves_the_rollout_to_its_end() {
        let plan = RolloutPlan::builder("sample-handler", "main")
            .publish()
            .strategy_named("Canary10Percent5Minutes");
        let plan = plan.build().expect("a plan");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        for event in ["started", "shifted", "step_held", "promoted", "finished"] {
            let account = SimAccount::new(&plan, &Scenario::default(), 1);
            let world = World::Simulated(account.clone(), Scenario::default(), 1);
            let code = runtime.as_ref().expect("a runtime").block_on(async {
                let signals = Signals::listen().expect("signals");
                let display = Display::new(Screen::nowhere(), false);
                let aws = AwsArgs::default();
                let watch =
                    Watch::begin(plan.clone(), None, &world, &aws, signals, Keyboard::none(), display);
                let (mut watch, task) = watch.expect("it begins");
                watch.panics_at = Some(event);
                world.attend(task, watch.until_the_end(), None).await
            });
            assert_eq!(code.expect("an exit code"), 0, "{event}");
            let weights = account.alias_history().len();
            assert_eq!(weights, 2, "{event}");
        }
    }
}
