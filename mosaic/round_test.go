package mosaic

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"cogweave/core"
	"cogweave/core/cog"
	"cogweave/core/plan"
)

// TestOneStackAtATime: where a block's stack takes several rounds, the next block does not begin before it ends.
func TestOneStackAtATime(t *testing.T) {
	a := newArchive()
	var items []core.Item
	for i := range 12 {
		items = append(items, a.add(fmt.Sprintf("%02d.tif", i), 500000, 5000000, 256, number))
	}
	p := a.plan(t, items, "median", 256, 256)
	r := &run{engine: NewEngine(1, 256<<10), ctx: t.Context(), plan: p, headers: a}
	steps, err := r.resolve(p.Whole())
	if err != nil {
		t.Fatal(err)
	}
	j := newJob(r, p.Whole().Jobs()[0], steps[0])
	j.lay()
	rounds := 0
	for rd := j.planRound(); len(rd.blocks) > 0; rd = j.planRound() {
		begun := 0
		for _, b := range j.blocks {
			if b.next > 0 && b.next < len(items) {
				begun++
			}
		}
		if begun > 1 {
			t.Fatalf("%d blocks keep part of their items", begun)
		}
		if rounds++; rounds > len(j.blocks)*len(items) {
			t.Fatal("no end")
		}
	}
	for i, b := range j.blocks {
		if b.next != len(items) {
			t.Errorf("block %d ends after %d items", i, b.next)
		}
	}
	if rounds <= len(j.blocks) {
		t.Errorf("%d rounds: the test's memory is too large", rounds)
	}
}

// TestAnItemThatFitsAlone: where a block's items do not fit into the memory together, though each does, they are read one
// after the other.
func TestAnItemThatFitsAlone(t *testing.T) {
	a := newArchive()
	small := a.add("small.tif", 500000, 5000000, 40, number) // a tile of 64 x 64, which leaves cells to others
	a.side = 128
	large := a.add("large.tif", 500000, 5000000, 128, number)
	p := a.plan(t, []core.Item{small, large}, "first", 64, 64)
	const bytes = 2 * 2 * 128 * 128 // of the large one, compressed and decoded
	got, report := read(t, NewEngine(1, bytes*5/4-1), a, p, p.Whole())
	for i, v := range got {
		if want := number(i/64, i%64); v != want {
			t.Fatalf("cell %d is %d, want %d", i, v, want)
		}
	}
	if report.Tiles != 2 {
		t.Errorf("%d tiles were read, want 2", report.Tiles)
	}
	out := make([]byte, 64*64*2)
	_, err := NewEngine(1, bytes-1).Run(t.Context(), p, p.Whole(), a, a, out, Options{})
	if core.ClassOf(err) != core.BudgetExceeded {
		t.Errorf("what never fits: %v", err)
	}
}

// TestAbsentTilesOfFloatsAreZero where nothing says what stands for nodata, as GDAL reads them.
func TestAbsentTilesOfFloatsAreZero(t *testing.T) {
	a := newArchive()
	item := a.add("a.tif", 500000, 5000000, 64, number)
	h := a.headers["a.tif"]
	h.NoData = core.NoData{}
	l := &h.Levels[0]
	l.Format, l.Bits, l.Offsets, l.ByteCounts = cog.Float, []int{32}, []uint64{0}, []uint64{0}
	p := a.plan(t, []core.Item{item}, "first", 64, 64)
	out := make([]byte, 64*64*4)
	if _, err := NewEngine(1, 64<<20).Run(t.Context(), p, p.Whole(), a, a, out, Options{}); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(out); i += 4 {
		if v := math.Float32frombits(binary.NativeEndian.Uint32(out[i:])); v != 0 {
			t.Fatalf("cell %d is %v", i/4, v)
		}
	}
}

// TestMasksAreSharedForTheSamePixels only: scattered cells of two kernels may need others inside one window.
func TestMasksAreSharedForTheSamePixels(t *testing.T) {
	part := &plan.MaskPart{}
	window := core.Window{Height: 100, Width: 100}
	one, two := core.Window{Height: 1, Width: 1}, core.Window{Row: 99, Col: 99, Height: 1, Width: 1}
	m := &maskNeed{part: part, source: window, parts: []core.Window{one, two}}
	n := &need{masks: []*maskNeed{m}}
	if n.shared(part, &sourceNeed{window: window, parts: []core.Window{one, two}}) != m {
		t.Error("the same pixels: not shared")
	}
	wider := core.Window{Height: 2, Width: 2}
	if n.shared(part, &sourceNeed{window: window, parts: []core.Window{wider, two}}) != nil {
		t.Error("other pixels: shared")
	}
}

// TestChunksOfAShortLastStrip: chunks decode a tile as a whole, which of the last strip is less than the others have.
func TestChunksOfAShortLastStrip(t *testing.T) {
	a := newArchive()
	items := []core.Item{a.add("a.tif", 500000, 5000000, 64, number)}
	l := &a.headers["a.tif"].Levels[0]
	l.Tiled, l.TileHeight = false, 48 // rows of the one tile follow one another as those of strips do
	l.Offsets, l.ByteCounts = []uint64{0, 48 * 64 * 2}, []uint64{48 * 64 * 2, 16 * 64 * 2}
	p := a.plan(t, items, "first", 64, 64)
	e := NewEngine(1, 64<<20)
	w := p.Whole()
	w.Row = plan.Axis{Start: 40, Step: 1, Count: 20}
	out := make([]byte, 20*64*2)
	if _, err := e.Run(t.Context(), p, w, a, a, out, Options{Ahead: Ahead{Of: 1}}); err != nil {
		t.Fatal(err)
	}
	for i := range 20 * 64 {
		if got, want := binary.NativeEndian.Uint16(out[2*i:]), number(40+i/64, i%64); got != want {
			t.Fatalf("cell (%d, %d) is %d, want %d", 40+i/64, i%64, got, want)
		}
	}
}
