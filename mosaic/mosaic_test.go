package mosaic

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/core/crs"
	"cogweave/core/plan"
)

// archive is a set of rasters in memory: headers, and a source of their tiles.
type archive struct {
	headers map[string]*cog.Header
	files   map[string][]byte
	pixels  map[string][]uint16
	mu      sync.Mutex
	asked   []core.TileRef
	fail    map[string]error
	side    int  // of the tiles of rasters added from now on,
	deflate bool // and whether they have predictor 2 and are compressed
}

func newArchive() *archive {
	return &archive{headers: map[string]*cog.Header{}, files: map[string][]byte{}, pixels: map[string][]uint16{}, fail: map[string]error{}, side: 64}
}

// Headers gives the headers made by add.
func (a *archive) Headers(_ context.Context, hrefs []string, each func(int, *cog.Header, error)) {
	for i, href := range hrefs {
		each(i, a.headers[href], nil)
	}
}

// Tiles gives slices of the files, in falling order, to tell the engine that order means nothing.
func (a *archive) Tiles(_ context.Context, refs []core.TileRef, done func(int, []byte, error)) {
	a.mu.Lock()
	a.asked = append(a.asked, refs...)
	a.mu.Unlock()
	for i := len(refs) - 1; i >= 0; i-- {
		r := refs[i]
		if err := a.fail[r.Asset.Href]; err != nil {
			done(i, nil, err)
			continue
		}
		done(i, a.files[r.Asset.Href][r.Range.Start:r.Range.End], nil)
	}
}

// add makes a raster of uint16, size x size pixels of 10 m, nodata 0, its top-left corner at (x, y).
func (a *archive) add(href string, x, y float64, size int, pixel func(row, col int) uint16) core.Item {
	tileSide := a.side
	h := &cog.Header{Href: href, NoData: core.NoData{Set: true},
		Georef: cog.Georef{EPSG: 32633, HasTransform: true, Transform: core.Affine{A: 10, C: x, E: -10, F: y}}}
	l := cog.Level{Width: size, Height: size, TileWidth: tileSide, TileHeight: tileSide, Tiled: true, Samples: 1, Bits: []int{16},
		Format: cog.Unsigned, Compression: cog.Uncompressed, Predictor: 1}
	if a.deflate {
		l.Compression, l.Predictor = cog.Deflate, 2
	}
	var file []byte
	for top := 0; top < size; top += tileSide {
		for left := 0; left < size; left += tileSide {
			var tile []byte
			for i := range tileSide * tileSide {
				value := pixel(top+i/tileSide, left+i%tileSide)
				if a.deflate && i%tileSide > 0 {
					value -= pixel(top+i/tileSide, left+i%tileSide-1)
				}
				tile = binary.LittleEndian.AppendUint16(tile, value)
			}
			if a.deflate {
				tile = deflated(tile)
			}
			l.Offsets, l.ByteCounts = append(l.Offsets, uint64(len(file))), append(l.ByteCounts, uint64(len(tile)))
			file = append(file, tile...)
		}
	}
	h.Levels, h.Size = []cog.Level{l}, int64(len(file))
	a.headers[href], a.files[href] = h, file
	return core.Item{ID: href, Assets: []core.ItemAsset{{Href: href, AssetDescription: &core.AssetDescription{Key: "B", MediaType: "image/tiff"}}}}
}

func deflated(tile []byte) []byte {
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	_, _ = w.Write(tile) // into memory, which takes all
	_ = w.Close()
	return packed.Bytes()
}

