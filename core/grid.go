package core

import "math"

// Grid is the target raster: a CRS, where its pixels lie, and how many there are.
type Grid struct {
	CRS       string // "EPSG:n", WKT2 or PROJJSON
	Transform Affine
	Rows      int
	Cols      int
}

// MaxCells bounds the cells of a grid. A larger one is a slip of the unit, not a raster.
const MaxCells = int64(1) << 48

// Check tells whether the grid can be used.
func (g Grid) Check() error {
	switch {
	case !g.Transform.Valid():
		return Errorf(InvalidArgument, "Grid", "grid: transform %v is not finite or cannot be inverted", g.Transform)
	case g.Rows < 1 || g.Cols < 1:
		return Errorf(InvalidArgument, "Grid", "grid: shape (%d, %d) has no cell", g.Rows, g.Cols)
	case int64(g.Rows) > MaxCells/int64(g.Cols):
		return Errorf(InvalidArgument, "Grid", "grid: shape (%d, %d) has more than 2^48 cells", g.Rows, g.Cols)
	}
	return nil
}

// BBox is the extent of the grid in its CRS.
func (g Grid) BBox() [4]float64 {
	box := [4]float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, corner := range [4][2]int{{0, 0}, {g.Cols, 0}, {0, g.Rows}, {g.Cols, g.Rows}} {
		x, y := g.Transform.Apply(float64(corner[0]), float64(corner[1]))
		box = [4]float64{min(box[0], x), min(box[1], y), max(box[2], x), max(box[3], y)}
	}
	return box
}

// Window is the whole grid.
func (g Grid) Window() Window { return Window{Height: g.Rows, Width: g.Cols} }
