package main

// #include "guard.h"
import "C"

import (
	"context"
	"encoding/json"

	"cogweave/capi/op"
	"cogweave/core"
	"cogweave/core/crs"
	"cogweave/core/search"
	coretable "cogweave/core/table"

	"github.com/apache/arrow-go/v18/arrow"
)

// searchRequest is the request of cw_search.
type searchRequest struct {
	access
	Source []string    `json:"source"` // paths; null where a table is given
	BBox   *[4]float64 `json:"bbox"`   // longitude and latitude
	Region *struct {
		CRS  string     `json:"crs"`
		BBox [4]float64 `json:"bbox"`
	} `json:"region"`
	Intersects  json.RawMessage `json:"intersects"`
	Datetime    string          `json:"datetime"`
	IDs         []string        `json:"ids"`
	Collections []string        `json:"collections"`
	Filter      json.RawMessage `json:"filter"`
	SortBy      []struct {
		Field     string `json:"field"`
		Direction string `json:"direction"` // "asc" (or "") or "desc"
	} `json:"sortby"`
	Limit      *int     `json:"limit"`      // null: all
	Assets     []string `json:"assets"`     // keys to keep; null keeps the source's columns as they are
	Properties []string `json:"properties"` // columns to keep beside an item's own, with assets or narrow
	GroupBy    string   `json:"group_by"`   // a property that items will be grouped by: kept as properties are
	Narrow     bool     `json:"narrow"`     // only what planning needs
	Bands      []string `json:"bands"`      // of a narrow search: whose assets to keep; null keeps all
	Base       string   `json:"base"`       // of a narrow search: what relative hrefs of the plan to come are resolved against
	Planned    bool     `json:"planned"`    // of a narrow search: a plan of its items comes next
	Passing    bool     `json:"passing"`    // of a planned search: the rows serve that plan, and may be let go of once they are decoded
}

// query is the request as the search engine has it.
func (r *searchRequest) query() (*search.Query, error) {
	q := &search.Query{BBox: r.BBox, Intersects: r.Intersects, IDs: r.IDs, Collections: r.Collections, Assets: r.Assets, Properties: r.Properties,
		GroupBy: r.GroupBy, Narrow: r.Narrow, Bands: r.Bands}
	if string(r.Filter) != "null" {
		q.Filter = r.Filter
	}
	if r.Datetime != "" {
		var err error
		if q.Start, q.End, err = core.ParseInterval(r.Datetime); err != nil {
			return nil, err
		}
	}
	for _, key := range r.SortBy {
		if key.Direction != "" && key.Direction != "asc" && key.Direction != "desc" {
			return nil, core.Errorf(core.InvalidArgument, "SortBy", "sortby: direction %q is neither asc nor desc", key.Direction)
		}
		q.SortBy = append(q.SortBy, search.SortKey{Property: key.Field, Descending: key.Direction == "desc"})
	}
	if r.Limit != nil {
		if q.Limit = *r.Limit; q.Limit < 1 {
			return nil, core.Errorf(core.InvalidArgument, "Limit", "limit %d is not at least 1", q.Limit)
		}
	}
	return q, nil
}

// outline takes the region to longitude and latitude.
func (r *searchRequest) outline() (*search.Outline, error) {
	if r.Region == nil {
		return nil, nil
	}
	ring, err := crs.Ring(r.Region.CRS, r.Region.BBox)
	if err != nil {
		return nil, err
	}
	return &search.Outline{Rings: [][][2]float64{ring}}, nil
}

//export cwgo_search
func cwgo_search(queue C.cw_handle, request *C.char, source C.cw_handle, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return submit(queue, out, errorOut, func() (op.Work, error) {
		var r searchRequest
		if err := decode("search", C.GoString(request), &r); err != nil {
			return nil, err
		}
		if err := r.access.check(""); err != nil {
			return nil, err
		}
		q, err := r.query()
		if err != nil {
			return nil, err
		}
		if source == 0 {
			return r.access.reaching(searchIn(search.From(running().fetch, r.Source...), &r, q)), nil
		}
		if r.Source != nil {
			return nil, core.Errorf(core.InvalidArgument, "Source", "search: both a table and paths were given")
		}
		items, err := tableOf("items", source)
		if err != nil {
			return nil, err
		}
		if err := items.whole(); err != nil {
			return nil, err
		}
		items.share()
		work := r.access.reaching(searchIn(items.source(), &r, q))
		return func(ctx context.Context, o *op.Operation) (op.Result, error) {
			defer items.Release()
			return work(ctx, o)
		}, nil
	})
}

func searchIn(source search.Source, r *searchRequest, q *search.Query) op.Work {
	q.Outline = r.outline
	return func(ctx context.Context, _ *op.Operation) (op.Result, error) {
		var ahead *coretable.ItemsAhead
		var bytes int64
		if r.Narrow && r.Planned { // the items are decoded while DuckDB hands out more
			q.Attempt = func() func(arrow.RecordBatch) bool {
				ahead.Stop()
				ahead, bytes = coretable.NewItemsAhead(r.Base), 0
				return func(batch arrow.RecordBatch) (keep bool) {
					ahead.Add(batch)
					bytes += bytesOf(batch)
					return !r.Passing || bytes < manyRows
				}
			}
		}
		found, err := running().search().Search(ctx, source, q)
		if err != nil {
			ahead.Stop()
			return nil, err
		}
		made := marked("items", found.Schema, found.Batches)
		made.ahead.Store(ahead)
		if r.Passing && bytes >= manyRows {
			made.passed = &size{rows: found.Rows, bytes: bytes}
		}
		return made, nil
	}
}
