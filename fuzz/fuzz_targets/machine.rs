//! Any inputs in any order: what the machine does with them keeps the promises, and it comes to an end.
#![no_main]

use lambda_rollout_fuzz::day::Day;
use lambda_rollout_fuzz::story::Story;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|story: Story| {
    let mut day = Day::of(&story);
    for happening in &story.happenings {
        day.happen(happening);
    }
    day.clear_up();
});
