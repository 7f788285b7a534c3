/* NULL, empty, huge, broken and unknown arguments: each answers an error, and clears its outputs. */
#include "check.h"

#define GARBAGE(type) ((type *)(uintptr_t)0x5a5a)

static void plans(void)
{
    static const char broken[] = "alias = \"live\"\n";
    lro_error *error = NULL;
    lro_plan *plan = GARBAGE(lro_plan);
    char *json = GARBAGE(char);
    lro_plan *good = canary_plan();

    FAILS(lro_plan_parse(NULL, 5, LRO_PLAN_FORMAT_TOML, &plan, &error), LRO_STATUS_NULL_ARGUMENT);
    CHECK(plan == NULL);
    FAILS(lro_plan_parse("", 0, LRO_PLAN_FORMAT_TOML, &plan, &error), LRO_STATUS_PLAN);
    FAILS(lro_plan_parse("\xff\xfe", 2, LRO_PLAN_FORMAT_TOML, &plan, &error), LRO_STATUS_INVALID_ARGUMENT);
    FAILS(lro_plan_parse("x", SIZE_MAX - 1, LRO_PLAN_FORMAT_TOML, &plan, &error), LRO_STATUS_INVALID_ARGUMENT);
    FAILS(lro_plan_parse("a = 1", 5, 0, &plan, &error), LRO_STATUS_INVALID_ARGUMENT);
    FAILS(lro_plan_parse("a = 1", 5, 0xffffffffu, &plan, &error), LRO_STATUS_INVALID_ARGUMENT);
    FAILS(lro_plan_parse("a\0b", 3, LRO_PLAN_FORMAT_TOML, &plan, &error), LRO_STATUS_PLAN);
    FAILS(lro_plan_parse(broken, LRO_NUL_TERMINATED, LRO_PLAN_FORMAT_TOML, NULL, &error), LRO_STATUS_NULL_ARGUMENT);
    FAILS(lro_plan_from_file("/nowhere/plan.toml", LRO_NUL_TERMINATED, &plan, &error), LRO_STATUS_PLAN);

    /* Who does not ask why is told no less by the status. */
    CHECK(lro_plan_parse(broken, LRO_NUL_TERMINATED, LRO_PLAN_FORMAT_TOML, &plan, NULL) == LRO_STATUS_PLAN);
    CHECK(lro_plan_parse(broken, LRO_NUL_TERMINATED, LRO_PLAN_FORMAT_TOML, &plan, &error) == LRO_STATUS_PLAN);
    CHECK(strcmp(lro_error_name(error), "plan") == 0 && !lro_error_is_retryable(error));
    CHECK(strchr(lro_error_message(error), '\n') != NULL);
    CHECK(strstr(lro_error_details(error), "\"problems\":[{") != NULL);
    CHECK(strstr(lro_error_details(error), "\"path\":\"function\"") != NULL);
    lro_error_free(error);
    error = NULL;

    FAILS(lro_plan_to_json(NULL, &json, &error), LRO_STATUS_NULL_ARGUMENT);
    CHECK(json == NULL);
    FAILS(lro_plan_to_json(good, NULL, &error), LRO_STATUS_NULL_ARGUMENT);
    DONE(lro_plan_to_json(good, &json, &error));
    DONE(lro_plan_parse(json, strlen(json), LRO_PLAN_FORMAT_JSON, &plan, &error));
    lro_string_free(json);
    DONE(lro_plan_schedule(plan, &json, &error));
    CHECK(strstr(json, "\"weight\":0.1") != NULL && strstr(json, "\"time_to_full_ms\":300000") != NULL);
    lro_string_free(json);
    lro_plan_free(plan);
    lro_plan_free(good);
}

