package fetch_test

import (
	"context"
	"testing"

	"cogweave/core"
)

// A read whose client keeps no tiles asks for each one once all the same; the next read asks anew.
func TestForOneRead(t *testing.T) {
	f := newFile(t, 100_000)
	cfg := quick()
	cfg.TileCacheBytes = -1
	c := newClient(t, cfg)
	first := f.refs(core.ByteRange{Start: 10, End: 1000}, core.ByteRange{Start: 50_000, End: 60_000})
	second := f.refs(core.ByteRange{Start: 50_000, End: 60_000}, core.ByteRange{Start: 80_000, End: 90_000})
	for reads := 1; reads <= 2; reads++ {
		source := c.ForOneRead()
		f.check(t, first, tiles(context.Background(), source, first))
		f.check(t, second, tiles(context.Background(), source, second))
		if n := len(f.server.Requests()); n != 3*reads {
			t.Errorf("%d requests for %d reads of three tiles: %v", n, reads, f.server.Ranges(f.path))
		}
	}
	cfg.TileCacheBytes = 0
	if kept := newClient(t, cfg); kept.ForOneRead() != core.TileSource(kept) {
		t.Error("tiles are kept twice")
	}
}
