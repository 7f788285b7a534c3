package lambdarollout

// #cgo pkg-config: lambda_rollout
// #include <lambda_rollout.h>
import "C"

import (
	"encoding/json"
	"fmt"
	"sync"
	"unsafe"
)

// Version is the version of the C library that the program has loaded, such as "0.1.0".
func Version() string {
	return C.GoString(C.lro_version())
}

// checkLibrary tells whether the library that was loaded is one that this package was compiled for: with another interface
// no call may be made.
var checkLibrary = sync.OnceValue(func() error {
	loaded, wanted := uint32(C.lro_abi_version()), uint32(C.LRO_ABI_VERSION)
	if loaded == wanted {
		return nil
	}
	message := fmt.Sprintf("the C library that was loaded has interface `%d`, this program was compiled for `%d`", loaded, wanted)
	return &Error{Code: ErrUnsupported, Name: "unsupported", Message: message}
})

// text is what the library is given for a string, good for one call. It is never NULL, which would be no text at all.
func text(s string) (*C.char, C.size_t) {
	if s == "" {
		s = "\x00"
		return (*C.char)(unsafe.Pointer(unsafe.StringData(s))), 0
	}
	return (*C.char)(unsafe.Pointer(unsafe.StringData(s))), C.size_t(len(s))
}

// takeString copies a text that the library has given away, and frees it.
func takeString(text *C.char) string {
	defer C.lro_string_free(text)
	return C.GoString(text)
}

// decode reads what the library says as JSON. That it cannot be read means that library and package do not fit.
func decode(document string, into any) error {
	if err := json.Unmarshal([]byte(document), into); err != nil {
		return &Error{Code: ErrInternal, Name: "internal", Message: "what the library said cannot be read: " + err.Error()}
	}
	return nil
}
