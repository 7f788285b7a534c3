use std::collections::BTreeMap;

use super::call::unanswered;
use super::effect::{Effect, EffectId, EffectResult, LOOK_LIMIT};
use super::phase::{Phase, Trigger};
use super::rollout::Rollout;
use crate::account::{AlarmReading, AlarmState};
use crate::event::{Cause, EventKind};
use crate::judge::{AlarmJudge, Judgement, SeenAlarm, Verdict};
use crate::plan::AlarmWatch;
use crate::units::{AlarmName, Timestamp, Weight};

/// When the alarms are polled. What the readings mean is the judge's to say.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    judge: AlarmJudge,
    asked: Option<EffectId>,
    /// The history that is being read, of this alarm.
    history: Option<(EffectId, AlarmName)>,
    last_asked: Option<Timestamp>,
    /// When the newest poll began, if nothing in it speaks against a raise but what is being explained.
    fine_at: Option<Timestamp>,
    clear_at: Option<Timestamp>,
}

/// What a poll is judged as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// In pre-flight: what fires then fired before the rollout.
    First,
    BeforeTraffic,
    WithTraffic,
}

impl Watch {
    pub(super) fn new(watch: AlarmWatch) -> Self {
        Self {
            judge: AlarmJudge::new(watch),
            asked: None,
            history: None,
            last_asked: None,
            fine_at: None,
            clear_at: None,
        }
    }

    pub(super) fn is_answer(&self, id: EffectId) -> bool {
        self.asked == Some(id)
    }

    pub(super) fn is_history(&self, id: EffectId) -> bool {
        self.history.as_ref().is_some_and(|(history, _)| *history == id)
    }

    pub(super) fn asked(&mut self, id: EffectId, now: Timestamp) {
        self.asked = Some(id);
        self.last_asked = Some(now);
    }

    /// Does not wait for an answer any longer; gives what was under way.
    pub(super) fn forget(&mut self) -> impl Iterator<Item = EffectId> + use<> {
        let history = self.history.take().map(|(history, _)| history);
        self.asked.take().into_iter().chain(history)
    }

    /// Whether to poll now: the poll is due, or one that began at `wanted` or later is wanted and none did yet.
    pub(super) fn wants_poll(&self, now: Timestamp, wanted: Option<Timestamp>) -> bool {
        if self.asked.is_some() {
            return false;
        }
        match (self.last_asked, wanted) {
            (None, _) => true,
            (Some(last), Some(wanted)) if last < wanted => true,
            (Some(last), _) => last + self.judge.poll() <= now,
        }
    }

    /// When the next poll, or the end of what an outage may last, is due.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let poll = match self.last_asked {
            Some(last) if self.asked.is_none() => Some(last + self.judge.poll()),
            _ => None,
        };
        [poll, self.judge.tolerated_until()].into_iter().flatten().min()
    }

    /// When the newest poll began, if it passed.
    pub(super) fn clear_at(&self) -> Option<Timestamp> {
        self.clear_at
    }

    pub(super) fn overdue(&self, now: Timestamp) -> Option<Cause> {
        self.judge.overdue(now)
    }

    pub(super) fn states(&self) -> &BTreeMap<AlarmName, AlarmState> {
        self.judge.states()
    }

    /// What the next reading is compared with.
    pub(super) fn seen(&self) -> BTreeMap<AlarmName, SeenAlarm> {
        self.judge.seen()
    }

    /// The alarms that fired before the rollout began and that the plan says to ignore.
    pub(super) fn excused(&self) -> &BTreeMap<AlarmName, bool> {
        self.judge.excused()
    }

    pub(super) fn take_over(
        &mut self,
        seen: &BTreeMap<AlarmName, SeenAlarm>,
        excused: BTreeMap<AlarmName, bool>,
    ) {
        self.judge.take_over(seen, excused);
    }

    /// Whether the poll that is being answered began so long ago that its answer says nothing of the present. An alarm
    /// that fired then is reason enough all the same.
    fn is_stale(&self, readings: &[AlarmReading], now: Timestamp) -> bool {
        let late = self.last_asked.is_some_and(|asked| now.since(asked) > LOOK_LIMIT);
        late && !self.judge.shows_firing(readings)
    }

    fn answered(&mut self, result: EffectResult, moment: Moment, now: Timestamp) -> Judgement {
        self.asked = None;
        let result = match result {
            EffectResult::Alarms(Ok(readings)) if self.is_stale(&readings, now) => {
                Err(unanswered(&EffectResult::TimedOut))
            }
            EffectResult::Alarms(result) => result,
            other => Err(unanswered(&other)),
        };
        let judgement = match moment {
            Moment::First => self.judge.judge_first(result, now),
            Moment::BeforeTraffic => self.judge.judge_before_traffic(result, now),
            Moment::WithTraffic => self.judge.judge(result, now),
        };
        self.fine_at = match judgement.verdict {
            Verdict::Pass | Verdict::Unexplained => self.last_asked,
            Verdict::Fail(_) | Verdict::NoData | Verdict::Error => None,
        };
        self.note(judgement)
    }

    fn history_read(&mut self, result: EffectResult, now: Timestamp) -> Option<Judgement> {
        let (_, alarm) = self.history.take()?;
        let result = match result {
            EffectResult::AlarmHistory(result) => result,
            other => Err(unanswered(&other)),
        };
        let judgement = self.judge.judge_history(&alarm, result, now);
        Some(self.note(judgement))
    }

    fn note(&mut self, judgement: Judgement) -> Judgement {
        self.clear_at = self.fine_at.filter(|_| judgement.verdict == Verdict::Pass);
        judgement
    }
}

