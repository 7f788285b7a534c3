//! A name server and a source of credentials that do not answer: signals are heard, each attempt to restore the alias is
//! given up in time and made again, and whoever wants to leave can.

#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use lambda_rollout::account::AlarmState;
use lambda_rollout::units::Timestamp;
use lambda_rollout_aws_tests::{Fault, split};
use support::running::{Running, ends_rolled_back, later_than_one_wish};
use support::setting::{Setting, holding};
use support::shim::shim;

/// What does not answer once it is told so.
trait Frozen: Sized {
    /// `None` where that cannot be tried here.
    fn new(setting: &Setting) -> Option<Self>;
    fn prepare(&self, setting: &Setting, command: &mut Command);
    /// From here on every call of the process is in want of it.
    fn freeze(&self, setting: &Setting);
    fn thaw(&self, setting: &Setting);
}

/// The lookup of the endpoint's name.
struct Lookups {
    library: String,
    frozen: PathBuf,
}

impl Frozen for Lookups {
    fn new(setting: &Setting) -> Option<Self> {
        let folder = setting.folder.path();
        Some(Self { library: shim(folder)?, frozen: folder.join("frozen") })
    }

    fn prepare(&self, setting: &Setting, command: &mut Command) {
        command.env("AWS_ENDPOINT_URL", setting.endpoint.url().replace("127.0.0.1", "localhost"));
        command.env("LD_PRELOAD", &self.library).env("FREEZE_LOOKUP", "localhost");
        command.env("FREEZE_WHILE", &self.frozen);
    }

    fn freeze(&self, setting: &Setting) {
        fs::write(&self.frozen, "").expect("written");
        // Connections that are there need no lookup.
        for operation in ["DescribeAlarms", "GetAlias", "UpdateAlias"] {
            setting.endpoint.fault_always(operation, Some(Fault::LostRequest));
        }
    }

    fn thaw(&self, setting: &Setting) {
        for operation in ["DescribeAlarms", "GetAlias", "UpdateAlias"] {
            setting.endpoint.fault_always(operation, None);
        }
        fs::remove_file(&self.frozen).expect("it was there");
    }
}

/// The credentials of a container, which are good for seconds only.
struct Credentials {
    url: String,
    shared: Arc<Source>,
}

#[derive(Default)]
struct Source {
    frozen: AtomicBool,
    kept_waiting: AtomicUsize,
}

/// The SDK asks for new ones ten seconds before they end.
const GOOD_FOR: Duration = Duration::from_secs(11);
const MOMENT: Duration = Duration::from_millis(5);

impl Source {
    #[expect(clippy::disallowed_methods, reason = "it stands for what is outside, which has real time")]
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
        if self.frozen.load(Ordering::SeqCst) {
            self.kept_waiting.fetch_add(1, Ordering::SeqCst);
        }
        while self.frozen.load(Ordering::SeqCst) {
            std::thread::sleep(MOMENT);
        }
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_millis();
        let ends = Timestamp::from_millis(since as i64) + GOOD_FOR;
        let body = format!(
            r#"{{"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"not-to-be-seen","Token":"t","Expiration":"{ends}"}}"#
        );
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
        write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }
}

impl Frozen for Credentials {
    fn new(_: &Setting) -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/credentials", listener.local_addr().expect("an address"));
        let shared = Arc::<Source>::default();
        let source = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let source = Arc::clone(&source);
                // Whoever asked may have given up.
                std::thread::spawn(move || drop(source.answer(stream)));
            }
        });
        Some(Self { url, shared })
    }

    fn prepare(&self, _: &Setting, command: &mut Command) {
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &self.url);
    }

    #[expect(clippy::disallowed_methods, reason = "the process on the other side has real time")]
    fn freeze(&self, _: &Setting) {
        self.shared.frozen.store(true, Ordering::SeqCst);
        while self.shared.kept_waiting.load(Ordering::SeqCst) == 0 {
            std::thread::sleep(MOMENT);
        }
    }

    fn thaw(&self, _: &Setting) {
        self.shared.frozen.store(false, Ordering::SeqCst);
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        self.shared.frozen.store(false, Ordering::SeqCst);
    }
}

/// Plays a story from a rollout at 10 % on, when what it needs has stopped answering.
fn play<F: Frozen>(story: impl FnOnce(&Setting, &F, Running)) {
    let setting = Setting::new(&holding("1s"));
    let Some(frozen) = F::new(&setting) else { return };
    let mut command = setting.command(&["run", &setting.plan()]);
    frozen.prepare(&setting, &mut command);
    let mut running = Running::start(command);
    running.wait_for("10 % → version 2");
    frozen.freeze(&setting);
    story(&setting, &frozen, running);
}

fn a_signal_is_heard_and_the_alias_restored<F: Frozen>() {
    play::<F>(|setting, frozen, mut running| {
        running.send("-TERM");
        running.wait_for("rolling back, then ending");
        assert_eq!(setting.routing(), split(10.0));
        frozen.thaw(setting);
        ends_rolled_back(setting, running);
    });
}

fn an_alarm_is_seen_as_soon_as_it_can_be<F: Frozen>() {
    play::<F>(|setting, frozen, mut running| {
        setting.endpoint.set_alarm("sample-handler-errors", AlarmState::Alarm, "by the test");
        running.wait_for("could not be read:");
        frozen.thaw(setting);
        ends_rolled_back(setting, running);
    });
}

fn whoever_wants_to_leave_can<F: Frozen>() {
    play::<F>(|setting, _, mut running| {
        running.send("-TERM");
        running.wait_for("rolling back, then ending");
        later_than_one_wish();
        running.send("-TERM");
        let run = running.finish();
        assert_eq!((run.code, setting.routing()), (5, split(10.0)), "{}", run.err);
        assert!(run.err.contains("could not be read now"), "{}", run.err);
    });
}

#[test]
fn a_signal_is_heard_while_names_are_looked_up() {
    a_signal_is_heard_and_the_alias_restored::<Lookups>();
}

#[test]
fn a_signal_is_heard_while_credentials_are_waited_for() {
    a_signal_is_heard_and_the_alias_restored::<Credentials>();
}

#[test]
fn an_alarm_that_fires_while_names_are_looked_up_rolls_back() {
    an_alarm_is_seen_as_soon_as_it_can_be::<Lookups>();
}

#[test]
fn an_alarm_that_fires_while_credentials_are_waited_for_rolls_back() {
    an_alarm_is_seen_as_soon_as_it_can_be::<Credentials>();
}

#[test]
fn a_lookup_that_hangs_keeps_nobody_from_leaving() {
    whoever_wants_to_leave_can::<Lookups>();
}

#[test]
fn credentials_that_hang_keep_nobody_from_leaving() {
    whoever_wants_to_leave_can::<Credentials>();
}
