package main

import (
	"sync"

	"cogweave/core"
)

// firstError keeps one of several errors: that of the lowest position, and a cancellation, which may
// follow from another's error, only where there is nothing else.
type firstError struct {
	mu  sync.Mutex
	at  int
	err error
}

// note takes the error of a position, or nil, and tells whether it was one.
func (f *firstError) note(i int, err error) bool {
	if err == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	follows := core.ClassOf(err) == core.Cancelled
	weaker := f.err != nil && core.ClassOf(f.err) == core.Cancelled
	if f.err == nil || (weaker && !follows) || (weaker == follows && i < f.at) {
		f.at, f.err = i, err
	}
	return true
}

func (f *firstError) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}
