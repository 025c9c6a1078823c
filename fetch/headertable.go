package fetch

import (
	"context"
	"slices"
	"sync"

	"cogweave/core"
	"cogweave/core/cog"
)

// headerTable knows every header that is kept or being read.
type headerTable struct {
	cache   *lru[string, *cog.Header] // by href without signature, as pending
	mu      sync.Mutex                // also held from a miss of the cache to the flight's being pending
	pending map[string]*headerFlight
}

// headerFlight is a header being read, and those who wait for it.
type headerFlight struct {
	name    string
	waiters []*headerWaiter // guarded by the table's lock
	cancel  context.CancelFunc
	done    chan struct{} // closed once header or err is set
	header  *cog.Header
	err     error
}

type headerWaiter struct{ signer Signer }

// join gives the header if it is kept, and else the flight that brings it, started if need be.
func (ht *headerTable) join(ctx context.Context, c *Client, href string, w *headerWaiter) (*headerFlight, *cog.Header) {
	name := nameOf(ctx, href)
	ht.mu.Lock()
	defer ht.mu.Unlock()
	if h, ok := ht.cache.get(name); ok {
		return nil, h
	}
	f := ht.pending[name]
	if f == nil {
		f = &headerFlight{name: name, done: make(chan struct{})}
		ht.pending[name] = f
		access := accessOf(ctx)
		access.Signer = sharedSigner(func(leftOut []Signer) (Signer, bool) { return ht.signer(f, leftOut) })
		ctx, f.cancel = context.WithCancel(With(shared{c.ctx, ctx}, access))
		core.Go(func() {
			h, err := c.readHeader(ctx, href)
			ht.finish(f, h, err)
		}, func(err error) { ht.finish(f, nil, err) })
	}
	f.waiters = append(f.waiters, w)
	return f, nil
}

// signer gives the signer of a caller that waits for the header, as sharedSigner asks for it.
func (ht *headerTable) signer(f *headerFlight, leftOut []Signer) (Signer, bool) {
	ht.mu.Lock()
	defer ht.mu.Unlock()
	return signerOf(func(yield func(Signer) bool) {
		for _, w := range f.waiters {
			if !yield(w.signer) {
				return
			}
		}
	}, leftOut)
}

// leave takes a waiter off a flight; the last one ends it.
func (ht *headerTable) leave(f *headerFlight, w *headerWaiter) {
	ht.mu.Lock()
	defer ht.mu.Unlock()
	if at := slices.Index(f.waiters, w); at >= 0 {
		f.waiters = slices.Delete(f.waiters, at, at+1)
	}
	if len(f.waiters) > 0 {
		return
	}
	f.cancel()
	if ht.pending[f.name] == f {
		delete(ht.pending, f.name)
	}
}

func (ht *headerTable) finish(f *headerFlight, h *cog.Header, err error) {
	ht.mu.Lock()
	defer ht.mu.Unlock()
	f.cancel()
	f.header, f.err = h, err
	if ht.pending[f.name] == f {
		delete(ht.pending, f.name)
		if err == nil {
			ht.cache.put(f.name, h, headerBytes(h))
		}
	}
	close(f.done)
}

// headerBytes estimates the memory of a header: its tile lists, tags and a constant per level.
func headerBytes(h *cog.Header) int64 {
	total := int64(2<<10 + len(h.Georef.ASCII) + 8*len(h.Georef.Doubles) + 2*len(h.Georef.Keys))
	for _, levels := range [][]cog.Level{h.Levels, h.Masks} {
		for i := range levels {
			l := &levels[i]
			total += int64(1<<10 + 8*(cap(l.Offsets)+cap(l.ByteCounts)) + len(l.JPEGTables) + 2*len(l.ColorMap))
			for _, tag := range l.Raw {
				total += int64(64 + len(tag.Data))
			}
		}
	}
	return total
}
