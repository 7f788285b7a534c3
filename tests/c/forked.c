/* After a fork the child has none of the library's threads: every call answers so, freeing does nothing, and a runtime of
   its own works. */
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

int main(void)
{
    lro_error *error = NULL;
    lro_outcome *outcome = NULL;
    lro_event *event = NULL;
    lro_runtime *runtime = new_runtime();
    lro_plan *plan = canary_plan();
    lro_rollout *rollout = simulate(runtime, "healthy", NULL);
    int status = 0;
    pid_t pid;

    DONE(lro_rollout_next_event(rollout, -1, &event, &error));
    lro_event_free(event);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        _exit(child(runtime, rollout, plan));
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    /* The parent's rollout has not noticed. */
    DONE(lro_rollout_wait(rollout, -1, &outcome, &error));
    CHECK(lro_outcome_end(outcome) == LRO_END_PROMOTED);
    lro_outcome_free(outcome);
    lro_rollout_free(rollout);
    lro_plan_free(plan);
    lro_runtime_free(runtime);
    return 0;
}
