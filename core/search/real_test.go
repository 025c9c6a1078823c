package search

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cogweave/core"
	"cogweave/core/table"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/peterstace/simplefeatures/geom"
)

// stacData gives a folder of the development corpus, or skips.
func stacData(t testing.TB, parts ...string) string {
	t.Helper()
	root := os.Getenv("COGWEAVE_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(append([]string{root, "stac"}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("real STAC catalogs are not searched: %v", err)
	}
	return path
}

func realCatalogs(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(stacData(t, "parquet"), "*.parquet"))
	if err != nil || len(paths) == 0 {
		t.Skip("real stac-geoparquet is not searched: none is there")
	}
	return paths
}

// TestRealCatalogs compares searches of real footprints with another library's intersection.
func TestRealCatalogs(t *testing.T) {
	e := newEngine(t, Config{})
	for _, path := range realCatalogs(t) {
		whole, err := e.Search(context.Background(), Files(path), &Query{})
		if err != nil {
			t.Fatal(err)
		}
		defer whole.Release()
		items, err := table.ParseItems(whole.Batches, path)
		if err != nil {
			t.Fatal(err)
		}
		var footprints []geom.Geometry
		for _, batch := range whole.Batches {
			column := batch.Column(batch.Schema().FieldIndices("geometry")[0]).(*array.Binary)
			for i := range column.Len() {
				g, err := geom.UnmarshalWKB(column.Value(i))
				if err != nil {
					t.Fatal(err)
				}
				footprints = append(footprints, g)
			}
		}
		r := rand.New(rand.NewPCG(9, 9))
		kept, dropped := 0, 0
		for range 60 {
			around := items[r.IntN(len(items))].BBox
			x, y := around[0]+(r.Float64()*1.4-0.2)*(around[2]-around[0]), around[1]+(r.Float64()*1.4-0.2)*(around[3]-around[1])
			box := [4]float64{x, y, x + r.Float64()*r.Float64(), y + r.Float64()*r.Float64()}
			rectangle, err := geom.UnmarshalWKT(fmt.Sprintf("POLYGON((%v %v,%v %v,%v %v,%v %v,%v %v))",
				box[0], box[1], box[2], box[1], box[2], box[3], box[0], box[3], box[0], box[1]))
			if err != nil {
				t.Fatal(err)
			}
			want := []string{}
			for i, g := range footprints {
				if geom.Intersects(rectangle, g) {
					want = append(want, items[i].ID)
				}
			}
			kept, dropped = kept+len(want), dropped+len(items)-len(want)
			sameIDs(t, fmt.Sprintf("%s %v", filepath.Base(path), box), found(t, e, Files(path), Query{BBox: &box, Assets: []string{}}), want)
		}
		if kept < 100 || dropped < 100 {
			t.Errorf("%s: %d kept, %d dropped: the boxes decide nothing", path, kept, dropped)
		}
	}
}

// jsonItem is an item as its JSON has it.
type jsonItem struct {
	ID         string
	Properties map[string]any
	Links      []struct{ Rel, Href string }
	Assets     map[string]struct {
		Href  *string
		Type  string
		Roles []string
	}
}

// jsonItems reads the items of a file: one, a list, a FeatureCollection, or one a line.
func jsonItems(path string) (items []json.RawMessage) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var one struct {
		Type     string
		Features []json.RawMessage
	}
	if json.Unmarshal(text, &one) == nil {
		if one.Type == "Feature" {
			return []json.RawMessage{text}
		}
		return one.Features
	}
	if json.Unmarshal(text, &items) == nil {
		return items
	}
	for line := range strings.Lines(string(text)) {
		if strings.TrimSpace(line) != "" {
			items = append(items, json.RawMessage(line))
		}
	}
	return items
}

// TestEveryRealItem writes each real item to parquet as DuckDB reads it from JSON (nested properties,
// bbox a list, geometry a structure), searches it, and compares the item with its JSON.
func TestEveryRealItem(t *testing.T) {
	root := stacData(t)
	w := newWriter(t)
	dir := t.TempDir()
	e := newEngine(t, Config{MaxOpen: 2})
	compared := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(filepath.Ext(path), "json") {
			return err
		}
		for n, raw := range jsonItems(path) {
			var want jsonItem
			if json.Unmarshal(raw, &want) != nil || want.ID == "" || want.Assets == nil {
				continue
			}
			name := fmt.Sprintf("%s, item %d", strings.TrimPrefix(path, root), n)
			file := filepath.Join(dir, fmt.Sprint(compared))
			if err := os.WriteFile(file+".json", raw, 0o644); err != nil {
				return err
			}
			w.parquet(file+".parquet", "SELECT * FROM read_json("+quoteText(file+".json")+", maximum_object_size=100000000, maximum_depth=-1)")
			compareItem(t, e, name, file+".parquet", want)
			compared++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if compared < 80 {
		t.Errorf("only %d items were compared", compared)
	}
}

func compareItem(t *testing.T, e *Engine, name, file string, want jsonItem) {
	t.Helper()
	r, err := e.Search(context.Background(), Files(file), &Query{})
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	defer r.Release()
	items, err := table.ParseItems(r.Batches, "/base/catalog.parquet")
	if err != nil || len(items) != 1 {
		t.Errorf("%s: %d items, %v", name, len(items), err)
		return
	}
	got := items[0]
	when := want.Properties["datetime"]
	if when == nil {
		when = want.Properties["start_datetime"]
	}
	if text, ok := when.(string); ok {
		if micros, err := core.ParseInstant(text); err != nil || got.Datetime != micros {
			t.Errorf("%s: datetime %d, want %s (%v)", name, got.Datetime, text, err)
		}
	}
	if got.ID != want.ID {
		t.Errorf("%s: %q, want %q", name, got.ID, want.ID)
	}
	assets := 0
	for key, asset := range want.Assets {
		if asset.Href == nil || *asset.Href == "" {
			continue
		}
		assets++
		for _, a := range got.Assets {
			if a.Key != key {
				continue
			}
			if strings.Contains(*asset.Href, "://") && a.Href != *asset.Href {
				t.Errorf("%s %s: href %q, want %q", name, key, a.Href, *asset.Href)
			}
			// Items that were moved lead above the root of their self link: such an href stays, and fetch refuses it.
			if !strings.Contains(a.Href, "://") && !strings.HasPrefix(a.Href, "/") && !(strings.HasPrefix(a.Href, "../") && a.Href == *asset.Href) {
				t.Errorf("%s %s: href %q is still relative", name, key, a.Href)
			}
			if a.MediaType != asset.Type || strings.Join(a.Roles, ",") != strings.Join(asset.Roles, ",") {
				t.Errorf("%s %s: %q %v, want %q %v", name, key, a.MediaType, a.Roles, asset.Type, asset.Roles)
			}
		}
	}
	if len(got.Assets) != assets {
		t.Errorf("%s: %d assets, want %d", name, len(got.Assets), assets)
	}
}
