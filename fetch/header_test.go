package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/fetch"
	"cogweave/fetch/fetchtest"
)

// corpus is the folder of test data, or skips the test.
func corpus(t testing.TB) string {
	dir := os.Getenv("COGWEAVE_DATA")
	if dir == "" {
		dir = "../../shared/data"
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skip("without COGWEAVE_DATA headers and tiles of real files are not read")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

const dem = "cogs/cop-dem/Copernicus_DSM_COG_10_N00_00_E006_00_DEM.tif"

func realFile(t testing.TB, name string) *file {
	data, err := os.ReadFile(filepath.Join(corpus(t), name))
	if err != nil {
		t.Fatal(err)
	}
	server := fetchtest.NewServer(t)
	url := server.Put("/x.tif", fetchtest.Object{Data: data, ETag: `"v1"`})
	return &file{server: server, path: "/x.tif", data: data, asset: &core.Asset{Href: url, ETag: `"v1"`, Size: int64(len(data))}}
}

func TestHeaderOnce(t *testing.T) {
	f := realFile(t, dem)
	c := newClient(t, quick())
	gate := make(chan struct{})
	f.server.Script(f.path, fetchtest.Until(gate, fetchtest.Serve))
	var callers sync.WaitGroup
	headers := make([]*cog.Header, 10)
	for i := range headers {
		callers.Go(func() {
			h, err := c.Header(context.Background(), f.asset.Href)
			if err != nil {
				t.Error(err)
			}
			headers[i] = h
		})
	}
	wait(t, "the request", func() bool { return len(f.server.Requests()) == 1 })
	close(gate)
	callers.Wait()
	h, err := c.Header(context.Background(), f.asset.Href+"?X-Amz-Signature=other")
	if err != nil || h != headers[0] {
		t.Errorf("kept: %v", err)
	}
	if got := f.server.Ranges(f.path); len(got) != 1 || got[0] != (core.ByteRange{End: 32 << 10}) {
		t.Errorf("requests %v", got)
	}
	if h.ETag != `"v1"` || h.Size != int64(len(f.data)) || h.Levels[0].Width != 3600 || h.Href != f.asset.Href {
		t.Errorf("header %+v", h)
	}
	if c.Stats().HeaderHits == 0 {
		t.Error("no hit was counted")
	}
}

func TestHeaders(t *testing.T) {
	server := fetchtest.NewServer(t)
	names, err := filepath.Glob(filepath.Join(corpus(t), "cogs/*/*.tif"))
	if err != nil {
		t.Fatal(err)
	}
	var hrefs, paths []string
	for i, name := range names[:min(150, len(names))] {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		path := "/" + filepath.Base(filepath.Dir(name)) + "/" + filepath.Base(name)
		if i%2 == 0 {
			hrefs = append(hrefs, server.Put(path, fetchtest.Object{Data: data, ETag: `"a"`}))
		} else {
			hrefs = append(hrefs, name)
		}
		paths = append(paths, name)
	}
	c := newClient(t, quick())
	got := make([]*cog.Header, len(hrefs))
	c.Headers(context.Background(), hrefs, func(i int, h *cog.Header, err error) { got[i] = h })
	read := 0
	for i, h := range got {
		want, err := cog.Read(context.Background(), disk(paths[i]), hrefs[i], cog.Limits{})
		if (h == nil) != (err != nil) {
			t.Errorf("%s: read from disk: %v", hrefs[i], err)
		}
		if h == nil || err != nil {
			continue
		}
		if !reflect.DeepEqual(h.Levels, want.Levels) || !reflect.DeepEqual(h.Georef, want.Georef) {
			t.Errorf("%s: not the header that is on disk", hrefs[i])
		}
		if info, _ := os.Stat(paths[i]); h.Size != info.Size() || h.ETag == "" {
			t.Errorf("%s: %d bytes, tag %q", hrefs[i], h.Size, h.ETag)
		}
		read++
	}
	if read < len(hrefs)*8/10 {
		t.Errorf("%d of %d headers read", read, len(hrefs))
	}
}

// disk is a cog.Source without an engine.
type disk string

func (d disk) Size() int64 {
	info, err := os.Stat(string(d))
	if err != nil {
		return 0
	}
	return info.Size()
}

func (d disk) ReadRange(_ context.Context, r core.ByteRange) ([]byte, error) {
	data, err := os.ReadFile(string(d))
	if err != nil {
		return nil, err
	}
	return data[min(r.Start, int64(len(data))):min(r.End, int64(len(data)))], nil
}

func TestHeaderThenTiles(t *testing.T) {
	f := realFile(t, dem)
	c := newClient(t, quick())
	h, err := c.Header(context.Background(), f.asset.Href)
	if err != nil {
		t.Fatal(err)
	}
	f.asset = &core.Asset{Href: f.asset.Href, ETag: h.ETag, Size: h.Size}
	var refs []core.TileRef
	var useful int64
	for l := range h.Levels {
		for i := range h.Levels[l].Offsets {
			if r, ok := h.Levels[l].TileRange(i); ok {
				refs = append(refs, f.refs(r)...)
				useful += r.Len()
			}
		}
	}
	before := c.Stats()
	f.check(t, refs, tiles(context.Background(), c, refs))
	s := c.Stats()
	if read := s.Bytes - before.Bytes; float64(read) > 1.01*float64(useful) {
		t.Errorf("%d bytes read for %d bytes of tiles", read, useful)
	}
	if n := s.Requests - before.Requests; n > 2 {
		t.Errorf("%d requests for all %d tiles of a COG of %d bytes", n, len(refs), h.Size)
	}
}

// A small file's tiles come along with its header.
func TestEmbeddedTiles(t *testing.T) {
	f := realFile(t, "cogs/cogger/cog_rgb.tif")
	c := newClient(t, quick())
	h, err := c.Header(context.Background(), f.asset.Href)
	if err != nil {
		t.Fatal(err)
	}
	var refs []core.TileRef
	for i := range h.Levels[0].Offsets {
		r, _ := h.Levels[0].TileRange(i)
		refs = append(refs, f.refs(r)...)
	}
	f.check(t, refs, tiles(context.Background(), c, refs))
	if n := c.Stats().Requests; n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestHeaderErrorsAreNotKept(t *testing.T) {
	f := realFile(t, dem)
	f.server.Script(f.path, fetchtest.Status(404), fetchtest.Page("<html>sorry</html>"), fetchtest.Serve)
	c := newClient(t, quick())
	if _, err := c.Header(context.Background(), f.asset.Href); core.ClassOf(err) != core.AssetNotFound {
		t.Errorf("%v", err)
	}
	_, err := c.Header(context.Background(), f.asset.Href)
	var e *core.Error
	if !errors.As(err, &e) || e.Reason != "NotATiff" || e.Href == "" || !strings.Contains(e.Message, "3c68746d6c") {
		t.Errorf("an HTML page: %v", err)
	}
	if _, err := c.Header(context.Background(), f.asset.Href); err != nil {
		t.Error(err)
	}
}

func TestHeaderEmptyFile(t *testing.T) {
	server := fetchtest.NewServer(t)
	url := server.Put("/empty.tif", fetchtest.Object{ETag: `"v1"`})
	c := newClient(t, quick())
	_, err := c.Header(context.Background(), url)
	var e *core.Error
	if !errors.As(err, &e) || e.Reason != "NotATiff" || len(server.Requests()) != 1 {
		t.Errorf("%v after %d requests", err, len(server.Requests()))
	}
}

func TestHeaderCancelled(t *testing.T) {
	f := newFile(t, 1000)
	f.server.Always(f.path, fetchtest.Silence)
	cfg := quick()
	cfg.FirstByteTimeout = -1
	c := newClient(t, cfg)
	ctx, stop := context.WithCancel(context.Background())
	errs := make(chan error)
	for range 3 {
		go func() {
			_, err := c.Header(ctx, f.asset.Href)
			errs <- err
		}()
	}
	wait(t, "the request", func() bool { return len(f.server.Requests()) == 1 })
	stop()
	for range 3 {
		if err := <-errs; core.ClassOf(err) != core.Cancelled {
			t.Error(err)
		}
	}
	wait(t, "the hang-up", func() bool { return f.server.Aborted() == 1 })
	n := 0
	c.Headers(ctx, []string{f.asset.Href, "/none"}, func(_ int, _ *cog.Header, err error) {
		if core.ClassOf(err) == core.Cancelled {
			n++
		}
	})
	if n != 2 {
		t.Errorf("%d of 2 cancelled", n)
	}
}

// A replaced file's header goes with its tiles.
func TestChangedFileIsForgotten(t *testing.T) {
	f := realFile(t, dem)
	c := newClient(t, quick())
	if _, err := c.Header(context.Background(), f.asset.Href); err != nil {
		t.Fatal(err)
	}
	f.server.Put(f.path, fetchtest.Object{Data: bytes.Clone(f.data), ETag: `"v2"`})
	got := tiles(context.Background(), c, f.refs(core.ByteRange{Start: 100_000, End: 200_000}))
	if core.ClassOf(got[0].err) != core.AssetChanged {
		t.Errorf("%v", got[0].err)
	}
	h, err := c.Header(context.Background(), f.asset.Href)
	if err != nil || h.ETag != `"v2"` {
		t.Errorf("%v, %v", h, err)
	}
}

func TestLocalTiles(t *testing.T) {
	path := filepath.Join(corpus(t), dem)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, fetch.Config{RequestsPerSecond: 0.001})
	for range 3 { // the rate is for the network only
		h, err := c.Header(context.Background(), path)
		if err != nil {
			t.Fatal(err)
		}
		f := &file{data: data, asset: &core.Asset{Href: path, ETag: h.ETag, Size: h.Size}}
		var refs []core.TileRef
		for i := range h.Levels[0].Offsets {
			r, _ := h.Levels[0].TileRange(i)
			refs = append(refs, f.refs(r)...)
		}
		f.check(t, refs, tiles(context.Background(), c, refs))
	}
}

// A local file that was written anew is read anew, though all of the old one is kept.
func TestAReplacedLocalFileIsNoticed(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(corpus(t), dem))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.tif")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	c, ctx := newClient(t, quick()), context.Background()
	first, err := c.Header(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := c.Header(ctx, path); err != nil || same != first {
		t.Errorf("the file as it was: %v", err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if second, err := c.Header(ctx, path); err != nil || second.ETag == first.ETag {
		t.Errorf("the header is still that of the file before: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Header(ctx, path); core.ClassOf(err) != core.AssetNotFound {
		t.Errorf("a file that is gone: %v", err)
	}
}
