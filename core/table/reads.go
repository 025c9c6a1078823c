package table

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"cogweave/core/plan"
)

// stageVersion is the version of the columns of the reads and tiles tables.
const stageVersion = "1"

// stageMetadata marks a schema as one of the tables that stages exchange.
func stageMetadata(name string) *arrow.Metadata {
	m := arrow.NewMetadata([]string{"cogweave.table", "cogweave.version"}, []string{name, stageVersion})
	return &m
}

func column(name string, t arrow.DataType) arrow.Field { return arrow.Field{Name: name, Type: t} }

// readsSchema has one row per tile. offset and length are bytes of the file; row, col, height and
// width are the tile in pixels of its level, and may reach beyond the level's right and lower edge.
var readsSchema = arrow.NewSchema([]arrow.Field{
	column("read_id", arrow.PrimitiveTypes.Int64),
	column("item_id", arrow.BinaryTypes.String),
	column("band", arrow.BinaryTypes.String),
	column("time_index", arrow.PrimitiveTypes.Int32),
	column("href", arrow.BinaryTypes.String),
	column("etag", arrow.BinaryTypes.String),
	column("level", arrow.PrimitiveTypes.Int32),
	column("tile_index", arrow.PrimitiveTypes.Int64),
	column("offset", arrow.PrimitiveTypes.Uint64),
	column("length", arrow.PrimitiveTypes.Uint64),
	column("row", arrow.PrimitiveTypes.Int64),
	column("col", arrow.PrimitiveTypes.Int64),
	column("height", arrow.PrimitiveTypes.Int64),
	column("width", arrow.PrimitiveTypes.Int64),
}, stageMetadata("reads"))

// Reads writes the reads of a window as a table. A read_id is
// the position in reads. hrefs are whole, with their query: another library may be about to open them.
// The caller releases the batch.
func Reads(reads []plan.Read, alloc memory.Allocator) arrow.RecordBatch {
	b := array.NewRecordBuilder(alloc, readsSchema)
	defer b.Release()
	b.Reserve(len(reads))
	text := func(column int) *array.StringBuilder { return b.Field(column).(*array.StringBuilder) }
	short := func(column int) *array.Int32Builder { return b.Field(column).(*array.Int32Builder) }
	long := func(column int) *array.Int64Builder { return b.Field(column).(*array.Int64Builder) }
	bytes := func(column int) *array.Uint64Builder { return b.Field(column).(*array.Uint64Builder) }
	for i := range reads {
		r := &reads[i]
		long(0).Append(int64(i))
		text(1).Append(r.ItemID)
		text(2).Append(r.Band)
		short(3).Append(r.TimeIndex)
		text(4).Append(r.Ref.Asset.Href)
		text(5).Append(r.Ref.Asset.ETag)
		short(6).Append(r.Level)
		long(7).Append(r.TileIndex)
		bytes(8).Append(uint64(r.Ref.Range.Start))
		bytes(9).Append(uint64(r.Ref.Range.Len()))
		long(10).Append(int64(r.Window.Row))
		long(11).Append(int64(r.Window.Col))
		long(12).Append(int64(r.Window.Height))
		long(13).Append(int64(r.Window.Width))
	}
	return b.NewRecordBatch()
}
