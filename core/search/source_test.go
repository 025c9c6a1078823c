package search

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cogweave/core"
)

// itemSQL is a catalog of n items named prefix0, prefix1, ...
func itemSQL(prefix string, n int) string {
	return fmt.Sprintf(`SELECT %s || i AS id, 'c' AS collection, TIMESTAMPTZ '2024-01-01 00:00:00Z' + INTERVAL (i) DAY AS datetime,
		{'xmin': i, 'ymin': 0.5, 'xmax': i + 1.0, 'ymax': 1.5} AS bbox, {%s: {'href': 'https://h/' || i}} AS assets FROM range(%d) r(i)`, quoteText(prefix), quoteText(prefix), n)
}

func TestPaths(t *testing.T) {
	w := newWriter(t)
	dir := t.TempDir()
	for _, name := range []string{"a.parquet", "sub/b.parquet", "sub/deep/c.geoparquet", "x[1]*.parquet", "it's; a.parquet", "sp ace%20é.parquet", "_hidden/z.parquet", "sub/.z.parquet"} {
		w.parquet(filepath.Join(dir, name), itemSQL(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))+"-", 2))
	}
	if err := os.WriteFile(filepath.Join(dir, "sub", "README.md"), []byte("no catalog"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "a.parquet"), filepath.Join(dir, "link.parquet")); err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, Config{})
	two := func(names ...string) (ids []string) {
		for _, name := range names {
			ids = append(ids, name+"-0", name+"-1")
		}
		return ids
	}
	for _, c := range []struct {
		paths []string
		want  []string
	}{
		{[]string{"a.parquet"}, two("a")},
		{[]string{"sub/b.parquet", "a.parquet"}, two("b", "a")},
		{[]string{"sub"}, two("b", "c")},
		{[]string{"sub/*.parquet"}, two("b")},
		{[]string{"*/b.parqu?t"}, two("b")},
		{[]string{"sub/**/*.geoparquet"}, two("c")},
		{[]string{"**/[bc].*parquet"}, two("b", "c")},
		{[]string{"x[1]*.parquet"}, two("x[1]*")},
		{[]string{"it's; a.parquet"}, two("it's; a")},
		{[]string{"sp ace%20é.parquet"}, two("sp ace%20é")},
		{[]string{"link.parquet"}, two("a")},
		{[]string{"a.parquet", "a.parquet"}, two("a", "a")},
	} {
		var paths []string
		for _, p := range c.paths {
			paths = append(paths, filepath.Join(dir, p))
		}
		sameIDs(t, fmt.Sprint(c.paths), found(t, e, Files(paths...), Query{}), c.want)
	}
	sameIDs(t, "file URL", found(t, e, Files("file://"+filepath.Join(dir, "a.parquet")), Query{}), two("a"))
	sameIDs(t, "escaped file URL", found(t, e, Files("file://"+dir+"/sp%20ace%2520%C3%A9.parquet"), Query{}), two("sp ace%20é"))
}

func TestPathsThatNameNothing(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, Config{})
	for _, path := range []string{filepath.Join(dir, "none.parquet"), empty, filepath.Join(dir, "*.parquet"), filepath.Join(dir, "**", "*.parquet"),
		filepath.Join(dir, "none", "**", "*.parquet")} {
		_, err := tryFind(e, Files(path), Query{})
		wantError(t, err, core.SearchError, "NotFound", path)
	}
	for _, path := range []string{"", "a\x00b.parquet", "file://host/a.parquet"} {
		_, err := tryFind(e, Files(path), Query{})
		wantError(t, err, core.InvalidArgument, "Source")
	}
	_, err := tryFind(e, Files(), Query{})
	wantError(t, err, core.InvalidArgument, "Source")
	_, err = tryFind(e, Files("/dev/null"), Query{})
	wantError(t, err, core.SearchError, "CatalogError", "/dev/null")
}

