//! A rollout that takes any input, watched by the referee, and is brought to its end when the weather clears up.

use std::sync::Arc;

use lambda_rollout::account::{AlarmState, HookReport, Routing};
use lambda_rollout::event::{Outcome, OutcomeKind};
use lambda_rollout::machine::{
    Command, Effect, EffectId, EffectResult, Input, Output, Phase, Rollout, Snapshot,
};
use lambda_rollout::units::{RolloutId, Timestamp, Weight};
use lambda_rollout::{ErrorKind, RolloutPlan};

use crate::account::{Account, failed};
use crate::referee::Referee;
use crate::story::{Ending, Failure, Happening, Lie, Orphan, Story, Wish};

/// A rollout, the account that answers it, and the referee.
#[derive(Debug)]
pub struct Day {
    plan: Arc<RolloutPlan>,
    rollout: Rollout,
    account: Account,
    referee: Referee,
    now: Timestamp,
    /// The latest time that the clock has shown.
    latest: Timestamp,
    /// Calls under way, in the order in which they were asked for.
    waiting: Vec<(EffectId, Effect)>,
    kept: Option<Snapshot>,
    outcome: Option<Outcome>,
    is_over: bool,
    /// Whether an answer said what was not so. Then the end may be as wrong as the answers were.
    lied: bool,
    died: bool,
    only_checks: bool,
    /// Whether everything that goes in and comes out is printed: FUZZ_TELL is set.
    is_told: bool,
}

/// More turns than any rollout of the targets needs once all is well.
const MOST_TURNS: usize = 20_000;

impl Day {
    /// The day of a story, before anything happens.
    #[must_use]
    pub fn of(story: &Story) -> Self {
        let plan = Arc::new(story.plan.build());
        let (id, now) = (RolloutId::from_bits(7), Timestamp::from_millis(1_767_225_600_000));
        let rollout = if story.plan.check_only {
            Rollout::check_only(Arc::clone(&plan), id, now)
        } else {
            Rollout::new(Arc::clone(&plan), id, now)
        };
        let referee = Referee::new(&plan);
        let account = Account::new(story.alias.map(|route| route.0), now);
        let only_checks = story.plan.check_only;
        Self { only_checks, ..Self::with(plan, rollout, account, referee, now) }
    }

    /// The day on which a rollout is taken up again from this snapshot, with the alias at this routing.
    #[must_use]
    pub fn restored(plan: RolloutPlan, snapshot: Snapshot, routing: Option<Routing>) -> Self {
        let (plan, now) = (Arc::new(plan), snapshot.started_at);
        let mut referee = Referee::new(&plan);
        referee.takes_over_unseen(&snapshot);
        let rollout = Rollout::restore(Arc::clone(&plan), snapshot, now);
        // What the snapshot says may never have been so.
        let account = Account::new(routing, now);
        Self { died: true, lied: true, ..Self::with(plan, rollout, account, referee, now) }
    }

    fn with(
        plan: Arc<RolloutPlan>,
        rollout: Rollout,
        account: Account,
        referee: Referee,
        now: Timestamp,
    ) -> Self {
        let mut day = Self {
            plan,
            rollout,
            account,
            referee,
            now,
            latest: now,
            waiting: Vec::new(),
            kept: None,
            outcome: None,
            is_over: false,
            lied: false,
            died: false,
            only_checks: false,
            is_told: std::env::var_os("FUZZ_TELL").is_some(),
        };
        day.input(Input::Start);
        day
    }

    /// Something happens.
    pub fn happen(&mut self, happening: &Happening) {
        match happening {
            Happening::Ends(which, ending) => self.end_call((*which).into(), ending),
            Happening::Stray(id, lie) => self.stray((*id).into(), lie),
            Happening::Deadline => {
                self.now = self.rollout.deadline().unwrap_or(self.now);
                self.input(Input::Tick);
            }
            Happening::Leap(seconds) => {
                let millis = i64::from(*seconds) * 1000;
                self.now = Timestamp::from_millis(self.now.as_millis() + millis);
                self.input(Input::Tick);
            }
            Happening::Wish(wish) => self.wish(*wish),
            Happening::Drift(route) => self.account.drift(route.map(|route| route.0)),
            Happening::Alarms(alarms) => self.account.set_alarms(alarms.state(), self.now),
            Happening::Flap(through) => self.account.flap(through.state(), self.now),
            Happening::Hooks(opinion) => self.account.hook = opinion.report(),
            Happening::Dies(orphan, remembered) => self.die(*orphan, *remembered),
            Happening::StartsAgain => self.input(Input::Start),
        }
    }

