/*
 * lambda_rollout.h: moves live traffic of an AWS Lambda alias from one version to the next, step by step, watches
 * CloudWatch alarms meanwhile, and puts everything back by itself when something looks wrong.
 *
 * Made from ffi/src by cbindgen; do not edit.
 *
 * THE CONTRACT
 *
 * Shape. Every function is lro_<noun>_<verb>: the object first, then inputs, then outputs, the error last. A function
 * that can fail returns an lro_status. Nothing else is public: what comes to be is added as a key of JSON options or as
 * a function.
 *
 * Outputs are set to NULL (a descriptor to -1) before anything else is done, and filled on LRO_STATUS_OK alone. The place
 * for an output must be there; the one for the error may be NULL, for who does not ask why.
 *
 * Ownership. What comes through an output is yours: free it with the function of its own name (lro_plan_free and so
 * on; a char * with lro_string_free). Freeing NULL does nothing. A const char * that a function returns belongs to the
 * object that was asked and lives as long as that; do not free it. What you pass in stays yours, and may be gone when
 * the call returns. Objects may be freed in any order.
 *
 * Text is UTF-8, given as a pointer and a length in bytes, or with LRO_NUL_TERMINATED as its length. A NULL pointer is no
 * text, whatever the length. Text that is given back ends with a NUL.
 *
 * Errors are objects: lro_error_code, _name, _message, _is_retryable and _details. There is no last error of a thread. A
 * status below 100 is no error, and gives none. A failed rollout is no error either, but an outcome.
 *
 * Numbers of enums never change. New ones come: pass over those that you do not know. A number that you give and that is
 * none answers LRO_STATUS_INVALID_ARGUMENT.
 *
 * Threads. Every function may be called on every thread, and all of one object's at once, except that nothing may
 * be begun on an object that is freed or being freed. Freeing a rollout wakes the threads that wait on it; their calls
 * answer LRO_STATUS_WRONG_STATE. No code of yours runs on a thread of the library, except for the log's
 * function (lro_log_set), from within which nothing of this library may be called.
 *
 * Fork. A child that is forked once a runtime was made has none of the library's threads: every call that can fail answers
 * LRO_STATUS_FORKED there, and freeing does nothing. Fork before the first runtime is made, or start a program anew (exec).
 *
 * Panics of the library do not cross: the call answers LRO_STATUS_PANIC, and so does every later one on that object.
 *
 * Signals. The library sets no signal handlers.
 *
 * Versions. Compare lro_abi_version() with LRO_ABI_VERSION at the start: with another number nothing here holds.
 *
 * Do not unload the library (dlclose): its threads may still be on their way out.
 */


#ifndef LAMBDA_ROLLOUT_H
#define LAMBDA_ROLLOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The version that this header is of; lro_version() tells that of the library which is there at run time. */
#define LRO_VERSION_MAJOR 0
#define LRO_VERSION_MINOR 1
#define LRO_VERSION_PATCH 0
#define LRO_VERSION "0.1.0"
/* The same as one number that grows, for #if. */
#define LRO_VERSION_NUMBER (LRO_VERSION_MAJOR * 1000000 + LRO_VERSION_MINOR * 1000 + LRO_VERSION_PATCH)

/* In place of a length: the text ends with a NUL. */
#define LRO_NUL_TERMINATED SIZE_MAX


// The number of this interface. It changes when something is taken away or changes its meaning, never when
// something is added.
#define LRO_ABI_VERSION 1

// What came of a call. The numbers never change their meaning; new ones may come, so a program must expect ones that it
// does not know: below 100 no error, from 100 the caller's, from 200 AWS's, from 900 this library's.
typedef enum {
    // Done.
    LRO_STATUS_OK = 0,
    // Nothing came within the time.
    LRO_STATUS_TIMED_OUT = 1,
    // Nothing will come any more: the rollout has ended, or was let go of, and all events are taken.
    LRO_STATUS_ENDED = 2,
    // An argument that has to be there is NULL.
    LRO_STATUS_NULL_ARGUMENT = 100,
    // An argument is not what it has to be: no UTF-8, no JSON, an unknown key, out of range, too long.
    LRO_STATUS_INVALID_ARGUMENT = 101,
    // The plan is wrong, or something does not fit it. The details tell every problem with its path.
    LRO_STATUS_PLAN = 102,
    // AWS could not be called as configured: no Region, no credentials.
    LRO_STATUS_CONFIG = 103,
    // The journal cannot be used: in use, of another plan, or not to be written.
    LRO_STATUS_JOURNAL = 104,
    // The call does not fit what the rollout is doing now, or its handle.
    LRO_STATUS_WRONG_STATE = 105,
    // This is a forked child; the library's threads are in its parent.
    LRO_STATUS_FORKED = 106,
    // This system does not have it.
    LRO_STATUS_UNSUPPORTED = 107,
    // AWS refused for want of a permission.
    LRO_STATUS_ACCESS_DENIED = 200,
    // A function, version or alias does not exist.
    LRO_STATUS_NOT_FOUND = 201,
    // Another hand changed the same thing.
    LRO_STATUS_CONFLICT = 202,
    // AWS asked for fewer calls.
    LRO_STATUS_THROTTLED = 203,
    // No answer, or a server fault.
    LRO_STATUS_UNREACHABLE = 204,
    // AWS understood the call and said no.
    LRO_STATUS_REJECTED = 205,
    // A fault of this library.
    LRO_STATUS_INTERNAL = 900,
    // A panic of this library was caught. The handle that the call was made on is of no use any more: free it.
    LRO_STATUS_PANIC = 901,
} lro_status;

