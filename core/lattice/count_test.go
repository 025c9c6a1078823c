package lattice

import (
	"sync/atomic"
	"testing"

	"cogweave/core"
)

// counting counts the points that are transformed exactly.
type counting struct {
	core.Transformer
	points atomic.Int64
}

func (c *counting) Transform(x, y []float64) {
	c.points.Add(int64(len(x)))
	c.Transformer.Transform(x, y)
}

// TestFewPointsAreExact: what the lattice saves. Squares of 512 wide cells bend too much for one polynomial.
func TestFewPointsAreExact(t *testing.T) {
	cases := map[string]struct {
		grid core.Grid
		px   float64 // of a source in degrees
		most int64   // exact points for each block
	}{
		"antimeridian":    {core.Grid{CRS: "EPSG:3832", Transform: core.Affine{A: 1000, C: 2.3e6, E: -1000, F: 2e6}, Rows: 2048, Cols: 2048}, 0.02, 3},
		"10 m":            {core.Grid{CRS: "EPSG:32660", Transform: core.Affine{A: 10, C: 400000, E: -10, F: 6000000}, Rows: 2048, Cols: 2048}, 1e-4, 1},
		"wide cells":      {core.Grid{CRS: "EPSG:3832", Transform: core.Affine{A: 6000, C: -6e6, E: -6000, F: 6e6}, Rows: 2048, Cols: 2048}, 0.05, 80},
		"beside the pole": {core.Grid{CRS: "EPSG:3413", Transform: core.Affine{A: 1000, C: 100e3, E: -1000, F: 2100e3}, Rows: 2048, Cols: 2048}, 0.02, 100},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			source := &counting{Transformer: transformer(t, c.grid.CRS, "EPSG:4326")}
			l := New(c.grid, source, Seam{-180, 360}, 0.5, 2e-5*c.px)
			blocks := int64(0)
			for row := range c.grid.Rows / Block {
				for col := range c.grid.Cols / Block {
					nodesOf(l, row, col)
					blocks++
				}
			}
			got := source.points.Load()
			t.Logf("%d points for %d blocks", got, blocks)
			if got > c.most*blocks {
				t.Errorf("%d points for %d blocks", got, blocks)
			}
		})
	}
}
