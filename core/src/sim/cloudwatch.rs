use std::time::Duration;

use super::document::{AlarmSpec, Comparison, EvaluationOutage, ForcedState, Metric, TreatMissing};
use super::traffic::{Law, Minute, Traffic};
use crate::account::{AlarmReading, AlarmState, AlarmTransition};
use crate::units::Timestamp;

/// A metric alarm that is evaluated at every full minute, as CloudWatch does with periods of a minute
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html>).
///
/// Evaluations, and what the scenario does with the alarm, are caught up with when somebody looks.
#[derive(Debug)]
pub(super) struct Alarm {
    spec: AlarmSpec,
    /// What its metric says.
    own: AlarmState,
    /// What it shows, and since when.
    state: AlarmState,
    reason: String,
    since: Timestamp,
    /// Until when it is caught up with.
    shown_until: Timestamp,
    /// What a person set by hand, above everything else.
    set: Option<(AlarmState, String)>,
    history: Vec<AlarmTransition>,
}

/// What one evaluation comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evaluation {
    Becomes(AlarmState),
    Stays,
}

/// CloudWatch looks further back than the periods that it evaluates. How far is not published for periods of a
/// minute; its documentation's examples take 5 datapoints for 3 periods.
const EXTRA_PERIODS: usize = 2;

impl Alarm {
    pub(super) fn new(spec: AlarmSpec, start: Timestamp) -> Self {
        let state = spec.state.unwrap_or(AlarmState::InsufficientData);
        Self {
            own: state,
            state,
            reason: "Unchecked: Initial alarm creation".to_owned(),
            since: start,
            // A state that the scenario names holds until the next full minute; without one the alarm is as old
            // as its metrics, and has been evaluated when the rollout starts.
            shown_until: match spec.state {
                Some(_) => start,
                None => Minute::of(start).start() - Duration::from_millis(1),
            },
            spec,
            set: None,
            history: Vec::new(),
        }
    }

    /// How many minutes before the start its first evaluation looks at.
    pub(super) fn reach(spec: &AlarmSpec) -> usize {
        spec.periods + EXTRA_PERIODS + 1
    }

    pub(super) fn watches_duration(spec: &AlarmSpec) -> bool {
        spec.metric == Metric::Duration
    }

    pub(super) fn exists(&self) -> bool {
        self.spec.exists
    }

    /// Sets the state by hand, until `None` lets the metric speak again.
    pub(super) fn set(
        &mut self,
        state: Option<(AlarmState, String)>,
        now: Timestamp,
        traffic: &mut Traffic,
        law: &Law<'_>,
    ) {
        self.catch_up(now, traffic, law);
        self.set = state;
        self.show(now, traffic, law);
    }

    /// The alarm as `DescribeAlarms` shows it now.
    pub(super) fn read(&mut self, now: Timestamp, traffic: &mut Traffic, law: &Law<'_>) -> AlarmReading {
        self.catch_up(now, traffic, law);
        let outage = self.outage(now, law).map(|outage| outage.reason.clone());
        let by_hand = self.set.as_ref().filter(|(state, _)| *state == AlarmState::Unreadable);
        let unreadable = by_hand.map(|(_, reason)| reason.clone()).or(outage);
        let (state, reason) = match unreadable {
            Some(reason) => (AlarmState::Unreadable, reason),
            None => (self.state, self.reason.clone()),
        };
        AlarmReading { name: self.spec.name.clone(), state, reason, since: Some(self.since) }
    }

    /// Every change of its state later than `after`, as `DescribeAlarmHistory` has it.
    pub(super) fn history(
        &mut self,
        after: Timestamp,
        now: Timestamp,
        traffic: &mut Traffic,
        law: &Law<'_>,
    ) -> Vec<AlarmTransition> {
        self.catch_up(now, traffic, law);
        self.history.iter().filter(|transition| transition.at > after).cloned().collect()
    }

    /// Goes through the moments at which its state may have changed: full minutes, and the scenario's own.
    fn catch_up(&mut self, now: Timestamp, traffic: &mut Traffic, law: &Law<'_>) {
        while let Some(at) = self.next_moment(law).filter(|at| *at <= now) {
            self.shown_until = at;
            let minute = Minute::of(at);
            if minute.start() == at && self.outage(at, law).is_none() {
                self.evaluate(minute, traffic, law);
            }
            self.show(at, traffic, law);
        }
    }

    fn next_moment(&self, law: &Law<'_>) -> Option<Timestamp> {
        let start = law.document.start;
        let ends = |forced: &ForcedState| [Some(forced.from), forced.to];
        let forced = self.spec.forced.iter().flat_map(ends).flatten().map(|span| start + span.0);
        let minute = Minute::of(self.shown_until).next().start();
        forced.chain([minute]).filter(|at| *at > self.shown_until).min()
    }

    fn outage(&self, at: Timestamp, law: &Law<'_>) -> Option<&EvaluationOutage> {
        let start = law.document.start;
        self.spec
            .unreadable
            .iter()
            .find(|outage| start + outage.from.0 <= at && outage.to.is_none_or(|to| at < start + to.0))
    }

