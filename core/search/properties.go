package search

import (
	"context"
	"errors"
	"slices"
	"strings"

	"cogweave/core/search/cql2"

	"github.com/apache/arrow-go/v18/arrow/array"
)

// jsonProperty is a property inside a column of JSON text.
type jsonProperty struct {
	cql2.Property
	found bool
}

// errNoItems: properties are keys of JSON text, and no item of the source tells which there are: an API's empty answer, or
// a remote file of which no row group is left.
var errNoItems = errors.New("the source has no items")

// lookUp finds a property among the columns, the fields of a properties struct, or the keys of
// properties that are JSON text.
func (d *database) lookUp(ctx context.Context, name string) (cql2.Property, bool, error) {
	if p, ok := d.columns.find(name); ok {
		return p, true, nil
	}
	if d.columns.properties == nil || !isText(d.columns.properties) || strings.ContainsRune(name, 0) {
		return cql2.Property{}, false, nil
	}
	d.facts.mu.Lock()
	p, known := d.facts.jsonTypes[name]
	d.facts.mu.Unlock()
	if known {
		return p.Property, p.found, nil
	}
	p, err := d.lookIntoJSON(ctx, strings.TrimPrefix(name, "properties."))
	if err != nil {
		return cql2.Property{}, false, err
	}
	d.facts.mu.Lock()
	defer d.facts.mu.Unlock()
	if d.facts.jsonTypes == nil || len(d.facts.jsonTypes) > 1000 {
		d.facts.jsonTypes = map[string]jsonProperty{}
	}
	d.facts.jsonTypes[name] = p
	return p.Property, p.found, nil
}

// resolve is lookUp for a name that the caller gave: an unknown one is an error that lists near ones.
func (d *database) resolve(ctx context.Context, name, argument string) (cql2.Property, error) {
	p, found, err := d.lookUp(ctx, name)
	if err != nil || found {
		return p, err
	}
	names, err := d.propertyNames(ctx)
	if err != nil {
		return p, err
	}
	return p, d.columns.unknown(name, argument, names)
}

// pointer is the JSON pointer of a key.
func pointer(key string) string {
	return "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

// lookIntoJSON decides a key's type by the types that its values have in the source.
func (d *database) lookIntoJSON(ctx context.Context, key string) (jsonProperty, error) {
	s := &statement{}
	s.add(`SELECT DISTINCT coalesce(CAST(json_type(TRY_CAST(t."properties" AS JSON), ?) AS VARCHAR), 'NULL') FROM `).with(pointer(key))
	s.add(d.from + " AS t").with(d.fromArgs...)
	types, err := d.texts(ctx, s)
	if err != nil {
		return jsonProperty{}, err
	}
	if len(types) == 0 {
		return jsonProperty{}, errNoItems
	}
	types = slices.DeleteFunc(types, func(t string) bool { return t == "NULL" })
	if len(types) == 0 {
		return jsonProperty{}, nil
	}
	all := func(accepted ...string) bool {
		return !slices.ContainsFunc(types, func(t string) bool { return !slices.Contains(accepted, t) })
	}
	p := cql2.Property{SQL: `json_extract_string(TRY_CAST(t."properties" AS JSON), ?)`, Args: []any{pointer(key)}, Type: cql2.Text}
	switch {
	case all("BIGINT", "UBIGINT", "HUGEINT", "DOUBLE"):
		p.SQL, p.Type = "TRY_CAST("+p.SQL+" AS DOUBLE)", cql2.Number
	case all("BOOLEAN"):
		p.SQL, p.Type = "TRY_CAST("+p.SQL+" AS BOOLEAN)", cql2.Bool
	case all("ARRAY"):
		numbers, err := d.listsOfNumbers(ctx, key)
		if err != nil {
			return jsonProperty{}, err
		}
		if numbers {
			p.SQL, p.Type = "TRY_CAST("+p.SQL+" AS DOUBLE[])", cql2.NumberList
			break
		}
		p.SQL, p.Type = "TRY_CAST("+p.SQL+" AS VARCHAR[])", cql2.TextList
	case slices.Contains(timeNames, key):
		p.SQL, p.Type = "TRY_CAST("+p.SQL+" AS TIMESTAMPTZ)", cql2.Timestamp
	}
	return jsonProperty{p, true}, nil
}

// listsOfNumbers tells whether the members of a key's lists are numbers, and there are some.
func (d *database) listsOfNumbers(ctx context.Context, key string) (bool, error) {
	s := &statement{}
	s.add(`SELECT DISTINCT CAST(json_type(member) AS VARCHAR) FROM (SELECT unnest(CAST(json_extract(TRY_CAST(t."properties" AS JSON), ?) AS JSON[])) AS member FROM `)
	s.with(pointer(key)).add(d.from + " AS t)").with(d.fromArgs...)
	types, err := d.texts(ctx, s)
	number := []string{"BIGINT", "UBIGINT", "HUGEINT", "DOUBLE"}
	return len(types) > 0 && !slices.ContainsFunc(types, func(t string) bool { return !slices.Contains(number, t) }), err
}

// propertyNames lists what may be asked for, for messages.
func (d *database) propertyNames(ctx context.Context) ([]string, error) {
	var names []string
	for _, f := range d.columns.arrow.Fields() {
		switch f.Name {
		case "assets", "links", "type", "stac_version", "stac_extensions", "properties":
		default:
			names = append(names, f.Name)
		}
	}
	switch p := d.columns.properties; {
	case p == nil:
	case isText(p):
		s := &statement{}
		s.add(`SELECT DISTINCT unnest(json_keys(TRY_CAST(t."properties" AS JSON))) FROM (SELECT * FROM ` + d.from + " LIMIT 1000) AS t").with(d.fromArgs...)
		keys, err := d.texts(ctx, s)
		if err != nil {
			return nil, err
		}
		names = append(names, keys...)
	default:
		names = append(names, structFields(p)...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// texts runs a statement that gives one column of text; nulls are left out.
func (d *database) texts(ctx context.Context, s *statement) ([]string, error) {
	result, err := d.query(ctx, s)
	if err != nil {
		return nil, err
	}
	defer result.Release()
	var texts []string
	for _, batch := range result.Batches {
		column, ok := batch.Column(0).(*array.String)
		for i := 0; ok && i < column.Len(); i++ {
			if column.IsValid(i) {
				texts = append(texts, strings.Clone(column.Value(i)))
			}
		}
	}
	return texts, nil
}
