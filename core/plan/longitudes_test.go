package plan

import (
	"testing"

	"cogweave/core"
)

// TestLongitudesOnAGrid: a grid in degrees may count them from elsewhere, and see a raster at both of its ends.
func TestLongitudesOnAGrid(t *testing.T) {
	span := func(west, east float64) Longitudes {
		return longitudesOf(core.Affine{A: 0.5, C: west, E: -0.5, F: 90}, int(2*(east-west)))
	}
	for _, c := range []struct {
		raster, grid [2]float64
		add          float64
		again        bool
	}{
		{[2]float64{10, 20}, [2]float64{-180, 180}, 0, false},
		{[2]float64{-180, -170}, [2]float64{170, 190}, 360, false},
		{[2]float64{170, 180}, [2]float64{-190, -170}, -360, false},
		{[2]float64{-180, 180}, [2]float64{170, 190}, 0, true},
		{[2]float64{-180, 180}, [2]float64{0, 360}, 0, true},
		{[2]float64{0, 360}, [2]float64{-180, 180}, 0, true},
		{[2]float64{-180, 180}, [2]float64{-180, 180}, 0, false},
		{[2]float64{0, 360}, [2]float64{-20, -10}, -360, false},
		{[2]float64{10, 20}, [2]float64{100, 110}, 0, false}, // apart
	} {
		add, again := span(c.raster[0], c.raster[1]).on(span(c.grid[0], c.grid[1]))
		if add != c.add || again != c.again {
			t.Errorf("%v on %v: %v and %v, want %v and %v", c.raster, c.grid, add, again, c.add, c.again)
		}
	}
}
