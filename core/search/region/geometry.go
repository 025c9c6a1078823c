package region

import (
	"math"
	"sync"
)

// geometry is a set of points, lines and polygons. Its slices are reused from one footprint to the
// next, since a search may read millions.
type geometry struct {
	parts  []part
	rings  [][]Point // rings of all parts; each part owns a run of them
	points []Point   // vertices of all rings
	bounds [4]float64
}

// part is one point (a ring of one vertex), line or polygon (rings are closed implicitly: the last
// vertex is not the first one again).
type part struct {
	first, last int // rings[first:last]; the first is the outer one
	polygon     bool
	bounds      [4]float64
}

var nowhere = [4]float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}

var pool = sync.Pool{New: func() any { return new(geometry) }}

func borrow() *geometry {
	g := pool.Get().(*geometry)
	g.parts, g.rings, g.points, g.bounds = g.parts[:0], g.rings[:0], g.points[:0], nowhere
	return g
}

func giveBack(g *geometry) {
	const large = 1 << 16 // vertices; an outlier's memory is not kept
	if cap(g.points) <= large {
		pool.Put(g)
	}
}

func (g *geometry) empty() bool { return len(g.parts) == 0 }

// addPolygon adds a polygon whose rings are already in place: no wrapping, no closing vertex.
func (g *geometry) addPolygon(rings [][]Point) {
	first := len(g.rings)
	g.rings = append(g.rings, rings...)
	g.finish(first, true)
}

// finish makes a part of the rings from first on, and widens the bounds.
func (g *geometry) finish(first int, polygon bool) {
	p := part{first: first, last: len(g.rings), polygon: polygon, bounds: nowhere}
	for _, ring := range g.rings[first:] {
		for _, v := range ring {
			p.bounds = [4]float64{min(p.bounds[0], v[0]), min(p.bounds[1], v[1]), max(p.bounds[2], v[0]), max(p.bounds[3], v[1])}
		}
	}
	g.parts = append(g.parts, p)
	b, q := &g.bounds, &p.bounds
	g.bounds = [4]float64{min(b[0], q[0]), min(b[1], q[1]), max(b[2], q[2]), max(b[3], q[3])}
}

// shift moves the geometry by degrees of longitude, in place.
func (g *geometry) shift(degrees float64) {
	g.bounds[0] += degrees
	g.bounds[2] += degrees
	for i := range g.parts {
		g.parts[i].bounds[0] += degrees
		g.parts[i].bounds[2] += degrees
	}
	for _, ring := range g.rings {
		for i := range ring {
			ring[i][0] += degrees
		}
	}
}

// unwrap gives the ring without its closing vertex and without vertices that are not finite, its
// longitudes continued across the antimeridian. A ring that goes once round a pole is closed over it.
func unwrap(ring []Point) []Point {
	out := make([]Point, 0, len(ring)+3)
	for _, p := range ring {
		if !math.IsNaN(p[0]+p[1]) && !math.IsInf(p[0]+p[1], 0) {
			out = append(out, p)
		}
	}
	if n := len(out); n > 1 && out[0] == out[n-1] {
		out = out[:n-1]
	}
	return continued(out)
}

// continued adds whole turns to longitudes so that neighbours are at most 180 degrees apart.
func continued(ring []Point) []Point {
	if len(ring) < 3 {
		return ring
	}
	turn, latitudes := 0.0, 0.0
	previous := ring[0][0]
	for i, p := range ring {
		turn += turnBetween(previous, p[0])
		previous = p[0]
		ring[i][0] += turn
		latitudes += p[1]
	}
	turn += turnBetween(previous, ring[0][0])
	if turn == 0 {
		return ring
	}
	// The ring ends a turn away from where it began: it holds a pole.
	pole := math.Copysign(90, latitudes)
	start, end := ring[0], Point{ring[0][0] + turn, ring[0][1]}
	return append(ring, end, Point{end[0], pole}, Point{start[0], pole})
}

// turnBetween is the turn to add when going from one longitude to the next.
func turnBetween(from, to float64) float64 {
	switch d := to - from; {
	case d > 180:
		return -360
	case d < -180:
		return 360
	}
	return 0
}

// crossesAntimeridian tells a footprint that was not split at 180 degrees from one that really spans
// the globe: both jump by more than 180 degrees between neighbouring vertices. The first is narrow
// once continued; a global one is a rectangle of meridians and parallels.
func crossesAntimeridian(ring []Point) bool {
	jumps, rectangular := false, true
	turn := 0.0
	box := nowhere
	for i, p := range ring {
		next := ring[(i+1)%len(ring)]
		x := p[0] + turn
		box = [4]float64{min(box[0], x), min(box[1], p[1]), max(box[2], x), max(box[3], p[1])}
		step := turnBetween(p[0], next[0])
		turn += step
		jumps = jumps || step != 0
		rectangular = rectangular && (p[0] == next[0] || p[1] == next[1])
	}
	// A ring along one parallel is no rectangle but the edge of a polar cap.
	if !jumps || (rectangular && box[1] < box[3]) {
		return false
	}
	// A pole inside: the ring ends a turn away.
	return turn != 0 || (box[2] > box[0] && box[2]-box[0] < 180)
}
