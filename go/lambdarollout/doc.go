// Package lambdarollout moves live traffic of an AWS Lambda alias from one version to the next, step by step, watches
// CloudWatch alarms meanwhile, and puts everything back by itself when something looks wrong.
//
// A [Plan] says what is to be done. A [Runtime] has the threads that rollouts run on; a program needs one. [Runtime.Start]
// runs a plan on AWS, [Runtime.Simulate] on a simulated account, which needs no AWS at all. Both give a [Rollout], which
// tells its events ([Rollout.Events]), takes commands ([Rollout.Abort] and its like) and ends with an [Outcome]
// ([Rollout.Wait]). A failed canary is an outcome, not an error.
//
// # Waiting
//
// Whatever waits takes a context and heeds it at once. A context that ends stops the waiting alone: the rollout goes on,
// since half a shift helps nobody. To put everything back, say so: [Rollout.Abort].
//
// A goroutine that waits holds no thread. A rollout that is waited on needs three file descriptors.
//
// # Ctrl-C
//
// The library sets no signal handlers. What Ctrl-C should mean is the program's to say:
// [os/signal.NotifyContext], and then Abort; the example of [Rollout.Abort] is whole.
//
// # Goroutines and threads
//
// All methods may be called from any number of goroutines at once. No Go code runs on a thread of the library. Goroutines
// are started for hooks and alarm sources alone ([Options]). After [Rollout.Close] none of them is left, and after
// [Runtime.Close] no thread of the library.
//
// # The C library
//
// The package needs cgo and the installed C library, which it finds by pkg-config under the name lambda_rollout; docs/go.md
// says how that is installed. It is for Linux and macOS.
package lambdarollout
