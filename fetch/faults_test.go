package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cogweave/core"
	"cogweave/fetch"
	"cogweave/fetch/fetchtest"
)

// Faults of the network, by number (tests/test_fault_table.py has the others). Times are scaled down.

// outcome is what a fault must answer: an error, or the right bytes if class is "".
type outcome struct {
	class    core.Class
	reason   string
	requests int // that the server saw
}

func (f *file) run(t *testing.T, cfg fetch.Config, want outcome) *core.Error {
	t.Helper()
	c := newClient(t, cfg)
	refs := f.refs(core.ByteRange{Start: 1000, End: 40_000}, core.ByteRange{Start: 40_008, End: 80_000})
	got := tiles(context.Background(), c, refs)
	if n := len(f.server.Requests()); n != want.requests {
		t.Errorf("%d requests %v, want %d", n, f.server.Ranges(f.path), want.requests)
	}
	if want.class == "" {
		f.check(t, refs, got)
		return nil
	}
	var e *core.Error
	if !errors.As(got[1].err, &e) || e.Class != want.class || e.Reason != want.reason {
		t.Fatalf("got %v, want %s/%s", got[1].err, want.class, want.reason)
	}
	if e.Href == "" || e.Range == nil || *e.Range != refs[1].Range || e.Attempts != want.requests {
		t.Errorf("href %q, range %v, attempts %d", e.Href, e.Range, e.Attempts)
	}
	return e
}

func TestFaults(t *testing.T) {
	const size = 100_000
	cut := func(n int, reset bool) fetchtest.Reply { return fetchtest.CutAfter(n, reset) }
	for name, tc := range map[string]struct {
		script []fetchtest.Reply
		always fetchtest.Reply
		want   outcome
	}{
		"1 404":                     {nil, fetchtest.Status(404), outcome{core.AssetNotFound, "NotFound", 1}},
		"1 403":                     {nil, fetchtest.Status(403), outcome{core.AccessDenied, "AccessDenied", 1}},
		"1 401":                     {nil, fetchtest.Status(401), outcome{core.AccessDenied, "AccessDenied", 1}},
		"2 503 twice":               {[]fetchtest.Reply{fetchtest.Status(503), fetchtest.Status(503)}, nil, outcome{requests: 3}},
		"2 503 forever":             {nil, fetchtest.Status(503), outcome{core.AssetError, "HTTP503", 5}},
		"5 RST":                     {[]fetchtest.Reply{cut(20_000, true)}, nil, outcome{requests: 2}},
		"5 FIN":                     {[]fetchtest.Reply{cut(20_000, false), cut(30_000, false), cut(10, false)}, nil, outcome{requests: 4}},
		"5 RST before any byte":     {[]fetchtest.Reply{cut(0, true)}, nil, outcome{requests: 2}},
		"6 short forever":           {nil, cut(0, false), outcome{core.AssetError, "ShortRead", 5}},
		"7 chunked short":           {[]fetchtest.Reply{fetchtest.ShortChunked(20_000)}, nil, outcome{requests: 2}},
		"7 chunked short forever":   {nil, fetchtest.ShortChunked(0), outcome{core.AssetError, "ShortRead", 5}},
		"8 another range":           {nil, fetchtest.Shifted(100), outcome{core.AssetError, "RangeMismatch", 1}},
		"8 another total":           {nil, fetchtest.Total(size + 1), outcome{core.AssetError, "RangeMismatch", 1}},
		"10 gzip":                   {nil, fetchtest.Encoded("gzip"), outcome{core.AssetError, "EncodingError", 1}},
		"11 multipart":              {nil, fetchtest.Multipart, outcome{core.AssetError, "RangeMismatch", 1}},
		"12 no answer, then one":    {[]fetchtest.Reply{fetchtest.Silence}, nil, outcome{requests: 2}},
		"12 silence, then the rest": {[]fetchtest.Reply{fetchtest.HeadOnly(30_000)}, nil, outcome{requests: 2}},
		"15 redirect loop":          {nil, fetchtest.Redirect("/x.tif"), outcome{core.AssetError, "TooManyRedirects", 6}},
		"15 to a file":              {nil, fetchtest.Redirect("file:///etc/passwd"), outcome{core.AssetError, "RedirectRefused", 1}},
		"15 to the metadata":        {nil, fetchtest.Redirect("http://169.254.169.254/latest"), outcome{core.AssetError, "AddressRefused", 1}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFile(t, size)
			f.server.Script(f.path, tc.script...)
			f.server.Always(f.path, tc.always)
			if tc.want.reason == "TooManyRedirects" {
				c := newClient(t, quick())
				got := tiles(context.Background(), c, f.refs(core.ByteRange{Start: 1, End: 2}))
				if !strings.Contains(got[0].err.Error(), "redirects") || len(f.server.Requests()) != 6 {
					t.Errorf("%v after %d requests", got[0].err, len(f.server.Requests()))
				}
				return
			}
			f.run(t, quick(), tc.want)
		})
	}
}