// TestFilesThatDiffer joins catalogs whose assets and columns are not the same.
func TestFilesThatDiffer(t *testing.T) {
	w := newWriter(t)
	dir := t.TempDir()
	a := w.parquet(filepath.Join(dir, "a.parquet"), itemSQL("a", 3))
	b := w.parquet(filepath.Join(dir, "b.parquet"), `SELECT *, 5.5 AS "eo:cloud_cover" FROM (`+itemSQL("b", 3)+")")
	e := newEngine(t, Config{})
	sameIDs(t, "all", found(t, e, Files(a, b), Query{}), []string{"a0", "a1", "a2", "b0", "b1", "b2"})
	sameIDs(t, "a property that one file has", found(t, e, Files(a, b), Query{SortBy: []SortKey{{"eo:cloud_cover", false}}}),
		[]string{"b0", "b1", "b2", "a0", "a1", "a2"})
	sameIDs(t, "filtered", found(t, e, Files(a, b), Query{Filter: []byte(`"eo:cloud_cover > 5"`)}), []string{"b0", "b1", "b2"})
}

func TestHivePartitions(t *testing.T) {
	w := newWriter(t)
	dir := t.TempDir()
	for _, c := range []string{"landsat", "20250101"} {
		for _, year := range []string{"2023", "2024"} {
			w.parquet(filepath.Join(dir, "collection="+c, "year="+year, "part-0.parquet"), "SELECT * EXCLUDE (collection) FROM ("+itemSQL(c+year+"-", 2)+")")
		}
	}
	e := newEngine(t, Config{})
	sameIDs(t, "all", found(t, e, Files(dir), Query{}),
		[]string{"202501012023-0", "202501012023-1", "202501012024-0", "202501012024-1", "landsat2023-0", "landsat2023-1", "landsat2024-0", "landsat2024-1"})
	sameIDs(t, "a collection that looks like a number", found(t, e, Files(dir), Query{Collections: []string{"20250101"}}),
		[]string{"202501012023-0", "202501012023-1", "202501012024-0", "202501012024-1"})
	sameIDs(t, "a partition key in a filter", found(t, e, Files(dir), Query{Filter: []byte(`"collection = 'landsat' AND year = '2024'"`)}), []string{"landsat2024-0", "landsat2024-1"})
}

// TestHivePartitionsAboveTheFolder: of a folder only what lies below it makes columns, whatever it lies in itself; of a file
// or a glob all that is written, as in DuckDB.
func TestHivePartitionsAboveTheFolder(t *testing.T) {
	w := newWriter(t)
	root := t.TempDir()
	dir := filepath.Join(root, "id=YWI==", "collection=old", "year=1999", "archive") // DuckDB makes no column of the first
	for _, zone := range []string{"31", "32"} {
		w.parquet(filepath.Join(dir, "plain", zone+".parquet"), "SELECT 2024 AS year, * FROM ("+itemSQL(zone+"-", 1)+")")
		w.parquet(filepath.Join(dir, "hive", "zone="+zone, "items.parquet"), itemSQL(zone+"-", 1))
		w.parquet(filepath.Join(dir, "again", "year="+zone, "items.parquet"), itemSQL(zone+"-", 1))
	}
	for i := range manyFiles { // so many that those of other collections are left out unopened
		w.parquet(filepath.Join(dir, "many", fmt.Sprintf("%02d.parquet", i)), itemSQL("i"+strconv.Itoa(i)+"-", 1))
	}
	link := filepath.Join(root, "link")
	if err := os.Symlink(filepath.Join(dir, "hive"), link); err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, Config{})
	both := []string{"31-0", "32-0"}
	filtered := func(what string, source Source, filter string, want []string) {
		t.Helper()
		sameIDs(t, what, found(t, e, source, Query{Filter: []byte(strconv.Quote(filter))}), want)
	}
	filtered("a file's own column", Files(filepath.Join(dir, "plain")), "year = 2024", both)
	filtered("written in a glob", Files(filepath.Join(dir, "plain", "*.parquet")), "year = '1999'", both)
	filtered("written for a file", Files(filepath.Join(dir, "plain", "32.parquet")), "year = '1999'", both[1:])
	filtered("below the folder", Files(filepath.Join(dir, "hive")), "zone = '32'", both[1:])
	filtered("below a link", Files(link), "zone = '32'", both[1:])
	for _, folder := range []string{filepath.Join(dir, "hive"), link} {
		_, err := tryFind(e, Files(folder), Query{Filter: []byte(`"year = '1999'"`)})
		wantError(t, err, core.InvalidArgument, "UnknownProperty")
		result, err := e.Search(t.Context(), Files(folder), &Query{})
		if err != nil {
			t.Fatal(err)
		}
		if result.Schema.HasField("year") || !result.Schema.HasField("zone") {
			t.Errorf("%s: the columns are %v", folder, result.Schema.Fields())
		}
		result.Release()
	}
	_, err := tryFind(e, Files(filepath.Join(dir, "again")), Query{Filter: []byte(`"year = '1999'"`)})
	wantError(t, err, core.InvalidArgument, "UnknownProperty") // DuckDB would give it for 31 and 32
	sameIDs(t, "another collection's folder", found(t, e, Files(filepath.Join(dir, "many")), Query{Collections: []string{"c"}, Limit: 1}), []string{"i0-0"})
}

