package search

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// TestPartitionsArePruned leaves out files by their statistics, and finds the same as without.
func TestPartitionsArePruned(t *testing.T) {
	w := newWriter(t)
	root := t.TempDir()
	for zone := range 4 {
		for year := range 5 {
			w.parquet(filepath.Join(root, fmt.Sprintf("zone=%d", zone), fmt.Sprintf("year=%d", 2020+year), "items.parquet"),
				fmt.Sprintf(`SELECT 'z%[1]d-%[2]d-' || i AS id, 'c' AS collection, make_timestamp(%[2]d + 2020, 1 + i, 1, 0, 0, 0)::TIMESTAMPTZ AS datetime,
				{'xmin': %[1]d * 6.0::DOUBLE, 'ymin': 0.0::DOUBLE, 'xmax': %[1]d * 6 + 1.0::DOUBLE, 'ymax': 1.0::DOUBLE} AS bbox,
				{'a': {'href': 'https://h/a'}} AS assets FROM range(6) r(i)`, zone, year))
		}
	}
	odd := w.parquet(filepath.Join(root, "zone=9", "year=2030", "items.parquet"), `SELECT 'odd' AS id, 'c' AS collection, NULL::TIMESTAMPTZ AS datetime,
		TIMESTAMPTZ '2019-01-01 00:00:00Z' AS start_datetime, TIMESTAMPTZ '2022-06-15 00:00:00Z' AS end_datetime,
		NULL::STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE) AS bbox, 1.5 AS only, {'a': {'href': 'https://h/a'}} AS assets`)
	e := newEngine(t, Config{})
	box := [4]float64{6.2, 0.2, 6.4, 0.4}
	start, end := time.Date(2022, 3, 1, 0, 0, 0, 0, time.UTC).UnixMicro(), time.Date(2022, 4, 15, 0, 0, 0, 0, time.UTC).UnixMicro()
	q := Query{BBox: &box, Start: &start, End: &end}
	sameIDs(t, "a tile and some weeks", found(t, e, Files(root), q), []string{"z1-2-2", "z1-2-3", "odd"})
	sameIDs(t, "a property that few have", found(t, e, Files(root), Query{BBox: &box, Filter: []byte(`"only > 1"`)}), []string{"odd"})
	sameIDs(t, "a key", found(t, e, Files(root), Query{Filter: []byte(`"zone = '1' AND year = '2022'"`), Limit: 2}), []string{"z1-2-0", "z1-2-1"})
	files, err := resolve([]string{root})
	if err != nil {
		t.Fatal(err)
	}
	kept, err := e.prune(files, &q, q.locate())
	if err != nil {
		t.Fatal(err)
	}
	if len(kept) != 2 || kept[1].path != odd {
		t.Errorf("%d of %d files are opened, want 2: %v", len(kept), len(files), kept)
	}
}