// What an event is. New kinds may come: a program passes over those that it does not know.
typedef enum {
    // One that this table does not have; its JSON has its name.
    LRO_KIND_OTHER = 0,
    // The rollout began, or was taken up again. Always the first.
    LRO_KIND_STARTED = 1,
    // A version was published.
    LRO_KIND_PUBLISHED = 2,
    // Pre-flight passed: traffic may move.
    LRO_KIND_CHECKED = 3,
    // A hook was started.
    LRO_KIND_HOOK_STARTED = 4,
    // A hook came to its end.
    LRO_KIND_HOOK_FINISHED = 5,
    // The canary's weight changed.
    LRO_KIND_SHIFTED = 6,
    // A step's hold has passed.
    LRO_KIND_STEP_HELD = 7,
    // An alarm was seen in another state.
    LRO_KIND_ALARM_CHANGED = 8,
    // The alarms could not be read.
    LRO_KIND_ALARMS_UNREADABLE = 9,
    // The rollout waits for an approval: `lro_rollout_resume`.
    LRO_KIND_GATE_WAITING = 10,
    // Paused.
    LRO_KIND_PAUSED = 11,
    // Resumed, or a gate approved.
    LRO_KIND_RESUMED = 12,
    // Another hand changed the alias.
    LRO_KIND_DRIFTED = 13,
    // The canary version is being taken out.
    LRO_KIND_ROLLING_BACK = 14,
    // The canary version takes no traffic any more.
    LRO_KIND_ROLLED_BACK = 15,
    // The canary version has all traffic.
    LRO_KIND_PROMOTED = 16,
    // The end. Always the last.
    LRO_KIND_FINISHED = 17,
    // A request: run a hook, then `lro_rollout_answer_hook`.
    LRO_KIND_HOOK_REQUESTED = 100,
    // A request: read alarms, then `lro_rollout_answer_alarms` or `lro_rollout_fail_alarms`.
    LRO_KIND_ALARMS_REQUESTED = 101,
    // Nobody waits any more for the answer to a request that was taken.
    LRO_KIND_REQUEST_WITHDRAWN = 102,
} lro_kind;

// The ways in which a rollout ends.
typedef enum {
    // None: NULL was asked.
    LRO_END_UNKNOWN = 0,
    // The canary version has all traffic.
    LRO_END_PROMOTED = 1,
    // The canary version was taken out.
    LRO_END_ROLLED_BACK = 2,
    // Refused before any traffic moved.
    LRO_END_REFUSED = 3,
    // Aborted; what had moved was put back.
    LRO_END_ABORTED = 4,
    // Another hand holds the alias.
    LRO_END_DRIFTED = 5,
    // The alias could not be brought to one version: a person has to look. The JSON's "advice" says what to do.
    LRO_END_UNSETTLED = 6,
    // There was nothing to do.
    LRO_END_NOTHING_TO_DO = 7,
} lro_end;

// The format of a plan's text.
typedef enum {
    // TOML.
    LRO_PLAN_FORMAT_TOML = 1,
    // JSON.
    LRO_PLAN_FORMAT_JSON = 2,
    // YAML.
    LRO_PLAN_FORMAT_YAML = 3,
} lro_plan_format;

// What the program says of a hook that it was asked to run.
typedef enum {
    // Go on.
    LRO_VERDICT_PASS = 1,
    // Put everything back.
    LRO_VERDICT_FAIL = 2,
    // It cannot tell: wait for a person.
    LRO_VERDICT_INCONCLUSIVE = 3,
    // The hook itself broke, which counts as a failed one.
    LRO_VERDICT_BROKEN = 4,
} lro_verdict;

