package op

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"cogweave/capi/handle"
	"cogweave/core"
)

// Result is what an operation leaves for the caller to take. Release drops it when nobody does.
type Result interface{ Release() }

// Work is the body of an operation. It returns soon after ctx ends, and when it has returned nothing
// of it runs on or writes anywhere.
type Work func(ctx context.Context, o *Operation) (Result, error)

// Operation is one submitted piece of work. It posts exactly one Done event, whatever happens.
type Operation struct {
	// Handle names the operation in its events; set before Start.
	Handle handle.Handle

	queue  *Queue
	ctx    context.Context
	cancel context.CancelFunc

	remarks atomic.Bool           // there is a report
	watched atomic.Pointer[watch] // nil while nobody wants to be told of progress
	state   atomic.Pointer[func() any]

	mu       sync.Mutex
	finished bool
	released bool
	taken    bool
	result   Result
	err      *core.Error
	asks     map[int64]*question
	asked    int64
}

// New makes an operation that completes on queue.
func New(queue *Queue) *Operation {
	ctx, cancel := context.WithCancel(context.Background())
	o := &Operation{queue: queue, cancel: cancel}
	o.ctx = context.WithValue(ctx, contextKey{}, o)
	return o
}

type contextKey struct{}

// From gives the operation that ctx belongs to, or nil.
func From(ctx context.Context) *Operation {
	o, _ := ctx.Value(contextKey{}).(*Operation)
	return o
}

// Start runs the work in a goroutine of its own. Call it once.
func (o *Operation) Start(work Work) {
	core.Go(func() { o.finish(o.guarded(work)) }, nil) // finish posts the completion even if it panics
}

func (o *Operation) guarded(work Work) (result Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			result, err = nil, Recovered(r)
		}
	}()
	return work(o.ctx, o)
}

// Recovered turns a recovered panic into an error. A *core.Error that was thrown, as an allocator
// must, is that error; anything else is a defect. Call it in the recovering frame.
func Recovered(r any) *core.Error {
	if e, ok := r.(*core.Error); ok {
		return e
	}
	return core.Panicked(r)
}

// finish records the outcome and posts the one Done event.
func (o *Operation) finish(result Result, err error) {
	// A queue that was closed has no reader left who could take the result.
	abandoned := o.queue.Closed()
	o.mu.Lock()
	if o.finished {
		o.mu.Unlock()
		return
	}
	o.finished = true
	o.err = o.failure(err)
	status := OK
	switch {
	case o.err == nil:
	case o.err.Class == core.Cancelled:
		status = Cancelled
	default:
		status = Failed
	}
	drop := result
	if o.err == nil && !o.released && !abandoned {
		o.result, drop = result, nil
	}
	o.mu.Unlock()
	// Deferred: the completion comes even if dropping the result panics.
	done := Event{Op: o.Handle, Kind: Done, Status: status}
	if o.remarks.Load() {
		done.Value |= Reported
	}
	defer o.queue.Post(done)
	o.cancel()
	if drop != nil {
		drop.Release()
	}
}

// failure gives err as the error to report: whatever a cancelled operation failed with, it was
// cancelled.
func (o *Operation) failure(err error) *core.Error {
	if err == nil {
		return nil
	}
	e := AsError(err)
	if o.ctx.Err() != nil && e.Class != core.Cancelled && e.Reason != "Panic" {
		e = core.Errorf(core.Cancelled, "Cancelled", "the operation was cancelled")
		e.Cause = err
	}
	return e
}

// AsError gives the *core.Error in err, or wraps a foreign one: an ended context is Cancelled or
// FetchTimeout, anything else Internal.
func AsError(err error) *core.Error {
	var e *core.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled):
		return core.Errorf(core.Cancelled, "Cancelled", "the operation was cancelled: %w", err)
	case errors.Is(err, context.DeadlineExceeded):
		return core.Errorf(core.FetchTimeout, "Deadline", "the deadline has passed: %w", err)
	}
	return core.Errorf(core.Internal, "Unclassified", "%w", err)
}

// On tells whether the operation completes on queue.
func (o *Operation) On(queue *Queue) bool { return o.queue == queue }

// Cancel asks the work to stop. It returns at once and may be called at any time, any number of times.
func (o *Operation) Cancel() { o.cancel() }

// Release cancels the operation and drops its result, now or when it ends. Its Done event still comes.
func (o *Operation) Release() {
	o.cancel()
	o.mu.Lock()
	o.released = true
	result := o.result
	o.result = nil
	o.mu.Unlock()
	if result != nil {
		result.Release()
	}
}

// Take moves the result out. T is the type of result that the caller expects; what names it in the
// error for another one.
func Take[T Result](o *Operation, what string) (T, error) {
	var none T
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !o.finished:
		return none, core.Errorf(core.InvalidArgument, "NotFinished", "the operation is still running: it has no result yet")
	case o.err != nil:
		return none, o.err
	case o.taken:
		return none, core.Errorf(core.InvalidArgument, "AlreadyTaken", "the result was already taken")
	}
	result, ok := o.result.(T)
	if !ok {
		return none, core.Errorf(core.InvalidArgument, "NoSuchResult", "the operation's result is not %s", what)
	}
	o.result, o.taken = nil, true
	return result, nil
}

// Err gives the error that the operation ended with; an error in its own right while it runs or when
// it succeeded.
func (o *Operation) Err() (failed *core.Error, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !o.finished:
		return nil, core.Errorf(core.InvalidArgument, "NotFinished", "the operation is still running: it has no error yet")
	case o.err == nil:
		return nil, core.Errorf(core.InvalidArgument, "NotFailed", "the operation succeeded: it has no error")
	}
	return o.err, nil
}

// Stepped tells the reader that time step i of the window, counted from 0, is complete.
func (o *Operation) Stepped(i int) {
	o.queue.Post(Event{Op: o.Handle, Kind: Step, Value: int64(i)})
}
