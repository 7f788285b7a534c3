//! What a scenario's values may be, beyond their types.

use super::document::{
    AlarmSpec, AliasStart, CallKind, Deed, Document, Fault, FaultSpec, Metric, Route, Span, Statistic,
    VersionSpec,
};
use crate::account::AlarmState;
use crate::plan::Problem;
use crate::units::{InvalidValue, Weight};

/// Every value that cannot be, in the document's order.
pub(super) fn problems_of(document: &Document) -> Vec<Problem> {
    let mut check = Check::default();
    let ends = document.until.is_none_or(|until| until > Span::default());
    check.at("until", ends, "`0s` is zero", "a time such as \"48h\"");
    check.account(document);
    check.traffic(document);
    check.version("stable", &document.stable);
    check.version("canary", &document.canary);
    check.alarms(&document.alarms);
    check.at(
        "calls.slowest",
        document.calls.fastest <= document.calls.slowest,
        "it is shorter than `calls.fastest`",
        "a time not shorter than the fastest call's",
    );
    for (index, fault) in document.faults.iter().enumerate() {
        check.fault(&format!("faults[{index}]"), fault);
    }
    for (index, drift) in document.drift.iter().enumerate() {
        if let Deed::Route(route) = &drift.deed {
            check.route(&format!("drift[{index}].do.route"), route);
        }
    }
    for (index, effect) in document.runner.dies_after_effect.iter().enumerate() {
        check.at(
            format!("runner.dies_after_effect[{index}]"),
            *effect > 0,
            "effects count from 1",
            "a number such as 3",
        );
    }
    check.problems
}

