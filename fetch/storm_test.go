package fetch_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"cogweave/core"
	"cogweave/fetch/fetchtest"
)

// Many callers, who want overlapping sets of tiles and often give up, of servers that often fail: each
// tile is right or has an error, no call hangs, and nothing stays behind.
func TestStorm(t *testing.T) {
	const files, tileBytes, tilesPerFile = 4, 3000, 64
	server := fetchtest.NewServer(t)
	data := make([][]byte, files)
	assets := make([]*core.Asset, files)
	faults := []fetchtest.Reply{fetchtest.Serve, fetchtest.Serve, fetchtest.Serve, fetchtest.Status(503), fetchtest.CutAfter(2000, true),
		fetchtest.CutAfter(5000, false), fetchtest.ShortChunked(100), fetchtest.After(3*time.Millisecond, fetchtest.Serve)}
	for i := range files {
		path := fmt.Sprintf("/%d.tif", i)
		data[i] = fetchtest.Pattern(tileBytes*tilesPerFile, uint64(i))
		assets[i] = &core.Asset{Href: server.Put(path, fetchtest.Object{Data: data[i], ETag: `"v1"`}), ETag: `"v1"`, Size: tileBytes * tilesPerFile}
		server.Always(path, func(x *fetchtest.Exchange) { faults[rand.IntN(len(faults))](x) })
	}
	cfg := quick()
	cfg.MaxRequests, cfg.TileCacheBytes, cfg.Attempts, cfg.RetryBudget = 6, 100_000, 50, -1
	cfg.TotalTimeout = 30 * time.Second
	c := newClient(t, cfg)
	var good, cancelled sync.Map
	var callers sync.WaitGroup
	for caller := range 16 {
		callers.Go(func() {
			for round := range 10 {
				ctx, stop := context.WithCancel(context.Background())
				if rand.IntN(3) == 0 {
					time.AfterFunc(time.Duration(rand.IntN(10))*time.Millisecond, stop)
				}
				var refs []core.TileRef
				for range 1 + rand.IntN(40) {
					at := int64(rand.IntN(tilesPerFile)) * tileBytes
					refs = append(refs, core.TileRef{Asset: assets[rand.IntN(files)], Range: core.ByteRange{Start: at, End: at + tileBytes}})
				}
				for i, r := range tiles(ctx, c, refs) {
					f := file{data: data[0]}
					for j := range assets {
						if assets[j] == refs[i].Asset {
							f.data = data[j]
						}
					}
					switch {
					case r.err == nil:
						f.check(t, refs[i:i+1], []result{r})
						good.Store([3]int{caller, round, i}, true)
					case core.ClassOf(r.err) == core.Cancelled && ctx.Err() != nil:
						cancelled.Store([3]int{caller, round, i}, true)
					default:
						t.Errorf("%v", r.err)
					}
				}
				stop()
			}
		})
	}
	callers.Wait()
	count := func(m *sync.Map) (n int) {
		m.Range(func(any, any) bool { n++; return true })
		return n
	}
	s := c.Stats()
	t.Logf("%d tiles arrived, %d were cancelled, %+v", count(&good), count(&cancelled), s)
	if count(&good) < 1000 || count(&cancelled) == 0 || s.Retries == 0 || s.TileHits == 0 {
		t.Error("too little happened to prove anything")
	}
	if s.MaxInFlight > 6 || s.CacheBytes > 100_000 {
		t.Errorf("limits were broken: %+v", s)
	}
}
