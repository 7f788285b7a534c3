//! Clocks that leap, stand still and are late: no hold is cut short, and after a gap the alarms are read before any raise.

#![cfg(all(feature = "runtime", feature = "sim"))]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use lambda_rollout::driver::Launch;
use lambda_rollout::event::EventKind;
use lambda_rollout::ports::{Clock, Ports};
use lambda_rollout::sim::{Scenario, SimAccount, drive};
use lambda_rollout::units::{Timestamp, Version};
use lambda_rollout::{Event, Outcome, OutcomeKind, RolloutPlan};

const HOUR: Duration = Duration::from_secs(3_600);

fn plan() -> RolloutPlan {
    let plan = RolloutPlan::builder("sample-handler", "main").version(Version::new(2).expect("above zero"));
    plan.strategy_named("Linear30PercentEvery10Minutes").alarm("errors").build().expect("a good plan")
}

/// A process that stands still for an hour after each of these events, as on a computer that is suspended: time goes on.
struct Suspended<F> {
    task: Pin<Box<F>>,
    asleep: Pin<Box<dyn Future<Output = ()>>>,
    wakes: tokio::sync::mpsc::UnboundedReceiver<Timestamp>,
    clock: Arc<dyn Clock>,
}

impl<F: Future> Future for Suspended<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if let Poll::Ready(Some(until)) = self.wakes.poll_recv(cx) {
            let clock = Arc::clone(&self.clock);
            self.asleep = Box::pin(async move { clock.wait_until(until).await });
        }
        if self.asleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.asleep = Box::pin(std::future::ready(()));
        self.task.as_mut().poll(cx)
    }
}

/// Runs the plan in a process that is suspended for an hour after the first shift.
async fn suspended_in_the_first_hold(scenario: &str) -> (SimAccount, Vec<Event>, Outcome) {
    let account = SimAccount::new(&plan(), &Scenario::parse(scenario).expect("a scenario"), 1);
    let clock = account.ports().clock;
    let (mut rollout, task) = Launch::new(plan(), account.ports()).into_task().expect("it fits");
    let (sleep, wakes) = tokio::sync::mpsc::unbounded_channel();
    let ready = Box::pin(std::future::ready(()));
    let task = Suspended { task: Box::pin(task.run()), asleep: ready, wakes, clock: Arc::clone(&clock) };
    let watch = async {
        let (mut events, mut shifts) = (Vec::new(), 0);
        while let Some(event) = rollout.next_event().await {
            if event.kind.name() == "shifted" {
                shifts += 1;
            }
            if shifts == 1 && event.kind.name() == "shifted" {
                sleep.send(clock.now() + HOUR).expect("it listens");
            }
            events.push(event);
        }
        (events, rollout.wait().await.expect("an end"))
    };
    let ((events, outcome), ()) = drive(&account, async { tokio::join!(watch, task) }, None).await;
    (account, events, outcome)
}

fn shifts(events: &[Event]) -> Vec<(Timestamp, f64)> {
    let weight = |event: &Event| match event.kind {
        EventKind::Shifted { weight, .. } => Some((event.at, weight.percent())),
        _ => None,
    };
    events.iter().filter_map(weight).collect()
}

#[tokio::test]
async fn after_an_hour_of_sleep_a_healthy_rollout_goes_on_without_skipping_a_step() {
    let (_, events, outcome) = suspended_in_the_first_hold("until = \"3h\"").await;
    let shifts = shifts(&events);
    assert_eq!(outcome.kind, OutcomeKind::Promoted);
    assert_eq!(shifts.iter().map(|(_, weight)| *weight).collect::<Vec<_>>(), [30.0, 60.0, 90.0, 100.0]);
    assert!(shifts[1].0.since(shifts[0].0) >= HOUR, "{shifts:?}");
    // The holds that follow are whole: the hour counts for the one that it was slept in.
    assert!(shifts[2].0.since(shifts[1].0) >= Duration::from_secs(600), "{shifts:?}");
}

