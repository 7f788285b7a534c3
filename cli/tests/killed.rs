//! S9 with real processes: the command is killed (SIGKILL) at each of its calls, before the call takes effect and after,
//! and the same command is given again.

#![cfg(unix)]

mod support;

use std::process::{Output, Stdio};
use std::sync::Arc;

use lambda_rollout::account::{AlarmState, Routing};
use lambda_rollout_aws_tests::{Arrived, Held, only, split, version};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::setting::Setting;
use support::{Run, finished};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

/// Two steps and a bake, each of an eighth of a second. The alarms are looked at where the plan has to know, and seldom
/// besides: never while a write is under way. A run that hangs ends at its deadline.
const PLAN: &str = r#"
function = "sample-handler"
alias = "main"
version = "2"
strategy = { kind = "steps", steps = [{ percent = 10, hold = "125ms" }, { percent = 50, hold = "125ms" }] }
bake = "125ms"
deadline = "20s"
rollback_deadline = "20s"
alarms = { names = ["sample-handler-errors"], poll = "1s" }
"#;

/// How many processes there are at once: more only wait for each other.
const AT_ONCE: usize = 8;

/// Where the plan brings the alias.
fn planned() -> [Routing; 3] {
    [split(10.0), split(50.0), only(2)]
}

/// A command that runs.
struct Process {
    id: Pid,
    ended: JoinHandle<Output>,
}

impl Process {
    /// Starts `run` on the setting's plan.
    fn start(setting: &Setting, journal: bool) -> Self {
        let (plan, file) = (setting.plan(), setting.path("journal"));
        let mut args = vec!["run", &plan];
        args.extend(journal.then_some(["--journal", &file]).into_iter().flatten());
        let mut command = setting.command(&args);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let id = Pid::from_child(&child);
        Self { id, ended: spawn_blocking(move || child.wait_with_output().expect("it ends")) }
    }

    async fn end(mut self) -> Run {
        finished(&(&mut self.ended).await.expect("it is waited for"))
    }

    /// Waits until the held request has arrived, and kills the process. `None` when it ended without the request.
    async fn killed_at(mut self, held: Held) -> Option<Arrived> {
        let arrived = tokio::select! {
            arrived = held.arrived() => arrived,
            _ended = &mut self.ended => return None,
        };
        // It waits for an answer, so that the id is still its own.
        kill_process(self.id, Signal::KILL).expect("it is there");
        let output = (&mut self.ended).await.expect("it is waited for");
        assert_eq!(output.status.code(), None, "it ended by itself: {output:?}");
        Some(arrived)
    }
}

impl Drop for Process {
    /// A test that fails leaves nobody behind who would go on for a quarter of an hour.
    fn drop(&mut self) {
        if !self.ended.is_finished() {
            let _ended_just_now = kill_process(self.id, Signal::KILL);
        }
    }
}

/// One death and what surrounds it.
#[derive(Debug, Clone, Copy)]
struct Case {
    /// The call at which the process dies, counted from 1.
    call: u64,
    /// Whether that call takes effect all the same.
    takes_effect: bool,
    journal: bool,
    /// Whether the alarm fires before the command is given again.
    fires: bool,
}

impl Case {
    /// Every death at this call.
    fn at(call: u64) -> impl Iterator<Item = Self> {
        (0..8).map(move |bits| {
            let [takes_effect, journal, fires] = [1, 2, 4].map(|bit| bits & bit != 0);
            Self { call, takes_effect, journal, fires }
        })
    }

    /// Kills, starts again, and looks at the end. Where the call is a read, it is the same whether it takes effect.
    async fn play(self) {
        let setting = Setting::new(PLAN);
        let held = setting.endpoint.hold_of_all(self.call);
        let Some(call) = Process::start(&setting, self.journal).killed_at(held).await else {
            // A run on a slower computer may have made a call more.
            return assert_eq!(setting.endpoint.alias_history(), planned().map(Some));
        };
        let was_write = call.request().operation == "UpdateAlias";
        if self.takes_effect {
            if !was_write {
                return;
            }
            call.apply();
        } else {
            call.lose();
        }
        let before = setting.endpoint.alias_history();
        if self.fires {
            setting.endpoint.set_alarm("sample-handler-errors", AlarmState::Alarm, "too many");
        }
        let run = Process::start(&setting, self.journal).end().await;
        let after = setting.endpoint.alias_history();
        let (code, history) = self.expected(&before, was_write);
        assert_eq!((run.code, &after), (code, &history), "{self:?}, {before:?} before: {}", run.err);
        if self.journal {
            assert_journal_is_whole(&setting, &history);
        }
    }

    /// The exit code of the second run, and the alias's whole history.
    fn expected(self, before: &[Option<Routing>], was_write: bool) -> (i32, Vec<Option<Routing>>) {
        // Without a journal an alias on the canary version alone looks like any other that is settled.
        let is_settled = before.len() == planned().len() && !self.journal;
        if !self.fires || is_settled {
            // What fires is not called a success, though nothing was moved for it to roll back.
            return (if self.fires { 3 } else { 0 }, planned().map(Some).to_vec());
        }
        // With a journal it is known that a write may still be under way, and only another write shuts that out.
        let may_land = self.journal && was_write && !self.takes_effect;
        if before.is_empty() && !may_land {
            return (3, vec![]);
        }
        (4, before.iter().copied().chain([Some(only(1))]).collect())
    }
}

