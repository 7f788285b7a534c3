//! A journal on a disk that does not answer: the restoring write is sent all the same, signals are heard, and the command
//! ends with the right exit code and says what is true.
//!
//! Each story is played with a shim ahead of the C library, and where root and loop devices are there also on a real
//! filesystem that is frozen.

#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use lambda_rollout::account::AlarmState;
use lambda_rollout_aws_tests::{only, split};
use support::setting::Setting;
use support::shim::shim;

/// Long enough for anything that is told, and for a disk that is waited for.
const LONG: Duration = Duration::from_secs(40);

fn plan(hold: &str) -> String {
    format!(
        r#"
function = "sample-handler"
alias = "main"
version = "2"
strategy = {{ kind = "steps", steps = [{{ percent = 10, hold = "{hold}" }}] }}
alarms = {{ names = ["sample-handler-errors"], poll = "1s" }}
"#
    )
}

/// A disk that freezes when told.
enum Disk {
    /// The path of the shim, and of the file that freezes it.
    Shim { library: String, folder: PathBuf },
    /// A filesystem in a file, and where it is mounted.
    Mounted { folder: PathBuf },
}

impl Disk {
    fn shim(setting: &Setting) -> Option<Self> {
        let folder = setting.folder.path().to_owned();
        shim(&folder).map(|library| Self::Shim { library, folder })
    }

    /// `None` where that is not allowed here.
    fn mounted(setting: &Setting) -> Option<Self> {
        let (image, folder) = (setting.path("image"), setting.folder.path().join("disk"));
        fs::File::create(&image).and_then(|file| file.set_len(16 << 20)).expect("a file");
        fs::create_dir(&folder).expect("a folder");
        let made = succeeds(Command::new("mkfs.ext4").args(["-q", &image]));
        if !made || !succeeds(Command::new("mount").args(["-o", "loop", &image]).arg(&folder)) {
            eprintln!("SKIP the frozen filesystem: it takes root, a loop device and mkfs.ext4");
            return None;
        }
        let disk = Self::Mounted { folder };
        // Where it can be mounted and not frozen, the shim has to do.
        let can_freeze = disk.freeze() && disk.thaw();
        if !can_freeze {
            eprintln!("SKIP the frozen filesystem: it cannot be frozen");
        }
        can_freeze.then_some(disk)
    }

    fn journal(&self) -> String {
        let (Self::Shim { folder, .. } | Self::Mounted { folder }) = self;
        folder.join("journal").to_str().expect("a path in UTF-8").to_owned()
    }

    fn frozen_while(folder: &std::path::Path) -> PathBuf {
        folder.join("frozen")
    }

    fn prepare(&self, command: &mut Command) {
        if let Self::Shim { library, folder } = self {
            command.env("LD_PRELOAD", library).env("FREEZE_NAME", "journal");
            command.env("FREEZE_WHILE", Self::frozen_while(folder));
        }
    }

    fn freeze(&self) -> bool {
        match self {
            Self::Shim { folder, .. } => fs::write(Self::frozen_while(folder), "").is_ok(),
            Self::Mounted { folder } => succeeds(Command::new("fsfreeze").arg("-f").arg(folder)),
        }
    }

    fn thaw(&self) -> bool {
        match self {
            Self::Shim { folder, .. } => fs::remove_file(Self::frozen_while(folder)).is_ok(),
            Self::Mounted { folder } => succeeds(Command::new("fsfreeze").arg("-u").arg(folder)),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.thaw();
        if let Self::Mounted { folder } = self {
            let unmounted = succeeds(Command::new("umount").arg(&*folder));
            if !unmounted {
                succeeds(Command::new("umount").arg("--lazy").arg(&*folder));
            }
        }
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The command, and what it says.
struct Runs<'a> {
    // First, so that nobody is in the filesystem any longer when that is unmounted.
    child: Child,
    lines: Receiver<String>,
    said: String,
    disk: &'a Disk,
}

impl<'a> Runs<'a> {
    fn start(setting: &Setting, disk: &'a Disk) -> Self {
        let mut command = setting.command(&["run", &setting.plan(), "--journal", &disk.journal()]);
        disk.prepare(&mut command);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines() {
                let Ok(line) = line else { return };
                // The test may have failed meanwhile.
                let _ = send.send(line);
            }
        });
        Self { child, lines, said: String::new(), disk }
    }

