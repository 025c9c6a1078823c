package search

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync"

	"cogweave/core"

	"github.com/duckdb/duckdb-go/v2"
)

// footprintFunction is what a footprint test is called in SQL: (geometry BLOB, test BIGINT) -> BOOLEAN.
const footprintFunction = "cogweave_footprint"

// footprintTest decides about one footprint in well-known binary.
type footprintTest func(wkb []byte) bool

// footprints is the function that DuckDB calls for exact tests. Tests are known to it by number while
// their search runs.
type footprints struct {
	mu     sync.RWMutex
	tests  map[int64]footprintTest
	next   int64
	config duckdb.ScalarFuncConfig
}

var _ duckdb.ScalarFunc = (*footprints)(nil)

func registerFootprints(conn *sql.Conn) (*footprints, error) {
	f := &footprints{tests: map[int64]footprintTest{}}
	var infos [3]duckdb.TypeInfo
	for i, t := range [...]duckdb.Type{duckdb.TYPE_BLOB, duckdb.TYPE_BIGINT, duckdb.TYPE_BOOLEAN} {
		info, err := duckdb.NewTypeInfo(t)
		if err != nil {
			return nil, err
		}
		infos[i] = info
	}
	f.config = duckdb.ScalarFuncConfig{InputTypeInfos: infos[:2], ResultTypeInfo: infos[2]}
	return f, duckdb.RegisterScalarUDF(conn, footprintFunction, f)
}

// enter makes a test known and gives its number; leave forgets it.
func (f *footprints) enter(test footprintTest) (number int64, leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	number = f.next
	f.tests[number] = test
	return number, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.tests, number)
	}
}

func (f *footprints) test(number int64) footprintTest {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.tests[number]
}

// Config gives DuckDB the types of the function.
func (f *footprints) Config() duckdb.ScalarFuncConfig { return f.config }

// Executor gives DuckDB the function.
func (f *footprints) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowContextExecutor: f.run}
}

// run is called on DuckDB's threads: a panic must not pass through C.
func (f *footprints) run(_ context.Context, values []driver.Value) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			result, err = nil, core.Panicked(r)
		}
	}()
	number, _ := values[1].(int64)
	wkb, isBlob := values[0].([]byte)
	test := f.test(number)
	if test == nil || !isBlob {
		return nil, core.Errorf(core.Internal, "", "there is no footprint test %d", number)
	}
	return test(wkb), nil
}
