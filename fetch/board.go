package fetch

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"cogweave/core"
)

// board puts a call's refs on the table. It returns what is ready at once (tiles that are kept, and
// refs that make no sense), the tile that each other ref waits for, and the runs to start: the new
// ones, and those under way for others that nobody has claimed yet.
func (c *Client) board(ctx context.Context, mail *call, refs []core.TileRef, keep bool) (ready []arrival, pending []*tile, runs []*run) {
	cfg := c.Effective()
	pending = make([]*tile, len(refs))
	keys := make([]tileKey, len(refs))
	for i := range refs {
		if err := checkRef(refs[i], cfg); err != nil {
			ready = append(ready, arrival{index: i, err: err})
			continue
		}
		if i > 0 && refs[i].Asset == refs[i-1].Asset && keys[i-1].version != "" {
			keys[i].version = keys[i-1].version
		} else {
			keys[i].version = versionOf(ctx, refs[i].Asset)
		}
		keys[i].bytes = refs[i].Range
	}
	var fresh []*tile
	adopted := map[*run]bool{}
	c.tiles.mu.Lock()
	defer c.tiles.mu.Unlock()
	for i, key := range keys {
		if key.version == "" {
			continue
		}
		if data, ok := c.tiles.cache.get(key); ok {
			c.stats.tileHits.Add(1)
			ready = append(ready, arrival{index: i, data: data})
			continue
		}
		t := c.tiles.pending[key]
		if t == nil {
			t = &tile{key: key, asset: *refs[i].Asset, order: i}
			c.tiles.pending[key] = t
			fresh = append(fresh, t)
		} else {
			c.stats.tileHits.Add(1)
			if t.run != nil && !t.run.claimed && !adopted[t.run] {
				adopted[t.run] = true
				runs = append(runs, t.run)
			}
		}
		t.join(waiter{mail, i}, keep)
		pending[i] = t
	}
	return ready, pending, append(runs, c.tiles.form(ctx, mail, fresh, cfg)...)
}

// form makes runs of new tiles, in the order in which the refs first ask for one of their tiles.
func (tt *tileTable) form(ctx context.Context, mail *call, fresh []*tile, cfg Config) []*run {
	file := map[string]int{} // version -> order of its first tile
	for _, t := range fresh {
		if _, ok := file[t.key.version]; !ok {
			file[t.key.version] = t.order
		}
	}
	slices.SortFunc(fresh, func(a, b *tile) int {
		return cmp.Or(cmp.Compare(file[a.key.version], file[b.key.version]),
			cmp.Compare(a.key.bytes.Start, b.key.bytes.Start), cmp.Compare(a.key.bytes.End, b.key.bytes.End))
	})
	var runs []*run
	for len(fresh) > 0 {
		n := 1
		for n < len(fresh) && fresh[n].key.version == fresh[0].key.version {
			n++
		}
		ranges := make([]core.ByteRange, n)
		for i, t := range fresh[:n] {
			ranges[i] = t.key.bytes
		}
		start := 0
		for _, end := range coalesce(ranges, cfg) {
			runs = append(runs, tt.newRun(ctx, mail, fresh[start:end]))
			start = end
		}
		fresh = fresh[n:]
	}
	slices.SortFunc(runs, func(a, b *run) int { return cmp.Compare(a.order(), b.order()) })
	return runs
}

func (tt *tileTable) newRun(ctx context.Context, mail *call, tiles []*tile) *run {
	r := &run{table: tt, tiles: tiles, values: ctx, owner: mail}
	for _, t := range tiles {
		t.run = r
		r.waiting += len(t.waiters)
	}
	return r
}

func (r *run) order() int {
	first := r.tiles[0].order
	for _, t := range r.tiles[1:] {
		first = min(first, t.order)
	}
	return first
}

func versionOf(ctx context.Context, a *core.Asset) string {
	return nameOf(ctx, a.Href) + "\x00" + a.ETag + "\x00" + strconv.FormatInt(a.Size, 10)
}

// checkRef refuses a ref that cannot be fetched.
func checkRef(ref core.TileRef, cfg Config) error {
	r := ref.Range
	var e *core.Error
	switch {
	case ref.Asset == nil:
		return core.Errorf(core.InvalidArgument, "Tile", "a tile without an asset")
	case r.Start < 0 || r.End <= r.Start:
		e = core.Errorf(core.InvalidArgument, "Tile", "not a range of bytes")
	case ref.Asset.Size > 0 && r.End > ref.Asset.Size:
		e = core.Errorf(core.DecodeError, "TileOutOfRange", "the tile lies beyond the end of the file at %d", ref.Asset.Size)
	case r.Len() > cfg.MaxBytesInFlight:
		e = core.Errorf(core.BudgetExceeded, "MaxBytesInFlight", "the tile has %d bytes, more than the %d that may be under way", r.Len(), cfg.MaxBytesInFlight)
	default:
		return nil
	}
	return withRange(e.WithHref(ref.Asset.Href), r)
}
