package fetch_test

import (
	"context"
	"testing"
	"unsafe"

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
		source, end := c.ForOneRead()
		f.check(t, first, tiles(context.Background(), source, first))
		f.check(t, second, tiles(context.Background(), source, second))
		if n := len(f.server.Requests()); n != 3*reads {
			t.Errorf("%d requests for %d reads of three tiles: %v", n, reads, f.server.Ranges(f.path))
		}
		end()
	}
	cfg.TileCacheBytes = 0
	kept := newClient(t, cfg)
	if source, _ := kept.ForOneRead(); source != core.TileSource(kept) {
		t.Error("tiles are kept twice")
	}
}

// The memory of one read's tiles serves the next one, and a tile of another length that needs about as much; not before
// the read has ended.
func TestMemoryOfReadsIsUsedAgain(t *testing.T) {
	f := newFile(t, 1_000_000)
	cfg := quick()
	cfg.TileCacheBytes = -1
	c := newClient(t, cfg)
	first, second := f.refs(core.ByteRange{Start: 10, End: 200_010}), f.refs(core.ByteRange{Start: 400_000, End: 599_000})
	for range 2 {
		source, end := c.ForOneRead()
		got := tiles(context.Background(), source, first)
		f.check(t, first, got)
		before := unsafe.SliceData(got[0].data)
		meanwhile, endMeanwhile := c.ForOneRead()
		other := tiles(context.Background(), meanwhile, second)
		f.check(t, second, other)
		if unsafe.SliceData(other[0].data) == before {
			t.Fatal("memory was used again before its read had ended")
		}
		f.check(t, first, got)
		endMeanwhile()
		end()
		next, endNext := c.ForOneRead()
		got = tiles(context.Background(), next, second)
		f.check(t, second, got)
		if now := unsafe.SliceData(got[0].data); now != before && now != unsafe.SliceData(other[0].data) {
			t.Error("a read did not use the memory of one before")
		}
		endNext()
	}
}
