use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Binomial, Distribution, LogNormal, Poisson};

use super::document::{Document, Metric, Statistic, Subject, VersionSpec};
use super::lambda::AliasChange;
use crate::account::Routing;
use crate::units::{Timestamp, Version};

/// Requests to the alias, and what became of them, minute by minute.
///
/// A minute is thrown when an alarm first asks for it, in order and once; a minute that nobody asks for costs
/// nothing.
#[derive(Debug)]
pub(super) struct Traffic {
    rng: ChaCha12Rng,
    first: Minute,
    minutes: Vec<[Tally; 2]>,
    /// Durations are thrown only where an alarm watches them.
    with_durations: bool,
}

/// What happened at one version in one minute.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) errors: u64,
    /// How long a sample of the requests took, in milliseconds.
    pub(super) durations: Vec<f32>,
}

/// The most requests of one piece of a minute whose durations are thrown: enough for a p99 that means something.
const SAMPLE: u64 = 200;

/// A minute of Unix time, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Minute(pub(super) i64);

impl Minute {
    const MILLIS: i64 = 60_000;

    /// The minute that this moment is in.
    pub(super) fn of(at: Timestamp) -> Self {
        Self(at.as_millis().div_euclid(Self::MILLIS))
    }

    pub(super) fn start(self) -> Timestamp {
        Timestamp::from_millis(self.0 * Self::MILLIS)
    }

    pub(super) fn back(self, minutes: usize) -> Self {
        Self(self.0 - i64::try_from(minutes).unwrap_or(i64::MAX))
    }

    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What decides how a request fares: the scenario, and where the alias pointed when.
pub(super) struct Law<'a> {
    pub(super) document: &'a Document,
    pub(super) stable: Version,
    pub(super) initial: Option<Routing>,
    pub(super) history: &'a [AliasChange],
}

impl Traffic {
    /// Traffic from this minute on.
    pub(super) fn new(seed: u64, first: Minute, with_durations: bool) -> Self {
        Self { rng: ChaCha12Rng::seed_from_u64(seed), first, minutes: Vec::new(), with_durations }
    }

    /// The value of a metric in a minute that is over, or `None` where CloudWatch would have no datapoint.
    pub(super) fn value(
        &mut self,
        minute: Minute,
        (metric, of, statistic): (Metric, Subject, Option<Statistic>),
        law: &Law<'_>,
    ) -> Option<f64> {
        let [stable, canary] = self.minute(minute, law)?;
        let sum = |of_tally: fn(&Tally) -> u64| match of {
            Subject::Stable => of_tally(stable),
            Subject::Canary => of_tally(canary),
            Subject::Alias => of_tally(stable) + of_tally(canary),
        };
        let requests = sum(|tally| tally.requests);
        let errors = sum(|tally| tally.errors);
        match metric {
            _ if requests == 0 => None,
            Metric::Errors => Some(errors as f64),
            Metric::Invocations => Some(requests as f64),
            Metric::ErrorPercent => Some(errors as f64 * 100.0 / requests as f64),
            Metric::Duration => {
                let mut durations = match of {
                    Subject::Stable => stable.durations.clone(),
                    Subject::Canary => canary.durations.clone(),
                    Subject::Alias => [stable.durations.as_slice(), &canary.durations].concat(),
                };
                statistic_of(&mut durations, statistic.unwrap_or(Statistic::Average))
            }
        }
    }

    fn minute(&mut self, minute: Minute, law: &Law<'_>) -> Option<&[Tally; 2]> {
        let index = usize::try_from(minute.0 - self.first.0).ok()?;
        while self.minutes.len() <= index {
            let next = Minute(self.first.0 + self.minutes.len() as i64);
            let thrown = self.throw(next, law);
            self.minutes.push(thrown);
        }
        self.minutes.get(index)
    }

    /// Throws the dice for one minute, piece by piece: a piece ends where anything changes.
    fn throw(&mut self, minute: Minute, law: &Law<'_>) -> [Tally; 2] {
        let mut tallies = [Tally::default(), Tally::default()];
        let (mut from, end) = (minute.start(), minute.next().start());
        let canary_since = law.canary_since();
        while from < end {
            let to = law.next_change(from, canary_since).min(end);
            let seconds = to.since(from).as_secs_f64();
            let share = law.canary_share(from);
            if let Some(share) = share {
                let requests = poisson(&mut self.rng, law.rate(from) * seconds);
                let at_canary = binomial(&mut self.rng, requests, share);
                let versions = [
                    (requests - at_canary, &law.document.stable, law.document.start),
                    (at_canary, &law.document.canary, canary_since.unwrap_or(from)),
                ];
                for (tally, (requests, version, since)) in tallies.iter_mut().zip(versions) {
                    self.serve(tally, requests, &Behaviour::of(version, since, from));
                }
            }
            from = to;
        }
        tallies
    }

