package fetch

import (
	"context"
	"sync"

	"cogweave/core"
)

// reading is the Client for one read, where the Client keeps no tiles: a read asks for a tile again in a
// later round, and must not fetch it again.
type reading struct {
	client *Client
	kept   *lru[tileKey, lent]

	mu    sync.Mutex
	ended bool
}

// lent is a tile's bytes, and the memory under them that serves the next read; nil where that is another call's.
type lent struct {
	data, room []byte
}

var _ core.TileSource = (*reading)(nil)

// ForOneRead gives a source of tiles that fetches none twice, as far as a quarter of what may be under
// way holds them. It is for one read: what it keeps goes with it. Whoever read calls end when none of the
// tiles is looked at any more: their memory serves the next read then.
func (c *Client) ForOneRead() (source core.TileSource, end func()) {
	cfg := c.Effective()
	if cfg.TileCacheBytes > 0 {
		return c, func() {}
	}
	r := &reading{client: c, kept: newLRU[tileKey, lent](cfg.MaxBytesInFlight / 4)}
	return r, r.end
}

// Tiles implements core.TileSource.
func (r *reading) Tiles(ctx context.Context, refs []core.TileRef, done func(i int, data []byte, err error)) {
	var rest []core.TileRef
	var at []int
	for i, ref := range refs {
		if data, ok := r.get(ctx, ref); ok {
			r.client.stats.tileHits.Add(1)
			done(i, data, nil)
			continue
		}
		rest, at = append(rest, ref), append(at, i)
	}
	if len(rest) == 0 {
		return
	}
	room := newUsedRoom(&r.client.spares, rest)
	r.client.Into(room).Tiles(ctx, rest, func(i int, data []byte, err error) {
		if err == nil {
			r.put(ctx, rest[i], lent{data, room.under(i, data)})
		}
		done(at[i], data, err)
	})
}

func (r *reading) get(ctx context.Context, ref core.TileRef) ([]byte, bool) {
	if ref.Asset == nil {
		return nil, false
	}
	l, ok := r.kept.get(tileKey{versionOf(ctx, ref.Asset), ref.Range})
	return l.data, ok
}

// put keeps a tile, unless the read has ended: nobody will ask for it.
func (r *reading) put(ctx context.Context, ref core.TileRef, l lent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ended {
		r.kept.put(tileKey{versionOf(ctx, ref.Asset), ref.Range}, l, int64(len(l.data))+tileOverhead)
	}
}

// end lets the next read have the memory of what is kept.
func (r *reading) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.kept.removeIf(func(_ tileKey, l lent) bool {
		if l.room != nil {
			r.client.spares.GiveRoom(l.room)
		}
		return true
	})
}
