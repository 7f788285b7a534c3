/*
 * Hooks and alarms that the program answers itself: they come as requests in the queue of events, and are answered by
 * their number. No code of the program runs on a thread of the library.
 */
#include "check.h"

static const char OPTIONS[] = "{\"hooks\": {\"before_traffic\": {\"timeout\": \"2m\", \"parameters\": {\"cell\": 3}}},"
                              " \"alarms\": [\"queue-depth\"], \"seed\": 7}";

static void answer(lro_rollout *rollout, const lro_event *event, int looks)
{
    lro_error *error = NULL;
    uint64_t request = lro_event_request(event);
    char readings[128];

    if (lro_event_kind(event) == LRO_KIND_HOOK_REQUESTED) {
        CHECK(strstr(lro_event_json(event), "\"parameters\":{\"cell\":3}") != NULL);
        CHECK(strstr(lro_event_json(event), "\"timeout_ms\":120000") != NULL);
        CHECK(lro_event_weight(event) == 0.0);
        DONE(lro_rollout_answer_hook(rollout, request, LRO_VERDICT_PASS, "looks well", LRO_NUL_TERMINATED, &error));
    } else if (looks == 3) {
        DONE(lro_rollout_fail_alarms(rollout, request, "the queue is down", LRO_NUL_TERMINATED, &error));
    } else {
        snprintf(readings, sizeof readings, "[{\"name\":\"queue-depth\",\"state\":\"%s\",\"reason\":\"%d messages\"}]",
                 looks < 8 ? "OK" : "ALARM", looks * 100);
        DONE(lro_rollout_answer_alarms(rollout, request, readings, LRO_NUL_TERMINATED, &error));
    }
}

int main(void)
{
    lro_error *error = NULL;
    lro_event *event = NULL;
    lro_outcome *outcome = NULL;
    lro_runtime *runtime = new_runtime();
    lro_rollout *rollout = simulate(runtime, "healthy", OPTIONS);
    int looks = 0, hooks = 0, unreadable = 0;

    while (lro_rollout_next_event(rollout, -1, &event, &error) == LRO_STATUS_OK) {
        switch (lro_event_kind(event)) {
        case LRO_KIND_HOOK_REQUESTED:
            hooks++;
            answer(rollout, event, looks);
            break;
        case LRO_KIND_ALARMS_REQUESTED:
            answer(rollout, event, ++looks);
            break;
        case LRO_KIND_ALARMS_UNREADABLE:
            unreadable++;
            break;
        case LRO_KIND_ROLLING_BACK:
            CHECK(strcmp(lro_event_cause(event), "alarm") == 0);
            break;
        default:
            CHECK(lro_event_request(event) == 0 && lro_event_time_ms(event) > 0);
        }
        lro_event_free(event);
    }
    CHECK(hooks == 1 && unreadable == 1 && looks >= 8);

    DONE(lro_rollout_wait(rollout, -1, &outcome, &error));
    CHECK(lro_outcome_end(outcome) == LRO_END_ROLLED_BACK);
    CHECK(strcmp(lro_outcome_cause(outcome), "alarm") == 0);
    CHECK(strstr(lro_outcome_json(outcome), "queue-depth") != NULL);
    CHECK(lro_outcome_exit_code(outcome) == 4);
    puts(lro_outcome_text(outcome));
    lro_outcome_free(outcome);
    lro_rollout_free(rollout);
    lro_runtime_free(runtime);
    return 0;
}