    #[track_caller]
    fn wait_for(&mut self, words: &str) {
        while !self.said.contains(words) {
            match self.lines.recv_timeout(LONG) {
                Ok(line) => self.said.extend([&line, "\n"]),
                Err(error) => panic!("`{words}` was not said ({error}):\n{}", self.said),
            }
        }
    }

    fn signal(&self, signal: &str) {
        assert!(succeeds(Command::new("kill").args([signal, &self.child.id().to_string()])));
    }

    /// Waits until all is said, and gives the exit code. Linux lets go of a process only when the disk answers that one of
    /// its threads waits for: a frozen filesystem is thawed first, the shim is not.
    fn end(mut self, last_words: &str) -> (i32, String) {
        self.wait_for(last_words);
        if matches!(self.disk, Disk::Mounted { .. }) {
            assert!(self.disk.thaw());
        }
        while let Ok(line) = self.lines.recv_timeout(LONG) {
            self.said.extend([&line, "\n"]);
        }
        let code = self.child.wait().expect("it ends").code().expect("it ended by itself");
        (code, std::mem::take(&mut self.said))
    }
}

impl Drop for Runs<'_> {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        self.disk.thaw();
        let _ended_already = self.child.wait();
    }
}

/// Plays a story on each kind of disk that there is here, at the same time.
fn play(hold: &str, story: impl Fn(&Setting, &Disk) + Sync) {
    std::thread::scope(|scope| {
        for disk in [Disk::shim, Disk::mounted] {
            let story = &story;
            scope.spawn(move || {
                let setting = Setting::new(&plan(hold));
                if let Some(disk) = disk(&setting) {
                    story(&setting, &disk);
                }
            });
        }
    });
}

fn is_restored(setting: &Setting) {
    let changes: Vec<_> = setting.endpoint.alias_history();
    assert_eq!(changes, [Some(split(10.0)), Some(only(1))]);
}

#[test]
fn an_alarm_that_fires_rolls_back() {
    play("10m", |setting, disk| {
        let mut run = Runs::start(setting, disk);
        run.wait_for("10 % → version 2");
        assert!(disk.freeze());
        setting.endpoint.set_alarm("sample-handler-errors", AlarmState::Alarm, "by the test");
        run.wait_for("rolled back");
        is_restored(setting);
        let (code, said) = run.end("exit code 4");
        assert_eq!(code, 4, "{said}");
        assert!(said.contains("main serves version 1 alone"), "{said}");
    });
}

#[test]
fn sigterm_rolls_back() {
    play("10m", |setting, disk| {
        let mut run = Runs::start(setting, disk);
        run.wait_for("10 % → version 2");
        assert!(disk.freeze());
        run.signal("-TERM");
        run.wait_for("rolled back");
        is_restored(setting);
        let (code, said) = run.end("exit code 4");
        assert_eq!(code, 4, "{said}");
        assert!(said.contains("aborted: SIGTERM") && said.contains("main serves version 1 alone"), "{said}");
    });
}

#[test]
fn sigterm_is_heard_while_a_raise_waits_for_the_disk() {
    play("2s", |setting, disk| {
        let mut run = Runs::start(setting, disk);
        run.wait_for("10 % → version 2");
        assert!(disk.freeze());
        run.wait_for("held");
        run.signal("-TERM");
        run.wait_for("rolled back");
        is_restored(setting);
        let (code, said) = run.end("exit code 4");
        assert_eq!(code, 4, "{said}");
        assert!(said.contains("aborted: SIGTERM"), "{said}");
    });
}

#[test]
fn a_raise_is_given_up_after_a_while() {
    play("2s", |setting, disk| {
        let mut run = Runs::start(setting, disk);
        run.wait_for("10 % → version 2");
        assert!(disk.freeze());
        run.wait_for("rolled back");
        is_restored(setting);
        let (code, said) = run.end("exit code 4");
        assert_eq!(code, 4, "{said}");
        assert!(said.contains("its disk has not answered within 10s"), "{said}");
    });
}

#[test]
fn a_disk_that_hangs_from_the_start_refuses() {
    let setting = Setting::new(&plan("2s"));
    let Some(disk) = Disk::shim(&setting) else { return };
    assert!(disk.freeze());
    let run = Runs::start(&setting, &disk);
    let (code, said) = run.end("its disk has not answered within 10s");
    assert_eq!(code, 3, "{said}");
    assert!(setting.endpoint.alias_history().is_empty());
}
