package table

import (
	"math"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"cogweave/core"
)

// find gives a column by name; nil where an optional one is absent.
func find(b arrow.RecordBatch, name string, required bool) (arrow.Array, error) {
	at := b.Schema().FieldIndices(name)
	if len(at) == 1 {
		return b.Column(at[0]), nil
	}
	if len(at) == 0 && !required {
		return nil, nil
	}
	names := make([]string, 0, b.NumCols())
	for _, f := range b.Schema().Fields() {
		names = append(names, f.Name)
	}
	return nil, core.Errorf(core.InvalidArgument, "TilesTable", "the tiles need one column %q; the table has: %s", name, strings.Join(names, ", "))
}

func wrongType(name string, a arrow.Array, want string) error {
	return core.Errorf(core.InvalidArgument, "TilesTable", "column %q of the tiles is %s, not %s", name, a.DataType(), want)
}

// integers gives the values of a column of any integer type; ok is false at a null and everywhere where
// the column is absent.
func integers(b arrow.RecordBatch, name string, required bool) (value func(row int) (v int64, ok bool), err error) {
	column, err := find(b, name, required)
	if err != nil {
		return nil, err
	}
	var get func(row int) int64
	switch a := column.(type) {
	case nil:
		return func(int) (int64, bool) { return 0, false }, nil
	case *array.Int64:
		get = a.Value
	case *array.Uint64:
		get = func(row int) int64 { return int64(min(a.Value(row), math.MaxInt64)) }
	case *array.Int32:
		get = func(row int) int64 { return int64(a.Value(row)) }
	case *array.Uint32:
		get = func(row int) int64 { return int64(a.Value(row)) }
	case *array.Int16:
		get = func(row int) int64 { return int64(a.Value(row)) }
	case *array.Uint16:
		get = func(row int) int64 { return int64(a.Value(row)) }
	default:
		return nil, wrongType(name, column, "an integer")
	}
	return func(row int) (int64, bool) {
		if column.IsNull(row) {
			return 0, false
		}
		return get(row), true
	}, nil
}

// binaries gives the values of a column of any binary type; ok is false at a null. An empty value is not
// nil.
func binaries(b arrow.RecordBatch, name string) (value func(row int) (v []byte, ok bool), err error) {
	column, err := find(b, name, true)
	if err != nil {
		return nil, err
	}
	a, ok := column.(interface{ Value(i int) []byte })
	if !ok {
		return nil, wrongType(name, column, "binary")
	}
	return func(row int) ([]byte, bool) {
		if column.IsNull(row) {
			return nil, false
		}
		return a.Value(row), true
	}, nil
}

// hrefColumn gives the values of the optional column href.
func hrefColumn(b arrow.RecordBatch) (value func(row int) (v string, ok bool), err error) {
	column, err := find(b, "href", false)
	if err != nil {
		return nil, err
	}
	if column == nil {
		return func(int) (string, bool) { return "", false }, nil
	}
	a, ok := column.(interface{ Value(i int) string })
	if !ok {
		return nil, wrongType("href", column, "text")
	}
	return func(row int) (string, bool) {
		if column.IsNull(row) {
			return "", false
		}
		return a.Value(row), true
	}, nil
}
