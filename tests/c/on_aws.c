/*
 * A rollout on AWS, or on what stands at an endpoint in its place. Standard AWS configuration says which account.
 *
 *     ./on_aws PLAN [ENDPOINT_URL]
 */
#include "check.h"

int main(int argc, char **argv)
{
    lro_error *error = NULL;
    lro_plan *plan = NULL;
    lro_rollout *rollout = NULL;
    lro_outcome *outcome = NULL;
    lro_event *event = NULL;
    lro_runtime *runtime = new_runtime();
    lro_status status;
    uint64_t seq = 0;
    char options[512] = "";
    int exit_code;

    if (argc < 2) {
        fprintf(stderr, "usage: %s PLAN [ENDPOINT_URL]\n", argv[0]);
        return 2;
    }
    if (argc > 2)
        snprintf(options, sizeof options,
                 "{\"aws\": {\"endpoint_url\": \"%s\", \"region\": \"eu-west-1\", \"access_keys\":"
                 " {\"access_key_id\": \"AKIDEXAMPLE\", \"secret_access_key\": \"hunter2\"}}}",
                 argv[2]);
    DONE(lro_plan_from_file(argv[1], LRO_NUL_TERMINATED, &plan, &error));
    DONE(lro_rollout_start(runtime, plan, options, LRO_NUL_TERMINATED, &rollout, &error));
    lro_plan_free(plan);

    while ((status = lro_rollout_next_event(rollout, -1, &event, &error)) == LRO_STATUS_OK) {
        CHECK(lro_event_seq(event) == ++seq);
        printf("%s\n", lro_event_json(event));
        lro_event_free(event);
    }
    CHECK(status == LRO_STATUS_ENDED);
    DONE(lro_rollout_wait(rollout, -1, &outcome, &error));
    printf("%s\n", lro_outcome_text(outcome));
    exit_code = lro_outcome_exit_code(outcome);
    lro_outcome_free(outcome);
    lro_rollout_free(rollout);
    lro_runtime_free(runtime);
    return exit_code;
}
