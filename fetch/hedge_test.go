package fetch_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"cogweave/core"
	"cogweave/fetch"
	"cogweave/fetch/fetchtest"
)

// hedged are files of which the last ones' first requests are never answered.
func hedged(t *testing.T, files, silent int) (*fetchtest.Server, []core.TileRef) {
	server := fetchtest.NewServer(t)
	var refs []core.TileRef
	for i := range files {
		path := fmt.Sprintf("/%d.tif", i)
		url := server.Put(path, fetchtest.Object{Data: fetchtest.Pattern(1000, uint64(i)), ETag: `"v1"`})
		if i >= files-silent {
			server.Script(path, fetchtest.Silence)
		}
		refs = append(refs, core.TileRef{Asset: &core.Asset{Href: url, ETag: `"v1"`, Size: 1000}, Range: core.ByteRange{End: 1000}})
	}
	return server, refs
}

func TestHedgeAsksTwiceWhereAnAnswerIsLate(t *testing.T) {
	cfg := quick()
	cfg.Hedge, cfg.HedgeAfter, cfg.FirstByteTimeout = true, 300*time.Millisecond, 5*time.Second
	server, refs := hedged(t, 41, 1)
	c := newClient(t, cfg)
	started := time.Now()
	for i, r := range tiles(context.Background(), c, refs) {
		if r.err != nil || !bytes.Equal(r.data, fetchtest.Pattern(1000, uint64(i))) {
			t.Fatalf("%d: %v", i, r.err)
		}
	}
	if took := time.Since(started); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	if n, s := len(server.Requests()), c.Stats(); n != 42 || s.Requests != 42 || s.Hedges != 1 || s.Retries != 0 {
		t.Errorf("%d requests, %+v", n, s)
	}
	wait(t, "the late request to be given up", func() bool { return server.Aborted() == 1 })
}

// No more than one request in twenty goes out twice, and none where nobody asked for it.
func TestHedgeIsBounded(t *testing.T) {
	for hedge, want := range map[bool]int64{true: 2, false: 0} {
		cfg := quick()
		cfg.Hedge, cfg.HedgeAfter, cfg.FirstByteTimeout, cfg.Attempts = hedge, time.Millisecond, 300*time.Millisecond, 2
		_, refs := hedged(t, 40, 20)
		c := newClient(t, cfg)
		for i, r := range tiles(context.Background(), c, refs) {
			if r.err != nil {
				t.Errorf("%d: %v", i, r.err)
			}
		}
		if s := c.Stats(); s.Hedges > want || (hedge && s.Hedges == 0) {
			t.Errorf("hedge %v: %+v", hedge, s)
		}
	}
}

// A host of which nothing is known gets StartPerHost requests at a time, and one more for 32 successes.
func TestHostsStartSlowly(t *testing.T) {
	server, refs := hedged(t, 40, 0)
	server.Delay(20 * time.Millisecond)
	c := newClient(t, fetch.Config{StartPerHost: 4, MaxRequestsPerHost: 8})
	tiles(context.Background(), c, refs)
	if peak := server.Peak(); peak < 4 || peak > 5 {
		t.Errorf("%d requests at a time", peak)
	}
}
