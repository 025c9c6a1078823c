package fetch

import (
	"context"
	"runtime"
	"sync"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/fetch/store"
)

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
	src, err := c.openHeader(ctx, href, func() int64 { return c.firsts.bytes(kind, now.cfg.HeaderBytes) })
	if err != nil {
		return nil, err
	}
	src.goesOn = func(end int64) { c.firsts.guess(kind, end) }
	head := src.head
	defer heads.Put(&head)
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
	whole  bool            // head is all of the file
	goesOn func(end int64) // told that the header needs bytes beyond head, up to end
}

var _ cog.Source = (*headerSource)(nil)

// heads are the memory of first reads, which nothing holds on to once the header is parsed: reading many
// headers takes as many as requests are under way.
var heads sync.Pool // of *[]byte

func headRoom(size int64) []byte {
	if room, ok := heads.Get().(*[]byte); ok && int64(cap(*room)) >= size {
		return (*room)[:size]
	}
	return make([]byte, size)
}

// openHeader reads the first bytes of a file.
func (c *Client) openHeader(ctx context.Context, href string, first func() int64) (*headerSource, error) {
	p := &part{first: first}
	id, err := c.transfer(ctx, href, store.Identity{}, p)
	if err != nil {
		return nil, withRange(err, core.ByteRange{End: p.asked})
	}
	whole := int64(len(p.data)) < p.asked
	if whole {
		id.Size = int64(len(p.data))
	}
	return &headerSource{client: c, href: href, id: id, head: p.data, whole: whole}, nil
}

// Size is that of the file, or 0 if the server did not say.
func (s *headerSource) Size() int64 { return s.id.Size }

// ReadRange gives the bytes of r, cut at the end of the file.
func (s *headerSource) ReadRange(ctx context.Context, r core.ByteRange) ([]byte, error) {
	if s.id.Size > 0 || s.whole {
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
	s.goesOn(r.End)
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
