//! The journal: what it keeps, what it refuses, and what a rollout that finds one does.

#![cfg(all(feature = "runtime", feature = "sim"))]

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use lambda_rollout::account::Routing;
use lambda_rollout::driver::Launch;
use lambda_rollout::event::Cause;
use lambda_rollout::journal::{History, Journal};
use lambda_rollout::plan::{Hook, PlanBuilder};
use lambda_rollout::sim::{Scenario, SimAccount, drive};
use lambda_rollout::units::{FunctionRef, Version};
use lambda_rollout::{Error, ErrorKind, Event, Outcome, OutcomeKind, RolloutPlan};
use tempfile::TempDir;

const MINUTE: Duration = Duration::from_secs(60);

fn plan(change: impl FnOnce(PlanBuilder) -> PlanBuilder) -> RolloutPlan {
    let plan = RolloutPlan::builder("sample-handler", "main").publish().alarm("errors").bake(10 * MINUTE);
    change(plan.strategy_named("Canary10Percent10Minutes")).build().expect("a good plan")
}

fn only(number: u64) -> Routing {
    Routing::only(Version::new(number).expect("above zero"))
}

struct Setting {
    folder: TempDir,
    /// The journal's.
    path: PathBuf,
    plan: RolloutPlan,
    account: SimAccount,
}

impl Setting {
    fn new(scenario: &str) -> Self {
        let plan = plan(|plan| plan);
        let account = SimAccount::new(&plan, &Scenario::parse(scenario).expect("a scenario"), 1);
        let folder = tempfile::tempdir().expect("a folder");
        Self { path: folder.path().join("release.journal"), folder, plan, account }
    }

    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).expect("a journal")
    }

    fn launch(&self) -> Launch {
        let journal = Journal::open(self.path()).expect("a journal");
        Launch::new(self.plan.clone(), self.account.ports()).journal(journal)
    }

    /// Runs until `enough`, then lets the task die where it is; or to the end.
    async fn run_until(&self, enough: impl Fn(&Event) -> bool) -> (Vec<Event>, Option<Outcome>) {
        let (mut rollout, task) = self.launch().into_task().expect("it fits");
        let watch = async {
            let mut events = Vec::new();
            while let Some(event) = rollout.next_event().await {
                let died = enough(&event);
                events.push(event);
                if died {
                    return (events, None);
                }
            }
            let outcome = rollout.wait().await.expect("an end");
            (events, Some(outcome))
        };
        let together = async {
            tokio::select! {
                biased;
                done = watch => done,
                () = async { task.run().await; std::future::pending().await } => unreachable!("it never ends"),
            }
        };
        let result = drive(&self.account, together, None).await;
        // What the task told before it died is written by another thread, which has the file until then.
        Journal::open(self.path()).expect("it was let go of");
        result
    }

    async fn pass(&self, time: Duration) {
        let until = self.account.ports().clock.now() + time;
        drive(&self.account, async { self.account.ports().clock.wait_until(until).await }, None).await;
    }

    fn refused(&self, plan: RolloutPlan) -> Error {
        let journal = Journal::open(self.path()).expect("a journal");
        Launch::new(plan, self.account.ports()).journal(journal).into_task().expect_err("refused")
    }
}

fn is(kind: &'static str) -> impl Fn(&Event) -> bool {
    move |event| event.kind.name() == kind
}

fn never(_: &Event) -> bool {
    false
}

fn kinds(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(|event| event.kind.name()).collect()
}

fn at(events: &[Event], kind: &str) -> lambda_rollout::units::Timestamp {
    events.iter().find(|event| event.kind.name() == kind).expect("told").at
}

#[tokio::test]
async fn the_next_process_goes_on_in_the_same_hold_and_the_same_history() {
    let setting = Setting::new("");
    let (before, _) = setting.run_until(is("shifted")).await;
    setting.pass(Duration::from_secs(15)).await;
    let (after, outcome) = setting.run_until(never).await;
    assert_eq!(outcome.expect("an end").kind, OutcomeKind::Promoted);
    assert_eq!(kinds(&after)[..3], ["started", "checked", "step_held"]);
    let held = at(&after, "step_held").since(at(&before, "shifted"));
    assert!(held >= 10 * MINUTE && held < 10 * MINUTE + Duration::from_secs(1), "{held:?}");
    let both: Vec<&Event> = before.iter().chain(&after).collect();
    assert!(both.iter().zip(1..).all(|(event, seq)| event.seq == seq), "{both:?}");
    // What the journal has of events is the event log.
    let text = setting.text();
    let told = text.lines().filter(|line| line.contains("\"seq\":"));
    let logged = both.iter().map(|event| serde_json::to_string(event).expect("JSON"));
    assert!(told.filter(|line| !line.contains("\"next_seq\"")).eq(logged), "{text}");
    assert_eq!(setting.account.alias_history().len(), 2);
}

