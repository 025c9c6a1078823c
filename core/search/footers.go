package search

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"cogweave/core"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/metadata"
	"github.com/apache/arrow-go/v18/parquet/schema"
)

// footer is what a remote parquet file says of itself: its schema, and where each row group's columns lie.
type footer struct {
	asset core.Asset
	meta  *metadata.FileMetaData
}

// parseFooter reads the Thrift bytes between a file's data and its last eight bytes. A footer that lies must
// not panic.
func parseFooter(asset core.Asset, data []byte) (f *footer, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, err = nil, badCatalog(asset.Href, "is a corrupt parquet file: its footer cannot be read")
		}
	}()
	elements, ok := schemaElements(data[:min(len(data), 32)])
	switch {
	case !ok:
		return nil, badCatalog(asset.Href, "is a corrupt parquet file: its footer does not begin with a schema")
	case elements > maxSchemaElements:
		return nil, badCatalog(asset.Href, "has %d columns and nested fields, more than %d", elements, maxSchemaElements)
	}
	meta, err := metadata.NewFileMetaData(data, nil)
	if err != nil {
		return nil, badCatalog(asset.Href, "is a corrupt parquet file: %w", err)
	}
	f = &footer{asset, meta}
	for g, group := range meta.RowGroups {
		if len(group.Columns) != meta.Schema.NumColumns() {
			return nil, badCatalog(asset.Href, "is a corrupt parquet file: row group %d has %d columns of %d", g, len(group.Columns), meta.Schema.NumColumns())
		}
		for c, column := range group.Columns {
			if column.MetaData == nil || column.IsSetFilePath() {
				return nil, badCatalog(asset.Href, "is a parquet file whose columns lie elsewhere, which is not read")
			}
			if r := f.chunk(g, c); r.Start < 4 || r.End < r.Start || r.End > asset.Size {
				return nil, badCatalog(asset.Href, "is a corrupt parquet file: column %d of row group %d lies at %v of %d bytes", c, g, r, asset.Size)
			}
			// Indexes and Bloom filters are not fetched: nobody shall look for them.
			column.OffsetIndexOffset, column.OffsetIndexLength = nil, nil
			column.ColumnIndexOffset, column.ColumnIndexLength = nil, nil
			column.MetaData.BloomFilterOffset, column.MetaData.BloomFilterLength = nil, nil
		}
	}
	return f, nil
}

func badCatalog(href, format string, args ...any) error {
	return core.Errorf(core.SearchError, "CatalogError", "%s: "+format, append([]any{core.Redact(href)}, args...)...)
}

// chunk is where a column of a row group lies.
func (f *footer) chunk(group, column int) core.ByteRange {
	m := f.meta.RowGroups[group].Columns[column].MetaData
	start := m.DataPageOffset
	if m.DictionaryPageOffset != nil && *m.DictionaryPageOffset > 0 {
		start = min(start, *m.DictionaryPageOffset)
	}
	return core.ByteRange{Start: start, End: start + m.TotalCompressedSize}
}

// columnNames lists the columns at the top of the schema.
func (f *footer) columnNames() []string {
	root := f.meta.Schema.Root()
	names := make([]string, root.NumFields())
	for i := range names {
		names[i] = root.Field(i).Name()
	}
	return names
}

