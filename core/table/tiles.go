package table

import (
	"context"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"cogweave/core"
	"cogweave/core/plan"
)

// tilesSchema: data is the bytes [offset, offset+length) of the file at href, null where a read failed
// and the plan ignores errors. Tables that come from elsewhere need read_id and data only.
var tilesSchema = arrow.NewSchema([]arrow.Field{
	column("read_id", arrow.PrimitiveTypes.Int64),
	{Name: "data", Type: arrow.BinaryTypes.LargeBinary, Nullable: true},
	column("href", arrow.BinaryTypes.String),
	column("offset", arrow.PrimitiveTypes.Uint64),
	column("length", arrow.PrimitiveTypes.Uint64),
}, stageMetadata("tiles"))

// TilesWriter collects the bytes of reads in one piece of memory that holds them all from the start.
type TilesWriter struct {
	reads   []plan.Read
	offsets []int64 // len(reads)+1; bytes [offsets[i], offsets[i+1]) of values are read i's
	values  *memory.Buffer
	starts  *memory.Buffer // offsets, as Arrow wants them
	present []atomic.Bool
	alloc   memory.Allocator
}

// TilesBytes is the number of bytes that the tiles of the reads take.
func TilesBytes(reads []plan.Read) int64 {
	var n int64
	for i := range reads {
		n += reads[i].Ref.Range.Len()
	}
	return n
}

// NewTilesWriter makes room for the tiles of reads. The caller releases the writer.
func NewTilesWriter(reads []plan.Read, alloc memory.Allocator) *TilesWriter {
	w := &TilesWriter{reads: reads, present: make([]atomic.Bool, len(reads)), alloc: alloc}
	w.starts = memory.NewBufferWithAllocator(alloc.Allocate(arrow.Int64SizeBytes*(len(reads)+1)), alloc)
	w.offsets = arrow.Int64Traits.CastFromBytes(w.starts.Bytes())
	for i := range reads {
		w.offsets[i+1] = w.offsets[i] + reads[i].Ref.Range.Len()
	}
	w.values = memory.NewBufferWithAllocator(alloc.Allocate(int(TilesBytes(reads))), alloc)
	return w
}

// For is the memory of read i, which its bytes may be written to before they are put.
func (w *TilesWriter) For(i int) []byte {
	return w.values.Bytes()[w.offsets[i]:w.offsets[i+1]:w.offsets[i+1]]
}

// Retain takes a share of the memory, for somebody who may still write to it when others have released theirs.
func (w *TilesWriter) Retain() {
	w.starts.Retain()
	w.values.Retain()
}

// Put takes the bytes of read i, exactly as many as it asked for, and copies them unless they are where For
// said. Different reads may be put at the same time.
func (w *TilesWriter) Put(i int, data []byte) error {
	r := &w.reads[i]
	if int64(len(data)) != r.Ref.Range.Len() {
		return core.InBand(core.Errorf(core.AssetError, "ShortRead", "a read of %d bytes brought %d", r.Ref.Range.Len(), len(data)).
			WithHref(r.Ref.Asset.Href), r.ItemID, r.Band)
	}
	copy(w.For(i), data) // returns at once where both are the same
	w.present[i].Store(true)
	return nil
}

// Record gives the table, null where nothing was put. The caller releases the batch.
func (w *TilesWriter) Record() arrow.RecordBatch {
	n := len(w.reads)
	nulls := 0
	valid := memory.NewBufferWithAllocator(w.alloc.Allocate(int(bitutil.BytesForBits(int64(n)))), w.alloc)
	defer valid.Release()
	for i := range w.present {
		if w.present[i].Load() {
			bitutil.SetBit(valid.Bytes(), i)
		} else {
			nulls++
		}
	}
	data := array.NewData(arrow.BinaryTypes.LargeBinary, n, []*memory.Buffer{valid, w.starts, w.values}, nil, nulls, 0)
	defer data.Release()
	bytes := array.NewLargeBinaryData(data)
	defer bytes.Release()
	of := w.reads
	ids := numbers(array.NewInt64Builder(w.alloc), n, func(i int) int64 { return int64(i) })
	defer ids.Release()
	hrefs := w.hrefs()
	defer hrefs.Release()
	starts := numbers(array.NewUint64Builder(w.alloc), n, func(i int) uint64 { return uint64(of[i].Ref.Range.Start) })
	defer starts.Release()
	lengths := numbers(array.NewUint64Builder(w.alloc), n, func(i int) uint64 { return uint64(of[i].Ref.Range.Len()) })
	defer lengths.Release()
	return array.NewRecordBatch(tilesSchema, []arrow.Array{ids, bytes, hrefs, starts, lengths}, int64(n))
}

func (w *TilesWriter) hrefs() arrow.Array {
	b := array.NewStringBuilder(w.alloc)
	defer b.Release()
	b.Reserve(len(w.reads))
	for i := range w.reads {
		b.Append(w.reads[i].Ref.Asset.Href)
	}
	return b.NewArray()
}

