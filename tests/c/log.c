/* The log's function: the one piece of the program's code that the library calls. */
#include "check.h"
#include <pthread.h>

struct lines {
    pthread_mutex_t lock;
    int count, refused;
};

static void log_line(void *user_data, uint32_t level, const char *target, const char *message)
{
    struct lines *lines = (struct lines *)user_data;
    lro_runtime *runtime = NULL;
    CHECK(level >= LRO_LOG_LEVEL_ERROR && level <= LRO_LOG_LEVEL_TRACE);
    CHECK(strncmp(target, "lambda_rollout", 14) == 0 && message != NULL);
    pthread_mutex_lock(&lines->lock);
    lines->count++;
    /* Nothing may be called from here, and nothing can be. */
    lines->refused += lro_runtime_new(NULL, 0, &runtime, NULL) == LRO_STATUS_WRONG_STATE;
    pthread_mutex_unlock(&lines->lock);
}

static void run(void)
{
    lro_error *error = NULL;
    lro_outcome *outcome = NULL;
    lro_runtime *runtime = new_runtime();
    lro_rollout *rollout = simulate(runtime, "healthy", NULL);
    DONE(lro_rollout_wait(rollout, -1, &outcome, &error));
    lro_outcome_free(outcome);
    lro_rollout_free(rollout);
    lro_runtime_free(runtime);
}

int main(void)
{
    lro_error *error = NULL;
    struct lines lines = {PTHREAD_MUTEX_INITIALIZER, 0, 0};
    int count;

    FAILS(lro_log_set(log_line, &lines, 6, &error), LRO_STATUS_INVALID_ARGUMENT);
    DONE(lro_log_set(log_line, &lines, LRO_LOG_LEVEL_ERROR, &error));
    run();
    CHECK(lines.count == 0);
    DONE(lro_log_set(log_line, &lines, LRO_LOG_LEVEL_TRACE, &error));
    run();
    CHECK(lines.count > 0 && lines.refused == lines.count);
    DONE(lro_log_set(NULL, NULL, 0, &error));
    count = lines.count;
    run();
    CHECK(lines.count == count);
    return 0;
}
