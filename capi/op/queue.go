// Package op is how work is started and how its end is told: operations, and the queues on which
// they complete. A queue wakes its reader through an eventfd; nothing here calls into the caller.
package op

import (
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"cogweave/capi/handle"
	"cogweave/core"
)

// EventKind is CW_EVENT_* of cogweave.h.
type EventKind int32

// The kinds of event. Done is the final one of an operation.
const (
	Done EventKind = 1 + iota
	Step
	Progress
	Ask
)

// Status is CW_OK and its siblings of cogweave.h.
type Status int32

// The statuses of calls and completions.
const (
	OK Status = iota
	Failed
	Forked
	Cancelled
)

// Event is one message of an operation, laid out as cw_event.
type Event struct {
	Op     handle.Handle
	Kind   EventKind
	Status Status
	Value  int64
}

// queued is an event in the ring. seen, if not nil, is cleared when the reader takes the event.
type queued struct {
	Event
	seen *atomic.Bool
}

// Queue hands events from any number of goroutines to one reader. Its eventfd is readable exactly
// while events wait: one system call wakes the reader for however many events come before it reads.
type Queue struct {
	mu     sync.Mutex
	fd     int // -1 once closed
	ring   []queued
	head   int // of the oldest event; len(ring) is a power of two
	count  int
	onDone func() // counts final completions
}

const smallRing = 64

// NewQueue opens a queue. onDone is called for each final completion that is posted; it may be nil.
func NewQueue(onDone func()) (*Queue, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, core.Errorf(core.BudgetExceeded, "Eventfd", "no eventfd for a completion queue: %w", err)
	}
	return &Queue{fd: fd, ring: make([]queued, smallRing), onDone: onDone}, nil
}

// FD is the eventfd. The queue owns it until Close.
func (q *Queue) FD() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.fd
}

// Post adds an event. It reports false, and the event is lost, when the queue is closed.
func (q *Queue) Post(e Event) bool { return q.post(queued{Event: e}) }

func (q *Queue) post(e queued) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.Kind == Done && q.onDone != nil {
		q.onDone()
	}
	if q.fd < 0 {
		return false
	}
	if q.count == len(q.ring) {
		q.resize(2 * q.count)
	}
	q.ring[(q.head+q.count)&(len(q.ring)-1)] = e
	q.count++
	if q.count == 1 {
		q.signal()
	}
	return true
}

func (q *Queue) resize(size int) {
	ring := make([]queued, size)
	for i := range q.count {
		ring[i] = q.ring[(q.head+i)&(len(q.ring)-1)]
	}
	q.ring, q.head = ring, 0
}

// signal makes the fd readable. Only EINTR can fail it: the counter never exceeds one.
func (q *Queue) signal() {
	one := [8]byte{1} // the value 1 on a little-endian machine; any nonzero value wakes
	for {
		if _, err := unix.Write(q.fd, one[:]); err != unix.EINTR {
			return
		}
	}
}

func (q *Queue) clear() {
	var counter [8]byte
	for {
		if _, err := unix.Read(q.fd, counter[:]); err != unix.EINTR {
			return
		}
	}
}

// Drain moves the oldest events into out and gives their number. It never blocks.
func (q *Queue) Drain(out []Event) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(out), q.count)
	for i := range n {
		e := &q.ring[q.head]
		if e.seen != nil {
			e.seen.Store(false)
		}
		out[i] = e.Event
		*e = queued{}
		q.head = (q.head + 1) & (len(q.ring) - 1)
	}
	q.count -= n
	if n > 0 && q.count == 0 {
		q.clear()
		if len(q.ring) > 16*smallRing { // a burst is over: give its memory back
			q.ring, q.head = make([]queued, smallRing), 0
		}
	}
	return n
}

// Closed tells whether Close was called.
func (q *Queue) Closed() bool { return q.FD() < 0 }

// Close ends the queue: waiting events are dropped, later ones too. Closing twice is harmless.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.fd >= 0 {
		_ = unix.Close(q.fd) // an eventfd has nothing to flush
		q.fd, q.ring, q.count = -1, nil, 0
	}
}