    /// Shows what holds now: what a person set, what the scenario forces, or what the metric says.
    fn show(&mut self, now: Timestamp, traffic: &mut Traffic, law: &Law<'_>) {
        let start = law.document.start;
        let has_begun = |forced: &&ForcedState| start + forced.from.0 <= now;
        let newest = self.spec.forced.iter().rev().find(has_begun);
        let forced = newest.filter(|forced| forced.to.is_none_or(|to| now < start + to.0));
        let by_hand = self.set.clone().filter(|(state, _)| *state != AlarmState::Unreadable);
        let forced = by_hand.or_else(|| forced.map(|forced| (forced.state, forced.reason.clone())));
        let state = forced.as_ref().map_or(self.own, |(state, _)| *state);
        if state == self.state {
            return;
        }
        let reason = match forced {
            Some((_, reason)) => reason,
            None => self.spec.reason(state, &self.datapoints(Minute::of(now), traffic, law)),
        };
        (self.state, self.reason, self.since) = (state, reason.clone(), now);
        self.history.push(AlarmTransition { at: now, to: state, reason });
    }

    fn evaluate(&mut self, at: Minute, traffic: &mut Traffic, law: &Law<'_>) {
        let newest_first = self.datapoints(at, traffic, law);
        if let Evaluation::Becomes(state) = self.spec.evaluation(&newest_first) {
            self.own = state;
        }
    }

    /// What an evaluation at the start of this minute sees.
    fn datapoints(&self, at: Minute, traffic: &mut Traffic, law: &Law<'_>) -> Vec<Option<f64>> {
        let lag = law.document.metrics.lag.0;
        let ages = 1..=self.spec.periods + EXTRA_PERIODS;
        ages.map(|age| self.datapoint(at.back(age), at.start(), lag, traffic, law)).collect()
    }

    /// The datapoint of this minute, if it can be seen by now.
    fn datapoint(
        &self,
        minute: Minute,
        now: Timestamp,
        lag: Duration,
        traffic: &mut Traffic,
        law: &Law<'_>,
    ) -> Option<f64> {
        let visible = minute.next().start() + lag <= now;
        if visible {
            traffic.value(minute, (self.spec.metric, self.spec.of, self.spec.statistic), law)
        } else {
            None
        }
    }
}

impl AlarmSpec {
    fn breaches(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::AtLeast => value >= self.threshold,
            Comparison::Above => value > self.threshold,
            Comparison::AtMost => value <= self.threshold,
            Comparison::Below => value < self.threshold,
        }
    }

    fn needed(&self) -> usize {
        self.datapoints.unwrap_or(self.periods)
    }

    /// M out of N with missing data, by the rules and tables of
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>.
    fn evaluation(&self, newest_first: &[Option<f64>]) -> Evaluation {
        let real = || newest_first.iter().enumerate().filter_map(|(age, value)| Some((age, (*value)?)));
        let count = real().count();
        let breaching = real().take(self.periods).filter(|(_, value)| self.breaches(*value)).count();
        let filled = self.periods.saturating_sub(count);
        let judge = |breaching: usize| {
            let fires = breaching >= self.needed();
            Evaluation::Becomes(if fires { AlarmState::Alarm } else { AlarmState::Ok })
        };
        let all_breach = breaching == count;
        match self.missing {
            _ if filled == 0 || breaching >= self.needed() => judge(breaching),
            TreatMissing::NotBreaching => judge(breaching),
            TreatMissing::Breaching => judge(breaching + filled),
            TreatMissing::Ignore if all_breach => Evaluation::Stays,
            TreatMissing::Ignore => judge(breaching),
            TreatMissing::Missing if count == 0 => Evaluation::Becomes(AlarmState::InsufficientData),
            // "Premature alarm state": nothing but breaching datapoints, and the oldest is old enough.
            TreatMissing::Missing => {
                let oldest = real().next_back().map_or(0, |(age, _)| age + 1);
                let fires = all_breach && oldest >= self.needed();
                Evaluation::Becomes(if fires { AlarmState::Alarm } else { AlarmState::Ok })
            }
        }
    }

    /// Says why as CloudWatch does.
    fn reason(&self, state: AlarmState, newest_first: &[Option<f64>]) -> String {
        let real: Vec<f64> = newest_first.iter().copied().flatten().take(self.periods).collect();
        if state == AlarmState::InsufficientData || real.is_empty() {
            let meant = match self.missing {
                TreatMissing::NotBreaching => " and missing datapoints were treated as NonBreaching",
                TreatMissing::Breaching => " and missing datapoints were treated as Breaching",
                TreatMissing::Missing | TreatMissing::Ignore => "",
            };
            let periods = if self.periods == 1 { "period" } else { "periods" };
            return format!("No datapoints were received for {} {periods}{meant}.", self.periods);
        }
        let hits = real.iter().filter(|value| self.breaches(**value)).count();
        let (not, told) = if state == AlarmState::Alarm { ("", hits) } else { ("not ", real.len() - hits) };
        let values: Vec<String> = real.iter().map(|value| format!("{value:.1}")).collect();
        format!(
            "Threshold Crossed: {told} out of the last {} datapoints [{}] {} {not}{} the threshold ({:.1}).",
            real.len(),
            values.join(", "),
            if told == 1 { "was" } else { "were" },
            self.comparison.words(),
            self.threshold,
        )
    }
}

