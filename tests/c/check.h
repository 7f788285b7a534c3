/* What the programs share: a check that says where it failed, and no more than that. */
#ifndef CHECK_H
#define CHECK_H

#include <lambda_rollout.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* No program takes so long, even under valgrind: one that hangs ends, and fails. */
enum { LONGEST_SECONDS = 300 };

#define CHECK(fact) \
    do { \
        if (!(fact)) { \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #fact); \
            exit(1); \
        } \
    } while (0)

/* A call that has to succeed; otherwise its error is shown. */
#define DONE(call) done((call), error, __FILE__, __LINE__)

static inline void done(lro_status status, lro_error *error, const char *file, int line)
{
    if (status != LRO_STATUS_OK) {
        fprintf(stderr, "%s:%d: status %d: %s\n", file, line, (int)status,
                error ? lro_error_message(error) : "no error object");
        exit(1);
    }
}

/* A call that has to fail so, with an error that says the same. Frees the error. */
#define FAILS(call, expected) fails((call), (expected), &error, __FILE__, __LINE__)

static inline void fails(lro_status status, lro_status expected, lro_error **error, const char *file, int line)
{
    if (status != expected || !*error || lro_error_code(*error) != expected) {
        fprintf(stderr, "%s:%d: status %d in place of %d: %s\n", file, line, (int)status, (int)expected,
                *error ? lro_error_message(*error) : "no error object");
        exit(1);
    }
    lro_error_free(*error);
    *error = NULL;
}

static inline lro_plan *canary_plan(void)
{
    static const char text[] = "function = \"sample-handler\"\n"
                               "alias = \"main\"\n"
                               "strategy = \"Canary10Percent5Minutes\"\n"
                               "alarms = { names = [\"errors\", \"queue-depth\"] }\n";
    lro_plan *plan = NULL;
    lro_error *error = NULL;
    DONE(lro_plan_parse(text, LRO_NUL_TERMINATED, LRO_PLAN_FORMAT_TOML, &plan, &error));
    return plan;
}

static inline lro_runtime *new_runtime(void)
{
    lro_runtime *runtime = NULL;
    lro_error *error = NULL;
    alarm(LONGEST_SECONDS);
    DONE(lro_runtime_new(NULL, 0, &runtime, &error));
    return runtime;
}

/* A rollout on the simulated account, in the scenario of this name, with these options or NULL. */
static inline lro_rollout *simulate(lro_runtime *runtime, const char *scenario, const char *options)
{
    lro_plan *plan = canary_plan();
    lro_rollout *rollout = NULL;
    lro_error *error = NULL;
    DONE(lro_rollout_simulate(runtime, plan, scenario, LRO_NUL_TERMINATED, options, LRO_NUL_TERMINATED, &rollout,
                              &error));
    lro_plan_free(plan);
    return rollout;
}

#endif
