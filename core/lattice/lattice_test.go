package lattice

import (
	"math"
	"testing"

	"cogweave/core"
	"cogweave/core/crs"
)

func transformer(t testing.TB, src, dst string) core.Transformer {
	t.Helper()
	tr, err := crs.Projection{}.Transformer(src, dst)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func nodesOf(l *Lattice, row, col int) (n Nodes) {
	l.Nodes(row, col, &n)
	return n
}

// at evaluates nodes as the pixel kernels do.
func (n Nodes) at(row, col int) (x, y float64) {
	if n.Step == 1 {
		return n.X[row*n.PerRow+col], n.Y[row*n.PerRow+col]
	}
	k := row/n.Step*n.PerRow + col/n.Step
	v, u := float64(row%n.Step)/float64(n.Step), float64(col%n.Step)/float64(n.Step)
	lerp := func(c []float64) float64 {
		left := c[k] + (c[k+n.PerRow]-c[k])*v
		right := c[k+1] + (c[k+n.PerRow+1]-c[k+1])*v
		return left + (right-left)*u
	}
	return lerp(n.X), lerp(n.Y)
}

// worst is the greatest distance, in source units, between the lattice and the exact transform.
func worst(t testing.TB, grid core.Grid, tr core.Transformer, seam Seam, tol float64) float64 {
	l := New(grid, tr, seam, 0.5, tol)
	err := 0.0
	for row0 := 0; row0 < grid.Rows; row0 += Block {
		for col0 := 0; col0 < grid.Cols; col0 += Block {
			n := nodesOf(l, row0/Block, col0/Block)
			var xs, ys, ex, ey []float64
			for row := row0; row < min(row0+Block, grid.Rows); row += 7 {
				for col := col0; col < min(col0+Block, grid.Cols); col += 9 {
					x, y := n.at(row%Block, col%Block)
					xs, ys = append(xs, x), append(ys, y)
					x, y = grid.Transform.Apply(float64(col)+0.5, float64(row)+0.5)
					ex, ey = append(ex, x), append(ey, y)
				}
			}
			tr.Transform(ex, ey)
			for i, x := range xs {
				if math.IsNaN(ex[i]) != math.IsNaN(x) || seam.Turn > 0 && (x < seam.West || x >= seam.West+seam.Turn) {
					t.Fatalf("block at (%d, %d): lattice %v, exact %v", row0, col0, x, ex[i])
				}
				if !math.IsNaN(x) {
					err = max(err, math.Hypot(x-seam.nearest(ex[i], x), ys[i]-ey[i]))
				}
			}
		}
	}
	return err
}

// seams are ways to count the x of a source.
func seams(source string) []Seam {
	if source != "EPSG:4326" {
		return []Seam{{}}
	}
	return []Seam{{-180, 360}, {173.1, 360}}
}

func TestTolerance(t *testing.T) {
	cases := map[string]struct {
		grid core.Grid
		src  string
		px   float64 // source pixel, in units of the source CRS
	}{
		"UTM to next UTM 10 m": {core.Grid{CRS: "EPSG:32633", Transform: core.Affine{A: 10, C: 200000, E: -10, F: 5300000}, Rows: 1500, Cols: 1500}, "EPSG:32632", 10},
		"UTM to next UTM 80 m": {core.Grid{CRS: "EPSG:32633", Transform: core.Affine{A: 80, C: 200000, E: -80, F: 5300000}, Rows: 1000, Cols: 1000}, "EPSG:32632", 80},
		"web mercator 10 m":    {core.Grid{CRS: "EPSG:3857", Transform: core.Affine{A: 10, C: 1300000, E: -10, F: 6100000}, Rows: 1100, Cols: 1100}, "EPSG:32633", 10},
		"degrees 1 km":         {core.Grid{CRS: "EPSG:4326", Transform: core.Affine{A: 0.01, C: 0, E: -0.01, F: 60}, Rows: 1200, Cols: 1200}, "EPSG:32633", 1000},
		"whole world":          {core.Grid{CRS: "EPSG:4326", Transform: core.Affine{A: 0.5, C: -180, E: -0.5, F: 90}, Rows: 360, Cols: 720}, "EPSG:3857", 50000},
		"around a pole":        {core.Grid{CRS: "EPSG:3995", Transform: core.Affine{A: 1000, C: -233130, E: -1000, F: 341170}, Rows: 600, Cols: 600}, "EPSG:4326", 0.02},
		"on a pole, fine":      {core.Grid{CRS: "EPSG:3413", Transform: core.Affine{A: 10, C: -3005, E: -10, F: 5005}, Rows: 700, Cols: 700}, "EPSG:4326", 1e-4},
		"beside a pole":        {core.Grid{CRS: "EPSG:3413", Transform: core.Affine{A: 1000, C: 100e3, E: -1000, F: 1100e3}, Rows: 1000, Cols: 1000}, "EPSG:4326", 0.02},
		"antimeridian":         {core.Grid{CRS: "EPSG:3832", Transform: core.Affine{A: 1000, C: 2.8e6, E: -1000, F: 8e6}, Rows: 1000, Cols: 1000}, "EPSG:4326", 0.02},
		"wide cells":           {core.Grid{CRS: "EPSG:3832", Transform: core.Affine{A: 6000, C: -6e6, E: -6000, F: 6e6}, Rows: 1000, Cols: 1000}, "EPSG:4326", 0.05},
		"horizon":              {core.Grid{CRS: "+proj=ortho +lat_0=60 +lon_0=170", Transform: core.Affine{A: 13000, C: -6.5e6, E: -13000, F: 6.5e6}, Rows: 1000, Cols: 1000}, "EPSG:4326", 0.05},
		"south pole":           {core.Grid{CRS: "EPSG:3031", Transform: core.Affine{A: 10000, C: -1000000, E: -10000, F: 1000000}, Rows: 200, Cols: 200}, "EPSG:4326", 0.1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tol := 2e-5 * c.px
			for _, seam := range seams(c.src) {
				if got := worst(t, c.grid, transformer(t, c.grid.CRS, c.src), seam, tol); got > tol {
					t.Errorf("%+v: error %.3g source px", seam, got/c.px)
				}
			}
		})
	}
}

