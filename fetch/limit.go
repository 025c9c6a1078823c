package fetch

import (
	"context"
	"sync"
	"time"

	"cogweave/fetch/store"
)

// limiter admits requests, first come first served among those that can be admitted: so many in the
// process, so many to a host, so many bytes, so many a second. A host that has more than half of all places
// lets others go first.
//
// Reads of up to smallRead bytes, such as headers, are not kept waiting by large ones: some places
// are theirs alone, and they need no byte budget. A large read that waits for bytes lets no later
// large one pass, so that a smaller one cannot starve it.
type limiter struct {
	mu       sync.Mutex
	cfg      Config
	hosts    map[string]*host
	sequence uint64 // of the last ticket
	admitted uint64 // tickets ever admitted
	inFlight int
	large    int   // of those in flight, the large ones
	bytes    int64 // asked for by the large ones in flight
	peak     int   // most in flight ever
	due      time.Time
	wake     *time.Timer // set while only the rate holds requests back
}

const (
	smallRead   = 64 << 10
	smallShare  = 16 // one place in so many is for small reads alone
	mostHosts   = 64 // of which more is remembered than is under way
	localPlaces = 16 // reads of local files at once: each holds a thread of the process
)

// host is what the limiter knows of one server. window is the number of requests that it seems able
// to take: it shrinks when the server says "too many" and grows again with successes.
type host struct {
	name     string
	inFlight int
	window   float64
	cut      uint64       // requests up to this admission have had their say about the window
	waiting  [2][]*ticket // small and large, in order of arrival
}

// ticket is one request's place in the queue and, once admitted, its claim on the limits.
type ticket struct {
	host      *host
	sequence  uint64 // of arrival
	admission uint64 // of admission
	bytes     int64
	admitted  chan struct{} // closed on admission; nil for one that did not have to wait
	done      bool          // admitted, or gave up
}

func (t *ticket) size() int {
	if t.bytes > smallRead {
		return 1
	}
	return 0
}

func newLimiter(cfg Config) *limiter { return &limiter{cfg: cfg, hosts: map[string]*host{}} }

func (l *limiter) configure(cfg Config) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.hosts {
		h.window = start(h.name, cfg)
	}
	l.cfg = cfg
	l.due = time.Time{}
	if l.wake != nil {
		l.wake.Stop()
		l.wake = nil
	}
	l.dispatch()
}

// places is the largest window of a host.
func places(host string, cfg Config) float64 {
	if host == "" {
		return min(localPlaces, float64(cfg.MaxRequestsPerHost))
	}
	return float64(cfg.MaxRequestsPerHost)
}

// start is the window of a host that nothing is known of.
func start(host string, cfg Config) float64 {
	return min(float64(cfg.StartPerHost), places(host, cfg))
}

