package fetch

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/fetch/store"
)

// headerTable knows every header that is kept or being read.
type headerTable struct {
	mu      sync.Mutex
	cache   *lru[string, *cog.Header] // by href without signature, as pending
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

// Header gives the header of a file, which is read once for all who ask at the same time, and kept.
// It is shared: it must not be modified. Errors are not kept.
func (c *Client) Header(ctx context.Context, href string) (*cog.Header, error) {
	if ctx.Err() != nil {
		return nil, cancelled(ctx, href)
	}
	me := &headerWaiter{signer: accessOf(ctx).Signer}
	f, kept := c.headers.join(ctx, c, href, me)
	if kept != nil {
		c.stats.headerHits.Add(1)
		return kept, nil
	}
	select {
	case <-f.done:
		return f.header, f.err
	case <-ctx.Done():
		c.headers.leave(f, me)
		return nil, cancelled(ctx, href)
	}
}

// Headers gives the header of each href by calling each(i, header, err) once for each i, in any order,
// in the goroutine of the caller, one call at a time. It returns when all were given.
func (c *Client) Headers(ctx context.Context, hrefs []string, each func(i int, h *cog.Header, err error)) {
	type answer struct {
		index  int
		header *cog.Header
		err    error
	}
	if err := c.presignMissing(ctx, hrefs); err != nil {
		for i, href := range hrefs {
			each(i, nil, failedToSign(err, href))
		}
		return
	}
	// Twice as many as may be under way: while one parses a header, another's request goes out.
	workers := min(len(hrefs), 2*c.Effective().MaxRequests)
	answers := make(chan answer, workers)
	quit := make(chan struct{}) // closed if each panics
	defer close(quit)
	var next atomic.Int64
	for range workers {
		core.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(hrefs); i = int(next.Add(1)) - 1 {
				h, err := c.Header(ctx, hrefs[i])
				select {
				case answers <- answer{i, h, err}:
				case <-quit:
					return
				}
			}
		}, nil)
	}
	for range hrefs {
		a := <-answers
		each(a.index, a.header, a.err)
	}
}

// presignMissing has the hrefs signed whose headers are not kept.
func (c *Client) presignMissing(ctx context.Context, hrefs []string) error {
	access := accessOf(ctx)
	if access.Signer == nil {
		return nil
	}
	kept := c.state.Load().kept
	missing := make([]string, 0, len(hrefs))
	for _, href := range hrefs {
		if name := nameOf(ctx, href); !c.headers.has(name) && !kept.Has(name) {
			missing = append(missing, href)
		}
	}
	return access.presign(ctx, missing)
}

// Seed keeps headers that were read before, by this process or another.
func (c *Client) Seed(headers []*cog.Header) {
	c.headers.mu.Lock()
	defer c.headers.mu.Unlock()
	for _, h := range headers {
		c.headers.cache.put(core.StripSignature(h.Href), h, headerBytes(h))
	}
}

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
		access.Signer = sharedSigner(func() Signer { return ht.signer(f) })
		ctx, f.cancel = context.WithCancel(With(shared{c.ctx, ctx}, access))
		core.Go(func() {
			h, err := c.readHeader(ctx, href)
			ht.finish(f, h, err)
		}, func(err error) { ht.finish(f, nil, err) })
	}
	f.waiters = append(f.waiters, w)
	return f, nil
}

