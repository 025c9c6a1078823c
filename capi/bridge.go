package main

/*
#cgo CFLAGS: -Wall -Wextra -Werror
#include <stdlib.h>
#include "guard.h"
*/
import "C"

import (
	"encoding/json"
	"unsafe"

	"cogweave/capi/handle"
	"cogweave/capi/op"
	"cogweave/core"
)

// call runs the body of an export: a panic or an error becomes a status and, where the caller wants
// it, the error's JSON. It is the only place where an export recovers.
func call(errorOut **C.char, body func() error) (status C.cw_status) {
	defer func() {
		if r := recover(); r != nil {
			status = report(errorOut, op.Recovered(r))
		}
	}()
	if err := body(); err != nil {
		return report(errorOut, err)
	}
	return C.CW_OK
}

func report(errorOut **C.char, err error) C.cw_status {
	if errorOut != nil {
		*errorOut, _ = newText(encodeError(err)) // without memory for the text the status must do
	}
	return C.CW_ERROR
}

// newText copies a text into C memory, terminated by a zero; the caller frees it with cw_free.
func newText(text []byte) (*C.char, error) {
	p := C.cwc_alloc(C.size_t(len(text) + 1))
	if p == nil {
		return nil, core.Errorf(core.BudgetExceeded, "OutOfMemory", "no memory for a text of %d bytes", len(text))
	}
	copy(unsafe.Slice((*byte)(p), len(text)), text)
	return (*C.char)(p), nil
}

// giveJSON writes v as JSON into C memory for the caller.
func giveJSON(out **C.char, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return core.Errorf(core.Internal, "", "an answer cannot be written as JSON: %w", err)
	}
	*out, err = newText(text)
	return err
}

// registry names everything that callers hold.
var registry handle.Registry

// get gives the value of a caller's handle.
func get[T any](k handle.Kind, h C.cw_handle) (T, error) {
	return handle.Get[T](&registry, k, handle.Handle(h))
}

// give registers a value and hands its handle to the caller.
func give(out *C.cw_handle, k handle.Kind, value any) error {
	h, err := registry.Add(k, value)
	*out = C.cw_handle(h)
	return err
}
