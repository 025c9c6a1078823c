package plan

import (
	"math"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/core/lattice"
)

// Projection answers what planning asks about coordinate systems; package crs is one.
type Projection interface {
	Check(definition string) error
	Same(a, b string) bool
	Geographic(definition string) bool
	Transformer(src, dst string) (core.Transformer, error)
	FromGeoref(g *cog.Georef) (string, error)
}

// relation is how a raster's CRS lies to the grid's.
type relation struct {
	same     bool             // in the grid's CRS
	forward  core.Transformer // grid CRS to raster CRS; nil when same
	backward core.Transformer // raster CRS to grid CRS; nil when same
	grid     Longitudes       // the grid's, where the raster is in degrees too
}

func relate(grid core.Grid, crs string, p Projection) (relation, error) {
	r := relation{same: p.Same(crs, grid.CRS)}
	if p.Geographic(grid.CRS) && p.Geographic(crs) {
		r.grid = longitudesOf(grid.Transform, grid.Cols)
	}
	if r.same {
		return r, nil
	}
	var err error
	if r.forward, err = p.Transformer(grid.CRS, crs); err != nil {
		return relation{}, err
	}
	r.backward, err = p.Transformer(crs, grid.CRS)
	return r, err
}

// asOnGrid gives the transform of a raster in degrees as the grid counts them. again: the raster touches it from both
// sides (Longitudes.on).
func (r *relation) asOnGrid(t core.Affine, cols int) (on core.Affine, again bool) {
	lon := longitudesOf(t, cols)
	if r.grid.Turn == 0 || lon.Turn == 0 {
		return t, false
	}
	add, again := lon.on(r.grid)
	t.C += add
	return t, again
}

// geometry is a raster's outline on the grid: its CRS, transform and size, whatever its bands and
// levels. Items that repeat an outline (the same tile on other dates) share one.
type geometry struct {
	relation
	transform core.Affine // pixels of level 0 to its CRS
	width     int
	height    int
	// outline is the cells that the raster can touch. It may be larger than need be, never smaller.
	outline core.Window
	// pixel is the size of a level-0 pixel in cells, along its two axes, at the centre of raster and
	// grid's common part.
	pixel [2]float64
	lon   Longitudes // of level 0, where the grid may cross them anywhere: unless it is in the same CRS and meets them once
	again bool       // touches the grid from both sides (asOnGrid)
}

func newGeometry(grid core.Grid, crs string, transform core.Affine, width, height int, p Projection) (*geometry, error) {
	r, err := relate(grid, crs, p)
	if err != nil {
		return nil, err
	}
	g := &geometry{relation: r, width: width, height: height}
	g.transform, g.again = r.asOnGrid(transform, width)
	if g.again && r.same {
		g.same, g.forward, g.backward = false, unchanged{}, unchanged{}
	}
	if !g.same && p.Geographic(crs) {
		g.lon = longitudesOf(g.transform, width)
	}
	g.outline = g.findOutline(grid, &outlinePoints{})
	if !g.outline.Empty() {
		g.pixel = g.findPixel(grid)
	}
	return g, nil
}

// unchanged is the transform between a CRS and itself.
type unchanged struct{}

// Transform leaves x and y.
func (unchanged) Transform(x, y []float64) {}

// findPixel differentiates the mapping from cells to level-0 pixels at the centre of the common part,
// and inverts it.
func (g *geometry) findPixel(grid core.Grid) [2]float64 {
	toPixel := g.transform.Inverse()
	for _, at := range [...][2]float64{{0.5, 0.5}, {0.25, 0.25}, {0.75, 0.75}, {0.25, 0.75}, {0.75, 0.25}} {
		row := float64(g.outline.Row) + at[0]*float64(g.outline.Height)
		col := float64(g.outline.Col) + at[1]*float64(g.outline.Width)
		cols, rows := []float64{col - 0.5, col + 0.5, col, col}, []float64{row, row, row - 0.5, row + 0.5}
		x, y := make([]float64, 4), make([]float64, 4)
		for i := range x {
			x[i], y[i] = grid.Transform.Apply(cols[i], rows[i])
		}
		if g.forward != nil {
			g.forward.Transform(x, y)
		}
		for i := range x {
			x[i], y[i] = toPixel.Apply(x[i], y[i])
		}
		// The middle of a grid may be the antimeridian.
		jacobian := core.Affine{A: g.lon.ShortWay(x[1] - x[0]), B: g.lon.ShortWay(x[3] - x[2]), D: y[1] - y[0], E: y[3] - y[2]}
		if jacobian.Valid() {
			sx, sy := jacobian.Inverse().Resolution()
			return [2]float64{sx, sy}
		}
	}
	return [2]float64{1, 1}
}

