package table

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"cogweave/core"
	"cogweave/core/plan"
)

// someReads are reads of two files, each of whose bytes is a function of its place.
func someReads(n int) []plan.Read {
	files := []*core.Asset{{Href: "https://host/a.tif?sig=secret", ETag: `"1"`}, {Href: "file:///b.tif"}}
	reads := make([]plan.Read, n)
	for i := range reads {
		start := int64(1000 + 100*i)
		reads[i] = plan.Read{
			ItemID: fmt.Sprintf("item-%d", i%3), Band: "red", TimeIndex: int32(i % 5), Level: int32(i % 2), TileIndex: int64(i),
			Ref:    core.TileRef{Asset: files[i%2], Range: core.ByteRange{Start: start, End: start + int64(1+i%90)}},
			Window: core.Window{Row: 256 * i, Col: 512 * i, Height: 256, Width: 512},
		}
	}
	return reads
}

func content(r *plan.Read) []byte {
	out := make([]byte, r.Ref.Range.Len())
	for i := range out {
		out[i] = byte(int(r.Ref.Range.Start) + i + len(r.Ref.Asset.Href))
	}
	return out
}

func checked(t *testing.T) *memory.CheckedAllocator {
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { alloc.AssertSize(t, 0) })
	return alloc
}

func TestReadsHaveTheColumnsOfTheSemantics(t *testing.T) {
	reads := someReads(7)
	b := Reads(reads, checked(t))
	defer b.Release()
	want := "read_id int64, item_id utf8, band utf8, time_index int32, href utf8, etag utf8, level int32, tile_index int64, " +
		"offset uint64, length uint64, row int64, col int64, height int64, width int64"
	var columns []string
	for _, f := range b.Schema().Fields() {
		columns = append(columns, f.Name+" "+f.Type.String())
	}
	if got := strings.Join(columns, ", "); got != want {
		t.Errorf("columns %s\nwant    %s", got, want)
	}
	meta := b.Schema().Metadata()
	for key, want := range map[string]string{"cogweave.table": "reads", "cogweave.version": "1"} {
		if got, _ := meta.GetValue(key); got != want {
			t.Errorf("metadata %s = %q", key, got)
		}
	}
	wantRow := []string{"3", "item-0", "red", "3", "file:///b.tif", "", "1", "3", "1300", "4", "768", "1536", "256", "512"}
	for c, want := range wantRow {
		if got := b.Column(c).ValueStr(3); got != want {
			t.Errorf("%s of row 3 = %s, want %s", b.ColumnName(c), got, want)
		}
	}
}

