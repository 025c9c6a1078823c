package search

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"cogweave/core"

	"github.com/apache/arrow-go/v18/arrow/array"
)

// facts are properties of a source's content, each found out when first needed.
type facts struct {
	space         atomic.Pointer[spaceFacts]
	nullDatetimes atomic.Pointer[bool]
	relativeHrefs atomic.Bool // some answer had a relative href
	mu            sync.Mutex  // held while a fact is found out
	jsonTypes     map[string]jsonProperty
}

// once gives a fact, finding it out where it is not known yet. Failures are not kept: the caller may
// have been cancelled.
func once[T any](f *facts, known *atomic.Pointer[T], find func() (T, error)) (T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if value := known.Load(); value != nil {
		return *value, nil
	}
	value, err := find()
	if err == nil {
		known.Store(&value)
	}
	return value, err
}

// presumption checks a fact that a statement was compiled on before it was known.
type presumption func(ctx context.Context) (holds bool, err error)

// presumed gives a fact: the usual one, where it is not known yet, and then the statement has to be checked.
func presumed[T comparable](s *statement, known *atomic.Pointer[T], find func(ctx context.Context) (T, error)) T {
	if value := known.Load(); value != nil {
		return *value
	}
	var usual T
	s.presumptions = append(s.presumptions, func(ctx context.Context) (bool, error) {
		found, err := find(ctx)
		return found == usual, err
	})
	return usual
}

// errUnusual: a fact is not what was presumed.
var errUnusual = errors.New("a presumption does not hold")

// presuming runs a statement while its presumptions are looked into. Where one does not hold there is neither a
// result nor an error: the statement has to be compiled again, now that the fact is known.
func (d *database) presuming(ctx context.Context, s *statement) (*Result, error) {
	if len(s.presumptions) == 0 {
		return d.query(ctx, s)
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	verdict := make(chan error, 1)
	core.Go(func() { verdict <- s.check(running, stop) }, func(panicked error) { verdict <- panicked })
	result, err := d.query(running, s)
	if err != nil {
		stop()
	}
	checked := <-verdict
	if err == nil && checked == nil {
		return result, nil
	}
	if result != nil {
		result.Release()
	}
	switch {
	case errors.Is(checked, errUnusual):
		return nil, nil
	case ctx.Err() != nil:
		return nil, cancelled(ctx)
	case err == nil || checked != nil && core.ClassOf(checked) != core.Cancelled: // which stopped the query
		return nil, checked
	}
	return nil, err
}

// check looks into the presumptions, and stops the statement where one does not hold.
func (s *statement) check(ctx context.Context, stop func()) error {
	for _, p := range s.presumptions {
		holds, err := p(ctx)
		if err == nil && !holds {
			err = errUnusual
		}
		if err != nil {
			stop()
			return err
		}
	}
	return nil
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
