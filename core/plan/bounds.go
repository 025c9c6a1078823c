package plan

import (
	"math"

	"cogweave/core"
	"cogweave/core/lattice"
)

// margin is what the rounding of kernels, which interpolate again, may move across a pixel's edge.
const margin = 1e-6

// bounds gives the least and greatest level coordinates of the points of w, inside block c, that a kernel
// needs. ok is false where none has a coordinate.
func (p *Placement) bounds(c *Cells, w core.Window, k core.Kernel) (low, high [2]float64, ok bool) {
	xs, ys, slack, smooth := p.lattice(k).Border(w)
	if smooth {
		slack /= p.finest
		low, high = nowhere()
		for i := range xs {
			x, y := p.pixel(xs[i], ys[i])
			widen(&low, &high, x, y)
		}
		ok = true
	} else {
		var n lattice.Nodes
		p.Coordinates(c, k, &n)
		low, high, ok = bounds(n, w, c.Row*lattice.Block, c.Col*lattice.Block)
	}
	for i := range 2 {
		low[i] -= slack + margin
		high[i] += slack + margin
	}
	return low, high, ok
}

// around looks at points that a kernel needs of which some lie more than half the earth apart. Where the antimeridian runs
// through cells, it widens bounds of their corners to both ends of the raster; for a sum, to a pole that they lie around.
// left is the last column at the raster's left end, right the first at its right end; ok is false where what lies between
// is needed too.
func (p *Placement) around(c *Cells, w core.Window, k core.Kernel, low, high *[2]float64) (left, right float64, ok bool) {
	var n lattice.Nodes
	p.Coordinates(c, k, &n)
	row0, col0 := w.Row-c.Row*lattice.Block, w.Col-c.Col*lattice.Block
	left, right, ok = p.ends(n, w, row0, col0, (low[0]+high[0])/2)
	if !k.IsArea() {
		return left, right, ok
	}
	xs, ys := ring(n, w, row0, col0)
	for i := range xs {
		if p.Parted(xs[i], xs[(i+1)%len(xs)]) {
			low[0], high[0] = min(low[0], 0), max(high[0], float64(p.Width-1))
			break
		}
	}
	if row, in := p.PoleIn(xs, ys); in && k == core.Sum {
		// Every column between the pole and the cells.
		widen(low, high, 0, row)
		widen(low, high, float64(p.Width), row)
		ok = false
	}
	return left, right, ok
}

// ends gives the greatest column on the left of the middle, and the least on the right of it, of nodes that are cells;
// ok is false where these are not parted from one another.
func (p *Placement) ends(n lattice.Nodes, w core.Window, row0, col0 int, middle float64) (left, right float64, ok bool) {
	if n.Step > 1 {
		return 0, 0, false // cells lie between them
	}
	left, right = math.Inf(-1), math.Inf(1)
	for row := range w.Height {
		for _, x := range n.X[(row0+row)*n.PerRow+col0:][:w.Width] {
			if x < middle {
				left = max(left, x)
			} else if x >= middle { // not NaN
				right = min(right, x)
			}
		}
	}
	return left + margin, right - margin, p.Parted(left, right)
}

// ring gives the coordinates of the points along the border of w, whose first lies at (row0, col0) of its block, each
// once, in order.
func ring(n lattice.Nodes, w core.Window, row0, col0 int) (xs, ys []float64) {
	add := func(row, col int) {
		x, y := at(n, row0+row, col0+col)
		xs, ys = append(xs, x), append(ys, y)
	}
	for col := 0; col < w.Width-1; col++ {
		add(0, col)
	}
	for row := 0; row < w.Height-1; row++ {
		add(row, w.Width-1)
	}
	for col := w.Width - 1; col > 0; col-- {
		add(w.Height-1, col)
	}
	for row := w.Height - 1; row > 0; row-- {
		add(row, 0)
	}
	return xs, ys
}

func nowhere() (low, high [2]float64) {
	return [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
}

func widen(low, high *[2]float64, x, y float64) {
	// Not min and max: they look for NaN and signed zeros, and this runs before the first request.
	if x < low[0] {
		low[0] = x
	}
	if x > high[0] {
		high[0] = x
	}
	if y < low[1] {
		low[1] = y
	}
	if y > high[1] {
		high[1] = y
	}
}

// bounds gives the least and greatest coordinates of the cells of w, exactly: within a cell of the
// lattice interpolation is bilinear, so its extremes lie at the corners of the common part. ok is false
// where no cell has a coordinate. NaN nodes are passed over.
func bounds(n lattice.Nodes, w core.Window, row0, col0 int) (low, high [2]float64, ok bool) {
	rows := knots(w.Row-row0, w.Height, n.Step)
	cols := knots(w.Col-col0, w.Width, n.Step)
	low, high = nowhere()
	for _, row := range rows {
		for _, col := range cols {
			x, y := at(n, row, col)
			if x != x || y != y {
				continue
			}
			ok = true
			widen(&low, &high, x, y)
		}
	}
	return low, high, ok
}

// at gives the coordinates of a cell, counted from its block's first: a node's own, or interpolated.
func at(n lattice.Nodes, row, col int) (x, y float64) {
	if row%n.Step == 0 && col%n.Step == 0 {
		p, q := row/n.Step, col/n.Step
		if p < n.PerRow && q < n.PerRow {
			k := p*n.PerRow + q
			return n.X[k], n.Y[k]
		}
	}
	return interpolate(n, row, col)
}

// knots lists the first and last position of a run of cells and the nodes between them.
func knots(start, count, step int) []int {
	last := start + count - 1
	list := []int{start}
	for k := (start/step + 1) * step; k < last; k += step {
		list = append(list, k)
	}
	if last > start {
		list = append(list, last)
	}
	return list
}

// interpolate gives the coordinates of a cell, counted from its block's first, by the formula of the
// pixel kernels: first along y, then along x.
func interpolate(n lattice.Nodes, row, col int) (x, y float64) {
	if n.Step == 1 {
		k := min(row, n.PerRow-1)*n.PerRow + min(col, n.PerRow-1)
		return n.X[k], n.Y[k]
	}
	p, q := min(row/n.Step, n.PerRow-2), min(col/n.Step, n.PerRow-2)
	v, u := float64(row-p*n.Step)/float64(n.Step), float64(col-q*n.Step)/float64(n.Step)
	k := p*n.PerRow + q
	lerp := func(c []float64) float64 {
		left := c[k] + (c[k+n.PerRow]-c[k])*v
		right := c[k+1] + (c[k+n.PerRow+1]-c[k+1])*v
		return left + (right-left)*u
	}
	return lerp(n.X), lerp(n.Y)
}
