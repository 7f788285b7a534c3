/* A child that is forked has none of the library's threads: every call answers so, and freeing does nothing. One that was
   forked before there were any is a program like any other. */
#include "check.h"
#include <sys/wait.h>
#include <unistd.h>

static int child(lro_runtime *runtime, lro_rollout *rollout, lro_plan *plan)
{
    lro_error *error = NULL;
    lro_event *event = NULL;
    lro_outcome *outcome = NULL;
    lro_rollout *other = NULL;
    char *json = NULL;
    int fd;

    alarm(LONGEST_SECONDS);
    FAILS(lro_rollout_next_event(rollout, -1, &event, &error), LRO_STATUS_FORKED);
    FAILS(lro_rollout_wait(rollout, -1, &outcome, &error), LRO_STATUS_FORKED);
    FAILS(lro_rollout_pause(rollout, &error), LRO_STATUS_FORKED);
    FAILS(lro_rollout_abort(rollout, NULL, 0, &error), LRO_STATUS_FORKED);
    FAILS(lro_rollout_detach(rollout, &error), LRO_STATUS_FORKED);
    FAILS(lro_rollout_status(rollout, &json, &error), LRO_STATUS_FORKED);
    FAILS(lro_rollout_wake_fd(rollout, &fd, &error), LRO_STATUS_FORKED);
    FAILS(lro_rollout_answer_hook(rollout, 1, LRO_VERDICT_PASS, NULL, 0, &error), LRO_STATUS_FORKED);
    FAILS(lro_rollout_simulate(runtime, plan, NULL, 0, NULL, 0, &other, &error), LRO_STATUS_FORKED);
    FAILS(lro_rollout_start(runtime, plan, NULL, 0, &other, &error), LRO_STATUS_FORKED);
    lro_rollout_free(rollout);
    lro_runtime_free(runtime);

    runtime = NULL;
    FAILS(lro_runtime_new(NULL, 0, &runtime, &error), LRO_STATUS_FORKED);
    FAILS(lro_plan_to_json(plan, &json, &error), LRO_STATUS_FORKED);
    lro_plan_free(plan);
    return 0;
}

static int early_child(lro_plan *plan)
{
    lro_error *error = NULL;
    lro_outcome *outcome = NULL;
    lro_runtime *runtime;
    lro_rollout *rollout;

    alarm(LONGEST_SECONDS);
    runtime = new_runtime();
    rollout = simulate(runtime, "healthy", NULL);
    DONE(lro_rollout_wait(rollout, -1, &outcome, &error));
    CHECK(lro_outcome_end(outcome) == LRO_END_PROMOTED);
    lro_outcome_free(outcome);
    lro_rollout_free(rollout);
    lro_runtime_free(runtime);
    lro_plan_free(plan);
    return 0;
}

static void ends_well(pid_t pid)
{
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    lro_error *error = NULL;
    lro_outcome *outcome = NULL;
    lro_event *event = NULL;
    lro_runtime *runtime;
    lro_plan *plan = canary_plan();
    lro_rollout *rollout;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0)
        _exit(early_child(plan));
    ends_well(pid);

    runtime = new_runtime();
    rollout = simulate(runtime, "healthy", NULL);
    DONE(lro_rollout_next_event(rollout, -1, &event, &error));
    lro_event_free(event);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        _exit(child(runtime, rollout, plan));
    ends_well(pid);

    /* The parent's rollout has not noticed. */
    DONE(lro_rollout_wait(rollout, -1, &outcome, &error));
    CHECK(lro_outcome_end(outcome) == LRO_END_PROMOTED);
    lro_outcome_free(outcome);
    lro_rollout_free(rollout);
    lro_plan_free(plan);
    lro_runtime_free(runtime);
    return 0;
}
