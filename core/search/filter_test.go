package search

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cogweave/core"
)

// cql2Cases are the language-neutral cases, which Python runs too.
type cql2Cases struct {
	Items   []json.RawMessage
	Filters []struct {
		Filter      json.RawMessage
		Want        []string
		Error, Word string
	}
}

// TestCQL2 runs the cases on flat columns and on properties that are JSON text.
func TestCQL2(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "tests", "conformance", "cql2.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases cql2Cases
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	w := newWriter(t)
	dir := t.TempDir()
	lines := filepath.Join(dir, "items.ndjson")
	var all strings.Builder
	for _, item := range cases.Items {
		all.WriteString(strings.ReplaceAll(string(item), "\n", " ") + "\n")
	}
	if err := os.WriteFile(lines, []byte(all.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	w.run(`CREATE TABLE raw AS SELECT * FROM read_json(?, columns={id: 'VARCHAR', collection: 'VARCHAR', datetime: 'TIMESTAMPTZ', "eo:cloud_cover": 'DOUBLE', gsd: 'BIGINT',
		platform: 'VARCHAR', ok: 'BOOLEAN', instruments: 'VARCHAR[]', orbits: 'BIGINT[]', created: 'VARCHAR', text: 'VARCHAR', box: 'DOUBLE[]'})`, lines)
	w.run("CREATE TABLE shape (id VARCHAR, geometry BLOB)")
	for _, item := range cases.Items {
		var s struct {
			ID  string
			Box [4]float64
		}
		if err := json.Unmarshal(item, &s); err != nil {
			t.Fatal(err)
		}
		w.run("INSERT INTO shape VALUES (?, ?)", s.ID, rectangleWKB(t, s.Box))
	}
	const common = `{'xmin': box[1], 'ymin': box[2], 'xmax': box[3], 'ymax': box[4]} AS bbox, geometry, {'a': {'href': 'https://h/a'}} AS assets FROM raw JOIN shape USING (id) ORDER BY id`
	const properties = `platform, ok, instruments, orbits, created, text, gsd, "eo:cloud_cover", datetime`
	layouts := map[string]string{
		"flat":   "SELECT id, collection, " + properties + ", " + common,
		"struct": "SELECT id, collection, struct_pack(" + packed(properties) + ") AS properties, " + common,
	}
	e := newEngine(t, Config{})
	for layout, query := range layouts {
		src := Files(w.parquet(filepath.Join(dir, layout+".parquet"), query))
		for _, c := range cases.Filters {
			got, err := tryFind(e, src, Query{Filter: c.Filter})
			what := fmt.Sprintf("%s: %.200s", layout, c.Filter)
			switch {
			case c.Error != "":
				if err == nil {
					t.Errorf("%s: found %v, want an error", what, got)
				} else if string(core.ClassOf(err)) != c.Error || !strings.Contains(err.Error(), c.Word) {
					t.Errorf("%s: error %v, want %s with %q", what, err, c.Error, c.Word)
				}
			case err != nil:
				t.Errorf("%s: %v", what, err)
			default:
				sameIDs(t, what, got, c.Want)
			}
		}
	}
	askJSONProperties(t, e, Files(w.parquet(filepath.Join(dir, "json.parquet"),
		"SELECT id, collection, to_json(struct_pack("+packed(strings.Replace(properties, ", datetime", "", 1))+", datetime := strftime(datetime::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%fZ')))::VARCHAR AS properties, "+common)))
}

// packed makes the members of a struct of a list of columns.
func packed(columns string) string {
	var members []string
	for column := range strings.SplitSeq(columns, ", ") {
		members = append(members, column+" := "+column)
	}
	return strings.Join(members, ", ")
}

// askJSONProperties: types are those of the values; lists are lists of texts.
func askJSONProperties(t *testing.T, e *Engine, src Source) {
	t.Helper()
	for filter, want := range map[string][]string{
		"eo:cloud_cover < 20.5": {"a"}, "gsd IN (10, 20)": {"a", "b"}, "ok": {"a", "c"}, "platform LIKE 'sentinel%'": {"a"},
		"datetime = DATE('2024-06-01')": {"a", "b"}, "created IS NULL": {"c"}, "A_CONTAINS(instruments, ('msi'))": {"a", "b"},
		"properties.gsd = 30 AND NOT eo:cloud_cover > 100": {"c"},
	} {
		text, err := json.Marshal(filter)
		if err != nil {
			t.Fatal(err)
		}
		sameIDs(t, "JSON text: "+filter, found(t, e, src, Query{Filter: text}), want)
	}
	_, err := tryFind(e, src, Query{Filter: json.RawMessage(`"cloud_cover < 5"`)})
	wantError(t, err, core.InvalidArgument, "UnknownProperty", "did you mean eo:cloud_cover")
}

// TestNothingToFilter: where no item tells which properties there are, a query finds nothing, and is no error.
func TestNothingToFilter(t *testing.T) {
	w := newWriter(t)
	src := Files(w.parquet(filepath.Join(t.TempDir(), "a.parquet"), `SELECT 'a' AS id, '2024-06-01T00:00:00Z' AS datetime, '{}' AS properties,
		'{}' AS assets FROM range(0)`))
	e := newEngine(t, Config{})
	for name, q := range map[string]Query{
		"filter": {Filter: json.RawMessage(`"eo:cloud_cover < 20 AND platform = 'a'"`)}, "sortby": {SortBy: []SortKey{{"eo:cloud_cover", true}}},
		"group": {Narrow: true, GroupBy: "platform"}, "properties": {Narrow: true, Properties: []string{"gsd"}},
	} {
		sameIDs(t, name, found(t, e, src, q), []string{})
	}
	_, err := tryFind(e, src, Query{Filter: json.RawMessage(`"eo:cloud_cover <"`)})
	wantError(t, err, core.InvalidArgument, "Filter")
}

func TestHostileFilters(t *testing.T) {
	w := newWriter(t)
	src := Files(w.parquet(filepath.Join(t.TempDir(), "a.parquet"), itemSQL("a", 2)))
	e := newEngine(t, Config{})
	quoted := func(text string) json.RawMessage {
		out, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, filter := range map[string]json.RawMessage{
		"deep parentheses": quoted(strings.Repeat("(", 100000) + "id = 'a0'" + strings.Repeat(")", 100000)),
		"deep not":         quoted(strings.Repeat("NOT ", 100000) + "TRUE"),
		"deep minus":       quoted("1 = " + strings.Repeat("- ", 100000) + "1"),
		"deep sum":         quoted("1 = " + strings.Repeat("1 + ", 100000) + "1"),
		"deep functions":   quoted(strings.Repeat("CASEI(", 100000) + "id" + strings.Repeat(")", 100000) + " = 'a'"),
		"long or":          quoted(strings.Repeat("id = 'a0' OR ", 20000) + "TRUE"),
		"long in":          quoted("id IN (" + strings.Repeat("'a0', ", 20000) + "'a1')"),
		"long text":        quoted("id = '" + strings.Repeat("x", 70000) + "'"),
		"huge":             quoted("id = '" + strings.Repeat("x", 5<<20) + "'"),
		"deep JSON":        json.RawMessage(strings.Repeat(`{"op":"not","args":[`, 5000) + "true" + strings.Repeat("]}", 5000)),
		"deeper JSON":      json.RawMessage(strings.Repeat(`[`, 100000) + strings.Repeat("]", 100000)),
		"open JSON":        json.RawMessage(strings.Repeat(`{"op":"not","args":[`, 5000)),
		"two values":       json.RawMessage(`{"op":"=","args":[1,1]} {"op":"=","args":[1,1]}`),
		"huge number":      quoted("1e999999 = 1"),
	} {
		start := time.Now()
		_, err := tryFind(e, src, Query{Filter: filter})
		wantError(t, err, core.InvalidArgument, "Filter")
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s: refused after %v", name, took)
		}
	}
	// As large as the limits allow.
	for _, text := range []string{"id IN (" + strings.Repeat("'a1', ", 9000) + "'a1')", strings.Repeat("id = 'x' OR ", 3000) + "id = 'a1'",
		strings.Repeat("(", 60) + "id = 'a1'" + strings.Repeat(")", 60)} {
		sameIDs(t, text[:20], found(t, e, src, Query{Filter: quoted(text)}), []string{"a1"})
	}
}
