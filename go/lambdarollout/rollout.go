package lambdarollout

// #include <lambda_rollout.h>
import "C"

import (
	"context"
	"errors"
	"io"
	"iter"
	"runtime"
	"sync"
	"time"
)

// Rollout is a rollout that was started. All of its methods may be called from any number of goroutines at once.
type Rollout struct {
	handle *handle[*C.lro_rollout]
	// Keeps the threads that the rollout runs on from being cleaned up under it.
	runtime *Runtime
	inbox   inbox
	wake    descriptor
	desk    *desk
	closed  chan struct{}
	close   func()
}

func newRollout(r *Runtime, object *C.lro_rollout, options Options) *Rollout {
	h := &handle[*C.lro_rollout]{noun: "rollout", object: object, free: func(rollout *C.lro_rollout) { C.lro_rollout_free(rollout) }}
	closed := make(chan struct{})
	rollout := &Rollout{
		handle:  h,
		runtime: r,
		inbox:   newInbox(),
		desk:    newDesk(h, options),
		closed:  closed,
		close:   sync.OnceFunc(func() { close(closed) }),
	}
	runtime.AddCleanup(rollout, (*handle[*C.lro_rollout]).close, h)
	return rollout
}

// Next waits for the next event and takes it. After the last one, [Finished], and after [Rollout.Detach] it answers io.EOF.
// Each event is given to one caller.
//
// When the context ends, its error comes at once, and no event is lost.
func (r *Rollout) Next(ctx context.Context) (Event, error) {
	for {
		if ctx.Err() != nil {
			return Event{}, ctx.Err()
		}
		event, found, changed := r.inbox.take()
		if found {
			return event, nil
		}
		if changed == nil {
			return Event{}, r.check(io.EOF)
		}
		if err := r.advance(ctx, changed); err != nil {
			return Event{}, err
		}
	}
}

// Events gives the events up to the last one, as [Rollout.Next] does. An error is the last thing that it gives.
//
// Leaving the loop leaves the rollout as it is: it goes on, and another loop takes up where this one ended.
func (r *Rollout) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			event, err := r.Next(ctx)
			if errors.Is(err, io.EOF) || !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Wait waits for the end. Events need not be taken meanwhile; those that were not are still there afterwards. A failed
// canary is an outcome, not an error.
//
// [ErrInternal] says that the rollout was stopped: its runtime was closed, or by a fault of the library.
func (r *Rollout) Wait(ctx context.Context) (Outcome, error) {
	if err := r.drain(ctx); err != nil {
		return Outcome{}, err
	}
	// After Detach nothing tells of the end but asking for it.
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		outcome, found, err := r.outcome()
		if found || err != nil {
			return outcome, err
		}
		select {
		case <-ctx.Done():
			return Outcome{}, ctx.Err()
		case <-r.closed:
		case <-ticker.C:
		}
	}
}

// drain waits until nothing will come any more.
func (r *Rollout) drain(ctx context.Context) error {
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		changed := r.inbox.more()
		if changed == nil {
			return nil
		}
		if err := r.advance(ctx, changed); err != nil {
			return err
		}
	}
}

// advance takes one thing more from the library, or waits until another goroutine has done so.
func (r *Rollout) advance(ctx context.Context, changed <-chan struct{}) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.closed:
		return closed(r.handle.noun)
	case <-changed:
		return nil
	case r.inbox.turn <- struct{}{}:
		defer func() { <-r.inbox.turn }()
	}
	select {
	case <-changed:
		// It came between looking and having the turn.
		return nil
	default:
		return r.check(r.pull(ctx))
	}
}

// pull waits for one thing more from the library, and puts it where it belongs.
func (r *Rollout) pull(ctx context.Context) error {
	var item *C.lro_event
	var status C.lro_status
	var failed error
	err := r.wake.wait(ctx, r.handle, func() bool {
		failed = r.handle.call(func(rollout *C.lro_rollout, failure **C.lro_error) C.lro_status {
			status = C.lro_rollout_next_event(rollout, 0, &item, failure)
			return status
		})
		return failed != nil || status != C.LRO_STATUS_TIMED_OUT
	})
	if failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	defer C.lro_event_free(item)
	switch {
	case item == nil:
		r.inbox.end()
		r.desk.withdrawAll()
	case C.lro_event_request(item) != 0:
		return r.desk.take(C.lro_event_kind(item), C.GoString(C.lro_event_json(item)))
	default:
		r.inbox.put(readEvent(item))
	}
	return nil
}

