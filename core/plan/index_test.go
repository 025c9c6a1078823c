package plan

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/core/crs"
)

// flat is a Projection of systems that differ from the grid's by a shift, cannot be mapped in part, or are
// not known at all.
type flat struct{}

type shifted float64

func (s shifted) Transform(x, y []float64) {
	for i := range x {
		if x[i] += float64(s); math.IsInf(float64(s), 0) {
			x[i] = math.NaN()
		}
	}
}

func (flat) Check(string) error                       { return nil }
func (flat) Same(a, b string) bool                    { return a == b }
func (flat) Geographic(string) bool                   { return false }
func (flat) FromGeoref(g *cog.Georef) (string, error) { return g.ASCII, nil }
func (flat) Transformer(src, dst string) (core.Transformer, error) {
	switch {
	case src == "bad" || dst == "bad":
		return nil, core.Errorf(core.InvalidArgument, "CRS", "no such CRS")
	case src == "torn" || dst == "torn":
		return shifted(math.Inf(1)), nil
	case src == "east":
		return shifted(500), nil
	case dst == "east":
		return shifted(-500), nil
	}
	return shifted(0), nil
}

// world is a catalog made at random, with the files that it lists.
type world struct {
	rng   *rand.Rand
	items []core.Item
	files table
	mu    sync.Mutex
	asked []string
}

func (w *world) Headers(ctx context.Context, hrefs []string, each func(int, *cog.Header, error)) {
	w.mu.Lock()
	w.asked = append(w.asked, hrefs...)
	w.mu.Unlock()
	w.files.Headers(ctx, hrefs, each)
}

// newWorld makes items of up to three assets and four bands. Assets of an item may lie alike or not; the
// catalog may be silent, wrong, or name a system that no one knows.
func newWorld(seed uint64, count int) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 7)), files: table{}}
	for i := range count {
		it := core.Item{ID: fmt.Sprint("item", i), Datetime: w.rng.Int64N(12) * 86400e6}
		at := core.Affine{A: 10, E: -10, C: 10 * float64(w.rng.IntN(40)*50-200), F: -10 * float64(w.rng.IntN(40)*50-200)}
		for a, key := range []string{"a", "b", "c"} {
			if i > 0 && w.rng.IntN(6) == 0 {
				continue
			}
			asset := w.asset(fmt.Sprintf("%d/%s.tif", i, key), at)
			asset.Key, asset.Bands = key, []core.AssetBand{{Name: "one", DType: core.UInt16, NoData: core.NoData{Set: true}}}
			if a == 2 {
				asset.Bands = append(asset.Bands, core.AssetBand{Name: "two", DType: core.UInt16, NoData: core.NoData{Set: true}})
			}
			it.Assets = append(it.Assets, asset)
		}
		w.items = append(w.items, it)
	}
	return w
}

func (w *world) asset(href string, at core.Affine) core.ItemAsset {
	if w.rng.IntN(3) == 0 {
		at.C += 10 * float64(w.rng.IntN(60))
	}
	if w.rng.IntN(5) == 0 {
		at.A, at.E = 20, -20
	}
	crs := []string{"grid", "grid", "grid", "east", "torn", "bad"}[w.rng.IntN(6)]
	if crs == "torn" && w.rng.IntN(4) > 0 {
		crs = "grid"
	}
	size := 16 << w.rng.IntN(4)
	h := utm(href, 0, at.C, at.F, size)
	h.Georef.Transform, h.Georef.ASCII = at, crs
	if crs == "bad" {
		h.Georef.ASCII = "grid" // the catalog alone is wrong
	}
	for i := range h.Levels {
		h.Levels[i].Samples, h.Levels[i].Bits = 2, []int{16, 16}
	}
	if w.rng.IntN(8) == 0 {
		for i := range h.Levels {
			h.Levels[i].Samples, h.Levels[i].Bits = 1, []int{16} // its second band is an error
		}
	}
	if w.rng.IntN(12) > 0 {
		w.files[href] = h
	}
	asset := core.ItemAsset{Href: href, AssetDescription: &core.AssetDescription{MediaType: "image/tiff"}}
	if w.rng.IntN(4) > 0 {
		asset.Proj = core.Proj{CRS: crs, Shape: [2]int{size, size}, Transform: at, HasTransform: true}
	}
	return asset
}