// Placement is one pyramid level of a raster on the grid: everything that resampling needs to know of
// where pixels lie. Rasters of the same outline and levels share one.
type Placement struct {
	Outline core.Window // cells that the raster can touch
	Level   int         // position in cog.Header.Levels
	Width   int         // of the level, pixels
	Height  int
	// Scale is the size of a level pixel in cells, per axis: below 1 a kernel widens. Fixed for the whole
	// grid, so that chunks agree.
	Scale [2]float64
	// Shift, if Aligned, is added to a cell's (row, column) to give its pixel: a copy, no resampling.
	Aligned    bool
	Shift      [2]int
	Longitudes // of the level, where the antimeridian may part a cell

	centres *lattice.Lattice
	corners *lattice.Lattice
	toLevel core.Affine // source CRS to level pixels, if not rectilinear
	rect    bool
	origin  [2]float64 // rectilinear: pixel = (x - origin) / size
	size    [2]float64
	finest  float64 // the lesser side of a pixel, source CRS units
}

// maxPixel is the coarsest that a level's pixel may be, in cells: docs/concepts.md.
const maxPixel = 1.01

// chooseLevel gives the coarsest level whose pixels are no larger than the grid's cells.
func (g *geometry) chooseLevel(levels []cog.Level, overviews bool) int {
	best := 0
	if !overviews {
		return best
	}
	for i := 1; i < len(levels); i++ {
		l := &levels[i]
		fx, fy := float64(g.width)/float64(l.Width), float64(g.height)/float64(l.Height)
		if g.pixel[0]*fx <= maxPixel && g.pixel[1]*fy <= maxPixel && l.Width <= levels[best].Width {
			best = i
		}
	}
	return best
}

// tolerance is the greatest error of interpolated coordinates, in pixels of the level: 1e-3 px would move
// 0.14 % of nearest pixels.
const tolerance = 2e-5

func (g *geometry) place(grid core.Grid, header *cog.Header, level int) *Placement {
	l := &header.Levels[level]
	fx, fy := float64(g.width)/float64(l.Width), float64(g.height)/float64(l.Height)
	t := g.transform.Scale(fx, fy)
	p := &Placement{
		Outline: g.outline, Level: level, Width: l.Width, Height: l.Height,
		Scale:   [2]float64{roundScale(g.pixel[0] * fx), roundScale(g.pixel[1] * fy)},
		toLevel: t.Inverse(), rect: t.IsRectilinear(),
		origin: [2]float64{t.C, t.F}, size: [2]float64{t.A, t.E},
	}
	if g.lon.Turn > 0 {
		p.Longitudes = longitudesOf(t, l.Width)
	}
	resX, resY := t.Resolution()
	p.finest = min(resX, resY)
	tol := tolerance * p.finest
	p.centres = lattice.New(grid, g.forward, g.lon.seam(), 0.5, tol)
	p.corners = lattice.New(grid, g.forward, g.lon.seam(), 0, tol)
	if g.same {
		p.align(grid, t)
	}
	return p
}

// roundScale takes a scale close to 1/n for 1/n, as GDAL's warper does: a kernel widened by a thousandth
// costs twice the taps and changes nothing that can be seen.
func roundScale(s float64) float64 {
	if s >= 1 {
		return s
	}
	if n := math.Round(1 / s); math.Abs(1/s-n) < 0.05 {
		return 1 / n
	}
	return s
}

// align finds out whether cells are pixels, shifted by whole ones.
func (p *Placement) align(grid core.Grid, t core.Affine) {
	const within = 1e-6 // pixels, over the whole raster
	// From cells to pixels: the identity, but for a shift. Quotients where that is possible: exact where the
	// grid's numbers are.
	m := t.Inverse().Mul(grid.Transform)
	if p.rect && grid.Transform.IsRectilinear() {
		m = core.Affine{A: grid.Transform.A / t.A, E: grid.Transform.E / t.E,
			C: (grid.Transform.C - t.C) / t.A, F: (grid.Transform.F - t.F) / t.E}
	}
	off := max(math.Abs(m.A-1), math.Abs(m.B), math.Abs(m.D), math.Abs(m.E-1)) * float64(max(grid.Cols, grid.Rows, p.Width, p.Height))
	if off < within && math.Abs(m.C-math.Round(m.C)) < within && math.Abs(m.F-math.Round(m.F)) < within {
		p.Aligned, p.Shift = true, [2]int{int(math.Round(m.F)), int(math.Round(m.C))}
	}
}

