package region

import (
	"math/rand/v2"
	"testing"

	"github.com/peterstace/simplefeatures/geom"
)

// TestInner: whatever lies in the inner rectangle touches the region, by another library's reckoning.
func TestInner(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	found := 0
	for range 2000 {
		a := wkt(t, star(r, r.IntN(2) == 0))
		if a.Validate() != nil {
			continue
		}
		region, err := FromGeometry(a)
		if err != nil {
			t.Fatal(err)
		}
		box, ok := region.Inner()
		if !ok {
			continue
		}
		found++
		b := wkt(t, rectangle(box[0], box[1], box[2], box[3]))
		if within, err := geom.CoveredBy(b, a); err != nil || !within {
			t.Fatalf("%s does not hold %v (%v)", a.AsText(), box, err)
		}
	}
	if found < 1000 {
		t.Fatalf("an inner rectangle in %d of 2000", found)
	}
}

func TestInnerOfOutlines(t *testing.T) {
	area := func(b [4]float64) float64 { return (b[2] - b[0]) * (b[3] - b[1]) }
	for name, c := range map[string]struct {
		ring []Point
		want float64 // least share of the bounds' area; 0: there is none
	}{
		"a grid of a UTM zone": {[]Point{{15, 48}, {21.9, 47.7}, {22.3, 52.2}, {15, 52.5}}, 0.75},
		"a diamond":            {[]Point{{0, -10}, {10, 0}, {0, 10}, {-10, 0}}, 0.24},
		"across 180 degrees":   {[]Point{{179, 0}, {-179, 0}, {-179, 1}, {179, 1}}, 0},
		"a sliver":             {[]Point{{0, 0}, {10, 10}, {10, 10.0001}, {0, 0.0001}}, 0},
		"no area":              {[]Point{{0, 0}, {10, 0}, {5, 0}}, 0},
	} {
		region, err := FromRings([][]Point{c.ring})
		if err != nil {
			t.Fatal(err)
		}
		box, ok := region.Inner()
		if ok != (c.want > 0) {
			t.Errorf("%s: %v, %v", name, box, ok)
		} else if ok && area(box) < c.want*area(region.Bounds()[0]) {
			t.Errorf("%s: %v is less than %v of %v", name, box, c.want, region.Bounds()[0])
		}
	}
}
