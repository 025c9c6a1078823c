package main

import (
	"context"
	"strings"
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"cogweave/capi/op"
	"cogweave/core"
)

func TestPixelsAreAlignedCountedAndGivenBack(t *testing.T) {
	before := pixelsAlive()
	for _, size := range []int64{0, 1, 63, 64<<10 - 1, 64 << 10, 1 << 20, 4<<20 - 1, 4 << 20, 9<<20 + 5} {
		p, err := newPixels(size)
		if err != nil {
			t.Fatal(err)
		}
		if uintptr(p.data)%64 != 0 || int64(len(p.slice())) != size {
			t.Fatalf("%d bytes at %p", len(p.slice()), p.data)
		}
		if size > 0 {
			p.slice()[0], p.slice()[size-1] = 1, 2
		}
		if got := pixelsAlive() - before; got != size {
			t.Fatalf("%d bytes counted for %d", got, size)
		}
		p.share()
		p.Release()
		if size > 0 && p.slice()[size-1] != 2 && size > 1 {
			t.Fatal("gone with the first of two shares")
		}
		p.Release()
		if got := pixelsAlive(); got != before {
			t.Fatalf("%d bytes left of %d", got-before, size)
		}
	}
}

// TestMemoryOfResultsIsUsedAgain: a result has the memory of the last one of its size, and one of a new size finds room
// among those of an old one.
func TestMemoryOfResultsIsUsedAgain(t *testing.T) {
	made := func(bytes int64, mark byte) (before byte, p *pixels) {
		p, err := newPixels(bytes)
		if err != nil {
			t.Fatal(err)
		}
		before, p.slice()[0] = p.slice()[0], mark
		return before, p
	}
	const old, young = 3500 << 10, 2000 << 10 // nine of the old size leave no room for one of the young
	var all []*pixels
	for range 9 {
		_, p := made(old, 5)
		all = append(all, p)
	}
	for _, p := range all {
		p.Release()
	}
	before, p := made(old, 5)
	if before != 5 {
		t.Error("memory of the same size was not used again")
	}
	p.Release()
	_, p = made(young, 6)
	p.Release()
	before, p = made(young, 6)
	if before != 6 {
		t.Error("memory of an old size left no room for that of a new one")
	}
	p.Release()
}

func TestPixelsThatTheMachineDoesNotHave(t *testing.T) {
	_, err := newPixels(1 << 50)
	wantError(t, err, core.BudgetExceeded, "ResultTooLarge", "1125899906842624")
}

func TestAllocator(t *testing.T) {
	var a allocator
	b := a.Allocate(100)
	if uintptr(unsafe.Pointer(&b[0]))%64 != 0 || len(b) != 100 {
		t.Fatalf("%d bytes at %p", len(b), &b[0])
	}
	b[99] = 7
	b = a.Reallocate(5000, b)
	if b[99] != 7 || b[4999] != 0 {
		t.Fatal("content lost by growing")
	}
	b = a.Reallocate(wholePages+1, b) // from malloc's memory to whole pages
	if b[99] != 7 || b[wholePages] != 0 {
		t.Fatal("content lost by growing to whole pages")
	}
	b[wholePages] = 9
	b = a.Reallocate(3*wholePages, b)
	if b[99] != 7 || b[wholePages] != 9 || b[3*wholePages-1] != 0 {
		t.Fatal("content lost by growing whole pages")
	}
	b = a.Reallocate(10, b)
	b = a.Reallocate(0, b)
	a.Free(b)
	a.Free(a.Allocate(0))
	a.Free(nil)
	if n := a.alive.Load(); n != 0 {
		t.Fatalf("%d bytes left", n)
	}
	defer func() {
		e, ok := recover().(*core.Error)
		if !ok || e.Class != core.BudgetExceeded {
			t.Fatalf("recovered %v", e)
		}
	}()
	a.Allocate(1 << 60)
}

// An operation that runs out of memory fails with the allocator's error, not as a defect.
func TestRecoveredAllocatorError(t *testing.T) {
	defer func() { wantError(t, op.Recovered(recover()), core.BudgetExceeded, "OutOfMemory", "no memory") }()
	tableMemory.Allocate(1 << 60)
}

func nestedBatch(t *testing.T) arrow.RecordBatch {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.BinaryTypes.String},
		{Name: "box", Type: arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Float64, Nullable: true}), Nullable: true},
		{Name: "roles", Type: arrow.ListOf(arrow.BinaryTypes.String), Nullable: true},
	}, nil)
	batch, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[
		{"id": "a", "box": {"x": 1}, "roles": ["data"]}, {"id": "bb", "box": null, "roles": null},
		{"id": "ccc", "box": {"x": null}, "roles": []}, {"id": "", "box": {"x": 4}, "roles": ["p", "q"]}]`))
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

func TestCompactCopiesWhatASliceShows(t *testing.T) {
	whole := nestedBatch(t)
	before := tableMemory.alive.Load()
	for _, part := range [][2]int64{{0, 4}, {1, 3}, {3, 4}, {2, 2}} {
		slice := whole.NewSlice(part[0], part[1])
		got, err := compact(slice)
		if err != nil {
			t.Fatal(err)
		}
		if !array.RecordEqual(got, slice) {
			t.Fatalf("%v became %v", slice, got)
		}
		for _, c := range got.Columns() {
			if c.Data().Offset() != 0 {
				t.Errorf("offset %d", c.Data().Offset())
			}
		}
		got.Release()
		slice.Release()
	}
	if got := tableMemory.alive.Load(); got != before {
		t.Fatalf("%d bytes left", got-before)
	}
}

func TestTableLivesAsLongAsItsShares(t *testing.T) {
	before := tableMemory.alive.Load()
	batch, err := compact(nestedBatch(t))
	if err != nil {
		t.Fatal(err)
	}
	tab := marked("items", batch.Schema(), []arrow.RecordBatch{batch})
	d := describeTable(tab)
	if d.Rows != 4 || len(d.Columns) != 3 || d.Columns[2].Name != "roles" || d.Bytes == 0 || d.Metadata[stageKey] != "items" {
		t.Fatalf("%+v", d)
	}
	tab.share()
	source := tab.source()
	if source != tab.source() {
		t.Fatal("two sources of one table")
	}
	tab.Release()
	if tableMemory.alive.Load() == before {
		t.Fatal("gone with the first of two shares")
	}
	tab.Release()
	if got := tableMemory.alive.Load(); got != before {
		t.Fatalf("%d bytes left", got-before)
	}
}

func TestMeterCountsWhatArrives(t *testing.T) {
	q, err := op.NewQueue(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	o := op.New(q)
	_, m := metered(context.Background(), o)
	refs := make([]core.TileRef, 4)
	for i := range refs {
		refs[i].Range.End = 10
	}
	m.tiles(pairs{}).Tiles(context.Background(), refs, func(int, []byte, error) {})
	p := o.Progress().(progress)
	if p.ReadsDone != 4 || p.ReadsTotal != 4 || p.BytesDone != 40 || p.BytesTotal != 40 || p.Report != nil {
		t.Fatalf("%+v", p)
	}
}

// pairs is a source whose even tiles have two bytes and whose odd ones fail.
type pairs struct{}

func (pairs) Tiles(_ context.Context, refs []core.TileRef, done func(i int, data []byte, err error)) {
	for i := range refs {
		if i%2 == 0 {
			done(i, []byte{1, 2}, nil)
		} else {
			done(i, nil, core.Errorf(core.AssetError, "", "failed"))
		}
	}
}
