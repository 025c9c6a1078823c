package mosaic

import (
	"runtime"
	"runtime/debug"
	"testing"

	"cogweave/core"
	"cogweave/core/crs"
	"cogweave/core/plan"
)

// tilesAlive is how many decoded tiles of so many bytes a read had at a time, at most: what it allocates in an engine's first
// read and not in later ones, when their memory is there already. Nothing is collected meanwhile.
func tilesAlive(t *testing.T, workers int, a *archive, p *plan.Plan, bytes int) float64 {
	t.Helper()
	pixelPools.Clear() // of earlier tests' tiles
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
	// A pool may hide what another processor gave back: of several later reads, the one that missed least.
	return (first - min(allocated(), allocated(), allocated())) / float64(bytes)
}

// TestDecodedTilesAtATime reads 64 tiles. On the grid's own pixels a worker has at most three of them at a time. Where
// pixels are resampled, blocks across the tiles' borders wait for the neighbours too: tiles stay along the lower edge of the
// squares of blocks that are done (a row of tiles), and along the lower and right edge of the square that is read.
func TestDecodedTilesAtATime(t *testing.T) {
	const size, side = 2048, 256
	const row, square = size/side + 1, neighbourhood * 64 / side
	for _, workers := range []int{1, 2} {
		for kernel, c := range map[string]struct{ shift, most float64 }{
			"nearest": {0, float64(3 * workers)}, "bilinear": {3.7, float64(row + 2*(square+1) + 3*workers + 2)},
		} {
			a := newArchive()
			a.side = side
			item := a.add("a", 500000-c.shift, 5000000+c.shift, size, number)
			p, err := plan.New(t.Context(), plan.Request{
				Grid:       plan.GridSpec{CRS: "EPSG:32633", Transform: [6]float64{10, 0, 500000, 0, -10, 5000000}, Shape: [2]int{size, size}},
				TimePeriod: "P1D", Resampling: plan.Resampling{"*": kernel}}, []core.Item{item}, crs.Projection{}, a)
			if err != nil {
				t.Fatal(err)
			}
			// One tile more for what else is allocated once: buffers of blocks, states of codecs.
			if got := tilesAlive(t, workers, a, p, side*side*2); got > c.most+1 {
				t.Errorf("%s, %d workers: %.1f decoded tiles at a time, at most %g are wanted", kernel, workers, got, c.most)
			} else {
				t.Logf("%s, %d workers: %.1f decoded tiles at a time", kernel, workers, got)
			}
		}
	}
}