static void runtimes_and_rollouts(void)
{
    lro_error *error = NULL;
    lro_runtime *runtime = GARBAGE(lro_runtime);
    lro_rollout *rollout = GARBAGE(lro_rollout);
    lro_plan *plan = canary_plan();

    FAILS(lro_runtime_new("{", 1, &runtime, &error), LRO_STATUS_INVALID_ARGUMENT);
    CHECK(runtime == NULL);
    FAILS(lro_runtime_new("{\"threads\":2}", LRO_NUL_TERMINATED, &runtime, &error), LRO_STATUS_INVALID_ARGUMENT);
    FAILS(lro_runtime_new("{\"worker_threads\":0}", LRO_NUL_TERMINATED, &runtime, &error), LRO_STATUS_PLAN);
    FAILS(lro_runtime_new(NULL, 0, NULL, &error), LRO_STATUS_NULL_ARGUMENT);
    DONE(lro_runtime_new("{\"worker_threads\":1}", LRO_NUL_TERMINATED, &runtime, &error));

    FAILS(lro_rollout_simulate(NULL, plan, NULL, 0, NULL, 0, &rollout, &error), LRO_STATUS_NULL_ARGUMENT);
    CHECK(rollout == NULL);
    FAILS(lro_rollout_simulate(runtime, NULL, NULL, 0, NULL, 0, &rollout, &error), LRO_STATUS_NULL_ARGUMENT);
    FAILS(lro_rollout_simulate(runtime, plan, NULL, 0, NULL, 0, NULL, &error), LRO_STATUS_NULL_ARGUMENT);
    FAILS(lro_rollout_simulate(runtime, plan, "no such scenario", LRO_NUL_TERMINATED, NULL, 0, &rollout, &error),
          LRO_STATUS_PLAN);
    FAILS(lro_rollout_simulate(runtime, plan, NULL, 0, "{\"sped\":1}", LRO_NUL_TERMINATED, &rollout, &error),
          LRO_STATUS_INVALID_ARGUMENT);
    FAILS(lro_rollout_simulate(runtime, plan, NULL, 0, "{\"speed\":-1}", LRO_NUL_TERMINATED, &rollout, &error),
          LRO_STATUS_PLAN);
    FAILS(lro_rollout_simulate(runtime, plan, NULL, 0, "{\"alarms\":[\"none\"]}", LRO_NUL_TERMINATED, &rollout, &error),
          LRO_STATUS_PLAN);
    FAILS(lro_rollout_simulate(runtime, plan, NULL, 0, "{\"journal\":\"/nowhere/j\"}", LRO_NUL_TERMINATED, &rollout,
                               &error),
          LRO_STATUS_JOURNAL);
    FAILS(lro_rollout_start(runtime, plan, "{\"aws\":{\"endpoint_url\":\"nowhere\"}}", LRO_NUL_TERMINATED, &rollout,
                            &error),
          LRO_STATUS_CONFIG);
    FAILS(lro_rollout_start(runtime, plan, "{\"aws\":{\"regoin\":\"x\"}}", LRO_NUL_TERMINATED, &rollout, &error),
          LRO_STATUS_INVALID_ARGUMENT);
    lro_plan_free(plan);
    lro_runtime_free(runtime);
}

