package search

import (
	"context"
	"sync"

	"cogweave/core"

	"github.com/apache/arrow-go/v18/arrow/array"
)

// facts are properties of a source's content, each found out when first needed.
type facts struct {
	mu            sync.Mutex
	space         *spaceFacts
	nullDatetimes *bool
	relativeHrefs *bool
	jsonTypes     map[string]jsonProperty
}

// once gives a fact, finding it out where it is not known yet. Failures are not kept: the caller may
// have been cancelled.
func once[T any](f *facts, known **T, find func() (T, error)) (T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if *known != nil {
		return **known, nil
	}
	value, err := find()
	if err == nil {
		*known = &value
	}
	return value, err
}

// counts runs a statement that gives one row of integers.
func (d *database) counts(ctx context.Context, s *statement) ([]int64, error) {
	result, err := d.query(ctx, s)
	if err != nil {
		return nil, err
	}
	defer result.Release()
	if result.Rows != 1 {
		return nil, core.Errorf(core.Internal, "", "%s: a count gave %d rows", d.name, result.Rows)
	}
	counts := make([]int64, result.Batches[0].NumCols())
	for i, column := range result.Batches[0].Columns() {
		column, ok := column.(*array.Int64)
		if !ok {
			return nil, core.Errorf(core.Internal, "", "%s: a count gave no integer", d.name)
		}
		counts[i] = column.Value(0)
	}
	return counts, nil
}