/// The events are numbered without a gap, tell of each change of the alias once, and come to an end once.
fn assert_journal_is_whole(setting: &Setting, history: &[Option<Routing>]) {
    let text = std::fs::read_to_string(setting.path("journal")).expect("a journal");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a whole line"));
    let events: Vec<Value> = lines.filter(|line| line["seq"].is_u64() && line["at"].is_string()).collect();
    // What had not come to where anything is to be carried on begins anew.
    let begun = events.iter().rposition(|event| event["seq"] == 1).expect("a first event");
    let events = &events[begun..];
    assert!(events.iter().zip(1..).all(|(event, seq)| event["seq"] == seq), "{text}");
    let weights: Vec<f64> = events
        .iter()
        .filter(|event| event["kind"] == "shifted")
        .map(|event| event["weight"].as_f64().expect("a weight"))
        .collect();
    let mut written: Vec<f64> =
        history.iter().flatten().map(|routing| routing.share_of(version(2)).fraction()).collect();
    // A write that only shut out another one changed no weight.
    if written == [0.0] {
        written.clear();
    }
    assert_eq!(weights, written, "{text}");
    let ends = events.iter().filter(|event| event["kind"] == "finished").count();
    assert_eq!((ends, events.last().map(|event| &event["kind"])), (1, Some(&"finished".into())), "{text}");
}

/// Plays all of them, a few at a time.
async fn all<F: Future<Output = ()> + Send + 'static>(plays: impl IntoIterator<Item = F>) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut playing = JoinSet::new();
    for play in plays {
        let room = Arc::clone(&room);
        playing.spawn(async move {
            let _place = room.acquire().await.expect("it is open");
            play.await;
        });
    }
    while let Some(played) = playing.join_next().await {
        played.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    }
}

#[tokio::test]
async fn s9_killed_at_any_call_the_same_command_again_comes_to_the_same_end() {
    let setting = Setting::new(PLAN);
    assert_eq!(Process::start(&setting, false).end().await.code, 0);
    let calls = setting.endpoint.requests().len() as u64;
    println!("a run makes {calls} calls");
    all((1..=calls).flat_map(Case::at).map(Case::play)).await;
}

/// Each process dies at its first write, which by turns takes effect or does not, until there is none left to make.
#[tokio::test]
async fn s9_killed_at_every_write_in_turn_no_step_is_skipped_and_none_is_made_twice() {
    let plays = [false, true].into_iter().flat_map(|journal| {
        [false, true].map(|first_takes_effect| async move {
            let setting = Setting::new(PLAN);
            let mut takes_effect = first_takes_effect;
            for write in 1.. {
                let held = setting.endpoint.hold("UpdateAlias", write);
                let Some(write) = Process::start(&setting, journal).killed_at(held).await else { break };
                if takes_effect {
                    write.apply()
                } else {
                    write.lose()
                }
                takes_effect = !takes_effect;
            }
            let case = format!("journal: {journal}, first takes effect: {first_takes_effect}");
            assert_eq!(setting.endpoint.alias_history(), planned().map(Some), "{case}");
            if journal {
                assert_journal_is_whole(&setting, &planned().map(Some));
            }
        })
    });
    all(plays).await;
}

/// What becomes of the restoring write when the process dies in a rollback.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Restoring {
    Lost,
    Done,
    BeingProved,
}

#[tokio::test]
async fn s9_killed_in_a_rollback_the_same_command_again_goes_on_with_it() {
    let deaths = [Restoring::Lost, Restoring::Done, Restoring::BeingProved];
    let plays = deaths
        .into_iter()
        .flat_map(|death| (0..4).map(move |bits| die_in_a_rollback(death, bits & 1 != 0, bits & 2 != 0)));
    all(plays).await;
}

async fn die_in_a_rollback(death: Restoring, journal: bool, still_fires: bool) {
    let setting = Setting::new(PLAN);
    let endpoint = &setting.endpoint;
    let alarm = |state| endpoint.set_alarm("sample-handler-errors", state, "set by hand");
    let raise = endpoint.hold("UpdateAlias", 1);
    let deadly = match death {
        Restoring::Lost | Restoring::Done => endpoint.hold("UpdateAlias", 2),
        Restoring::BeingProved => endpoint.hold("GetAlias", 2),
    };
    let process = Process::start(&setting, journal);
    let raise = raise.arrived().await;
    alarm(AlarmState::Alarm);
    raise.apply();
    let call = process.killed_at(deadly).await.expect("it puts back");
    if death == Restoring::Done {
        call.apply()
    } else {
        call.lose()
    }
    if !still_fires {
        alarm(AlarmState::Ok);
    }
    let run = Process::start(&setting, journal).end().await;

    let put_back = vec![Some(split(10.0)), Some(only(1))];
    let (code, history) = match (death, journal, still_fires) {
        // It is known that the canary was being taken out, and why: whatever the alarm says now.
        (_, true, _) | (Restoring::Lost, false, true) => (4, put_back),
        // Without a journal what is done is done, and this is a rollout like any other.
        (Restoring::Lost, false, false) => (0, planned().map(Some).to_vec()),
        (_, false, true) => (3, put_back),
        (_, false, false) => (0, [put_back, planned().map(Some).to_vec()].concat()),
    };
    let case = format!("{death:?}, journal: {journal}, still fires: {still_fires}: {}", run.err);
    assert_eq!((run.code, endpoint.alias_history()), (code, history.clone()), "{case}");
    if journal {
        assert_journal_is_whole(&setting, &history);
    }
}