    /// The weather clears up: from here on every call does what it should, and the rollout has to come to an end.
    pub fn clear_up(mut self) {
        // A change that is later than any that an answer made up, so that the alarms' history explains their times.
        self.account.set_alarms(AlarmState::InsufficientData, self.latest);
        self.account.set_alarms(AlarmState::Ok, self.latest);
        self.account.settle();
        // Where an answer lied about the revision, the true one counts as an old one.
        self.account.edit();
        self.account.hook = HookReport::pass("fine");
        for _ in 0..MOST_TURNS {
            if self.is_over {
                return self.check_end();
            }
            let status = self.rollout.status();
            if !self.waiting.is_empty() {
                self.end_call(0, &Ending::Done);
            } else if (status.paused && status.phase != Phase::RollingBack) || status.phase == Phase::Gated {
                self.wish(Wish::Resume);
            } else {
                self.now = self.rollout.deadline().unwrap_or_else(|| panic!("stuck: {status:#?}"));
                self.input(Input::Tick);
            }
        }
        panic!("no end: {:#?}", self.rollout.status());
    }

    fn end_call(&mut self, which: usize, ending: &Ending) {
        if self.waiting.is_empty() {
            return;
        }
        let (id, effect) = self.waiting.remove(which % self.waiting.len());
        let result = self.result(&effect, ending);
        self.answer(id, result);
    }

    fn answer(&mut self, id: EffectId, result: EffectResult) {
        // As the machine sees it: time only ever moves on.
        let now = self.now.max(self.rollout.status().at);
        self.referee.answered(id, &result, now);
        self.input(Input::Done(id, result));
    }

    fn result(&mut self, effect: &Effect, ending: &Ending) -> EffectResult {
        let done = matches!(ending, Ending::Done | Ending::DoneAndFails(_) | Ending::ReplyLost);
        let truth = done.then(|| self.account.answer(effect));
        match (ending, effect) {
            (Ending::Done, _) => truth.expect("it was done"),
            (Ending::Fails(failure), _) => {
                self.lied |= matches!(failure, Failure::NotFound);
                failed_as(effect, failure.kind())
            }
            (Ending::DoneAndFails(failure), _) => {
                // Of these kinds of errors AWS means that nothing was done.
                self.lied |= !matches!(failure, Failure::Conflict | Failure::Unreachable | Failure::Internal);
                failed_as(effect, failure.kind())
            }
            (Ending::Late, Effect::WriteAlias(write)) => {
                self.account.delay(write);
                EffectResult::TimedOut
            }
            (Ending::Stale, Effect::ReadAlias) => match self.account.read_stale() {
                // What a runner has not seen replaced it cannot know to be old.
                Some(old) => {
                    self.lied |= self.account.touched || self.died;
                    old
                }
                None => self.account.answer(effect),
            },
            (Ending::Moves(reads), Effect::WriteAlias(_)) => {
                let before = self.account.alias.as_ref().map(|alias| alias.routing);
                let answer = self.account.answer(effect);
                if matches!(answer, EffectResult::Alias(Ok(_))) {
                    self.account.move_from(before, *reads);
                }
                answer
            }
            (Ending::Stale | Ending::Moves(_), _) => self.account.answer(effect),
            (Ending::Lost | Ending::ReplyLost | Ending::Late, _) => EffectResult::TimedOut,
            (Ending::Lie(lie), _) => {
                self.lied = true;
                lie.result(self.now)
            }
        }
    }

    /// An answer with this id, whether anybody waits for it or not.
    fn stray(&mut self, id: u64, lie: &Lie) {
        if let Some(which) = self.waiting.iter().position(|(waiting, _)| *waiting == effect_id(id)) {
            let (id, _) = self.waiting.remove(which);
            self.lied = true;
            return self.answer(id, lie.result(self.now));
        }
        self.input(Input::Done(effect_id(id), lie.result(self.now)));
    }

