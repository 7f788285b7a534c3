//! S9 when the power fails: what the journal has to know of an alias write is on the disk, and not only in the computer's
//! memory, before that write is asked for. The real command is watched by a shim ahead of the C library.

#![cfg(target_os = "linux")]

mod support;

use std::fs;

use support::finished;
use support::setting::Setting;
use support::shim::shim;

const PLAN: &str = r#"
function = "sample-handler"
alias = "main"
version = "2"
strategy = { kind = "steps", steps = [{ percent = 10, hold = "50ms" }, { percent = 50, hold = "50ms" }] }
alarms = { names = ["sample-handler-errors"], poll = "1s" }
"#;

#[test]
fn s9_the_journal_is_on_the_disk_before_each_write() {
    let setting = Setting::new(PLAN);
    let Some(shim) = shim(setting.folder.path()) else { return };
    let (plan, journal, log) = (setting.plan(), setting.path("journal"), setting.path("watched"));
    let mut command = setting.command(&["run", &plan, "--journal", &journal]);
    let run = finished(&command.env("LD_PRELOAD", shim).env("WATCH_LOG", &log).output().expect("it runs"));
    assert_eq!(run.code, 0, "{}", run.err);

    let watched = fs::read_to_string(log).expect("it was watched");
    let folder = fs::canonicalize(setting.folder.path()).expect("there").display().to_string();
    let journal = format!("{folder}/journal");
    let (mut asked, mut is_on_disk, mut has_its_name) = (0, false, false);
    for line in watched.lines() {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("wrote", path) if path == journal => is_on_disk = false,
            ("synced", path) if path == journal => is_on_disk = true,
            ("synced", path) if path == folder => has_its_name = true,
            ("asked", _) => {
                asked += 1;
                assert!(is_on_disk, "write {asked} was asked for too early:\n{watched}");
                assert!(has_its_name, "the journal's name was not on the disk:\n{watched}");
            }
            _ => {}
        }
    }
    assert!(is_on_disk, "the end is not on the disk:\n{watched}");
    assert_eq!(asked, 3, "{watched}");
    assert_eq!(setting.endpoint.alias_history().len(), 3);
}
