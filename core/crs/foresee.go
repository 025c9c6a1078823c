package crs

import (
	"math"

	"cogweave/core"
)

// Foresee makes, in the background, the transforms that planning on a grid is likely to want: most archives lie in the
// UTM zone of the place. PROJ takes 5 ms for the first of them, during which a search waits for DuckDB anyhow.
//
// ring is that of the grid's extent, as Ring gives it. Whatever goes wrong is left for planning to meet.
func Foresee(definition string, ring [][2]float64) {
	zone := zoneOf(ring)
	if zone == "" {
		return
	}
	core.Go(func() {
		var p Projection
		if p.Same(definition, zone) {
			return
		}
		_, _ = p.Transformer(definition, zone)
		_, _ = p.Transformer(zone, definition)
		_, _ = p.Transformer(zone, "EPSG:4326")
	}, func(error) {})
}

// zoneOf is the UTM zone of a ring's middle; "" where it lies too far north or south, or reaches over several zones.
func zoneOf(ring [][2]float64) string {
	if len(ring) == 0 {
		return ""
	}
	west, south, east, north := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, p := range ring {
		west, east = math.Min(west, p[0]), math.Max(east, p[0])
		south, north = math.Min(south, p[1]), math.Max(north, p[1])
	}
	lon, lat := (west+east)/2, (south+north)/2
	if !(east-west < 6) || lat < -80 || lat > 84 {
		return ""
	}
	zone := 1 + (int(math.Floor((lon+180)/6))%60+60)%60
	if lat < 0 {
		return EPSG(32700 + zone)
	}
	return EPSG(32600 + zone)
}