func (a *archive) plan(t testing.TB, items []core.Item, method string, rows, cols int) *plan.Plan {
	t.Helper()
	p, err := plan.New(t.Context(), plan.Request{
		Grid:       plan.GridSpec{CRS: "EPSG:32633", Transform: [6]float64{10, 0, 500000, 0, -10, 5000000}, Shape: [2]int{rows, cols}},
		TimePeriod: "P1D", MosaicMethod: method}, items, crs.Projection{}, a)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func read(t testing.TB, e *Engine, a *archive, p *plan.Plan, w plan.Window) ([]uint16, *Report) {
	t.Helper()
	out := make([]byte, w.Cells()*2)
	report, err := e.Run(t.Context(), p, w, a, a, out, Options{})
	if err != nil {
		t.Fatal(err)
	}
	values := make([]uint16, w.Cells())
	for i := range values {
		values[i] = binary.NativeEndian.Uint16(out[2*i:])
	}
	return values, report
}

// readBytes is read for pixels of any type.
func readBytes(t testing.TB, e *Engine, a *archive, p *plan.Plan, w plan.Window) []byte {
	t.Helper()
	out := make([]byte, w.Cells()*p.DType.Size())
	if _, err := e.Run(t.Context(), p, w, a, a, out, Options{}); err != nil {
		t.Fatal(err)
	}
	return out
}

func number(row, col int) uint16 { return uint16(row*256+col) | 1 }

func TestAlignedCopy(t *testing.T) {
	a := newArchive()
	item := a.add("a", 500000, 5000000, 256, number)
	p := a.plan(t, []core.Item{item}, "", 200, 150)
	got, report := read(t, NewEngine(2, 1<<30), a, p, p.Whole())
	for i, v := range got {
		if want := number(i/150, i%150); v != want {
			t.Fatalf("cell %d is %d, want %d", i, v, want)
		}
	}
	if report.Tiles != 4*3 {
		t.Errorf("%d tiles read, want 12", report.Tiles)
	}
}

func TestFirstTakesItemsInOrderAndStops(t *testing.T) {
	a := newArchive()
	items := []core.Item{
		a.add("holes", 500000, 5000000, 128, func(row, col int) uint16 {
			if row < 64 && col < 64 {
				return 0 // nodata
			}
			return 7
		}),
		a.add("whole", 500000, 5000000, 128, func(int, int) uint16 { return 8 }),
		a.add("never", 500000, 5000000, 128, func(int, int) uint16 { return 9 }),
	}
	p := a.plan(t, items, "first", 128, 128)
	got, _ := read(t, NewEngine(2, 1<<30), a, p, p.Whole())
	for i, v := range got {
		want := uint16(7)
		if i/128 < 64 && i%128 < 64 {
			want = 8
		}
		if v != want {
			t.Fatalf("cell %d is %d, want %d", i, v, want)
		}
	}
	asked := map[string]int{}
	for _, r := range a.asked {
		asked[r.Asset.Href]++
	}
	// The second round looks for the one empty block, two layers deep.
	if asked["holes"] != 4 || asked["whole"] != 1 || asked["never"] > 1 {
		t.Errorf("tiles asked for: %v", asked)
	}
}

func TestUncoveredCellsHoldNoData(t *testing.T) {
	a := newArchive()
	p := a.plan(t, []core.Item{a.add("a", 500640, 5000000, 64, func(int, int) uint16 { return 5 })}, "", 64, 200)
	got, _ := read(t, NewEngine(1, 1<<30), a, p, p.Whole())
	for i, v := range got {
		if inside := i%200 >= 64 && i%200 < 128; inside != (v == 5) || (!inside && v != 0) {
			t.Fatalf("cell %d is %d", i, v)
		}
	}
}

func TestAnyCutGivesTheSamePixels(t *testing.T) {
	a := newArchive()
	noise := rand.New(rand.NewPCG(1, 2))
	var items []core.Item
	for _, href := range []string{"a", "b", "c"} {
		// Off the grid by a fraction of a pixel, so that pixels are resampled.
		items = append(items, a.add(href, 500003.7+noise.Float64()*100, 5000001.1, 192, func(int, int) uint16 { return uint16(noise.IntN(5)) }))
	}
	for _, method := range []string{"first", "mean", "highest"} {
		p := a.plan(t, items, method, 150, 170)
		e, size := NewEngine(2, 1<<30), p.DType.Size()
		whole := readBytes(t, e, a, p, p.Whole())
		for range 20 {
			w := p.Whole()
			w.Row = plan.Axis{Start: noise.IntN(100), Step: 1, Count: 1 + noise.IntN(50)}
			w.Col = plan.Axis{Start: 120 + noise.IntN(50), Step: -1, Count: 1 + noise.IntN(100)}
			part := readBytes(t, e, a, p, w)
			for i := range w.Cells() {
				row, col := w.Row.At(i/w.Col.Len()), w.Col.At(i%w.Col.Len())
				got, want := part[i*size:][:size], whole[(row*170+col)*size:][:size]
				if !bytes.Equal(got, want) {
					t.Fatalf("%s: cell (%d, %d) is %v in a part and %v in the whole", method, row, col, got, want)
				}
			}
		}
	}
}

func TestLittleMemoryGivesTheSamePixels(t *testing.T) {
	a := newArchive()
	p := a.plan(t, []core.Item{a.add("a", 500000, 5000000, 512, number)}, "", 512, 512)
	e := NewEngine(2, 1<<30)
	want, _ := read(t, e, a, p, p.Whole())
	small := NewEngine(2, 60<<10) // a few tiles of 16 KiB, compressed and decoded
	got, _ := read(t, small, a, p, p.Whole())
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("cell %d is %d, want %d", i, got[i], want[i])
		}
	}
	if held := small.Budget.Held(); held != 0 {
		t.Errorf("%d bytes are still held", held)
	}
}

