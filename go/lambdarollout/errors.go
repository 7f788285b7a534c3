package lambdarollout

// #include <lambda_rollout.h>
import "C"

import (
	"encoding/json"
	"fmt"
)

// Code says what kind of thing went wrong. Codes are errors themselves, for errors.Is:
//
//	if errors.Is(err, lambdarollout.ErrWrongState) { … }
//
// The numbers are those of the C library's lro_status and never change their meaning; a newer library may have more.
type Code uint32

const (
	// ErrNullArgument: something that has to be there is missing.
	ErrNullArgument Code = C.LRO_STATUS_NULL_ARGUMENT
	// ErrInvalidArgument: an argument is not what it has to be: no UTF-8, out of range, too long.
	ErrInvalidArgument Code = C.LRO_STATUS_INVALID_ARGUMENT
	// ErrPlan: the plan is wrong, or something does not fit it. Error.Details has every problem with its path.
	ErrPlan Code = C.LRO_STATUS_PLAN
	// ErrConfig: AWS could not be called as configured: no Region, no credentials.
	ErrConfig Code = C.LRO_STATUS_CONFIG
	// ErrJournal: the journal is in use, of another plan, or cannot be written.
	ErrJournal Code = C.LRO_STATUS_JOURNAL
	// ErrWrongState: the call does not fit what the rollout is doing now, or comes after Close.
	ErrWrongState Code = C.LRO_STATUS_WRONG_STATE
	// ErrForked: the process was forked without exec, and the library's threads are in its parent.
	ErrForked Code = C.LRO_STATUS_FORKED
	// ErrUnsupported: this system does not have it, or the C library does not fit this package.
	ErrUnsupported Code = C.LRO_STATUS_UNSUPPORTED
	// ErrAccessDenied: AWS refused for want of a permission.
	ErrAccessDenied Code = C.LRO_STATUS_ACCESS_DENIED
	// ErrNotFound: a function, version or alias does not exist.
	ErrNotFound Code = C.LRO_STATUS_NOT_FOUND
	// ErrConflict: another hand changed the same thing.
	ErrConflict Code = C.LRO_STATUS_CONFLICT
	// ErrThrottled: AWS asked for fewer calls.
	ErrThrottled Code = C.LRO_STATUS_THROTTLED
	// ErrUnreachable: no answer, or a server fault.
	ErrUnreachable Code = C.LRO_STATUS_UNREACHABLE
	// ErrRejected: AWS understood the call and said no.
	ErrRejected Code = C.LRO_STATUS_REJECTED
	// ErrInternal: a fault of the library, or the rollout was stopped by the end of its runtime.
	ErrInternal Code = C.LRO_STATUS_INTERNAL
	// ErrPanic: a panic of the library was caught. What the call was made on can only be closed now.
	ErrPanic Code = C.LRO_STATUS_PANIC
)

// Error makes a Code a target for errors.Is; the library's own words are in [Error].
func (c Code) Error() string {
	return fmt.Sprintf("lambda rollout: status %d", uint32(c))
}

// Error says why a call was not carried out. It wraps its Code.
type Error struct {
	// Code is what kind of thing went wrong.
	Code Code
	// Name is the code's name, such as "plan" or "throttled".
	Name string
	// Message is for people; of a plan it has a line for each problem.
	Message string
	// Retryable says whether the same call may succeed later without anybody mending anything.
	Retryable bool
	// Details is a JSON object with all of it, and what else is known: "advice", AWS's "operation", "code" and
	// "request_id", and a plan's "problems", each with "path", "line", "wrong" and "right". Nil when there is no more.
	Details json.RawMessage
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the Code.
func (e *Error) Unwrap() error { return e.Code }

// try makes a call that may fail. Statuses below 100 are no errors.
func try(call func(**C.lro_error) C.lro_status) error {
	var failure *C.lro_error
	status := call(&failure)
	if status < C.LRO_STATUS_NULL_ARGUMENT {
		return nil
	}
	defer C.lro_error_free(failure)
	return &Error{
		Code:      Code(status),
		Name:      C.GoString(C.lro_error_name(failure)),
		Message:   C.GoString(C.lro_error_message(failure)),
		Retryable: bool(C.lro_error_is_retryable(failure)),
		Details:   json.RawMessage(C.GoString(C.lro_error_details(failure))),
	}
}

// closed is the error of a use after Close, as the library would have it.
func closed(noun string) error {
	return &Error{Code: ErrWrongState, Name: "wrong_state", Message: "the " + noun + " is closed"}
}

func invalid(message string) error {
	return &Error{Code: ErrInvalidArgument, Name: "invalid_argument", Message: message}
}