    fn serve(&mut self, tally: &mut Tally, requests: u64, behaviour: &Behaviour) {
        tally.requests += requests;
        tally.errors += binomial(&mut self.rng, requests, behaviour.error_share);
        if self.with_durations {
            let dice = behaviour.durations();
            let sample = (0..requests.min(SAMPLE)).map(|_| dice.sample(&mut self.rng) as f32);
            tally.durations.extend(sample);
        }
    }
}

impl Law<'_> {
    fn routing(&self, at: Timestamp) -> Option<Routing> {
        let newest = self.history.iter().rev().find(|change| change.at <= at);
        newest.map_or(self.initial, |change| change.routing)
    }

    /// The canary's share of traffic; `None` when there is no alias to call.
    fn canary_share(&self, at: Timestamp) -> Option<f64> {
        self.routing(at).map(|routing| routing.share_of(self.stable).rest().fraction())
    }

    /// When the canary first got traffic: its changes count from here.
    fn canary_since(&self) -> Option<Timestamp> {
        let gets_traffic = |routing: &Routing| routing.share_of(self.stable).basis_points() < 10_000;
        if self.initial.as_ref().is_some_and(gets_traffic) {
            return Some(self.document.start);
        }
        let first = self.history.iter().find(|change| change.routing.as_ref().is_some_and(gets_traffic));
        first.map(|change| change.at)
    }

    fn rate(&self, at: Timestamp) -> f64 {
        let traffic = &self.document.traffic;
        let newest = traffic.changes.iter().rev().find(|change| self.document.start + change.at.0 <= at);
        newest.map_or(traffic.per_second, |change| change.per_second)
    }

    /// The first moment after this one at which a request may fare otherwise.
    fn next_change(&self, after: Timestamp, canary_since: Option<Timestamp>) -> Timestamp {
        let start = self.document.start;
        let routing = self.history.iter().map(|change| change.at);
        let rates = self.document.traffic.changes.iter().map(|change| start + change.at.0);
        let stable = self.document.stable.changes.iter().map(|change| start + change.after.0);
        let canary = canary_since
            .into_iter()
            .flat_map(|since| self.document.canary.changes.iter().map(move |change| since + change.after.0));
        let all = routing.chain(rates).chain(stable).chain(canary);
        all.filter(|at| *at > after).min().unwrap_or(Timestamp::MAX)
    }
}

/// How a version behaves at one moment.
struct Behaviour {
    error_share: f64,
    latency_ms: f64,
    spread_ms: f64,
}

impl Behaviour {
    fn of(version: &VersionSpec, since: Timestamp, at: Timestamp) -> Self {
        let (mut errors, mut latency, mut spread) = (version.error_percent, version.latency, version.spread);
        for change in version.changes.iter().take_while(|change| since + change.after.0 <= at) {
            errors = change.error_percent.unwrap_or(errors);
            latency = change.latency.unwrap_or(latency);
            spread = change.spread.unwrap_or(spread);
        }
        let millis = |span: super::document::Span| span.0.as_secs_f64() * 1000.0;
        Self { error_share: errors / 100.0, latency_ms: millis(latency), spread_ms: millis(spread) }
    }

    fn durations(&self) -> LogNormal<f64> {
        let cv = self.spread_ms / self.latency_ms;
        LogNormal::from_mean_cv(self.latency_ms, cv).expect("a scenario's latencies are above zero")
    }
}

/// Requests come one by one, each on its own.
fn poisson(rng: &mut ChaCha12Rng, mean: f64) -> u64 {
    if mean <= 0.0 {
        return 0;
    }
    Poisson::new(mean).expect("a scenario's rate is finite").sample(rng) as u64
}

/// Each request finds its version, and each fails or does not, on its own.
fn binomial(rng: &mut ChaCha12Rng, of: u64, share: f64) -> u64 {
    if of == 0 || share <= 0.0 {
        return 0;
    }
    if share >= 1.0 {
        return of;
    }
    Binomial::new(of, share).expect("a share is between 0 and 1").sample(rng)
}

