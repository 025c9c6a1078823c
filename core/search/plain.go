package search

import (
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// plainBatches gives the batches without extension types (geometry is well-known binary, JSON is text)
// and without slices, which DuckDB misreads inside nested columns. The caller releases them.
func plainBatches(schema *arrow.Schema, batches []arrow.RecordBatch) (plain []arrow.RecordBatch, out *arrow.Schema, err error) {
	fields := make([]arrow.Field, schema.NumFields())
	for i, f := range schema.Fields() {
		fields[i] = plainField(f)
	}
	out = arrow.NewSchema(fields, nil)
	defer func() {
		if err != nil {
			for _, b := range plain {
				b.Release()
			}
			plain = nil
		}
	}()
	for _, batch := range batches {
		columns := make([]arrow.Array, len(fields))
		for i := range columns {
			if columns[i], err = plainArray(batch.Column(i), fields[i].Type); err != nil {
				releaseAll(columns[:i])
				return plain, out, err
			}
		}
		plain = append(plain, array.NewRecordBatch(out, columns, batch.NumRows()))
		releaseAll(columns)
	}
	return plain, out, nil
}

func releaseAll(arrays []arrow.Array) {
	for _, a := range arrays {
		a.Release()
	}
}

// plainField drops the metadata that would make DuckDB look for an extension type.
func plainField(f arrow.Field) arrow.Field {
	f.Type = plainType(f.Type)
	f.Nullable = true
	var keys, values []string
	for i, key := range f.Metadata.Keys() {
		if !strings.HasPrefix(key, "ARROW:extension") {
			keys, values = append(keys, key), append(values, f.Metadata.Values()[i])
		}
	}
	f.Metadata = arrow.NewMetadata(keys, values)
	return f
}

func plainType(t arrow.DataType) arrow.DataType {
	switch t := t.(type) {
	case arrow.ExtensionType:
		return plainType(t.StorageType())
	case *arrow.StructType:
		fields := make([]arrow.Field, t.NumFields())
		for i, f := range t.Fields() {
			fields[i] = plainField(f)
		}
		return arrow.StructOf(fields...)
	case *arrow.ListType:
		return arrow.ListOfField(plainField(t.ElemField()))
	case *arrow.LargeListType:
		return arrow.LargeListOfField(plainField(t.ElemField()))
	case *arrow.FixedSizeListType:
		return arrow.FixedSizeListOfField(t.Len(), plainField(t.ElemField()))
	case *arrow.MapType:
		return arrow.MapOfFields(t.KeyField(), plainField(t.ItemField()))
	}
	return t
}

// plainArray gives the array with the plain type; it copies only what is sliced.
func plainArray(a arrow.Array, t arrow.DataType) (arrow.Array, error) {
	data := plainData(a.Data(), t)
	defer data.Release()
	plain := array.MakeFromData(data)
	if !sliced(data) {
		return plain, nil
	}
	defer plain.Release()
	return array.Concatenate([]arrow.Array{plain}, memory.DefaultAllocator)
}

func plainData(data arrow.ArrayData, t arrow.DataType) arrow.ArrayData {
	if t.ID() == arrow.DICTIONARY {
		return array.NewDataWithDictionary(t, data.Len(), data.Buffers(), data.NullN(), data.Offset(), data.Dictionary().(*array.Data))
	}
	children := make([]arrow.ArrayData, len(data.Children()))
	if nested, ok := t.(arrow.NestedType); ok {
		for i, f := range nested.Fields() {
			children[i] = plainData(data.Children()[i], f.Type)
			defer children[i].Release()
		}
	}
	return array.NewData(t, data.Len(), data.Buffers(), children, data.NullN(), data.Offset())
}

// sliced tells whether data does not begin at the start of its buffers, or children are longer than
// their parent, at any depth.
func sliced(data arrow.ArrayData) bool {
	if data.Offset() != 0 {
		return true
	}
	for _, child := range data.Children() {
		if sliced(child) || (data.DataType().ID() == arrow.STRUCT && child.Len() != data.Len()) {
			return true
		}
	}
	return false
}
