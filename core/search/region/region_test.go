package region

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/peterstace/simplefeatures/geom"
)

// wkt makes the footprint that a text names.
func wkt(t testing.TB, text string) geom.Geometry {
	t.Helper()
	g, err := geom.UnmarshalWKT(text, geom.NoValidate{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return g
}

func rectangle(x0, y0, x1, y1 float64) string {
	return fmt.Sprintf("POLYGON((%g %g,%g %g,%g %g,%g %g,%g %g))", x0, y0, x1, y0, x1, y1, x0, y1, x0, y0)
}

func TestTouches(t *testing.T) {
	box := func(b ...float64) *Region {
		r, err := FromBBox([4]float64(b))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	ring := func(points ...Point) *Region {
		r, err := FromRings([][]Point{points})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	fiji := box(178, -20, -178, -15)
	arctic := ring(Point{-135, 80}, Point{-45, 80}, Point{45, 80}, Point{135, 80})
	cases := []struct {
		name   string
		region *Region
		wkt    string
		want   bool
	}{
		{"inside", box(0, 0, 10, 10), rectangle(2, 2, 3, 3), true},
		{"around", box(2, 2, 3, 3), rectangle(0, 0, 10, 10), true},
		{"in the hole", box(4, 4, 5, 5), "POLYGON((0 0,10 0,10 10,0 10,0 0),(1 1,9 1,9 9,1 9,1 1))", false},
		{"across the hole's edge", box(4, 4, 9.5, 5), "POLYGON((0 0,10 0,10 10,0 10,0 0),(1 1,9 1,9 9,1 9,1 1))", true},
		{"bounds overlap, shapes do not", box(0, 0, 4, 4), "POLYGON((5 0,9 0,9 9,0 9,0 8,5 5,5 0))", false},
		{"common edge", box(0, 0, 1, 1), rectangle(1, 0, 2, 1), true},
		{"common corner", box(0, 0, 1, 1), rectangle(1, 1, 2, 2), true},
		{"apart", box(0, 0, 1, 1), rectangle(1.0000001, 0, 2, 1), false},
		{"one of many", box(0, 0, 1, 1), "MULTIPOLYGON(((5 5,6 5,6 6,5 5)),((0.5 0.5,0.6 0.5,0.6 0.6,0.5 0.5)))", true},
		{"point inside", box(0, 0, 1, 1), "POINT(0.5 0.5)", true},
		{"point outside", box(0, 0, 1, 1), "POINT(1.5 0.5)", false},
		{"line through", box(0, 0, 1, 1), "LINESTRING(-1 0.5,2 0.5)", true},
		{"line past", box(0, 0, 1, 1), "LINESTRING(-1 1.5,2 1.5)", false},
		{"heights ignored", box(0, 0, 1, 1), "POLYGON Z((0 0 9,1 0 9,1 1 9,0 0 9))", true},
		{"collection", box(0, 0, 1, 1), "GEOMETRYCOLLECTION(POINT(7 7),POINT(1 1))", true},
		{"empty counts as unknown", box(0, 0, 1, 1), "POLYGON EMPTY", true},

		{"split at 180, west part", fiji, "MULTIPOLYGON(((179 -18,180 -18,180 -17,179 -18)),((-180 -18,-179 -18,-180 -17,-180 -18)))", true},
		{"unsplit across 180", fiji, "POLYGON((179.5 -18,-179.5 -18.1,-179.6 -17,179.4 -17,179.5 -18))", true},
		{"unsplit is not the long way round", box(0, -20, 10, -15), "POLYGON((179.5 -18,-179.5 -18.1,-179.6 -17,179.4 -17,179.5 -18))", false},
		{"beyond 180", fiji, rectangle(181, -18, 181.5, -17), true},
		{"region given in 0..360", box(181, -20, 183, -15), rectangle(-178.5, -18, -178, -17), true},
		{"region crosses, footprint elsewhere", fiji, rectangle(0, -18, 1, -17), false},
		{"global footprint is no strip at 180", box(0, 0, 1, 1), rectangle(-180, -90, 180, 90), true},
		{"nearly global footprint", box(0, 0, 1, 1), rectangle(-179.9, -89, 179.9, 89), true},
		{"neighbours at 180 do not meet", box(-180, 0, -170, 10), rectangle(170, 0, 180, 10), false},
		{"a meridian is the same from both sides", box(180, 0, 180, 1), rectangle(-180, 0, -179, 1), true},

		{"pole in the region", arctic, "POINT(10 89)", true},
		{"south of the region", arctic, "POINT(10 70)", false},
		{"other pole", arctic, "POINT(10 -89)", false},
		{"pole in the footprint", box(100, 85, 101, 86), "POLYGON((-135 80,-45 80,45 80,135 80,-135 80))", true},
		{"region across 180 by its outline", ring(Point{179, 0}, Point{-179, 0}, Point{-179, 1}, Point{179, 1}), "POINT(-179.5 0.5)", true},
		{"region across 180, elsewhere", ring(Point{179, 0}, Point{-179, 0}, Point{-179, 1}, Point{179, 1}), "POINT(0 0.5)", false},
	}
	for _, c := range cases {
		if got := c.region.TouchesWKB(wkt(t, c.wkt).AsBinary()); got != c.want {
			t.Errorf("%s: touches = %v, want %v", c.name, got, c.want)
		}
	}
}

// star is a polygon around a centre, sometimes with a hole, its vertices on a coarse lattice half of
// the time so that edges and corners coincide.
func star(r *rand.Rand, snap bool) string {
	cx, cy, size := r.Float64()*20-10, r.Float64()*20-10, 0.5+r.Float64()*8
	n := 3 + r.IntN(9)
	ring := func(scale float64) string {
		text, first := "", ""
		for i := range n {
			angle := 2 * math.Pi * float64(i) / float64(n)
			radius := size * scale * (0.4 + 0.6*r.Float64())
			x, y := cx+radius*math.Cos(angle), cy+radius*math.Sin(angle)
			if snap {
				x, y = math.Round(x), math.Round(y)
			}
			vertex := fmt.Sprintf("%v %v", x, y)
			if i == 0 {
				first = vertex
			}
			text += vertex + ","
		}
		return "(" + text + first + ")"
	}
	if !snap && r.IntN(3) == 0 {
		return "POLYGON(" + ring(1) + "," + ring(0.35) + ")"
	}
	return "POLYGON(" + ring(1) + ")"
}

func TestTouchesAgreesWithAnotherLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	hits, compared := 0, 0
	for range 20000 {
		snap := r.IntN(2) == 0
		a, b := wkt(t, star(r, snap)), wkt(t, star(r, snap))
		if a.Validate() != nil || b.Validate() != nil {
			continue // outside the definition of an intersection
		}
		region, err := FromGeometry(a)
		if err != nil {
			t.Fatal(err)
		}
		want := geom.Intersects(a, b)
		if got := region.TouchesWKB(b.AsBinary()); got != want {
			t.Fatalf("%s\n%s\ntouches = %v, want %v", a.AsText(), b.AsText(), got, want)
		}
		compared++
		if want {
			hits++
		}
	}
	if compared < 10000 || hits < compared/5 || hits > compared*4/5 {
		t.Fatalf("%d of %d touch: the cases are lopsided", hits, compared)
	}
}

func TestOrientationIsExact(t *testing.T) {
	// Points on the diagonal, moved by one unit in the last place.
	a, b := Point{0.5, 0.5}, Point{12, 12}
	for i := range 64 {
		x := 0.5 + float64(i)*math.Pow(2, -53)
		if got := orientation(a, b, Point{x, x}); got != 0 {
			t.Fatalf("point %d on the line: %d", i, got)
		}
		if got := orientation(a, b, Point{math.Nextafter(x, 1), x}); got != -1 {
			t.Fatalf("point %d right of the line: %d", i, got)
		}
	}
}

func TestBadWKBIsKept(t *testing.T) {
	region, _ := FromBBox([4]float64{0, 0, 1, 1})
	whole := wkt(t, rectangle(50, 50, 51, 51)).AsBinary()
	if region.TouchesWKB(whole) {
		t.Fatal("the whole footprint must not touch")
	}
	for n := range len(whole) {
		if !region.TouchesWKB(whole[:n]) {
			t.Fatalf("cut to %d bytes: dropped", n)
		}
	}
	huge := append([]byte{1, 3, 0, 0, 0, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f}, whole...)
	if !region.TouchesWKB(huge) {
		t.Fatal("a ring of 2^31 vertices: dropped")
	}
	nested := []byte{}
	for range 10000 {
		nested = append(nested, 1, 7, 0, 0, 0, 1, 0, 0, 0)
	}
	if !region.TouchesWKB(nested) {
		t.Fatal("collections in collections: dropped")
	}
}

func TestBounds(t *testing.T) {
	cases := []struct {
		box  [4]float64
		want [][4]float64
	}{
		{[4]float64{0, 1, 2, 3}, [][4]float64{{0, 1, 2, 3}}},
		{[4]float64{170, 1, -170, 3}, [][4]float64{{-180, 1, -170, 3}, {170, 1, 180, 3}}},
		{[4]float64{190, 1, 200, 3}, [][4]float64{{-170, 1, -160, 3}}},
		{[4]float64{-180, -90, 180, 90}, [][4]float64{{-180, -90, 180, 90}}},
		{[4]float64{0, 1, 360, 3}, [][4]float64{{-180, 1, 180, 3}}},
		{[4]float64{170, 1, 180, 3}, [][4]float64{{170, 1, 180, 3}}},
	}
	for _, c := range cases {
		r, err := FromBBox(c.box)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Bounds(); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("bounds of %v: %v, want %v", c.box, got, c.want)
		}
	}
}

func TestRefused(t *testing.T) {
	nan := math.NaN()
	for _, box := range [][4]float64{{nan, 0, 1, 1}, {0, 1, 1, 0}, {0, 0, math.Inf(1), 1}, {600000, 5000000, 700000, 5100000}} {
		if _, err := FromBBox(box); err == nil {
			t.Errorf("bbox %v was accepted", box)
		}
	}
	for _, text := range []string{``, `{}`, `[]`, `{"type":"Polygon"}`, `{"type":"Polygon","coordinates":[]}`,
		`{"type":"Point","coordinates":[600000,5000000]}`, `{"type":"Feature","geometry":null}`,
		`{"type":"Polygon","coordinates":[[["a",1]]]}`} {
		if _, err := FromGeoJSON([]byte(text)); err == nil {
			t.Errorf("GeoJSON %q was accepted", text)
		}
	}
	if _, err := FromRings([][]Point{{{0, 0}, {1, 1}}}); err == nil {
		t.Error("a ring of two vertices was accepted")
	}
}

func TestGeoJSON(t *testing.T) {
	polygon := `{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1],[0,0]]]}`
	far := `{"type":"Point","coordinates":[50,50]}`
	for name, text := range map[string]string{
		"geometry":   polygon,
		"feature":    `{"type":"Feature","properties":{},"geometry":` + polygon + `}`,
		"features":   `{"type":"FeatureCollection","features":[{"type":"Feature","geometry":` + far + `},{"type":"Feature","geometry":` + polygon + `}]}`,
		"collection": `{"type":"GeometryCollection","geometries":[` + far + `,` + polygon + `]}`,
	} {
		r, err := FromGeoJSON([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !r.TouchesWKB(wkt(t, "POINT(0.5 0.5)").AsBinary()) || r.TouchesWKB(wkt(t, "POINT(2 2)").AsBinary()) {
			t.Errorf("%s: wrong region", name)
		}
	}
}

func TestBoundsWKB(t *testing.T) {
	for text, want := range map[string][4]float64{
		"POLYGON((1 2,3 2,3 4,1 4,1 2))":                      {1, 2, 3, 4},
		"POINT Z(5 6 7)":                                      {5, 6, 5, 6},
		"POLYGON((179 -18,-179 -18.1,-179.1 -17,179 -18))":    {179, -18.1, -179, -17},
		"POLYGON((179 -18,181 -18,181 -17,179 -18))":          {179, -18, -179, -17},
		"POLYGON((-135 80,-45 80,45 80,135 80,-135 80))":      {-180, 80, 180, 90},
		"POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))": {-180, -90, 180, 90},
	} {
		if got, ok := BoundsWKB(wkt(t, text).AsBinary()); !ok || got != want {
			t.Errorf("%s: %v, %v", text, got, ok)
		}
	}
	if _, ok := BoundsWKB(nil); ok {
		t.Error("nothing has bounds")
	}
}

func FuzzTouchesWKB(f *testing.F) {
	for _, text := range []string{"POLYGON((179 -18,-179 -18.1,-179.1 -17,179 -18),(179.5 -17.9,-179.5 -17.9,180 -17.5,179.5 -17.9))",
		"GEOMETRYCOLLECTION(POINT ZM(1 2 3 4),MULTILINESTRING((0 0,1 1),(2 2,3 3)))", "MULTIPOLYGON(((-135 80,-45 80,45 80,135 80,-135 80)))"} {
		f.Add(wkt(f, text).AsBinary())
	}
	region, err := FromRings([][]Point{{{170, -20}, {-170, -20}, {-170, 85}, {170, 85}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, wkb []byte) {
		before := append([]byte{}, wkb...)
		first := region.TouchesWKB(wkb)
		if region.TouchesWKB(wkb) != first || string(before) != string(wkb) {
			t.Errorf("%x: the answer or the footprint changed", before)
		}
		BoundsWKB(wkb)
	})
}

func BenchmarkTouchesWKB(b *testing.B) {
	region, _ := FromBBox([4]float64{0, 0, 10, 10})
	footprint := wkt(b, "POLYGON((9 9,11 9.1,11.2 11,9.1 11,9 9))").AsBinary()
	b.ReportAllocs()
	for b.Loop() {
		region.TouchesWKB(footprint)
	}
}