// How important a line of the log is.
typedef enum {
    // Something failed.
    LRO_LOG_LEVEL_ERROR = 1,
    // Something that may become one.
    LRO_LOG_LEVEL_WARN = 2,
    // What happens.
    LRO_LOG_LEVEL_INFO = 3,
    // How.
    LRO_LOG_LEVEL_DEBUG = 4,
    // In every detail. A library that was built for release has none of it.
    LRO_LOG_LEVEL_TRACE = 5,
} lro_log_level;

// Why a call was not carried out. Owned by whoever was given it; free it with `lro_error_free`.
typedef struct lro_error lro_error;

// Something that happened in a rollout, or a request to the program. Owned by whoever took it; free it with
// `lro_event_free`.
typedef struct lro_event lro_event;

// How a rollout ended. Owned by whoever was given it; free it with `lro_outcome_free`.
typedef struct lro_outcome lro_outcome;

// A checked plan. It never changes, and any number of rollouts can be started from one, also after one another.
typedef struct lro_plan lro_plan;

// A rollout.
typedef struct lro_rollout lro_rollout;

// The threads that rollouts run on. A program needs one, for any number of rollouts.
typedef struct lro_runtime lro_runtime;

// Takes a line of the log: its level (`lro_log_level`), the module that says it, and the text; both live as long as
// the call.
typedef void (*lro_log_callback)(void *user_data, uint32_t level, const char *target, const char *message);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The interface's number of the library that is there at run time. Compare it with `LRO_ABI_VERSION` at the start.
uint32_t lro_abi_version(void);

// The version of the library that is there at run time, such as "0.1.0". Lives as long as the program.
const char *lro_version(void);

// The error's status: what the call returned. `LRO_STATUS_OK` for NULL.
lro_status lro_error_code(const lro_error *error);

// The status's name, such as "plan" or "throttled". Lives as long as the program. NULL for NULL.
const char *lro_error_name(const lro_error *error);

// What went wrong, for people; a plan has a line for each problem. Lives as long as the error. NULL for NULL.
const char *lro_error_message(const lro_error *error);

// Whether the same call may succeed later without anybody mending anything.
bool lro_error_is_retryable(const lro_error *error);

// The same as a JSON object, with what else is known: "advice", AWS's "operation", "code" and "request_id", and a plan's
// "problems", each with "path", "line", "wrong" and "right". Lives as long as the error. NULL for NULL.
const char *lro_error_details(const lro_error *error);

// Frees an error. NULL is fine.
void lro_error_free(lro_error *error);

// What it is. `LRO_KIND_OTHER` for NULL.
lro_kind lro_event_kind(const lro_event *event);

// Its number in the rollout: 1, 2, 3 and so on without gaps. 0 for a request and for NULL.
uint64_t lro_event_seq(const lro_event *event);

// When it happened, in milliseconds since 1970, by the rollout's clock. 0 for a request and for NULL.
int64_t lro_event_time_ms(const lro_event *event);

// The canary's share of traffic that it speaks of, 0 to 1; below 0 when it speaks of none.
double lro_event_weight(const lro_event *event);

// The name of its cause, such as "alarm", "hook" or "abort": of `LRO_KIND_ROLLING_BACK` and, where there is one,
// `LRO_KIND_FINISHED`. The JSON has all of it. Lives as long as the event. NULL without one, and for NULL.
const char *lro_event_cause(const lro_event *event);

// The number that a request is answered by; 0 for an event and for NULL.
uint64_t lro_event_request(const lro_event *event);

// All of it, as one JSON object without line breaks: what every event log has. Requests have "kind", "request" and what is
// asked: of a hook "timeout_ms", "hook", "function", "alias", "stable_version", "canary_version", "weight" and
// "parameters", of alarms "names". Lives as long as the event. NULL for NULL.
const char *lro_event_json(const lro_event *event);

// Frees an event. A request that was taken stays to be answered. NULL is fine.
void lro_event_free(lro_event *event);

// Gives every line of the library's log up to this level (`lro_log_level`) to a function, or to none with NULL.
//
// The function is the only code of the program that the library ever calls. It runs on the library's threads, on several
// at once, should be quick, and must not call the library. When this call returns, the function that was there before is
// running nowhere and will not be called again.
lro_status lro_log_set(lro_log_callback callback,
                       void *user_data,
                       uint32_t max_level,
                       lro_error **error);

// Which way it ended.
lro_end lro_outcome_end(const lro_outcome *outcome);

