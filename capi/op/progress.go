package op

import (
	"sync/atomic"
	"time"
)

// tick is the least time between two Progress events of an operation.
const tick = 100 * time.Millisecond

// watch paces the Progress events of an operation that somebody watches.
type watch struct {
	waiting atomic.Bool  // an event waits in the queue: one at a time is enough
	due     atomic.Bool  // a timer will post the next one
	last    atomic.Int64 // when the last one was posted, in nanoseconds since start
	start   time.Time
}

// OnProgress sets where Progress reads the state of the work from. f is called from any goroutine,
// also after the work has ended; it gives a value that encoding/json can write.
func (o *Operation) OnProgress(f func() any) { o.state.Store(&f) }

// Progress is the state of the work as OnProgress's function gives it, or nil.
func (o *Operation) Progress() any {
	if f := o.state.Load(); f != nil {
		return (*f)()
	}
	return nil
}

// Reported is set in the value of a Done event whose operation has a report.
const Reported = 1 << 32

// Remark has the completion say that Progress has a report.
func (o *Operation) Remark() { o.remarks.Store(true) }

// Watch has the reader told of progress from now on, beginning with what there is.
func (o *Operation) Watch() {
	w := &watch{start: time.Now()}
	w.last.Store(-int64(tick))
	if o.watched.CompareAndSwap(nil, w) {
		o.Progressed()
	}
}

// Progressed tells the reader, if it watches, that the state of the work changed: at once, or a tick
// after the last time. It costs a load where nobody watches.
func (o *Operation) Progressed() {
	w := o.watched.Load()
	if w == nil {
		return
	}
	rest := tick - (time.Since(w.start) - time.Duration(w.last.Load()))
	switch {
	case rest <= 0:
		o.post(w)
	case w.due.CompareAndSwap(false, true):
		time.AfterFunc(rest, func() {
			w.due.Store(false)
			o.post(w)
		})
	}
}

func (o *Operation) post(w *watch) {
	if w.waiting.CompareAndSwap(false, true) {
		w.last.Store(int64(time.Since(w.start)))
		o.queue.post(queued{Event{Op: o.Handle, Kind: Progress}, &w.waiting})
	}
}