fn statistic_of(durations: &mut [f32], statistic: Statistic) -> Option<f64> {
    durations.sort_by(f32::total_cmp);
    let (first, last) = (*durations.first()?, *durations.last()?);
    let value = match statistic {
        Statistic::Minimum => first,
        Statistic::Maximum => last,
        Statistic::Sum | Statistic::Average => {
            let sum: f64 = durations.iter().copied().map(f64::from).sum();
            let of = if statistic == Statistic::Sum { 1.0 } else { durations.len() as f64 };
            return Some(sum / of);
        }
        Statistic::Percentile(percent) => {
            let rank = (percent / 100.0 * durations.len() as f64).ceil() as usize;
            durations[rank.clamp(1, durations.len()) - 1]
        }
    };
    Some(f64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn law_test(document: &Document, history: &[AliasChange], minutes: i64) -> [Tally; 2] {
        let stable = document.account.stable;
        let law = Law { document, stable, initial: Some(Routing::only(stable)), history };
        let first = Minute::of(document.start);
        let mut traffic = Traffic::new(3, first, true);
        let mut sum = [Tally::default(), Tally::default()];
        for number in 0..minutes {
            let tallies = traffic.minute(Minute(first.0 + number), &law).expect("after the first");
            for (sum, tally) in sum.iter_mut().zip(tallies) {
                sum.requests += tally.requests;
                sum.errors += tally.errors;
                sum.durations.extend(&tally.durations);
            }
        }
        sum
    }

    fn shift(document: &Document, after_ms: i64, percent: f64) -> AliasChange {
        let canary = Version::new(2).expect("above 0");
        let weight = crate::units::Weight::from_percent(percent).expect("a share");
        AliasChange {
            at: Timestamp::from_millis(document.start.as_millis() + after_ms),
            by: super::super::Hand::Rollout,
            routing: Some(Routing::split(document.account.stable, canary, weight)),
            revision_id: String::new(),
            guarded: true,
        }
    }

    fn near(found: u64, expected: f64, spread: f64) {
        assert!((found as f64 - expected).abs() < 5.0 * spread, "{found} is far from {expected}");
    }

    #[test]
    fn requests_are_split_by_the_weight_and_fail_by_each_versions_share() {
        let mut document = Document::default();
        document.traffic.per_second = 100.0;
        document.stable.error_percent = 1.0;
        document.canary.error_percent = 20.0;
        let [stable, canary] = law_test(&document, &[shift(&document, 0, 10.0)], 50);
        // 50 minutes are 300,000 requests; the spread is that of each binomial.
        near(stable.requests, 270_000.0, 520.0);
        near(canary.requests, 30_000.0, 174.0);
        near(stable.errors, 2_700.0, 52.0);
        near(canary.errors, 6_000.0, 75.0);
    }

    #[test]
    fn a_shift_within_a_minute_moves_only_what_comes_after_it() {
        let document = Document::default();
        let history = [shift(&document, 45_000, 100.0)];
        let [stable, canary] = law_test(&document, &history, 1);
        near(stable.requests, 900.0, 30.0);
        near(canary.requests, 300.0, 18.0);
    }

    #[test]
    fn a_slow_burn_counts_from_the_canarys_first_traffic() {
        let mut document = Document::default();
        let change = super::super::document::VersionChange {
            after: super::super::document::Span::millis(120_000),
            error_percent: Some(100.0),
            latency: None,
            spread: None,
        };
        document.canary.changes = vec![change];
        let history = [shift(&document, 60_000, 50.0)];
        assert_eq!(law_test(&document, &history, 3)[1].errors, 0);
        let [stable, canary] = law_test(&document, &history, 4);
        assert!(canary.errors > 500);
        assert_eq!(stable.errors, 0);
    }

    #[test]
    fn durations_have_the_scenarios_mean_and_spread() {
        let document = Document::default();
        let [stable, _] = law_test(&document, &[], 60);
        let mut durations = stable.durations;
        let mean = statistic_of(&mut durations, Statistic::Average).expect("samples");
        assert!((mean - 50.0).abs() < 2.0, "{mean}");
        let p99 = statistic_of(&mut durations, Statistic::Percentile(99.0)).expect("samples");
        assert!((100.0..135.0).contains(&p99), "{p99}");
    }

    #[test]
    fn percentiles_are_ranks() {
        let mut durations: Vec<f32> = (1..=100).map(|n| n as f32).collect();
        for (percent, rank) in [(0.0, 1.0), (50.0, 50.0), (99.0, 99.0), (100.0, 100.0)] {
            assert_eq!(statistic_of(&mut durations, Statistic::Percentile(percent)), Some(rank));
        }
    }
}
