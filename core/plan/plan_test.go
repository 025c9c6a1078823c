package plan

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/core/crs"
	"cogweave/core/lattice"
)

// table is a HeaderReader over headers made by the test.
type table map[string]*cog.Header

func (t table) Headers(_ context.Context, hrefs []string, each func(int, *cog.Header, error)) {
	for i, href := range hrefs {
		if h := t[href]; h != nil {
			each(i, h, nil)
		} else {
			each(i, nil, core.Errorf(core.AssetNotFound, "", "no such file").WithHref(href))
		}
	}
}

// utm is a header of a raster of size x size pixels of 10 m with overviews by 2, 4, 8 and tiles of 256.
func utm(href string, epsg int, x, y float64, size int) *cog.Header {
	h := &cog.Header{Href: href, NoData: core.NoData{Set: true}, Georef: cog.Georef{EPSG: epsg, HasTransform: true,
		Transform: core.Affine{A: 10, C: x, E: -10, F: y}}}
	offset := uint64(1000)
	for n := size; n >= size/8; n /= 2 {
		l := cog.Level{Width: n, Height: n, TileWidth: 256, TileHeight: 256, Tiled: true, Samples: 1, Bits: []int{16},
			Format: cog.Unsigned, Compression: cog.Deflate, Predictor: 1}
		cols, rows := l.Grid()
		for range cols * rows {
			l.Offsets, l.ByteCounts = append(l.Offsets, offset), append(l.ByteCounts, 100)
			offset += 100
		}
		h.Levels = append(h.Levels, l)
	}
	return h
}

func item(id string, day int64, href string) core.Item {
	return core.Item{ID: id, Datetime: day * 86400e6, Assets: []core.ItemAsset{
		{Href: href, AssetDescription: &core.AssetDescription{Key: "B04", MediaType: "image/tiff; application=geotiff; profile=cloud-optimized",
			Bands: []core.AssetBand{{Name: "B04", CommonName: "red"}}}}}}
}

func request(crs string, x, y, res float64, rows, cols int) Request {
	return Request{Grid: GridSpec{CRS: crs, Transform: [6]float64{res, 0, x, 0, -res, y}, Shape: [2]int{rows, cols}}, TimePeriod: "P1D"}
}

