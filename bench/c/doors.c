/* What bench/src/doors measures in Rust, through the C ABI. Prints one figure a line: its name, and seconds or bytes. */
#define _POSIX_C_SOURCE 200809L
#include <lambda_rollout.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 100000, ROLLOUTS = 100, MANY = 1000 };

static const char PLAN[] = "function = \"sample-handler\"\nalias = \"main\"\nversion = \"2\"\n"
                           "strategy = \"CANARY_10PERCENT_5MINUTES\"\nalarms = { names = [\"sample-handler-errors\"] }\n";

static lro_runtime *runtime;
static lro_plan *plan;

static void need(lro_status status)
{
    if (status != LRO_STATUS_OK) {
        fprintf(stderr, "status %d\n", (int)status);
        exit(1);
    }
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double resident(void)
{
    long pages = 0, all = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &all, &pages) != 2)
        exit(1);
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static lro_rollout *start(int seed)
{
    char options[64];
    lro_rollout *rollout = NULL;
    snprintf(options, sizeof options, "{\"seed\":%d}", seed);
    need(lro_rollout_simulate(runtime, plan, NULL, 0, options, LRO_NUL_TERMINATED, &rollout, NULL));
    return rollout;
}

/* Takes every event of whole rollouts, with its JSON or without. */
static void events(const char *name, int with_json)
{
    size_t length = 0, count = 0;
    double began = now();
    for (int seed = 0; seed < ROLLOUTS; seed++) {
        lro_event *event = NULL;
        lro_rollout *rollout = start(seed);
        while (lro_rollout_next_event(rollout, -1, &event, NULL) == LRO_STATUS_OK) {
            if (with_json)
                length += strlen(lro_event_json(event));
            count++;
            lro_event_free(event);
        }
        lro_rollout_free(rollout);
    }
    printf("%s %.9f\n", name, (now() - began) / (double)count);
    if (with_json && length == 0)
        exit(1);
}

static void calls(void)
{
    lro_event *event = NULL;
    lro_rollout *rollout = start(1);
    char *json = NULL;
    uint64_t sum = 0;
    need(lro_rollout_next_event(rollout, -1, &event, NULL));
    double began = now();
    for (int i = 0; i < CALLS; i++)
        sum += lro_event_seq(event);
    printf("accessor %.12f\n", (now() - began) / CALLS);
    began = now();
    for (int i = 0; i < CALLS; i++) {
        need(lro_rollout_status(rollout, &json, NULL));
        lro_string_free(json);
    }
    printf("status %.12f\n", (now() - began) / CALLS);
    lro_event_free(event);
    /* With its end reached, asking for events only looks. */
    need(lro_rollout_detach(rollout, NULL));
    began = now();
    for (int i = 0; i < CALLS; i++)
        sum += lro_rollout_next_event(rollout, 0, &event, NULL) == LRO_STATUS_ENDED;
    printf("look %.12f\n", (now() - began) / CALLS);
    lro_rollout_free(rollout);
    if (sum != 2 * CALLS)
        exit(1);
}

/* Each holds its first step, and waits for its program. */
static void memory(void)
{
    lro_rollout *rollouts[MANY];
    double before = resident();
    for (int i = 0; i < MANY; i++) {
        lro_event *event = NULL;
        lro_kind kind = LRO_KIND_OTHER;
        rollouts[i] = start(i);
        while (kind != LRO_KIND_SHIFTED) {
            need(lro_rollout_next_event(rollouts[i], -1, &event, NULL));
            kind = lro_event_kind(event);
            lro_event_free(event);
        }
    }
    printf("memory %.0f\n", (resident() - before) / MANY);
    /* To their ends, so that none runs on under what is measured next. */
    for (int i = 0; i < MANY; i++) {
        lro_outcome *outcome = NULL;
        need(lro_rollout_wait(rollouts[i], -1, &outcome, NULL));
        lro_outcome_free(outcome);
        lro_rollout_free(rollouts[i]);
    }
}

int main(void)
{
    need(lro_plan_parse(PLAN, LRO_NUL_TERMINATED, LRO_PLAN_FORMAT_TOML, &plan, NULL));
    need(lro_runtime_new(NULL, 0, &runtime, NULL));
    memory();
    calls();
    events("event", 0);
    events("event_json", 1);
    lro_runtime_free(runtime);
    lro_plan_free(plan);
    return 0;
}
