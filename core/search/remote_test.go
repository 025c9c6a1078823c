package search

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"cogweave/core"
	"cogweave/core/search/cql2"
)

// folderReader reads https URLs as files of a folder, and counts as a store would: ranges that touch are one
// request.
type folderReader struct {
	root     string
	mu       sync.Mutex
	requests int
	bytes    int64
}

func (r *folderReader) path(href string) string {
	_, name, _ := strings.Cut(strings.TrimPrefix(href, "https://"), "/")
	name, _, _ = strings.Cut(name, "?")
	return filepath.Join(r.root, name)
}

func (r *folderReader) Stat(_ context.Context, href string) (core.Asset, error) {
	info, err := os.Stat(r.path(href))
	if err != nil {
		return core.Asset{}, core.Errorf(core.AssetNotFound, "NotFound", "no such file").WithHref(href)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	return core.Asset{Href: href, Size: info.Size(), ETag: fmt.Sprintf(`"%d-%d"`, info.Size(), info.ModTime().UnixNano())}, nil
}

func (r *folderReader) ReadRanges(_ context.Context, asset core.Asset, ranges []core.ByteRange) ([][]byte, error) {
	f, err := os.Open(r.path(asset.Href))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([][]byte, len(ranges))
	for i, one := range ranges {
		out[i] = make([]byte, one.Len())
		if _, err := f.ReadAt(out[i], one.Start); err != nil && err != io.EOF {
			return nil, err
		}
		r.bytes += one.Len()
		if i == 0 || ranges[i-1].End != one.Start {
			r.requests++
		}
	}
	return out, nil
}

func (r *folderReader) reset() { r.requests, r.bytes = 0, 0 }

// TestRemoteShapesAgreeWithBruteForce asks remote files in every layout what local ones are asked.
func TestRemoteShapesAgreeWithBruteForce(t *testing.T) {
	all := scenes(200)
	w := newWriter(t)
	w.load(all)
	for name, query := range shapes {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			w.parquet(filepath.Join(root, "items.parquet"), query, "ROW_GROUP_SIZE 64")
			src := From(&folderReader{root: root}, "https://host/items.parquet")
			e := newEngine(t, Config{})
			askSpace(t, e, src, all)
			askTime(t, e, src, all)
			askRest(t, e, src, all)
		})
	}
}

