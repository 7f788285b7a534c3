package lambdarollout

// #include <lambda_rollout.h>
import "C"

import (
	"encoding/json"
	"runtime"
)

// Runtime has the threads that rollouts run on. A program needs one, for any number of rollouts.
type Runtime struct {
	handle *handle[*C.lro_runtime]
}

// RuntimeOptions is how a runtime is made. The zero value is fine.
type RuntimeOptions struct {
	// WorkerThreads is how many threads run the rollouts, 1 to 64; two when 0, which is enough for thousands.
	WorkerThreads int `json:"worker_threads,omitempty"`
}

// New starts the threads. The runtime has to be closed.
func New(options RuntimeOptions) (*Runtime, error) {
	if err := checkLibrary(); err != nil {
		return nil, err
	}
	document, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	var object *C.lro_runtime
	err = try(func(failure **C.lro_error) C.lro_status {
		pointer, length := text(string(document))
		return C.lro_runtime_new(pointer, length, &object, failure)
	})
	if err != nil {
		return nil, err
	}
	h := &handle[*C.lro_runtime]{noun: "runtime", object: object, free: func(runtime *C.lro_runtime) { C.lro_runtime_free(runtime) }}
	r := &Runtime{handle: h}
	// It may take a while, and must not keep other clean-ups waiting.
	runtime.AddCleanup(r, func(h *handle[*C.lro_runtime]) { go h.close() }, h)
	return r, nil
}

// Start starts a rollout on AWS. It waits while a journal is opened and, on EC2 without a Region said anywhere, for the
// metadata service; otherwise it calls nothing. The rollout has to be closed.
//
// [ErrPlan] and [ErrInvalidArgument] say that options do not fit the plan, [ErrConfig] that AWS cannot be called as
// configured, [ErrJournal] that the journal cannot be used.
func (r *Runtime) Start(plan *Plan, account AWS, options Options) (*Rollout, error) {
	document, err := options.encode(wireOptions{AWS: account.encode()})
	if err != nil {
		return nil, err
	}
	rollout, err := r.newRollout(plan, options, func(
		runtime *C.lro_runtime, plan *C.lro_plan, rollout **C.lro_rollout, failure **C.lro_error,
	) C.lro_status {
		pointer, length := text(document)
		return C.lro_rollout_start(runtime, plan, pointer, length, rollout, failure)
	})
	if err != nil {
		return nil, err
	}
	rollout.attend()
	return rollout, nil
}

// Simulate starts a rollout on the simulated account. The rollout has to be closed.
//
// [ErrPlan] and [ErrInvalidArgument] say that the scenario cannot be, or that options do not fit the plan.
func (r *Runtime) Simulate(plan *Plan, simulation Simulation, options Options) (*Rollout, error) {
	document, err := options.encode(wireOptions{Seed: simulation.Seed, Speed: simulation.Speed})
	if err != nil {
		return nil, err
	}
	rollout, err := r.newRollout(plan, options, func(
		runtime *C.lro_runtime, plan *C.lro_plan, rollout **C.lro_rollout, failure **C.lro_error,
	) C.lro_status {
		scenario, scenarioLength := text(simulation.Scenario)
		pointer, length := text(document)
		return C.lro_rollout_simulate(runtime, plan, scenario, scenarioLength, pointer, length, rollout, failure)
	})
	if err != nil {
		return nil, err
	}
	if simulation.Speed != 0 {
		// Without a speed the clock waits for the program's own asking, which this would be taken for.
		rollout.attend()
	}
	return rollout, nil
}

type startCall func(*C.lro_runtime, *C.lro_plan, **C.lro_rollout, **C.lro_error) C.lro_status

func (r *Runtime) newRollout(plan *Plan, options Options, start startCall) (*Rollout, error) {
	if plan == nil {
		return nil, &Error{Code: ErrNullArgument, Name: "null_argument", Message: "the plan is nil"}
	}
	var object *C.lro_rollout
	err := r.handle.call(func(runtime *C.lro_runtime, failure **C.lro_error) C.lro_status {
		return start(runtime, plan.handle.object, &object, failure)
	})
	// The library needs neither any more once the call has returned.
	runtime.KeepAlive(plan)
	if err != nil {
		return nil, err
	}
	return newRollout(r, object, options), nil
}

// Close ends the threads and waits for that, up to five seconds. Closing again does nothing.
//
// A rollout that still runs stops where it is, as if the program had died: [Rollout.Wait] says so, and the same plan, run
// again, carries on. To put everything back, abort it first and wait for its end.
func (r *Runtime) Close() error {
	r.handle.close()
	return nil
}