// What a command would end with: 0 promoted or nothing to do, 3 refused before any traffic moved, 4 rolled back, 5 a
// person has to look. 1 for NULL.
int lro_outcome_exit_code(const lro_outcome *outcome);

// The name of its cause, such as "alarm", "hook" or "abort". Lives as long as the outcome. NULL without one, and for NULL.
const char *lro_outcome_cause(const lro_outcome *outcome);

// How it ended and why, in a line for people. Lives as long as the outcome. NULL for NULL.
const char *lro_outcome_text(const lro_outcome *outcome);

// All of it, as one JSON object: "outcome", "cause", "stable_version", "canary_version", "traffic_moved", "calls",
// "rollback", "advice". Lives as long as the outcome. NULL for NULL.
const char *lro_outcome_json(const lro_outcome *outcome);

// Frees an outcome. NULL is fine.
void lro_outcome_free(lro_outcome *outcome);

// Reads and checks a plan. `format` is one of `lro_plan_format`. Paths in the plan count from the folder that the
// program runs in.
//
// LRO_STATUS_PLAN tells every problem at once, in the error's details.
lro_status lro_plan_parse(const char *text,
                          size_t text_len,
                          uint32_t format,
                          lro_plan **plan,
                          lro_error **error);

// Reads and checks a plan from a file that ends in .toml, .json, .yaml or .yml. Paths in the plan count from the file's
// folder.
lro_status lro_plan_from_file(const char *path,
                              size_t path_len,
                              lro_plan **plan,
                              lro_error **error);

// The plan as a JSON document with every default written out. Free it with `lro_string_free`.
lro_status lro_plan_to_json(const lro_plan *plan, char **json, lro_error **error);

// What the plan will do, as JSON:
// `{"steps":[{"weight":0.1,"hold_ms":300000,"gate":false}],"time_to_full_ms":300000,"bake_ms":null}`. After the last step
// follows the shift to 100 %. Free it with `lro_string_free`.
lro_status lro_plan_schedule(const lro_plan *plan,
                             char **json,
                             lro_error **error);

// Frees a plan. Rollouts that were started from it do not need it any more. NULL is fine.
void lro_plan_free(lro_plan *plan);

// Starts a rollout on AWS. The runtime may be freed before the rollout, and the plan at once.
//
// The options are NULL or a JSON object, in which every key may be left out:
//
//     {"aws": {"region": "eu-west-1", "profile": "release", "endpoint_url": "http://127.0.0.1:4566",
//              "access_keys": {"access_key_id": "…", "secret_access_key": "…", "session_token": "…"}},
//      "journal": "/var/lib/releases/f.journal", "rollout_id": "release-417",
//      "hooks": {"before_traffic": {"timeout": "2m", "parameters": {}}}, "alarms": ["queue-depth"]}
//
// What "aws" does not say comes from the standard AWS configuration. With a journal that tells of a rollout that has not
// ended, that one is resumed. "hooks" and "alarms" are those that the program answers for (`lro_event_request`).
lro_status lro_rollout_start(const lro_runtime *runtime,
                             const lro_plan *plan,
                             const char *options_json,
                             size_t options_len,
                             lro_rollout **rollout,
                             lro_error **error);

// Starts a rollout on the simulated account: a small AWS on a virtual clock, which needs no account.
//
// The scenario says what befalls it: the name of one that comes with the library ("healthy", "broken", "slow-burn",
// "no-traffic", "alarm-outage", "bad-day"), or a scenario's TOML text; NULL is the healthy world. The options are as for
// `lro_rollout_start`, with "seed" and "speed" in place of "aws".
//
// The virtual clock stands still while a request waits for its answer. Without a speed it also goes in step with the
// program: it moves only while the program has found the queue empty and asks for more, or waits for the end. A speed is
// how many virtual seconds a real one shows.
lro_status lro_rollout_simulate(const lro_runtime *runtime,
                                const lro_plan *plan,
                                const char *scenario,
                                size_t scenario_len,
                                const char *options_json,
                                size_t options_len,
                                lro_rollout **rollout,
                                lro_error **error);

// Takes the next event or request; waits for it as long as this: 0 does not wait, below 0 is without end.
//
// LRO_STATUS_OK: there is one, free it with `lro_event_free`. LRO_STATUS_TIMED_OUT: none came within the time.
// LRO_STATUS_ENDED: none will come any more. Any number of threads may wait; each event is given to one.
lro_status lro_rollout_next_event(const lro_rollout *rollout,
                                  int64_t timeout_ms,
                                  lro_event **event,
                                  lro_error **error);

