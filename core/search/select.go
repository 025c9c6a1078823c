package search

import (
	"context"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// itemColumns are the columns that make a core.Item, beside assets, bbox, geometry and links.
var itemColumns = []string{"id", "collection", "datetime", "start_datetime", "end_datetime",
	"proj:epsg", "proj:code", "proj:wkt2", "proj:projjson", "proj:shape", "proj:transform",
	"storage:schemes", "storage:platform", "storage:region", "storage:requester_pays", "storage:tier"}

// assetFields are the fields of an asset that make a core.ItemAsset.
var assetFields = []string{"href", "type", "title", "roles",
	"proj:epsg", "proj:code", "proj:wkt2", "proj:projjson", "proj:shape", "proj:transform",
	"raster:bands", "eo:bands", "bands", "data_type", "nodata", "raster:scale", "raster:offset", "eo:common_name",
	"storage:refs", "storage:platform", "storage:region", "storage:requester_pays", "storage:tier"}

// selectList writes SELECT and the wanted columns.
func (d *database) selectList(ctx context.Context, q *Query, s *statement) error {
	if q.Assets == nil {
		s.add("SELECT " + d.all)
		return nil
	}
	assets, isStruct := d.columns.column("assets").(*arrow.StructType)
	s.add("SELECT ")
	given, asked := map[string]bool{}, q.properties()
	for _, name := range slices.Concat(itemColumns, asked) {
		p, found := d.columns.find(name)
		if !found || given[name] {
			continue
		}
		given[name] = true
		if p.Raw != "" { // the text itself: an error can quote it
			p.SQL = p.Raw
		}
		s.add(p.SQL + " AS " + quoteName(name) + ", ").with(p.Args...)
	}
	for _, name := range asked {
		if !given[name] {
			argument := "properties"
			if name == q.GroupBy {
				argument = "time_period"
			}
			p, err := d.resolve(ctx, name, argument)
			if err != nil {
				return err
			}
			given[name] = true
			s.add(p.SQL + " AS " + quoteName(name) + ", ").with(p.Args...)
		}
	}
	if d.columns.column("properties") != nil && isText(d.columns.column("properties")) {
		s.add(`t."properties", `)
	}
	if d.columns.box().exist() {
		s.add(`t."bbox", `)
	} else if d.columns.column("geometry") != nil {
		s.add(`t."geometry", `)
	}
	if d.columns.column("links") != nil {
		// Absolute hrefs need none: the answer tells whether they all are.
		if s.withoutLinks = isStruct && !d.facts.relativeHrefs.Load(); !s.withoutLinks {
			s.add(`t."links", `)
		}
	}
	if !isStruct {
		s.add(`t."assets"`)
		return nil
	}
	s.add(assetStruct(assets, q.Assets) + ` AS "assets"`)
	return nil
}

// properties are all columns to keep beside those of a core.Item.
func (q *Query) properties() []string {
	if q.GroupBy == "" {
		return q.Properties
	}
	return append([]string{q.GroupBy}, q.Properties...)
}

// assetStruct packs the wanted fields of the wanted assets. An asset that an item lacks becomes a
// struct without href.
func assetStruct(assets *arrow.StructType, keys []string) string {
	var packed []string
	for _, key := range keys {
		asset, ok := assets.FieldByName(key)
		if !ok || slices.ContainsFunc(packed, func(p string) bool { return strings.HasPrefix(p, quoteName(key)+" := ") }) {
			continue
		}
		var fields []string
		for _, name := range structFields(asset.Type) {
			if slices.Contains(assetFields, name) {
				fields = append(fields, quoteName(name)+` := t."assets".`+quoteName(key)+"."+quoteName(name))
			}
		}
		if len(fields) == 0 {
			continue
		}
		packed = append(packed, quoteName(key)+" := struct_pack("+strings.Join(fields, ", ")+")")
	}
	if len(packed) == 0 {
		// Every struct has a field: none of the keys exists here.
		return `struct_pack("none" := NULL::VARCHAR)`
	}
	return "struct_pack(" + strings.Join(packed, ", ") + ")"
}

// hasRelativeHref tells whether some href of a batch's assets is relative, and has to be resolved.
func hasRelativeHref(batch arrow.RecordBatch) bool {
	at := batch.Schema().FieldIndices("assets")
	if len(at) == 0 {
		return false
	}
	assets, ok := batch.Column(at[0]).(*array.Struct)
	for i := 0; ok && i < assets.NumField(); i++ {
		hrefs, isText := field(assets.Field(i), "href").(array.StringLike)
		for row := 0; isText && row < hrefs.Len(); row++ {
			if hrefs.IsValid(row) && !strings.Contains(hrefs.Value(row), "://") {
				return true
			}
		}
	}
	return false
}