impl Rollout {
    pub(super) fn alarms_read(&mut self, result: EffectResult) {
        let moment = self.moment();
        let excused = self.watch.excused().clone();
        let judgement = self.watch.answered(result, moment, self.now);
        self.unwritten |= *self.watch.excused() != excused;
        self.judged(judgement);
    }

    pub(super) fn alarm_history_read(&mut self, result: EffectResult) {
        if let Some(judgement) = self.watch.history_read(result, self.now) {
            self.judged(judgement);
        }
    }

    fn judged(&mut self, judgement: Judgement) {
        let Judgement { verdict, changes, outage } = judgement;
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
            Verdict::Unexplained => self.explain(),
            Verdict::Pass => {
                // What explains an older poll says nothing of a newer one that did not pass.
                let Some(asked) = self.watch.clear_at() else { return };
                self.hold.observe(asked, self.now, self.longest_gap());
                self.unwritten |= self.hold.is_worth_writing(self.now);
                self.alarms_clear();
            }
            Verdict::NoData | Verdict::Error => self.hold.lose_sight(self.now),
        }
    }

    /// Reads what an alarm did between two polls.
    fn explain(&mut self) {
        if self.watch.history.is_some() {
            return;
        }
        let Some((alarm, after)) = self.watch.judge.unexplained() else { return };
        let alarm = alarm.clone();
        let id = self.effect(Effect::ReadAlarmHistory { alarm: alarm.clone(), after });
        self.watch.history = Some((id, alarm));
    }

    fn moment(&self) -> Moment {
        // What fires while the canary has traffic already is not excused as having fired before.
        let untouched =
            self.weight() == Weight::ZERO && !self.has_unknown_weights() || self.is_served_already();
        let in_preflight = matches!(self.phase, Phase::Preparing | Phase::Checking);
        if in_preflight && untouched && !self.memory.is_past_check() {
            Moment::First
        } else if self.weight() == Weight::ZERO && !self.writes.may_land() {
            Moment::BeforeTraffic
        } else {
            Moment::WithTraffic
        }
    }

    /// A poll has passed: goes on with what waited for one.
    fn alarms_clear(&mut self) {
        match self.phase {
            Phase::Preparing => self.prepare_when_clear(),
            Phase::Checking => self.check_when_clear(),
            _ => {}
        }
    }

    /// Polls the alarms before traffic moves, or passes at once when the plan has none.
    pub(super) fn begin_check(&mut self, on: Trigger) {
        self.go(on);
        self.clear_since = self.now;
        self.check_when_clear();
    }

    pub(super) fn check_when_clear(&mut self) {
        // A process before may have published something else than would be published today: that is compared first.
        if self.is_clear() && self.call.is_none() && self.retry.due().is_none() {
            self.check_passed();
        }
    }
}
