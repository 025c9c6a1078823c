package search

import (
	"context"
	"errors"
	"slices"
	"strings"

	"cogweave/core/search/cql2"
	"cogweave/core/search/region"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// search answers a query.
func (d *database) search(ctx context.Context, q *Query, regions []*region.Region) (*Result, error) {
	result, err := d.find(ctx, q, regions)
	if errors.Is(err, errNoItems) {
		return d.nothing(ctx, q)
	}
	return result, err
}

// find answers a query of a source that has items. One that is narrow reads the assets whose keys the bands name; only where an
// item lacks one of them, whose band may go by its common name there, all assets are read.
func (d *database) find(ctx context.Context, q *Query, regions []*region.Region) (*Result, error) {
	if !q.Narrow {
		result, _, err := d.answer(ctx, q, regions, nil)
		return result, err
	}
	narrow := *q
	keys := d.columns.assetKeys()
	if perBand, ok := assetsOfBands(q.Bands, keys); ok {
		narrow.Assets = slices.Concat(perBand...)
		result, complete, err := d.answer(ctx, &narrow, regions, perBand)
		if err != nil || complete {
			return result, err
		}
		result.Release()
	}
	narrow.Assets = append([]string{}, keys...)
	result, _, err := d.answer(ctx, &narrow, regions, nil)
	return result, err
}

// nothing answers a query of a source without items. Its filter has to be one all the same.
func (d *database) nothing(ctx context.Context, q *Query) (*Result, error) {
	if q.hasFilter() {
		if _, err := cql2.Parse(q.Filter); err != nil {
			return nil, err
		}
	}
	s := &statement{}
	s.add("SELECT " + d.all + " FROM " + d.from + " AS t LIMIT 0").with(d.fromArgs...)
	return d.query(ctx, s)
}

// answer runs the statement of a query, again where something had been taken for granted that is not so. complete tells
// whether every item has an asset for each band, of which perBand holds the keys.
func (d *database) answer(ctx context.Context, q *Query, regions []*region.Region, perBand [][]string) (result *Result, complete bool, err error) {
	for {
		s, err := d.compile(ctx, q, regions)
		if err != nil {
			return nil, false, err
		}
		keep := func(arrow.RecordBatch) bool { return true }
		if q.Attempt != nil {
			keep = q.Attempt()
		}
		complete, relative := true, false
		s.each = func(batch arrow.RecordBatch) bool {
			complete = complete && hasAssets(batch, perBand)
			relative = relative || s.withoutLinks && hasRelativeHref(batch)
			return keep(batch)
		}
		result, err := d.presuming(ctx, s)
		s.release()
		if err != nil {
			return nil, false, err
		}
		if result != nil && relative {
			d.facts.relativeHrefs.Store(true)
			result.Release()
			result = nil
		}
		if result != nil {
			return result, complete, nil
		}
	}
}

// assetsOfBands gives for each band the keys that it names: its own name, or of "asset.N" what stands before
// a dot. ok is false where some band names no key.
func assetsOfBands(bands, keys []string) (perBand [][]string, ok bool) {
	for _, band := range bands {
		var named []string
		for _, key := range keys {
			if key == band || strings.HasPrefix(band, key+".") {
				named = append(named, key)
			}
		}
		if len(named) == 0 {
			return nil, false
		}
		perBand = append(perBand, named)
	}
	return perBand, len(perBand) > 0
}

// hasAssets tells whether every item of a batch has an asset for each band.
func hasAssets(batch arrow.RecordBatch, perBand [][]string) bool {
	if len(perBand) == 0 {
		return true
	}
	at := batch.Schema().FieldIndices("assets")
	if len(at) == 0 {
		return false
	}
	assets, ok := batch.Column(at[0]).(*array.Struct)
	return ok && !slices.ContainsFunc(perBand, func(keys []string) bool { return !everyRowHas(assets, keys) })
}

// everyRowHas tells whether each row has an asset with one of the keys.
func everyRowHas(assets *array.Struct, keys []string) bool {
	var hrefs []arrow.Array
	for _, key := range keys {
		if asset := field(assets, key); asset != nil {
			if href := field(asset, "href"); href != nil {
				hrefs = append(hrefs, href)
			}
		}
	}
	for row := range assets.Len() {
		if !slices.ContainsFunc(hrefs, func(href arrow.Array) bool { return href.IsValid(row) }) {
			return false
		}
	}
	return true
}

// field gives a field of a struct array, or nil.
func field(a arrow.Array, name string) arrow.Array {
	s, ok := a.(*array.Struct)
	if !ok {
		return nil
	}
	i, ok := s.DataType().(*arrow.StructType).FieldIdx(name)
	if !ok {
		return nil
	}
	return s.Field(i)
}
