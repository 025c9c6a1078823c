package plan

import (
	"math"

	"cogweave/core"
)

// Intervals along each side of the lattice of points that finds an outline: few where the mapping turns out to be
// smooth, as it is between most rasters and grids, else many.
const (
	smoothSteps = 4
	roughSteps  = 16
)

// outlinePoints is the memory that finding an outline takes, to be used again.
type outlinePoints struct{ x, y []float64 }

// lay puts a lattice of points over a raster, interior included (a pole may lie inside), and maps it to cells. ok is
// false where some point cannot be mapped.
func (o *outlinePoints) lay(g *geometry, toCell core.Affine, steps int) (ok bool) {
	n := steps + 1
	if cap(o.x) < n*n {
		o.x, o.y = make([]float64, n*n), make([]float64, n*n)
	}
	o.x, o.y = o.x[:n*n], o.y[:n*n]
	for i := range o.x {
		o.x[i], o.y[i] = g.transform.Apply(float64(i%n*g.width)/float64(steps), float64(i/n*g.height)/float64(steps))
	}
	if g.backward != nil {
		g.backward.Transform(o.x, o.y)
	}
	ok = true
	for i := range o.x {
		ok = ok && !math.IsNaN(o.x[i])
		o.x[i], o.y[i] = toCell.Apply(o.x[i], o.y[i])
	}
	return ok
}

func (o *outlinePoints) bounds() (low, high [2]float64) {
	low, high = [2]float64{o.x[0], o.y[0]}, [2]float64{o.x[0], o.y[0]}
	for i := range o.x {
		low = [2]float64{min(low[0], o.x[i]), min(low[1], o.y[i])}
		high = [2]float64{max(high[0], o.x[i]), max(high[1], o.y[i])}
	}
	return low, high
}

// differences gives the largest first and second difference, in cells, of x and y along the lattice's lines.
func (o *outlinePoints) differences(steps int) (first, second [2]float64) {
	n := steps + 1
	for axis, v := range [2][]float64{o.x, o.y} {
		for i := range v {
			if i%n < steps {
				first[axis] = max(first[axis], math.Abs(v[i+1]-v[i]))
			}
			if i+n < len(v) {
				first[axis] = max(first[axis], math.Abs(v[i+n]-v[i]))
			}
			if i%n > 0 && i%n < steps {
				second[axis] = max(second[axis], math.Abs(v[i+1]-2*v[i]+v[i-1]))
			}
			if i >= n && i+n < len(v) {
				second[axis] = max(second[axis], math.Abs(v[i+n]-2*v[i]+v[i-n]))
			}
		}
	}
	return first, second
}

// findOutline gives the box of cells that the raster can touch.
func (g *geometry) findOutline(grid core.Grid, points *outlinePoints) core.Window {
	w := g.findBox(grid, points)
	if g.again && !w.Empty() {
		w.Col, w.Width = 0, grid.Cols
	}
	return w
}

// findBox gives the cells around a lattice of points, wider by the largest bulge that can hide between two of them.
func (g *geometry) findBox(grid core.Grid, points *outlinePoints) core.Window {
	toCell := grid.Transform.Inverse()
	if g.backward == nil {
		points.lay(g, toCell, 1)
		low, high := points.bounds()
		return clip(low, high, [2]float64{}, grid)
	}
	if points.lay(g, toCell, smoothSteps) {
		first, second := points.differences(smoothSteps)
		// A curve bulges by an eighth of its second difference from its chord: all of it is eight times what is needed.
		// A jump, as at the antimeridian, or a pole inside makes second differences that are as large as the first.
		if second[0] <= first[0]/16 && second[1] <= first[1]/16 {
			low, high := points.bounds()
			return clip(low, high, second, grid)
		}
	}
	if !points.lay(g, toCell, roughSteps) {
		return grid.Window() // part of the raster cannot be mapped: any cell may be touched
	}
	first, _ := points.differences(roughSteps)
	low, high := points.bounds()
	return clip(low, high, [2]float64{first[0] / 4, first[1] / 4}, grid)
}

// clip turns bounds in cells into a window of the grid, wider by slack and a cell on each side for rounding.
func clip(low, high, slack [2]float64, grid core.Grid) core.Window {
	bound := func(v float64, size int) int { return int(max(0, min(float64(size), v))) }
	col0 := bound(math.Floor(low[0]-slack[0])-1, grid.Cols)
	row0 := bound(math.Floor(low[1]-slack[1])-1, grid.Rows)
	col1 := bound(math.Ceil(high[0]+slack[0])+1, grid.Cols)
	row1 := bound(math.Ceil(high[1]+slack[1])+1, grid.Rows)
	return core.Window{Row: row0, Col: col0, Height: max(0, row1-row0), Width: max(0, col1-col0)}
}
