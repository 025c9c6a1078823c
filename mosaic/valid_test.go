package mosaic

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"cogweave/core"
	"cogweave/core/crs"
	"cogweave/core/plan"
)

// withFill reads a window in which cells that nothing covers hold a fill.
func withFill(t *testing.T, a *archive, p *plan.Plan, w plan.Window, fill core.NoData, opts Options) []byte {
	t.Helper()
	for i := range p.Bands {
		p.Bands[i].NoData = fill
	}
	dtype, cells, err := p.CheckWindow(w)
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Repeat([]byte{0xee}, cells*dtype.Size())
	if _, err := NewEngine(2, 1<<30).Run(t.Context(), p, w, a, a, out, opts); err != nil {
		t.Fatal(err)
	}
	return out
}

// checkValid compares the validity that a read tells with two reads of different fills: a cell that no item gave a value to is
// the one fill, then the other. It gives how many cells of how many have a value.
func checkValid(t *testing.T, a *archive, p *plan.Plan, w plan.Window, opts Options) (valid, cells int) {
	t.Helper()
	own := p.Bands[0].NoData
	one, other := core.NoData{Set: true, Value: 71}, core.NoData{Set: true, Value: 72}
	first, second := withFill(t, a, p, w, one, opts), withFill(t, a, p, w, other, opts)
	size := len(first) / w.Cells()
	want := make([]byte, w.Cells())
	for i := range want {
		if bytes.Equal(first[i*size:][:size], second[i*size:][:size]) {
			want[i] = 1
		}
	}
	for _, fill := range []core.NoData{one, own} {
		pixels := withFill(t, a, p, w, fill, opts)
		for _, before := range []byte{0, 0xee} {
			told := opts
			told.Valid = bytes.Repeat([]byte{before}, len(want))
			if got := withFill(t, a, p, w, fill, told); !bytes.Equal(got, pixels) {
				t.Fatalf("fill %v: other pixels where validity is asked for", fill)
			}
			for i, v := range told.Valid {
				if (v != 0) != (want[i] != 0) {
					t.Fatalf("fill %v: cell %d of %d is told valid: %d, which it is: %d", fill, i, len(want), v, want[i])
				}
			}
		}
	}
	return bytes.Count(want, []byte{1}), len(want)
}

// pairOf gives an item of bands B and C, whose holes lie apart, and of every value that a pixel can have.
func pairOf(a *archive, id string, x float64, size int, noData core.NoData) core.Item {
	pixel := func(row, col int) uint16 {
		if (row/3+col/5)%3 == 0 {
			return 0
		}
		return uint16(row*251 + col*7)
	}
	item := a.add(id+"-B", x, 5000000, size, pixel)
	other := a.add(id+"-C", x, 5000000, size, func(row, col int) uint16 { return pixel(col, row+1) })
	for _, asset := range []core.ItemAsset{item.Assets[0], other.Assets[0]} {
		a.headers[asset.Href].NoData = noData
	}
	other.Assets[0].AssetDescription = &core.AssetDescription{Key: "C", MediaType: "image/tiff"}
	item.ID, item.Assets = id, append(item.Assets, other.Assets...)
	return item
}

// halfValid is a callable: the first item's values, of which every second is masked.
func halfValid(_ context.Context, b *Block) (out, has []byte, err error) {
	n := b.Bands * b.Rows * b.Cols
	has = slices.Clone(b.Valid[:n])
	for i := 0; i < n; i += 2 {
		has[i] = 0
	}
	return b.Values[:n*b.Type.Size()], has, nil
}

// Every method tells which cells have a value, in windows of every shape, with items that end within the grid, that have
// nodata or none, and of which one has half a file and so counts as absent, after blocks were written that it filled.
func TestValid(t *testing.T) {
	a := newArchive()
	a.deflate = true
	items := []core.Item{
		pairOf(a, "a", 500003, 128, core.NoData{Set: true}),
		pairOf(a, "broken", 500000, 192, core.NoData{}),
		pairOf(a, "b", 499400, 192, core.NoData{Set: true}),
		pairOf(a, "c", 501280, 64, core.NoData{}),
	}
	file := a.files["broken-C"]
	clear(file[len(file)*2/3:])
	scattered := plan.Axis{Index: []int{199, 3, 3, 70, 64, 150}}
	for _, method := range []string{"first", "last", "highest", "lowest", "mean", "stdev", "median", "percentile(90)", "sum", "count",
		"medoid", "best(C)", "callable(f)"} {
		for _, consistent := range []bool{false, true} {
			if consistent && (method == "highest" || method == "lowest") {
				continue // are of each band by itself
			}
			p, err := plan.New(t.Context(), plan.Request{Bands: []string{"B", "C"}, MosaicMethod: method, Consistent: consistent,
				Grid:       plan.GridSpec{CRS: "EPSG:32633", Transform: [6]float64{10, 0, 500000, 0, -10, 5000000}, Shape: [2]int{210, 220}},
				TimePeriod: "P1D", Errors: "ignore"}, items, crs.Projection{}, a)
			if err != nil {
				t.Fatal(err)
			}
			part, some := p.Whole(), p.Whole()
			part.Row, part.Col = plan.Axis{Start: 60, Step: 1, Count: 9}, plan.Axis{Start: 120, Step: 1, Count: 95}
			some.Row, some.Col = scattered, scattered
			points := plan.Window{Pointwise: true, Row: scattered, Col: scattered, Time: plan.Axis{Index: make([]int, 6)}, Band: plan.Axis{Index: []int{1, 0, 1, 0, 0, 1}}}
			for name, w := range map[string]plan.Window{"whole": p.Whole(), "part": part, "scattered": some, "points": points} {
				t.Run(fmt.Sprintf("%s, consistent %v, %s", method, consistent, name), func(t *testing.T) {
					valid, cells := checkValid(t, a, p, w, Options{Callable: halfValid})
					if all := method == "count"; (valid == cells) != all || valid == 0 {
						t.Errorf("%d of %d cells are valid", valid, cells)
					}
				})
			}
		}
	}
}

// Cells that no item comes near, in a block and in all, and a read of nothing.
func TestValidOfNothing(t *testing.T) {
	a := newArchive()
	for _, method := range []string{"first", "mean", "median", "medoid", "callable(f)"} {
		p := a.plan(t, []core.Item{a.add("a", 400000, 5000000, 64, number), a.add("b", 500000, 5000000, 64, number)}, method, 100, 100)
		if valid, _ := checkValid(t, a, p, p.Whole(), Options{Callable: halfValid}); valid == 0 || valid > 64*64 {
			t.Errorf("%s: %d cells are valid", method, valid)
		}
	}
	p := a.plan(t, []core.Item{a.add("a", 400000, 5000000, 64, number)}, "", 64, 64)
	if valid, _ := checkValid(t, a, p, p.Whole(), Options{}); valid != 0 {
		t.Errorf("%d cells are valid where no item is", valid)
	}
	out := make([]byte, p.Whole().Cells()*2)
	_, err := NewEngine(1, 1<<30).Run(t.Context(), p, p.Whole(), a, a, out, Options{Valid: make([]byte, 5)})
	if core.ClassOf(err) != core.InvalidArgument {
		t.Errorf("%v: bytes are missing", err)
	}
}
