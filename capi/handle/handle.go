// Package handle names Go values for callers that must not hold Go pointers. A Handle is a number
// made of a kind, a generation and a slot: one that was released, forged or is of another kind gives
// an error and never reaches the wrong value.
package handle

import (
	"sync"

	"cogweave/core"
)

// Handle names a registered value; 0 names none. Bits 56 to 63 are the kind, 24 to 55 the
// generation, 0 to 23 the slot.
type Handle uint64

// Kind tells what a handle names.
type Kind uint8

// The kinds of the C interface.
const (
	Queue Kind = 1 + iota
	Operation
	Table
	Plan
)

// String is the kind's name in messages.
func (k Kind) String() string {
	switch k {
	case Queue:
		return "queue"
	case Operation:
		return "operation"
	case Table:
		return "table"
	case Plan:
		return "plan"
	}
	return "unknown kind"
}

const (
	slotBits      = 24
	kindShift     = 56
	maxSlots      = 1 << slotBits
	maxGeneration = 1<<32 - 1
)

func makeHandle(k Kind, generation uint32, slot int) Handle {
	return Handle(k)<<kindShift | Handle(generation)<<slotBits | Handle(slot)
}

func (h Handle) kind() Kind         { return Kind(h >> kindShift) }
func (h Handle) generation() uint32 { return uint32(h >> slotBits) }
func (h Handle) slot() int          { return int(h & (maxSlots - 1)) }

type entry struct {
	kind       Kind // 0 while the slot is free
	generation uint32
	value      any
}

// Registry maps handles to values. The zero value is ready; it is safe for concurrent use.
type Registry struct {
	mu      sync.RWMutex
	entries []entry
	// free is a queue, oldest first: a slot rests as long as possible before its next generation.
	free []int
	live int
}

// Add registers a value and gives its handle.
func (r *Registry) Add(k Kind, value any) (Handle, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	slot := len(r.entries)
	switch {
	// A young free list is passed over, so that 64 slots at least take turns.
	case len(r.free) >= 64 || (len(r.free) > 0 && slot == maxSlots):
		slot = r.free[0]
		r.free = r.free[1:]
	case slot == maxSlots:
		return 0, core.Errorf(core.BudgetExceeded, "TooManyHandles", "%d handles are in use", r.live)
	default:
		r.entries = append(r.entries, entry{})
	}
	e := &r.entries[slot]
	e.kind, e.value = k, value
	e.generation++
	r.live++
	return makeHandle(k, e.generation, slot), nil
}

// find gives the live entry of a handle, or nil. The caller holds the lock.
func (r *Registry) find(h Handle) *entry {
	if h.slot() >= len(r.entries) {
		return nil
	}
	e := &r.entries[h.slot()]
	if e.kind == 0 || e.kind != h.kind() || e.generation != h.generation() {
		return nil
	}
	return e
}

// Remove forgets a handle and gives the value it named.
func (r *Registry) Remove(h Handle) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.find(h)
	if e == nil {
		return nil, stale(h)
	}
	value := e.value
	e.kind, e.value = 0, nil
	r.live--
	if e.generation < maxGeneration { // a slot whose generations are used up is never reused
		r.free = append(r.free, h.slot())
	}
	return value, nil
}

// Each calls f for every value of a kind that is registered now, outside the lock.
func (r *Registry) Each(k Kind, f func(value any)) {
	r.mu.RLock()
	values := make([]any, 0, r.live)
	for i := range r.entries {
		if r.entries[i].kind == k {
			values = append(values, r.entries[i].value)
		}
	}
	r.mu.RUnlock()
	for _, v := range values {
		f(v)
	}
}

// Len is the number of live handles.
func (r *Registry) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.live
}

// Get gives the value of a handle of the given kind; T is the type that was registered under it.
func Get[T any](r *Registry, k Kind, h Handle) (T, error) {
	var none T
	r.mu.RLock()
	e := r.find(h)
	var value any
	if e != nil {
		value = e.value
	}
	r.mu.RUnlock()
	if e == nil {
		return none, stale(h)
	}
	if h.kind() != k {
		return none, core.Errorf(core.InvalidArgument, "WrongHandle", "a %s was given where a %s is needed", h.kind(), k)
	}
	return value.(T), nil
}

func stale(h Handle) error {
	if h == 0 {
		return core.Errorf(core.InvalidArgument, "StaleHandle", "the handle is 0, which names nothing")
	}
	return core.Errorf(core.InvalidArgument, "StaleHandle",
		"handle %#x names nothing: it was released, or is not a handle of this library", uint64(h))
}