func TestTooLittleMemory(t *testing.T) {
	a := newArchive()
	p := a.plan(t, []core.Item{a.add("a", 500000, 5000000, 128, number)}, "", 128, 128)
	_, err := NewEngine(1, 1000).Run(t.Context(), p, p.Whole(), a, a, make([]byte, 128*128*2), Options{})
	if core.ClassOf(err) != core.BudgetExceeded || len(a.asked) != 0 {
		t.Errorf("%d tiles asked for, then %v", len(a.asked), err)
	}
}

func TestErrors(t *testing.T) {
	a := newArchive()
	items := []core.Item{a.add("bad", 500000, 5000000, 64, number), a.add("good", 500000, 5000000, 64, func(int, int) uint16 { return 3 })}
	a.fail["bad"] = core.Errorf(core.AssetNotFound, "", "gone").WithHref("bad")
	p := a.plan(t, items, "", 64, 64)
	e := NewEngine(2, 1<<30)
	_, err := e.Run(t.Context(), p, p.Whole(), a, a, make([]byte, 64*64*2), Options{})
	if core.ClassOf(err) != core.AssetNotFound || err.(*core.Error).ItemID != "bad" || err.(*core.Error).Band != "B" {
		t.Errorf("got %v", err)
	}
	p.IgnoreErrors = true
	got, report := read(t, e, a, p, p.Whole())
	if got[0] != 3 || len(report.Failures) != 1 || report.Failures[0].Item != "bad" {
		t.Errorf("cell %d, report %+v", got[0], report)
	}
	if held := e.Budget.Held(); held != 0 {
		t.Errorf("%d bytes are still held", held)
	}
}

func TestNothingIsWrittenAfterACancel(t *testing.T) {
	a := newArchive()
	p := a.plan(t, []core.Item{a.add("a", 500000, 5000000, 512, number)}, "", 512, 512)
	e := NewEngine(2, 1<<30)
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		out := make([]byte, 512*512*2)
		slow := cancelling{a, cancel}
		if _, err := e.Run(ctx, p, p.Whole(), a, slow, out, Options{}); core.ClassOf(err) != core.Cancelled {
			t.Fatalf("got %v", err)
		}
		clear(out) // the race detector watches this write
	}
	if held := e.Budget.Held(); held != 0 {
		t.Errorf("%d bytes are still held", held)
	}
}

// cancelling ends the read in the middle of its tiles.
type cancelling struct {
	*archive
	cancel func()
}

// Tiles delivers half of the tiles, cancels, and delivers the rest.
func (c cancelling) Tiles(ctx context.Context, refs []core.TileRef, done func(int, []byte, error)) {
	n := 0
	c.archive.Tiles(ctx, refs, func(i int, data []byte, err error) {
		if n++; n == len(refs)/2 {
			c.cancel()
		}
		done(i, data, err)
	})
}
