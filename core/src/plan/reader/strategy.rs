use super::{At, Reader, Table};
use crate::plan::nearest::{nearest, one_of};
use crate::plan::strategy::{FACTOR, SHARE, check_factor, check_rise, check_share, check_step_count};
use crate::plan::syntax::Kind;
use crate::plan::{Step, Strategy};
use crate::units::{InvalidValue, Weight};

/// The kinds of a strategy as a table.
pub(in crate::plan) const KINDS: &[&str] = &["canary", "linear", "exponential", "all-at-once", "steps"];
/// The keys of a step.
pub(in crate::plan) const STEP_KEYS: &[&str] = &["percent", "hold", "gate"];

/// The keys of a strategy of this kind.
pub(in crate::plan) fn keys_of_kind(kind: &str) -> &'static [&'static str] {
    match kind {
        "canary" | "linear" => &["kind", "percent", "interval"],
        "exponential" => &["kind", "percent", "factor", "interval"],
        "steps" => &["kind", "steps"],
        _ => &["kind"],
    }
}

const STRATEGY: &str = "a name such as \"Canary10Percent5Minutes\", or a table with a `kind`";
const HELD: &str = "how long each weight is held, such as \"5m\"";
const STEPS: &str = "a list of steps such as { percent = 5, hold = \"10m\" }";

impl Reader {
    pub(super) fn strategy(&mut self, at: &At<'_>) -> Option<Strategy> {
        match &at.node.kind {
            Kind::Text(name) => self.checked(at, Strategy::named(name)),
            Kind::Table(_) => self.strategy_table(at),
            _ => {
                self.not_a(at, "a strategy", STRATEGY);
                None
            }
        }
    }

    fn strategy_table(&mut self, at: &At<'_>) -> Option<Strategy> {
        let table = self.any_table(at, STRATEGY)?;
        let Some(kind) = self.kind(&table) else {
            // Whatever kind it is to be: what is wrong with these is wrong in all of them.
            self.optional(&table, "percent", Self::share);
            self.optional(&table, "interval", Self::duration);
            return None;
        };
        self.refuse_unknown(&table, keys_of_kind(kind));
        match kind {
            "canary" | "linear" => {
                let (percent, interval) = (self.percent(&table), self.time(&table, "interval"));
                let make = if kind == "linear" { Strategy::linear } else { Strategy::canary };
                self.checked(at, make(percent?, interval?))
            }
            "exponential" => {
                let (percent, factor) = (self.percent(&table), self.factor(&table));
                let interval = self.time(&table, "interval");
                self.checked(at, Strategy::exponential(percent?, factor?, interval?))
            }
            "steps" => self.steps(&table),
            _ => Some(Strategy::AllAtOnce),
        }
    }

    fn kind(&mut self, table: &Table<'_>) -> Option<&'static str> {
        let right = one_of(KINDS);
        let at = self.required(table, "kind", &right)?;
        self.parsed(&at, &right, |text| {
            KINDS.iter().copied().find(|kind| *kind == text).ok_or_else(|| {
                let right =
                    nearest(text, KINDS).map_or_else(|| right.clone(), |near| format!("perhaps `{near}`"));
                InvalidValue::new(format!("`{text}` is no kind of strategy"), right)
            })
        })
    }

    fn percent(&mut self, table: &Table<'_>) -> Option<Weight> {
        let at = self.required(table, "percent", SHARE)?;
        self.share(&at)
    }

    fn share(&mut self, at: &At<'_>) -> Option<Weight> {
        let percent = self.number(at, SHARE)?;
        let weight = Weight::from_percent(percent).map_err(|what| InvalidValue::new(what.wrong, SHARE));
        self.checked(at, weight.and_then(check_share))
    }

    fn factor(&mut self, table: &Table<'_>) -> Option<f64> {
        let at = self.required(table, "factor", FACTOR)?;
        let factor = self.number(&at, FACTOR)?;
        self.checked(&at, check_factor(factor)).map(|_| factor)
    }

    fn time(&mut self, table: &Table<'_>, key: &str) -> Option<std::time::Duration> {
        let at = self.required(table, key, HELD)?;
        self.duration(&at)
    }

    /// A step alone may be held for no time: the next shift then follows as soon as the alarms allow it.
    fn hold(&mut self, table: &Table<'_>) -> Option<std::time::Duration> {
        let at = self.required(table, "hold", HELD)?;
        self.duration_or_zero(&at)
    }

    fn steps(&mut self, table: &Table<'_>) -> Option<Strategy> {
        let at = self.required(table, "steps", STEPS)?;
        let places = self.list(&at, STEPS)?;
        self.checked(&at, check_step_count(places.len()))?;
        let mut steps = Vec::with_capacity(places.len());
        let mut before = None;
        for place in &places {
            let (weight, step) = self.step(place, before);
            before = weight.or(before);
            steps.extend(step);
        }
        (steps.len() == places.len()).then_some(Strategy::Steps(steps))
    }

    /// The step, and its weight even when something else is wrong with it.
    fn step(&mut self, at: &At<'_>, before: Option<Weight>) -> (Option<Weight>, Option<Step>) {
        let Some(table) = self.table(at, STEP_KEYS) else { return (None, None) };
        let weight = self.percent(&table);
        if let (Some(weight), Some(place)) = (weight, table.get("percent")) {
            self.checked(&place, check_rise(before, weight));
        }
        let hold = self.hold(&table);
        let gate = self.optional(&table, "gate", Self::boolean).unwrap_or(false);
        let step = weight.zip(hold).map(|(weight, hold)| Step { weight, hold, gate });
        (weight, step)
    }
}
