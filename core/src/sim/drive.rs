use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::SimAccount;
use crate::ports::Clock;
use crate::units::Timestamp;

/// Runs a future on the account's virtual clock: whenever it only waits, the clock moves on to what it waits for.
///
/// With `pace`, a real second shows that many virtual ones, and a tokio runtime with time is needed; what reaches the
/// future from outside, such as a person's command, gets through meanwhile, at the moment that the clock shows then.
/// Without it time goes as fast as it can, on any executor. A pace that is not above zero counts as none.
///
/// Deterministic as long as everything that waits for the account is inside the future.
///
/// # Cancel safety
/// Dropping it stops the future where it is, and the clock.
pub async fn drive<F: Future>(account: &SimAccount, future: F, pace: Option<f64>) -> F::Output {
    drive_while(account, future, pace, |_| true).await
}

/// As [`drive`], and the clock stands still as long as `may_move` says no, which then has to wake the task when it would
/// say yes. Whoever makes it say yes must have woken the future first, if it has news for that.
pub(crate) async fn drive_while<F: Future>(
    account: &SimAccount,
    future: F,
    pace: Option<f64>,
    mut may_move: impl FnMut(&mut Context<'_>) -> bool,
) -> F::Output {
    let mut future = pin!(future);
    let relay = Arc::new(Relay::default());
    let waker = Waker::from(Arc::clone(&relay));
    let mut pacer = pace.filter(|pace| *pace > 0.0).map(|pace| Pacer::new(pace, account.now()));
    let mut may_move = move |cx: &mut Context<'_>| may_move(cx) && !account.stands(cx);
    poll_fn(move |cx| {
        relay.listen(cx.waker());
        if let Some(pacer) = &mut pacer {
            pacer.stand_or_go(may_move(cx), account.now());
            account.advance_to(pacer.shown().min(account.next_at().unwrap_or(Timestamp::MAX)));
        }
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Poll::Ready(output);
        }
        let goes = may_move(cx);
        if let Some(pacer) = &mut pacer {
            pacer.stand_or_go(goes, account.now());
        }
        // Back to the executor between steps, even where this future could go on: others want their turn.
        if goes
            && !relay.was_woken()
            && let Some(next) = account.next_at()
            && pacer.as_mut().is_none_or(|pacer| pacer.reaches(next, cx))
        {
            account.advance_to(next);
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await
}

/// Passes wake-ups on, and remembers that there was one.
#[derive(Default)]
struct Relay {
    woken: AtomicBool,
    outer: Mutex<Option<Waker>>,
}

impl Relay {
    fn listen(&self, outer: &Waker) {
        self.woken.store(false, Ordering::Release);
        *self.outer.lock().unwrap_or_else(PoisonError::into_inner) = Some(outer.clone());
    }

    fn was_woken(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        let outer = self.outer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(outer) = outer {
            outer.wake();
        }
    }
}

/// Ties the virtual clock to the real one.
struct Pacer {
    pace: f64,
    began: Timestamp,
    began_really: Instant,
    stands: bool,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Pacer {
    fn new(pace: f64, began: Timestamp) -> Self {
        Self { pace, began, began_really: Instant::now(), stands: false, sleep: None }
    }

    /// Stands still, or goes on from where it stood.
    fn stand_or_go(&mut self, goes: bool, now: Timestamp) {
        if goes && self.stands {
            (self.began, self.began_really) = (now, Instant::now());
        }
        self.stands = !goes;
    }

    /// What the virtual clock shows at this real moment.
    fn shown(&self) -> Timestamp {
        if self.stands {
            return self.began;
        }
        let shown = self.began_really.elapsed().as_secs_f64() * self.pace;
        self.began + Duration::try_from_secs_f64(shown).unwrap_or(Duration::MAX)
    }

    /// Whether the virtual clock has come to this moment; otherwise the task is woken when it has.
    fn reaches(&mut self, at: Timestamp, cx: &mut Context<'_>) -> bool {
        let real = at.since(self.began).as_secs_f64() / self.pace;
        // What is further away than the real clock counts is never reached.
        let Some(due) =
            Duration::try_from_secs_f64(real).ok().and_then(|real| self.began_really.checked_add(real))
        else {
            return false;
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where virtual time is tied to real time"
        )]
        let mut sleep = Box::pin(tokio::time::sleep_until(due));
        let reached = sleep.as_mut().poll(cx).is_ready();
        self.sleep = Some(sleep);
        reached
    }
}
