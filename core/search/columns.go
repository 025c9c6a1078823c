package search

import (
	"fmt"
	"slices"
	"strings"

	"cogweave/core"
	"cogweave/core/search/cql2"

	"github.com/apache/arrow-go/v18/arrow"
)

// columns is what a search needs to know of a source's columns.
type columns struct {
	source     string // for messages
	arrow      *arrow.Schema
	properties arrow.DataType // of the column "properties", or nil: properties are columns themselves
}

// newColumns checks that the columns are those of STAC items.
func newColumns(source string, schema *arrow.Schema) (*columns, error) {
	c := &columns{source: source, arrow: schema}
	if t := c.column("properties"); t != nil && (isStruct(t) || isText(t)) {
		c.properties = t
	}
	var missing []string
	for _, name := range []string{"id", "assets"} {
		if c.column(name) == nil {
			missing = append(missing, name)
		}
	}
	if c.column("datetime") == nil && c.column("start_datetime") == nil && c.properties == nil {
		missing = append(missing, "datetime")
	}
	if len(missing) > 0 {
		return nil, core.Errorf(core.SearchError, "NotStac", "%s: holds no STAC items: it has no column %s (its columns: %s)",
			source, strings.Join(missing, ", "), shortList(c.names()))
	}
	if t := c.column("assets"); !isStruct(t) && !isText(t) && t.ID() != arrow.MAP {
		return nil, core.Errorf(core.SearchError, "NotStac", "%s: holds no STAC items: its column assets is %s, not a structure, map or JSON text",
			source, t)
	}
	if t := c.column("id"); !isText(t) {
		return nil, core.Errorf(core.SearchError, "NotStac", "%s: holds no STAC items: its column id is %s, not text", source, t)
	}
	return c, nil
}

func (c *columns) names() []string {
	names := make([]string, c.arrow.NumFields())
	for i, f := range c.arrow.Fields() {
		names[i] = f.Name
	}
	return names
}

// column is the type of a column, or nil.
func (c *columns) column(name string) arrow.DataType {
	if i := c.arrow.FieldIndices(name); len(i) > 0 {
		return c.arrow.Field(i[0]).Type
	}
	return nil
}

// assetKeys lists the keys of a struct of assets.
func (c *columns) assetKeys() []string {
	t, ok := c.column("assets").(*arrow.StructType)
	if !ok {
		return nil
	}
	return fieldNames(t)
}

func fieldNames(t *arrow.StructType) []string {
	names := make([]string, t.NumFields())
	for i, f := range t.Fields() {
		names[i] = f.Name
	}
	return names
}

// find looks a property up: a column, else a field of the column "properties". The prefix
// "properties." may be given.
func (c *columns) find(name string) (cql2.Property, bool) {
	for _, candidate := range []string{name, strings.TrimPrefix(name, "properties.")} {
		if t := c.column(candidate); t != nil {
			return typed("t."+quoteName(candidate), candidate, t), true
		}
		if p, ok := c.properties.(*arrow.StructType); ok {
			if f, ok := p.FieldByName(candidate); ok {
				return typed(`t."properties".`+quoteName(candidate), candidate, f.Type), true
			}
		}
	}
	return cql2.Property{}, false
}

// timeNames are properties that STAC defines as instants, whatever type a writer gave them.
var timeNames = []string{"datetime", "start_datetime", "end_datetime", "created", "updated", "published", "expires"}

// structureNames are columns that have no value of their own.
var structureNames = []string{"assets", "links", "bbox", "properties", "stac_extensions"}

// typed gives the property that a column or field is.
func typed(sql, name string, t arrow.DataType) cql2.Property {
	p := cql2.Property{SQL: sql, Type: typeOf(t)}
	if slices.Contains(structureNames, name) {
		p.Type = cql2.Other // also as JSON text
		return p
	}
	if p.Type == cql2.Text && slices.Contains(timeNames, name) {
		p.SQL, p.Type, p.Raw = "TRY_CAST("+sql+" AS TIMESTAMPTZ)", cql2.Timestamp, sql
	}
	if name == "geometry" && isBinary(t) {
		p.Type = cql2.Geometry
	}
	return p
}

func typeOf(t arrow.DataType) cql2.Type {
	switch t := t.(type) {
	case *arrow.TimestampType:
		if t.Unit == arrow.Nanosecond {
			return cql2.TimestampNano
		}
		return cql2.Timestamp
	case *arrow.DictionaryType:
		return typeOf(t.ValueType)
	case arrow.ListLikeType:
		if t.ID() == arrow.MAP {
			return cql2.Other
		}
		switch typeOf(t.Elem()) {
		case cql2.Number:
			return cql2.NumberList
		case cql2.Text:
			return cql2.TextList
		}
		return cql2.Other
	}
	switch {
	case isText(t):
		return cql2.Text
	case t.ID() == arrow.BOOL:
		return cql2.Bool
	case t.ID() == arrow.DATE32 || t.ID() == arrow.DATE64:
		return cql2.Date
	case arrow.IsInteger(t.ID()) || arrow.IsFloating(t.ID()) || arrow.IsDecimal(t.ID()):
		return cql2.Number
	}
	return cql2.Other
}

func isStruct(t arrow.DataType) bool { return t.ID() == arrow.STRUCT }

func isText(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW:
		return true
	case arrow.DICTIONARY:
		return isText(t.(*arrow.DictionaryType).ValueType)
	}
	return false
}

func isBinary(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.BINARY, arrow.LARGE_BINARY, arrow.BINARY_VIEW:
		return true
	}
	return false
}

// unknown is the error for a property that the source does not have.
func (c *columns) unknown(name, argument string, candidates []string) error {
	told := "it has " + shortList(candidates)
	if near := core.NearestNames(name, candidates); len(near) > 0 {
		told = "did you mean " + strings.Join(near, ", ") + "?"
	}
	e := core.Errorf(core.InvalidArgument, "UnknownProperty", "%s: the source has no property %q; %s", argument, shorten(name), told)
	e.Argument = argument
	return e
}

func shorten(text string) string {
	if len(text) > 80 {
		return strings.ToValidUTF8(text[:80], "") + "..."
	}
	return text
}

// shortList joins names, the first thirty of them.
func shortList(names []string) string {
	const most = 30
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