#[tokio::test]
async fn a_hold_that_nobody_watched_for_minutes_starts_anew() {
    let setting = Setting::new("");
    let (before, _) = setting.run_until(is("shifted")).await;
    setting.pass(3 * MINUTE).await;
    let (after, _) = setting.run_until(never).await;
    let held = at(&after, "step_held").since(at(&before, "shifted"));
    assert!(held >= 13 * MINUTE && held < 13 * MINUTE + Duration::from_secs(1), "{held:?}");
}

#[tokio::test]
async fn an_ended_rollout_is_not_taken_up_and_the_next_one_follows_it() {
    let setting = Setting::new("");
    setting.run_until(never).await;
    let history = History::parse(setting.text().as_bytes()).expect("a journal");
    assert_eq!(history.unfinished, None);
    assert_eq!(history.runner.expect("a runner").process, std::process::id());
    let (events, outcome) = setting.run_until(never).await;
    assert_eq!(outcome.expect("an end").kind, OutcomeKind::NothingToDo);
    assert_eq!(events[0].seq, 1);
}

#[tokio::test]
async fn an_end_that_is_unsettled_is_taken_up_to_go_on_rolling_back() {
    let deny = "[[faults]]\nfault = \"throttle\"\ncall = \"write_alias\"\nfrom = \"5m\"\nto = \"40m\"\n";
    let fires = "[[alarms]]\nname = \"errors\"\nforced = [{ from = \"5m\", to = \"10m\", state = \"ALARM\", reason = \"bad\" }]\n";
    let setting = Setting::new(&format!("{deny}{fires}"));
    let (_, outcome) = setting.run_until(never).await;
    assert_eq!(outcome.expect("an end").kind, OutcomeKind::Unsettled);
    setting.pass(30 * MINUTE).await;
    let (events, outcome) = setting.run_until(never).await;
    let outcome = outcome.expect("an end");
    assert_eq!((outcome.kind, kinds(&events)[1]), (OutcomeKind::RolledBack, "rolling_back"));
    assert!(matches!(outcome.cause, Some(Cause::Alarm { .. })), "{outcome:?}");
    assert_eq!(setting.account.alias_history().last().and_then(|change| change.routing), Some(only(1)));
}

/// Wherever the file is torn, what is whole before it is taken up, and the rollout comes to its end.
#[tokio::test]
async fn a_torn_last_line_is_dropped() {
    let setting = Setting::new("");
    setting.run_until(is("shifted")).await;
    let whole = setting.text();
    let last_line = whole.trim_end().rfind('\n').expect("lines") + 1;
    let cuts = [0, 1, 5, 20, 60, last_line, last_line + 1, last_line + 40, whole.len() - 1];
    for cut in cuts {
        for junk in ["", "\0\0\0\0", "{\"kind\":\"snap"] {
            if cut < 60 && !junk.is_empty() {
                continue;
            }
            let torn = format!("{}{junk}", &whole[..cut]);
            fs::write(setting.path(), &torn).expect("written");
            let journal =
                Journal::open(setting.path()).unwrap_or_else(|error| panic!("{cut} {junk:?}: {error}"));
            assert!(journal.history().whole <= cut);
            assert_eq!(setting.text(), torn, "opening alone changes nothing");
        }
    }
    fs::write(setting.path(), &whole[..whole.len() - 7]).expect("written");
    let (_, outcome) = setting.run_until(never).await;
    assert_eq!(outcome.expect("an end").kind, OutcomeKind::Promoted);
    History::parse(setting.text().as_bytes()).expect("whole again");
}

#[tokio::test]
async fn what_is_no_journal_is_refused_and_left_as_it_is() {
    let setting = Setting::new("");
    setting.run_until(is("shifted")).await;
    let good = setting.text();
    let second = good.find('\n').expect("lines") + 1;
    let broken_within = format!("{}gibberish\n{}", &good[..second], &good[second..]);
    let newer = good.replacen("\"format\":1", "\"format\":2", 1);
    let twice = format!("{good}{good}");
    for (text, words) in [
        ("dear diary", "line 1 is not a journal's"),
        ("function = \"f\"\n", "line 1 is not a journal's"),
        ("{\"kind\":\"started\",\"seq\":1}\n{\"kind\":\"started\",\"seq\":1}\n", "line 1 is not a journal's"),
        (broken_within.as_str(), "line 2 is not a journal's"),
        (newer.as_str(), "it has format `2`, and this release reads `1`"),
        (twice.as_str(), "is not a journal's"),
    ] {
        fs::write(setting.path(), text).expect("written");
        let error = Journal::open(setting.path()).expect_err(words);
        assert_eq!(error.kind(), ErrorKind::Journal);
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(setting.text(), text);
    }
    let error = Journal::open(setting.folder.path()).expect_err("a folder");
    assert!(error.to_string().contains("the journal cannot be opened"), "{error}");
}

