package region

import "math/big"

// intersects tells whether two geometries have a point in common; boundaries belong to them.
func intersects(a, b *geometry) bool {
	if apart(a.bounds, b.bounds) {
		return false
	}
	for i := range a.parts {
		for j := range b.parts {
			if !apart(a.parts[i].bounds, b.parts[j].bounds) && partsIntersect(a, &a.parts[i], b, &b.parts[j]) {
				return true
			}
		}
	}
	return false
}

func apart(a, b [4]float64) bool {
	return a[0] > b[2] || b[0] > a[2] || a[1] > b[3] || b[1] > a[3]
}

// partsIntersect: either boundaries meet, or one part lies wholly inside the other.
func partsIntersect(a *geometry, p *part, b *geometry, q *part) bool {
	for _, ring := range a.rings[p.first:p.last] {
		if ringMeets(ring, p.polygon, b, q) {
			return true
		}
	}
	return (q.polygon && covers(b.rings[q.first:q.last], a.rings[p.first][0])) ||
		(p.polygon && covers(a.rings[p.first:p.last], b.rings[q.first][0]))
}

// ringMeets tests each edge of a ring against the edges of a part.
func ringMeets(ring []Point, closed bool, b *geometry, q *part) bool {
	for i, n := 0, edges(ring, closed); i < n; i++ {
		u, v := edge(ring, i)
		box := edgeBounds(u, v)
		if apart(box, q.bounds) {
			continue
		}
		for _, other := range b.rings[q.first:q.last] {
			for j, m := 0, edges(other, q.polygon); j < m; j++ {
				s, t := edge(other, j)
				if !apart(box, edgeBounds(s, t)) && segmentsMeet(u, v, s, t) {
					return true
				}
			}
		}
	}
	return false
}

// edges is the number of edges; a single vertex counts as one edge of no length.
func edges(ring []Point, closed bool) int {
	if closed || len(ring) == 1 {
		return len(ring)
	}
	return len(ring) - 1
}

func edge(ring []Point, i int) (u, v Point) {
	if i+1 < len(ring) {
		return ring[i], ring[i+1]
	}
	return ring[i], ring[0]
}

func edgeBounds(u, v Point) [4]float64 {
	return [4]float64{min(u[0], v[0]), min(u[1], v[1]), max(u[0], v[0]), max(u[1], v[1])}
}

// segmentsMeet tells whether two closed segments, whose bounds overlap, have a common point.
func segmentsMeet(a, b, c, d Point) bool {
	d1, d2 := orientation(c, d, a), orientation(c, d, b)
	if d1 == d2 && d1 != 0 {
		return false
	}
	d3, d4 := orientation(a, b, c), orientation(a, b, d)
	if d3 == d4 && d3 != 0 {
		return false
	}
	// The lines cross within both segments; or all lie on one line, and overlapping bounds overlap.
	return true
}

// covers tells whether a point lies in a polygon or on its boundary.
func covers(rings [][]Point, p Point) bool {
	for i, ring := range rings {
		inside, onEdge := locate(ring, p)
		if onEdge {
			return true
		}
		if inside != (i == 0) {
			return false
		}
	}
	return true
}

// locate counts the edges to the east of a point.
func locate(ring []Point, p Point) (inside, onEdge bool) {
	for i := range ring {
		u, v := edge(ring, i)
		if (u[1] > p[1]) == (v[1] > p[1]) {
			// The edge does not cross the point's parallel; it may lie on it.
			if u[1] == p[1] && v[1] == p[1] && min(u[0], v[0]) <= p[0] && p[0] <= max(u[0], v[0]) {
				return false, true
			}
			if u == p || v == p {
				return false, true
			}
			continue
		}
		side := orientation(u, v, p)
		if side == 0 {
			return false, true
		}
		if (side > 0) == (v[1] > u[1]) {
			inside = !inside
		}
	}
	return inside, false
}

// orientation is the sign of the area of the triangle a, b, c: 1 when it turns left, -1 right, 0 when
// the points lie on a line, which is decided without rounding.
func orientation(a, b, c Point) int {
	left := float64((a[0] - c[0]) * (b[1] - c[1]))
	right := float64((a[1] - c[1]) * (b[0] - c[0]))
	det := left - right
	// The bound of Shewchuk's adaptive predicate: beyond it rounding cannot have changed the sign.
	const bound = 3.3306690738754716e-16
	sum := abs(left) + abs(right)
	switch {
	case det > bound*sum:
		return 1
	case -det > bound*sum:
		return -1
	case sum == 0:
		return 0
	}
	return exactOrientation(a, b, c)
}

func exactOrientation(a, b, c Point) int {
	diff := func(x, y float64) *big.Rat {
		r := new(big.Rat).SetFloat64(x)
		return r.Sub(r, new(big.Rat).SetFloat64(y))
	}
	left := diff(a[0], c[0])
	left.Mul(left, diff(b[1], c[1]))
	right := diff(a[1], c[1])
	right.Mul(right, diff(b[0], c[0]))
	return left.Cmp(right)
}

func abs(x float64) float64 {
	if x < 0 {
		return -x
	}
	return x
}
