package lambdarollout

// #include <lambda_rollout.h>
import "C"

import "sync"

// handle is an object of the library. It is freed once, after the last call on it has returned.
//
// P is a pointer to one of the library's types; those themselves are opaque.
type handle[P comparable] struct {
	noun string
	free func(P)

	mu     sync.RWMutex
	object P
}

// call makes a call that may fail on the object. Statuses below 100 are no errors.
func (h *handle[P]) call(call func(P, **C.lro_error) C.lro_status) error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.object == *new(P) {
		return closed(h.noun)
	}
	return try(func(failure **C.lro_error) C.lro_status { return call(h.object, failure) })
}

func (h *handle[P]) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if object := h.object; object != *new(P) {
		h.object = *new(P)
		h.free(object)
	}
}