func TestFault3RetryBudget(t *testing.T) {
	server := fetchtest.NewServer(t)
	var refs []core.TileRef
	for i := range 1000 {
		path := fmt.Sprintf("/%d.tif", i)
		server.Always(path, fetchtest.Status(503))
		refs = append(refs, core.TileRef{Asset: &core.Asset{Href: server.URL + path}, Range: core.ByteRange{End: 100}})
	}
	c := newClient(t, quick())
	exhausted := 0
	for _, r := range tiles(context.Background(), c, refs) {
		var e *core.Error
		if errors.As(r.err, &e) && e.Reason == "RetryBudgetExhausted" && strings.Contains(e.Message, server.URL) {
			exhausted++
		}
	}
	if n := len(server.Requests()); n > 1500 || n < 1000 {
		t.Errorf("%d requests for 1000 assets", n)
	}
	if exhausted < 900 {
		t.Errorf("%d of 1000 errors name the retry budget and the host", exhausted)
	}
}

func TestFault4RetryAfter(t *testing.T) {
	f := newFile(t, 100_000)
	f.server.Script(f.path, fetchtest.Status(429, "Retry-After", "1"))
	start := time.Now()
	f.run(t, quick(), outcome{requests: 2})
	if spent := time.Since(start); spent < time.Second {
		t.Errorf("waited %v of the second that the server asked for", spent)
	}

	f = newFile(t, 100_000)
	f.server.Script(f.path, fetchtest.Status(429, "Retry-After", "3600"))
	start = time.Now()
	e := f.run(t, quick(), outcome{core.AssetError, "HTTP429", 1})
	if spent := time.Since(start); spent > time.Second || !strings.Contains(e.Message, "1h") {
		t.Errorf("after %v: %v", spent, e)
	}
}

// What has arrived is not asked for again.
func TestFault5Resumes(t *testing.T) {
	f := newFile(t, 100_000)
	f.server.Script(f.path, fetchtest.CutAfter(50_000, false))
	f.run(t, quick(), outcome{requests: 2})
	got := f.server.Ranges(f.path)
	if got[1].Start <= 40_008 || got[1].Start > 51_000 || got[1].End != 80_000 {
		t.Errorf("requests %v", got)
	}
	if match := f.server.Requests()[1].Header.Get("If-Match"); match != `"v1"` {
		t.Errorf("If-Match of the second is %q", match)
	}
}

// Without an entity tag two answers cannot be joined: the tile that broke off starts anew.
func TestFault5RestartsWithoutTag(t *testing.T) {
	f := newFile(t, 100_000)
	f.server.Put(f.path, fetchtest.Object{Data: f.data})
	f.asset.ETag = ""
	f.server.Script(f.path, fetchtest.CutAfter(50_000, false))
	f.run(t, quick(), outcome{requests: 2})
	if got := f.server.Ranges(f.path); got[1] != (core.ByteRange{Start: 40_008, End: 80_000}) {
		t.Errorf("requests %v", got)
	}
}

