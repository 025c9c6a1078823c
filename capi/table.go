package main

/*
#include <malloc.h>
#include <stdlib.h>
#include "guard.h"
*/
import "C"

import (
	"runtime/debug"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/cdata"

	"cogweave/capi/handle"
	"cogweave/core"
	"cogweave/core/search"
	coretable "cogweave/core/table"
)

// table is record batches of one schema, in memory that tableMemory gave. The handle holds one share,
// every operation that reads the table another.
type table struct {
	schema  *arrow.Schema
	batches []arrow.RecordBatch
	shares  atomic.Int32

	ahead  atomic.Pointer[coretable.ItemsAhead] // what a narrow search has begun to decode
	passed *size                                // of a table whose rows are there for one plan alone; else nil

	searching sync.Mutex
	asSource  *search.TableSource // nil until it is searched
}

// size is that of a table.
type size struct{ rows, bytes int64 }

// stageKey is the schema metadata that says which stage made a table; others' tables have none.
const stageKey = "cogweave.table"

// tableOf gives the table of a caller's handle, which may be any but another stage's.
func tableOf(stage string, h C.cw_handle) (*table, error) {
	t, err := get[*table](handle.Table, h)
	if err != nil {
		return nil, err
	}
	made, ok := t.schema.Metadata().GetValue(stageKey)
	// The reads with their bytes beside them are tiles, whatever the metadata that came along says.
	filled := stage == "tiles" && made == "reads" && t.schema.HasField("data")
	if ok && made != stage && !filled {
		return nil, core.Errorf(core.InvalidArgument, "WrongTable", "a table of %s was given where one of %s is needed", made, stage)
	}
	return t, nil
}

// marked gives the same batches in a schema that says which stage made them, and lets go of the old ones.
func marked(stage string, schema *arrow.Schema, batches []arrow.RecordBatch) *table {
	old := schema.Metadata().ToMap()
	old[stageKey], old["cogweave.version"] = stage, "1"
	meta := arrow.MetadataFrom(old)
	schema = arrow.NewSchema(schema.Fields(), &meta)
	out := make([]arrow.RecordBatch, len(batches))
	for i, b := range batches {
		out[i] = array.NewRecordBatch(schema, b.Columns(), b.NumRows())
		b.Release()
	}
	return newTable(schema, out...)
}

// whole refuses a table whose rows were let go of.
func (t *table) whole() error {
	if t.passed != nil {
		return core.Errorf(core.Internal, "Passed", "the rows of this table were there for one plan alone")
	}
	return nil
}

// items decodes the table's items, as far as the search that made it has not.
func (t *table) items(base string) ([]core.Item, error) {
	ahead := t.ahead.Swap(nil)
	if ahead != nil && ahead.Base() == base {
		return ahead.Items()
	}
	ahead.Stop()
	if err := t.whole(); err != nil {
		return nil, err
	}
	return coretable.ParseItems(t.batches, base)
}

// source gives the table as something to search. DuckDB's copy of it lives as long as it is in use.
func (t *table) source() *search.TableSource {
	t.searching.Lock()
	defer t.searching.Unlock()
	if t.asSource == nil {
		t.asSource = search.Table(t.schema, t.batches)
	}
	return t.asSource
}

// newTable takes over the batches.
func newTable(schema *arrow.Schema, batches ...arrow.RecordBatch) *table {
	t := &table{schema: schema, batches: batches}
	t.shares.Store(1)
	return t
}

func (t *table) kind() handle.Kind { return handle.Table }

func (t *table) share() *table {
	t.shares.Add(1)
	return t
}

// Release gives a share back.
func (t *table) Release() {
	if t.shares.Add(-1) == 0 {
		t.ahead.Swap(nil).Stop()
		if t.asSource != nil {
			t.asSource.Release()
		}
		made, _ := t.schema.Metadata().GetValue(stageKey)
		large := (made == "items" || made == "") && describeTable(t).Bytes >= largeTable
		for _, b := range t.batches {
			b.Release()
		}
		if large {
			// DuckDB's rows are many small pieces, which the C library would keep for itself; and what was made of
			// them left garbage, which Go would keep until it is asked for as much again.
			core.Go(func() {
				C.malloc_trim(0)
				debug.FreeOSMemory()
			}, nil)
		}
	}
}

// largeTable is the size of a table of items, in bytes, after which memory is given back to the system. The other stages'
// are pages of the kernel's (allocator.go), and come one after the other: a collection for each would only cost time.
const largeTable = 64 << 20