// acquire waits until a request of so many bytes may start, or ctx ends.
func (l *limiter) acquire(ctx context.Context, hostName string, bytes int64) (*ticket, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	h := l.hosts[hostName]
	if h == nil {
		h = &host{name: hostName, window: start(hostName, l.cfg)}
		l.hosts[hostName] = h
	}
	l.sequence++
	t := &ticket{host: h, sequence: l.sequence, bytes: bytes}
	h.waiting[t.size()] = append(h.waiting[t.size()], t)
	l.dispatch()
	if t.done {
		l.mu.Unlock()
		return t, nil
	}
	t.admitted = make(chan struct{})
	l.mu.Unlock()
	select {
	case <-t.admitted:
		return t, nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.done { // admitted in the same moment
		l.free(t)
	} else {
		t.done = true
	}
	l.dispatch()
	return nil, ctx.Err()
}

// release ends a request. fault is why it failed, nil for a success.
func (l *limiter) release(t *ticket, fault *store.Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := t.host
	switch {
	case fault == nil:
		h.window = min(h.window+1.0/32, places(h.name, l.cfg))
	case fault.Retry == store.Throttled && t.admission > h.cut:
		// All that were under way with this one ran into the same wall: they count once.
		h.window = max(1, h.window*0.7)
		h.cut = l.admitted
	}
	l.free(t)
	l.dispatch()
}

func (l *limiter) free(t *ticket) {
	l.inFlight--
	t.host.inFlight--
	if t.size() == 1 {
		l.large--
		l.bytes -= t.bytes
	}
}

// dispatch admits whom it can. The caller holds the lock.
func (l *limiter) dispatch() {
	for t := l.next(); t != nil; t = l.next() {
		h := t.host
		h.waiting[t.size()] = h.waiting[t.size()][1:]
		t.done = true
		l.admitted++
		t.admission = l.admitted
		l.inFlight++
		h.inFlight++
		l.peak = max(l.peak, l.inFlight)
		if t.size() == 1 {
			l.large++
			l.bytes += t.bytes
		}
		if l.isRated(h) {
			l.due = l.due.Add(l.interval())
		}
		if t.admitted != nil {
			close(t.admitted)
		}
	}
}

// next is the earliest ticket that can be admitted.
func (l *limiter) next() *ticket {
	if l.inFlight >= l.cfg.MaxRequests {
		return nil
	}
	var first [2]*ticket // small, large
	wait := l.rateWait()
	for name, h := range l.hosts {
		idle := true
		for size := range h.waiting {
			head := h.head(size)
			if head == nil {
				continue
			}
			idle = false
			switch {
			case float64(h.inFlight+1) > h.window:
			case wait > 0 && l.isRated(h):
				l.wakeAfter(wait)
			case first[size] == nil || l.before(head, first[size]):
				first[size] = head
			}
		}
		if idle && h.inFlight == 0 && (h.window == start(name, l.cfg) || len(l.hosts) > mostHosts) {
			delete(l.hosts, name) // little to remember; a catalog may name any number of hosts
		}
	}
	small, large := first[0], first[1]
	if large != nil && !l.fits(large) {
		large = nil
	}
	if large == nil || (small != nil && l.before(small, large)) {
		return small
	}
	return large
}

// before tells which of two requests comes first: the earlier one, unless its host has more than half of all
// places. A server that does not answer keeps its requests until they time out: those of others, and reads of
// local files, get the places that become free meanwhile.
func (l *limiter) before(a, b *ticket) bool {
	if x, y := l.crowds(a.host), l.crowds(b.host); x != y {
		return y
	}
	return a.sequence < b.sequence
}

func (l *limiter) crowds(h *host) bool { return h.inFlight > l.cfg.MaxRequests/2 }

// fits tells whether there is room for a large read; one beyond the whole budget goes alone.
func (l *limiter) fits(t *ticket) bool {
	if l.large >= l.cfg.MaxRequests-l.cfg.MaxRequests/smallShare {
		return false
	}
	return l.bytes == 0 || l.bytes+t.bytes <= l.cfg.MaxBytesInFlight
}

// head is the first ticket of a queue that nobody has given up.
func (h *host) head(size int) *ticket {
	queue := h.waiting[size]
	for len(queue) > 0 && queue[0].done {
		queue = queue[1:]
	}
	if len(queue) == 0 {
		queue = nil // lets go of the array
	}
	h.waiting[size] = queue
	if queue == nil {
		return nil
	}
	return queue[0]
}

func (l *limiter) isRated(h *host) bool { return l.cfg.RequestsPerSecond > 0 && h.name != "" }

func (l *limiter) interval() time.Duration {
	return time.Duration(float64(time.Second) / l.cfg.RequestsPerSecond)
}

// rateWait is how long the rate keeps the next request back. Up to a tenth of a second's requests
// may start at once.
func (l *limiter) rateWait() time.Duration {
	if l.cfg.RequestsPerSecond <= 0 {
		return 0
	}
	now := time.Now()
	if l.due.Before(now) {
		l.due = now
	}
	burst := max(l.interval(), 100*time.Millisecond) - l.interval()
	return l.due.Add(-burst).Sub(now)
}

func (l *limiter) wakeAfter(wait time.Duration) {
	if l.wake == nil {
		l.wake = time.AfterFunc(wait, l.woken)
	}
}

func (l *limiter) woken() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wake = nil
	l.dispatch()
}
