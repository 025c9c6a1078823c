package main

import (
	"context"
	"sync/atomic"

	"cogweave/capi/op"
	"cogweave/core"
	"cogweave/mosaic"
)

// progress is what cw_op_progress tells of an operation that reads tiles.
type progress struct {
	ReadsDone  int64          `json:"reads_done"`
	ReadsTotal int64          `json:"reads_total"` // known of so far
	Bytes      int64          `json:"bytes"`       // compressed, arrived
	Report     *mosaic.Report `json:"report,omitempty"`
}

// meter follows an operation's reads, as a TileSource in front of the one that it asks.
type meter struct {
	source             core.TileSource
	done, total, bytes atomic.Int64
	report             atomic.Pointer[mosaic.Report]
}

// observe makes a meter that the operation's progress is read from. total is the number of reads, 0 if
// it is not known before.
func observe(source core.TileSource, o *op.Operation, total int) *meter {
	m := &meter{source: source}
	m.total.Store(int64(total))
	o.OnProgress(func() any {
		return progress{m.done.Load(), max(m.total.Load(), m.done.Load()), m.bytes.Load(), m.report.Load()}
	})
	return m
}

// Tiles asks the source, and counts what it delivers.
func (m *meter) Tiles(ctx context.Context, refs []core.TileRef, done func(i int, data []byte, err error)) {
	m.source.Tiles(ctx, refs, func(i int, data []byte, err error) {
		m.done.Add(1)
		m.bytes.Add(int64(len(data)))
		done(i, data, err)
	})
}
