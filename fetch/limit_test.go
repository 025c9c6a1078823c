package fetch

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cogweave/fetch/store"
)

// admit starts a request that holds its place until release is called.
type queue struct {
	t      *testing.T
	l      *limiter
	mu     sync.Mutex
	order  []string
	places map[string]*ticket
}

func newQueue(t *testing.T, cfg Config) *queue {
	return &queue{t: t, l: newLimiter(cfg.resolved()), places: map[string]*ticket{}}
}

// ask queues a request and lets everything that can happen happen.
func (q *queue) ask(ctx context.Context, name, host string, bytes int64) {
	go func() {
		ticket, err := q.l.acquire(ctx, host, bytes)
		q.mu.Lock()
		defer q.mu.Unlock()
		if err == nil {
			q.order = append(q.order, name)
			q.places[name] = ticket
		}
	}()
	synctest.Wait()
}

func (q *queue) end(name string, f *store.Fault) {
	q.mu.Lock()
	ticket := q.places[name]
	q.mu.Unlock()
	q.l.release(ticket, f)
	synctest.Wait()
}

func (q *queue) want(order ...string) {
	q.t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	if !slices.Equal(q.order, order) {
		q.t.Errorf("admitted %v, want %v", q.order, order)
	}
}

func TestLimitFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, ctx := newQueue(t, Config{MaxRequests: 2}), t.Context()
		for _, name := range []string{"1", "2", "3", "4", "5"} {
			q.ask(ctx, name, "a", 10)
		}
		q.want("1", "2")
		q.end("2", nil)
		q.end("1", nil)
		q.end("3", nil)
		q.want("1", "2", "3", "4", "5")
		if q.l.peak != 2 {
			t.Errorf("%d at a time", q.l.peak)
		}
	})
}

func TestLimitPerHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, ctx := newQueue(t, Config{MaxRequests: 3, MaxRequestsPerHost: 1}), t.Context()
		q.ask(ctx, "a1", "a", 10)
		q.ask(ctx, "a2", "a", 10)
		q.ask(ctx, "a3", "a", 10)
		q.ask(ctx, "b1", "b", 10)
		q.want("a1", "b1")
		q.end("a1", nil)
		q.want("a1", "b1", "a2")
		for _, name := range []string{"a2", "b1", "a3"} {
			q.end(name, nil)
		}
		if q.l.inFlight != 0 || len(q.l.hosts) != 0 {
			t.Errorf("%d in flight, %d hosts remembered", q.l.inFlight, len(q.l.hosts))
		}
	})
}

// A server that has taken all places and does not answer must not hold up the others.
func TestLimitLetsOtherHostsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, ctx := newQueue(t, Config{MaxRequests: 4}), t.Context()
		for _, name := range []string{"a1", "a2", "a3", "a4", "a5", "a6", "a7"} {
			q.ask(ctx, name, "a", 10)
		}
		q.ask(ctx, "b1", "b", 10)
		q.ask(ctx, "b2", "b", 1<<20)
		q.ask(ctx, "b3", "b", 10)
		q.want("a1", "a2", "a3", "a4")
		q.end("a1", nil)
		q.want("a1", "a2", "a3", "a4", "b1")
		q.end("a2", nil) // a has half of the places: its turn again
		q.want("a1", "a2", "a3", "a4", "b1", "a5")
		q.end("a3", nil)
		q.want("a1", "a2", "a3", "a4", "b1", "a5", "a6")
		q.end("b1", nil)
		q.want("a1", "a2", "a3", "a4", "b1", "a5", "a6", "b2")
		q.end("a4", nil)
		q.want("a1", "a2", "a3", "a4", "b1", "a5", "a6", "b2", "a7")
	})
}

func TestLimitBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, ctx := newQueue(t, Config{MaxBytesInFlight: 10 << 20}), t.Context()
		q.ask(ctx, "6M", "a", 6<<20)
		q.ask(ctx, "9M", "a", 9<<20) // does not fit
		q.ask(ctx, "2M", "b", 2<<20) // would, but must not overtake
		q.ask(ctx, "1K", "a", 1<<10) // is too small to wait
		q.want("6M", "1K")
		q.end("6M", nil)
		q.want("6M", "1K", "9M")
		q.end("9M", nil)
		q.want("6M", "1K", "9M", "2M")
		q.ask(ctx, "20M", "a", 20<<20) // beyond the whole budget: alone
		q.want("6M", "1K", "9M", "2M")
		q.end("2M", nil)
		q.want("6M", "1K", "9M", "2M", "20M")
	})
}

func TestLimitKeepsPlacesForSmallReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, ctx := newQueue(t, Config{MaxRequests: 16}), t.Context()
		for range 20 {
			q.ask(ctx, "large", "a", 1<<20)
		}
		q.ask(ctx, "small", "a", 100)
		if n := len(q.order); n != 16 || q.order[15] != "small" {
			t.Errorf("admitted %v", q.order)
		}
	})
}

func TestLimitRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, ctx := newQueue(t, Config{RequestsPerSecond: 50}), t.Context()
		start := time.Now()
		for range 105 {
			ticket, err := q.l.acquire(ctx, "a", 10)
			if err != nil {
				t.Fatal(err)
			}
			q.l.release(ticket, nil)
		}
		if spent := time.Since(start); spent != 2*time.Second {
			t.Errorf("105 requests, 5 of them at once, took %v at 50 a second", spent)
		}
		go func() { _, _ = q.l.acquire(ctx, "a", 10) }()
		synctest.Wait()
		if _, err := q.l.acquire(ctx, "", 10); err != nil || time.Since(start) != 2*time.Second {
			t.Errorf("a local read waited for the network's rate: %v", err)
		}
		time.Sleep(time.Second)
	})
}

func TestLimitGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, Config{MaxRequests: 1})
		ctx, stop := context.WithCancel(t.Context())
		q.ask(t.Context(), "1", "a", 10)
		q.ask(ctx, "2", "a", 10)
		q.ask(t.Context(), "3", "a", 10)
		stop()
		synctest.Wait()
		q.ask(ctx, "4", "a", 10)
		q.end("1", nil)
		q.want("1", "3")
		q.end("3", nil)
		if q.l.inFlight != 0 {
			t.Errorf("%d in flight", q.l.inFlight)
		}
	})
}

func TestLimitShrinksWhenThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, ctx := newQueue(t, Config{MaxRequests: 100, MaxRequestsPerHost: 10}), t.Context()
		names := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
		for _, name := range names {
			q.ask(ctx, name, "a", 10)
		}
		throttled := &store.Fault{Retry: store.Throttled}
		for _, name := range names {
			q.end(name, throttled)
		}
		if w := q.l.hosts["a"].window; w != 7 {
			t.Errorf("after ten refusals at one time there is room for %v, want 7", w)
		}
		for range 3 * 32 {
			ticket, _ := q.l.acquire(ctx, "a", 10)
			q.l.release(ticket, nil)
		}
		if len(q.l.hosts) != 0 {
			t.Errorf("after 96 successes the window is %v, want 10 again", q.l.hosts["a"].window)
		}
	})
}
