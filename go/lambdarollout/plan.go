package lambdarollout

// #include <lambda_rollout.h>
import "C"

import (
	"runtime"
	"slices"
	"time"
)

// Format is the format of a plan's text.
type Format uint32

const (
	TOML Format = C.LRO_PLAN_FORMAT_TOML
	JSON Format = C.LRO_PLAN_FORMAT_JSON
	YAML Format = C.LRO_PLAN_FORMAT_YAML
)

// Plan is a checked plan. It never changes, any number of rollouts can be started from it, and it need not be closed.
type Plan struct {
	handle   *handle[*C.lro_plan]
	json     string
	schedule Schedule
}

// ParsePlan reads and checks a plan. Paths in it count from the folder that the program runs in. docs/plan.md says what can
// stand in a plan.
//
// The error is [ErrPlan] and tells every problem at once.
func ParsePlan(document string, format Format) (*Plan, error) {
	return newPlan(func(plan **C.lro_plan, failure **C.lro_error) C.lro_status {
		pointer, length := text(document)
		return C.lro_plan_parse(pointer, length, C.uint32_t(format), plan, failure)
	})
}

// PlanFromFile reads and checks a plan from a file that ends in .toml, .json, .yaml or .yml. Paths in it count from the
// file's folder. Errors are as of [ParsePlan].
func PlanFromFile(path string) (*Plan, error) {
	return newPlan(func(plan **C.lro_plan, failure **C.lro_error) C.lro_status {
		pointer, length := text(path)
		return C.lro_plan_from_file(pointer, length, plan, failure)
	})
}

func newPlan(read func(**C.lro_plan, **C.lro_error) C.lro_status) (*Plan, error) {
	if err := checkLibrary(); err != nil {
		return nil, err
	}
	var object *C.lro_plan
	if err := try(func(failure **C.lro_error) C.lro_status { return read(&object, failure) }); err != nil {
		return nil, err
	}
	h := &handle[*C.lro_plan]{noun: "plan", object: object, free: func(plan *C.lro_plan) { C.lro_plan_free(plan) }}
	plan := &Plan{handle: h}
	runtime.AddCleanup(plan, (*handle[*C.lro_plan]).close, h)
	if err := plan.describe(); err != nil {
		return nil, err
	}
	return plan, nil
}

// describe fills in what the library says of the plan.
func (p *Plan) describe() error {
	var document, schedule *C.char
	err := p.handle.call(func(plan *C.lro_plan, failure **C.lro_error) C.lro_status {
		return C.lro_plan_to_json(plan, &document, failure)
	})
	if err != nil {
		return err
	}
	p.json = takeString(document)
	err = p.handle.call(func(plan *C.lro_plan, failure **C.lro_error) C.lro_status {
		return C.lro_plan_schedule(plan, &schedule, failure)
	})
	if err != nil {
		return err
	}
	p.schedule, err = readSchedule(takeString(schedule))
	return err
}

// JSON is the plan as a JSON document with every default written out, which [ParsePlan] reads again.
func (p *Plan) JSON() string { return p.json }

// Schedule is what the plan will do.
func (p *Plan) Schedule() Schedule {
	schedule := p.schedule
	schedule.Steps = slices.Clone(schedule.Steps)
	return schedule
}

// Schedule is what a plan will do when nothing goes wrong.
type Schedule struct {
	// Steps are what comes before all traffic is shifted.
	Steps []Step
	// TimeToFull is how long the steps take together, gates and hooks apart.
	TimeToFull time.Duration
	// Bake is how long the rollout watches on after all traffic was shifted; 0 without a bake.
	Bake time.Duration
}

// Step is a weight and how long it is held.
type Step struct {
	// Weight is the canary's share of traffic, 0 to 1.
	Weight float64
	// Hold is how long.
	Hold time.Duration
	// Gate says whether the step then waits for an approval: [Rollout.Resume].
	Gate bool
}

// readSchedule reads what the library says, which counts in milliseconds.
func readSchedule(document string) (Schedule, error) {
	var wire struct {
		Steps []struct {
			Weight float64 `json:"weight"`
			Hold   int64   `json:"hold_ms"`
			Gate   bool    `json:"gate"`
		} `json:"steps"`
		TimeToFull int64 `json:"time_to_full_ms"`
		Bake       int64 `json:"bake_ms"`
	}
	if err := decode(document, &wire); err != nil {
		return Schedule{}, err
	}
	schedule := Schedule{TimeToFull: millis(wire.TimeToFull), Bake: millis(wire.Bake)}
	for _, step := range wire.Steps {
		schedule.Steps = append(schedule.Steps, Step{Weight: step.Weight, Hold: millis(step.Hold), Gate: step.Gate})
	}
	return schedule, nil
}

func millis(count int64) time.Duration { return time.Duration(count) * time.Millisecond }
