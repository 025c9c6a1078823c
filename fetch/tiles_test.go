package fetch_test

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cogweave/core"
	"cogweave/fetch"
	"cogweave/fetch/fetchtest"
)

// quick is a configuration whose pauses a test can wait for.
func quick() fetch.Config {
	return fetch.Config{
		ConnectTimeout: 500 * time.Millisecond, FirstByteTimeout: 300 * time.Millisecond, StallTimeout: 200 * time.Millisecond,
		AttemptTimeout: 2 * time.Second, TotalTimeout: 5 * time.Second, Backoff: 2 * time.Millisecond, ThrottlePause: 4 * time.Millisecond,
	}
}

// newClient makes a client and checks, when the test is over, that it left nothing behind.
func newClient(t testing.TB, cfg fetch.Config) *fetch.Client {
	c := fetch.New(cfg)
	t.Cleanup(func() {
		c.Close()
		wait(t, "an idle client", func() bool { return c.Stats().InFlight == 0 })
		wait(t, "no goroutine of package fetch", func() bool { return !strings.Contains(stacks(), "fetch.(*Client)") })
	})
	return c
}

func stacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

func wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("waited in vain for %s\n%s", what, stacks())
			return
		}
	}
}

// result is what one ref got.
type result struct {
	data []byte
	err  error
}

func tiles(ctx context.Context, c core.TileSource, refs []core.TileRef) []result {
	out := make([]result, len(refs))
	calls := make([]int, len(refs))
	c.Tiles(ctx, refs, func(i int, data []byte, err error) {
		out[i] = result{data, err}
		calls[i]++
	})
	for i, n := range calls {
		if n != 1 {
			out[i].err = fmt.Errorf("delivered %d times", n)
		}
	}
	return out
}

// file is an object on a fault server, and its content.
type file struct {
	server *fetchtest.Server
	path   string
	data   []byte
	asset  *core.Asset
}

func newFile(t testing.TB, size int) *file {
	server := fetchtest.NewServer(t)
	f := &file{server: server, path: "/x.tif", data: fetchtest.Pattern(size, 1)}
	url := server.Put(f.path, fetchtest.Object{Data: f.data, ETag: `"v1"`})
	f.asset = &core.Asset{Href: url, ETag: `"v1"`, Size: int64(size)}
	return f
}

func (f *file) refs(ranges ...core.ByteRange) []core.TileRef {
	refs := make([]core.TileRef, len(ranges))
	for i, r := range ranges {
		refs[i] = core.TileRef{Asset: f.asset, Range: r}
	}
	return refs
}

func (f *file) check(t testing.TB, refs []core.TileRef, got []result) {
	t.Helper()
	for i, r := range refs {
		if got[i].err != nil {
			t.Errorf("tile %d %v: %v", i, r.Range, got[i].err)
		} else if !bytes.Equal(got[i].data, f.data[r.Range.Start:r.Range.End]) {
			t.Errorf("tile %d %v: wrong bytes", i, r.Range)
		} else if cap(got[i].data) != len(got[i].data) {
			t.Errorf("tile %d %v: memory for %d bytes", i, r.Range, cap(got[i].data))
		}
	}
}

func TestTilesMergesNeighbours(t *testing.T) {
	f := newFile(t, 1<<20)
	c := newClient(t, quick())
	// As a COG has them, with leaders and trailers between, asked for in another order and twice.
	refs := f.refs(
		core.ByteRange{Start: 600_000, End: 700_000},
		core.ByteRange{Start: 1000, End: 21_000}, core.ByteRange{Start: 41_016, End: 50_000}, core.ByteRange{Start: 21_008, End: 41_008},
		core.ByteRange{Start: 600_000, End: 700_000},
		core.ByteRange{Start: 200_000, End: 210_000},
	)
	f.check(t, refs, tiles(context.Background(), c, refs))
	want := []core.ByteRange{{Start: 600_000, End: 700_000}, {Start: 1000, End: 50_000}, {Start: 200_000, End: 210_000}}
	if got := f.server.Ranges(f.path); !sameRanges(got, want) {
		t.Errorf("requests %v, want %v", got, want)
	}
	s := c.Stats()
	if s.Requests != 3 || s.Bytes != 100_000+49_000+10_000 || s.TileHits != 1 {
		t.Errorf("stats %+v", s)
	}
	f.check(t, refs, tiles(context.Background(), c, refs))
	if s := c.Stats(); s.Requests != 3 || s.TileHits != 7 {
		t.Errorf("a second time: %+v", s)
	}
}

