package search

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync"

	"cogweave/core"
	"cogweave/core/search/region"

	"github.com/duckdb/duckdb-go/v2"
)

// touchesFunction is what the footprint test is called in SQL: (geometry BLOB, region BIGINT) -> BOOLEAN.
const touchesFunction = "cogweave_touches"

// footprints is the exact footprint test that DuckDB calls. Regions are known to it by number while
// their search runs.
type footprints struct {
	mu      sync.RWMutex
	regions map[int64]*region.Region
	next    int64
	config  duckdb.ScalarFuncConfig
}

var _ duckdb.ScalarFunc = (*footprints)(nil)

func registerFootprints(conn *sql.Conn) (*footprints, error) {
	f := &footprints{regions: map[int64]*region.Region{}}
	var infos [3]duckdb.TypeInfo
	for i, t := range [...]duckdb.Type{duckdb.TYPE_BLOB, duckdb.TYPE_BIGINT, duckdb.TYPE_BOOLEAN} {
		info, err := duckdb.NewTypeInfo(t)
		if err != nil {
			return nil, err
		}
		infos[i] = info
	}
	f.config = duckdb.ScalarFuncConfig{InputTypeInfos: infos[:2], ResultTypeInfo: infos[2]}
	return f, duckdb.RegisterScalarUDF(conn, touchesFunction, f)
}

// enter makes a region known and gives its number; leave forgets it.
func (f *footprints) enter(r *region.Region) (number int64, leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	number = f.next
	f.regions[number] = r
	return number, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.regions, number)
	}
}

func (f *footprints) region(number int64) *region.Region {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.regions[number]
}

// Config gives DuckDB the types of the function.
func (f *footprints) Config() duckdb.ScalarFuncConfig { return f.config }

// Executor gives DuckDB the function.
func (f *footprints) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowContextExecutor: f.touches}
}

// touches runs on DuckDB's threads: a panic must not pass through C.
func (f *footprints) touches(_ context.Context, values []driver.Value) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			result, err = nil, core.Panicked(r)
		}
	}()
	number, _ := values[1].(int64)
	wkb, isBlob := values[0].([]byte)
	r := f.region(number)
	if r == nil || !isBlob {
		return nil, core.Errorf(core.Internal, "", "footprint test has no region %d", number)
	}
	return r.TouchesWKB(wkb), nil
}
