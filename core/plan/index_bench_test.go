package plan

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"cogweave/core"
	"cogweave/core/crs"
)

// million is 1,000 tiles of 100 km, 40 x 25 of them, on 1,000 dates.
var million = sync.OnceValue(func() []core.Item { return tiled(1000) })

func tiled(dates int) []core.Item {
	const tiles = 1000
	items := make([]core.Item, 0, dates*tiles)
	for day := range dates {
		for k := range tiles {
			it := core.Item{ID: fmt.Sprint("item", day, k), Datetime: int64(day) * 86400e6}
			for _, key := range []string{"B04", "B08"} {
				it.Assets = append(it.Assets, core.ItemAsset{Href: fmt.Sprintf("/%d/%s.tif", k, key), AssetDescription: &core.AssetDescription{
					Key: key, MediaType: "image/tiff; application=geotiff", Roles: []string{"data"},
					Bands: []core.AssetBand{{Name: key, CommonName: "common " + key, DType: core.UInt16, NoData: core.NoData{Set: true}}},
					Proj: core.Proj{CRS: "EPSG:32632", Shape: [2]int{10980, 10980}, HasTransform: true,
						Transform: core.Affine{A: 10, E: -10, C: 500000 + float64(k%40)*1e5, F: 5000000 - float64(k/40)*1e5}}}})
			}
			items = append(items, it)
		}
	}
	return items
}

// pathwise moves every item a little, as the scenes of a satellite that keeps no grid: no outline comes twice.
func pathwise(dates int) []core.Item {
	items := tiled(dates)
	for i := range items {
		for k := range items[i].Assets {
			items[i].Assets[k].Proj.Transform.C += float64(i/1000) * 10
		}
	}
	return items
}

func millionPlan(b *testing.B, gridCRS string, items []core.Item) *Plan {
	b.Helper()
	p, err := New(b.Context(), request(gridCRS, 500000, 5000000, 10, 25*10000, 40*10000), items, crs.Projection{}, table{})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func BenchmarkNewMillion(b *testing.B) {
	items := million()
	for b.Loop() {
		millionPlan(b, "EPSG:32632", items)
	}
}

// BenchmarkTouching looks up a chunk of some of 1,000 dates among a million items. One tile touches it.
func BenchmarkTouching(b *testing.B) {
	p := millionPlan(b, "EPSG:32632", million())
	times, bands := p.Whole().Times(), []int{0, 1}
	inside := core.Window{Row: 15000, Col: 15000, Height: 512, Width: 512}
	corner := core.Window{Row: 19900, Col: 19900, Height: 512, Width: 512}
	for _, c := range []struct {
		name   string
		times  []int
		bounds core.Window
	}{{"1000dates_1tile", times, inside}, {"1000dates_4tiles", times, corner}, {"100dates_1tile", times[300:400], inside},
		{"1date_1tile", times[500:501], inside}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			count := 0
			for b.Loop() {
				list, err := p.touching(b.Context(), c.times, bands, c.bounds)
				if err != nil {
					b.Fatal(err)
				}
				count = len(list)
			}
			b.ReportMetric(float64(count), "items")
		})
	}
}

// BenchmarkTouchingSparse: 100 of a million items touch a chunk of all 1,000 dates.
func BenchmarkTouchingSparse(b *testing.B) {
	items := million()
	moved := make([]core.Item, 0, len(items))
	for i := range items {
		if k := i % 1000; k == 41 && i/1000%10 > 0 {
			continue // the tile in question is there on every tenth date
		}
		moved = append(moved, items[i])
	}
	p := millionPlan(b, "EPSG:32632", moved)
	times := p.Whole().Times()
	b.ReportAllocs()
	count := 0
	for b.Loop() {
		list, err := p.touching(b.Context(), times, []int{0, 1}, core.Window{Row: 15000, Col: 15000, Height: 512, Width: 512})
		if err != nil {
			b.Fatal(err)
		}
		count = len(list)
	}
	b.ReportMetric(float64(count), "items")
}

// BenchmarkIndexMemory gives the bytes per item of an index whose outlines are shared, or all distinct.
func BenchmarkIndexMemory(b *testing.B) {
	for _, c := range []struct {
		name  string
		items []core.Item
	}{{"tiles", million()[:200_000]}, {"distinct", pathwise(200)}} {
		b.Run(c.name, func(b *testing.B) {
			p := millionPlan(b, "EPSG:32632", c.items)
			bytes := 0.0
			for b.Loop() {
				p.outlines = nil
				before := heap()
				o := newOutlines(p)
				o.consult(p, []span{{0, int32(len(c.items))}}, len(c.items))
				bytes = float64(heap()-before) / float64(len(c.items))
				p.outlines = o
			}
			b.ReportMetric(bytes, "bytes/item")
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
