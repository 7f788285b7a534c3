package lambdarollout

// #include <lambda_rollout.h>
import "C"

import (
	"context"
	"os"
	"sync"
	"syscall"
	"time"
)

// descriptor lets a goroutine wait, without a thread, until there is something to take from a rollout. Go's own poller waits
// for the descriptor that the library wakes by: for a duplicate of it, since that one is the library's to close.
type descriptor struct {
	mu     sync.Mutex
	file   *os.File
	closed bool
}

// wait calls poll until it says that it is done, each time that there is something to take. One goroutine at a time.
func (d *descriptor) wait(ctx context.Context, rollout *handle[*C.lro_rollout], poll func() (done bool)) error {
	if poll() {
		return nil
	}
	file, err := d.open(rollout)
	if err != nil {
		return err
	}
	connection, err := file.SyscallConn()
	if err != nil {
		return err
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		// It can fail on a closed file alone, which nobody waits for.
		_ = file.SetReadDeadline(time.Unix(0, 0))
	})
	// The poller tells of changes alone, so poll has to be asked again after the poller was armed: Read does so.
	err = connection.Read(func(uintptr) bool { return poll() })
	if !stop() {
		<-woken
		_ = file.SetReadDeadline(time.Time{})
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (d *descriptor) open(rollout *handle[*C.lro_rollout]) (*os.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, closed(rollout.noun)
	}
	if d.file != nil {
		return d.file, nil
	}
	var copied int
	var problem error
	err := rollout.call(func(rollout *C.lro_rollout, failure **C.lro_error) C.lro_status {
		var original C.int
		status := C.lro_rollout_wake_fd(rollout, &original, failure)
		if status == C.LRO_STATUS_OK {
			copied, problem = duplicate(int(original))
		}
		return status
	})
	if err == nil {
		err = problem
	}
	if err != nil {
		return nil, err
	}
	d.file = os.NewFile(uintptr(copied), "lambda-rollout")
	return d.file, nil
}

// duplicate copies a descriptor so that programs which are started do not inherit it.
func duplicate(original int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	copied, err := syscall.Dup(original)
	if err != nil {
		return -1, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(copied)
	return copied, nil
}

// close wakes who waits.
func (d *descriptor) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.file != nil {
		// Nothing was written to it that could be lost.
		_ = d.file.Close()
	}
}
