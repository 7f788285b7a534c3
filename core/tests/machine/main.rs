//! The machine alone, on a workbench: every story of a rollout, and every row of the transition table.

mod bench;
mod drift;
mod field;
mod random;
mod stories;
mod survivors;
mod taken_up;
mod walked;

use std::collections::BTreeSet;

use lambda_rollout::machine::{TRANSITIONS, Transition, transition_diagram};

use bench::Bench;

/// Runs every story as a test of its own, and lists them for the test of coverage.
macro_rules! stories {
    ($($story:ident),* $(,)?) => {
        $(#[test]
        fn $story() {
            stories::$story().check_promises();
        })*

        const STORIES: &[fn() -> Bench] = &[$(stories::$story),*];
    };
}

stories! {
    a_healthy_canary_is_promoted,
    linear_holds_every_step,
    all_at_once_has_no_steps,
    a_bake_is_watched_to_its_end,
    nothing_to_do_when_the_version_serves_already,
    publishing_waits_and_is_guarded,
    publishing_what_serves_already_is_nothing_to_do,
    publishing_again_after_a_lost_reply_is_harmless,
    latest_that_changes_meanwhile_refuses,
    latest_that_failed_refuses,
    a_hash_that_differs_refuses,
    new_code_is_put_and_published,
    a_version_is_waited_for_until_active,
    a_failed_version_refuses,
    a_version_that_does_not_exist_refuses,
    other_roles_refuse,
    other_dead_letters_refuse,
    other_roles_do_not_matter_all_at_once,
    an_alias_with_foreign_weights_refuses,
    an_alias_on_latest_refuses,
    no_permission_to_read_refuses_at_once,
    no_permission_to_write_refuses_and_writes_nothing_more,
    no_permission_to_write_all_at_once_refuses,
    no_answer_from_the_start_refuses_at_once,
    throttled_reads_are_borne_and_then_refused,
    a_firing_alarm_refuses_before_traffic,
    a_missing_alarm_refuses_before_traffic,
    unreadable_alarms_refuse_before_traffic_when_borne_long_enough,
    s5_an_alarm_in_a_hold_rolls_back,
    s5_an_alarm_in_the_bake_rolls_back,
    s10_an_alarm_at_a_gate_rolls_back,
    s10_an_alarm_in_a_pause_rolls_back,
    s10_an_alarm_during_the_hook_after_traffic_rolls_back,
    s10_an_alarm_during_the_hook_before_traffic_refuses,
    s10_an_alarm_while_a_shift_is_written_rolls_back,
    s10_an_alarm_while_100_percent_is_written_rolls_back,
    s10_an_alarm_while_the_promotion_is_confirmed_rolls_back,
    s3_no_shift_without_a_look_after_the_hold,
    s3_no_shift_while_alarms_are_unreadable,
    s11_an_outage_borne_too_long_rolls_back,
    s11_an_outage_that_ends_goes_on,
    s2_a_lost_request_is_read_and_repeated,
    s2_a_lost_reply_is_read_and_not_repeated,
    s2_a_412_of_our_own_first_try_is_ours,
    s2_a_write_that_lands_late_is_ours,
    s2_an_unknown_first_write_is_fenced_off_by_the_rollback,
    s2_an_unknown_first_write_is_fenced_off_between_two_tries,
    s2_an_abort_waits_for_the_read_that_decides,
    s2_a_throttled_write_is_repeated,
    s2_a_write_that_fails_for_long_is_given_up,
    s2_a_write_to_100_percent_that_is_denied_rolls_back,
    s5_a_rollback_waits_for_the_write_in_flight,
    s6_a_rollback_that_cannot_write_is_unsettled,
    s6_a_rollback_repeats_its_write_until_it_lands,
    s6_a_rollback_that_cannot_be_read_back_still_counts,
    s7_other_weights_on_the_canary_are_taken_out,
    s7_another_version_beside_the_canary_is_left_standing,
    s7_a_canary_promoted_by_another_hand_is_taken_out,
    s7_cleared_weights_are_let_go,
    s7_another_version_alone_is_let_go,
    s7_a_deleted_alias_is_let_go,
    s7_drift_found_by_a_write_is_not_overwritten,
    s7_drift_found_while_promoting_is_not_overwritten,
    s7_drift_during_a_rollback_is_let_go,
    s7_drift_at_a_gate_is_let_go,
    s7_drift_in_a_bake_is_let_go,
    s7_drift_during_the_hook_after_traffic_is_let_go,
    s7_drift_before_the_first_shift_is_let_go,
    s7_drift_while_confirming_is_let_go,
    s7_an_edited_description_is_no_drift,
    s7_weights_of_provisioned_concurrency_are_waited_for,
    s7_weights_that_stay_are_drift_after_all,
    s8_rollback_goes_to_the_version_written_down_first,
    s9_run_again_in_mid_step_holds_the_step_anew,
    s9_run_again_with_a_firing_alarm_rolls_back,
    s9_run_again_between_two_steps_lowers_first,
    s9_run_again_with_a_canary_that_failed_rolls_back,
    s9_restored_before_the_first_write_goes_on,
    s9_run_again_with_a_firing_alarm_excuses_nothing,
    s9_restored_in_a_hold_or_bake_keeps_its_start,
    s9_restored_by_a_clock_that_is_behind_holds_no_longer_than_planned,
    s9_restored_while_an_alarm_fires_rolls_back,
    s9_restored_in_a_pause_is_paused,
    s9_restored_at_a_gate_waits_there,
    s9_restored_after_an_approval_asks_for_no_other,
    s9_restored_in_the_hook_after_traffic_runs_it_again,
    s9_restored_after_a_write_that_landed_unseen_tells_it,
    s9_restored_where_weights_were_cleared_lets_go,
    s9_restored_after_an_abort_goes_on_aborting,
    s9_restored_in_a_rollback_goes_on_rolling_back,
    s9_restored_on_a_foreign_alias_lets_go,
    s9_restored_on_a_deleted_alias_lets_go,
    s9_restored_beside_a_foreign_version_takes_the_canary_out,
    s9_restored_where_nothing_answers_is_unsettled_in_the_end,
    a_deadline_rolls_back,
    a_deadline_before_traffic_refuses,
    an_abort_rolls_back,
    an_abort_before_traffic_moves_nothing,
    an_abort_before_the_first_read_puts_back_what_was_found,
    a_pause_stops_the_clock_of_the_hold,
    a_clock_that_goes_back_moves_nothing_back,
    a_pause_before_the_first_shift_waits,
    an_abort_while_paused_before_the_first_shift_moves_nothing,
    a_gate_waits_for_approval,
    promote_now_skips_the_holds,
    promote_now_at_a_gate,
    promote_now_before_the_first_shift,
    promote_now_while_a_shift_is_written,
    promote_now_ends_a_bake,
    commands_that_do_not_fit_change_nothing,
    a_hook_before_traffic_that_passes_lets_traffic_move,
    a_hook_before_traffic_that_fails_refuses,
    a_hook_before_traffic_that_fails_clears_a_weight_of_nothing,
    a_hook_after_traffic_that_fails_rolls_back,
    a_hook_that_times_out_fails,
    a_hook_that_cannot_tell_waits_before_traffic,
    a_hook_that_cannot_tell_waits_after_traffic,
    an_abort_at_a_gate_before_traffic_moves_nothing,
    a_hook_is_told_everything,
    a_first_deployment_creates_the_alias,
    a_first_deployment_stands_a_lost_reply,
    a_first_deployment_stands_a_lost_request,
    a_first_deployment_that_is_denied_refuses,
    a_first_deployment_that_another_hand_makes_is_let_go,
    a_first_deployment_of_an_alias_that_is_there_after_all_carries_on,
    a_check_writes_nothing,
    a_check_of_a_publishing_plan_publishes_nothing,
}

#[test]
fn every_row_of_the_transition_table_is_taken() {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for story in STORIES {
        taken.extend(story().transitions().map(|row| format!("{row:?}")));
    }
    let missing: Vec<&Transition> =
        TRANSITIONS.iter().filter(|row| !taken.contains(&format!("{row:?}"))).collect();
    assert!(missing.is_empty(), "no story takes {missing:#?}");
}

/// S12: the same inputs, the same bytes.
#[test]
fn s12_the_same_story_twice_is_the_same_to_the_byte() {
    for story in STORIES {
        let log = || serde_json::to_string(&story().events).expect("events are JSON");
        assert_eq!(log(), log());
    }
}

#[test]
fn the_diagram_in_the_design_is_printed_from_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/transitions.mmd");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(path, transition_diagram()).expect("writable");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(committed, transition_diagram(), "run `UPDATE_GENERATED=1 scripts/check rust`");
}