#[tokio::test]
async fn a_journal_of_another_plan_is_refused_and_says_where_they_differ() {
    let setting = Setting::new("");
    setting.run_until(is("shifted")).await;
    let before = setting.text();
    for (other, words) in [
        (plan(|plan| plan.bake(5 * MINUTE)), "bake is `\"10m\"` and not `\"5m\"`"),
        (plan(|plan| plan.deadline(60 * MINUTE)), "deadline is not set and not `\"1h\"`"),
        (plan(|plan| plan.poll(MINUTE)), "alarms.poll is"),
    ] {
        let error = setting.refused(other);
        assert_eq!(error.kind(), ErrorKind::Journal);
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(setting.text(), before);
}

#[tokio::test]
async fn hook_parameters_are_not_written_down_and_may_change() {
    let hook = |secret: &str| {
        let function = FunctionRef::parse("hook").expect("a name");
        let hook = Hook::lambda(function).with_parameters(serde_json::json!({ "password": secret }));
        plan(|plan| plan.before_traffic(hook))
    };
    let mut setting = Setting::new("");
    setting.plan = hook("hunter2");
    setting.account = SimAccount::new(&setting.plan, &Scenario::default(), 1);
    setting.run_until(is("shifted")).await;
    assert!(!setting.text().contains("hunter2") && !setting.text().contains("password"));
    setting.plan = hook("hunter3");
    let (_, outcome) = setting.run_until(never).await;
    assert_eq!(outcome.expect("an end").kind, OutcomeKind::Promoted);
}

#[tokio::test]
async fn a_second_runner_is_told_who_has_the_journal() {
    let setting = Setting::new("");
    let first = setting.launch().into_task().expect("it fits");
    let error = Journal::open(setting.path()).expect_err("in use");
    assert_eq!(error.kind(), ErrorKind::Journal);
    let process = format!("in use by process {} on host `", std::process::id());
    assert!(error.to_string().contains(&process), "{error}");
    drop(first);
    Journal::open(setting.path()).expect("let go");
}

#[cfg(unix)]
#[test]
fn a_device_is_no_journal() {
    let error = Journal::open("/dev/zero").expect_err("endless");
    assert!(error.to_string().contains("not a file"), "{error}");
}

/// Stories on a real filesystem that has no room left.
#[cfg(target_os = "linux")]
mod full_disk {
    use std::fs::OpenOptions;
    use std::io::{ErrorKind, Write};
    use std::os::unix::fs::MetadataExt;
    use std::process::{Command, Stdio};

    use super::*;

    const FIRES: &str = "[[alarms]]\nname = \"errors\"\nforced = [{ from = \"5m\", to = \"10m\", state = \"ALARM\", reason = \"bad\" }]\n";

    /// A small filesystem in a file.
    struct Disk {
        folder: TempDir,
    }

    impl Disk {
        /// One with the setting's journal on it. `None` where that is not allowed here.
        fn of(setting: &mut Setting) -> Option<Self> {
            Self::made_with(setting, &[])
        }

        fn made_with(setting: &mut Setting, options: &[&str]) -> Option<Self> {
            let folder = tempfile::tempdir().expect("a folder");
            let image = folder.path().join("image");
            fs::File::create(&image).and_then(|file| file.set_len(16 << 20)).expect("a file");
            let disk = Self { folder };
            fs::create_dir(disk.root()).expect("a folder");
            // With small blocks, so that the rest of the journal's last one is no room for a record.
            let made =
                succeeds(Command::new("mkfs.ext4").args(["-q", "-b", "1024"]).args(options).arg(&image));
            if !made || !succeeds(Command::new("mount").args(["-o", "loop"]).args([image, disk.root()])) {
                eprintln!("SKIP the full filesystem: it takes root, a loop device and mkfs.ext4");
                return None;
            }
            setting.path = disk.root().join("release.journal");
            Some(disk)
        }

        fn root(&self) -> PathBuf {
            self.folder.path().join("disk")
        }

        /// Takes all the room that is anybody's.
        fn fill(&self) {
            let mut file = OpenOptions::new().append(true).create(true).open(self.hog()).expect("a file");
            for size in [1 << 16, 1 << 10, 1] {
                let full = loop {
                    if let Err(error) = file.write_all(&vec![b'x'; size]) {
                        break error;
                    }
                };
                assert_eq!(full.kind(), ErrorKind::StorageFull);
            }
            file.sync_all().expect("it has its room");
        }

        /// Takes all but so much of it.
        fn fill_but(&self, left: u64) {
            self.fill();
            let hog = OpenOptions::new().write(true).open(self.hog()).expect("a file");
            let len = hog.metadata().expect("a file").len();
            hog.set_len(len - left).and_then(|()| hog.sync_all()).expect("smaller");
        }

        fn hog(&self) -> PathBuf {
            self.root().join("hog")
        }
    }

    impl Drop for Disk {
        fn drop(&mut self) {
            let unmounted = succeeds(Command::new("umount").arg(self.root()));
            if !unmounted {
                succeeds(Command::new("umount").arg("--lazy").arg(self.root()));
            }
        }
    }

    fn succeeds(command: &mut Command) -> bool {
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// How much room the journal has behind its end.
    fn reserved(setting: &Setting) -> u64 {
        let metadata = fs::metadata(setting.path()).expect("a journal");
        (metadata.blocks() * 512).saturating_sub(metadata.len())
    }

    #[track_caller]
    fn assert_ended(setting: &Setting) {
        let text = setting.text();
        let history = History::parse(text.as_bytes()).expect("a journal");
        assert_eq!((history.unfinished, history.whole), (None, text.len()), "{text}");
        assert!(text.contains("\"kind\":\"rolled_back\""), "{text}");
        assert!(reserved(setting) < 1024, "the room was not given back");
    }

    #[tokio::test]
    async fn a_rollback_is_recorded_on_a_real_disk_that_became_full() {
        let mut setting = Setting::new(FIRES);
        let Some(disk) = Disk::of(&mut setting) else { return };
        let fill = |event: &Event| {
            if event.kind.name() == "shifted" {
                disk.fill();
            }
            false
        };
        let (_, outcome) = setting.run_until(fill).await;
        let outcome = outcome.expect("an end");
        assert_eq!(outcome.kind, OutcomeKind::RolledBack);
        assert!(matches!(outcome.cause, Some(Cause::Alarm { .. })), "{outcome:?}");
        assert_ended(&setting);
    }

    /// The room that the process before had is there for the next one, also where its last line is cut off.
    #[tokio::test]
    async fn the_next_process_takes_up_and_records_a_rollback_on_a_full_disk() {
        let mut setting = Setting::new(FIRES);
        let Some(disk) = Disk::of(&mut setting) else { return };
        setting.run_until(is("shifted")).await;
        assert!(reserved(&setting) > 32 << 10);
        disk.fill();
        let torn = b"{\"kind\":\"snapshot\",\"roll";
        OpenOptions::new()
            .append(true)
            .open(setting.path())
            .and_then(|mut file| file.write_all(torn))
            .expect("written");
        let (_, outcome) = setting.run_until(never).await;
        assert_eq!(outcome.expect("an end").kind, OutcomeKind::RolledBack);
        assert_ended(&setting);
    }

    /// Weights that are there are never left standing for want of room.
    #[tokio::test]
    async fn what_is_carried_on_without_room_is_rolled_back() {
        let mut setting = Setting::new("");
        let Some(disk) = Disk::of(&mut setting) else { return };
        setting.run_until(is("shifted")).await;
        let journal = OpenOptions::new().write(true).open(setting.path()).expect("a journal");
        journal.set_len(journal.metadata().expect("a journal").len()).expect("its room is given up");
        disk.fill_but(16 << 10);
        let (events, outcome) = setting.run_until(never).await;
        assert_eq!(outcome.expect("an end").kind, OutcomeKind::RolledBack);
        assert_eq!(setting.account.alias_history().len(), 2, "the raise was made: {events:?}");
        assert_ended(&setting);
    }

    #[tokio::test]
    async fn where_no_room_can_be_reserved_it_is_done_without() {
        let mut setting = Setting::new("");
        let Some(_disk) = Disk::made_with(&mut setting, &["-O", "^extent,^64bit"]) else { return };
        setting.run_until(is("shifted")).await;
        assert!(reserved(&setting) < 1024);
        let (_, outcome) = setting.run_until(never).await;
        assert_eq!(outcome.expect("an end").kind, OutcomeKind::Promoted);
    }

    #[tokio::test]
    async fn without_room_for_a_rollback_nothing_is_begun() {
        let mut setting = Setting::new("");
        let Some(disk) = Disk::of(&mut setting) else { return };
        disk.fill_but(16 << 10);
        let error = setting.refused(setting.plan.clone());
        assert!(error.to_string().contains("no room for the record of a rollback: No space left"), "{error}");
        // What was got of it is given back, by another thread, which has the file until then.
        Journal::open(setting.path()).expect("it was let go of");
        assert!(reserved(&setting) < 1024);
        assert!(setting.account.alias_history().is_empty());
        fs::remove_file(disk.hog()).expect("it is there");
        let (_, outcome) = setting.run_until(never).await;
        assert_eq!(outcome.expect("an end").kind, OutcomeKind::Promoted);
    }
}
