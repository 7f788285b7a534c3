use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::iter::{once, repeat_n};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use lambda_rollout::machine::{Effect, Output};
use lambda_rollout::plan::RolloutPlan;

use crate::account::Opening;
use crate::broken::{Broken, broken};
use crate::choice::Choice;
use crate::fingerprint::fingerprint;
use crate::situation::Situation;

/// A situation that was reached, by its number.
type Id = u32;

/// The way to a situation with the fewest deviations.
#[derive(Clone, Copy)]
struct Reached {
    from: Id,
    by: Choice,
    /// How many steps of the normal course came after the choice.
    on: u16,
    deviations: u8,
    steps: u16,
    /// Where the normal course leads; `None` at the end, and where a promise was broken on the way.
    next: Option<Id>,
}

/// A situation that is to be walked on from, and the deviations with which it was reached.
type Ahead = (Id, u8, Situation);

/// A walk through all that may happen to one plan: breadth first, deviation by deviation.
pub(crate) struct Walk {
    plan: Arc<RolloutPlan>,
    opening: Opening,
    depth: u8,
    seen: BTreeMap<u64, Id>,
    reached: Vec<Reached>,
    transitions: u64,
    /// For each rule that was broken the shortest way to it.
    broken: BTreeMap<&'static str, (Broken, Id, Choice, u16)>,
}

/// A path that has not ended by then never will.
const LONGEST_PATH: u16 = 2_000;

impl Walk {
    pub(crate) fn new(plan: RolloutPlan, opening: Opening, depth: u8) -> Self {
        Self {
            plan: Arc::new(plan),
            opening,
            depth,
            seen: BTreeMap::new(),
            reached: Vec::new(),
            transitions: 0,
            broken: BTreeMap::new(),
        }
    }

    /// Walks to the end. Errs with the story of each promise that was broken.
    pub(crate) fn run(mut self) -> Result<String, String> {
        let mut first = Situation::new(&self.plan, &self.opening);
        step(&mut first, Choice::Start).map_err(|broken| broken.line)?;
        let print = self.fingerprint(&first);
        self.seen.insert(print, 0);
        self.reached.push(Reached { from: 0, by: Choice::Start, on: 0, deviations: 0, steps: 0, next: None });
        let mut layer = VecDeque::from([(0, 0, first)]);
        for _ in 0..=self.depth {
            layer = self.walk_layer(layer);
        }
        self.find_endless();
        let summary = self.summary();
        if self.broken.is_empty() { Ok(summary) } else { Err(self.stories() + &summary) }
    }

    /// Walks on from what is reached with one number of deviations; what needs one more is the next layer. The last
    /// layer is walked through at once, way by way, so that it never has to be kept.
    fn walk_layer(&mut self, mut queue: VecDeque<Ahead>) -> VecDeque<Ahead> {
        let mut next = VecDeque::new();
        while let Some((id, deviations, situation)) = queue.pop_front() {
            if situation.has_ended() || self.reached[id as usize].deviations < deviations {
                continue;
            }
            let is_last = deviations == self.depth;
            for (index, choice) in situation.courses().into_iter().enumerate() {
                let Some((to, ahead)) = self.follow(id, &situation, choice, deviations) else { continue };
                if index == 0 {
                    self.reached[id as usize].next = Some(to);
                }
                match ahead {
                    Some(ahead) if is_last => queue.push_front((to, deviations, ahead)),
                    Some(ahead) => queue.push_back((to, deviations, ahead)),
                    None => {}
                }
            }
            let deviations = deviations + 1;
            for choice in situation.deviations().into_iter().filter(|_| !is_last) {
                match self.follow(id, &situation, choice, deviations) {
                    Some((to, Some(ahead))) if deviations == self.depth => {
                        queue.push_front((to, deviations, ahead));
                    }
                    Some((to, Some(ahead))) => next.push_back((to, deviations, ahead)),
                    _ => {}
                }
            }
        }
        next
    }

