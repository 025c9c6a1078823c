package core

import (
	"fmt"
	"runtime/debug"
)

// Go runs f in a new goroutine. A panic in f, which would otherwise end the host process, is given
// to onPanic as an Internal error; onPanic may be nil only where f cannot fail. Every goroutine of
// the library starts here.
func Go(f func(), onPanic func(error)) {
	go func() {
		defer func() {
			if r := recover(); r != nil && onPanic != nil {
				onPanic(Panicked(r))
			}
		}()
		f()
	}()
}

// Panicked turns a recovered panic value into an error. Call it in the recovering frame: the stack
// goes into the cause, which only debug logging shows.
func Panicked(r any) *Error {
	e := Errorf(Internal, "Panic", "internal error: %v", r)
	e.Cause = fmt.Errorf("%v\n%s", r, debug.Stack())
	return e
}