#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn at(
        &mut self,
        path: impl Into<String>,
        holds: bool,
        wrong: impl Into<String>,
        right: impl Into<String>,
    ) {
        if !holds {
            self.problems.push(Problem::new(&path.into(), None, InvalidValue::new(wrong, right)));
        }
    }

    fn percent(&mut self, path: impl Into<String>, percent: f64) {
        let holds = (0.0..=100.0).contains(&percent);
        self.at(path, holds, format!("`{percent}` is not a share"), "a per cent from 0 to 100");
    }

    fn weight(&mut self, path: String, percent: f64) {
        if let Err(invalid) = Weight::from_percent(percent) {
            self.at(path, false, invalid.wrong, invalid.right);
        }
    }

    fn rising(&mut self, path: &str, times: impl Iterator<Item = Span>) {
        let times: Vec<Span> = times.collect();
        for (index, pair) in times.windows(2).enumerate() {
            let path = format!("{path}[{}]", index + 1);
            self.at(
                path,
                pair[0] < pair[1],
                "it is not later than the one before",
                "changes in the order of time",
            );
        }
    }

    fn account(&mut self, document: &Document) {
        if let AliasStart::Weighted(start) = &document.account.alias {
            self.weight("account.alias.weighted.percent".to_owned(), start.percent);
            self.at(
                "account.alias.weighted.version",
                start.version != Some(document.account.stable),
                "it is the stable version",
                "another version, such as \"2\"",
            );
        }
    }

    fn traffic(&mut self, document: &Document) {
        let traffic = &document.traffic;
        let rates = traffic.changes.iter().enumerate();
        let rates =
            rates.map(|(index, change)| (format!("traffic.changes[{index}].per_second"), change.per_second));
        for (path, rate) in
            std::iter::once(("traffic.per_second".to_owned(), traffic.per_second)).chain(rates)
        {
            let holds = (0.0..=1e6).contains(&rate);
            self.at(
                path,
                holds,
                format!("`{rate}` requests a second cannot be"),
                "a number from 0 to 1000000",
            );
        }
        self.rising("traffic.changes", traffic.changes.iter().map(|change| change.at));
    }

    fn version(&mut self, path: &str, version: &VersionSpec) {
        self.percent(format!("{path}.error_percent"), version.error_percent);
        let takes_time = |latency: Span| latency > Span::default();
        let (wrong, right) = ("`0s` is zero", "a time such as \"50ms\"");
        self.at(format!("{path}.latency"), takes_time(version.latency), wrong, right);
        for (index, change) in version.changes.iter().enumerate() {
            let path = format!("{path}.changes[{index}]");
            if let Some(percent) = change.error_percent {
                self.percent(format!("{path}.error_percent"), percent);
            }
            self.at(format!("{path}.latency"), change.latency.is_none_or(takes_time), wrong, right);
        }
        self.rising(&format!("{path}.changes"), version.changes.iter().map(|change| change.after));
    }

    fn alarms(&mut self, alarms: &[AlarmSpec]) {
        for (index, alarm) in alarms.iter().enumerate() {
            let twice = alarms[..index].iter().any(|earlier| earlier.name == alarm.name);
            let path = format!("alarms[{index}]");
            self.at(
                format!("{path}.name"),
                !twice,
                format!("`{}` is there twice", alarm.name),
                "each alarm once",
            );
            self.alarm(&path, alarm);
        }
    }

    fn alarm(&mut self, path: &str, alarm: &AlarmSpec) {
        let fits = match (alarm.metric, alarm.statistic) {
            (_, None) => true,
            (Metric::Errors | Metric::Invocations, Some(statistic)) => statistic == Statistic::Sum,
            (Metric::ErrorPercent, Some(_)) => false,
            (Metric::Duration, Some(statistic)) => statistic != Statistic::Sum,
        };
        self.at(
            format!("{path}.statistic"),
            fits,
            "it does not fit the metric",
            "sum for errors and invocations, none for error-percent, any other for duration",
        );
        self.at(
            format!("{path}.state"),
            alarm.state != Some(AlarmState::Unreadable),
            "an alarm always has a state, even when CloudWatch cannot evaluate it",
            "\"OK\", \"ALARM\" or \"INSUFFICIENT_DATA\"",
        );
        let finite = alarm.threshold.is_finite();
        self.at(
            format!("{path}.threshold"),
            finite,
            format!("`{}` is no number", alarm.threshold),
            "a number",
        );
        // A day of one-minute periods is the most that CloudWatch takes.
        let periods = alarm.periods;
        let holds = (1..=1440).contains(&periods);
        self.at(
            format!("{path}.periods"),
            holds,
            format!("`{periods}` periods cannot be"),
            "a number from 1 to 1440",
        );
        if let Some(datapoints) = alarm.datapoints {
            self.at(
                format!("{path}.datapoints"),
                (1..=periods).contains(&datapoints),
                format!("`{datapoints}` datapoints of {periods} periods cannot be"),
                format!("a number from 1 to {periods}"),
            );
        }
        for (index, forced) in alarm.forced.iter().enumerate() {
            let ends_later = forced.to.is_none_or(|to| forced.from < to);
            self.at(
                format!("{path}.forced[{index}].to"),
                ends_later,
                "it is not later than `from`",
                "a later time",
            );
            self.at(
                format!("{path}.forced[{index}].state"),
                forced.state != AlarmState::Unreadable,
                "nobody can force an alarm to be unreadable",
                "the key `unreadable` for times in which CloudWatch cannot evaluate the alarm",
            );
        }
        for (index, outage) in alarm.unreadable.iter().enumerate() {
            let ends_later = outage.to.is_none_or(|to| outage.from < to);
            self.at(
                format!("{path}.unreadable[{index}].to"),
                ends_later,
                "it is not later than `from`",
                "a later time",
            );
        }
    }

    fn fault(&mut self, path: &str, fault: &FaultSpec) {
        if let Some(percent) = fault.percent {
            self.percent(format!("{path}.percent"), percent);
        }
        self.at(
            format!("{path}.nth"),
            fault.nth.is_empty() || fault.percent.is_none(),
            "it stands beside `percent`",
            "one of the two, or none of them for every call",
        );
        self.at(
            format!("{path}.nth"),
            !fault.nth.contains(&0),
            "calls count from 1",
            "numbers such as [1, 3]",
        );
        let ends_later = fault.to.is_none_or(|to| fault.from < to);
        self.at(format!("{path}.to"), ends_later, "it is not later than `from`", "a later time");
        self.at(
            format!("{path}.by"),
            fault.by.is_some() == matches!(fault.fault, Fault::Late | Fault::Stale),
            "it says how late a call comes, or how old what it shows is",
            "`by` with the faults \"late\" and \"stale\", and not without",
        );
        let shows_something = [Some(CallKind::ReadAlias), Some(CallKind::ReadVersion)].contains(&fault.call);
        self.at(
            format!("{path}.call"),
            fault.fault != Fault::Stale || shows_something,
            "only these reads are ever stale",
            "\"read_alias\" or \"read_version\"",
        );
    }

    fn route(&mut self, path: &str, route: &Route) {
        self.at(
            format!("{path}.percent"),
            route.percent.is_some() == route.additional.is_some(),
            "a second version and its share belong together",
            "`additional` and `percent`, or neither",
        );
        if let Some(percent) = route.percent {
            self.weight(format!("{path}.percent"), percent);
        }
    }
}
