package fetch_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/fetch"
	"cogweave/fetch/fetchtest"
)

func cached(t *testing.T, dir string) *fetch.Client {
	cfg := quick()
	cfg.CacheDir = dir
	return newClient(t, cfg)
}

func TestASecondProcessAsksForNoHeader(t *testing.T) {
	f := realFile(t, dem)
	for _, query := range []string{"?sig=secret", "?sig=other"} {
		f.server.Put(f.path+query, fetchtest.Object{Data: f.data, ETag: `"v1"`})
	}
	dir := t.TempDir()
	first := cached(t, dir)
	want, err := first.Header(context.Background(), f.asset.Href+"?sig=secret")
	if err != nil {
		t.Fatal(err)
	}
	first.Flush(time.Minute)
	second := cached(t, dir)
	got, err := second.Header(context.Background(), f.asset.Href+"?sig=other")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	if n := len(f.server.Requests()); n != 1 || second.Stats().HeaderHits != 1 {
		t.Errorf("%d requests, %+v", n, second.Stats())
	}
	r, _ := got.Levels[0].TileRange(3)
	if tile := tiles(context.Background(), second, []core.TileRef{{Asset: f.asset, Range: r}}); tile[0].err != nil {
		t.Error(tile[0].err)
	}
	if match := f.server.Requests()[1].Header.Get("If-Match"); match != `"v1"` {
		t.Errorf("If-Match %q", match)
	}
}

// A replaced file is noticed by its first tile; header and tiles are then read anew.
func TestAReplacedFileIsForgottenOnDiskToo(t *testing.T) {
	f := realFile(t, dem)
	dir := t.TempDir()
	first := cached(t, dir)
	if _, err := first.Header(context.Background(), f.asset.Href); err != nil {
		t.Fatal(err)
	}
	first.Flush(time.Minute)
	f.server.Put(f.path, fetchtest.Object{Data: f.data, ETag: `"v2"`})
	second := cached(t, dir)
	h, err := second.Header(context.Background(), f.asset.Href)
	if err != nil || h.ETag != `"v1"` {
		t.Fatalf("%v %v", h, err)
	}
	r, _ := h.Levels[0].TileRange(0)
	ref := []core.TileRef{{Asset: f.asset, Range: r}}
	if got := tiles(context.Background(), second, ref); core.ClassOf(got[0].err) != core.AssetChanged {
		t.Fatalf("a tile of another version: %v", got[0].err)
	}
	for _, c := range []*fetch.Client{second, cached(t, dir)} {
		if h, err = c.Header(context.Background(), f.asset.Href); err != nil || h.ETag != `"v2"` {
			t.Errorf("%v %v", h, err)
		}
		c.Flush(time.Minute)
	}
}

// What could not be told from its successor is not kept; nor what lies on a disk itself.
func TestWhatIsNotKeptOnDisk(t *testing.T) {
	f := realFile(t, dem)
	f.server.Put("/untagged.tif", fetchtest.Object{Data: f.data})
	local := corpus(t) + "/" + dem
	dir := t.TempDir()
	for range 2 {
		c := cached(t, dir)
		c.Headers(context.Background(), []string{f.server.URL + "/untagged.tif", local}, func(_ int, _ *cog.Header, err error) {
			if err != nil {
				t.Error(err)
			}
		})
		c.Flush(time.Minute)
		if hits := c.Stats().HeaderHits; hits != 0 {
			t.Errorf("%d hits", hits)
		}
	}
	if n := len(f.server.Requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

func TestAUselessFolderIsNoticedOnce(t *testing.T) {
	f := realFile(t, dem)
	c := cached(t, corpus(t)+"/"+dem)
	for range 2 {
		if _, err := c.Header(context.Background(), f.asset.Href); err != nil {
			t.Fatal(err)
		}
	}
	if n := c.NoticesWaiting(); n != 1 {
		t.Fatalf("%d notices", n)
	}
	if got := c.TakeNotices(); len(got) != 1 || c.NoticesWaiting() != 0 || len(c.TakeNotices()) != 0 {
		t.Errorf("notices %q", got)
	}
}
