package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/fetch"
	"cogweave/fetch/fetchtest"
	"cogweave/fetch/store"
)

// signer signs with a number that grows whenever it is told that the last one was refused. It asks
// before, if there is something to ask.
type signer struct {
	mu      sync.Mutex
	batches [][]string
	version int
	before  func(ctx context.Context) error
}

func (s *signer) Sign(ctx context.Context, hrefs []string, again bool) ([]string, error) {
	s.mu.Lock()
	if again {
		s.version++
	}
	s.batches = append(s.batches, hrefs)
	version := s.version
	s.mu.Unlock()
	if s.before != nil {
		if err := s.before(ctx); err != nil {
			return nil, err
		}
	}
	signed := make([]string, len(hrefs))
	for i, href := range hrefs {
		signed[i] = fmt.Sprintf("%s?sig=%d", href, version)
	}
	return signed, nil
}

// signedFiles are files whose first signature is refused.
func signedFiles(server *fetchtest.Server, n int, refused bool) []core.TileRef {
	var refs []core.TileRef
	for i := range n {
		path := fmt.Sprintf("/%d.tif", i)
		object := fetchtest.Object{Data: fetchtest.Pattern(1000, uint64(i)), ETag: `"v1"`}
		server.Put(path+"?sig=0", object)
		server.Put(path+"?sig=1", object)
		if refused {
			server.Always(path+"?sig=0", fetchtest.Status(403))
		}
		refs = append(refs, core.TileRef{Asset: &core.Asset{Href: server.URL + path, ETag: `"v1"`, Size: 1000}, Range: core.ByteRange{End: 1000}})
	}
	return refs
}

func TestSignsInOneBatch(t *testing.T) {
	server := fetchtest.NewServer(t)
	refs := signedFiles(server, 20, false)
	c := newClient(t, quick())
	s := &signer{}
	tally := new(fetch.Tally)
	ctx := fetch.With(context.Background(), fetch.Access{Signer: s, Tally: tally})
	for i, r := range tiles(ctx, c, refs) {
		if r.err != nil {
			t.Fatalf("%d: %v", i, r.err)
		}
	}
	if len(s.batches[0]) != 20 {
		t.Errorf("first asked to sign %d of 20 hrefs", len(s.batches[0]))
	}
	if n := tally.Planned.Load(); n != 20 || tally.Requests.Load() != 20 || tally.Bytes.Load() != 20_000 || tally.Retries.Load() != 0 {
		t.Errorf("planned %d, requests %d, bytes %d", n, tally.Requests.Load(), tally.Bytes.Load())
	}
	s.batches = nil
	tiles(ctx, c, refs)
	if len(s.batches) != 0 || len(server.Requests()) != 20 {
		t.Errorf("cached tiles: signed %v, %d requests", s.batches, len(server.Requests()))
	}
}

func TestSignsAgainOnceWhenRefused(t *testing.T) {
	server := fetchtest.NewServer(t)
	refs := signedFiles(server, 8, true)
	c := newClient(t, fetch.Config{MaxRequests: 1})
	s := &signer{}
	for i, r := range tiles(fetch.With(context.Background(), fetch.Access{Signer: s}), c, refs) {
		if r.err != nil {
			t.Fatalf("%d: %v", i, r.err)
		}
	}
	if n := len(server.Requests()); n != 9 || s.version != 1 {
		t.Errorf("%d requests for 8 files and one refusal; signed again %d times", n, s.version)
	}

	server.Always("/0.tif?sig=1", fetchtest.Status(401))
	server.Always("/0.tif?sig=2", fetchtest.Status(401))
	before := len(server.Requests())
	c = newClient(t, quick())
	got := tiles(fetch.With(context.Background(), fetch.Access{Signer: s}), c, refs[:1])
	if core.ClassOf(got[0].err) != core.AccessDenied || len(server.Requests())-before != 2 {
		t.Errorf("refused for good: %v after %d requests", got[0].err, len(server.Requests())-before)
	}
	if strings.Contains(got[0].err.Error(), "sig=") {
		t.Errorf("the error shows the signature: %v", got[0].err)
	}
}