    /// Lets a choice happen; with the last deviation also what follows by itself up to where ways may meet or part, for what
    /// is on the way costs less to walk through twice than to compare. `None` when that changes nothing or breaks a promise; otherwise where it leads, with the
    /// situation if it was not known, or only with more deviations.
    fn follow(
        &mut self,
        from: Id,
        situation: &Situation,
        choice: Choice,
        deviations: u8,
    ) -> Option<(Id, Option<Situation>)> {
        let mut successor = situation.clone();
        let (mut next, mut on) = (choice, 0);
        loop {
            self.transitions += 1;
            match step(&mut successor, next) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(broken) => {
                    self.note(broken, from, choice, on);
                    return None;
                }
            }
            let is_compared = deviations < self.depth || successor.has_ended() || successor.is_crossing();
            if is_compared || on == LONGEST_PATH {
                break;
            }
            (next, on) = (successor.normal_course(), on + 1);
        }
        let steps = self.reached[from as usize].steps + 1 + on;
        if steps > LONGEST_PATH {
            self.note(broken!("S9: no end after many steps"), from, choice, on);
            return None;
        }
        let reached = Reached { from, by: choice, on, deviations, steps, next: None };
        let print = self.fingerprint(&successor);
        let new = self.reached.len() as Id;
        let id = *self.seen.entry(print).or_insert(new);
        if id == new {
            self.reached.push(reached);
            return Some((id, Some(successor)));
        }
        let known = &mut self.reached[id as usize];
        if known.deviations <= deviations {
            return Some((id, None));
        }
        *known = Reached { next: known.next, ..reached };
        Some((id, Some(successor)))
    }

    fn fingerprint(&self, situation: &Situation) -> u64 {
        fingerprint(situation, situation.clock(), self.plan.deadline().is_some())
    }

    /// Keeps the way with the fewest deviations, and of those the shortest.
    fn note(&mut self, broken: Broken, from: Id, choice: Choice, on: u16) {
        let length = |id: Id| (self.reached[id as usize].deviations, self.reached[id as usize].steps);
        match self.broken.get(broken.rule) {
            Some((_, other, ..)) if length(*other) <= length(from) => {}
            _ => drop(self.broken.insert(broken.rule, (broken, from, choice, on))),
        }
    }

    /// The normal course leads from everywhere to an end. It does not where it comes back to where it has been.
    fn find_endless(&mut self) {
        let mut leads_to_end = vec![false; self.reached.len()];
        for start in 0..self.reached.len() {
            let mut way = BTreeSet::new();
            let mut at = Some(start);
            while let Some(here) = at.filter(|here| !leads_to_end[*here]) {
                if !way.insert(here) {
                    return self.note(broken!("S9: for ever in a circle"), start as Id, Choice::Tick, 0);
                }
                at = self.reached[here].next.map(|next| next as usize);
            }
            way.into_iter().for_each(|here| leads_to_end[here] = true);
        }
    }

    fn summary(&self) -> String {
        let mut layers = vec![0_u32; usize::from(self.depth) + 1];
        self.reached.iter().for_each(|reached| layers[usize::from(reached.deviations)] += 1);
        let longest = self.reached.iter().map(|reached| reached.steps).max().unwrap_or(0);
        let walked = self.transitions + 1;
        format!("{walked} situations, {} compared {layers:?}, longest path {longest}", self.reached.len())
    }

    fn stories(&self) -> String {
        let mut text = String::new();
        for (broken, id, choice, on) in self.broken.values() {
            let mut choices = vec![(*choice, *on)];
            let mut at = *id;
            while at != 0 {
                let reached = &self.reached[at as usize];
                choices.push((reached.by, reached.on));
                at = reached.from;
            }
            choices.push((Choice::Start, 0));
            choices.reverse();
            writeln!(text, "{}\n{}", broken.line, story(&self.plan, &self.opening, &choices))
                .expect("memory");
        }
        text
    }
}

/// One choice; a panic is a broken promise like any other.
fn step(situation: &mut Situation, choice: Choice) -> Result<bool, Broken> {
    catch_unwind(AssertUnwindSafe(|| situation.apply(choice, &mut |_| {}))).unwrap_or_else(|panic| {
        let words =
            panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(broken!("S6: a panic: {}", words.unwrap_or("without words")))
    })
}

/// A path in words, of choices and how many steps of the normal course came after each: the time, what happened, and
/// what came out. Steps in which nothing new happens are only counted.
fn story(plan: &Arc<RolloutPlan>, opening: &Opening, choices: &[(Choice, u16)]) -> String {
    let mut situation = Situation::new(plan, opening);
    let start = situation.clock();
    let (mut text, mut quiet) = (String::new(), 0);
    let steps =
        choices.iter().flat_map(|(choice, on)| once(Some(*choice)).chain(repeat_n(None, usize::from(*on))));
    for choice in steps {
        let choice = choice.unwrap_or_else(|| situation.normal_course());
        let subject = situation.subject(choice);
        let mut outputs = Vec::new();
        let tell = |output: &Output| outputs.extend(told(output));
        let result = catch_unwind(AssertUnwindSafe(|| situation.apply(choice, &mut { tell })));
        if matches!(choice, Choice::Answer(_) | Choice::Tick)
            && outputs.is_empty()
            && matches!(result, Ok(Ok(_)))
        {
            quiet += 1;
            continue;
        }
        if std::mem::take(&mut quiet) > 0 {
            writeln!(text, "             …").expect("memory");
        }
        let passed = situation.clock().since(start).as_millis();
        let time = format!("{:02}:{:02}.{:03}", passed / 60_000, passed / 1000 % 60, passed % 1000);
        writeln!(text, "  {time}  {subject}{choice}").expect("memory");
        for output in outputs {
            writeln!(text, "             -> {output}").expect("memory");
        }
        if let Ok(Err(broken)) = result {
            writeln!(text, "             !! {}", broken.line).expect("memory");
        }
    }
    text
}

/// What is worth telling of an output: events, and writes.
fn told(output: &Output) -> Option<String> {
    match output {
        Output::Event(event) => {
            let json = serde_json::to_value(&event.kind).ok()?;
            let fields = json.as_object()?.iter().filter(|(name, _)| *name != "kind" && *name != "calls");
            let fields: Vec<String> = fields.map(|(name, value)| format!("{name}={value}")).collect();
            Some(format!("{} {}", event.kind.name(), fields.join(" ")))
        }
        Output::Effect(_, Effect::WriteAlias(write)) => {
            Some(format!("write {} at `{}`", write.routing, write.revision_id))
        }
        _ => None,
    }
}