// TestReplacedFile opens a file anew when it was written again.
func TestReplacedFile(t *testing.T) {
	w := newWriter(t)
	path := w.parquet(filepath.Join(t.TempDir(), "a.parquet"), itemSQL("old", 2))
	e := newEngine(t, Config{})
	sameIDs(t, "before", found(t, e, Files(path), Query{}), []string{"old0", "old1"})
	other := w.parquet(path+".new", itemSQL("new", 2))
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	sameIDs(t, "after", found(t, e, Files(path), Query{}), []string{"new0", "new1"})
}

func TestFilesThatAreNoCatalog(t *testing.T) {
	w := newWriter(t)
	dir := t.TempDir()
	e := newEngine(t, Config{})
	good, err := os.ReadFile(w.parquet(filepath.Join(dir, "good.parquet"), itemSQL("a", 1000)))
	if err != nil {
		t.Fatal(err)
	}
	million := append([]byte("PAR1"), 0x15, 0x02, 0x19, 0xfc)
	million = binary.AppendUvarint(million, 1_000_001)
	million = append(million, make([]byte, 100)...)
	million = binary.LittleEndian.AppendUint32(million, uint32(len(million)-4))
	million = append(million, "PAR1"...)
	for name, c := range map[string]struct {
		content []byte
		word    string
	}{
		"truncated.parquet": {good[:len(good)/2], "truncated"},
		"cut.parquet":       {good[:len(good)-1], "truncated"},
		"page.html":         {[]byte("<html>not found, sorry</html>"), "no parquet"},
		"empty.parquet":     {nil, "0 bytes"},
		"short.parquet":     {[]byte("PAR1"), "4 bytes"},
		"footer.parquet":    {append(append([]byte{}, good[:100]...), "\xff\xff\xff\x7fPAR1"...), "corrupt"},
		"zeros.parquet":     {append(append([]byte("PAR1"), make([]byte, 100)...), "\x50\x00\x00\x00PAR1"...), "corrupt"},
		"million.parquet":   {million, "1000001 columns"},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, c.content, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := tryFind(e, Files(path), Query{})
		wantError(t, err, core.SearchError, "CatalogError", path, c.word)
		_, err = tryFind(e, Files(filepath.Join(dir, "good.parquet"), path), Query{})
		wantError(t, err, core.SearchError, "CatalogError", path, c.word)
	}
	for name, query := range map[string]string{
		"id, assets, datetime": "SELECT 1 AS x",
		"assets":               "SELECT 'a' AS id, TIMESTAMPTZ '2024-01-01 00:00:00Z' AS datetime",
		"datetime":             "SELECT 'a' AS id, {'a': {'href': 'h'}} AS assets",
		"column assets is":     "SELECT 'a' AS id, 5 AS assets, TIMESTAMPTZ '2024-01-01 00:00:00Z' AS datetime",
		"column id is":         "SELECT 7 AS id, {'a': {'href': 'h'}} AS assets, TIMESTAMPTZ '2024-01-01 00:00:00Z' AS datetime",
	} {
		path := w.parquet(filepath.Join(dir, "other.parquet"), query)
		_, err := tryFind(e, Files(path), Query{})
		wantError(t, err, core.SearchError, "NotStac", path, name)
	}
	sameIDs(t, "the good one", found(t, e, Files(filepath.Join(dir, "good.parquet")), Query{Limit: 1}), []string{"a0"})
	if n := e.OpenSources(); n != 1 {
		t.Errorf("%d sources are open, want 1: those that failed are forgotten", n)
	}
}

