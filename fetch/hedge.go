package fetch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"cogweave/core"
	"cogweave/fetch/store"
)

// hedger decides when a request that has waited long for its answer gets a twin. It knows, for each
// host, how long the last answers took to begin.
type hedger struct {
	mu       sync.Mutex
	hosts    map[string]*delays
	requests int // that might have got one
	twins    int
}

// delays is a ring of the times to the first byte.
type delays struct {
	ring [128]time.Duration
	n    int
}

const (
	hedgePart  = 20 // one request in so many gets a twin at most
	leastSeen  = 20 // answers before the times of a host mean anything
	mostHedged = 1 << 10
)

func newHedger() *hedger { return &hedger{hosts: map[string]*delays{}} }

// patience is how long a request to a host is waited for before its twin goes out: HedgeAfter, or, where
// that is longer, what 19 of 20 answers of the host stay within.
func (h *hedger) patience(host string, least time.Duration) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests++
	d := h.hosts[host]
	if d == nil || d.n < leastSeen {
		return least
	}
	sorted := slices.Clone(d.ring[:min(d.n, len(d.ring))])
	slices.Sort(sorted)
	return max(least, sorted[len(sorted)*19/20])
}

// answered notes how long an answer took to begin.
func (h *hedger) answered(host string, took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.hosts[host]
	if d == nil {
		if len(h.hosts) == mostHedged { // a catalog may name any number of hosts
			clear(h.hosts)
		}
		d = &delays{}
		h.hosts[host] = d
	}
	d.ring[d.n%len(d.ring)] = took
	d.n++
}

// allow tells whether there may be one more twin, and counts it.
func (h *hedger) allow() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if (h.twins+1)*hedgePart > h.requests {
		return false
	}
	h.twins++
	return true
}

// opened is an answer, or why there is none.
type opened struct {
	which int // 0 the request, 1 its twin
	body  store.Body
	err   error
}

// open starts a request. With Hedge, one whose answer is late gets a twin; the first good answer is
// taken and the other request ended.
func (c *Client) open(ctx context.Context, st store.Store, tries *attempts, req store.Request) (store.Body, error) {
	if !tries.cfg.Hedge || tries.host == "" {
		return st.ReadRange(ctx, req)
	}
	answers := make(chan opened, 2)
	var cancels []context.CancelFunc
	send := func(read func(ctx context.Context) (store.Body, error)) {
		which := len(cancels)
		own, cancel := context.WithCancel(ctx)
		cancels = append(cancels, cancel)
		core.Go(func() {
			body, err := read(own)
			answers <- opened{which, body, err}
		}, func(err error) { answers <- opened{which, nil, err} })
	}
	started := time.Now()
	send(func(ctx context.Context) (store.Body, error) { return st.ReadRange(ctx, req) })
	timer := time.NewTimer(c.hedges.patience(tries.host, tries.cfg.HedgeAfter))
	defer timer.Stop()
	var failed error
	for waiting := 1; waiting > 0; {
		select {
		case <-timer.C:
			if failed == nil && c.hedges.allow() {
				waiting++
				send(func(ctx context.Context) (store.Body, error) { return c.twin(ctx, st, tries.host, req) })
			}
		case a := <-answers:
			waiting--
			if a.err != nil {
				cancels[a.which]()
				if failed == nil {
					failed = a.err
				}
				continue
			}
			c.hedges.answered(tries.host, time.Since(started))
			if waiting > 0 {
				cancels[1-a.which]()
				discard(answers)
			}
			return hedgedBody{a.body, cancels[a.which]}, nil
		}
	}
	return nil, failed
}

// twin sends the same request again, within the limits.
func (c *Client) twin(ctx context.Context, st store.Store, host string, req store.Request) (body store.Body, err error) {
	ticket, err := c.limits.acquire(ctx, host, req.Range.Len())
	if err != nil {
		return nil, &store.Fault{Class: core.Cancelled, Cause: err}
	}
	defer func() {
		var fault *store.Fault
		errors.As(err, &fault)
		c.limits.release(ticket, fault)
	}()
	c.stats.requests.Add(1)
	c.stats.hedges.Add(1)
	accessOf(ctx).Tally.Requests.Add(1)
	return st.ReadRange(ctx, req)
}

// discard closes the answer that came too late, when it comes.
func discard(answers <-chan opened) {
	core.Go(func() {
		if a := <-answers; a.body != nil {
			a.body.Close()
		}
	}, nil)
}

// hedgedBody ends its request's context when it is closed.
type hedgedBody struct {
	store.Body
	cancel context.CancelFunc
}

// Close ends the transfer.
func (b hedgedBody) Close() error {
	defer b.cancel()
	return b.Body.Close()
}