// late gives hrefs as they are until the server has refused them so often; it notes how it was asked.
type late struct {
	mu       sync.Mutex
	refusals int // before it signs
	first    int // asked for what was not refused
	again    int
}

func (s *late) Sign(_ context.Context, hrefs []string, again bool) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if again {
		s.again++
	} else {
		s.first++
	}
	if s.again < s.refusals {
		return hrefs, nil
	}
	signed := slices.Clone(hrefs)
	for i := range signed {
		signed[i] += "?sig=0"
	}
	return signed, nil
}

// A signer that left an href as it is gets another chance once the server has refused that.
func TestUnsignedIsSignedWhenRefused(t *testing.T) {
	for _, status := range []int{401, 403} {
		server := fetchtest.NewServer(t)
		refs := signedFiles(server, 1, false)
		server.Always("/0.tif", fetchtest.Status(status))
		c := newClient(t, quick())
		s := &late{refusals: 1}
		ctx := fetch.With(context.Background(), fetch.Access{Signer: s})
		if got := tiles(ctx, c, refs); got[0].err != nil {
			t.Error(got[0].err)
		}
		if n := len(server.Requests()); n != 2 || s.again != 1 {
			t.Errorf("%d: %d requests, asked again %d times", status, n, s.again)
		}
	}
}

// The same href again is not requested again: of a tile, of a header, and of a file that is looked at.
func TestTheSameAgainIsNotRequested(t *testing.T) {
	server := fetchtest.NewServer(t)
	refs := signedFiles(server, 1, false)
	server.Always("/0.tif", fetchtest.Status(403))
	reads := map[string]func(ctx context.Context, c *fetch.Client) error{
		"tile": func(ctx context.Context, c *fetch.Client) error { return tiles(ctx, c, refs)[0].err },
		"header": func(ctx context.Context, c *fetch.Client) error {
			_, err := c.Header(ctx, refs[0].Asset.Href)
			return err
		},
		"stat": func(ctx context.Context, c *fetch.Client) error {
			_, err := c.Stat(ctx, refs[0].Asset.Href)
			return err
		},
	}
	for what, read := range reads {
		for _, s := range []*late{{refusals: 9}, nil} { // nil: nobody signs
			access, again := fetch.Access{}, 0
			if s != nil {
				access.Signer = s
			}
			before := len(server.Requests())
			err := read(fetch.With(context.Background(), access), newClient(t, quick()))
			var e *core.Error
			if !errors.As(err, &e) || e.Class != core.AccessDenied || e.Reason != "AccessDenied" || e.Attempts != 1 || !strings.Contains(e.Message, "403") {
				t.Errorf("%s: %+v", what, err)
			}
			if s != nil {
				again = s.again
			}
			if n := len(server.Requests()) - before; n != 1 || (s != nil) != (again == 1) {
				t.Errorf("%s, signer %v: %d requests, asked again %d times", what, s != nil, n, again)
			}
		}
	}
}

// noKeys is a store that has no credentials to ask with.
type noKeys struct{}

func (noKeys) Host(string) string { return "bucket" }
func (noKeys) Close()             {}
func (noKeys) ReadRange(context.Context, store.Request) (store.Body, error) {
	return nil, &store.Fault{Class: core.AccessDenied, Reason: "Credentials", Message: "no credentials"}
}

// Signing again is for what a server refused, not for what was never asked.
func TestSignsAgainOnlyWhatAServerRefused(t *testing.T) {
	c := newClient(t, quick())
	c.Register(noKeys{}, "s3")
	s := &late{refusals: 9}
	_, err := c.Header(fetch.With(context.Background(), fetch.Access{Signer: s}), "s3://b/x.tif")
	if core.ClassOf(err) != core.AccessDenied || s.again != 0 {
		t.Errorf("%v, asked again %d times", err, s.again)
	}
}

