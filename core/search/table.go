package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"cogweave/core"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/duckdb/duckdb-go/v2"
)

// TableSource is an Arrow table of items. DuckDB takes one copy of it when it is first searched.
type TableSource struct {
	key     string
	schema  *arrow.Schema
	batches []arrow.RecordBatch
	release func()
}

var tableCount atomic.Int64

// Table makes a source of Arrow batches with one schema. It retains them until Release.
func Table(schema *arrow.Schema, batches []arrow.RecordBatch) *TableSource {
	for _, b := range batches {
		b.Retain()
	}
	t := &TableSource{key: fmt.Sprintf("table\x00%d", tableCount.Add(1)), schema: schema, batches: batches}
	t.release = sync.OnceFunc(func() {
		for _, b := range batches {
			b.Release()
		}
	})
	return t
}

// Release lets the batches go. The source must not be searched afterwards; DuckDB's copy goes when the
// engine finds it idle.
func (t *TableSource) Release() { t.release() }

func (t *TableSource) prepare(context.Context, *Engine, *Query, located) (string, opener, error) {
	return t.key, t.open, nil
}

func (t *TableSource) open(_ context.Context, config Config) (d *database, err error) {
	if d, err = newDatabase(config, "the table of items"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
			d = nil
		}
	}()
	if err = d.copyTable(t.schema, t.batches); err != nil {
		return d, err
	}
	d.from, d.order = "items", "t.rowid"
	if err = d.lock(nil); err != nil {
		return d, err
	}
	return d, d.describe()
}

// copyTable copies batches into the table "items". The view on them is never queried but for the copy:
// it would ignore filters, and it can be read only once.
func (d *database) copyTable(schema *arrow.Schema, batches []arrow.RecordBatch) error {
	if schema.NumFields() > maxSchemaElements {
		return core.Errorf(core.SearchError, "CatalogError", "%s has %d columns, more than %d", d.name, schema.NumFields(), maxSchemaElements)
	}
	plain, plainSchema, err := plainBatches(schema, batches)
	if err != nil {
		return core.Errorf(core.SearchError, "CatalogError", "%s cannot be read: %w", d.name, err)
	}
	defer func() {
		for _, b := range plain {
			b.Release()
		}
	}()
	reader, err := array.NewRecordReader(plainSchema, plain)
	if err != nil {
		return core.Errorf(core.SearchError, "CatalogError", "%s cannot be read: %w", d.name, err)
	}
	defer reader.Release()
	ctx := context.Background()
	conn, err := d.db.Conn(ctx)
	if err != nil {
		return d.fault(ctx, err)
	}
	defer conn.Close()
	release, err := registerView(conn, reader)
	if err != nil {
		return d.fault(ctx, err)
	}
	err = execute(ctx, conn, "CREATE TABLE items AS SELECT * FROM incoming")
	err = errors.Join(err, execute(ctx, conn, "DROP VIEW incoming"))
	release()
	if err != nil {
		return d.fault(ctx, err)
	}
	return nil
}

func registerView(conn *sql.Conn, reader array.RecordReader) (release func(), err error) {
	err = conn.Raw(func(driverConn any) error {
		a, err := duckdb.NewArrowFromConn(driverConn.(*duckdb.Conn))
		if err != nil {
			return err
		}
		release, err = a.RegisterView(reader, "incoming")
		return err
	})
	return release, err
}