#[tokio::test]
async fn an_alarm_that_fired_during_the_sleep_is_seen_before_any_raise() {
    let forced = "forced = [{ from = \"5m\", to = \"3h\", state = \"ALARM\", reason = \"bad\" }]";
    let scenario = format!("until = \"4h\"\n[[alarms]]\nname = \"errors\"\n{forced}\n");
    let (_, events, outcome) = suspended_in_the_first_hold(&scenario).await;
    assert_eq!(outcome.kind, OutcomeKind::RolledBack);
    assert_eq!(shifts(&events).iter().map(|(_, weight)| *weight).collect::<Vec<_>>(), [30.0, 0.0]);
}

/// A clock that can be set, and whose timers are late.
struct Crooked {
    true_one: Arc<dyn Clock>,
    ahead_ms: AtomicI64,
    late: Duration,
}

#[async_trait]
impl Clock for Crooked {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.true_one.now().as_millis() + self.ahead_ms.load(Ordering::Relaxed))
    }

    async fn wait_until(&self, at: Timestamp) {
        let at = Timestamp::from_millis(at.as_millis() - self.ahead_ms.load(Ordering::Relaxed));
        self.true_one.wait_until(at + self.late).await;
    }
}

/// Runs the plan by a clock that is set by so much after the first shift. Times are those of the true clock.
async fn by_a_crooked_clock(set_by_ms: i64, late: Duration) -> (Vec<(Timestamp, f64)>, Outcome) {
    let account = SimAccount::new(&plan(), &Scenario::parse("until = \"6h\"").expect("a scenario"), 1);
    let true_one = account.ports().clock;
    let clock = Arc::new(Crooked { true_one: Arc::clone(&true_one), ahead_ms: AtomicI64::new(0), late });
    let ports = Ports { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..account.ports() };
    let (mut rollout, task) = Launch::new(plan(), ports).into_task().expect("it fits");
    let watch = async {
        let mut shifts = Vec::new();
        while let Some(event) = rollout.next_event().await {
            if let EventKind::Shifted { weight, .. } = event.kind {
                if shifts.is_empty() {
                    clock.ahead_ms.store(set_by_ms, Ordering::Relaxed);
                }
                shifts.push((true_one.now(), weight.percent()));
            }
        }
        (shifts, rollout.wait().await.expect("an end"))
    };
    drive(&account, async { tokio::join!(watch, task.run()).0 }, None).await
}

/// Who brings a clock of his own may bring one that goes back: time only ever moves on for the rollout.
#[tokio::test]
async fn a_clock_that_goes_back_cuts_no_hold_short() {
    let (shifts, outcome) = by_a_crooked_clock(-(HOUR.as_millis() as i64), Duration::ZERO).await;
    assert_eq!(outcome.kind, OutcomeKind::Promoted);
    assert_eq!(shifts.iter().map(|(_, weight)| *weight).collect::<Vec<_>>(), [30.0, 60.0, 90.0, 100.0]);
    for pair in shifts.windows(2) {
        assert!(pair[1].0.since(pair[0].0) >= Duration::from_secs(600), "{shifts:?}");
    }
}

#[tokio::test]
async fn slow_timers_make_a_rollout_late_and_nothing_else() {
    // Late enough to matter, and less than what may lie between two polls: what is not watched is not held.
    let (shifts, outcome) = by_a_crooked_clock(0, Duration::from_secs(15)).await;
    assert_eq!(outcome.kind, OutcomeKind::Promoted);
    assert_eq!(shifts.iter().map(|(_, weight)| *weight).collect::<Vec<_>>(), [30.0, 60.0, 90.0, 100.0]);
    for pair in shifts.windows(2) {
        assert!(pair[1].0.since(pair[0].0) >= Duration::from_secs(600), "{shifts:?}");
    }
}