func TestSigningFails(t *testing.T) {
	server := fetchtest.NewServer(t)
	refs := signedFiles(server, 3, false)
	c := newClient(t, quick())
	s := &signer{before: func(context.Context) error { return errors.New("no token") }}
	ctx := fetch.With(context.Background(), fetch.Access{Signer: s})
	for _, refs := range [][]core.TileRef{refs, refs[:1]} {
		s.batches = nil
		for i, r := range tiles(ctx, c, refs) {
			var e *core.Error
			if !errors.As(r.err, &e) || e.Class != core.AccessDenied || e.Reason != "Sign" || !strings.Contains(e.Message, "no token") || e.Href != refs[i].Asset.Href || e.Range == nil {
				t.Errorf("%+v", r.err)
			}
		}
		if len(s.batches) != 1 {
			t.Errorf("asked %d times", len(s.batches))
		}
	}
	c.Headers(ctx, []string{refs[0].Asset.Href, refs[1].Asset.Href}, func(_ int, _ *cog.Header, err error) {
		if core.ClassOf(err) != core.AccessDenied {
			t.Error(err)
		}
	})
	if len(server.Requests()) != 0 {
		t.Errorf("%d requests with hrefs that could not be signed", len(server.Requests()))
	}
}

// A tile that two callers wait for is signed by the second where the first one left.
func TestSignerOfACallerThatLeft(t *testing.T) {
	server := fetchtest.NewServer(t)
	refs := signedFiles(server, 1, false)
	c := newClient(t, quick())
	asked := make(chan struct{})
	first := &signer{}
	leaving, leave := context.WithCancel(context.Background())
	first.before = func(context.Context) error {
		close(asked)
		<-leaving.Done()
		return core.Errorf(core.Cancelled, "", "the caller left")
	}
	second := &signer{}
	var callers sync.WaitGroup
	callers.Go(func() { tiles(fetch.With(leaving, fetch.Access{Signer: first}), c, refs) })
	<-asked
	callers.Go(func() {
		if got := tiles(fetch.With(context.Background(), fetch.Access{Signer: second}), c, refs); got[0].err != nil {
			t.Error(got[0].err)
		}
	})
	wait(t, "the second caller", func() bool { return c.Stats().TileHits == 1 })
	leave()
	callers.Wait()
	if len(second.batches) != 1 {
		t.Errorf("the second signer was asked %d times", len(second.batches))
	}
}

func TestScopesAreKeptApart(t *testing.T) {
	server := fetchtest.NewServer(t)
	refs := signedFiles(server, 1, false)
	c := newClient(t, quick())
	for i, scope := range []string{"", "a", "b", "a", ""} {
		ctx := fetch.With(context.Background(), fetch.Access{Signer: &signer{}, Scope: scope})
		if got := tiles(ctx, c, refs); got[0].err != nil {
			t.Fatal(got[0].err)
		}
		if n := len(server.Requests()); n != min(i+1, 3) {
			t.Errorf("after scope %q: %d requests", scope, n)
		}
	}
}

// What the server of one catalog says of a file is not shown to those who read it elsewhere.
func TestServersOfCatalogsAreKeptApart(t *testing.T) {
	server := fetchtest.NewServer(t)
	refs := signedFiles(server, 1, false)
	c := newClient(t, quick())
	for i, place := range []string{"", "a", "b", "a", ""} {
		named := func(string) string { return place }
		ctx := fetch.With(context.Background(), fetch.Access{Signer: &signer{}, Server: named})
		if got := tiles(ctx, c, refs); got[0].err != nil {
			t.Fatal(got[0].err)
		}
		if n := len(server.Requests()); n != min(i+1, 3) {
			t.Errorf("after server %q: %d requests", place, n)
		}
	}
}

type key struct{}

// Stores see what the context of the call said, though the request outlives the call.
func TestStoresSeeTheValuesOfTheContext(t *testing.T) {
	server := fetchtest.NewServer(t)
	refs := signedFiles(server, 1, false)
	c := newClient(t, quick())
	var seen atomic.Value
	s := &signer{before: func(ctx context.Context) error {
		seen.Store(ctx.Value(key{}))
		return nil
	}}
	ctx := fetch.With(context.WithValue(context.Background(), key{}, "requester pays"), fetch.Access{Signer: s})
	if got := tiles(ctx, c, refs); got[0].err != nil || seen.Load() != "requester pays" {
		t.Errorf("%v, seen %v", got[0].err, seen.Load())
	}
	if !slices.Equal(s.batches[0], []string{refs[0].Asset.Href}) {
		t.Errorf("signed %v", s.batches)
	}
}
