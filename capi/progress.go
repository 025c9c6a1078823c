package main

import (
	"context"
	"sync/atomic"

	"cogweave/capi/op"
	"cogweave/core"
	"cogweave/fetch"
)

// progress is what cw_op_progress tells of an operation. Totals are what is known of so far.
type progress struct {
	RequestsDone  int64       `json:"requests_done"`
	RequestsTotal int64       `json:"requests_total"`
	Retries       int64       `json:"retries"`
	ReadsDone     int64       `json:"reads_done"` // tiles delivered, from a cache or not
	ReadsTotal    int64       `json:"reads_total"`
	BytesDone     int64       `json:"bytes_done"` // of those tiles, compressed
	BytesTotal    int64       `json:"bytes_total"`
	BytesReceived int64       `json:"bytes_received"` // of all answers, headers' included
	Report        *reportText `json:"report,omitempty"`
}

// meter follows an operation.
type meter struct {
	o                                       *op.Operation
	tally                                   fetch.Tally
	reads, readsTotal, tileBytes, tileTotal atomic.Int64
	report                                  atomic.Pointer[reportText]
}

type meterKey struct{}

// metered makes a meter that the operation's progress is read from, and a context that has it.
func metered(ctx context.Context, o *op.Operation) (context.Context, *meter) {
	m := &meter{o: o}
	o.OnProgress(func() any { return m.state() })
	return context.WithValue(ctx, meterKey{}, m), m
}

// meterOf gives the meter of an operation's context.
func meterOf(ctx context.Context) *meter { return ctx.Value(meterKey{}).(*meter) }

func (m *meter) state() progress {
	requests, reads, bytes := m.tally.Requests.Load(), m.reads.Load(), m.tileBytes.Load()
	retries := m.tally.Retries.Load()
	return progress{
		RequestsDone: requests, RequestsTotal: max(requests, m.tally.Planned.Load()+retries), Retries: retries,
		ReadsDone: reads, ReadsTotal: max(reads, m.readsTotal.Load()),
		BytesDone: bytes, BytesTotal: max(bytes, m.tileTotal.Load()), BytesReceived: m.tally.Bytes.Load(),
		Report: m.report.Load(),
	}
}

// tell keeps a report, if there is one.
func (m *meter) tell(report *reportText) {
	if m.report.Store(report); report != nil {
		m.o.Remark()
	}
}

// tiles is a source as the meter sees it.
func (m *meter) tiles(source core.TileSource) core.TileSource { return measured{source, m} }

type measured struct {
	source core.TileSource
	*meter
}

// Tiles asks the source, and counts what it delivers.
func (s measured) Tiles(ctx context.Context, refs []core.TileRef, done func(i int, data []byte, err error)) {
	s.readsTotal.Add(int64(len(refs)))
	for _, ref := range refs {
		s.tileTotal.Add(ref.Range.Len())
	}
	s.o.Progressed()
	s.source.Tiles(ctx, refs, func(i int, data []byte, err error) {
		s.reads.Add(1)
		s.tileBytes.Add(refs[i].Range.Len())
		s.o.Progressed()
		done(i, data, err)
	})
}
