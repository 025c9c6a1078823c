package region

import (
	"encoding/binary"
	"errors"
	"math"
)

var (
	errTruncated = errors.New("well-known binary ends early")
	errKind      = errors.New("well-known binary has an unknown geometry type")
	errDepth     = errors.New("well-known binary nests too deep")
)

// The geometry types of well-known binary.
const (
	wkbPoint = iota + 1
	wkbLineString
	wkbPolygon
	wkbMultiPoint
	wkbMultiLineString
	wkbMultiPolygon
	wkbCollection
)

const maxDepth = 8

// wkbReader reads ISO well-known binary and PostGIS' extended form, of two to four dimensions.
type wkbReader struct {
	rest  []byte
	order binary.ByteOrder
	extra int // ordinates after the first two
}

// parseWKB adds what the binary holds. Polygons that cross the antimeridian unsplit are continued
// beyond it.
func (g *geometry) parseWKB(data []byte) error {
	r := wkbReader{rest: data}
	return r.geometry(g, 0)
}

func (r *wkbReader) uint32() (uint32, error) {
	if len(r.rest) < 4 {
		return 0, errTruncated
	}
	v := r.order.Uint32(r.rest)
	r.rest = r.rest[4:]
	return v, nil
}

// header reads byte order, type and dimensions; it gives the type without them.
func (r *wkbReader) header() (uint32, error) {
	if len(r.rest) < 5 {
		return 0, errTruncated
	}
	r.order = binary.BigEndian
	if r.rest[0] == 1 {
		r.order = binary.LittleEndian
	}
	r.rest = r.rest[1:]
	kind, err := r.uint32()
	if err != nil {
		return 0, err
	}
	const flagZ, flagM, flagSRID = 1 << 31, 1 << 30, 1 << 29
	r.extra = 0
	if kind&flagZ != 0 {
		r.extra++
	}
	if kind&flagM != 0 {
		r.extra++
	}
	if kind&flagSRID != 0 {
		if _, err := r.uint32(); err != nil {
			return 0, err
		}
	}
	kind &^= flagZ | flagM | flagSRID
	switch kind / 1000 {
	case 1, 2:
		r.extra = 1
	case 3:
		r.extra = 2
	}
	return kind % 1000, nil
}

func (r *wkbReader) geometry(g *geometry, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	kind, err := r.header()
	if err != nil {
		return err
	}
	switch kind {
	case wkbPoint:
		return r.line(g, 1)
	case wkbLineString:
		n, err := r.uint32()
		if err != nil {
			return err
		}
		return r.line(g, n)
	case wkbPolygon:
		return r.polygon(g)
	case wkbMultiPoint, wkbMultiLineString, wkbMultiPolygon, wkbCollection:
		n, err := r.uint32()
		for ; err == nil && n > 0; n-- {
			err = r.geometry(g, depth+1)
		}
		return err
	}
	return errKind
}

// line reads n vertices as a line; one vertex is a point.
func (r *wkbReader) line(g *geometry, n uint32) error {
	ring, err := r.ring(g, n)
	if err != nil || len(ring) == 0 {
		return err
	}
	first := len(g.rings)
	g.rings = append(g.rings, ring)
	g.finish(first, false)
	return nil
}

func (r *wkbReader) polygon(g *geometry) error {
	n, err := r.uint32()
	if err != nil {
		return err
	}
	first, crosses := len(g.rings), false
	for i := uint32(0); i < n; i++ {
		count, err := r.uint32()
		if err != nil {
			return err
		}
		ring, err := r.ring(g, count)
		if err != nil {
			return err
		}
		if last := len(ring) - 1; last > 0 && ring[0] == ring[last] {
			ring = ring[:last]
		}
		if i == 0 {
			crosses = crossesAntimeridian(ring)
		}
		if crosses {
			ring = besideFirst(continued(ring), g.rings[first:])
		}
		if len(ring) > 0 {
			g.rings = append(g.rings, ring)
		}
	}
	if len(g.rings) > first {
		g.finish(first, true)
	}
	return nil
}

// besideFirst moves a hole by whole turns to where the outer ring was continued to.
func besideFirst(ring []Point, rings [][]Point) []Point {
	if len(rings) == 0 || len(ring) == 0 {
		return ring
	}
	turn := math.Round((rings[0][0][0]-ring[0][0])/360) * 360
	for i := range ring {
		ring[i][0] += turn
	}
	return ring
}

// ring reads n vertices; those that are not finite are left out.
func (r *wkbReader) ring(g *geometry, n uint32) ([]Point, error) {
	size := 16 + 8*r.extra
	if uint64(n)*uint64(size) > uint64(len(r.rest)) {
		return nil, errTruncated
	}
	start := len(g.points)
	for i := uint32(0); i < n; i++ {
		x := math.Float64frombits(r.order.Uint64(r.rest))
		y := math.Float64frombits(r.order.Uint64(r.rest[8:]))
		r.rest = r.rest[size:]
		if math.Abs(x) <= math.MaxFloat64 && math.Abs(y) <= math.MaxFloat64 {
			g.points = append(g.points, Point{x, y})
		}
	}
	// The capacity is cut: closing a ring over a pole must not overwrite the next one.
	return g.points[start:len(g.points):len(g.points)], nil
}
