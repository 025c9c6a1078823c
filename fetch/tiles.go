package fetch

import (
	"context"
	"sync"
	"sync/atomic"

	"cogweave/core"
	"cogweave/fetch/store"
)

// Tiles implements core.TileSource. done is called in the goroutine of the caller, one call at a time:
// a done that takes long delays its own call's tiles, and nobody else's.
//
// Tiles that are kept come first. The others are fetched in the order of the refs that ask for them,
// neighbours of one file in one request; which are merged is decided from the refs of this call alone.
// A tile that another call is fetching is waited for. When ctx ends, requests that nobody else waits
// for are aborted.
func (c *Client) Tiles(ctx context.Context, refs []core.TileRef, done func(i int, data []byte, err error)) {
	c.fetch(ctx, refs, true, nil, done)
}

// call is the mailbox of one call of fetch.
type call struct {
	mu      sync.Mutex
	arrived []arrival
	signal  chan struct{} // holds one token while arrived may hold something
	access  Access
	room    Room // nil without; guarded by the table's lock
}

type arrival struct {
	index int
	data  []byte
	err   error
}

func (c *call) post(a arrival) {
	c.mu.Lock()
	c.arrived = append(c.arrived, a)
	c.mu.Unlock()
	select {
	case c.signal <- struct{}{}:
	default:
	}
}

func (c *call) collect() []arrival {
	c.mu.Lock()
	defer c.mu.Unlock()
	mail := c.arrived
	c.arrived = nil
	return mail
}

// fetch is Tiles; keep says whether the tiles go into the cache, room where they may be read to.
func (c *Client) fetch(ctx context.Context, refs []core.TileRef, keep bool, room Room, done func(i int, data []byte, err error)) {
	if ctx.Err() != nil {
		for i, ref := range refs {
			done(i, nil, cancelledTile(ctx, ref))
		}
		return
	}
	mail := &call{signal: make(chan struct{}, 1), access: accessOf(ctx), room: room}
	ready, pending, runs := c.board(ctx, mail, refs, keep)
	left := len(refs) - len(ready)
	defer func() {
		if left > 0 { // only after a panic in done
			c.tiles.leave(mail, pending)
		}
	}()
	mail.access.Tally.Planned.Add(int64(len(runs)))
	c.start(ctx, runs)
	for _, a := range ready {
		if a.err == nil {
			mail.access.Tally.file(refs[a.index].Asset.Href, 1, 0)
		}
		done(a.index, a.data, a.err)
	}
	for stopped := false; left > 0 && !stopped; {
		select {
		case <-mail.signal:
		case <-ctx.Done():
			c.tiles.leave(mail, pending)
			stopped = true // but what has arrived by now is delivered
		}
		for _, a := range mail.collect() {
			pending[a.index] = nil
			left--
			done(a.index, a.data, a.err)
		}
	}
	left = 0
	for i, t := range pending {
		if t != nil {
			done(i, nil, cancelledTile(ctx, refs[i]))
		}
	}
}

func cancelledTile(ctx context.Context, ref core.TileRef) error {
	href := ""
	if ref.Asset != nil {
		href = ref.Asset.Href
	}
	return withRange(cancelled(ctx, href), ref.Range)
}

// start carries runs out, as many at a time as requests may be under way. Its goroutines belong to no
// call: they go on for whoever waits.
func (c *Client) start(ctx context.Context, runs []*run) {
	carryAll := func() {
		var next atomic.Int64
		for range min(len(runs), c.Effective().MaxRequests) {
			core.Go(func() {
				for i := next.Add(1) - 1; i < int64(len(runs)); i = next.Add(1) - 1 {
					c.carry(runs[i])
				}
			}, nil)
		}
	}
	if accessOf(ctx).Signer == nil || len(runs) < 2 { // one is signed when it is carried out
		carryAll()
		return
	}
	refuse := func(err error) {
		for _, r := range runs {
			c.refuse(r, err)
		}
	}
	core.Go(func() {
		err := c.presign(ctx, runs)
		if err != nil && core.ClassOf(err) != core.Cancelled {
			refuse(err)
			return
		}
		carryAll() // those that others still wait for, where this call was cancelled
	}, refuse)
}

// refuse fails a run before its first request.
func (c *Client) refuse(r *run, err error) {
	if _, ok := r.claim(c.ctx); ok {
		defer r.end()
		r.fail(failedToSign(err, r.asset().Href))
	}
}

// presign has the files of runs signed in one go. The signer remembers what it gave.
func (c *Client) presign(ctx context.Context, runs []*run) error {
	hrefs := make([]string, 0, len(runs))
	for _, r := range runs {
		if href := r.asset().Href; len(hrefs) == 0 || hrefs[len(hrefs)-1] != href {
			hrefs = append(hrefs, href)
		}
	}
	return accessOf(ctx).presign(ctx, hrefs)
}

// carry carries one run out, if it is still to be done.
func (c *Client) carry(r *run) {
	ctx, ok := r.claim(c.ctx)
	if !ok {
		return
	}
	defer r.end()
	defer func() {
		if p := recover(); p != nil {
			r.fail(core.Panicked(p).WithHref(r.asset().Href))
		}
	}()
	asset := r.asset()
	_, err := c.transfer(ctx, asset.Href, store.Identity{ETag: asset.ETag, Size: asset.Size}, r)
	if err == nil {
		return
	}
	if err.Class == core.AssetChanged {
		c.forget(nameOf(ctx, asset.Href))
	}
	r.fail(err)
}

// forget drops what is kept of a file that is not what it was.
func (c *Client) forget(name string) {
	c.tiles.forget(name)
	c.headers.cache.remove(name)
	c.state.Load().kept.Remove(name)
}