// chunks lists where some columns of some row groups lie, in the order of the file; wanted nil is all columns.
func (f *footer) chunks(groups []int, wanted map[string]bool) []core.ByteRange {
	var out []core.ByteRange
	for _, g := range groups {
		for c := range f.meta.Schema.NumColumns() {
			if wanted != nil && !wanted[f.meta.Schema.ColumnRoot(c).Name()] {
				continue
			}
			if r := f.chunk(g, c); r.Len() > 0 {
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, func(a, b core.ByteRange) int { return int(min(1, max(-1, a.Start-b.Start))) })
	return out
}

// subset writes a footer of some row groups, with its length and the magic at the end.
func (f *footer) subset(groups []int) (data []byte, err error) {
	part, err := f.meta.Subset(groups)
	if err != nil {
		return nil, badCatalog(f.asset.Href, "is a corrupt parquet file: %w", err)
	}
	var out bytes.Buffer
	if _, err := part.WriteTo(&out, nil); err != nil {
		return nil, badCatalog(f.asset.Href, "has a footer that cannot be written again: %w", err)
	}
	out.Write(binary.LittleEndian.AppendUint32(nil, uint32(out.Len())))
	out.WriteString("PAR1")
	return out.Bytes(), nil
}

// span is the least and greatest value of a column in a row group. ok is false where statistics do not say, or
// some rows have none.
type span[T any] struct {
	low, high T
	ok        bool
}

func (f *footer) statistics(group int, path string) (column *schema.Column, low, high []byte, ok bool) {
	c := f.meta.Schema.ColumnIndexByName(path)
	if c < 0 {
		return nil, nil, nil, false
	}
	column = f.meta.Schema.Column(c)
	s := f.meta.RowGroups[group].Columns[c].MetaData.Statistics
	if s == nil || s.NullCount == nil || *s.NullCount > 0 || s.MinValue == nil || s.MaxValue == nil {
		return column, nil, nil, false
	}
	return column, s.MinValue, s.MaxValue, true
}

// boxes gives the span of a side of the boxes; it says nothing where footprints are null: their boxes may be NaN, of
// which statistics know nothing.
func (f *footer) boxes(group int, side string) span[float64] {
	if c := f.meta.Schema.ColumnIndexByName("geometry"); c >= 0 {
		s := f.meta.RowGroups[group].Columns[c].MetaData.Statistics
		if s != nil && s.NullCount != nil && *s.NullCount > 0 {
			return span[float64]{}
		}
	}
	return f.numbers(group, "bbox."+side)
}

// numbers gives the span of a column of float64 or float32.
func (f *footer) numbers(group int, path string) span[float64] {
	column, low, high, ok := f.statistics(group, path)
	if !ok {
		return span[float64]{}
	}
	read := func(raw []byte) float64 {
		switch {
		case column.PhysicalType() == parquet.Types.Double && len(raw) == 8:
			return math.Float64frombits(binary.LittleEndian.Uint64(raw))
		case column.PhysicalType() == parquet.Types.Float && len(raw) == 4:
			return float64(math.Float32frombits(binary.LittleEndian.Uint32(raw)))
		}
		return math.NaN()
	}
	s := span[float64]{low: read(low), high: read(high)}
	s.ok = s.low <= s.high
	return s
}

// texts gives the span of a column of text; the bounds of a long text may be cut short or rounded up.
func (f *footer) texts(group int, path string) span[string] {
	column, low, high, ok := f.statistics(group, path)
	if !ok || column.PhysicalType() != parquet.Types.ByteArray {
		return span[string]{}
	}
	return span[string]{string(low), string(high), true}
}

// instants gives the span of a column of timestamps, in microseconds rounded outwards.
func (f *footer) instants(group int, path string) span[int64] {
	column, low, high, ok := f.statistics(group, path)
	if !ok || len(low) != 8 || len(high) != 8 || column.PhysicalType() != parquet.Types.Int64 {
		return span[int64]{}
	}
	t, isTime := column.LogicalType().(schema.TimestampLogicalType)
	if !isTime {
		return span[int64]{}
	}
	a, b := int64(binary.LittleEndian.Uint64(low)), int64(binary.LittleEndian.Uint64(high))
	switch t.TimeUnit() {
	case schema.TimeUnitMicros:
	case schema.TimeUnitMillis:
		if a < math.MinInt64/1000 || b > math.MaxInt64/1000 {
			return span[int64]{}
		}
		a, b = a*1000, b*1000
	case schema.TimeUnitNanos:
		a, b = a/1000-1, b/1000+1
	default:
		return span[int64]{}
	}
	return span[int64]{a, b, a <= b}
}

// String names the file, without secrets.
func (f *footer) String() string {
	return fmt.Sprintf("%s (%d row groups)", core.Redact(f.asset.Href), f.meta.NumRowGroups())
}
