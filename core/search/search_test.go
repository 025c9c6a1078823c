package search

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"cogweave/core"

	"github.com/peterstace/simplefeatures/geom"
)

// TestShapesAgreeWithBruteForce asks every layout of one catalog, as a file and as an Arrow table, the
// same questions.
func TestShapesAgreeWithBruteForce(t *testing.T) {
	all := scenes(200)
	w := newWriter(t)
	w.load(all)
	e := newEngine(t, Config{})
	for name, query := range shapes {
		t.Run(name, func(t *testing.T) {
			file := Files(w.parquet(filepath.Join(t.TempDir(), "items.parquet"), query, "ROW_GROUP_SIZE 64"))
			whole, err := e.Search(context.Background(), file, &Query{})
			if err != nil {
				t.Fatal(err)
			}
			defer whole.Release()
			arrow := Table(whole.Schema, whole.Batches)
			defer arrow.Release()
			for _, src := range []Source{file, arrow} {
				askSpace(t, e, src, all)
				askTime(t, e, src, all)
				askRest(t, e, src, all)
			}
		})
	}
}

func askSpace(t *testing.T, e *Engine, src Source, all []scene) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	for range 25 {
		x, y, size := r.Float64()*42-1, r.Float64()*42-1, r.Float64()*r.Float64()*20
		box := [4]float64{x, y, x + size, y + size/2}
		rectangle, err := geom.UnmarshalWKT(fmt.Sprintf("POLYGON((%v %v,%v %v,%v %v,%v %v,%v %v))",
			box[0], box[1], box[2], box[1], box[2], box[3], box[0], box[3], box[0], box[1]))
		if err != nil {
			continue
		}
		want := selected(all, func(s scene) bool { return geom.Intersects(rectangle, s.footprint) })
		sameIDs(t, fmt.Sprintf("bbox %v", box), found(t, e, src, Query{BBox: &box}), want)
		ring := [][2]float64{{box[0], box[1]}, {box[2], box[1]}, {box[2], box[3]}, {box[0], box[3]}}
		sameIDs(t, fmt.Sprintf("outline %v", box), found(t, e, src, Query{Outline: func() (*Outline, error) { return &Outline{Rings: [][][2]float64{ring}}, nil }}), want)

		triangle, err := geom.UnmarshalWKT(fmt.Sprintf("POLYGON((%v %v,%v %v,%v %v,%v %v))", x, y, x+size, y, x, y+size, x, y))
		if err != nil {
			continue
		}
		want = selected(all, func(s scene) bool { return geom.Intersects(triangle, s.footprint) })
		text, err := json.Marshal(triangle)
		if err != nil {
			t.Fatal(err)
		}
		sameIDs(t, "triangle "+triangle.AsText(), found(t, e, src, Query{Intersects: text}), want)
	}
}

func askTime(t *testing.T, e *Engine, src Source, all []scene) {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 6))
	first := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	const day = 86400 * 1000000
	for i := range 25 {
		start := first + int64(r.IntN(300))*day
		end := start + int64(1+r.IntN(30))*day - 1
		switch i % 5 {
		case 0:
			// Exactly one item's instant.
			start = all[r.IntN(len(all))].micros
			end = start
		case 1:
			start = all[r.IntN(len(all))].micros + 1
			end = start + 3*day
		}
		q := Query{Start: &start, End: &end}
		low, high := start, end
		switch i % 7 {
		case 5:
			q.Start, low = nil, -1<<62
		case 6:
			q.End, high = nil, 1<<62
		}
		want := selected(all, func(s scene) bool { return s.micros >= low && s.micros <= high })
		sameIDs(t, fmt.Sprintf("%d to %d", low, high), found(t, e, src, q), want)
	}
}

