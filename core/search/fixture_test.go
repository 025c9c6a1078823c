package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cogweave/core"
	"cogweave/core/table"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/peterstace/simplefeatures/geom"
)

// writer is an unlocked DuckDB with which tests write parquet.
type writer struct {
	t  testing.TB
	db *sql.DB
}

func newWriter(t testing.TB) *writer {
	t.Helper()
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{t, sql.OpenDB(connector)}
	w.db.SetMaxOpenConns(1)
	w.run("SET TimeZone='UTC'")
	w.run("SET enable_geoparquet_conversion=false")
	t.Cleanup(func() { w.db.Close() })
	return w
}

func (w *writer) run(text string, args ...any) {
	w.t.Helper()
	if _, err := w.db.Exec(text, args...); err != nil {
		w.t.Fatalf("%s: %v", text, err)
	}
}

// parquet writes a query's rows and gives the path.
func (w *writer) parquet(path, query string, options ...string) string {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	w.run("COPY (" + query + ") TO " + quoteText(path) + " (" + strings.Join(append([]string{"FORMAT parquet"}, options...), ", ") + ")")
	return path
}

func newEngine(t testing.TB, config Config) *Engine {
	t.Helper()
	e := New(config)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// found searches and gives the ids.
func found(t testing.TB, e *Engine, src Source, q Query) []string {
	t.Helper()
	ids, err := tryFind(e, src, q)
	if err != nil {
		t.Fatalf("bbox %v, sorted by %v: %.300v", q.BBox, q.SortBy, err)
	}
	return ids
}

func tryFind(e *Engine, src Source, q Query) ([]string, error) {
	r, err := e.Search(context.Background(), src, &q)
	if err != nil {
		return nil, err
	}
	defer r.Release()
	items, err := table.ParseItems(r.Batches, "/catalog/items.parquet")
	ids := []string{}
	for i := range items {
		ids = append(ids, items[i].ID)
	}
	return ids, err
}

// wantError checks class, reason and the words that the message must have.
func wantError(t testing.TB, err error, class core.Class, reason string, words ...string) {
	t.Helper()
	var e *core.Error
	if !errors.As(err, &e) || e.Class != class || e.Reason != reason {
		t.Errorf("error %v (%T), want %s %s", err, err, class, reason)
		return
	}
	for _, word := range words {
		if !strings.Contains(e.Error(), word) {
			t.Errorf("error %q does not mention %q", e.Error(), word)
		}
	}
}

// scene is an item of the synthetic catalog, as the brute-force oracle sees it.
type scene struct {
	id, collection, platform string
	micros                   int64
	cloud                    *float64
	footprint                geom.Geometry
}

func (s scene) box() [4]float64 {
	low, high, _ := s.footprint.Envelope().MinMaxXYs()
	return [4]float64{low.X, low.Y, high.X, high.Y}
}

// scenes makes n items: slanted footprints between 0 and 40 degrees, one a few hours, some without
// cloud cover.
func scenes(n int) []scene {
	r := rand.New(rand.NewPCG(7, uint64(n)))
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	all := make([]scene, n)
	for i := range all {
		x, y, size := r.Float64()*40, r.Float64()*40, 0.5+r.Float64()*4
		tilt := size * 0.2
		text := fmt.Sprintf("POLYGON((%v %v,%v %v,%v %v,%v %v,%v %v))", x, y, x+size, y+tilt, x+size-tilt, y+size, x-tilt, y+size-tilt, x, y)
		footprint, err := geom.UnmarshalWKT(text)
		if err != nil {
			panic(err)
		}
		all[i] = scene{
			id: fmt.Sprintf("scene-%03d", i), collection: []string{"s2", "landsat"}[r.IntN(2)], platform: []string{"Alpha", "beta", "Éta"}[r.IntN(3)],
			// Every tenth lies on the last half second of a day.
			micros: start.Add(time.Duration(r.IntN(300*24))*time.Hour + time.Duration(r.IntN(1e9))).UnixMicro(), footprint: footprint,
		}
		if i%10 == 0 {
			all[i].micros = start.AddDate(0, 0, r.IntN(300)).Add(-500 * time.Millisecond).UnixMicro()
		}
		if r.IntN(5) > 0 {
			cloud := math.Round(r.Float64()*1000) / 10
			all[i].cloud = &cloud
		}
	}
	return all
}

// load puts scenes into the table "scenes" of the writer.
func (w *writer) load(all []scene) {
	w.t.Helper()
	w.run(`CREATE TABLE scenes (n INTEGER, id VARCHAR, collection VARCHAR, platform VARCHAR, datetime TIMESTAMPTZ, cloud DOUBLE,
		xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE, geometry BLOB)`)
	for i, s := range all {
		b := s.box()
		var cloud any
		if s.cloud != nil {
			cloud = *s.cloud
		}
		w.run("INSERT INTO scenes VALUES (?,?,?,?,?,?,?,?,?,?,?)", i, s.id, s.collection, s.platform, time.UnixMicro(s.micros).UTC(), cloud,
			b[0], b[1], b[2], b[3], s.footprint.AsBinary())
	}
}

const assetStructSQL = `{'red': {'href': 'https://h/' || id || '/red.tif', 'type': 'image/tiff'}, 'nir': {'href': 'https://h/' || id || '/nir.tif', 'type': 'image/tiff'}}`

// shapes are the ways in which writers lay the same items out.
var shapes = map[string]string{
	"stac-geoparquet": `SELECT id, collection, platform, datetime, cloud AS "eo:cloud_cover",
		{'xmin': xmin, 'ymin': ymin, 'xmax': xmax, 'ymax': ymax} AS bbox, geometry, ` + assetStructSQL + ` AS assets FROM scenes ORDER BY n`,
	"bbox list, nanoseconds": `SELECT id, collection, platform, datetime::TIMESTAMP::TIMESTAMP_NS AS datetime, cloud AS "eo:cloud_cover",
		[xmin, ymin, xmax, ymax] AS bbox, geometry, ` + assetStructSQL + ` AS assets FROM scenes ORDER BY n`,
	"bbox with heights, text datetime": `SELECT id, collection, platform, strftime(datetime::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%fZ') AS datetime, cloud AS "eo:cloud_cover",
		[xmin, ymin, -5, xmax, ymax, 5] AS bbox, geometry, ` + assetStructSQL + ` AS assets FROM scenes ORDER BY n`,
	"no bbox, no time zone": `SELECT id, collection, platform, datetime::TIMESTAMP AS datetime, cloud AS "eo:cloud_cover",
		geometry, ` + assetStructSQL + ` AS assets FROM scenes ORDER BY n`,
	"nested properties": `SELECT id, collection, {'datetime': datetime, 'platform': platform, 'eo:cloud_cover': cloud} AS properties,
		{'xmin': xmin, 'ymin': ymin, 'xmax': xmax, 'ymax': ymax} AS bbox, geometry, ` + assetStructSQL + ` AS assets FROM scenes ORDER BY n`,
	"JSON text": `SELECT id, collection, to_json({'datetime': strftime(datetime::TIMESTAMP, '%Y-%m-%dT%H:%M:%S.%fZ'), 'platform': platform, 'eo:cloud_cover': cloud})::VARCHAR AS properties,
		to_json([xmin, ymin, xmax, ymax])::VARCHAR AS bbox, geometry, to_json(` + assetStructSQL + `)::VARCHAR AS assets FROM scenes ORDER BY n`,
	"map of assets, dictionary columns": `SELECT id, collection::ENUM('s2', 'landsat') AS collection, platform, datetime, cloud AS "eo:cloud_cover",
		{'xmin': xmin, 'ymin': ymin, 'xmax': xmax, 'ymax': ymax} AS bbox, geometry,
		MAP {'red': {'href': 'https://h/' || id || '/red.tif', 'type': 'image/tiff'}} AS assets FROM scenes ORDER BY n`,
	"some boxes missing": `SELECT id, collection, platform, datetime, cloud AS "eo:cloud_cover",
		CASE WHEN n % 3 > 0 THEN {'xmin': xmin, 'ymin': ymin, 'xmax': xmax, 'ymax': ymax} END AS bbox, geometry, ` + assetStructSQL + ` AS assets FROM scenes ORDER BY n`,
}

// rectangleWKB is a box as a footprint.
func rectangleWKB(t testing.TB, b [4]float64) []byte {
	t.Helper()
	g, err := geom.UnmarshalWKT(fmt.Sprintf("POLYGON((%v %v,%v %v,%v %v,%v %v,%v %v))", b[0], b[1], b[2], b[1], b[2], b[3], b[0], b[3], b[0], b[1]))
	if err != nil {
		t.Fatal(err)
	}
	return g.AsBinary()
}

// selected gives the ids of the scenes that a predicate accepts.
func selected(all []scene, accept func(scene) bool) []string {
	ids := []string{}
	for _, s := range all {
		if accept(s) {
			ids = append(ids, s.id)
		}
	}
	return ids
}

func sameIDs(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: found %d %v, want %d %v", what, len(got), head(got), len(want), head(want))
	}
}

func head(ids []string) []string { return ids[:min(len(ids), 8)] }
