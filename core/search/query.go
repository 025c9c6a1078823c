package search

import (
	"encoding/json"
	"errors"

	"cogweave/core"
	"cogweave/core/search/region"

	"github.com/apache/arrow-go/v18/arrow"
)

// Query says which items are wanted. Zero values put no constraint; all constraints must hold.
type Query struct {
	// BBox is (minx, miny, maxx, maxy) in degrees; minx greater than maxx crosses the antimeridian.
	BBox *[4]float64
	// Outline projects the region from another CRS. It is called once, while the source is opened.
	Outline func() (*Outline, error) `json:"-"`
	// Intersects is a GeoJSON geometry, Feature or FeatureCollection.
	Intersects json.RawMessage
	// Start and End are microseconds, both inclusive.
	Start, End *int64
	// IDs and Collections list the accepted ids; nil accepts all, an empty list none.
	IDs, Collections []string
	// Filter is CQL2 JSON, or a JSON string that holds CQL2 text.
	Filter json.RawMessage
	// SortBy orders the result; ties, and the whole result without it, keep the order of the source
	// (file, then row). Nulls come last.
	SortBy []SortKey
	// Limit is the greatest number of items; 0 is no limit.
	Limit int
	// Assets, when not nil, leaves only these keys of an assets column that is a struct, and of each
	// asset only what makes a core.Item. It saves most of the reading; keys that the source does not
	// have are ignored. Nil keeps the source's columns as they are.
	Assets []string
	// Properties are columns to keep beside those of a core.Item where Assets is given.
	Properties []string
	// GroupBy is a property by which the items will be put into time steps; it is kept as those of Properties.
	GroupBy string
	// Narrow keeps only what planning needs: the columns of a core.Item, Properties, and the assets that may
	// answer to Bands (nil: all).
	Narrow bool
	// Bands are names of bands as a plan takes them.
	Bands []string
	// Attempt, if set, begins each try at an answer; a query may need several. What it returns is called with each batch
	// and says whether the result keeps it; rows are counted either way. Only the last try's batches are the answer.
	Attempt func() func(arrow.RecordBatch) (keep bool) `json:"-"`
}

// hasFilter tells whether there is a filter; JSON's null is none.
func (q *Query) hasFilter() bool { return len(q.Filter) > 0 && string(q.Filter) != "null" }

// SortKey is one property to sort by.
type SortKey struct {
	Property   string
	Descending bool
}

// Outline is a query region as polygons without holes in longitude and latitude, each given by its
// outer ring. Edges are straight in these coordinates, so the caller densifies them. A ring may cross
// the antimeridian or go round a pole; neighbouring vertices are less than 180 degrees apart.
type Outline struct {
	Rings [][][2]float64
}

// regions are the query's spatial constraints, all of which must be touched.
func (q *Query) regions() ([]*region.Region, error) {
	var all []*region.Region
	if q.Outline != nil {
		outline, err := q.Outline()
		if err != nil {
			return nil, err
		}
		if outline != nil {
			r, err := region.FromRings(outline.Rings)
			if err != nil {
				return nil, err
			}
			all = append(all, r)
		}
	}
	add := func(r *region.Region, err error) error {
		if err == nil {
			all = append(all, r)
		}
		return err
	}
	var errs []error
	if q.BBox != nil {
		errs = append(errs, add(region.FromBBox(*q.BBox)))
	}
	if len(q.Intersects) > 0 && string(q.Intersects) != "null" {
		errs = append(errs, add(region.FromGeoJSON(q.Intersects)))
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// located are the regions of a query, once they are known.
type located func() ([]*region.Region, error)

// locate starts to find the regions: projecting them and starting DuckDB both take milliseconds.
func (q *Query) locate() located {
	var (
		regions []*region.Region
		err     error
		done    = make(chan struct{})
	)
	core.Go(func() {
		regions, err = q.regions()
		close(done)
	}, func(panicked error) {
		err = panicked
		close(done)
	})
	return func() ([]*region.Region, error) {
		<-done
		return regions, err
	}
}

// check refuses what no search could answer.
func (q *Query) check() error {
	switch {
	case q.Limit < 0:
		return core.Errorf(core.InvalidArgument, "Limit", "limit %d is negative", q.Limit)
	case q.Start != nil && q.End != nil && *q.Start > *q.End:
		return core.Errorf(core.InvalidArgument, "Datetime", "datetime ends before it starts")
	}
	return nil
}

// asError finds our own error in a chain.
func asError(err error) (*core.Error, bool) {
	var e *core.Error
	ok := errors.As(err, &e)
	return e, ok
}