static void requests(void)
{
    lro_error *error = NULL;
    lro_event *event = GARBAGE(lro_event);
    lro_outcome *outcome = GARBAGE(lro_outcome);
    char *json = GARBAGE(char);
    int fd = 7;
    uint64_t request = 0;
    lro_runtime *runtime = new_runtime();
    lro_rollout *rollout = simulate(runtime, NULL, "{\"alarms\":[\"queue-depth\"]}");

    FAILS(lro_rollout_next_event(NULL, 0, &event, &error), LRO_STATUS_NULL_ARGUMENT);
    CHECK(event == NULL);
    FAILS(lro_rollout_next_event(rollout, 0, NULL, &error), LRO_STATUS_NULL_ARGUMENT);
    FAILS(lro_rollout_wait(NULL, 0, &outcome, &error), LRO_STATUS_NULL_ARGUMENT);
    CHECK(outcome == NULL);
    FAILS(lro_rollout_wait(rollout, 0, NULL, &error), LRO_STATUS_NULL_ARGUMENT);
    FAILS(lro_rollout_wake_fd(NULL, &fd, &error), LRO_STATUS_NULL_ARGUMENT);
    CHECK(fd == -1);
    FAILS(lro_rollout_wake_fd(rollout, NULL, &error), LRO_STATUS_NULL_ARGUMENT);
    FAILS(lro_rollout_status(NULL, &json, &error), LRO_STATUS_NULL_ARGUMENT);
    CHECK(json == NULL);
    FAILS(lro_rollout_pause(NULL, &error), LRO_STATUS_NULL_ARGUMENT);
    CHECK(lro_rollout_pause(NULL, NULL) == LRO_STATUS_NULL_ARGUMENT);
    FAILS(lro_rollout_abort(rollout, "\xff", 1, &error), LRO_STATUS_INVALID_ARGUMENT);
    FAILS(lro_rollout_answer_hook(rollout, 77, LRO_VERDICT_PASS, NULL, 0, &error), LRO_STATUS_PLAN);

    while (request == 0) {
        DONE(lro_rollout_next_event(rollout, -1, &event, &error));
        request = lro_event_request(event);
        lro_event_free(event);
    }
    FAILS(lro_rollout_answer_hook(rollout, request, LRO_VERDICT_PASS, NULL, 0, &error), LRO_STATUS_PLAN);
    FAILS(lro_rollout_answer_hook(rollout, request, 99, NULL, 0, &error), LRO_STATUS_INVALID_ARGUMENT);
    FAILS(lro_rollout_answer_alarms(rollout, request, "[{]", LRO_NUL_TERMINATED, &error), LRO_STATUS_INVALID_ARGUMENT);
    FAILS(lro_rollout_answer_alarms(rollout, request, NULL, 0, &error), LRO_STATUS_NULL_ARGUMENT);
    FAILS(lro_rollout_answer_alarms(rollout, request, "[{\"name\":\"other\",\"state\":\"OK\",\"reason\":\"\"}]",
                                    LRO_NUL_TERMINATED, &error),
          LRO_STATUS_PLAN);
    DONE(lro_rollout_fail_alarms(rollout, request, NULL, 0, &error));
    FAILS(lro_rollout_fail_alarms(rollout, request, NULL, 0, &error), LRO_STATUS_WRONG_STATE);
    lro_rollout_free(rollout);
    lro_runtime_free(runtime);
}

static void nulls(void)
{
    lro_error *error = NULL;

    lro_plan_free(NULL);
    lro_runtime_free(NULL);
    lro_rollout_free(NULL);
    lro_event_free(NULL);
    lro_outcome_free(NULL);
    lro_error_free(NULL);
    lro_string_free(NULL);
    CHECK(lro_error_code(NULL) == LRO_STATUS_OK && !lro_error_name(NULL) && !lro_error_message(NULL));
    CHECK(!lro_error_details(NULL) && !lro_error_is_retryable(NULL));
    CHECK(lro_event_kind(NULL) == LRO_KIND_OTHER && lro_event_seq(NULL) == 0 && lro_event_time_ms(NULL) == 0);
    CHECK(lro_event_weight(NULL) < 0 && !lro_event_cause(NULL) && lro_event_request(NULL) == 0);
    CHECK(!lro_event_json(NULL));
    CHECK(lro_outcome_end(NULL) == LRO_END_UNKNOWN && lro_outcome_exit_code(NULL) == 1 && !lro_outcome_cause(NULL));
    CHECK(!lro_outcome_text(NULL) && !lro_outcome_json(NULL));
    DONE(lro_log_set(NULL, NULL, 0, &error));
}

int main(void)
{
    char version[64];
    CHECK(lro_abi_version() == LRO_ABI_VERSION);
    CHECK(strcmp(lro_version(), LRO_VERSION) == 0);
    snprintf(version, sizeof version, "%d.%d.%d", LRO_VERSION_NUMBER / 1000000, LRO_VERSION_NUMBER / 1000 % 1000,
             LRO_VERSION_NUMBER % 1000);
    CHECK(strcmp(version, LRO_VERSION) == 0);
    plans();
    runtimes_and_rollouts();
    requests();
    nulls();
    return 0;
}
