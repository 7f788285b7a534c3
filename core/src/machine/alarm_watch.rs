use std::collections::BTreeMap;

use super::effect::{EffectId, EffectResult, LOOK_LIMIT};
use super::phase::{Phase, Trigger};
use super::rollout::{Rollout, unanswered};
use crate::account::{AlarmReading, AlarmState};
use crate::error::Error;
use crate::event::{Cause, EventKind};
use crate::judge::{AlarmJudge, Judgement, Verdict};
use crate::plan::AlarmWatch;
use crate::units::{AlarmName, Timestamp, Weight};

/// When the alarms are looked at. What the looks mean is the judge's to say.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    judge: AlarmJudge,
    asked: Option<EffectId>,
    last_asked: Option<Timestamp>,
    clear_at: Option<Timestamp>,
}

impl Watch {
    pub(super) fn new(watch: AlarmWatch) -> Self {
        Self { judge: AlarmJudge::new(watch), asked: None, last_asked: None, clear_at: None }
    }

    pub(super) fn is_answer(&self, id: EffectId) -> bool {
        self.asked == Some(id)
    }

    pub(super) fn asked(&mut self, id: EffectId, now: Timestamp) {
        self.asked = Some(id);
        self.last_asked = Some(now);
    }

    /// Does not wait for an answer any more; gives the look that was under way.
    pub(super) fn forget(&mut self) -> Option<EffectId> {
        self.asked.take()
    }

    /// Whether to look now: the poll is due, or a look that began at `wanted` or later is wanted and none did yet.
    pub(super) fn wants_look(&self, now: Timestamp, wanted: Option<Timestamp>) -> bool {
        if self.asked.is_some() {
            return false;
        }
        match (self.last_asked, wanted) {
            (None, _) => true,
            (Some(last), Some(wanted)) if last < wanted => true,
            (Some(last), _) => last + self.judge.poll() <= now,
        }
    }

    /// When the next look, or the end of an outage's time, is due.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let look = match (self.asked, self.last_asked) {
            (None, Some(last)) => Some(last + self.judge.poll()),
            _ => None,
        };
        [look, self.judge.borne_until()].into_iter().flatten().min()
    }

    /// When the newest look began, if it passed.
    pub(super) fn clear_at(&self) -> Option<Timestamp> {
        self.clear_at
    }

    pub(super) fn overdue(&self, now: Timestamp) -> Option<Cause> {
        self.judge.overdue(now)
    }

    pub(super) fn states(&self) -> &BTreeMap<AlarmName, AlarmState> {
        self.judge.states()
    }

    /// The alarms that fired before the rollout began and that the plan says to ignore.
    pub(super) fn excused(&self) -> &BTreeMap<AlarmName, bool> {
        self.judge.excused()
    }

    pub(super) fn excuse(&mut self, excused: BTreeMap<AlarmName, bool>) {
        self.judge.excuse(excused);
    }

    /// Whether the look that is being answered began so long ago that its answer says nothing of the present.
    fn is_stale(&self, now: Timestamp) -> bool {
        self.last_asked.is_some_and(|asked| now.since(asked) > LOOK_LIMIT)
    }

    fn answered(
        &mut self,
        result: Result<Vec<AlarmReading>, Error>,
        first: bool,
        now: Timestamp,
    ) -> Judgement {
        self.asked = None;
        let judgement =
            if first { self.judge.judge_first(result, now) } else { self.judge.judge(result, now) };
        self.clear_at = if judgement.verdict == Verdict::Pass { self.last_asked } else { None };
        judgement
    }
}

impl Rollout {
    pub(super) fn alarms_read(&mut self, result: EffectResult) {
        let result = match result {
            EffectResult::Alarms(_) if self.watch.is_stale(self.now) => {
                Err(unanswered(&EffectResult::TimedOut))
            }
            EffectResult::Alarms(result) => result,
            other => Err(unanswered(&other)),
        };
        // What fires while traffic is on the canary version already is not excused as having fired before.
        let first =
            self.phase == Phase::Checking && self.weight() == Weight::ZERO && !self.memory.is_past_check();
        let excused = self.watch.excused().len();
        let Judgement { verdict, changes, outage } = self.watch.answered(result, first, self.now);
        self.unwritten |= self.watch.excused().len() != excused;
        if !self.is_watching() {
            return;
        }
        for change in changes {
            self.emit(EventKind::AlarmChanged {
                alarm: change.alarm,
                from: change.from,
                to: change.to,
                reason: change.reason,
            });
        }
        if let Some(error) = outage {
            self.emit(EventKind::AlarmsUnreadable { error });
        }
        match verdict {
            Verdict::Fail(cause) => self.put_back(cause),
            Verdict::Pass if self.phase == Phase::Checking => self.check_passed(),
            Verdict::Pass | Verdict::NoData | Verdict::Error => {}
        }
    }

    /// Looks at the alarms for the first time, or passes at once when the plan has none.
    pub(super) fn begin_check(&mut self, on: Trigger) {
        self.go(on);
        self.clear_since = self.now;
        if self.plan.alarms.names.is_empty() {
            self.check_passed();
        }
    }
}