// TestRemoteReadsLittle finds one tile of a large catalog that is sorted by tile, and a few items of one that
// is not.
func TestRemoteReadsLittle(t *testing.T) {
	w := newWriter(t)
	root := t.TempDir()
	items := func(order string) string {
		return `SELECT md5(i::VARCHAR) AS id, 'c' AS collection, make_timestamp(1700000000000000 + (i // 100) * 3600000000)::TIMESTAMPTZ AS datetime,
			(hash(i) % 1000) / 10.0 AS "eo:cloud_cover", md5('x' || i) AS junk,
			{'xmin': (i % 100)::DOUBLE, 'ymin': 0.0::DOUBLE, 'xmax': (i % 100) + 0.9::DOUBLE, 'ymax': 1.0::DOUBLE} AS bbox,
			{'B04': {'href': 'https://host/' || md5(i::VARCHAR) || '.tif', 'type': 'image/tiff'}} AS assets
			FROM range(100000) r(i) ORDER BY ` + order
	}
	w.parquet(filepath.Join(root, "sorted.parquet"), items("i % 100, i"), "ROW_GROUP_SIZE 4096")
	w.parquet(filepath.Join(root, "unsorted.parquet"), items("i"), "ROW_GROUP_SIZE 4096")
	reader := &folderReader{root: root}
	e := newEngine(t, Config{})
	info, err := os.Stat(filepath.Join(root, "sorted.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	box := [4]float64{40.2, 0.2, 40.6, 0.6}
	tile := found(t, e, From(reader, "https://host/sorted.parquet"), Query{BBox: &box})
	if len(tile) != 1000 {
		t.Errorf("%d items of the tile, want 1000", len(tile))
	}
	if reader.requests > 8 || reader.bytes > info.Size()/10 {
		t.Errorf("sorted by tile: %d requests, %d of %d bytes", reader.requests, reader.bytes, info.Size())
	}
	reader.reset()
	found(t, e, From(reader, "https://host/sorted.parquet"), Query{BBox: &box})
	if reader.requests != 1 {
		t.Errorf("asked again: %d requests, want the one that asks for the version", reader.requests)
	}
	for name, q := range map[string]Query{
		"an id":      {IDs: []string{"c4ca4238a0b923820dcc509a6f75849b"}},
		"a property": {Filter: []byte(`"junk = '6dbf9ac2da09ee1d3debf5a51873ec6d'"`)},
		"the latest": {SortBy: []SortKey{{"datetime", true}}, Limit: 1},
	} {
		reader.reset()
		if got := found(t, e, From(reader, "https://host/unsorted.parquet"), q); len(got) != 1 {
			t.Errorf("%s: found %v", name, got)
		}
		if reader.bytes > info.Size()*3/4 {
			t.Errorf("%s: %d requests, %d of %d bytes", name, reader.requests, reader.bytes, info.Size())
		}
	}
	decided := len(e.decisions)
	other := Query{IDs: []string{"c4ca4238a0b923820dcc509a6f75849b"}, Narrow: true, Bands: []string{"B04"}}
	if found(t, e, From(reader, "https://host/unsorted.parquet"), other); len(e.decisions) != decided || decided == 0 {
		t.Errorf("%d decisions, %d before other bands were asked for", len(e.decisions), decided)
	}
	if n := countFiles(t, os.TempDir(), "search-"); n > 4 {
		t.Errorf("%d private folders", n)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

func countFiles(t *testing.T, root, prefix string) (n int) {
	t.Helper()
	own := filepath.Join(root, fmt.Sprintf("cogweave-%d", os.Getuid()))
	entries, err := os.ReadDir(own)
	if err != nil {
		return 0
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), fmt.Sprintf("%s%d-", prefix, os.Getpid())) {
			n++
		}
	}
	return n
}

// TestRemoteLists joins remote and local files, and reads the keys of partitioned ones from their URLs.
func TestRemoteLists(t *testing.T) {
	w := newWriter(t)
	root := t.TempDir()
	for _, year := range []string{"2023", "2024"} {
		w.parquet(filepath.Join(root, "collection=l%20s", "year="+year, "items.parquet"), "SELECT * EXCLUDE (collection) FROM ("+itemSQL("i"+year+"-", 2)+")")
	}
	local := w.parquet(filepath.Join(root, "local.parquet"), itemSQL("local", 2))
	reader := &folderReader{root: root}
	e := newEngine(t, Config{TempDir: filepath.Dir(w.parquet(filepath.Join(t.TempDir(), "job=7", "other.parquet"), itemSQL("o", 1)))})
	urls := []string{"https://host/collection=l%20s/year=2024/items.parquet", "https://host/collection=l%20s/year=2023/items.parquet"}
	sameIDs(t, "a list", found(t, e, From(reader, urls...), Query{}), []string{"i2024-0", "i2024-1", "i2023-0", "i2023-1"})
	sameIDs(t, "a key", found(t, e, From(reader, urls...), Query{Filter: []byte(`"year = '2023'"`)}), []string{"i2023-0", "i2023-1"})
	_, err := tryFind(e, From(reader, urls...), Query{Filter: []byte(`"job = '7'"`)}) // where the private files lie
	wantError(t, err, core.InvalidArgument, "UnknownProperty")
	sameIDs(t, "beside a local file", found(t, e, From(reader, local, "https://host/local.parquet"), Query{Limit: 3}), []string{"local0", "local1", "local0"})
}

func TestRemoteFilesThatAreNoCatalog(t *testing.T) {
	w := newWriter(t)
	root := t.TempDir()
	good, err := os.ReadFile(w.parquet(filepath.Join(root, "good.parquet"), itemSQL("a", 1000)))
	if err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, Config{})
	reader := &folderReader{root: root}
	for name, content := range map[string][]byte{
		"page.html": []byte("<html>not found, sorry</html>"), "cut.parquet": good[:len(good)-1], "empty.parquet": nil,
		"footer.parquet": append(slices.Clone(good[:100]), "\xff\xff\xff\x7fPAR1"...),
		"zeros.parquet":  append(append([]byte("PAR1"), make([]byte, 100)...), "\x50\x00\x00\x00PAR1"...),
	} {
		if err := os.WriteFile(filepath.Join(root, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := tryFind(e, From(reader, "https://host/"+name+"?sig=SECRET"), Query{})
		wantError(t, err, core.SearchError, "CatalogError", "https://host/"+name)
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%v shows a secret", err)
		}
	}
	_, err = tryFind(e, From(reader, "https://host/none.parquet"), Query{})
	wantError(t, err, core.AssetNotFound, "NotFound")
	failed := 0
	for i := range 150 {
		damaged := slices.Clone(good)
		damaged[len(damaged)-9-i*7%1000] ^= 1 << (i % 8)
		path := filepath.Join(root, fmt.Sprintf("damaged%d.parquet", i))
		if err := os.WriteFile(path, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := tryFind(e, From(reader, "https://host/"+filepath.Base(path)), Query{BBox: &[4]float64{0, 0, 90, 1}}); err != nil {
			failed++
			if e, ok := asError(err); !ok || (e.Class != core.SearchError && e.Class != core.BudgetExceeded) {
				t.Errorf("byte %d: %v", i, err)
			}
		}
	}
	if failed < 10 {
		t.Errorf("only %d of 150 damaged footers were refused", failed)
	}
}

func TestPropertiesOfAFilter(t *testing.T) {
	tree, err := cql2.Parse([]byte(`"a = 1 AND (b IN ('x') OR S_INTERSECTS(geometry, POINT(0 0))) AND T_DURING(INTERVAL(c, '..'), INTERVAL('..', '2024-01-01'))"`))
	if err != nil {
		t.Fatal(err)
	}
	names, spatial := cql2.Properties(tree)
	if !spatial || !slices.Equal(names, []string{"a", "b", "geometry", "c"}) {
		t.Errorf("%v, spatial %v", names, spatial)
	}
}
