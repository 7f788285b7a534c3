/*
 * A rollout on the simulated account, in a program with an event loop of its own: poll() waits for the rollout's descriptor
 * as it would for sockets, and events are taken as they come.
 *
 *     cc rollout.c -o rollout $(pkg-config --cflags --libs lambda_rollout) && ./rollout broken
 */
#include <lambda_rollout.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static const char PLAN[] = "function = \"sample-handler\"\n"
                           "alias = \"main\"\n"
                           "strategy = \"Canary10Percent5Minutes\"\n"
                           "alarms = { names = [\"sample-handler-errors\"] }\n";

static void give_up(lro_error *error)
{
    fprintf(stderr, "error: %s\n", error ? lro_error_message(error) : "unknown");
    lro_error_free(error);
    exit(1);
}

/* Takes what there is. Gives 0 when nothing will come any more. */
static int take_events(lro_rollout *rollout)
{
    for (;;) {
        lro_event *event = NULL;
        lro_error *error = NULL;
        switch (lro_rollout_next_event(rollout, 0, &event, &error)) {
        case LRO_STATUS_OK:
            if (lro_event_kind(event) == LRO_KIND_SHIFTED)
                printf("%2.0f %% of the traffic is on the new version\n", 100 * lro_event_weight(event));
            else
                printf("%s\n", lro_event_json(event));
            lro_event_free(event);
            break;
        case LRO_STATUS_TIMED_OUT:
            return 1;
        case LRO_STATUS_ENDED:
            return 0;
        default:
            give_up(error);
        }
    }
}

int main(int argc, char **argv)
{
    lro_error *error = NULL;
    lro_plan *plan = NULL;
    lro_runtime *runtime = NULL;
    lro_rollout *rollout = NULL;
    lro_outcome *outcome = NULL;
    struct pollfd wait = {-1, POLLIN, 0};
    const char *scenario = argc > 1 ? argv[1] : "healthy";
    int exit_code;

    if (lro_abi_version() != LRO_ABI_VERSION) {
        fprintf(stderr, "error: built for another lambda_rollout than %s\n", lro_version());
        return 1;
    }
    if (lro_plan_parse(PLAN, LRO_NUL_TERMINATED, LRO_PLAN_FORMAT_TOML, &plan, &error) ||
        lro_runtime_new(NULL, 0, &runtime, &error) ||
        lro_rollout_simulate(runtime, plan, scenario, LRO_NUL_TERMINATED, NULL, 0, &rollout, &error) ||
        lro_rollout_wake_fd(rollout, &wait.fd, &error))
        give_up(error);

    while (take_events(rollout))
        poll(&wait, 1, -1);

    if (lro_rollout_wait(rollout, -1, &outcome, &error))
        give_up(error);
    printf("%s\n", lro_outcome_text(outcome));
    exit_code = lro_outcome_exit_code(outcome);

    lro_outcome_free(outcome);
    lro_rollout_free(rollout);
    lro_runtime_free(runtime);
    lro_plan_free(plan);
    return exit_code;
}
