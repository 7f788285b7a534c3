use std::collections::{BTreeMap, VecDeque};

use tokio::sync::oneshot;

use crate::account::{AlarmReading, HookReport};
use crate::error::{Error, ErrorKind};
use crate::units::AlarmName;

/// What an alarm source answers.
pub(super) type Readings = Result<Vec<AlarmReading>, Error>;

/// What the program was asked and has not answered yet.
#[derive(Debug, Default)]
pub(super) struct Requests {
    open: BTreeMap<u64, Request>,
    /// The newest that were answered. What is neither open nor here was withdrawn, or answered long since.
    answered: VecDeque<u64>,
    last_id: u64,
}

/// How many answered requests are remembered: a second answer comes soon after the first, if it comes.
const REMEMBERED: usize = 64;

#[derive(Debug)]
struct Request {
    /// Whether the program has seen it.
    taken: bool,
    reply: Reply,
}

/// Where the answer goes.
#[derive(Debug)]
pub(super) enum Reply {
    Hook(oneshot::Sender<HookReport>),
    Alarms(Vec<AlarmName>, oneshot::Sender<Readings>),
}

impl Requests {
    pub(super) fn add(&mut self, reply: Reply) -> u64 {
        self.last_id += 1;
        self.open.insert(self.last_id, Request { taken: false, reply });
        self.last_id
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The program has seen it.
    pub(super) fn take(&mut self, id: u64) {
        if let Some(request) = self.open.get_mut(&id) {
            request.taken = true;
        }
    }

    /// Nobody waits for it any more. Gives whether the program had seen it; `None` when it was answered.
    pub(super) fn withdraw(&mut self, id: u64) -> Option<bool> {
        Some(self.open.remove(&id)?.taken)
    }

    /// Nobody will answer any more: who waits is told so.
    pub(super) fn refuse_all(&mut self) {
        self.open.clear();
    }

    fn close(&mut self, id: u64) -> Option<Reply> {
        let request = self.open.remove(&id)?;
        if self.answered.len() == REMEMBERED {
            self.answered.pop_front();
        }
        self.answered.push_back(id);
        Some(request.reply)
    }

    pub(super) fn answer_hook(&mut self, id: u64, report: HookReport) -> Result<(), Error> {
        match self.answerable(id)? {
            Reply::Hook(_) => {}
            Reply::Alarms(..) => return Err(mismatch(id, "alarms, and not for a hook")),
        }
        if let Some(Reply::Hook(reply)) = self.close(id) {
            // Who asked is the rollout's own task; when that is gone, so is the need for an answer.
            drop(reply.send(report));
        }
        Ok(())
    }

    pub(super) fn answer_alarms(&mut self, id: u64, readings: Readings) -> Result<(), Error> {
        let asked = match self.answerable(id)? {
            Reply::Alarms(names, _) => names,
            Reply::Hook(_) => return Err(mismatch(id, "a hook, and not for alarms")),
        };
        if let Some(other) = readings.iter().flatten().find(|reading| !asked.contains(&reading.name)) {
            let message = format!("request `{id}` does not ask for the alarm `{}`", other.name);
            return Err(Error::new(ErrorKind::Plan, message));
        }
        if let Some(Reply::Alarms(_, reply)) = self.close(id) {
            drop(reply.send(readings));
        }
        Ok(())
    }

    /// A request that waits for its answer, or why this one does not.
    fn answerable(&self, id: u64) -> Result<&Reply, Error> {
        if let Some(request) = self.open.get(&id).filter(|request| request.taken) {
            return Ok(&request.reply);
        }
        if id == 0 || id > self.last_id || self.open.contains_key(&id) {
            let message = format!("there is no request `{id}`; the id stands in the item that asks");
            return Err(Error::new(ErrorKind::Plan, message));
        }
        let why = match self.answered.contains(&id) {
            true => "it was answered already",
            false => "nobody waits for the answer any longer",
        };
        Err(Error::new(ErrorKind::WrongState, format!("{why}: request `{id}`")))
    }
}

fn mismatch(id: u64, what: &str) -> Error {
    Error::new(ErrorKind::Plan, format!("request `{id}` asks for {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(requests: &mut Requests) -> (u64, oneshot::Receiver<HookReport>) {
        let (reply, answer) = oneshot::channel();
        let id = requests.add(Reply::Hook(reply));
        requests.take(id);
        (id, answer)
    }

    #[test]
    fn what_was_asked_and_is_over_is_not_kept() {
        let mut requests = Requests::default();
        for _ in 0..1_000 {
            let (answered, _answer) = asked(&mut requests);
            requests.answer_hook(answered, HookReport::pass("")).expect("it is asked for");
            let (withdrawn, _answer) = asked(&mut requests);
            assert_eq!(requests.withdraw(withdrawn), Some(true));
            asked(&mut requests);
            requests.refuse_all();
        }
        assert!(requests.open.is_empty());
        assert_eq!(requests.answered.len(), REMEMBERED);
    }

    #[test]
    fn a_late_answer_is_told_what_is_true() {
        let mut requests = Requests::default();
        let (first, _answer) = asked(&mut requests);
        requests.answer_hook(first, HookReport::pass("")).expect("it is asked for");
        let (withdrawn, _answer) = asked(&mut requests);
        requests.withdraw(withdrawn);
        let mut said = |id| requests.answer_hook(id, HookReport::pass("")).expect_err("too late").to_string();
        assert!(said(first).starts_with("it was answered already"));
        assert!(said(withdrawn).starts_with("nobody waits"));
        for _ in 0..REMEMBERED {
            let (id, _answer) = asked(&mut requests);
            requests.answer_hook(id, HookReport::pass("")).expect("it is asked for");
        }
        let long_since = requests.answer_hook(first, HookReport::pass("")).expect_err("too late");
        assert!(long_since.message().starts_with("nobody waits"), "{long_since}");
    }
}
