package fetch

import (
	"context"

	"cogweave/core"
	"cogweave/fetch/store"
)

// Stat reads the first byte of a file to learn its size and version: a GET, since a signature for
// reading does not cover HEAD. Size is 0 where the server does not say.
func (c *Client) Stat(ctx context.Context, href string) (core.Asset, error) {
	r := core.ByteRange{End: 1}
	_, id, err := c.readPart(ctx, href, store.Identity{}, r)
	if err != nil {
		return core.Asset{}, err
	}
	return core.Asset{Href: href, ETag: id.ETag, Size: id.Size}, nil
}

// ReadRanges gives the bytes of each range, in the order asked. Neighbouring ranges share a request;
// nothing is cached. The first error ends the call.
func (c *Client) ReadRanges(ctx context.Context, asset core.Asset, ranges []core.ByteRange) ([][]byte, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	refs := make([]core.TileRef, len(ranges))
	for i, r := range ranges {
		refs[i] = core.TileRef{Asset: &asset, Range: r}
	}
	out := make([][]byte, len(ranges))
	var first error
	c.fetch(ctx, refs, false, nil, func(i int, data []byte, err error) {
		out[i] = data
		if err != nil && first == nil {
			first = err
			stop()
		}
	})
	if first != nil {
		return nil, first
	}
	return out, nil
}