// check gives the error of a use after Close in place of what that made of the call.
func (r *Rollout) check(err error) error {
	select {
	case <-r.closed:
		return closed(r.handle.noun)
	default:
		return err
	}
}

// attend answers requests also while the program waits for nothing.
func (r *Rollout) attend() {
	if !r.desk.isStaffed() {
		return
	}
	r.desk.group.Add(1)
	go func() {
		defer r.desk.group.Done()
		// It ends with the rollout, or with Close.
		_ = r.drain(context.Background())
	}()
}

func (r *Rollout) outcome() (outcome Outcome, found bool, err error) {
	var object *C.lro_outcome
	err = r.handle.call(func(rollout *C.lro_rollout, failure **C.lro_error) C.lro_status {
		return C.lro_rollout_wait(rollout, 0, &object, failure)
	})
	if object == nil {
		return Outcome{}, false, err
	}
	outcome, err = takeOutcome(object)
	return outcome, true, err
}

// Status is what the rollout is doing now.
func (r *Rollout) Status() (Status, error) {
	var document *C.char
	err := r.handle.call(func(rollout *C.lro_rollout, failure **C.lro_error) C.lro_status {
		return C.lro_rollout_status(rollout, &document, failure)
	})
	if err != nil {
		return Status{}, err
	}
	var status Status
	return status, decode(takeString(document), &status)
}

// Pause keeps the rollout from shifting until it is resumed. The hold's clock stops; alarms stay watched, and roll back.
//
// Commands return when they are taken, not when they are done. [ErrWrongState] says why one does not fit.
func (r *Rollout) Pause() error {
	return r.handle.call(func(rollout *C.lro_rollout, failure **C.lro_error) C.lro_status {
		return C.lro_rollout_pause(rollout, failure)
	})
}

// Resume goes on after a pause, or approves the gate that the rollout waits at. It is a command as [Rollout.Pause] is.
func (r *Rollout) Resume() error {
	return r.handle.call(func(rollout *C.lro_rollout, failure **C.lro_error) C.lro_status {
		return C.lro_rollout_resume(rollout, failure)
	})
}

// Promote shifts all traffic to the canary version now, without the remaining holds. The hook after traffic and the bake
// follow as planned; asked for again during the bake, it ends that. It is a command as [Rollout.Pause] is.
func (r *Rollout) Promote() error {
	return r.handle.call(func(rollout *C.lro_rollout, failure **C.lro_error) C.lro_status {
		return C.lro_rollout_promote(rollout, failure)
	})
}

// Abort puts everything back and ends. The reason goes into events; the library has words of its own for an empty one. It is
// a command as [Rollout.Pause] is: [Rollout.Wait] says when everything is back.
func (r *Rollout) Abort(reason string) error {
	return r.handle.call(func(rollout *C.lro_rollout, failure **C.lro_error) C.lro_status {
		if reason == "" {
			return C.lro_rollout_abort(rollout, nil, 0, failure)
		}
		pointer, length := text(readable(reason))
		return C.lro_rollout_abort(rollout, pointer, length, failure)
	})
}

// Detach lets the rollout run on by itself: no more events come, and what the program is asked from here on fails. Commands,
// Status and Wait stay. A rollout runs as long as its runtime does.
func (r *Rollout) Detach() error {
	return r.handle.call(func(rollout *C.lro_rollout, failure **C.lro_error) C.lro_status {
		return C.lro_rollout_detach(rollout, failure)
	})
}

// Close lets go of the rollout: whatever waits on it, and every later call, answers [ErrWrongState]. It waits for hooks and
// alarm sources that still run, whose contexts end; so they must not call it. Closing again does nothing.
//
// A rollout that still runs goes on by itself as long as its runtime does; what the program was asked fails. To put
// everything back, call [Rollout.Abort] and wait for the end first.
func (r *Rollout) Close() error {
	r.close()
	r.wake.close()
	r.handle.close()
	r.desk.close()
	return nil
}
