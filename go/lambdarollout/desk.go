package lambdarollout

// #include <lambda_rollout.h>
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// desk answers what the program is asked: each request in a goroutine of its own, so that a slow hook keeps no alarm from
// being read.
type desk struct {
	rollout *handle[*C.lro_rollout]
	hooks   map[string]*Hook
	alarms  *AlarmSource

	mu      sync.Mutex
	closed  bool
	running map[uint64]context.CancelFunc
	group   sync.WaitGroup
}

func newDesk(rollout *handle[*C.lro_rollout], options Options) *desk {
	return &desk{
		rollout: rollout,
		hooks:   map[string]*Hook{beforeTraffic: options.BeforeTraffic, afterTraffic: options.AfterTraffic},
		alarms:  options.Alarms,
		running: map[uint64]context.CancelFunc{},
	}
}

// isStaffed tells whether the program answers for anything.
func (d *desk) isStaffed() bool {
	return d.hooks[beforeTraffic] != nil || d.hooks[afterTraffic] != nil || d.alarms != nil
}

// request is a request as the library tells it.
type request struct {
	ID            uint64   `json:"request"`
	TimeoutMillis int64    `json:"timeout_ms"`
	Names         []string `json:"names"`
	HookRequest
}

// take begins to answer a request, or ends the answering of one that was withdrawn.
func (d *desk) take(kind C.lro_kind, document string) error {
	var asked request
	if err := decode(document, &asked); err != nil {
		return err
	}
	asked.Timeout = millis(asked.TimeoutMillis)
	switch kind {
	case C.LRO_KIND_HOOK_REQUESTED:
		d.start(asked.ID, func(ctx context.Context) { d.runHook(ctx, asked) })
	case C.LRO_KIND_ALARMS_REQUESTED:
		d.start(asked.ID, func(ctx context.Context) { d.readAlarms(ctx, asked) })
	case C.LRO_KIND_REQUEST_WITHDRAWN:
		d.withdraw(asked.ID)
	}
	return nil
}

func (d *desk) start(id uint64, answer func(context.Context)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.running[id] = cancel
	d.group.Add(1)
	go func() {
		defer d.group.Done()
		defer d.withdraw(id)
		answer(ctx)
	}()
}

func (d *desk) withdraw(id uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if cancel, there := d.running[id]; there {
		cancel()
		delete(d.running, id)
	}
}

// withdrawAll is for the end of the rollout, after which nobody waits for an answer.
func (d *desk) withdrawAll() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, cancel := range d.running {
		cancel()
		delete(d.running, id)
	}
}

// close waits for what still runs.
func (d *desk) close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.withdrawAll()
	d.group.Wait()
}

// A function that ends its goroutine, as t.FailNow does, gives no result and does not panic either.
var errNoResult = errors.New("the program's function did not return")

func (d *desk) runHook(ctx context.Context, asked request) {
	report, err := HookReport{}, errNoResult
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("the program's hook panicked: %v", problem)
		}
		d.answerHook(asked.ID, report, err)
	}()
	report, err = d.hooks[asked.Hook].Run(ctx, asked.HookRequest)
}

func (d *desk) answerHook(id uint64, report HookReport, err error) {
	if err == nil {
		if err = d.tellVerdict(id, C.uint32_t(report.Verdict), report.Reason); err == nil || errors.Is(err, ErrWrongState) {
			return
		}
	}
	// That nobody waits any more is no news: the context had ended.
	_ = d.tellVerdict(id, C.LRO_VERDICT_BROKEN, err.Error())
}

func (d *desk) tellVerdict(id uint64, verdict C.uint32_t, reason string) error {
	return d.rollout.call(func(rollout *C.lro_rollout, failure **C.lro_error) C.lro_status {
		pointer, length := text(readable(reason))
		return C.lro_rollout_answer_hook(rollout, C.uint64_t(id), verdict, pointer, length, failure)
	})
}

func (d *desk) readAlarms(ctx context.Context, asked request) {
	var readings []AlarmReading
	err := errNoResult
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("the program's alarm source panicked: %v", problem)
		}
		d.answerAlarms(asked.ID, readings, err)
	}()
	readings, err = d.alarms.Read(ctx, asked.Names)
}

func (d *desk) answerAlarms(id uint64, readings []AlarmReading, err error) {
	if err == nil {
		if err = d.tellReadings(id, readings); err == nil || errors.Is(err, ErrWrongState) {
			return
		}
	}
	_ = d.rollout.call(func(rollout *C.lro_rollout, failure **C.lro_error) C.lro_status {
		pointer, length := text(readable(err.Error()))
		return C.lro_rollout_fail_alarms(rollout, C.uint64_t(id), pointer, length, failure)
	})
}

func (d *desk) tellReadings(id uint64, readings []AlarmReading) error {
	// No reading is a list too, and not null.
	document, err := json.Marshal(append([]AlarmReading{}, readings...))
	if err != nil {
		return err
	}
	return d.rollout.call(func(rollout *C.lro_rollout, failure **C.lro_error) C.lro_status {
		pointer, length := text(string(document))
		return C.lro_rollout_answer_alarms(rollout, C.uint64_t(id), pointer, length, failure)
	})
}

// readable is a reason as the library takes it. What is wrong with its bytes must not keep an answer back.
func readable(reason string) string { return strings.ToValidUTF8(reason, "\uFFFD") }