func TestStepIsWideBetweenUTMZones(t *testing.T) {
	grid := core.Grid{CRS: "EPSG:32633", Transform: core.Affine{A: 10, C: 300000, E: -10, F: 5300000}, Rows: 4096, Cols: 4096}
	l := New(grid, transformer(t, grid.CRS, "EPSG:32632"), Seam{}, 0.5, 2e-5*10)
	if n := nodesOf(l, 3, 5); n.Step < 16 {
		t.Errorf("step %d: too many nodes for the speed that resampling needs", n.Step)
	}
}

func TestSameCRSIsExact(t *testing.T) {
	grid := core.Grid{CRS: "EPSG:32633", Transform: core.Affine{A: 10, C: 300000, E: -10, F: 5300000}, Rows: 300, Cols: 300}
	l := New(grid, nil, Seam{}, 0.5, 1e-9)
	for _, cell := range [][2]int{{0, 0}, {63, 64}, {299, 130}} {
		x, y := nodesOf(l, cell[0]/Block, cell[1]/Block).at(cell[0]%Block, cell[1]%Block)
		if x != 300000+10*(float64(cell[1])+0.5) || y != 5300000-10*(float64(cell[0])+0.5) {
			t.Errorf("cell %v maps to (%v, %v)", cell, x, y)
		}
	}
}

func BenchmarkNodes(b *testing.B) {
	grid := core.Grid{CRS: "EPSG:32633", Transform: core.Affine{A: 10, C: 300000, E: -10, F: 5300000}, Rows: 4096, Cols: 4096}
	l := New(grid, transformer(b, grid.CRS, "EPSG:32632"), Seam{}, 0.5, 2e-5*10)
	var n Nodes
	for i := 0; b.Loop(); i++ {
		l.Nodes(i%64, i/64%64, &n)
	}
}
