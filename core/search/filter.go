package search

import (
	"context"
	"encoding/json"
	"fmt"

	"cogweave/core"
	"cogweave/core/search/cql2"
	"cogweave/core/search/region"

	"github.com/peterstace/simplefeatures/geom"
)

// filter compiles a CQL2 filter for the source.
func (d *database) filter(ctx context.Context, filter json.RawMessage, s *statement) (expression, error) {
	tree, err := cql2.Parse(filter)
	if err != nil {
		return expression{}, err
	}
	s.joined = s.joined || cql2.Joins(tree)
	sql, args, err := cql2.Compile(tree, &filterSource{ctx, d, s})
	return expression{sql, args}, err
}

// filterSource lets a filter look up properties and test footprints.
type filterSource struct {
	ctx context.Context
	db  *database
	s   *statement
}

var _ cql2.Source = (*filterSource)(nil)

// Resolve looks a property up.
func (f *filterSource) Resolve(name string) (cql2.Property, error) {
	return f.db.resolve(f.ctx, name, "filter")
}

// Spatial compares footprints with a shape. Intersection knows of the antimeridian and uses the boxes;
// the other relations are those of the plane.
func (f *filterSource) Spatial(relation string, p cql2.Property, shape geom.Geometry) (string, []any, error) {
	switch relation {
	case "s_intersects", "s_disjoint":
		r, err := region.FromGeometry(shape)
		if err != nil {
			return "", nil, err
		}
		conditions, err := f.db.spaceConditions(f.ctx, r, f.s)
		if err != nil {
			return "", nil, err
		}
		all := allOf(conditions)
		if relation == "s_disjoint" {
			return "(NOT (" + all.sql + "))", all.args, nil
		}
		return "(" + all.sql + ")", all.args, nil
	}
	if err := shape.Validate(); err != nil {
		return "", nil, core.Errorf(core.InvalidArgument, "Filter", "filter: the geometry of %s is invalid: %w", relation, err)
	}
	number, leave := f.db.footprint.enter(relate(relation, shape))
	f.s.cleanup = append(f.s.cleanup, leave)
	return fmt.Sprintf("%s(%s, ?)", footprintFunction, p.SQL), append(append([]any{}, p.Args...), number), nil
}

// relate tests a relation between a footprint and a shape; a footprint that cannot be read has none.
func relate(relation string, shape geom.Geometry) footprintTest {
	related := map[string]func(a, b geom.Geometry) (bool, error){
		"s_within": geom.Within, "s_contains": geom.Contains, "s_equals": geom.Equals,
		"s_touches": geom.Touches, "s_crosses": geom.Crosses, "s_overlaps": geom.Overlaps,
	}[relation]
	return func(wkb []byte) bool {
		footprint, err := geom.UnmarshalWKB(wkb, geom.NoValidate{})
		if err != nil || footprint.Validate() != nil {
			return false
		}
		yes, err := related(footprint, shape)
		return err == nil && yes
	}
}
