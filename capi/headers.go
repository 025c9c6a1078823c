package main

// #include "guard.h"
import "C"

import (
	"context"

	"cogweave/capi/op"
	"cogweave/core/cog"
	"cogweave/core/plan"
	coretable "cogweave/core/table"
)

// headersRequest is the request of cw_headers.
type headersRequest struct {
	access
	Bands []string `json:"bands"` // null: every COG asset
	Base  string   `json:"base"`  // location of the catalog, for relative hrefs
}

//export cwgo_headers
func cwgo_headers(queue C.cw_handle, request *C.char, items C.cw_handle, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return submit(queue, out, errorOut, func() (op.Work, error) {
		var r headersRequest
		if err := decode("headers", C.GoString(request), &r); err != nil {
			return nil, err
		}
		if err := r.access.check(r.Base); err != nil {
			return nil, err
		}
		rows, err := tableOf("items", items)
		if err != nil {
			return nil, err
		}
		rows.share()
		return r.access.reaching(func(ctx context.Context, _ *op.Operation) (op.Result, error) {
			defer rows.Release()
			return readHeaders(ctx, &r, rows)
		}), nil
	})
}

// readHeaders reads the header of every file once, in the order of the items.
func readHeaders(ctx context.Context, r *headersRequest, rows *table) (op.Result, error) {
	items, err := rows.items(r.Base)
	if err != nil {
		return nil, err
	}
	r.access.buckets.learn(items)
	hrefs, err := plan.Hrefs(items, r.Bands)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	m := meterOf(ctx)
	m.readsTotal.Store(int64(len(hrefs)))
	headers := coretable.NewHeadersWriter(len(hrefs), &tableMemory)
	defer headers.Release()
	var first firstError
	running().fetch.Headers(ctx, hrefs, func(i int, h *cog.Header, err error) {
		headers.Put(i, h)
		m.reads.Add(1)
		m.o.Progressed()
		if first.note(i, err) {
			stop()
		}
	})
	if err := first.get(); err != nil {
		return nil, err
	}
	batch := headers.Record()
	return newTable(batch.Schema(), batch), nil
}