func TestFault9WholeFile(t *testing.T) {
	f := newFile(t, 100_000)
	var sent atomic.Int64
	finished := make(chan struct{})
	f.server.Always(f.path, fetchtest.Whole(10<<30, func(n int64) { sent.Store(n); close(finished) }))
	c := newClient(t, quick())
	_, err := c.Header(context.Background(), f.asset.Href)
	var e *core.Error
	if !errors.As(err, &e) || e.Reason != "RangeNotSupported" {
		t.Errorf("%v", err)
	}
	if n := c.Stats().Bytes; n >= 1<<20 {
		t.Errorf("%d bytes were read", n)
	}
	<-finished // the connection was closed, or the server would be sending still
	if n := sent.Load(); n > 64<<20 {
		t.Errorf("the server got rid of %d bytes", n)
	}
}

func TestFault12Times(t *testing.T) {
	cfg := quick()
	cfg.Attempts = 1
	for name, tc := range map[string]struct {
		reply  fetchtest.Reply
		reason string
		after  time.Duration
	}{
		"never answers":        {fetchtest.Silence, "FirstByteTimeout", cfg.FirstByteTimeout},
		"header, then silence": {fetchtest.HeadOnly(0), "StallTimeout", cfg.StallTimeout},
		"body, then silence":   {fetchtest.HeadOnly(60_000), "StallTimeout", cfg.StallTimeout},
		"drip":                 {fetchtest.Drip(20 * time.Millisecond), "StallTimeout", cfg.StallTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFile(t, 100_000)
			f.server.Always(f.path, tc.reply)
			start := time.Now()
			f.run(t, cfg, outcome{core.FetchTimeout, tc.reason, 1})
			if spent := time.Since(start); spent < tc.after*8/10 || spent > tc.after*12/10+time.Second {
				t.Errorf("after %v, want %v", spent, tc.after)
			}
		})
	}
	t.Run("attempt", func(t *testing.T) {
		slow := cfg
		slow.StallRate, slow.AttemptTimeout = -1, 300*time.Millisecond
		f := newFile(t, 10_000)
		f.server.Always(f.path, fetchtest.Drip(5*time.Millisecond))
		c := newClient(t, slow)
		got := tiles(context.Background(), c, f.refs(core.ByteRange{End: 10_000}))
		var e *core.Error
		if !errors.As(got[0].err, &e) || e.Reason != "AttemptTimeout" {
			t.Errorf("%v", got[0].err)
		}
	})
	t.Run("total", func(t *testing.T) {
		slow := cfg
		slow.Attempts, slow.TotalTimeout, slow.Backoff = 100, 300*time.Millisecond, 50*time.Millisecond
		f := newFile(t, 10_000)
		f.server.Always(f.path, fetchtest.Status(500))
		c := newClient(t, slow)
		start := time.Now()
		got := tiles(context.Background(), c, f.refs(core.ByteRange{End: 10_000}))
		var e *core.Error
		if !errors.As(got[0].err, &e) || e.Reason != "TotalTimeout" || time.Since(start) > 2*time.Second {
			t.Errorf("%v after %v", got[0].err, time.Since(start))
		}
	})
}

func TestFault13Replaced(t *testing.T) {
	for name, next := range map[string]fetchtest.Object{
		"another tag":  {Data: fetchtest.Pattern(100_000, 2), ETag: `"v2"`},
		"tag is gone":  {Data: fetchtest.Pattern(100_000, 2)},
		"another size": {Data: fetchtest.Pattern(90_000, 2), ETag: `"v2"`},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFile(t, 100_000)
			c := newClient(t, quick())
			kept := f.refs(core.ByteRange{Start: 0, End: 500})
			f.check(t, kept, tiles(context.Background(), c, kept))
			f.server.Put(f.path, next)
			// Blind to If-Match, as some servers are.
			f.server.Always(f.path, func(x *fetchtest.Exchange) {
				x.Header.Del("If-Match")
				fetchtest.Serve(x)
			})
			refs := f.refs(core.ByteRange{Start: 1000, End: 40_000})
			got := tiles(context.Background(), c, refs)
			if core.ClassOf(got[0].err) != core.AssetChanged {
				t.Errorf("%v", got[0].err)
			}
			if n := c.Stats().CacheBytes; n != 0 {
				t.Errorf("%d bytes of the old version are kept", n)
			}
		})
	}
	t.Run("during the answer", func(t *testing.T) {
		f := newFile(t, 100_000)
		f.server.Script(f.path, func(x *fetchtest.Exchange) {
			f.server.Put(f.path, fetchtest.Object{Data: fetchtest.Pattern(100_000, 2), ETag: `"v2"`})
			fetchtest.CutAfter(20_000, false)(x)
		})
		f.run(t, quick(), outcome{core.AssetChanged, "AssetChanged", 2})
	})
}

