package fetch

import (
	"context"
	"sync/atomic"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/fetch/filestore"
)

// Header gives the header of a file, which is read once for all who ask at the same time, and kept.
// It is shared: it must not be modified. Errors are not kept.
func (c *Client) Header(ctx context.Context, href string) (*cog.Header, error) {
	if ctx.Err() != nil {
		return nil, cancelled(ctx, href)
	}
	c.dropReplaced(ctx, href)
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

// dropReplaced forgets the header of a local file that is not what it was, as looking costs next to nothing
// there: else what is kept of its tiles would be given for the new file's. Those of a remote file are pinned
// until a request for a tile of it finds that it was replaced.
func (c *Client) dropReplaced(ctx context.Context, href string) {
	if schemeOf(href) != "file" || accessOf(ctx).Signer != nil {
		return
	}
	name := nameOf(ctx, href)
	kept, ok := c.headers.cache.get(name)
	if !ok {
		return
	}
	if now, err := filestore.Version(href); err != nil || now.ETag != kept.ETag {
		c.headers.cache.remove(name)
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
				h, err := c.headerSafely(ctx, hrefs[i])
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

// headerSafely is Header; a panic is its error, so that the caller of Headers does not wait for ever.
func (c *Client) headerSafely(ctx context.Context, href string) (h *cog.Header, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = core.Panicked(r).WithHref(href)
		}
	}()
	return c.Header(ctx, href)
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
		if name := nameOf(ctx, href); !c.headers.cache.has(name) && !kept.Has(name) {
			missing = append(missing, href)
		}
	}
	return access.presign(ctx, missing)
}
