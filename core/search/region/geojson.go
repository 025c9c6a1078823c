package region

import (
	"encoding/json"

	"cogweave/core"

	"github.com/peterstace/simplefeatures/geom"
)

// maxGeoJSON bounds the text of a query geometry, in bytes.
const maxGeoJSON = 64 << 20

// FromGeoJSON makes a region of a GeoJSON geometry, Feature or FeatureCollection in longitude and
// latitude. Polygons may cross the antimeridian unsplit.
func FromGeoJSON(text []byte) (*Region, error) {
	if len(text) > maxGeoJSON {
		return nil, core.Errorf(core.InvalidArgument, "Intersects", "intersects: geometry of %d bytes is too large", len(text))
	}
	r := newRegion()
	if err := r.addGeoJSON(text, 0); err != nil {
		return nil, err
	}
	return r, r.check()
}

// FromGeometry makes a region of a geometry in longitude and latitude.
func FromGeometry(g geom.Geometry) (*Region, error) {
	r := newRegion()
	if err := r.shape.parseWKB(g.AsBinary()); err != nil {
		return nil, core.Errorf(core.InvalidArgument, "Intersects", "geometry cannot be used: %w", err)
	}
	return r, r.check()
}

func (r *Region) check() error {
	b := r.shape.bounds
	switch {
	case r.shape.empty():
		return core.Errorf(core.InvalidArgument, "Intersects", "intersects: geometry is empty")
	case b[0] < -720 || b[2] > 720 || b[1] < -90.001 || b[3] > 90.001:
		return core.Errorf(core.InvalidArgument, "Intersects",
			"intersects: geometry with the bounds %v is not in degrees of longitude and latitude", b)
	}
	return nil
}

func (r *Region) addGeoJSON(text []byte, depth int) error {
	var outer struct {
		Type     string            `json:"type"`
		Geometry json.RawMessage   `json:"geometry"`
		Features []json.RawMessage `json:"features"`
	}
	if err := json.Unmarshal(text, &outer); err != nil {
		return core.Errorf(core.InvalidArgument, "Intersects", "intersects is not GeoJSON: %w", err)
	}
	switch {
	case outer.Type == "FeatureCollection" && depth == 0:
		for _, feature := range outer.Features {
			if err := r.addGeoJSON(feature, depth+1); err != nil {
				return err
			}
		}
		return nil
	case outer.Type == "Feature" && depth <= 1:
		return r.addGeoJSON(outer.Geometry, depth+2)
	}
	g, err := geom.UnmarshalGeoJSON(text, geom.NoValidate{})
	if err != nil {
		return core.Errorf(core.InvalidArgument, "Intersects", "intersects is not a GeoJSON geometry: %w", err)
	}
	if err := r.shape.parseWKB(g.AsBinary()); err != nil {
		return core.Errorf(core.InvalidArgument, "Intersects", "intersects cannot be used: %w", err)
	}
	return nil
}