func TestFault14NoTag(t *testing.T) {
	f := newFile(t, 100_000)
	f.server.Put(f.path, fetchtest.Object{Data: f.data, LastModified: "Wed, 21 Oct 2015 07:28:00 GMT"})
	c := newClient(t, quick())
	asset, err := c.Stat(context.Background(), f.asset.Href)
	if err != nil || asset.Size != 100_000 {
		t.Fatal(asset, err)
	}
	f.asset = &asset
	refs := f.refs(core.ByteRange{Start: 1000, End: 40_000})
	f.check(t, refs, tiles(context.Background(), c, refs))
	f.server.Put(f.path, fetchtest.Object{Data: fetchtest.Pattern(100_000, 2), LastModified: "Thu, 22 Oct 2015 07:28:00 GMT"})
	got := tiles(context.Background(), c, f.refs(core.ByteRange{Start: 50_000, End: 60_000}))
	if core.ClassOf(got[0].err) != core.AssetChanged {
		t.Errorf("replaced: %v", got[0].err)
	}
}

func TestFault15Secrets(t *testing.T) {
	f, other := newFile(t, 100_000), fetchtest.NewServer(t)
	target := other.Put("/y.tif", fetchtest.Object{Data: f.data, ETag: `"v1"`})
	path := "/x.tif?sig=SECRET&version=3"
	f.server.Always(path, fetchtest.Redirect(target))
	f.asset.Href = f.server.URL + path
	c := newClient(t, quick())
	refs := f.refs(core.ByteRange{Start: 1000, End: 2000})
	f.check(t, refs, tiles(context.Background(), c, refs))
	for _, r := range other.Requests() {
		if text := fmt.Sprint(r.Path, r.Header); strings.Contains(text, "SECRET") {
			t.Errorf("the other server was told %s", text)
		}
	}
	other.Remove("/y.tif")
	got := tiles(context.Background(), c, f.refs(core.ByteRange{Start: 5000, End: 6000}))
	if text := got[0].err.Error(); strings.Contains(text, "SECRET") || !strings.Contains(text, "version=3") {
		t.Errorf("the error reads %s", text)
	}
}

func TestFault16NoServer(t *testing.T) {
	closed := fetchtest.NewServer(t)
	closed.Close()
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	c := newClient(t, quick())
	for href, reason := range map[string]string{closed.URL: "Refused", untrusted.URL: "Certificate"} {
		start := time.Now()
		_, err := c.Header(context.Background(), href)
		var e *core.Error
		if !errors.As(err, &e) || e.Reason != reason || e.Attempts != 1 {
			t.Errorf("%s: %v", reason, err)
		}
		if spent := time.Since(start); spent > 2*time.Second {
			t.Errorf("%s: took %v", reason, spent)
		}
	}
}

func TestLocalFilesMissing(t *testing.T) {
	c := newClient(t, quick())
	_, err := c.Header(context.Background(), t.TempDir()+"/none.tif")
	if core.ClassOf(err) != core.AssetNotFound {
		t.Errorf("%v", err)
	}
}

// The merged answer's tiles before the fault are good, those after it carry the error.
func TestFaultWithinMergedRequest(t *testing.T) {
	f := newFile(t, 100_000)
	cfg := quick()
	cfg.Attempts = 1
	f.server.Always(f.path, fetchtest.CutAfter(45_000, false))
	c := newClient(t, cfg)
	got := tiles(context.Background(), c, f.refs(core.ByteRange{Start: 0, End: 40_000}, core.ByteRange{Start: 40_000, End: 80_000}))
	if got[0].err != nil || !bytes.Equal(got[0].data, f.data[:40_000]) {
		t.Errorf("the first: %v", got[0].err)
	}
	if core.ClassOf(got[1].err) != core.AssetError {
		t.Errorf("the second: %v", got[1].err)
	}
}
