package search

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"cogweave/core"
	"cogweave/core/table"
)

// heavy is a catalog on which a sort takes a while.
func heavy(t testing.TB, rows string) Source {
	w := newWriter(t)
	return Files(w.parquet(filepath.Join(t.TempDir(), "heavy.parquet"), `SELECT 'item-' || i AS id, make_timestamp(1700000000000000 + i)::TIMESTAMPTZ AS datetime,
		md5(i::VARCHAR) AS key, {'xmin': 0.0, 'ymin': 0.0, 'xmax': 1.0, 'ymax': 1.0} AS bbox,
		{'a': {'href': 'https://h/' || md5(i::VARCHAR)}, 'b': {'href': 'https://h/' || md5((i+1)::VARCHAR)}} AS assets FROM range(`+rows+`) r(i)`))
}

func TestCancel(t *testing.T) {
	src := heavy(t, "600000")
	e := newEngine(t, Config{})
	found(t, e, src, Query{Limit: 1})
	cause := errors.New("the caller left")
	for _, delay := range []time.Duration{0, time.Millisecond, 20 * time.Millisecond} {
		ctx, cancel := context.WithCancelCause(context.Background())
		if delay == 0 {
			cancel(cause)
		} else {
			time.AfterFunc(delay, func() { cancel(cause) })
		}
		start := time.Now()
		_, err := e.Search(ctx, src, &Query{SortBy: []SortKey{{"key", true}}})
		wantError(t, err, core.Cancelled, "", "the caller left")
		if !errors.Is(err, cause) {
			t.Errorf("%v does not wrap its cause", err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("cancelled after %v, ended after %v", delay, took)
		}
		cancel(nil)
	}
	sameIDs(t, "afterwards", found(t, e, src, Query{Limit: 1}), []string{"item-0"})
}

func TestMemoryLimit(t *testing.T) {
	src := heavy(t, "1000000")
	e := newEngine(t, Config{MemoryLimit: 48 << 20, TempLimit: 1 << 20})
	_, err := e.Search(context.Background(), src, &Query{SortBy: []SortKey{{"key", true}}})
	wantError(t, err, core.BudgetExceeded, "SearchMemory")
	sameIDs(t, "a smaller search", found(t, e, src, Query{Limit: 1}), []string{"item-0"})
}

// TestNoTempDir searches where no folder for spilling can be made.
func TestNoTempDir(t *testing.T) {
	w := newWriter(t)
	path := w.parquet(filepath.Join(t.TempDir(), "a.parquet"), itemSQL("a", 2))
	e := newEngine(t, Config{TempDir: "/proc/none"})
	sameIDs(t, "without a folder", found(t, e, Files(path), Query{SortBy: []SortKey{{"id", true}}}), []string{"a1", "a0"})
}

// TestSpill sorts more than fits into memory, in a folder that nobody else can read, and leaves nothing
// there.
func TestSpill(t *testing.T) {
	src := heavy(t, "1200000")
	temp := t.TempDir()
	e := newEngine(t, Config{MemoryLimit: 192 << 20, TempDir: temp, Threads: 1})
	r, err := e.Search(context.Background(), src, &Query{SortBy: []SortKey{{"key", true}}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Rows != 1200000 {
		t.Errorf("%d rows", r.Rows)
	}
	r.Release()
	without := newEngine(t, Config{MemoryLimit: 192 << 20, TempDir: "/proc/none", Threads: 1})
	_, err = without.Search(context.Background(), src, &Query{SortBy: []SortKey{{"key", true}}})
	wantError(t, err, core.BudgetExceeded, "SearchMemory")
	own, err := filepath.Glob(filepath.Join(temp, "*"))
	if err != nil || len(own) != 1 || !isPrivate(own[0]) {
		t.Fatalf("folders %v, %v", own, err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(own[0], "*")); err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
	// A folder of that name that others can enter is not used.
	if err := os.Chmod(own[0], 0o755); err != nil {
		t.Fatal(err)
	}
	if folder := spillFolder(temp); filepath.Dir(folder) == own[0] {
		t.Errorf("%s lies in a folder that is not private", folder)
	}
}

// TestParallelSearches share one opened source.
func TestParallelSearches(t *testing.T) {
	all := scenes(200)
	w := newWriter(t)
	w.load(all)
	src := Files(w.parquet(filepath.Join(t.TempDir(), "items.parquet"), shapes["stac-geoparquet"]))
	e := newEngine(t, Config{})
	box := [4]float64{3, 3, 20, 20}
	want := found(t, newEngine(t, Config{}), src, Query{BBox: &box})
	var wait sync.WaitGroup
	for range 16 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range 10 {
				got, err := tryFind(e, src, Query{BBox: &box})
				if err != nil {
					t.Error(err)
				}
				sameIDs(t, "in parallel", got, want)
			}
		}()
	}
	wait.Wait()
	if n := e.OpenSources(); n != 1 {
		t.Errorf("%d sources are open, want 1", n)
	}
}

// TestResultOutlivesTheEngine reads a result after everything behind it is gone.
func TestResultOutlivesTheEngine(t *testing.T) {
	w := newWriter(t)
	path := w.parquet(filepath.Join(t.TempDir(), "a.parquet"), itemSQL("a", 3))
	e := New(Config{})
	r, err := e.Search(context.Background(), Files(path), &Query{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	items, err := table.ParseItems(r.Batches, "")
	if err != nil || len(items) != 3 || items[2].ID != "a2" {
		t.Errorf("%v, %v", items, err)
	}
	r.Release()
}

// TestWantedAssets leaves out what was not asked for, and nothing else.
func TestWantedAssets(t *testing.T) {
	e := newEngine(t, Config{})
	for _, path := range realCatalogs(t) {
		schema, keys, err := e.Describe(context.Background(), Files(path))
		if err != nil || schema.NumFields() < 10 || len(keys) < 10 {
			t.Fatalf("%s: %v, %v, %v", path, schema, keys, err)
		}
		wanted := []string{keys[5], keys[2], "no such key"}
		full, err := e.Search(context.Background(), Files(path), &Query{})
		if err != nil {
			t.Fatal(err)
		}
		defer full.Release()
		narrow, err := e.Search(context.Background(), Files(path), &Query{Assets: wanted, Properties: []string{"platform"}})
		if err != nil {
			t.Fatal(err)
		}
		defer narrow.Release()
		if len(narrow.Schema.FieldIndices("platform")) != 1 || narrow.Schema.NumFields() > 9 {
			t.Errorf("%s: columns %s", path, narrow.Schema)
		}
		want, err := table.ParseItemsWith(full.Batches, path, table.ParseItemsOptions{Assets: wanted})
		if err != nil {
			t.Fatal(err)
		}
		got, err := table.ParseItemsWith(narrow.Batches, path, table.ParseItemsOptions{Assets: wanted})
		if err != nil {
			t.Fatal(err)
		}
		if len(want) != 100 || len(want[0].Assets) == 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: items differ:\n%+v\n%+v", path, got[0], want[0])
		}
	}
}