/// The dead process' write was still on its way, and gets through after the next one has read the alias. Without a
/// journal a step looks like a runner that lives: the alias is left to it, and the same command once more goes on.
#[tokio::test]
async fn s9_a_write_that_outlives_its_process_is_taken_for_the_step_that_it_is() {
    let cases = (1..=3).flat_map(|nth| [(nth, false), (nth, true)]);
    all(cases.map(|(nth, journal)| async move {
        let setting = Setting::new(PLAN);
        let late = die_writing(&setting, nth, journal).await;
        let calls = setting.endpoint.requests().len() as u64;
        let after_its_read = setting.endpoint.hold_of_all(calls + 2);
        let next = Process::start(&setting, journal);
        let second_call = after_its_read.arrived().await;
        late.apply();
        second_call.apply();
        let mut run = next.end().await;
        if !journal && nth < 3 {
            assert_eq!(run.code, 5, "write {nth}: {}", run.err);
            assert!(run.err.contains("another runner moves the alias: rollout ro-"), "{}", run.err);
            run = Process::start(&setting, false).end().await;
        }
        assert_eq!(run.code, 0, "write {nth}, journal: {journal}: {}", run.err);
        assert_eq!(setting.endpoint.alias_history(), planned().map(Some), "write {nth}, journal: {journal}");
    }))
    .await;
}

/// A raise that gets through after the rollback would put the canary back in: the rollback shuts it out.
#[tokio::test]
async fn s9_a_write_that_outlives_its_process_is_shut_out_by_a_rollback() {
    all((1..=3).map(|nth| async move {
        let setting = Setting::new(PLAN);
        let late = die_writing(&setting, nth, true).await;
        setting.endpoint.set_alarm("sample-handler-errors", AlarmState::Alarm, "too many");
        let run = Process::start(&setting, true).end().await;
        assert_eq!(run.code, 4, "write {nth}: {}", run.err);
        late.apply();
        assert_eq!(setting.routing(), only(1), "write {nth}: {}", run.err);
    }))
    .await;
}

async fn die_writing(setting: &Setting, nth: u64, journal: bool) -> Arrived {
    let held = setting.endpoint.hold("UpdateAlias", nth);
    Process::start(setting, journal).killed_at(held).await.expect("it writes")
}

#[tokio::test]
async fn two_runners_with_one_journal_one_wins_and_the_other_says_who() {
    let setting = Setting::new(PLAN);
    let first_write = setting.endpoint.hold("UpdateAlias", 1);
    let winner = Process::start(&setting, true);
    let write = first_write.arrived().await;
    let calls = setting.endpoint.requests().len();
    let loser = Process::start(&setting, true).end().await;
    let who = format!("in use by process {} on host `", winner.id.as_raw_nonzero());
    assert!(loser.code == 3 && loser.err.contains(&who), "{}", loser.err);
    assert_eq!(setting.endpoint.requests().len(), calls, "it called AWS");
    write.apply();
    assert_eq!(winner.end().await.code, 0);
    assert_eq!(setting.endpoint.alias_history(), planned().map(Some));
    assert_journal_is_whole(&setting, &planned().map(Some));
}

/// Without a journal AWS lets one write of two through, and the other runner finds whose it was.
#[tokio::test]
async fn two_runners_without_a_journal_one_wins_and_the_other_says_who() {
    let setting = Setting::new(PLAN);
    let [first, second] = [1, 2].map(|nth| setting.endpoint.hold("UpdateAlias", nth));
    let runners = [(); 2].map(|()| Process::start(&setting, false));
    let ids = runners.each_ref().map(|runner| runner.id.as_raw_nonzero());
    let (first, second) = tokio::join!(first.arrived(), second.arrived());
    first.apply();
    second.apply();
    let [one, other] = runners;
    let (one, other) = tokio::join!(one.end(), other.end());
    let ((loser, winner), left) = match one.code {
        0 => ((&other, ids[0]), &one),
        _ => ((&one, ids[1]), &other),
    };
    assert_eq!((left.code, loser.code), (0, 5), "{}{}", one.err, other.err);
    assert!(loser.err.contains("another runner moves the alias: rollout ro-"), "{}", loser.err);
    assert!(loser.err.contains(&format!("/{winner}")), "{}", loser.err);
    assert_eq!(setting.endpoint.alias_history(), planned().map(Some));
}
