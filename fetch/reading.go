package fetch

import (
	"context"

	"cogweave/core"
)

// reading is the Client for one read, where the Client keeps no tiles: a read asks for a tile again in a
// later round, and must not fetch it again.
type reading struct {
	client *Client
	kept   *lru[tileKey, []byte]
}

var _ core.TileSource = (*reading)(nil)

// ForOneRead gives a source of tiles that fetches none twice, as far as a quarter of what may be under
// way holds them. It is for one read: what it keeps goes with it.
func (c *Client) ForOneRead() core.TileSource {
	cfg := c.Effective()
	if cfg.TileCacheBytes > 0 {
		return c
	}
	return &reading{client: c, kept: newLRU[tileKey, []byte](cfg.MaxBytesInFlight / 4)}
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
	r.client.Tiles(ctx, rest, func(i int, data []byte, err error) {
		if err == nil {
			r.put(ctx, rest[i], data)
		}
		done(at[i], data, err)
	})
}

func (r *reading) get(ctx context.Context, ref core.TileRef) ([]byte, bool) {
	if ref.Asset == nil {
		return nil, false
	}
	key := tileKey{versionOf(ctx, ref.Asset), ref.Range}
	return r.kept.get(key)
}

func (r *reading) put(ctx context.Context, ref core.TileRef, data []byte) {
	key := tileKey{versionOf(ctx, ref.Asset), ref.Range}
	r.kept.put(key, data, int64(len(data))+tileOverhead)
}
