package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"cogweave/core"
	"cogweave/fetch/store"
)

// watchdog ends an attempt that takes too long or whose answer has all but stopped, by cancelling
// its context with the fault as the cause. It looks five times per StallTimeout.
type watchdog struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	cfg      Config
	timer    *time.Timer
	started  time.Time
	limit    time.Duration // for the whole attempt
	arrived  atomic.Int64  // bytes of the answer
	bodyTick atomic.Bool   // the answer has begun

	// Of the timer's function alone:
	seen  [looks]int64 // arrived at the last looks, a ring
	ticks int          // looks since the answer began
}

const looks = 5

func watch(ctx context.Context, cfg Config, limit time.Duration) *watchdog {
	w := &watchdog{cfg: cfg, started: time.Now(), limit: limit}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(never, w.look) // look uses w.timer: it must be set before the first look
	w.timer.Reset(w.interval())
	return w
}

func (w *watchdog) interval() time.Duration { return min(w.cfg.StallTimeout/looks, w.limit) }

// look runs in the timer's goroutine; it can neither block nor fail.
func (w *watchdog) look() {
	if w.ctx.Err() != nil {
		return
	}
	if spent := time.Since(w.started); spent >= w.limit {
		w.cancel(&store.Fault{Class: core.FetchTimeout, Reason: "AttemptTimeout", Retry: store.Transient,
			Message: fmt.Sprintf("no complete answer within %v", w.limit)})
		return
	}
	if w.bodyTick.Load() && w.stalled() {
		w.cancel(&store.Fault{Class: core.FetchTimeout, Reason: "StallTimeout", Retry: store.Transient,
			Message: fmt.Sprintf("the answer stalled: less than %d bytes/s for %v", w.cfg.StallRate, w.cfg.StallTimeout)})
		return
	}
	w.timer.Reset(min(w.interval(), w.limit-time.Since(w.started)))
}

// stalled compares what has arrived with what had StallTimeout ago.
func (w *watchdog) stalled() bool {
	now := w.arrived.Load()
	slot := w.ticks % looks
	before := w.seen[slot]
	w.seen[slot] = now
	w.ticks++
	enough := max(1, int64(float64(w.cfg.StallRate)*w.cfg.StallTimeout.Seconds()))
	return w.ticks > looks && now-before < enough
}

// stop ends the watch, and the attempt's context with it.
func (w *watchdog) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// body is b with its bytes counted as they arrive: whoever has the last one has the count.
func (w *watchdog) body(b store.Body, counts ...*atomic.Int64) *watchedBody {
	w.bodyTick.Store(true)
	return &watchedBody{Body: b, counts: append(counts, &w.arrived)}
}

type watchedBody struct {
	store.Body
	counts []*atomic.Int64
}

var _ io.Reader = (*watchedBody)(nil)

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.Body.Read(p)
	for _, count := range b.counts {
		count.Add(int64(n))
	}
	return n, err
}

// verdict is the fault behind an attempt's error: the watchdog's own, if it ended the attempt.
func (w *watchdog) verdict(err error) *store.Fault {
	if err == nil {
		return nil
	}
	var f *store.Fault
	if errors.As(context.Cause(w.ctx), &f) || errors.As(err, &f) {
		return f
	}
	return &store.Fault{Class: core.AssetError, Reason: "IO", Message: "the read failed", Cause: err}
}
