//! A small AWS account on a virtual clock: what a plan would do, seen in milliseconds and without an account.
//!
//! - [`simulate`] runs a plan through a [`Scenario`] as fast as it goes: the machine and the [`World`], nothing else.
//! - [`SimAccount`] and [`drive`] put the same world under the driver, with events, handle and commands as in a real
//!   rollout. That is what `lambda-rollout run PLAN --simulate` does. Both ways tell the same history.
//!
//! Every die is thrown from one seed: the same plan, scenario and seed give the same bytes.
//!
//! # What is modelled
//!
//! - The plan's function with its versions, `$LATEST`, publishing, updates in progress, versions that become active
//!   after a while or never; the alias with its revision ids, the refusal of stale ones, and Lambda's rules for weights.
//! - Requests that arrive one by one, find their version by the weights, and fail or take long as that version does.
//! - One-minute metrics that are late, and alarms that are evaluated every full minute as CloudWatch does it: M of N
//!   datapoints, the evaluation range, the four treatments of missing data.
//! - Hooks, people who give commands and approve gates, and other hands on the alias.
//! - Calls that take their time, are throttled or denied, get lost there or back, hang, come late, or end in a 500
//!   with or without effect; a runner that dies and comes back.
//!
//! Not modelled: throttled or queued invocations, cold starts, provisioned concurrency, the time that an alias write
//! takes to reach every host, periods other than a minute, composite alarms, permissions, and the code itself.
//!
//! # How to write a scenario
//!
//! A TOML file, in which everything may be left out: an empty one is a healthy world with 20 requests a second. Alarms
//! that the plan names and the scenario does not describe watch the errors of the new version: one in a minute is
//! too many. These are all keys, where a comment names other values or says what the default is:
//!
//! ```
//! # use lambda_rollout::sim::Scenario;
//! # let scenario = Scenario::parse(r#"
//! name = "tuesday"                  # the file's name
//! description = "a line on it"
//! seed = 7                          # 1
//! start = "2026-11-24T09:00:00Z"    # 2026-01-01T00:00:00Z
//! until = "12h"                     # then the rollout is aborted; 48h
//! approve_gates_after = "5m"        # 1m, or "never"
//!
//! [account]
//! stable = "41"                     # "1"
//! published = ["39", "40"]          # beside the stable version and the plan's own; none
//! alias = { weighted = { percent = 10.0, version = "40" } } # "on-stable", "absent", "on-latest"
//! latest = "changed"                # "unchanged": nothing new to publish
//! update_takes = "5s"               # new code in $LATEST
//!
//! [traffic]
//! per_second = 50.0                 # 20.0
//! changes = [{ at = "1h", per_second = 2.0 }]
//!
//! [stable]                          # how the stable version fares; [canary] has the same keys for all others
//! error_percent = 0.1               # 0.0
//! latency = "80ms"                  # the mean; 50ms
//! spread = "30ms"                   # the standard deviation; 20ms
//!
//! [canary]
//! role = "arn:aws:iam::123456789012:role/other" # one for all
//! dead_letter = "arn:aws:sqs:eu-west-1:123456789012:queue" # none
//! ready_after = "10s"               # from Pending to Active; 2s
//! never_ready = "InvalidImage"      # to Failed instead, and why; unset
//! ## From the canary's first traffic on; for [stable], from the start.
//! changes = [{ after = "3m", error_percent = 2.0, latency = "400ms", spread = "90ms" }]
//!
//! [metrics]
//! lag = "75s"                       # from a minute's end until its metrics can be seen; 30s
//!
//! [[alarms]]
//! name = "sample-handler-slow"
//! metric = "duration"               # "errors", "invocations", "error-percent"
//! of = "alias"                      # "canary", "stable"
//! statistic = "p99"                 # any percentile, "average", "minimum", "maximum"; "sum" for counts
//! comparison = ">"                  # ">=", "<", "<=", or CloudWatch's own words
//! threshold = 900.0                 # milliseconds here, per cent for "error-percent"; 1.0
//! periods = 5                       # N; 1
//! datapoints = 3                    # M; N
//! missing = "notBreaching"          # "missing", "breaching", "ignore"
//! state = "OK"                      # until the first full minute; else as the metrics before the start say
//! forced = [{ from = "4m", to = "6m", state = "ALARM", reason = "set by hand" }]
//!
//! [[alarms]]
//! name = "deleted-last-week"
//! exists = false
//!
//! [hooks.before_traffic]            # and after_traffic
//! answer = "inconclusive"           # "pass", "fail", "function-error", "time-out", "malformed", "not-invoked"
//! after = "20s"                     # 1s
//! reason = "the staging cell is down"
//!
//! [[commands]]
//! at = "2m"
//! do = "abort"                      # "pause", "resume", "promote"
//! reason = "coffee"                 # of an abort
//!
//! [calls]                           # there and back
//! fastest = "30ms"
//! slowest = "2s"                    # 70ms
//!
//! [[faults]]                        # the first that fits a call befalls it
//! fault = "late"                    # "throttle", "denied", "conflict", "lost-request", "lost-reply",
//!                                   ## "server-error", "server-error-after", "hang", "hang-after"
//! by = "25s"                        # of "late"
//! call = "write_alias"              # as the outcome counts calls; every call
//! nth = [1, 4]                      # or percent = 5.0, or every one
//! from = "1m"                       # the start
//! to = "9m"                         # the end
//!
//! [[drift]]                         # another hand
//! at = "7m"
//! do = { route = { version = "39", additional = "40", percent = 50.0 } } # "touch", "clear", "promote",
//!                                   ## "to-latest", "delete", "change-latest"
//!
//! [runner]                          # `simulate` alone
//! dies_after_effect = [9]           # counted over all runners; never
//! back_after = "30s"
//! journal = true                    # whether the next one has the last one's snapshot
//! # "#)?;
//! # assert_eq!(scenario.name(), "tuesday");
//! # Ok::<(), lambda_rollout::Error>(())
//! ```
//!
//! Times are from the scenario's start unless they say otherwise.

#[cfg(feature = "runtime")]
mod account;
mod check;
mod cloudwatch;
mod commands;
mod document;
#[cfg(feature = "runtime")]
mod drive;
mod lambda;
mod run;
mod scenario;
mod traffic;
mod world;

#[cfg(feature = "runtime")]
pub use account::SimAccount;
#[cfg(feature = "runtime")]
pub use drive::drive;
pub use lambda::{AliasChange, Hand};
pub use run::{SimulatedRun, simulate};
pub use scenario::Scenario;
pub use world::World;
