package plan

import (
	"math"
	"slices"

	"cogweave/core"
	"cogweave/core/lattice"
)

// Longitudes is what the columns of a raster or grid are whose x are degrees east: where they begin and end, how many go
// once around the earth, and the rows of the poles, where they all meet. The zero value is that of one in metres or
// turned, and of one whose cells the antimeridian cannot part.
type Longitudes struct {
	west, east float64 // of the outer edges, as they are counted: from -180, from 0, or on beyond 180
	rounding   float64 // of the edges, degrees
	Turn       float64 // once around the earth, columns; 0 in the zero value
	Poles      [2]float64
}

// roundingOfEdges is what rounding may do to a raster's edge, in pixels.
const roundingOfEdges = 1e-3

// longitudesOf gives those of a raster in degrees.
func longitudesOf(t core.Affine, cols int) Longitudes {
	if !t.IsRectilinear() {
		return Longitudes{}
	}
	first, last := t.C, t.C+t.A*float64(cols)
	return Longitudes{
		west: min(first, last), east: max(first, last), rounding: roundingOfEdges * math.Abs(t.A),
		Turn: 360 / math.Abs(t.A), Poles: [2]float64{(90 - t.F) / t.E, (-90 - t.F) / t.E},
	}
}

// on gives the degrees to add to a raster's longitudes to count them as a grid does: it may go on beyond 180 degrees,
// where the rasters begin anew at -180. again: the raster lies on the grid a turn further too, as a world on a grid across
// 180 degrees, or one that is counted from 0 to 360 on a grid from -180 to 180.
func (l Longitudes) on(grid Longitudes) (add float64, again bool) {
	found := false
	for _, turn := range [...]float64{0, 360, -360} {
		west, east := l.west+turn, l.east+turn
		if west >= grid.east-l.rounding || east <= grid.west+l.rounding {
			continue
		}
		if found {
			return add, true
		}
		add, found = turn, true
		if west <= grid.west+l.rounding && east >= grid.east-l.rounding {
			return add, false // it covers the grid from here
		}
	}
	return add, false
}

// seam is where longitudes of a grid's cells begin anew as the raster counts them: half a turn from its middle, so that
// there is none beside a raster that does not go around the earth.
func (l Longitudes) seam() lattice.Seam {
	if l.Turn == 0 {
		return lattice.Seam{}
	}
	return lattice.Seam{West: (l.west+l.east)/2 - 180, Turn: 360}
}

// ShortWay is a difference of columns, around the earth the shorter way.
func (l Longitudes) ShortWay(cols float64) float64 {
	if l.Turn > 0 {
		cols -= l.Turn * math.Round(cols/l.Turn)
	}
	return cols
}

// Parted tells whether the antimeridian runs between points that lie together: their columns are further apart than half
// the earth.
func (l Longitudes) Parted(x ...float64) bool {
	return l.Turn > 0 && slices.Max(x)-slices.Min(x) > l.Turn/2
}

// atPole is how near to a pole's row a point is the pole, whose longitude means nothing, in pixels.
const atPole = 1e-6

// AtPole tells whether a row is a pole's.
func (l Longitudes) AtPole(row float64) bool { return math.Abs(row-l.nearerPole(row)) <= atPole }

func (l Longitudes) nearerPole(row float64) float64 {
	if math.Abs(row-l.Poles[0]) <= math.Abs(row-l.Poles[1]) {
		return l.Poles[0]
	}
	return l.Poles[1]
}

// PoleIn tells whether a ring of points, by column and row, goes round a pole or through it, and gives the pole's row.
func (l Longitudes) PoleIn(x, y []float64) (row float64, ok bool) {
	if l.Turn == 0 || len(x) == 0 {
		return 0, false
	}
	turned, mean := 0.0, 0.0
	for i := range x {
		if l.AtPole(y[i]) {
			return l.nearerPole(y[i]), true
		}
		turned += l.ShortWay(x[(i+1)%len(x)] - x[i])
		mean += y[i] / float64(len(x))
	}
	if !(math.Abs(turned) > l.Turn/2) { // NaN too
		return 0, false
	}
	return l.nearerPole(mean), true
}
