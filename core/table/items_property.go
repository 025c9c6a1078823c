package table

import (
	"bytes"
	"encoding/json"
	"strings"

	"cogweave/core"

	"github.com/apache/arrow-go/v18/arrow"
)

// PropertyTexts gives an item property of each row as text, for grouping by it: texts as they are,
// instants in RFC 3339, anything else as JSON writes it, null as "". The property may be a column, a
// field of the column properties, or a member of properties that are JSON text; one that no row has is
// an error.
func PropertyTexts(recs []arrow.RecordBatch, name string) ([]string, error) {
	name = strings.TrimPrefix(name, "properties.")
	intern := newInterner()
	var texts []string
	found := false
	for _, rec := range recs {
		read := propertyReader(rec, name, intern)
		for row := range int(rec.NumRows()) {
			text, ok := "", false
			if read != nil {
				text, ok = read(row)
			}
			found = found || ok
			texts = append(texts, text)
		}
		// A column of nulls is a property all the same.
		found = found || (read != nil && hasColumn(rec, name))
	}
	if !found && len(texts) > 0 {
		return nil, core.Errorf(core.InvalidArgument, "UnknownProperty", "the items have no property %.80q", name)
	}
	return texts, nil
}

func hasColumn(rec arrow.RecordBatch, name string) bool {
	top := recordFields(rec)
	return top.get(name) != nil || structFields(top.get("properties")).get(name) != nil
}

// propertyReader gives a function that reads the property of a row, or nil where there is none.
func propertyReader(rec arrow.RecordBatch, name string, intern *interner) func(row int) (string, bool) {
	top := recordFields(rec)
	a := top.get(name)
	if a == nil {
		a = structFields(top.get("properties")).get(name)
	}
	if a == nil {
		return memberReader(newTextReader(top.get("properties"), nil), name, intern)
	}
	if text := newTextReader(a, intern); text.array != nil {
		return text.get
	}
	if isTime(a) {
		t := newTimeReader(a)
		return func(row int) (string, bool) {
			micros, ok, err := t.get(row)
			if !ok || err != nil {
				return "", false
			}
			return intern.keep(core.FormatInstant(micros)), true
		}
	}
	return func(row int) (string, bool) {
		if a.IsNull(row) {
			return "", false
		}
		text, err := json.Marshal(a.GetOneForMarshal(row))
		return intern.keep(string(text)), err == nil
	}
}

// memberReader reads a member of JSON text.
func memberReader(text textReader, name string, intern *interner) func(row int) (string, bool) {
	if text.array == nil {
		return nil
	}
	return func(row int) (string, bool) {
		all, ok := text.peek(row)
		var members map[string]json.RawMessage
		if !ok || json.Unmarshal([]byte(all), &members) != nil {
			return "", false
		}
		value := members[name]
		if len(value) == 0 || bytes.Equal(value, []byte("null")) {
			return "", false
		}
		var plain string
		if json.Unmarshal(value, &plain) == nil {
			return intern.keep(plain), true
		}
		return intern.keep(string(value)), true
	}
}