func sameRanges(got, want []core.ByteRange) bool {
	order := func(a, b core.ByteRange) int { return int(a.Start - b.Start) }
	got, want = slices.Clone(got), slices.Clone(want)
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	return slices.Equal(got, want)
}

func TestTilesAreKeptByVersion(t *testing.T) {
	f := newFile(t, 10_000)
	c := newClient(t, quick())
	refs := f.refs(core.ByteRange{Start: 10, End: 20})
	tiles(context.Background(), c, refs)
	f.data = fetchtest.Pattern(10_000, 2)
	f.server.Put(f.path, fetchtest.Object{Data: f.data, ETag: `"v2"`})
	f.asset = &core.Asset{Href: f.asset.Href, ETag: `"v2"`, Size: 10_000}
	refs = f.refs(core.ByteRange{Start: 10, End: 20})
	f.check(t, refs, tiles(context.Background(), c, refs))
	if n := c.Stats().Requests; n != 2 {
		t.Errorf("%d requests", n)
	}
}

// Another signature of the same file must not cost another request.
func TestTilesIgnoreSignatures(t *testing.T) {
	f := newFile(t, 10_000)
	c := newClient(t, quick())
	for i := range 3 {
		path := fmt.Sprintf("/x.tif?sig=%d", i)
		url := f.server.Put(path, fetchtest.Object{Data: f.data, ETag: `"v1"`})
		refs := []core.TileRef{{Asset: &core.Asset{Href: url, ETag: `"v1"`}, Range: core.ByteRange{Start: 10, End: 20}}}
		f.check(t, refs, tiles(context.Background(), c, refs))
	}
	if n := c.Stats().Requests; n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestTilesCacheBudget(t *testing.T) {
	f := newFile(t, 1<<20)
	cfg := quick()
	cfg.TileCacheBytes = 100_000
	c := newClient(t, cfg)
	for i := range int64(20) {
		refs := f.refs(core.ByteRange{Start: i * 20_000, End: i*20_000 + 20_000})
		tiles(context.Background(), c, refs)
	}
	if n := c.Stats().CacheBytes; n > 100_000 || n < 60_000 {
		t.Errorf("%d bytes are kept of a budget of 100,000", n)
	}
	cfg.TileCacheBytes = -1
	if err := c.Configure(cfg); err != nil {
		t.Fatal(err)
	}
	if n := c.Stats().CacheBytes; n != 0 {
		t.Errorf("%d bytes are kept without a cache", n)
	}
}

func TestSingleFlight(t *testing.T) {
	f := newFile(t, 100_000)
	c := newClient(t, quick())
	gate := make(chan struct{})
	f.server.Script(f.path, fetchtest.Until(gate, fetchtest.Serve))
	refs := f.refs(core.ByteRange{Start: 10, End: 50_000})
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() { f.check(t, refs, tiles(context.Background(), c, refs)) })
	}
	wait(t, "all callers", func() bool { return c.Stats().TileHits == 19 })
	close(gate)
	callers.Wait()
	if n := len(f.server.Requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestLastWaiterAborts(t *testing.T) {
	f := newFile(t, 100_000)
	c := newClient(t, quick())
	f.server.Always(f.path, fetchtest.HeadOnly(500))
	refs := f.refs(core.ByteRange{Start: 0, End: 1000}, core.ByteRange{Start: 50_000, End: 60_000})
	first, stopFirst := context.WithCancel(context.Background())
	second, stopSecond := context.WithCancel(context.Background())
	results := make(chan []result, 2)
	go func() { results <- tiles(first, c, refs) }()
	wait(t, "two requests", func() bool { return len(f.server.Requests()) == 2 })
	go func() { results <- tiles(second, c, refs[:1]) }()
	wait(t, "the second caller", func() bool { return c.Stats().TileHits == 1 })

	stopFirst()
	for _, r := range <-results {
		if core.ClassOf(r.err) != core.Cancelled {
			t.Errorf("after cancelling: %v", r.err)
		}
	}
	wait(t, "the hang-up on the request that nobody waits for", func() bool { return f.server.Aborted() == 1 })
	stopSecond()
	<-results
	wait(t, "the hang-up on the other", func() bool { return f.server.Aborted() == 2 })
	wait(t, "no request under way", func() bool { return c.Stats().InFlight == 0 })
	if n := len(f.server.Requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

// A waiter inherits what a cancelled call began, whether its request is under way or still queued.
func TestInheritance(t *testing.T) {
	f := newFile(t, 100_000)
	cfg := quick()
	cfg.MaxRequests = 1
	c := newClient(t, cfg)
	gate := make(chan struct{})
	f.server.Script(f.path, fetchtest.Until(gate, fetchtest.Serve))
	refs := f.refs(core.ByteRange{Start: 0, End: 1000}, core.ByteRange{Start: 50_000, End: 60_000}, core.ByteRange{Start: 80_000, End: 90_000})
	ctx, stop := context.WithCancel(context.Background())
	results := make(chan []result, 2)
	go func() { results <- tiles(ctx, c, refs) }()
	wait(t, "the request", func() bool { return len(f.server.Requests()) == 1 })
	inherited := f.refs(refs[0].Range, refs[2].Range)
	go func() { results <- tiles(context.Background(), c, inherited) }()
	wait(t, "the second caller", func() bool { return c.Stats().TileHits == 2 })
	stop()
	<-results
	close(gate)
	f.check(t, inherited, <-results)
	if got := f.server.Ranges(f.path); !sameRanges(got, []core.ByteRange{inherited[0].Range, inherited[1].Range}) {
		t.Errorf("requests %v", got)
	}
}

// Tiles of a merged request are delivered as their bytes arrive.
func TestTilesStream(t *testing.T) {
	f := newFile(t, 100_000)
	cfg := quick()
	cfg.StallTimeout = 5 * time.Second
	c := newClient(t, cfg)
	f.server.Script(f.path, fetchtest.HeadOnly(10_000))
	refs := f.refs(core.ByteRange{Start: 0, End: 9000}, core.ByteRange{Start: 9008, End: 20_000})
	ctx, stop := context.WithCancel(context.Background())
	var order []int
	var errs []error
	c.Tiles(ctx, refs, func(i int, data []byte, err error) {
		order, errs = append(order, i), append(errs, err)
		stop()
	})
	if !reflect.DeepEqual(order, []int{0, 1}) || errs[0] != nil || core.ClassOf(errs[1]) != core.Cancelled {
		t.Errorf("order %v, errors %v", order, errs)
	}
}

func TestTilesRefusesNonsense(t *testing.T) {
	f := newFile(t, 1000)
	cfg := quick()
	cfg.MaxBytesInFlight = 10_000
	c := newClient(t, cfg)
	for _, tc := range []struct {
		ref   core.TileRef
		class core.Class
	}{
		{core.TileRef{Range: core.ByteRange{End: 1}}, core.InvalidArgument},
		{core.TileRef{Asset: f.asset}, core.InvalidArgument},
		{core.TileRef{Asset: f.asset, Range: core.ByteRange{Start: -1, End: 1}}, core.InvalidArgument},
		{core.TileRef{Asset: f.asset, Range: core.ByteRange{Start: 5, End: 1}}, core.InvalidArgument},
		{core.TileRef{Asset: f.asset, Range: core.ByteRange{Start: 500, End: 1001}}, core.DecodeError},
		{core.TileRef{Asset: &core.Asset{Href: f.asset.Href}, Range: core.ByteRange{Start: 500, End: 1001}}, core.DecodeError},
		{core.TileRef{Asset: &core.Asset{Href: f.asset.Href}, Range: core.ByteRange{End: 1 << 40}}, core.BudgetExceeded},
		{core.TileRef{Asset: &core.Asset{Href: "ftp://127.0.0.1/x"}, Range: core.ByteRange{End: 10}}, core.InvalidArgument},
	} {
		got := tiles(context.Background(), c, []core.TileRef{tc.ref})
		if core.ClassOf(got[0].err) != tc.class {
			t.Errorf("%v of %v: %v, want %s", tc.ref.Range, tc.ref.Asset, got[0].err, tc.class)
		}
	}
	got := tiles(context.Background(), c, []core.TileRef{{Asset: &core.Asset{Href: "ftp://127.0.0.1/x"}, Range: core.ByteRange{End: 10}}})
	if text := got[0].err.Error(); !strings.Contains(text, "file, gcs, gs, http, https, s3") {
		t.Errorf("the error does not list the schemes: %s", text)
	}
}

func TestReadRangesAndStat(t *testing.T) {
	f := newFile(t, 100_000)
	c := newClient(t, quick())
	asset, err := c.Stat(context.Background(), f.asset.Href)
	if err != nil || asset != *f.asset {
		t.Fatalf("Stat: %+v, %v", asset, err)
	}
	ranges := []core.ByteRange{{Start: 90_000, End: 100_000}, {Start: 0, End: 4}, {Start: 5, End: 1000}}
	data, err := c.ReadRanges(context.Background(), asset, ranges)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range ranges {
		if !bytes.Equal(data[i], f.data[r.Start:r.End]) {
			t.Errorf("%v: wrong bytes", r)
		}
	}
	if n := len(f.server.Requests()); n != 3 {
		t.Errorf("%d requests", n)
	}
	if n := c.Stats().CacheBytes; n != 0 {
		t.Errorf("%d bytes are kept", n)
	}
	f.server.Put(f.path, fetchtest.Object{Data: f.data, ETag: `"v2"`})
	if _, err := c.ReadRanges(context.Background(), asset, ranges); core.ClassOf(err) != core.AssetChanged {
		t.Errorf("of a file that was replaced: %v", err)
	}
	if _, err := c.Stat(context.Background(), f.server.URL+"/none"); core.ClassOf(err) != core.AssetNotFound {
		t.Errorf("Stat of no file: %v", err)
	}
}

func TestProcessWideLimits(t *testing.T) {
	f := newFile(t, 1<<20)
	f.server.Delay(2 * time.Millisecond)
	cfg := quick()
	cfg.MaxRequests = 5
	c := newClient(t, cfg)
	var callers sync.WaitGroup
	for caller := range int64(4) {
		callers.Go(func() {
			var refs []core.TileRef
			for i := range int64(40) {
				refs = append(refs, f.refs(core.ByteRange{Start: (i*4 + caller) * 5000, End: (i*4+caller)*5000 + 1000})...)
			}
			f.check(t, refs, tiles(context.Background(), c, refs))
		})
	}
	callers.Wait()
	if got := f.server.Peak(); got != 5 {
		t.Errorf("the server saw %d requests at a time, want 5", got)
	}
	if s := c.Stats(); s.Requests != 160 || s.MaxInFlight != 5 {
		t.Errorf("stats %+v", s)
	}
	cfg.MaxRequests = 2
	if err := c.Configure(cfg); err != nil {
		t.Fatal(err)
	}
	if got := c.Effective(); got.MaxRequests != 2 || got.Attempts != 5 || c.Config().Attempts != 0 {
		t.Errorf("in force: %+v", got)
	}
	cfg.HeaderBytes = 1
	if err := c.Configure(cfg); core.ClassOf(err) != core.InvalidArgument || c.Config().HeaderBytes != 0 {
		t.Errorf("a first read of one byte: %v", err)
	}
}

func TestDoneMayPanic(t *testing.T) {
	f := newFile(t, 100_000)
	c := newClient(t, quick())
	f.server.Script(f.path, fetchtest.Serve, fetchtest.Silence)
	refs := f.refs(core.ByteRange{Start: 0, End: 1000}, core.ByteRange{Start: 50_000, End: 60_000})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		c.Tiles(context.Background(), refs, func(int, []byte, error) { panic("done") })
	}()
	wait(t, "the hang-up", func() bool { return c.Stats().InFlight == 0 })
}
