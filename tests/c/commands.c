/* Pause, resume, promote, abort, detach and status, at the moments at which they fit and at others. */
#include "check.h"

static void events_until(lro_rollout *rollout, lro_kind kind)
{
    lro_error *error = NULL;
    lro_event *event = NULL;
    int found = 0;
    while (!found) {
        DONE(lro_rollout_next_event(rollout, -1, &event, &error));
        found = lro_event_kind(event) == kind;
        lro_event_free(event);
    }
}

static lro_end end_of(lro_rollout *rollout)
{
    lro_error *error = NULL;
    lro_outcome *outcome = NULL;
    lro_end end;
    DONE(lro_rollout_wait(rollout, -1, &outcome, &error));
    end = lro_outcome_end(outcome);
    lro_outcome_free(outcome);
    return end;
}

int main(void)
{
    lro_error *error = NULL;
    lro_event *event = NULL;
    lro_outcome *outcome = NULL;
    char *status = NULL;
    lro_runtime *runtime = new_runtime();

    lro_rollout *rollout = simulate(runtime, "healthy", NULL);
    FAILS(lro_rollout_promote(rollout, &error), LRO_STATUS_WRONG_STATE);
    events_until(rollout, LRO_KIND_SHIFTED);
    FAILS(lro_rollout_resume(rollout, &error), LRO_STATUS_WRONG_STATE);
    DONE(lro_rollout_pause(rollout, &error));
    FAILS(lro_rollout_pause(rollout, &error), LRO_STATUS_WRONG_STATE);
    DONE(lro_rollout_status(rollout, &status, &error));
    CHECK(strstr(status, "\"paused\":true") != NULL && strstr(status, "\"weight\":0.1") != NULL);
    lro_string_free(status);
    CHECK(lro_rollout_wait(rollout, 0, &outcome, &error) == LRO_STATUS_TIMED_OUT && !outcome && !error);
    DONE(lro_rollout_resume(rollout, &error));
    DONE(lro_rollout_promote(rollout, &error));
    CHECK(end_of(rollout) == LRO_END_PROMOTED);
    FAILS(lro_rollout_abort(rollout, NULL, 0, &error), LRO_STATUS_WRONG_STATE);
    lro_rollout_free(rollout);

    rollout = simulate(runtime, "healthy", NULL);
    events_until(rollout, LRO_KIND_SHIFTED);
    DONE(lro_rollout_abort(rollout, "coffee", LRO_NUL_TERMINATED, &error));
    CHECK(end_of(rollout) == LRO_END_ABORTED);
    lro_rollout_free(rollout);

    rollout = simulate(runtime, "healthy", NULL);
    DONE(lro_rollout_detach(rollout, &error));
    CHECK(lro_rollout_next_event(rollout, -1, &event, &error) == LRO_STATUS_ENDED && !event && !error);
    CHECK(end_of(rollout) == LRO_END_PROMOTED);
    lro_rollout_free(rollout);

    /* A speed of its own: an hour and a half in a second. */
    rollout = simulate(runtime, NULL, "{\"speed\": 5000, \"rollout_id\": \"release-417\"}");
    DONE(lro_rollout_status(rollout, &status, &error));
    CHECK(strstr(status, "\"rollout_id\":\"release-417\"") != NULL);
    lro_string_free(status);
    CHECK(end_of(rollout) == LRO_END_PROMOTED);
    lro_rollout_free(rollout);

    lro_runtime_free(runtime);
    return 0;
}