func written(t *testing.T, reads []plan.Read, alloc memory.Allocator, skip int) arrow.RecordBatch {
	t.Helper()
	w := NewTilesWriter(reads, alloc)
	defer w.Release()
	var wg sync.WaitGroup
	for i := range reads {
		if i != skip {
			wg.Go(func() {
				if err := w.Put(i, content(&reads[i])); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	return w.Record()
}

// deliver asks for every read's tile, in reverse order, and gives what came.
func deliver(ctx context.Context, tiles *Tiles, reads []plan.Read) ([][]byte, []error) {
	refs := make([]core.TileRef, len(reads))
	for i := range reads {
		refs[len(reads)-1-i] = reads[i].Ref
	}
	data, errs := make([][]byte, len(reads)), make([]error, len(reads))
	tiles.Tiles(ctx, refs, func(k int, d []byte, err error) {
		i := len(reads) - 1 - k
		data[i], errs[i] = d, err
	})
	return data, errs
}

func TestTilesThereAndBack(t *testing.T) {
	for _, n := range []int{0, 1, 8, 9, 1000} {
		reads := someReads(n)
		b := written(t, reads, checked(t), -1)
		tiles, err := ParseTiles([]arrow.RecordBatch{b}, reads)
		if err != nil {
			t.Fatal(err)
		}
		data, errs := deliver(context.Background(), tiles, reads)
		for i := range reads {
			if errs[i] != nil || !bytes.Equal(data[i], content(&reads[i])) {
				t.Fatalf("n=%d read %d: %v, %v", n, i, data[i], errs[i])
			}
		}
		b.Release()
	}
}

func TestReadThatFailedIsNullAndAnAssetError(t *testing.T) {
	reads := someReads(10)
	b := written(t, reads, checked(t), 4)
	defer b.Release()
	if !b.Column(1).IsNull(4) || b.Column(1).NullN() != 1 {
		t.Fatalf("nulls: %v", b.Column(1))
	}
	tiles, err := ParseTiles([]arrow.RecordBatch{b}, reads)
	if err != nil {
		t.Fatal(err)
	}
	data, errs := deliver(context.Background(), tiles, reads)
	for i := range reads {
		if i == 4 {
			expect(t, errs[i], core.AssetError, "TileNotFetched")
		} else if errs[i] != nil || data[i] == nil {
			t.Errorf("read %d: %v", i, errs[i])
		}
	}
}

func TestPutRefusesAnotherLength(t *testing.T) {
	reads := someReads(3)
	w := NewTilesWriter(reads, checked(t))
	defer w.Release()
	expect(t, w.Put(1, []byte("x")), core.AssetError, "ShortRead")
}

// Memory that a request may still write to stays until that has ended, whoever else lets go.
func TestBytesWrittenInPlace(t *testing.T) {
	reads := someReads(5)
	w := NewTilesWriter(reads, checked(t))
	for i := range reads {
		copy(w.For(i), content(&reads[i]))
		if err := w.Put(i, w.For(i)); err != nil {
			t.Fatal(err)
		}
	}
	w.Retain()
	b := w.Record()
	w.Release()
	tiles, err := ParseTiles([]arrow.RecordBatch{b}, reads)
	if err != nil {
		t.Fatal(err)
	}
	data, errs := deliver(context.Background(), tiles, reads)
	for i := range reads {
		if errs[i] != nil || !bytes.Equal(data[i], content(&reads[i])) {
			t.Errorf("read %d: %v, %v", i, data[i], errs[i])
		}
	}
	b.Release()
	copy(w.For(4), "late")
	w.Release()
}

func TestSourceRefusesWhatItDoesNotHave(t *testing.T) {
	reads := someReads(2)
	b := written(t, reads, checked(t), -1)
	defer b.Release()
	tiles, err := ParseTiles([]arrow.RecordBatch{b}, reads)
	if err != nil {
		t.Fatal(err)
	}
	strange := []plan.Read{reads[0]}
	strange[0].Ref.Range.End++
	_, errs := deliver(context.Background(), tiles, strange)
	expect(t, errs[0], core.InvalidArgument, "TileMissing")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, errs = deliver(ctx, tiles, reads)
	expect(t, errs[0], core.Cancelled, "Cancelled")
}

func expect(t *testing.T, err error, class core.Class, reason string) {
	t.Helper()
	var e *core.Error
	if !errors.As(err, &e) || e.Class != class || e.Reason != reason {
		t.Fatalf("error %v, want %s/%s", err, class, reason)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Fatalf("a secret is shown: %v", err)
	}
}

// foreign is a table of tiles as another library would make it: other types, any order, several batches.
func foreign(t *testing.T, reads []plan.Read, order []int, id arrow.DataType, data arrow.DataType) []arrow.RecordBatch {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "data", Type: data}, {Name: "note", Type: arrow.Null}, {Name: "read_id", Type: id}}, nil)
	var batches []arrow.RecordBatch
	for len(order) > 0 {
		part := order[:(len(order)+1)/2]
		order = order[len(part):]
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for _, i := range part {
			b.Field(0).(interface{ Append([]byte) }).Append(content(&reads[i]))
			b.Field(1).AppendNull()
			if err := b.Field(2).AppendValueFromString(fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		batches = append(batches, b.NewRecordBatch())
		b.Release()
	}
	return batches
}

func TestTilesOfOtherLibraries(t *testing.T) {
	reads := someReads(40)
	types := []struct{ id, data arrow.DataType }{
		{arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.Binary},
		{arrow.PrimitiveTypes.Uint64, arrow.BinaryTypes.LargeBinary},
		{arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.BinaryView},
		{arrow.PrimitiveTypes.Uint32, arrow.BinaryTypes.Binary},
		{arrow.PrimitiveTypes.Int16, arrow.BinaryTypes.Binary},
		{arrow.PrimitiveTypes.Uint16, arrow.BinaryTypes.Binary},
	}
	for _, c := range types {
		t.Run(fmt.Sprint(c.id, c.data), func(t *testing.T) {
			batches := foreign(t, reads, rand.New(rand.NewPCG(1, 2)).Perm(len(reads)), c.id, c.data)
			tiles, err := ParseTiles(batches, reads)
			if err != nil {
				t.Fatal(err)
			}
			data, errs := deliver(context.Background(), tiles, reads)
			for i := range reads {
				if errs[i] != nil || !bytes.Equal(data[i], content(&reads[i])) {
					t.Fatalf("read %d: %v, %v", i, data[i], errs[i])
				}
			}
		})
	}
}

func TestTilesThatDoNotBelongToThePlan(t *testing.T) {
	reads := someReads(6)
	rows := func(order ...int) []arrow.RecordBatch {
		return foreign(t, someReads(8), order, arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.Binary)
	}
	changed := func(change func(r *plan.Read)) []arrow.RecordBatch {
		other := someReads(6)
		change(&other[2])
		return []arrow.RecordBatch{written(t, other, memory.DefaultAllocator, -1)}
	}
	short := someReads(6)
	short[3].Ref.Range.End -= 2
	cases := map[string]struct {
		batches []arrow.RecordBatch
		reason  string
	}{
		"a read is missing":         {rows(0, 1, 2, 4, 5), "TileMissing"},
		"nothing at all":            {nil, "TileMissing"},
		"a row too many":            {rows(0, 1, 2, 3, 4, 5, 6), "TileExtra"},
		"a row twice":               {rows(0, 1, 2, 3, 4, 5, 3), "TileExtra"},
		"bytes too few":             {foreign(t, short, []int{0, 1, 2, 3, 4, 5}, arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.Binary), "ShortTile"},
		"another offset":            {changed(func(r *plan.Read) { r.Ref.Range.Start += 7; r.Ref.Range.End += 7 }), "TileOfAnotherPlan"},
		"another file":              {changed(func(r *plan.Read) { r.Ref.Asset = &core.Asset{Href: "https://host/c.tif?sig=secret"} }), "TileOfAnotherPlan"},
		"read_id is text":           {foreign(t, reads, []int{0, 1, 2, 3, 4, 5}, arrow.BinaryTypes.String, arrow.BinaryTypes.Binary), "TilesTable"},
		"another stage's table":     {[]arrow.RecordBatch{Reads(reads, memory.DefaultAllocator)}, "TilesTable"},
		"data is text, not binary":  {textTable(t), "TilesTable"},
		"a read_id that is no read": {nullID(t), "TileExtra"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := ParseTiles(c.batches, reads)
			expect(t, err, core.InvalidArgument, c.reason)
		})
	}
}

func textTable(t *testing.T) []arrow.RecordBatch {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "read_id", Type: arrow.PrimitiveTypes.Int64}, {Name: "data", Type: arrow.BinaryTypes.String}}, nil))
	defer b.Release()
	b.Field(0).(*array.Int64Builder).Append(0)
	b.Field(1).(*array.StringBuilder).Append("x")
	return []arrow.RecordBatch{b.NewRecordBatch()}
}

func nullID(t *testing.T) []arrow.RecordBatch {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "read_id", Type: arrow.PrimitiveTypes.Int64}, {Name: "data", Type: arrow.BinaryTypes.Binary}}, nil))
	defer b.Release()
	b.Field(0).AppendNull()
	b.Field(1).AppendNull()
	return []arrow.RecordBatch{b.NewRecordBatch()}
}

// A signature that was renewed between fetch and mosaic does not make it another file.
func TestNewSignatureIsTheSameFile(t *testing.T) {
	reads := someReads(4)
	b := written(t, reads, memory.DefaultAllocator, -1)
	later := someReads(4)
	later[0].Ref.Asset.Href = "https://host/a.tif?sig=renewed"
	if _, err := ParseTiles([]arrow.RecordBatch{b}, later); err != nil {
		t.Fatal(err)
	}
}
