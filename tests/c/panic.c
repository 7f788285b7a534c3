/* A panic inside the library comes back as an error, and the object says so from then on. Needs a library that was built
   with the feature panic-on-purpose. */
#include "check.h"

#ifdef __cplusplus
extern "C"
#endif
lro_status lro_rollout_panic(const lro_rollout *rollout, lro_error **error);

int main(void)
{
    lro_error *error = NULL;
    lro_event *event = NULL;
    lro_outcome *outcome = NULL;
    lro_runtime *runtime = new_runtime();
    lro_rollout *broken = simulate(runtime, "healthy", NULL);
    lro_rollout *sound = simulate(runtime, "healthy", NULL);

    FAILS(lro_rollout_panic(broken, &error), LRO_STATUS_PANIC);
    FAILS(lro_rollout_next_event(broken, -1, &event, &error), LRO_STATUS_PANIC);
    FAILS(lro_rollout_pause(broken, &error), LRO_STATUS_PANIC);
    CHECK(lro_rollout_panic(broken, NULL) == LRO_STATUS_PANIC);
    lro_rollout_free(broken);

    DONE(lro_rollout_wait(sound, -1, &outcome, &error));
    CHECK(lro_outcome_end(outcome) == LRO_END_PROMOTED);
    lro_outcome_free(outcome);
    lro_rollout_free(sound);
    lro_runtime_free(runtime);
    return 0;
}
