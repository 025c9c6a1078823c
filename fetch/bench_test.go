package fetch_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cogweave/core"
	"cogweave/fetch"
	"cogweave/fetch/fetchtest"
)

// The engine against the least that could do: Go's client, one GET per tile, into memory of the right
// size. Tiles lie apart, so that nothing is merged, and nothing is cached.
const (
	benchTiles    = 256
	benchParallel = 32
)

func benchServer(b *testing.B, size int) (url string, ranges []core.ByteRange) {
	data := fetchtest.Pattern(64<<20, 1)
	stride := int64(len(data) / benchTiles)
	for i := range int64(benchTiles) {
		ranges = append(ranges, core.ByteRange{Start: i * stride, End: i*stride + int64(size)})
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	}))
	b.Cleanup(server.Close)
	return server.URL + "/x.tif", ranges
}

// BenchmarkTiles lets both do the same in turn and compares the processor time they take, server
// included: of-bare is the throughput as a part of the bare client's where the processor is the limit.
func BenchmarkTiles(b *testing.B) {
	for _, size := range []int{16 << 10, 200 << 10} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			url, ranges := benchServer(b, size)
			c := newClient(b, fetch.Config{MaxRequests: benchParallel, TileCacheBytes: -1})
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchParallel, DisableCompression: true}}
			defer client.CloseIdleConnections()
			refs := benchRefs(url, ranges)
			var ours, bare time.Duration
			for b.Loop() {
				start := processorTime()
				c.Tiles(context.Background(), refs, func(_ int, _ []byte, err error) {
					if err != nil {
						b.Fatal(err)
					}
				})
				between := processorTime()
				bareTiles(b, client, url, ranges)
				ours += between - start
				bare += processorTime() - between
			}
			b.ReportMetric(float64(bare)/float64(ours), "of-bare")
			b.ReportMetric(float64(size)*benchTiles*float64(b.N)/ours.Seconds()/1e6, "MB/cpu-s")
			if n := c.Stats().Requests; n%benchTiles != 0 {
				b.Fatalf("%d requests", n)
			}
		})
	}
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func benchRefs(url string, ranges []core.ByteRange) []core.TileRef {
	asset := &core.Asset{Href: url, ETag: `"v1"`, Size: 64 << 20}
	refs := make([]core.TileRef, len(ranges))
	for i, r := range ranges {
		refs[i] = core.TileRef{Asset: asset, Range: r}
	}
	return refs
}

func bareTiles(b *testing.B, client *http.Client, url string, ranges []core.ByteRange) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range benchParallel {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(ranges)); i = next.Add(1) - 1 {
				if err := bareGet(client, url, ranges[i]); err != nil {
					b.Error(err)
				}
			}
		})
	}
	workers.Wait()
}

func bareGet(client *http.Client, url string, r core.ByteRange) error {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", r.Start, r.End-1))
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadFull(resp.Body, make([]byte, r.Len()))
	return err
}

// Tiles that are kept cost a look-up.
func BenchmarkCachedTiles(b *testing.B) {
	url, ranges := benchServer(b, 16<<10)
	c := newClient(b, fetch.Config{})
	refs := benchRefs(url, ranges)
	done := func(_ int, _ []byte, err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	c.Tiles(context.Background(), refs, done)
	for b.Loop() {
		c.Tiles(context.Background(), refs, done)
	}
}