// walk is Resolve by looking at every item. hrefs are the files whose headers it needs.
func walk(p *Plan, times, bands []int, bounds core.Window, files table) (steps []Step, hrefs []string) {
	for _, t := range times {
		step := Step{Time: t}
		for _, i := range p.Steps[t].Items {
			c := candidate{time: t, item: int(i)}
			for _, b := range bands {
				asset := p.place(int(i), b).asset
				if asset < 0 || slices.ContainsFunc(c.files, func(f file) bool { return f.asset == asset }) {
					continue
				}
				a := &p.Items[i].Assets[asset]
				if a.Proj.Known() {
					g, err := p.geometry(rasterKey{a.Proj.CRS, a.Proj.Transform, a.Proj.Shape[1], a.Proj.Shape[0]})
					if err == nil && g.outline.Intersect(bounds).Empty() {
						continue
					}
				}
				f := file{item: int(i), asset: asset, header: files[a.Href]}
				if f.header == nil {
					f.err = core.Errorf(core.AssetNotFound, "", "no such file").WithHref(a.Href)
				}
				c.files, hrefs = append(c.files, f), append(hrefs, a.Href)
			}
			if item, ok := p.resolveItem(&c, bands, bounds); ok {
				step.Items = append(step.Items, item)
			}
		}
		steps = append(steps, step)
	}
	return steps, hrefs
}

// text is all that matters of steps.
func text(steps []Step) string {
	var s string
	for _, step := range steps {
		s += fmt.Sprintln("step", step.Time)
		for _, item := range step.Items {
			s += fmt.Sprint(" item ", item.Item, " ", item.Err)
			for _, source := range item.Sources {
				if source != nil && item.Err == nil {
					s += fmt.Sprint(" ", source.Item, source.Band, source.Header.Href, source.Sample, source.Outline, source.Level)
				}
			}
			s += "\n"
		}
	}
	return s
}

func randomWindow(rng *rand.Rand, grid core.Grid) core.Window {
	w := core.Window{Row: rng.IntN(grid.Rows), Col: rng.IntN(grid.Cols)}
	w.Height, w.Width = 1+rng.IntN(min(100, grid.Rows-w.Row)), 1+rng.IntN(min(100, grid.Cols-w.Col))
	return w
}

// TestResolveFindsWhatAWalkFinds, on plans that learn from the catalog at once and ones that learn piece by
// piece, and that have read some headers already and not.
func TestResolveFindsWhatAWalkFinds(t *testing.T) {
	for seed := range uint64(6) {
		w := newWorld(seed, 500)
		req := request("grid", 0, 0, 10, 2000, 2000)
		req.Bands, req.TimePeriod = []string{"a", "b", "c.one", "c.two"}, []string{"P1D", "P3D", "id"}[seed%3]
		p, err := New(t.Context(), req, w.items, flat{}, w)
		if err != nil {
			t.Fatal(err)
		}
		if seed%2 == 1 {
			p.outlines = newOutlines(p) // as if there were too many to look at
		}
		for range 40 {
			var times, bands []int
			for i := range p.Steps {
				if w.rng.IntN(3) > 0 {
					times = append(times, i)
				}
			}
			if w.rng.IntN(4) == 0 {
				slices.Reverse(times)
			}
			for b := range req.Bands {
				if w.rng.IntN(2) == 0 {
					bands = append(bands, b)
				}
			}
			window := randomWindow(w.rng, p.Grid)
			want, needed := walk(p, times, bands, window, w.files)
			w.asked = nil
			got, err := p.Resolve(t.Context(), times, bands, window, w)
			if err != nil {
				t.Fatal(err)
			}
			if text(got) != text(want) {
				t.Fatalf("seed %d, window %v, bands %v: got\n%swant\n%s", seed, window, bands, text(got), text(want))
			}
			for _, href := range w.asked {
				if !slices.Contains(needed, href) {
					t.Fatalf("seed %d: reads the header of %s, which lies elsewhere", seed, href)
				}
			}
		}
	}
}

// TestHeadersAreRememberedWhereTheCatalogIsSilent reads one of 300 files the second time.
func TestHeadersAreRememberedWhereTheCatalogIsSilent(t *testing.T) {
	w := &world{files: table{}}
	for i := range 300 {
		href := fmt.Sprintf("%d.tif", i)
		w.files[href] = utm(href, 0, float64(i%20)*320, -float64(i/20)*320, 32)
		w.files[href].Georef.ASCII = "grid"
		w.items = append(w.items, item(href, int64(i), href))
	}
	p, err := New(t.Context(), request("grid", 0, 0, 10, 480, 640), w.items, flat{}, w)
	if err != nil {
		t.Fatal(err)
	}
	window := core.Window{Row: 40, Col: 40, Height: 10, Width: 10}
	for k, want := range []int{300, 1} {
		w.asked = nil
		steps, err := p.Resolve(t.Context(), p.Whole().Times(), []int{0}, window, w)
		if err != nil {
			t.Fatal(err)
		}
		if len(w.asked) != want || len(steps[21].Items) != 1 {
			t.Errorf("read %d: %d headers, want %d", k, len(w.asked), want)
		}
	}
}