    fn wish(&mut self, wish: Wish) {
        let command = match wish {
            Wish::Pause => Command::Pause,
            Wish::Resume => Command::Resume,
            Wish::Promote => Command::Promote,
            Wish::Abort => Command::Abort { reason: "the fuzzer wants it".into() },
        };
        // What is due by now is done whether the command fits or not.
        self.input(Input::Tick);
        if self.is_over {
            return;
        }
        let before = self.rollout.status();
        let promote = command == Command::Promote;
        match self.rollout.handle(Input::Command(command), self.now) {
            Ok(()) => {
                if promote {
                    self.referee.promote_asked();
                }
                self.drain();
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WrongState);
                assert!(self.rollout.poll().is_none(), "a command that does not fit did something");
                let after = self.rollout.status();
                assert_eq!((before.phase, before.paused), (after.phase, after.paused));
            }
        }
    }

    fn die(&mut self, orphan: Orphan, remembered: bool) {
        if self.is_over {
            return;
        }
        for (_, effect) in std::mem::take(&mut self.waiting) {
            match (orphan, &effect) {
                (Orphan::Lands, _) => drop(self.account.answer(&effect)),
                (Orphan::LandsLate, Effect::WriteAlias(write)) => self.account.delay(write),
                _ => {}
            }
        }
        let plan = Arc::clone(&self.plan);
        self.kept.take_if(|_| !remembered);
        self.rollout = match &mut self.kept {
            Some(snapshot) => {
                snapshot.next_seq = self.referee.next_seq();
                self.referee.takes_over(snapshot, self.now);
                Rollout::restore(plan, snapshot.clone(), self.now)
            }
            None => {
                self.only_checks = false;
                self.referee.begins_anew();
                Rollout::new(plan, RolloutId::from_bits(8), self.now)
            }
        };
        self.died = true;
        self.input(Input::Start);
    }

    fn input(&mut self, input: Input) {
        self.latest = self.latest.max(self.now);
        self.tell(&input);
        self.rollout.handle(input, self.now).expect("only commands are refused");
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.rollout.poll() {
            self.tell(&output);
            assert!(!self.is_over, "after the end: {output:?}");
            match output {
                Output::Persist(snapshot) => {
                    self.referee.persisted((*snapshot).clone());
                    self.kept = Some(*snapshot);
                }
                Output::Event(event) => self.referee.told(&event),
                Output::Effect(id, effect) => {
                    assert!(!self.only_checks || is_read(&effect), "a check asked for {effect:?}");
                    self.referee.asked(id, &effect, self.rollout.status().at);
                    self.waiting.push((id, effect));
                }
                Output::Done(outcome) => {
                    self.referee.done(&outcome);
                    self.outcome = Some(outcome);
                    self.is_over = true;
                }
                Output::CheckPassed => self.is_over = true,
                // It may be answered all the same, and that counts for nothing.
                Output::Withdraw(_) => {}
                other => unreachable!("an output that the day does not know: {other:?}"),
            }
        }
        if let Some(deadline) = self.rollout.deadline() {
            assert!(!self.is_over, "a deadline after the end");
            assert!(deadline > self.rollout.status().at, "a deadline in the past");
        }
    }

    fn tell(&self, what: &dyn std::fmt::Debug) {
        if self.is_told {
            eprintln!("{} {what:?}", self.rollout.status().at);
        }
    }

    /// S6: what the end says of the alias is so, unless somebody lied.
    fn check_end(&self) {
        let Some(outcome) = &self.outcome else { return };
        let is_unsettled = outcome.kind == OutcomeKind::Unsettled;
        assert!(!is_unsettled || outcome.advice.is_some(), "{outcome:?} does not say what to do");
        let (Some(alias), false) = (&self.account.alias, self.lied) else { return };
        if !self.account.touched_last && !self.only_checks {
            let canary = outcome.canary_version.map_or(Weight::ZERO, |canary| alias.routing.share_of(canary));
            match outcome.kind {
                OutcomeKind::Promoted => assert_eq!(canary, Weight::FULL, "{outcome:?}"),
                OutcomeKind::RolledBack => assert_eq!(canary, Weight::ZERO, "{outcome:?}"),
                OutcomeKind::Aborted if outcome.traffic_moved => {
                    assert_eq!(canary, Weight::ZERO, "{outcome:?}");
                }
                _ => {}
            }
        }
        if !self.account.touched && !self.died && !is_unsettled {
            assert!(alias.routing.is_single(), "S6: {outcome:?} left {}", alias.routing);
        }
    }
}

fn effect_id(id: u64) -> EffectId {
    serde_json::from_value(id.into()).expect("an id is a number")
}

fn failed_as(effect: &Effect, kind: ErrorKind) -> EffectResult {
    match effect {
        Effect::ReadAlias | Effect::WriteAlias(_) | Effect::CreateAlias(_) => {
            EffectResult::Alias(Err(failed(kind)))
        }
        Effect::ReadVersion(_) | Effect::UpdateCode { .. } | Effect::Publish(_) => {
            EffectResult::Version(Err(failed(kind)))
        }
        Effect::ReadAlarms(_) => EffectResult::Alarms(Err(failed(kind))),
        Effect::ReadAlarmHistory { .. } => EffectResult::AlarmHistory(Err(failed(kind))),
        Effect::CheckHook(_) | Effect::CheckCode(_) => EffectResult::Checked(Err(failed(kind))),
        Effect::ReadProvisionedConcurrency => EffectResult::ProvisionedConcurrency(Err(failed(kind))),
        _ => EffectResult::TimedOut,
    }
}

fn is_read(effect: &Effect) -> bool {
    use Effect as E;
    let checks = matches!(effect, E::CheckHook(_) | E::CheckCode(_) | E::ReadProvisionedConcurrency);
    let reads =
        matches!(effect, E::ReadAlias | E::ReadVersion(_) | E::ReadAlarms(_) | E::ReadAlarmHistory { .. });
    checks || reads
}