// compact copies a batch into tableMemory: without slices, and without anything that a foreign
// library would have to release. A batch imported from Python must not be let go of in a thread of
// Go's, where its release could wait for the interpreter for ever.
func compact(batch arrow.RecordBatch) (arrow.RecordBatch, error) {
	columns := make([]arrow.Array, 0, batch.NumCols())
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for i, c := range batch.Columns() {
		copied, err := array.Concatenate([]arrow.Array{c}, &tableMemory)
		if err != nil {
			return nil, core.Errorf(core.InvalidArgument, "ArrowTable", "column %q cannot be read: %w", batch.ColumnName(i), err)
		}
		columns = append(columns, copied)
	}
	return array.NewRecordBatch(batch.Schema(), columns, batch.NumRows()), nil
}

// importTable reads a stream to its end. The stream is released even on failure.
func importTable(stream *C.struct_ArrowArrayStream) (*table, error) {
	if stream.release == nil {
		return nil, core.Errorf(core.InvalidArgument, "ArrowTable", "the Arrow stream was consumed before")
	}
	if C.cwc_stream_complete(stream) != 0 {
		return nil, core.Errorf(core.BudgetExceeded, "OutOfMemory", "no memory to read an Arrow stream")
	}
	reader, err := cdata.ImportCRecordReader((*cdata.CArrowArrayStream)(unsafe.Pointer(stream)), nil)
	if err != nil {
		return nil, core.Errorf(core.InvalidArgument, "ArrowTable", "the Arrow stream has no readable schema: %w", err)
	}
	source := reader.(array.RecordReader)
	defer source.Release()
	t := newTable(source.Schema())
	for source.Next() {
		batch, err := compact(source.RecordBatch())
		if err != nil {
			t.Release()
			return nil, err
		}
		t.batches = append(t.batches, batch)
	}
	if err := source.Err(); err != nil {
		t.Release()
		return nil, core.Errorf(core.InvalidArgument, "ArrowTable", "the Arrow stream failed: %w", err)
	}
	return t, nil
}

//export cwgo_table_import
func cwgo_table_import(stream *C.struct_ArrowArrayStream, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		t, err := importTable(stream)
		if err != nil {
			return err
		}
		return give(out, handle.Table, t)
	})
}

//export cwgo_table_export
func cwgo_table_export(h C.cw_handle, out *C.struct_ArrowArrayStream, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		t, err := get[*table](handle.Table, h)
		if err != nil {
			return err
		}
		if err := t.whole(); err != nil {
			return err
		}
		reader, err := array.NewRecordReader(t.schema, t.batches)
		if err != nil {
			return core.Errorf(core.Internal, "", "a table cannot be read: %w", err)
		}
		defer reader.Release() // the exported stream holds its own share
		inner := (*C.struct_ArrowArrayStream)(C.cwc_alloc(C.sizeof_struct_ArrowArrayStream))
		if inner == nil {
			return core.Errorf(core.BudgetExceeded, "OutOfMemory", "no memory for an Arrow stream")
		}
		defer C.free(unsafe.Pointer(inner))
		cdata.ExportRecordReader(reader, (*cdata.CArrowArrayStream)(unsafe.Pointer(inner)))
		if C.cwc_stream_guard(inner, out) != 0 {
			return core.Errorf(core.BudgetExceeded, "OutOfMemory", "no memory for an Arrow stream")
		}
		return nil
	})
}

// manyRows is the size of a table of items, in bytes, from which on its rows are let go of where they serve one plan alone: by
// a search as soon as they are decoded, by Python once the array is open.
const manyRows = 16 << 20

// tableDescription is what cw_table_describe tells.
type tableDescription struct {
	Rows     int64               `json:"rows"`
	Bytes    int64               `json:"bytes"`
	Many     bool                `json:"many"` // rows that are not to be kept beside a plan, if they can be read again
	Columns  []columnDescription `json:"columns"`
	Metadata map[string]string   `json:"metadata"`
}

type columnDescription struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

func bytesOf(batch arrow.RecordBatch) (bytes int64) {
	for _, c := range batch.Columns() {
		bytes += int64(c.Data().SizeInBytes())
	}
	return bytes
}

func describeTable(t *table) tableDescription {
	d := tableDescription{Columns: []columnDescription{}, Metadata: map[string]string{}}
	for _, b := range t.batches {
		d.Rows += b.NumRows()
		d.Bytes += bytesOf(b)
	}
	if t.passed != nil {
		d.Rows, d.Bytes = t.passed.rows, t.passed.bytes
	}
	d.Many = d.Bytes >= manyRows
	for _, f := range t.schema.Fields() {
		d.Columns = append(d.Columns, columnDescription{f.Name, f.Type.String()})
	}
	meta := t.schema.Metadata()
	for i, key := range meta.Keys() {
		d.Metadata[key] = meta.Values()[i]
	}
	return d
}

//export cwgo_table_describe
func cwgo_table_describe(h C.cw_handle, out **C.char, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		t, err := get[*table](handle.Table, h)
		if err != nil {
			return err
		}
		return giveJSON(out, describeTable(t))
	})
}
