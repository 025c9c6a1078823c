package cql2

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cogweave/core"

	"github.com/peterstace/simplefeatures/geom"
)

// columns resolve a few properties, as a catalog would.
type columns map[string]Type

func (c columns) Resolve(name string) (Property, error) {
	if t, ok := c[name]; ok {
		return Property{SQL: `t."` + name + `"`, Type: t}, nil
	}
	return Property{}, bad("there is no property %q", name)
}

func (c columns) Spatial(relation string, p Property, _ geom.Geometry) (string, []any, error) {
	return relation + "(" + p.SQL + ", ?)", []any{int64(1)}, nil
}

var some = columns{"id": Text, "gsd": Number, "datetime": Timestamp, "nano": TimestampNano, "day": Date, "geometry": Geometry, "ok": Bool, "tags": TextList}

// TestPrecedence compares whole conditions: what binds tighter stands in inner parentheses.
func TestPrecedence(t *testing.T) {
	const number = "CAST(? AS BIGINT)"
	for text, want := range map[string]string{
		`ok OR ok AND NOT ok`:                       `(t."ok" OR (t."ok" AND (NOT t."ok")))`,
		`(ok OR ok) AND ok`:                         `((t."ok" OR t."ok") AND t."ok")`,
		`NOT ok AND ok`:                             `((NOT t."ok") AND t."ok")`,
		`ok AND ok AND ok`:                          `(t."ok" AND t."ok" AND t."ok")`,
		`NOT gsd = 1`:                               `(NOT (t."gsd" = ` + number + `))`,
		`gsd BETWEEN 1 AND 2 AND ok`:                `(((t."gsd" >= ` + number + `) AND (t."gsd" <= ` + number + `)) AND t."ok")`,
		`id NOT IN ('a')`:                           `(NOT (t."id" IN (CAST(? AS VARCHAR))))`,
		`"id" = 'x'`:                                `(t."id" = CAST(? AS VARCHAR))`,
		`S_INTERSECTS(POINT(1 2), geometry) and ok`: `(s_intersects(t."geometry", ?) AND t."ok")`,
		`S_WITHIN(POINT(1 2), geometry)`:            `s_contains(t."geometry", ?)`,
	} {
		n, err := ParseText(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		sql, args, err := Compile(n, some)
		if err != nil || sql != want {
			t.Errorf("%s:\n%s (%v)\nwant\n%s", text, sql, err, want)
		}
		if strings.Count(sql, "?") != len(args) {
			t.Errorf("%s: %d arguments for %s", text, len(args), sql)
		}
	}
}

// seeds are the filters of the conformance cases.
func seeds(t testing.TB) []json.RawMessage {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "tests", "conformance", "cql2.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases struct {
		Filters []struct{ Filter json.RawMessage }
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	var all []json.RawMessage
	for _, c := range cases.Filters {
		all = append(all, c.Filter)
	}
	return all
}

// FuzzFilter: whatever the filter, an error of ours or a condition with as many arguments as parameters
// in which no text of the filter appears.
func FuzzFilter(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add([]byte(seed))
		var text string
		if json.Unmarshal(seed, &text) == nil {
			f.Add([]byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, filter []byte) {
		quoted, err := json.Marshal(string(filter))
		if err != nil {
			t.Skip()
		}
		for _, form := range []json.RawMessage{filter, quoted} {
			n, err := Parse(form)
			if err == nil {
				var sql string
				var args []any
				sql, args, err = Compile(n, some)
				if err == nil && strings.Count(sql, "?") != len(args) {
					t.Errorf("%q: %d arguments for %s", form, len(args), sql)
				}
				if strings.ContainsAny(sql, ";#`") || strings.Contains(sql, "--") {
					t.Errorf("%q: %s", form, sql)
				}
			}
			var e *core.Error
			if err != nil && (!errors.As(err, &e) || e.Class != core.InvalidArgument) {
				t.Errorf("%q: %v", form, err)
			}
		}
	})
}
