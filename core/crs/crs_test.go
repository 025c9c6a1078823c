package crs

import (
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"cogweave/core"
	"cogweave/core/cog"
)

func transform(t *testing.T, src, dst string) core.Transformer {
	t.Helper()
	tr, err := Projection{}.Transformer(src, dst)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestTransformUTM(t *testing.T) {
	tr := transform(t, "EPSG:4326", "EPSG:32633")
	// The central meridian of zone 33 lies at easting 500000 by definition.
	x, y := []float64{15, 15, 1e9}, []float64{0, 45, 1e9}
	tr.Transform(x, y)
	if math.Abs(x[0]-500000) > 1e-6 || math.Abs(y[0]) > 1e-6 || math.Abs(x[1]-500000) > 1e-6 {
		t.Errorf("got (%v, %v), (%v, %v)", x[0], y[0], x[1], y[1])
	}
	if !math.IsNaN(x[2]) || !math.IsNaN(y[2]) {
		t.Errorf("an impossible point gave (%v, %v)", x[2], y[2])
	}
}

func TestTransformConcurrently(t *testing.T) {
	tr := transform(t, "EPSG:32632", "EPSG:32633")
	wantX, wantY := []float64{600000}, []float64{5000000}
	tr.Transform(wantX, wantY)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				x, y := []float64{600000}, []float64{5000000}
				tr.Transform(x, y)
				if x[0] != wantX[0] || y[0] != wantY[0] {
					t.Errorf("got (%v, %v), want (%v, %v)", x[0], y[0], wantX[0], wantY[0])
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestUnknownCRS(t *testing.T) {
	for _, definition := range []string{"EPSG:0", "nonsense", "", strings.Repeat("x", 1<<20)} {
		if err := (Projection{}).Check(definition); core.ClassOf(err) != core.InvalidArgument {
			t.Errorf("%.20q: got %v", definition, err)
		}
	}
}

func TestSame(t *testing.T) {
	for _, code := range []string{"EPSG:32633", "EPSG:3035"} {
		var s *system
		var err error
		withDatabase(func() { s, err = read(code) })
		if err != nil {
			t.Fatal(err)
		}
		if !(Projection{}).Same(code, s.wkt) {
			t.Errorf("%s differs from its own WKT", code)
		}
	}
	if (Projection{}).Same("EPSG:32633", "EPSG:32632") {
		t.Error("two UTM zones are the same")
	}
}

func TestRingBulges(t *testing.T) {
	// lazycogs' benchmark area: an edge of 1,300 km rises well above the corners.
	ring, err := Ring("EPSG:5070", [4]float64{-700000, 2220000, 600000, 2930000})
	if err != nil {
		t.Fatal(err)
	}
	north := -90.0
	for _, p := range ring {
		north = max(north, p[1])
	}
	x, y := []float64{-700000, 600000, -96000}, []float64{2930000, 2930000, 2930000}
	transform(t, "EPSG:5070", "EPSG:4326").Transform(x, y)
	if corner := max(y[0], y[1]); north < corner+0.2 {
		t.Errorf("northernmost latitude %v, at the corners %v", north, corner)
	}
}

func TestCRSOfGeoKeys(t *testing.T) {
	// A Lambert azimuthal equal-area system without a code, centred at 10 E 52 N.
	g := &cog.Georef{
		Keys: []uint16{1, 1, 0, 8,
			1024, 0, 1, 1, 2048, 0, 1, 4326, 3072, 0, 1, 32767, 3074, 0, 1, 32767, 3075, 0, 1, 10, 3076, 0, 1, 9001,
			3088, 34736, 1, 0, 3089, 34736, 1, 1},
		Doubles: []float64{10, 52},
	}
	wkt, err := Projection{}.FromGeoref(g)
	if err != nil {
		t.Fatal(err)
	}
	x, y := []float64{10}, []float64{52}
	transform(t, "EPSG:4326", wkt).Transform(x, y)
	if math.Hypot(x[0], y[0]) > 1e-3 {
		t.Errorf("the centre maps to (%v, %v)", x[0], y[0])
	}
}

// TestACRSIsItself: a grid in degrees may go on beyond 180, and a box is its own outline, to the bit.
func TestACRSIsItself(t *testing.T) {
	for _, code := range []string{"EPSG:4326", "EPSG:32633", "EPSG:3035"} {
		x, y := []float64{182, 12, 29.3, 1e7}, []float64{-91, 0.1, 29.3, 1e7}
		transform(t, code, code).Transform(x, y)
		if !slices.Equal(x, []float64{182, 12, 29.3, 1e7}) || !slices.Equal(y, []float64{-91, 0.1, 29.3, 1e7}) {
			t.Errorf("%s to itself: %v, %v", code, x, y)
		}
	}
}
