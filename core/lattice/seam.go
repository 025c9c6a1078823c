package lattice

import (
	"math"
	"slices"
)

// Seam is where longitudes begin anew: they are counted from West to West + Turn, in the source's x, the same place. The zero
// value is for a source whose x are none.
type Seam struct {
	West, Turn float64
}

// nearest counts a longitude on, or back, by whole turns to less than half a turn from another.
func (s Seam) nearest(x, other float64) float64 {
	if s.Turn == 0 {
		return x
	}
	return x - s.Turn*math.Round((x-other)/s.Turn)
}

func (s Seam) turns(x float64) float64 { return math.Floor((x - s.West) / s.Turn) }

// countFromWest counts longitudes from West, if all are of one turn: then so is what is interpolated between them. It leaves
// them, and tells so, where some are not, or may not be if they err by slack.
func (s Seam) countFromWest(x []float64, slack float64) bool {
	if s.Turn == 0 {
		return true
	}
	turns := s.turns(slices.Min(x) - slack)
	if turns != s.turns(slices.Max(x)+slack) {
		return false
	}
	if turns != 0 {
		for i := range x {
			x[i] -= turns * s.Turn
		}
	}
	return true
}

// countEachFromWest counts every longitude from West by itself. Those that are less than slack below the seam are taken for it: PROJ
// gives 180 or -180 for the antimeridian, and a raster that ends at 180 has no pixel there.
func (s Seam) countEachFromWest(x []float64, slack float64) {
	if s.Turn == 0 {
		return
	}
	for i := range x {
		x[i] = max(s.West, x[i]-s.turns(x[i]+slack)*s.Turn)
	}
}
