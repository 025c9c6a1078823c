package crs

import (
	"math"
	"math/rand/v2"
	"testing"
)

// places are points of the zone that a code is for, or of all that it maps, in degrees.
func places(code int) (lon, lat []float64) {
	rng := rand.New(rand.NewPCG(uint64(code), 1))
	for range 50 {
		lon, lat = append(lon, 360*rng.Float64()-180), append(lat, 160*rng.Float64()-80)
		if zone := code % 100; code > 32600 {
			lon[len(lon)-1] = float64(6*zone-183) + 12*rng.Float64() - 6
		}
	}
	return lon, lat
}

// TestFormulasAreWhatTheDatabaseChooses compares every code with degrees, with its neighbours and with Web Mercator.
func TestFormulasAreWhatTheDatabaseChooses(t *testing.T) {
	codes := []int{4326, 3857}
	for zone := 1; zone <= 60; zone++ {
		codes = append(codes, 32600+zone, 32700+zone)
	}
	for i, code := range codes {
		s, err := parse(EPSG(code))
		if err != nil {
			t.Fatal(err)
		}
		var looked *system
		withDatabase(func() { looked, err = read(EPSG(code)) })
		if err != nil || looked.key() != s.key() || looked.geographic != s.geographic {
			t.Errorf("%d: %+v, in the database %+v, %v", code, s, looked, err)
		}
		for _, other := range []int{4326, 3857, codes[(i+2)%len(codes)]} {
			if other == code {
				continue
			}
			lon, lat := places(code)
			if code != 4326 {
				newFormula("EPSG:4326", EPSG(code)).apply(lon, lat)
			}
			sameOperation(t, EPSG(code), EPSG(other), lon, lat)
		}
	}
}

func sameOperation(t *testing.T, src, dst string, x, y []float64) {
	t.Helper()
	known := newFormula(src, dst)
	if known == nil {
		t.Fatalf("no formula from %s to %s", src, dst)
	}
	tr := &transformer{src: src, dst: dst}
	var looked operation
	var err error
	withDatabase(func() { looked, err = tr.choose() })
	if err != nil {
		t.Fatal(err)
	}
	tolerance := 0.0
	if src == "EPSG:3857" && dst == "EPSG:4326" {
		tolerance = 1e-13 // degrees: GDAL has a formula of its own, whose last bits differ
	}
	same := func(a, b float64) bool {
		return math.Abs(a-b) <= tolerance || a == b || notMapped(a) && notMapped(b)
	}
	gotX, gotY := append([]float64{}, x...), append([]float64{}, y...)
	wantX, wantY := append([]float64{}, x...), append([]float64{}, y...)
	known.apply(gotX, gotY)
	looked.apply(wantX, wantY)
	for i := range x {
		if !same(gotX[i], wantX[i]) || !same(gotY[i], wantY[i]) {
			t.Errorf("%s to %s of (%v, %v): (%v, %v), by the database (%v, %v)", src, dst, x[i], y[i], gotX[i], gotY[i], wantX[i], wantY[i])
			return
		}
	}
}

func notMapped(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

func TestAFormulaGoesOnAfterAPointThatItCannotMap(t *testing.T) {
	x, y := []float64{math.NaN(), 1e30, 500_000, math.Inf(1), 500_000}, []float64{0, 1e30, 5e6, 0, 5e6}
	transform(t, "EPSG:32632", "EPSG:3857").Transform(x, y)
	for i, bad := range []bool{true, true, false, true, false} {
		if math.IsNaN(x[i]) != bad || math.IsNaN(y[i]) != bad {
			t.Errorf("point %d: (%v, %v)", i, x[i], y[i])
		}
	}
	if x[2] != x[4] || y[2] != y[4] {
		t.Error("the same point is in two places")
	}
}

func TestWhatHasNoFormula(t *testing.T) {
	for _, code := range []string{"", "EPSG:", "EPSG:32600", "EPSG:32661", "EPSG:32761", "EPSG:032601", "EPSG:+3857", "epsg:3857", "EPSG:3035", "OGC:CRS84"} {
		if s := stepTo(code); s != "" {
			t.Errorf("%q: %s", code, s)
		}
	}
}