impl Comparison {
    fn words(self) -> &'static str {
        match self {
            Self::AtLeast => "greater than or equal to",
            Self::Above => "greater than",
            Self::AtMost => "less than or equal to",
            Self::Below => "less than",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::AlarmName;

    const TREATMENTS: [TreatMissing; 4] =
        [TreatMissing::Missing, TreatMissing::Ignore, TreatMissing::Breaching, TreatMissing::NotBreaching];

    /// Evaluates `0 - X - X`, oldest first as in CloudWatch's documentation, for each treatment of missing data:
    /// A for alarm, O for ok, I for insufficient data, = for the state retained.
    fn evaluated(points: &str, datapoints: usize, periods: usize) -> String {
        let mut spec = AlarmSpec::errors_of_canary(AlarmName::parse("errors").expect("a name"));
        (spec.datapoints, spec.periods) = (Some(datapoints), periods);
        let newest_first: Vec<Option<f64>> = points
            .split_whitespace()
            .rev()
            .map(|point| match point {
                "0" => Some(0.0),
                "X" => Some(5.0),
                _ => None,
            })
            .collect();
        let letter = |missing| {
            spec.missing = missing;
            match spec.evaluation(&newest_first) {
                Evaluation::Stays => '=',
                Evaluation::Becomes(AlarmState::Ok) => 'O',
                Evaluation::Becomes(AlarmState::Alarm) => 'A',
                Evaluation::Becomes(AlarmState::InsufficientData) => 'I',
                Evaluation::Becomes(AlarmState::Unreadable) => '?',
            }
        };
        TREATMENTS.map(letter).iter().collect()
    }

    #[test]
    fn both_tables_of_cloudwatchs_documentation_come_out_as_printed() {
        let three_of_three = [
            ("0 - X - X", "OOOO"),
            ("0 - - - -", "OOOO"),
            ("- - - - -", "I=AO"),
            ("0 X X - X", "AAAA"),
            ("- - X - -", "A=AO"),
        ];
        for (points, states) in three_of_three {
            assert_eq!(evaluated(points, 3, 3), states, "3 of 3: {points}");
        }
        let two_of_three = [
            ("0 - X - X", "AAAA"),
            ("0 0 X 0 X", "AAAA"),
            ("0 - X - -", "OOAO"),
            ("- - - - 0", "OOAO"),
            ("- - - X -", "A=AO"),
        ];
        for (points, states) in two_of_three {
            assert_eq!(evaluated(points, 2, 3), states, "2 of 3: {points}");
        }
    }

    #[test]
    fn an_alarm_does_not_fire_early_on_intermittent_data() {
        for points in ["- - - - X", "- - - X -"] {
            assert!(evaluated(points, 3, 3).starts_with("O="), "{points}");
        }
    }

    #[test]
    fn one_of_one_keeps_to_the_newest_datapoint_that_there_is() {
        assert_eq!(evaluated("0 0 X", 1, 1), "AAAA");
        assert_eq!(evaluated("X 0 -", 1, 1), "OOOO");
        assert_eq!(evaluated("X - -", 1, 1), "AAAA");
        assert_eq!(evaluated("- - -", 1, 1), "I=AO");
    }

    #[test]
    fn every_comparison_has_its_own_edge() {
        let mut spec = AlarmSpec::errors_of_canary(AlarmName::parse("errors").expect("a name"));
        let mut breaches = |comparison| {
            spec.comparison = comparison;
            [0.5, 1.0, 1.5].map(|value| spec.breaches(value))
        };
        assert_eq!(breaches(Comparison::AtLeast), [false, true, true]);
        assert_eq!(breaches(Comparison::Above), [false, false, true]);
        assert_eq!(breaches(Comparison::AtMost), [true, true, false]);
        assert_eq!(breaches(Comparison::Below), [true, false, false]);
    }

    #[test]
    fn the_reason_reads_as_cloudwatchs_own() {
        let mut spec = AlarmSpec::errors_of_canary(AlarmName::parse("errors").expect("a name"));
        assert_eq!(
            spec.reason(AlarmState::Alarm, &[None, Some(15.0)]),
            "Threshold Crossed: 1 out of the last 1 datapoints [15.0] was greater than or equal to the threshold (1.0)."
        );
        assert!(
            spec.reason(AlarmState::Ok, &[None]).starts_with("No datapoints were received for 1 period and")
        );
        spec.periods = 2;
        assert_eq!(
            spec.reason(AlarmState::Ok, &[Some(0.0), Some(0.5), Some(9.0)]),
            "Threshold Crossed: 2 out of the last 2 datapoints [0.0, 0.5] were not greater than or equal to the threshold (1.0)."
        );
        assert_eq!(
            spec.reason(AlarmState::Ok, &[None, None, None]),
            "No datapoints were received for 2 periods and missing datapoints were treated as NonBreaching."
        );
    }
}
