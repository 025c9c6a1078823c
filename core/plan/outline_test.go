package plan

import (
	"math"
	"math/rand/v2"
	"testing"

	"cogweave/core"
	"cogweave/core/crs"
)

// outlineCases are systems of rasters and where their pixels may lie, with grids that see them: smoothly, or torn by
// the antimeridian, a pole or the end of what the projection can map.
var outlineCases = []struct {
	raster     string
	low, high  [2]float64 // of corners
	size       [2]float64 // least and greatest width
	grid       string
	gridLow    [2]float64
	gridHigh   [2]float64
	resolution float64
}{
	{"EPSG:32633", [2]float64{200e3, 4e6}, [2]float64{800e3, 6e6}, [2]float64{1e3, 2e5}, "EPSG:4326", [2]float64{5, 30}, [2]float64{25, 60}, 0.1},
	{"EPSG:32633", [2]float64{200e3, 4e6}, [2]float64{800e3, 6e6}, [2]float64{1e3, 2e5}, "EPSG:3857", [2]float64{0, 4e6}, [2]float64{3e6, 8e6}, 2e4},
	{"EPSG:32633", [2]float64{-2e6, 0}, [2]float64{3e6, 9e6}, [2]float64{1e5, 2e6}, "EPSG:3035", [2]float64{2e6, 1e6}, [2]float64{7e6, 6e6}, 3e4},
	{"EPSG:32601", [2]float64{100e3, -1e6}, [2]float64{300e3, 7e6}, [2]float64{1e4, 2e5}, "EPSG:32660", [2]float64{600e3, -1e6}, [2]float64{1.2e6, 7e6}, 4e4},
	{"EPSG:32601", [2]float64{100e3, -1e6}, [2]float64{300e3, 7e6}, [2]float64{1e4, 3e5}, "EPSG:4326", [2]float64{-180, -20}, [2]float64{180, 70}, 1.5},
	{"EPSG:4326", [2]float64{-180, -90}, [2]float64{170, 80}, [2]float64{0.1, 60}, "EPSG:3857", [2]float64{-2e7, -1e7}, [2]float64{2e7, 1e7}, 2e5},
	{"EPSG:4326", [2]float64{-180, -90}, [2]float64{170, -60}, [2]float64{1, 90}, "EPSG:3031", [2]float64{-3e6, -3e6}, [2]float64{3e6, 3e6}, 4e4},
	{"EPSG:4326", [2]float64{150, -30}, [2]float64{179, 60}, [2]float64{1, 30}, "EPSG:32601", [2]float64{0, -3e6}, [2]float64{1e6, 7e6}, 6e4},
	{"EPSG:3031", [2]float64{-2e6, -2e6}, [2]float64{2e6, 2e6}, [2]float64{1e4, 3e6}, "EPSG:4326", [2]float64{-180, -90}, [2]float64{180, -50}, 1.5},
	{"EPSG:3413", [2]float64{-2e6, -2e6}, [2]float64{2e6, 2e6}, [2]float64{1e4, 3e6}, "EPSG:32633", [2]float64{-1e6, 6e6}, [2]float64{2e6, 1.1e7}, 4e4},
	{"EPSG:5070", [2]float64{-2e6, 5e5}, [2]float64{2e6, 3e6}, [2]float64{1e3, 5e5}, "EPSG:32614", [2]float64{-2e6, 2e6}, [2]float64{3e6, 6e6}, 4e4},
}

// TestOutlinesAgainstBruteForce takes every cell's centre into the raster, exactly: one that lies in it must be in
// the outline, whichever of the two lattices found it.
func TestOutlinesAgainstBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	lattices := map[int]int{} // outlines with a cell of the grid, by the number of points
	for _, c := range outlineCases {
		rows, cols := int((c.gridHigh[1]-c.gridLow[1])/c.resolution), int((c.gridHigh[0]-c.gridLow[0])/c.resolution)
		grid := core.Grid{CRS: c.grid, Rows: rows, Cols: cols,
			Transform: core.Affine{A: c.resolution, C: c.gridLow[0], E: -c.resolution, F: c.gridHigh[1]}}
		forward, err := crs.Projection{}.Transformer(c.grid, c.raster)
		if err != nil {
			t.Fatal(err)
		}
		x, y := make([]float64, rows*cols), make([]float64, rows*cols)
		for i := range x {
			x[i], y[i] = grid.Transform.Apply(float64(i%cols)+0.5, float64(i/cols)+0.5)
		}
		forward.Transform(x, y)
		for range 150 {
			width := c.size[0] * math.Pow(c.size[1]/c.size[0], rng.Float64())
			pixels := 64 + rng.IntN(1000)
			transform := core.Affine{A: width / float64(pixels), E: -width / float64(pixels),
				C: c.low[0] + rng.Float64()*(c.high[0]-c.low[0]), F: c.low[1] + rng.Float64()*(c.high[1]-c.low[1])}
			if rng.IntN(4) == 0 { // turned
				angle := rng.Float64() * 2 * math.Pi
				s, k := math.Sin(angle)*transform.A, math.Cos(angle)*transform.A
				transform.A, transform.B, transform.D, transform.E = k, s, s, -k
			}
			g, err := newGeometry(grid, c.raster, transform, pixels, pixels, crs.Projection{})
			if err != nil {
				t.Fatal(err)
			}
			var points outlinePoints
			if again := g.findOutline(grid, &points); again != g.outline {
				t.Fatalf("found twice, an outline is %v and %v", g.outline, again)
			}
			touched := 0
			back := transform.Inverse()
			for i := range x {
				u, v := back.Apply(x[i], y[i])
				if turn := g.lon.Turn; turn > 0 { // longitudes come round
					u = math.Mod(math.Mod(u, turn)+turn, turn)
				}
				if !(u >= 0 && v >= 0 && u < float64(pixels) && v < float64(pixels)) {
					continue
				}
				touched++
				row, col := i/cols, i%cols
				if row < g.outline.Row || row >= g.outline.Row+g.outline.Height || col < g.outline.Col || col >= g.outline.Col+g.outline.Width {
					t.Fatalf("%s %v, %d pixels, on %s: cell (%d, %d) lies in the raster, not in its outline %v", c.raster, transform, pixels, c.grid, row, col, g.outline)
				}
			}
			if touched > 0 {
				lattices[len(points.x)]++
			}
		}
	}
	if few, many := lattices[25], lattices[289]; few < 100 || many < 100 {
		t.Errorf("%d outlines by 25 points and %d by 289 have cells: too few to say something", few, many)
	}
}
