package search

import "github.com/apache/arrow-go/v18/arrow"

// Result is a table of items. Its memory belongs to it, not to the engine: it outlives the source.
type Result struct {
	Schema  *arrow.Schema
	Batches []arrow.RecordBatch
	Rows    int64
}

// Release frees the batches. They must not be used afterwards, unless they were retained.
func (r *Result) Release() {
	for _, batch := range r.Batches {
		batch.Release()
	}
	r.Batches = nil
}
