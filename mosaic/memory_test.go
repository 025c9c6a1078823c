package mosaic

import (
	"runtime"
	"runtime/debug"
	"testing"

	"cogweave/core"
	"cogweave/core/crs"
	"cogweave/core/plan"
)

// memoryBeside is what a read allocates in an engine's first read and not in later ones, when it is there already: the
// decoded tiles of so many bytes that it had at a time, at most, and the bytes of everything else. Nothing is
// collected meanwhile.
func memoryBeside(t *testing.T, workers int, a *archive, p *plan.Plan, bytes int) (tiles int, others float64) {
	t.Helper()
	if underRace {
		t.Skip("memory is counted without the race detector")
	}
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	e := NewEngine(workers, 1<<30)
	out := make([]byte, p.Whole().Cells()*2)
	allocated := func() float64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := e.Run(t.Context(), p, p.Whole(), a, a, out, Options{}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc - before.TotalAlloc)
	}
	first := allocated()
	tiles = e.spares.Waiting(bytes) // all that were taken were given back: what was not is among the others
	// Other pools may hide what another processor gave back: of several later reads, the one that missed least.
	return tiles, first - min(allocated(), allocated(), allocated()) - float64(tiles*bytes)
}

// TestDecodedTilesAtATime reads 64 tiles. A worker has at most three of them at a time, whether pixels are copied or
// resampled: blocks across the tiles' borders have taken their parts when a tile goes. These parts stay along the lower edge
// of what is done and along the square that is read, for the blocks that touch one of the tile's borders on either side.
func TestDecodedTilesAtATime(t *testing.T) {
	const size, side, block = 2048, 256, 64
	const window = (block + 6) * (block + 6) * 2
	for _, workers := range []int{1, 2} {
		for kernel, c := range map[string]struct {
			shift float64
			parts int // blocks
		}{"nearest": {0, 0}, "bilinear": {3.7, 2*size/block + 4*neighbourhood}, "cubic": {5.2, 2*size/block + 4*neighbourhood}} {
			a := newArchive()
			a.side, a.deflate = side, true
			item := a.add("a", 500000-c.shift, 5000000+c.shift, size, number)
			p, err := plan.New(t.Context(), plan.Request{
				Grid:       plan.GridSpec{CRS: "EPSG:32633", Transform: [6]float64{10, 0, 500000, 0, -10, 5000000}, Shape: [2]int{size, size}},
				TimePeriod: "P1D", Resampling: plan.Resampling{"*": kernel}}, []core.Item{item}, crs.Projection{}, a)
			if err != nil {
				t.Fatal(err)
			}
			tiles, others := memoryBeside(t, workers, a, p, side*side*2)
			t.Logf("%s, %d workers: %d decoded tiles at a time, %.0f bytes of parts and others", kernel, workers, tiles, others)
			least, most := 1, 3*workers
			if kernel == "nearest" { // tiles are decoded into the output
				least, most = 0, 0
			}
			if tiles < least || tiles > most {
				t.Errorf("%s, %d workers: %d decoded tiles at a time, %d to %d are wanted", kernel, workers, tiles, least, most)
			}
			// A tile's bytes more for what else is made once: buffers of blocks, states of codecs.
			if most := float64(c.parts*window + (1+workers)*side*side*2); others > most {
				t.Errorf("%s, %d workers: %.0f bytes beside the tiles, at most %.0f are wanted", kernel, workers, others, most)
			}
		}
	}
}