func askRest(t *testing.T, e *Engine, src Source, all []scene) {
	t.Helper()
	sameIDs(t, "ids", found(t, e, src, Query{IDs: []string{"scene-007", "scene-003", "x' OR 1=1 --"}}), []string{"scene-003", "scene-007"})
	sameIDs(t, "no ids", found(t, e, src, Query{IDs: []string{}}), []string{})
	many := []string{}
	for i := range 2000 {
		many = append(many, fmt.Sprintf("scene-%03d", 3*i))
	}
	sameIDs(t, "many ids", found(t, e, src, Query{IDs: many}), selected(all, func(s scene) bool { return slices.Contains(many, s.id) }))
	landsat := func(s scene) bool { return s.collection == "landsat" }
	sameIDs(t, "collections", found(t, e, src, Query{Collections: []string{"landsat", "none"}}), selected(all, landsat))
	sameIDs(t, "limit", found(t, e, src, Query{Collections: []string{"landsat"}, Limit: 5}), selected(all, landsat)[:5])
	for _, descending := range []bool{false, true} {
		sorted := slices.Clone(all)
		slices.SortStableFunc(sorted, func(a, b scene) int {
			switch {
			case a.cloud == nil || b.cloud == nil:
				return cmp.Compare(btoi(a.cloud == nil), btoi(b.cloud == nil))
			case descending:
				return cmp.Compare(*b.cloud, *a.cloud)
			}
			return cmp.Compare(*a.cloud, *b.cloud)
		})
		got := found(t, e, src, Query{SortBy: []SortKey{{"eo:cloud_cover", descending}}})
		sameIDs(t, fmt.Sprint("sorted, descending ", descending), got, selected(sorted, func(scene) bool { return true }))
	}
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b scene) int {
		return cmp.Or(cmp.Compare(b.platform, a.platform), cmp.Compare(a.micros, b.micros))
	})
	got := found(t, e, src, Query{SortBy: []SortKey{{"platform", true}, {"properties.datetime", false}}, Limit: 17})
	sameIDs(t, "two keys", got, selected(sorted, func(scene) bool { return true })[:17])
	_, err := tryFind(e, src, Query{SortBy: []SortKey{{"cloud_cover", false}}})
	wantError(t, err, core.InvalidArgument, "UnknownProperty", "cloud_cover", "did you mean eo:cloud_cover")
	_, err = tryFind(e, src, Query{SortBy: []SortKey{{`platform" DESC; DROP TABLE items; --`, false}}})
	wantError(t, err, core.InvalidArgument, "UnknownProperty")
	_, err = tryFind(e, src, Query{SortBy: []SortKey{{"assets", false}}})
	if err == nil {
		t.Error("items were sorted by their assets")
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestIntervals finds items without datetime by their interval.
func TestIntervals(t *testing.T) {
	w := newWriter(t)
	path := w.parquet(filepath.Join(t.TempDir(), "items.parquet"), `SELECT * FROM (VALUES
		('instant', TIMESTAMPTZ '2024-06-10 00:00:00Z', NULL::TIMESTAMPTZ, NULL::TIMESTAMPTZ, {'a': {'href': 'https://h/a'}}),
		('instant with interval', TIMESTAMPTZ '2024-06-10 00:00:00Z', TIMESTAMPTZ '2024-01-01 00:00:00Z', TIMESTAMPTZ '2024-12-31 00:00:00Z', {'a': {'href': 'https://h/a'}}),
		('june', NULL, TIMESTAMPTZ '2024-06-01 00:00:00Z', TIMESTAMPTZ '2024-06-30 23:59:59Z', {'a': {'href': 'https://h/a'}}),
		('from june on', NULL, TIMESTAMPTZ '2024-06-01 00:00:00Z', NULL, {'a': {'href': 'https://h/a'}}),
		('never', NULL, NULL, NULL, {'a': {'href': 'https://h/a'}})
		) AS v(id, datetime, start_datetime, end_datetime, assets)`)
	e := newEngine(t, Config{})
	for text, want := range map[string][]string{
		"2024-06-10": {"instant", "instant with interval", "june"},
		"2024-06-15": {"june"},
		"2024-06":    {"instant", "instant with interval", "june", "from june on"},
		"2024-05":    {},
		"2024-06-30": {"june"},
		"2024-07/..": {},
		"../2024-06": {"instant", "instant with interval", "june", "from june on"},
	} {
		start, end, err := core.ParseInterval(text)
		if err != nil {
			t.Fatal(err)
		}
		sameIDs(t, text, found(t, e, Files(path), Query{Start: start, End: end}), want)
	}
	sameIDs(t, "no constraint", found(t, e, Files(path), Query{Limit: 10}), []string{"instant", "instant with interval", "june", "from june on", "never"})
}

// TestAntimeridian finds items whose boxes cross 180 degrees, in each way that catalogs write them.
func TestAntimeridian(t *testing.T) {
	w := newWriter(t)
	w.run("CREATE TABLE items (id VARCHAR, bbox STRUCT(xmin DOUBLE, ymin DOUBLE, xmax DOUBLE, ymax DOUBLE), geometry BLOB)")
	add := func(id string, box [4]float64, wkt string) {
		var wkb []byte
		if wkt != "" {
			g, err := geom.UnmarshalWKT(wkt, geom.NoValidate{})
			if err != nil {
				t.Fatal(err)
			}
			wkb = g.AsBinary()
		}
		w.run("INSERT INTO items VALUES (?, struct_pack(xmin := ?::DOUBLE, ymin := ?::DOUBLE, xmax := ?::DOUBLE, ymax := ?::DOUBLE), ?)", id, box[0], box[1], box[2], box[3], wkb)
	}
	const split = "MULTIPOLYGON(((179 -18,180 -18,180 -17,179 -17,179 -18)),((-180 -18,-179 -18,-179 -17,-180 -17,-180 -18)))"
	add("crossing box", [4]float64{179, -18, -179, -17}, split)
	add("wide box", [4]float64{-180, -18, 180, -17}, split)
	add("unsplit", [4]float64{-179.1, -18.1, 179.2, -17}, "POLYGON((179 -18,-179 -18.1,-179.1 -17,179.2 -17,179 -18))")
	add("beyond", [4]float64{179, -18, 181, -17}, "POLYGON((179 -18,181 -18,181 -17,179 -17,179 -18))")
	add("box only", [4]float64{179, -18, -179, -17}, "")
	add("west", [4]float64{175, -18, 176, -17}, "POLYGON((175 -18,176 -18,176 -17,175 -17,175 -18))")
	add("greenwich", [4]float64{0, -18, 1, -17}, "POLYGON((0 -18,1 -18,1 -17,0 -17,0 -18))")
	path := w.parquet(filepath.Join(t.TempDir(), "items.parquet"), "SELECT *, TIMESTAMPTZ '2024-01-01 00:00:00Z' AS datetime, {'a': {'href': 'https://h/a'}} AS assets FROM items")
	e := newEngine(t, Config{})
	crossing := []string{"crossing box", "wide box", "unsplit", "beyond", "box only"}
	for box, want := range map[[4]float64][]string{
		{179.4, -19, 179.6, -16}:   crossing,
		{-179.6, -19, -179.4, -16}: crossing,
		{179.9, -19, -179.9, -16}:  crossing,
		{180.2, -19, 180.4, -16}:   crossing,
		{174, -19, -170, -16}:      append(slices.Clone(crossing), "west"),
		{-10, -19, 10, -16}:        {"greenwich"},
		{-180, -90, 180, 90}:       append(slices.Clone(crossing), "west", "greenwich"),
	} {
		sameIDs(t, fmt.Sprint(box), found(t, e, Files(path), Query{BBox: &box}), want)
	}
}

// TestBoxesOfNaN: geopandas writes NaN for a geometry that is null. Such an item has no footprint, and is found.
func TestBoxesOfNaN(t *testing.T) {
	w := newWriter(t)
	dir := t.TempDir()
	const query = `SELECT * FROM (VALUES
		('near', {'xmin': 1.0::DOUBLE, 'ymin': 1.0::DOUBLE, 'xmax': 2.0::DOUBLE, 'ymax': 2.0::DOUBLE}, %[1]s),
		('far', {'xmin': 41.0::DOUBLE, 'ymin': 1.0::DOUBLE, 'xmax': 42.0::DOUBLE, 'ymax': 2.0::DOUBLE}, %[1]s),
		('nowhere', {'xmin': 'nan'::DOUBLE, 'ymin': 'nan'::DOUBLE, 'xmax': 'nan'::DOUBLE, 'ymax': 'nan'::DOUBLE}, NULL::BLOB)
		) v(id, bbox, geometry), (SELECT now() AS datetime, {'B04': {'href': 'https://host/a.tif', 'type': 'image/tiff'}} AS assets)`
	// A point at (1, 1): of the boxes, the region meets that of "near" alone.
	const point = `from_hex('0101000000000000000000F03F000000000000F03F')`
	path := w.parquet(filepath.Join(dir, "a.parquet"), fmt.Sprintf(query, point))
	box := [4]float64{0.5, 0.5, 3, 3}
	sameIDs(t, "one file", found(t, newEngine(t, Config{}), Files(path), Query{BBox: &box}), []string{"near", "nowhere"})
	// Of many files, those are left out whose statistics exclude them.
	var paths, want []string
	for i := range manyFiles {
		paths = append(paths, w.parquet(filepath.Join(dir, fmt.Sprintf("%02d.parquet", i)), "SELECT * FROM ("+fmt.Sprintf(query, point)+") WHERE id <> 'near'"))
		want = append(want, "nowhere")
	}
	sameIDs(t, "many files", found(t, newEngine(t, Config{}), Files(paths...), Query{BBox: &box}), want)
}

// TestOrderIsThatOfTheSource holds for any number of threads, files and row groups.
func TestOrderIsThatOfTheSource(t *testing.T) {
	w := newWriter(t)
	dir := t.TempDir()
	const query = `SELECT 'i' || (i + %d) AS id, make_timestamp(1700000000000000 + (hash(i) %% 1000000000)::BIGINT)::TIMESTAMPTZ AS datetime, i %% 7 AS n,
		{'a': {'href': 'https://h/' || i}} AS assets FROM range(30000) r(i)`
	// Files are read in the order given, not by name.
	second := w.parquet(filepath.Join(dir, "a.parquet"), fmt.Sprintf(query, 30000), "ROW_GROUP_SIZE 2048")
	first := w.parquet(filepath.Join(dir, "b.parquet"), fmt.Sprintf(query, 0), "ROW_GROUP_SIZE 2048")
	e := newEngine(t, Config{Threads: 8})
	end := int64(1700000000000000 + 500000000)
	many := []string{}
	for i := range 60000 {
		many = append(many, fmt.Sprintf("i%d", i))
	}
	some := []string{} // few enough for one parameter each, and enough for DuckDB to make a join of them
	for i := 0; i < len(many); i += 150 {
		some = append(some, many[i])
	}
	for _, q := range []Query{{}, {End: &end}, {IDs: many}, {IDs: some}, {IDs: some, Limit: 100}, {SortBy: []SortKey{{"n", false}}}, {Limit: 40000},
		{Filter: json.RawMessage(`"n IN (0, 1, 2, 4, 5, 6)"`)}, {Filter: json.RawMessage(`"NOT n NOT IN (0, 1, 2, 4, 6)"`), Limit: 20000}} {
		want := found(t, e, Files(first, second), q)
		previous := [2]int{-1, -1}
		for _, id := range want {
			var n int
			if _, err := fmt.Sscanf(id, "i%d", &n); err != nil {
				t.Fatal(err)
			}
			key := [2]int{0, n}
			if q.SortBy != nil {
				key[0] = n % 30000 % 7
			}
			if slices.Compare(key[:], previous[:]) <= 0 {
				t.Fatalf("%s follows %v", id, previous)
			}
			previous = key
		}
		for range 3 {
			sameIDs(t, "again", found(t, e, Files(first, second), q), want)
		}
	}
}