// TestFlippedBits damages a catalog in many places: an answer or an error, and the next search works.
func TestFlippedBits(t *testing.T) {
	w := newWriter(t)
	dir := t.TempDir()
	good := w.parquet(filepath.Join(dir, "good.parquet"), itemSQL("a", 500), "COMPRESSION zstd")
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, Config{MemoryLimit: 256 << 20})
	r := rand.New(rand.NewPCG(1, 1))
	failed := 0
	for i := range 80 {
		damaged := append([]byte{}, content...)
		at := r.IntN(len(damaged))
		if i%2 == 0 {
			at = len(damaged) - 1 - r.IntN(min(2000, len(damaged))) // the footer
		}
		damaged[at] ^= 1 << r.IntN(8)
		path := filepath.Join(dir, "damaged.parquet")
		if err := os.WriteFile(path, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := tryFind(e, Files(path), Query{BBox: &[4]float64{0, 0, 90, 1}}); err != nil {
			failed++
			if e, ok := asError(err); !ok || (e.Class != core.SearchError && e.Class != core.BudgetExceeded) {
				t.Errorf("byte %d: %v", at, err)
			}
		}
	}
	if failed < 10 {
		t.Errorf("only %d of 80 damaged files were refused", failed)
	}
	sameIDs(t, "the good one", found(t, e, Files(good), Query{Limit: 1}), []string{"a0"})
}

// TestLocked tries what a search must never be able to do.
func TestLocked(t *testing.T) {
	w := newWriter(t)
	dir := t.TempDir()
	path := w.parquet(filepath.Join(dir, "a.parquet"), itemSQL("a", 2))
	secret := w.parquet(filepath.Join(dir, "secret.parquet"), itemSQL("secret", 2))
	if err := os.Symlink(secret, filepath.Join(dir, "way.parquet")); err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, Config{})
	found(t, e, Files(path), Query{})
	ctx := context.Background()
	err := e.with(ctx, Files(path), &Query{}, nil, func(db *database) error {
		for _, text := range []string{
			"SELECT * FROM read_parquet('" + secret + "')", "SELECT * FROM '" + secret + "'", "SELECT * FROM read_parquet('" + dir + "/way.parquet')",
			"SELECT * FROM read_parquet('" + dir + "/a.parquet/../secret.parquet')", "SELECT * FROM read_parquet('" + dir + "/*.parquet')",
			"SELECT * FROM read_text('/etc/hostname')", "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM glob('/root/*')",
			"COPY (SELECT 1) TO '" + dir + "/out.csv'", "ATTACH '" + dir + "/x.db'", "INSTALL httpfs", "LOAD spatial", "LOAD '" + dir + "/x.duckdb_extension'",
			"SELECT * FROM read_parquet('https://example.com/a.parquet')", "SELECT * FROM read_parquet('s3://b/a.parquet')",
			"SET enable_external_access=true", "SET allowed_paths=['/']", "SET threads=64", "SET memory_limit='100GB'", "RESET lock_configuration",
			"SET GLOBAL temp_directory='" + dir + "'", "EXPORT DATABASE '" + dir + "/dump'", "IMPORT DATABASE '" + dir + "'",
		} {
			s := &statement{}
			s.add(text)
			if _, err := db.query(ctx, s); err == nil {
				t.Errorf("%s: was allowed", text)
			} else if told := err.Error(); !strings.Contains(told, "disabled") && !strings.Contains(told, "has been locked") {
				t.Errorf("%s: refused for another reason: %v", text, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sameIDs(t, "afterwards", found(t, e, Files(path), Query{}), []string{"a0", "a1"})
}

func TestPoolClosesWhatIsIdle(t *testing.T) {
	w := newWriter(t)
	dir := t.TempDir()
	var sources []Source
	for i := range 5 {
		sources = append(sources, Files(w.parquet(filepath.Join(dir, fmt.Sprint(i)), itemSQL("a", 2))))
	}
	full := newEngine(t, Config{MaxOpen: 3})
	for _, src := range sources {
		found(t, full, src, Query{})
	}
	if n := full.OpenSources(); n != 3 {
		t.Errorf("%d sources are open, want 3", n)
	}
	e := newEngine(t, Config{IdleTimeout: 50 * time.Millisecond})
	for _, src := range sources {
		found(t, e, src, Query{})
	}
	deadline := time.Now().Add(10 * time.Second)
	for e.OpenSources() > 0 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if n := e.OpenSources(); n != 0 {
		t.Errorf("%d sources are left", n)
	}
	sameIDs(t, "opened again", found(t, e, sources[0], Query{}), []string{"a0", "a1"})
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	_, err := tryFind(e, sources[0], Query{})
	wantError(t, err, core.InvalidArgument, "Closed")
}