// signer gives the signer of a caller that waits for the header; nil where none of them has one.
func (ht *headerTable) signer(f *headerFlight) Signer {
	ht.mu.Lock()
	defer ht.mu.Unlock()
	for _, w := range f.waiters {
		if w.signer != nil {
			return w.signer
		}
	}
	return nil
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

func (ht *headerTable) forget(name string) {
	ht.mu.Lock()
	defer ht.mu.Unlock()
	ht.cache.remove(name)
}

func (ht *headerTable) has(name string) bool {
	ht.mu.Lock()
	defer ht.mu.Unlock()
	_, ok := ht.cache.entries[name]
	return ok
}

func (ht *headerTable) resize(budget int64) {
	ht.mu.Lock()
	defer ht.mu.Unlock()
	ht.cache.resize(budget)
}

func (ht *headerTable) bytes() int64 {
	ht.mu.Lock()
	defer ht.mu.Unlock()
	return ht.cache.used
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

// readHeader reads and parses a header, and keeps the tiles that came along with it.
func (c *Client) readHeader(ctx context.Context, href string) (*cog.Header, error) {
	now := c.state.Load()
	name := nameOf(ctx, href)
	if h := now.keptHeader(ctx, name, href); h != nil {
		c.stats.headerHits.Add(1)
		return h, nil
	}
	accessOf(ctx).Tally.Planned.Add(1)
	host := now.hostOf(href)
	kind := kindOf(host, name)
	src, err := c.openHeader(ctx, href, c.firsts.bytes(kind, now.cfg.HeaderBytes))
	if err != nil {
		return nil, err
	}
	runtime.Gosched() // the next request first: its answer takes longer than this one's parsing
	h, pieces, err := cog.ReadPieces(ctx, src, href, now.cfg.Limits)
	if err != nil {
		if ctx.Err() != nil {
			return nil, cancelled(ctx, href)
		}
		return nil, err
	}
	identify(h, src.id)
	c.firsts.learn(kind, pieces, now.cfg.HeaderBytes)
	if host != "" && !src.id.Strong() {
		c.notices.add(host + " gives no strong entity tags: that a file was replaced is noticed by its size and time of modification only")
	}
	now.keepHeader(name, src.id, host == "", pieces)
	c.tiles.keepEmbedded(ctx, h, src.head)
	return h, nil
}

// identify names the version of the file that a header is from.
func identify(h *cog.Header, id store.Identity) {
	h.ETag, h.Size = id.ETag, id.Size
	if !id.Strong() {
		h.Warnings = append(h.Warnings, "the server gives no strong entity tag: a change of the file is noticed by its size and time of modification only")
	}
}

// headerSource is the file as cog.Read sees it: its first bytes are there, others are read as asked,
// from the same version.
type headerSource struct {
	client *Client
	href   string
	id     store.Identity
	head   []byte
}

var _ cog.Source = (*headerSource)(nil)

func (c *Client) openHeader(ctx context.Context, href string, first int64) (*headerSource, error) {
	head, id, err := c.readPart(ctx, href, store.Identity{}, core.ByteRange{End: first})
	if err != nil {
		return nil, err
	}
	if id.Size == 0 && int64(len(head)) < first {
		id.Size = int64(len(head))
	}
	return &headerSource{client: c, href: href, id: id, head: head}, nil
}

// Size is that of the file, or 0 if the server did not say.
func (s *headerSource) Size() int64 { return s.id.Size }

// ReadRange gives the bytes of r, cut at the end of the file.
func (s *headerSource) ReadRange(ctx context.Context, r core.ByteRange) ([]byte, error) {
	if s.id.Size > 0 {
		r = store.Clip(r, s.id.Size)
	}
	have := int64(len(s.head))
	if r.Len() == 0 {
		return nil, nil
	}
	if r.End <= have {
		return s.head[r.Start:r.End:r.End], nil
	}
	rest := core.ByteRange{Start: max(r.Start, have), End: r.End}
	data, _, err := s.client.readPart(ctx, s.href, s.id, rest)
	if err != nil || rest == r {
		return data, err
	}
	return append(s.head[r.Start:have:have], data...), nil
}

// maxEmbedded bounds the tile lists that are searched for tiles within a file's first bytes.
const maxEmbedded = 1 << 12

// keepEmbedded keeps the tiles that lie wholly within the first bytes of a file, which were read for
// its header: all of a small file's, and the smallest overviews of many a large one's. They are
// copied, so that they do not keep the rest alive.
func (tt *tileTable) keepEmbedded(ctx context.Context, h *cog.Header, head []byte) {
	version := versionOf(ctx, &core.Asset{Href: h.Href, ETag: h.ETag, Size: h.Size})
	tt.mu.Lock()
	defer tt.mu.Unlock()
	for _, levels := range [][]cog.Level{h.Levels, h.Masks} {
		for i := range levels {
			l := &levels[i]
			for t := 0; t < len(l.Offsets) && len(l.Offsets) <= maxEmbedded; t++ {
				r, ok := l.TileRange(t)
				if ok && r.Start >= 0 && r.End > r.Start && r.End <= int64(len(head)) {
					data := make([]byte, r.Len())
					copy(data, head[r.Start:])
					tt.cache.put(tileKey{version, r}, data, r.Len()+tileOverhead)
				}
			}
		}
	}
}