// TestLearningPieceByPieceTakesMemoryForThePieces: every second of 20,000 time steps is asked for, where no outline comes
// twice; each look at some of them may not take memory for all.
func TestLearningPieceByPieceTakesMemoryForThePieces(t *testing.T) {
	req := request("EPSG:32632", 500000, 5000000, 10, 25*10000, 40*10000)
	req.TimePeriod = "id"
	p, err := New(t.Context(), req, pathwise(20), crs.Projection{}, table{})
	if err != nil {
		t.Fatal(err)
	}
	var times []int
	for step := 0; step < len(p.Steps); step += 2 {
		times = append(times, step)
	}
	p.outlines = newOutlines(p)
	spans := p.outlines.spans(times)
	if len(spans) < 5000 {
		t.Fatalf("%d spans", len(spans))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 5 {
		if p.outlines.consult(p, spans, 1) {
			t.Fatal("all was looked up at once")
		}
	}
	runtime.ReadMemStats(&after)
	if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 64<<20 {
		t.Errorf("five looks at 256 items each took %d bytes", bytes)
	}
}

func TestConcurrentReadsOfAPlanThatLearns(t *testing.T) {
	w := newWorld(99, 1000)
	p, err := New(t.Context(), request("grid", 0, 0, 10, 2000, 2000), w.items, flat{}, w)
	if err != nil {
		t.Fatal(err)
	}
	p.outlines = newOutlines(p)
	times, bands := p.Whole().Times(), p.Whole().Bands()
	var windows []core.Window
	for range 40 {
		windows = append(windows, randomWindow(w.rng, p.Grid))
	}
	got := make([]string, len(windows))
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := worker; i < len(windows); i += 4 {
				some := times[i%5:]
				if steps, err := p.Resolve(context.Background(), some, bands, windows[i], w); err == nil {
					got[i] = text(steps)
				}
			}
		})
	}
	group.Wait()
	for i, window := range windows {
		if want, _ := walk(p, times[i%5:], bands, window, w.files); got[i] != text(want) {
			t.Fatalf("window %v: got\n%swant\n%s", window, got[i], text(want))
		}
	}
}

func TestIndexOfRandomOutlines(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, count := range []int{0, 1, 15, 16, 17, 256, 257, 5000} {
		var entries []entry
		for i := range count {
			e := entry{rank: int32(i), outline: outline{bands: int32(rng.IntN(2))}}
			e.row0, e.col0 = rng.Int32N(1000), rng.Int32N(1000)
			e.row1, e.col1 = e.row0+rng.Int32N(50), e.col0+rng.Int32N(50)
			if rng.IntN(50) == 0 {
				e.extent = extent{0, 0, 1050, 1050}
			}
			if i > 0 && rng.IntN(2) == 0 {
				e.outline = entries[rng.IntN(i)].outline
			}
			entries = append(entries, e)
		}
		x := newIndex(entries)
		for range 100 {
			row, col := rng.Int32N(1000), rng.Int32N(1000)
			box := extent{row, col, row + rng.Int32N(80), col + rng.Int32N(80)}
			spans := []span{{rng.Int32N(100), 100 + rng.Int32N(100)}, {300, 301}, {302, rng.Int32N(6000) + 302}}
			wanted := []bool{true, rng.IntN(2) == 0}
			var want []hit
			for _, e := range entries {
				if e.meets(box) && wanted[e.bands] && slices.ContainsFunc(spans, func(s span) bool { return s.first <= e.rank && e.rank < s.end }) {
					want = append(want, hit{rank: e.rank, bands: e.bands})
				}
			}
			got := x.find(box, spans, wanted, nil)
			slices.SortFunc(got, hit.order)
			if !slices.Equal(got, want) {
				t.Fatalf("%d entries, %v in %v: got %v, want %v", count, box, spans, got, want)
			}
		}
	}
}

// TestExtentsOfVeryLongGrids: larger than the window, never smaller.
func TestExtentsOfVeryLongGrids(t *testing.T) {
	grid := core.Grid{Rows: 1, Cols: 1 << 40}
	shift := shiftFor(grid)
	a := extentOf(core.Window{Col: 1<<39 - 1, Height: 1, Width: 2}, shift)
	if b := extentOf(core.Window{Col: 1 << 39, Height: 1, Width: 1}, shift); !a.meets(b) {
		t.Errorf("%v does not meet %v", a, b)
	}
	if b := extentOf(core.Window{Col: 1<<40 - 1, Height: 1, Width: 1}, shift); a.meets(b) || b.empty() {
		t.Errorf("%v meets %v", a, b)
	}
}
