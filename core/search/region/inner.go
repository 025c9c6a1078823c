package region

// mostVertices is the size of a region, in vertices, after which no inner rectangle is looked for.
const mostVertices = 10_000

// Inner gives a rectangle (minx, miny, maxx, maxy) that lies in the region, within -180 and 180: what lies in it need
// not be tested. It is the region itself where that was made of a box, else a large one, though seldom the largest.
func (r *Region) Inner() (box [4]float64, ok bool) {
	if r.rect != nil {
		return *r.rect, true
	}
	if len(r.shape.parts) == 0 {
		return box, false
	}
	p := r.shape.widest()
	rings, vertices := r.shape.rings[p.first:p.last], 0
	for _, ring := range rings {
		vertices += len(ring)
	}
	bounds := p.bounds
	if !p.polygon || vertices > mostVertices || bounds[0] < -180 || bounds[2] > 180 {
		return box, false
	}
	x, y := (bounds[0]+bounds[2])/2, (bounds[1]+bounds[3])/2
	towards := func(share float64) [4]float64 {
		return [4]float64{x + (bounds[0]-x)*share, y + (bounds[1]-y)*share, x + (bounds[2]-x)*share, y + (bounds[3]-y)*share}
	}
	share := largest(func(share float64) bool { return holdsBox(rings, towards(share)) })
	if share == 0 {
		return box, false
	}
	box = towards(share)
	for side := range box { // each as far as it goes alone
		start, widened := box[side], box
		at := func(share float64) float64 { return start + (bounds[side]-start)*share }
		share := largest(func(share float64) bool {
			widened[side] = at(share)
			return holdsBox(rings, widened)
		})
		box[side] = at(share)
	}
	return box, true
}

// widest is the part with the largest bounds.
func (g *geometry) widest() *part {
	best := &g.parts[0]
	for i := range g.parts {
		if p := &g.parts[i]; p.area() > best.area() {
			best = p
		}
	}
	return best
}

func (p *part) area() float64 { return (p.bounds[2] - p.bounds[0]) * (p.bounds[3] - p.bounds[1]) }

// largest halves the way between 0 and 1 ten times, and gives the largest number found for which fits holds, or 0.
func largest(fits func(share float64) bool) float64 {
	low, high := 0.0, 1.0
	for range 10 {
		if middle := (low + high) / 2; fits(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// holdsBox tells whether a box lies in the inside of a polygon: no boundary meets it, no hole lies in it.
func holdsBox(rings [][]Point, box [4]float64) bool {
	var g geometry
	g.addPolygon([][]Point{{{box[0], box[1]}, {box[2], box[1]}, {box[2], box[3]}, {box[0], box[3]}}})
	for _, ring := range rings {
		if ringMeets(ring, true, &g, &g.parts[0]) || covers(g.rings, ring[0]) {
			return false
		}
	}
	return covers(rings, Point{box[0], box[1]})
}
