package search

import (
	"context"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
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
		s.add("SELECT *")
		return nil
	}
	assets, isStruct := d.columns.column("assets").(*arrow.StructType)
	s.add("SELECT ")
	given := map[string]bool{}
	for _, name := range slices.Concat(itemColumns, q.Properties) {
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
	for _, name := range q.Properties {
		if !given[name] {
			p, err := d.resolve(ctx, name, "properties")
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
	relative := true
	if isStruct {
		var err error
		if relative, err = d.relativeHrefs(ctx, assets); err != nil {
			return err
		}
	}
	if relative && d.columns.column("links") != nil {
		s.add(`t."links", `)
	}
	if !isStruct {
		s.add(`t."assets"`)
		return nil
	}
	s.add(assetStruct(assets, q.Assets) + ` AS "assets"`)
	return nil
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

// relativeHrefs tells whether the links are needed, to resolve hrefs against: whether some href among
// the first rows is relative. Of several files the first says nothing about the others.
func (d *database) relativeHrefs(ctx context.Context, assets *arrow.StructType) (bool, error) {
	if d.files > 1 {
		return true, nil
	}
	return once(&d.facts, &d.facts.relativeHrefs, func() (bool, error) {
		var hrefs []string
		for _, asset := range assets.Fields() {
			if slices.Contains(structFields(asset.Type), "href") {
				hrefs = append(hrefs, `t."assets".`+quoteName(asset.Name)+`."href"`)
			}
		}
		if len(hrefs) == 0 {
			return false, nil
		}
		s := &statement{}
		s.add("SELECT count(*) FROM (SELECT unnest([" + strings.Join(hrefs, ", ") + "]) AS href FROM (SELECT * FROM " + d.from +
			" LIMIT 100) AS t) WHERE href NOT LIKE '%://%'").with(d.fromArgs...)
		counts, err := d.counts(ctx, s)
		return err == nil && counts[0] > 0, err
	})
}