func newPlan(t *testing.T, req Request, items []core.Item, headers table) *Plan {
	t.Helper()
	p, err := New(t.Context(), req, items, crs.Projection{}, headers)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func reads(t *testing.T, p *Plan, w Window, headers table) []Read {
	t.Helper()
	list, err := p.Reads(t.Context(), w, headers)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestReadsOfAlignedWindow(t *testing.T) {
	headers := table{"a.tif": utm("a.tif", 32633, 500000, 5000000, 1024)}
	p := newPlan(t, request("EPSG:32633", 500000, 5000000, 10, 1024, 1024), []core.Item{item("a", 1, "a.tif")}, headers)
	w := p.Whole()
	w.Row, w.Col = Axis{Start: 250, Step: 1, Count: 10}, Axis{Start: 0, Step: 1, Count: 256}
	list := reads(t, p, w, headers)
	var tiles []int64
	for _, r := range list {
		tiles = append(tiles, r.TileIndex)
	}
	if !slices.Equal(tiles, []int64{0, 4}) {
		t.Fatalf("tiles %v, want the first of the first two rows", tiles)
	}
	if r := list[1].Ref.Range; r.Start != 1400 || r.End != 1500 {
		t.Errorf("range %v", r)
	}
}

func TestLevelIsTheCoarsestThatSuffices(t *testing.T) {
	headers := table{"a.tif": utm("a.tif", 32633, 500000, 5000000, 1024)}
	for _, c := range []struct {
		res   float64
		level int32
	}{{10, 0}, {19.7, 0}, {19.81, 1}, {20, 1}, {39, 1}, {40, 2}, {80, 3}, {500, 3}} {
		p := newPlan(t, request("EPSG:32633", 500000, 5000000, c.res, 20, 20), []core.Item{item("a", 1, "a.tif")}, headers)
		if got := reads(t, p, p.Whole(), headers)[0].Level; got != c.level {
			t.Errorf("%v m reads level %d, want %d", c.res, got, c.level)
		}
	}
}

func TestNeighbourZoneKernelScale(t *testing.T) {
	headers := table{"a.tif": utm("a.tif", 32632, 700000, 5000000, 1024)}
	tr, err := crs.Projection{}.Transformer("EPSG:32632", "EPSG:32633")
	if err != nil {
		t.Fatal(err)
	}
	x, y := []float64{705000}, []float64{4995000}
	tr.Transform(x, y)
	p := newPlan(t, request("EPSG:32633", math.Round(x[0]), math.Round(y[0]), 10, 100, 100), []core.Item{item("a", 1, "a.tif")}, headers)
	steps, err := p.Resolve(t.Context(), []int{0}, []int{0}, p.Grid.Window(), headers)
	if err != nil {
		t.Fatal(err)
	}
	s := steps[0].Items[0].Sources[0]
	if s.Aligned || s.Level != 0 || math.Abs(s.Scale[0]-1) > 0.01 {
		t.Errorf("aligned %v, level %d, scale %v", s.Aligned, s.Level, s.Scale)
	}
}

func TestOutlineKeepsItemsApart(t *testing.T) {
	headers := table{"a.tif": utm("a.tif", 32633, 500000, 5000000, 256), "b.tif": utm("b.tif", 32633, 500000+2560*10, 5000000, 256)}
	p := newPlan(t, request("EPSG:32633", 500000, 5000000, 10, 256, 5000), []core.Item{item("a", 1, "a.tif"), item("b", 1, "b.tif")}, headers)
	for _, c := range []struct {
		col  int
		want string
	}{{0, "a"}, {2700, "b"}} {
		w := p.Whole()
		w.Col = Axis{Start: c.col, Step: 1, Count: 64}
		if list := reads(t, p, w, headers); len(list) != 1 || list[0].ItemID != c.want {
			t.Errorf("column %d reads %+v, want item %s alone", c.col, list, c.want)
		}
	}
}

func TestUnknownBandListsThoseThereAre(t *testing.T) {
	req := request("EPSG:32633", 500000, 5000000, 10, 10, 10)
	req.Bands = []string{"B99"}
	_, err := New(t.Context(), req, []core.Item{item("a", 1, "a.tif")}, crs.Projection{}, table{})
	if core.ClassOf(err) != core.InvalidArgument || err.Error() != `band "B99" is in no item; there are: B04, red` {
		t.Errorf("got %v", err)
	}
}

func TestBandByCommonName(t *testing.T) {
	headers := table{"a.tif": utm("a.tif", 32633, 500000, 5000000, 256)}
	req := request("EPSG:32633", 500000, 5000000, 10, 10, 10)
	req.Bands = []string{"red"}
	p := newPlan(t, req, []core.Item{item("a", 1, "a.tif")}, headers)
	if b := p.Bands[0]; b.Name != "red" || b.Asset != "B04" || b.DType != core.UInt16 || b.NoData != (core.NoData{Set: true}) {
		t.Errorf("got %+v", b)
	}
}

// TestBadRequests: each error names the argument that is wrong.
func TestBadRequests(t *testing.T) {
	headers := table{"a.tif": utm("a.tif", 32633, 500000, 5000000, 256)}
	for said, change := range map[string]func(*Request){
		`crs "EPSG:99999"`:                            func(r *Request) { r.Grid.CRS = "EPSG:99999" },
		"grid: transform":                             func(r *Request) { r.Grid.Transform[0] = math.NaN() },
		"grid: shape (0, 5)":                          func(r *Request) { r.Grid.Shape = [2]int{0, 5} },
		`resampling "sharpest"`:                       func(r *Request) { r.Resampling = Resampling{"*": "sharpest"} },
		`mosaic_method "prettiest"`:                   func(r *Request) { r.MosaicMethod = "prettiest" },
		`dtype "uint12"`:                              func(r *Request) { r.DType = "uint12" },
		`dtype "uint8" cannot hold`:                   func(r *Request) { r.DType = core.UInt8 },
		"nodata -1":                                   func(r *Request) { n := Number(-1); r.NoData = &n },
		`mosaic_method "mean" gives fractions, which`: func(r *Request) { r.MosaicMethod, r.DType = "mean", core.Int32 },
		`errors="hide"`:                               func(r *Request) { r.Errors = "hide" },
		`time_period "P1Z"`:                           func(r *Request) { r.TimePeriod = "P1Z" },
	} {
		req := request("EPSG:32633", 500000, 5000000, 10, 10, 10)
		change(&req)
		_, err := New(t.Context(), req, []core.Item{item("a", 1, "a.tif")}, crs.Projection{}, headers)
		if core.ClassOf(err) != core.InvalidArgument || !strings.HasPrefix(err.Error(), said) {
			t.Errorf("%s: got %v", said, err)
		}
	}
}

func TestJobsCoverEveryCellOnce(t *testing.T) {
	one := Axis{Step: 1, Count: 1}
	windows := map[string]Window{
		"rectangle": {Band: one, Time: one, Row: Axis{Start: 60, Step: 1, Count: 70}, Col: Axis{Start: 3, Step: 1, Count: 130}},
		"reversed":  {Band: one, Time: one, Row: Axis{Start: 129, Step: -1, Count: 70}, Col: Axis{Start: 0, Step: 7, Count: 20}},
		"repeated":  {Band: one, Time: one, Row: Axis{Index: []int{5, 5, 200}}, Col: Axis{Index: []int{9, 100}}},
		"points": {Pointwise: true, Band: Axis{Index: []int{0, 0, 0}}, Time: Axis{Index: []int{0, 1, 0}}, Row: Axis{Index: []int{5, 5, 200}},
			Col: Axis{Index: []int{9, 9, 100}}},
	}
	for name, w := range windows {
		placed := make([]int, w.Cells())
		for _, job := range w.Jobs() {
			for i := range job.Cells {
				c := &job.Cells[i]
				for k := range c.Count() {
					place := c.Offset + k/max(1, c.Window.Width)*c.Stride + k%max(1, c.Window.Width)
					if c.Rows != nil {
						place = c.Places[k]
					}
					placed[job.Planes[0]+place]++
				}
			}
		}
		for i, n := range placed {
			if n != 1 {
				t.Errorf("%s: cell %d is placed %d times", name, i, n)
				break
			}
		}
	}
}

func TestBoundsHoldEveryCell(t *testing.T) {
	n := lattice.Nodes{Step: 16, PerRow: 5, X: make([]float64, 25), Y: make([]float64, 25)}
	for i := range n.X {
		r, c := float64(i/5), float64(i%5)
		n.X[i], n.Y[i] = 10*c+r*r-3*c*r, 7*r-c*c
	}
	w := core.Window{Row: 5, Col: 3, Height: 40, Width: 50}
	low, high, _ := bounds(n, w, 0, 0)
	for row := w.Row; row < w.Row+w.Height; row++ {
		for col := w.Col; col < w.Col+w.Width; col++ {
			x, y := interpolate(n, row, col)
			if x < low[0] || x > high[0] || y < low[1] || y > high[1] {
				t.Fatalf("cell (%d, %d) at (%v, %v) is outside %v, %v", row, col, x, y, low, high)
			}
		}
	}
}
