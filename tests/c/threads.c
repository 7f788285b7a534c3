/* Many threads and many rollouts, freeing in any order, and freeing under threads that wait. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* for syscall; C++ compilers have it */
#endif
#include "check.h"
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { THREADS = 4 };

struct shared {
    lro_rollout *rollout;
    pthread_mutex_t lock;
    uint64_t taken, sum;
    int begun;
    long ids[THREADS];
    lro_status answers[THREADS];
};

static void *take(void *data)
{
    struct shared *shared = (struct shared *)data;
    lro_error *error = NULL;
    lro_event *event = NULL;
    lro_status status;
    while ((status = lro_rollout_next_event(shared->rollout, -1, &event, &error)) == LRO_STATUS_OK) {
        pthread_mutex_lock(&shared->lock);
        shared->taken++;
        shared->sum += lro_event_seq(event);
        pthread_mutex_unlock(&shared->lock);
        lro_event_free(event);
    }
    CHECK(status == LRO_STATUS_ENDED);
    return NULL;
}

/* Every event comes to one thread, whichever. */
static void share_a_queue(lro_runtime *runtime)
{
    struct shared shared = {simulate(runtime, "healthy", NULL), PTHREAD_MUTEX_INITIALIZER, 0, 0, 0, {0}, {LRO_STATUS_OK}};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, take, &shared) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(shared.taken > 4 && shared.sum == shared.taken * (shared.taken + 1) / 2);
    lro_rollout_free(shared.rollout);
}

/* Whether this thread of the program waits for something, as Linux tells. */
static int sleeps(long id)
{
    char path[64], stat[512] = "";
    snprintf(path, sizeof path, "/proc/self/task/%ld/stat", id);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    CHECK(fgets(stat, sizeof stat, file) != NULL);
    fclose(file);
    /* The state follows the name, which stands in brackets. */
    const char *name_end = strrchr(stat, ')');
    return name_end != NULL && name_end[1] == ' ' && name_end[2] == 'S';
}

static void *sleep_on(void *data)
{
    struct shared *shared = (struct shared *)data;
    lro_error *error = NULL;
    lro_event *event = NULL;
    lro_outcome *outcome = NULL;
    pthread_mutex_lock(&shared->lock);
    int mine = shared->begun++;
    shared->ids[mine] = (long)syscall(SYS_gettid);
    pthread_mutex_unlock(&shared->lock);
    if (mine % 2)
        shared->answers[mine] = lro_rollout_wait(shared->rollout, -1, &outcome, &error);
    else
        shared->answers[mine] = lro_rollout_next_event(shared->rollout, -1, &event, &error);
    CHECK(!event && !outcome && error);
    lro_error_free(error);
    return NULL;
}

/* The request is never answered: nothing comes, and only the freeing can wake them. */
static void free_under_sleepers(lro_runtime *runtime)
{
    struct shared shared = {simulate(runtime, "healthy", "{\"hooks\":{\"before_traffic\":{}}}"),
                            PTHREAD_MUTEX_INITIALIZER, 0, 0, 0, {0}, {LRO_STATUS_OK}};
    pthread_t threads[THREADS];
    lro_error *error = NULL;
    lro_event *event = NULL;
    int begun = 0, asleep = 0, more = 20;
    lro_kind kind = LRO_KIND_OTHER;
    while (kind != LRO_KIND_HOOK_STARTED && kind != LRO_KIND_HOOK_REQUESTED) {
        DONE(lro_rollout_next_event(shared.rollout, -1, &event, &error));
        kind = lro_event_kind(event);
        lro_event_free(event);
    }
    while (lro_rollout_next_event(shared.rollout, 50, &event, &error) == LRO_STATUS_OK)
        lro_event_free(event);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, sleep_on, &shared) == 0);
    while (begun < THREADS) {
        pthread_mutex_lock(&shared.lock);
        begun = shared.begun;
        pthread_mutex_unlock(&shared.lock);
    }
    /* No call may begin on what is freed: each of them has to be seen asleep in its own. Under valgrind a thread sleeps
     * for its turn too, and gets it while this one waits. */
    while (asleep < THREADS || more-- > 0) {
        if (asleep < THREADS && sleeps(shared.ids[asleep]))
            asleep++;
        CHECK(lro_rollout_next_event(shared.rollout, 1, &event, &error) == LRO_STATUS_TIMED_OUT);
    }
    lro_rollout_free(shared.rollout);
    /* The answers stand in the order in which they began, which is not that of the threads. */
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(shared.answers[i] == LRO_STATUS_WRONG_STATE);
}

static void free_in_any_order(void)
{
    lro_error *error = NULL;
    lro_event *event = NULL;
    lro_outcome *outcome = NULL;
    for (int order = 0; order < 4; order++) {
        lro_runtime *runtime = new_runtime();
        lro_plan *plan = canary_plan();
        lro_rollout *rollout = simulate(runtime, "healthy", NULL);
        DONE(lro_rollout_next_event(rollout, -1, &event, &error));
        if (order & 1)
            lro_plan_free(plan);
        if (order & 2) {
            lro_runtime_free(runtime);
            FAILS(lro_rollout_wait(rollout, -1, &outcome, &error), LRO_STATUS_INTERNAL);
            FAILS(lro_rollout_pause(rollout, &error), LRO_STATUS_INTERNAL);
        }
        lro_rollout_free(rollout);
        /* The event needs neither. */
        CHECK(strstr(lro_event_json(event), "\"started\"") != NULL);
        lro_event_free(event);
        if (!(order & 2))
            lro_runtime_free(runtime);
        if (!(order & 1))
            lro_plan_free(plan);
    }
}

static void many(lro_runtime *runtime, int count)
{
    lro_error *error = NULL;
    lro_outcome *outcome = NULL;
    lro_rollout **rollouts = (lro_rollout **)calloc((size_t)count, sizeof *rollouts);
    CHECK(rollouts != NULL);
    for (int i = 0; i < count; i++) {
        char options[64];
        snprintf(options, sizeof options, "{\"seed\":%d}", i);
        rollouts[i] = simulate(runtime, "healthy", options);
        DONE(lro_rollout_detach(rollouts[i], &error));
    }
    for (int i = 0; i < count; i++) {
        DONE(lro_rollout_wait(rollouts[i], -1, &outcome, &error));
        CHECK(lro_outcome_end(outcome) == LRO_END_PROMOTED);
        lro_outcome_free(outcome);
        lro_rollout_free(rollouts[i]);
    }
    free(rollouts);
}

int main(int argc, char **argv)
{
    lro_runtime *runtime = new_runtime();
    share_a_queue(runtime);
    free_under_sleepers(runtime);
    free_in_any_order();
    many(runtime, argc > 1 ? atoi(argv[1]) : 100);
    lro_runtime_free(runtime);
    return 0;
}