// numbers fills and ends a builder.
func numbers[T any](b interface {
	array.Builder
	Append(T)
}, n int, value func(i int) T) arrow.Array {
	defer b.Release()
	b.Reserve(n)
	for i := range n {
		b.Append(value(i))
	}
	return b.NewArray()
}

// Release gives back a share of the memory: the one that a new writer has, or one that was retained.
func (w *TilesWriter) Release() {
	w.starts.Release()
	w.values.Release()
}

// Tiles is a table of tiles that belongs to the reads of a window. Its memory is the batches'.
type Tiles struct {
	reads  []plan.Read
	data   [][]byte // by position in reads; nil where the table has a null
	byTile map[tileKey]int
}

var _ core.TileSource = (*Tiles)(nil)

type tileKey struct {
	href string
	at   core.ByteRange
}

// ParseTiles finds the bytes of every read in a table of tiles, which may have been made by another
// library: rows in any order, in any number of batches, read_id of any integer type, data of any binary
// one. Rows that are missing, extra or double, bytes of another length, and a table that says of itself
// that it holds other bytes are InvalidArgument. The batches must outlive the Tiles.
func ParseTiles(batches []arrow.RecordBatch, reads []plan.Read) (*Tiles, error) {
	t := &Tiles{reads: reads, data: make([][]byte, len(reads)), byTile: make(map[tileKey]int, len(reads))}
	seen := make([]bool, len(reads))
	for _, b := range batches {
		if err := t.take(b, seen); err != nil {
			return nil, err
		}
	}
	for i, ok := range seen {
		if !ok {
			return nil, t.wrong(i, "TileMissing", "the tiles have no row for read %d", i)
		}
		t.byTile[tileKey{reads[i].Ref.Asset.Href, reads[i].Ref.Range}] = i
	}
	return t, nil
}

// wrong is an error about read i.
func (t *Tiles) wrong(i int, reason, format string, args ...any) error {
	r := &t.reads[i]
	e := core.Errorf(core.InvalidArgument, reason, format, args...).WithHref(r.Ref.Asset.Href)
	e.ItemID, e.Band, e.Range = r.ItemID, r.Band, &r.Ref.Range
	return e
}

// take reads the rows of one batch.
func (t *Tiles) take(b arrow.RecordBatch, seen []bool) error {
	ids, err := integers(b, "read_id", true)
	if err != nil {
		return err
	}
	data, err := binaries(b, "data")
	if err != nil {
		return err
	}
	offsets, err := integers(b, "offset", false)
	if err != nil {
		return err
	}
	hrefs, err := hrefColumn(b)
	if err != nil {
		return err
	}
	for row := range int(b.NumRows()) {
		id, ok := ids(row)
		if !ok || id < 0 || id >= int64(len(t.reads)) {
			return core.Errorf(core.InvalidArgument, "TileExtra",
				"row %d of the tiles has read_id %d, but the plan's window has reads 0 to %d", row, id, len(t.reads)-1)
		}
		i := int(id)
		if seen[i] {
			return t.wrong(i, "TileExtra", "the tiles have several rows for read %d", i)
		}
		seen[i] = true
		ref := t.reads[i].Ref
		if offset, ok := offsets(row); ok && offset != ref.Range.Start {
			return t.wrong(i, "TileOfAnotherPlan", "read %d begins at byte %d, the tiles' row for it at %d", i, ref.Range.Start, offset)
		}
		if href, ok := hrefs(row); ok && !sameFile(href, ref.Asset.Href) {
			return t.wrong(i, "TileOfAnotherPlan", "the tiles' row for read %d is of another file, %s", i, href)
		}
		bytes, ok := data(row)
		if ok && int64(len(bytes)) != ref.Range.Len() {
			return t.wrong(i, "ShortTile", "read %d needs %d bytes, the tiles' row for it has %d", i, ref.Range.Len(), len(bytes))
		}
		if ok {
			t.data[i] = bytes
		}
	}
	return nil
}

// sameFile compares hrefs but for a signature, which may have been renewed.
func sameFile(a, b string) bool { return a == b || core.StripSignature(a) == core.StripSignature(b) }

// Tiles delivers from the table. A tile that the plan's window does not read is InvalidArgument, one
// that is null AssetError.
func (t *Tiles) Tiles(ctx context.Context, refs []core.TileRef, done func(i int, data []byte, err error)) {
	for k, ref := range refs {
		if err := ctx.Err(); err != nil {
			done(k, nil, core.Errorf(core.Cancelled, "Cancelled", "the operation was cancelled: %w", err))
			continue
		}
		i, ok := t.byTile[tileKey{ref.Asset.Href, ref.Range}]
		switch {
		case !ok:
			e := core.Errorf(core.InvalidArgument, "TileMissing", "the tiles do not hold bytes %s", ref.Range).WithHref(ref.Asset.Href)
			e.Range = &ref.Range
			done(k, nil, e)
		case t.data[i] == nil:
			e := core.Errorf(core.AssetError, "TileNotFetched", "the tile could not be read when the tiles were fetched").WithHref(ref.Asset.Href)
			e.Range = &ref.Range
			done(k, nil, e)
		default:
			done(k, t.data[i], nil)
		}
	}
}
