// Package region tests STAC footprints against the region of a query: exactly, in longitude and
// latitude, with edges that are straight in those coordinates (as GeoJSON defines them), and around
// the antimeridian and the poles.
package region

import (
	"fmt"
	"math"

	"cogweave/core"
)

// Point is a longitude and a latitude in degrees.
type Point = [2]float64

// Region is the part of the Earth that a query asks for. It is immutable and safe for concurrent use.
type Region struct {
	shape geometry
	// rect is the region itself where it is one rectangle that stays within -180 and 180.
	rect *[4]float64
}

// Key is equal for regions of the same rings.
func (r *Region) Key() string { return fmt.Sprint(r.shape.rings) }

func newRegion() *Region { return &Region{shape: geometry{bounds: nowhere}} }

// FromBBox makes a region of (minx, miny, maxx, maxy) in degrees. A box whose minx is greater than its
// maxx crosses the antimeridian.
func FromBBox(box [4]float64) (*Region, error) {
	for _, v := range box {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, core.Errorf(core.InvalidArgument, "BBox", "bbox %v has a value that is not finite", box)
		}
	}
	if box[1] > box[3] {
		return nil, core.Errorf(core.InvalidArgument, "BBox", "bbox %v is reversed: miny is greater than maxy", box)
	}
	if box[0] < -360 || box[2] > 360 || box[0] > 360 || box[2] < -360 || box[1] < -90.001 || box[3] > 90.001 {
		return nil, core.Errorf(core.InvalidArgument, "BBox",
			"bbox %v is not in degrees of longitude and latitude: is its CRS another one?", box)
	}
	if box[0] > box[2] {
		box[2] += 360
	}
	if box[2]-box[0] >= 360 {
		box[0], box[2] = -180, 180
	}
	r := newRegion()
	r.shape.addPolygon([][]Point{{{box[0], box[1]}, {box[2], box[1]}, {box[2], box[3]}, {box[0], box[3]}}})
	if box[0] >= -180 && box[2] <= 180 {
		r.rect = &box
	}
	return r, nil
}

// FromRings makes a region of polygons without holes, each given by its outer ring (closed or not). A
// ring may cross the antimeridian or go round a pole: neighbouring vertices are taken to be less than
// 180 degrees of longitude apart.
func FromRings(rings [][]Point) (*Region, error) {
	r := newRegion()
	for _, ring := range rings {
		for _, p := range ring {
			if math.IsNaN(p[0]+p[1]) || math.IsInf(p[0]+p[1], 0) || math.Abs(p[1]) > 90.001 {
				return nil, core.Errorf(core.InvalidArgument, "Outline", "outline has the vertex %v, which is no longitude and latitude", p)
			}
		}
		if ring = unwrap(ring); len(ring) >= 3 {
			r.shape.addPolygon([][]Point{ring})
		}
	}
	if r.shape.empty() {
		return nil, core.Errorf(core.InvalidArgument, "Outline", "outline has no ring of three vertices")
	}
	return r, nil
}

// Bounds gives at most two boxes (minx, miny, maxx, maxy) within -180 and 180 that hold the region.
func (r *Region) Bounds() [][4]float64 {
	b := r.shape.bounds
	var boxes [][4]float64
	for turn := -720.0; turn <= 720; turn += 360 {
		west, east := max(b[0]+turn, -180), min(b[2]+turn, 180)
		// A box that only touches 180 degrees from beyond lies on the other side.
		if west < east || (west == east && (turn == 0 || b[0] == b[2])) {
			boxes = append(boxes, [4]float64{west, b[1], east, b[3]})
		}
	}
	switch {
	case len(boxes) > 2 || (len(boxes) == 2 && boxes[0][0] <= boxes[1][2] && boxes[1][0] <= boxes[0][2]):
		return [][4]float64{{-180, b[1], 180, b[3]}}
	}
	return boxes
}

// TouchesWKB tells whether a footprint, in well-known binary, has a point in common with the region.
// A footprint that is empty or cannot be read counts as touching: the raster's own outline decides
// then.
func (r *Region) TouchesWKB(wkb []byte) bool {
	g := borrow()
	defer giveBack(g)
	if err := g.parseWKB(wkb); err != nil || g.empty() {
		return true
	}
	return r.touches(g)
}

// touches tests the footprint where it is and one turn to either side.
func (r *Region) touches(g *geometry) bool {
	if intersects(&r.shape, g) {
		return true
	}
	for _, turn := range [...]float64{-360, 360} {
		west := max(g.bounds[0]+turn, r.shape.bounds[0])
		east := min(g.bounds[2]+turn, r.shape.bounds[2])
		// Two neighbours at 180 degrees that merely touch are not made to meet.
		touching := west == east && g.bounds[0] < g.bounds[2] && r.shape.bounds[0] < r.shape.bounds[2]
		if west > east || touching {
			continue
		}
		g.shift(turn)
		hit := intersects(&r.shape, g)
		g.shift(-turn)
		if hit {
			return true
		}
	}
	return false
}

// BoundsWKB gives the bounds (minx, miny, maxx, maxy) of a footprint in well-known binary; minx is
// greater than maxx where it crosses the antimeridian. ok is false where it is empty or unreadable.
func BoundsWKB(wkb []byte) (box [4]float64, ok bool) {
	g := borrow()
	defer giveBack(g)
	if err := g.parseWKB(wkb); err != nil || g.empty() {
		return box, false
	}
	box = g.bounds
	switch {
	case box[2]-box[0] >= 360:
		box[0], box[2] = -180, 180
	case box[2] > 180 && box[0] < 180:
		box[2] -= 360
	case box[0] < -180 && box[2] > -180:
		box[0] += 360
	}
	return box, true
}
