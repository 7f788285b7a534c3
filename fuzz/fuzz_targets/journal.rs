//! Any bytes as a journal: refused with the line, or a history that a torn end does not change.
#![no_main]

use lambda_rollout::ErrorKind;
use lambda_rollout::journal::History;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
    match History::parse(bytes) {
        Ok(history) => check_history(bytes, &history),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Journal);
            let message = error.message();
            assert!(!message.contains(char::is_control), "{message:?}");
            let named = |line| message.contains(&format!("line {line} "));
            assert!(message.contains("format") || (1..=lines).any(named), "{message:?}");
        }
    }
});

fn check_history(bytes: &[u8], history: &History) {
    let whole = &bytes[..history.whole];
    assert!(whole.is_empty() || whole.ends_with(b"\n"), "half a line counts as whole");
    assert_eq!(History::parse(whole).as_ref().ok(), Some(history), "what is torn says something");
    // The newest line, torn at any place, leaves what the lines before it say.
    let Some(newest) = whole.trim_ascii_end().iter().rposition(|byte| *byte == b'\n') else { return };
    let before = History::parse(&whole[..=newest]).expect("the lines before are a journal's too");
    for end in [newest + 1, newest + 2, usize::midpoint(newest, whole.len()), whole.len() - 2] {
        if (newest + 1..whole.len() - 1).contains(&end) {
            assert_eq!(History::parse(&whole[..end]).as_ref().ok(), Some(&before), "torn at byte {end}");
        }
    }
}