// A descriptor that can be read from as long as there is something to take, the end included: for poll, select, epoll and
// event loops. Wait for it only, and take events with a time of 0 then until there are none; do not read, write or close
// it. It is good as long as the rollout's handle, and always the same.
lro_status lro_rollout_wake_fd(const lro_rollout *rollout,
                               int *fd,
                               lro_error **error);

// Answers for a hook. `request` is what `lro_event_request` said, `verdict` one of `lro_verdict`; the reason goes into
// events, and may be NULL.
//
// LRO_STATUS_PLAN: no hook was asked for by this number. LRO_STATUS_WRONG_STATE: it was answered already, or nobody waits
// for it any more.
lro_status lro_rollout_answer_hook(const lro_rollout *rollout,
                                   uint64_t request,
                                   uint32_t verdict,
                                   const char *reason,
                                   size_t reason_len,
                                   lro_error **error);

// Answers for alarms, with a JSON list of those that exist:
// `[{"name":"queue-depth","state":"OK","reason":"12 messages"}]`; states are OK, ALARM and INSUFFICIENT_DATA.
//
// Statuses as for `lro_rollout_answer_hook`.
lro_status lro_rollout_answer_alarms(const lro_rollout *rollout,
                                     uint64_t request,
                                     const char *readings_json,
                                     size_t readings_len,
                                     lro_error **error);

// Answers that the alarms cannot be read now, and why. That is neither a pass nor a bad canary: the weight does not rise,
// and the plan says for how long that is borne.
//
// Statuses as for `lro_rollout_answer_hook`.
lro_status lro_rollout_fail_alarms(const lro_rollout *rollout,
                                   uint64_t request,
                                   const char *reason,
                                   size_t reason_len,
                                   lro_error **error);

// Waits for the end as long as this: 0 does not wait, below 0 is without end. Events need not be taken meanwhile.
//
// LRO_STATUS_OK: there is an outcome, whichever way it went; free it with `lro_outcome_free`. LRO_STATUS_TIMED_OUT: the end
// has not come. LRO_STATUS_INTERNAL: the rollout was stopped, by the end of its runtime or by a fault of this library.
lro_status lro_rollout_wait(const lro_rollout *rollout,
                            int64_t timeout_ms,
                            lro_outcome **outcome,
                            lro_error **error);

// What the rollout is doing now, as JSON: "rollout_id", "at", "phase", "paused", "step", "steps", "weight",
// "stable_version", "canary_version", "routing", "alarms". Free it with `lro_string_free`.
lro_status lro_rollout_status(const lro_rollout *rollout, char **json, lro_error **error);

// No shift until it is resumed. The hold's clock stops; alarms stay watched, and roll back. Commands return when they are
// taken, not when they are done; LRO_STATUS_WRONG_STATE says why one does not fit.
lro_status lro_rollout_pause(const lro_rollout *rollout,
                             lro_error **error);

// Goes on after a pause, or approves the gate that the rollout waits at.
lro_status lro_rollout_resume(const lro_rollout *rollout, lro_error **error);

// Shifts all traffic to the canary version now, without the remaining holds. The hook after traffic and the bake follow as
// planned; asked for again during the bake, it ends that.
lro_status lro_rollout_promote(const lro_rollout *rollout,
                               lro_error **error);

// Puts everything back and ends. The reason goes into events, and may be NULL.
lro_status lro_rollout_abort(const lro_rollout *rollout,
                             const char *reason,
                             size_t reason_len,
                             lro_error **error);

// Lets the rollout run on by itself: no more events come, and what the program is asked from here on fails. Commands,
// status and `lro_rollout_wait` stay.
lro_status lro_rollout_detach(const lro_rollout *rollout,
                              lro_error **error);

// Frees a rollout's handle. NULL is fine.
//
// A rollout that still runs goes on by itself as long as its runtime does; what the program was asked fails. Threads that
// wait on it are woken, and their calls answer LRO_STATUS_WRONG_STATE. No call may begin on it any more.
void lro_rollout_free(lro_rollout *rollout);

// Starts the threads. The options are NULL or a JSON object: `{"worker_threads":2}`, 1 to 64.
lro_status lro_runtime_new(const char *options_json,
                           size_t options_len,
                           lro_runtime **runtime,
                           lro_error **error);

// Ends the threads and waits for that, up to five seconds. NULL is fine.
//
// A rollout that still runs stops where it is, as if the program had died, and calls on it answer so; the same plan, run
// again, carries on. To put everything back, abort it and wait for its end first.
void lro_runtime_free(lro_runtime *runtime);

// Frees a text that the library gave through a `char **`. NULL is fine.
void lro_string_free(char *text);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* LAMBDA_ROLLOUT_H */
