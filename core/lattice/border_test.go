package lattice

import (
	"fmt"
	"math"
	"testing"

	"cogweave/core"
)

func TestBorderHoldsEveryCell(t *testing.T) {
	cases := []struct {
		crs, source string
		transform   core.Affine
		pixel       float64 // of the source
	}{
		{"EPSG:3857", "EPSG:32632", core.Affine{A: 60, C: 1258260, E: -60, F: 5742900}, 60},
		{"EPSG:32633", "EPSG:32632", core.Affine{A: 10, C: 300000, E: -10, F: 5300000}, 10},
		{"EPSG:4326", "EPSG:32632", core.Affine{A: 1e-3, C: 8, E: -1e-3, F: 50}, 100},
		{"EPSG:32632", "EPSG:4326", core.Affine{A: 100, B: 30, C: 400000, D: 30, E: -100, F: 5300000}, 1e-3},
		{"EPSG:3035", "EPSG:4326", core.Affine{A: 30, C: 4321000, E: -30, F: 3210000}, 3e-4},
		{"EPSG:3832", "EPSG:4326", core.Affine{A: 1000, C: 3.3e6, D: 30, E: -1000, F: 5e6}, 1e-2}, // the antimeridian is at column 40
	}
	for _, c := range cases {
		source := transformer(t, c.crs, c.source)
		grid := core.Grid{CRS: c.crs, Transform: c.transform, Cols: 1500, Rows: 1100}
		for _, offset := range []float64{0.5, 0} {
			l := New(grid, source, seams(c.source)[0], offset, 2e-5*c.pixel)
			for _, w := range []core.Window{
				{Row: 0, Col: 0, Height: 64, Width: 38}, {Row: 64, Col: 64, Height: 64, Width: 64}, {Row: 70, Col: 1410, Height: 13, Width: 50},
				{Row: 1030, Col: 1490, Height: 1, Width: 10}, {Row: 513, Col: 600, Height: 1, Width: 1},
			} {
				t.Run(fmt.Sprint(c.crs, c.source, offset, w), func(t *testing.T) { holds(t, l, grid, source, offset, w) })
			}
		}
	}
}

// holds compares the border's box with the exact coordinates of every point.
func holds(t *testing.T, l *Lattice, grid core.Grid, source core.Transformer, offset float64, w core.Window) {
	xs, ys, slack, ok := l.Border(w)
	if !ok {
		t.Fatal("a smooth transform has no border")
	}
	low, high := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	for i := range xs {
		low[0], high[0] = min(low[0], xs[i]), max(high[0], xs[i])
		low[1], high[1] = min(low[1], ys[i]), max(high[1], ys[i])
	}
	var exact, yexact []float64
	for row := range w.Height {
		for col := range w.Width {
			x, y := grid.Transform.Apply(float64(w.Col+col)+offset, float64(w.Row+row)+offset)
			exact, yexact = append(exact, x), append(yexact, y)
		}
	}
	source.Transform(exact, yexact)
	pixel := (high[0] - low[0] + high[1] - low[1]) / float64(w.Width+w.Height)
	if w.Width > 1 && slack > 0.05*pixel {
		t.Errorf("slack %v of a pixel of about %v", slack, pixel)
	}
	for i := range exact {
		if exact[i] < low[0]-slack || exact[i] > high[0]+slack || yexact[i] < low[1]-slack || yexact[i] > high[1]+slack {
			t.Fatalf("point %d at (%v, %v) is outside %v, %v by more than %v", i, exact[i], yexact[i], low, high, slack)
		}
	}
}

// What lies on both sides of the seam has no box that means anything.
func TestNoBorderAcrossTheSeam(t *testing.T) {
	grid := core.Grid{CRS: "EPSG:3832", Transform: core.Affine{A: 1000, C: 3.3e6, E: -1000, F: 5e6}, Cols: 1000, Rows: 1000}
	l := New(grid, transformer(t, grid.CRS, "EPSG:4326"), Seam{-180, 360}, 0.5, 1e-7)
	if _, _, _, ok := l.Border(core.Window{Col: 30, Height: 1, Width: 20}); ok {
		t.Error("there is a border")
	}
}

// A pole turns circles into lines: no border can be trusted there.
func TestNoBorderWhereNoPolynomialFits(t *testing.T) {
	source := transformer(t, "EPSG:3995", "EPSG:4326")
	grid := core.Grid{CRS: "EPSG:3995", Transform: core.Affine{A: 1000, C: -32000, E: -1000, F: 32000}, Cols: 64, Rows: 64}
	if _, _, _, ok := New(grid, source, Seam{}, 0.5, 1e-7).Border(core.Window{Height: 64, Width: 64}); ok {
		t.Error("the pole has a border")
	}
}