// Centres gives the level coordinates of the cells' centres in the block at (row, col), counted in
// blocks of lattice.Block cells, in the memory of n.
func (p *Placement) Centres(row, col int, n *lattice.Nodes) { p.nodes(p.centres, row, col, n) }

func (p *Placement) nodes(l *lattice.Lattice, row, col int, n *lattice.Nodes) {
	l.Nodes(row, col, n)
	for i := range n.X {
		n.X[i], n.Y[i] = p.pixel(n.X[i], n.Y[i])
	}
}

// pixel takes source CRS coordinates to those of the level.
func (p *Placement) pixel(x, y float64) (col, row float64) {
	if p.rect {
		// A division, not a product with the inverse: exact where the grid's numbers are.
		return (x - p.origin[0]) / p.size[0], (y - p.origin[1]) / p.size[1]
	}
	return p.toLevel.Apply(x, y)
}

// lattice is that of the points of cells that a kernel needs: corners for one that summarises areas, else
// centres.
func (p *Placement) lattice(k core.Kernel) *lattice.Lattice {
	if k.IsArea() {
		return p.corners
	}
	return p.centres
}

// Coordinates gives the level coordinates of the cells of a block that a kernel needs: of their corners
// for a kernel that summarises areas, else of their centres; in the memory of n.
func (p *Placement) Coordinates(c *Cells, k core.Kernel, n *lattice.Nodes) {
	if !p.Aligned {
		p.nodes(p.lattice(k), c.Row, c.Col, n)
	}
}

// windows adds the level pixels that the cells of w, inside block c, need with a kernel to a list: one window, none where
// they miss the raster, or two where the antimeridian runs through them, at both ends of the raster. whole tells
// whether every cell lies on the raster.
func (p *Placement) windows(c *Cells, w core.Window, k core.Kernel, list []core.Window) (_ []core.Window, whole bool) {
	level := core.Window{Height: p.Height, Width: p.Width}
	if p.Aligned {
		w.Row += p.Shift[0]
		w.Col += p.Shift[1]
		return addSome(list, w.Intersect(level)), level.Contains(w)
	}
	if k.IsArea() {
		w.Height++ // the corners of a cell include those of the next
		w.Width++
	}
	low, high, ok := p.bounds(c, w, k)
	if !ok {
		return list, false
	}
	if p.Parted(low[0], high[0]) {
		if left, right, ok := p.around(c, w, k, &low, &high); ok {
			west, wholeWest := p.window(low, [2]float64{left, high[1]}, k)
			east, wholeEast := p.window([2]float64{right, low[1]}, high, k)
			return addSome(addSome(list, west), east), wholeWest && wholeEast
		}
	}
	need, whole := p.window(low, high, k)
	return addSome(list, need), whole
}

func addSome(list []core.Window, w core.Window) []core.Window {
	if w.Empty() {
		return list
	}
	return append(list, w)
}

// window gives the level pixels that a kernel needs for points between bounds. whole tells whether they lie on the raster.
func (p *Placement) window(low, high [2]float64, k core.Kernel) (need core.Window, whole bool) {
	level := core.Window{Height: p.Height, Width: p.Width}
	limit := func(v float64) int { return int(max(-1<<40, min(1<<40, v))) }
	col0, row0 := limit(math.Floor(low[0])), limit(math.Floor(low[1]))
	col1, row1 := limit(math.Floor(high[0]))+1, limit(math.Floor(high[1]))+1
	whole = level.Contains(core.Window{Row: row0, Col: col0, Height: row1 - row0, Width: col1 - col0})
	rx, ry := k.Radius(p.Scale)
	return core.Window{Row: row0 - ry, Col: col0 - rx, Height: row1 - row0 + 2*ry, Width: col1 - col0 + 2*rx}.Intersect(level), whole
}
