package main

// #include "guard.h"
import "C"

import (
	"context"

	"cogweave/capi/handle"
	"cogweave/capi/op"
	"cogweave/core/cog"
	coretable "cogweave/core/table"

	coreplan "cogweave/core/plan"
)

// planned is a plan and the headers that are known for it: those that the caller brought along, and
// those that a stage has read since.
type planned struct {
	*coreplan.Plan
	access  access
	headers *knownHeaders
}

func (p *planned) kind() handle.Kind { return handle.Plan }

// Release does nothing: a plan is Go's own memory.
func (p *planned) Release() {}

// planRequest is the request of cw_plan.
type planRequest struct {
	access
	coreplan.Request
}

//export cwgo_plan
func cwgo_plan(queue C.cw_handle, request *C.char, items, headers C.cw_handle, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return submit(queue, out, errorOut, func() (op.Work, error) {
		var r planRequest
		if err := decode("plan", C.GoString(request), &r); err != nil {
			return nil, err
		}
		if err := r.access.check(r.Base); err != nil {
			return nil, err
		}
		rows, err := tableOf("items", items)
		if err != nil {
			return nil, err
		}
		var known *table
		if headers != 0 {
			if known, err = tableOf("headers", headers); err != nil {
				return nil, err
			}
			known.share()
		}
		rows.share()
		return r.access.reaching(func(ctx context.Context, _ *op.Operation) (op.Result, error) {
			defer rows.Release()
			if known != nil {
				defer known.Release()
			}
			return makePlan(ctx, &r, rows, known)
		}), nil
	})
}

// makePlan plans. With headers it makes no request: one that is missing is an error.
func makePlan(ctx context.Context, r *planRequest, rows, headers *table) (op.Result, error) {
	items, err := rows.items(r.Base)
	if err != nil {
		return nil, err
	}
	r.access.buckets.learn(items)
	p := &planned{access: r.access, headers: newKnownHeaders()}
	reader := p.headers.reading(nil)
	if headers == nil {
		reader = p.headers.reading(running().fetch)
	} else if err := p.know(headers); err != nil {
		return nil, err
	}
	if p.Plan, err = coreplan.New(ctx, r.Request, items, running().crs, reader); err != nil {
		return nil, err
	}
	p.Notice = running().fetch.Notice
	return p, nil
}

// know adds a table of headers.
func (p *planned) know(t *table) error {
	for _, batch := range t.batches {
		headers, err := coretable.ParseHeaders(batch)
		if err != nil {
			return err
		}
		p.headers.add(headers)
	}
	return nil
}

//export cwgo_plan_describe
func cwgo_plan_describe(h C.cw_handle, out **C.char, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		p, err := get[*planned](handle.Plan, h)
		if err != nil {
			return err
		}
		return giveJSON(out, p.Describe())
	})
}

//export cwgo_plan_membership
func cwgo_plan_membership(h C.cw_handle, out **C.char, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		p, err := get[*planned](handle.Plan, h)
		if err != nil {
			return err
		}
		return giveJSON(out, p.Membership())
	})
}

// overWindow submits work on a window of a plan. prepare looks at further arguments during the call.
func overWindow(queue, plan C.cw_handle, window *C.cw_window, out *C.cw_handle, errorOut **C.char,
	prepare func(p *planned, w coreplan.Window) (op.Work, error)) C.cw_status {
	return submit(queue, out, errorOut, func() (op.Work, error) {
		p, err := get[*planned](handle.Plan, plan)
		if err != nil {
			return nil, err
		}
		w, err := windowOf(window)
		if err != nil {
			return nil, err
		}
		work, err := prepare(p, w)
		if err != nil {
			return nil, err
		}
		return p.access.reaching(work), nil
	})
}

//export cwgo_reads
func cwgo_reads(queue, plan C.cw_handle, window *C.cw_window, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return overWindow(queue, plan, window, out, errorOut, func(p *planned, w coreplan.Window) (op.Work, error) {
		return func(ctx context.Context, _ *op.Operation) (op.Result, error) {
			reads, err := p.Reads(ctx, w, p.headers.reading(running().fetch))
			if err != nil {
				return nil, err
			}
			batch := coretable.Reads(reads, &tableMemory)
			return newTable(batch.Schema(), batch), nil
		}, nil
	})
}

var _ coreplan.HeaderReader = headerReader(nil)

// headerReader is a function as a HeaderReader.
type headerReader func(ctx context.Context, hrefs []string, each func(i int, h *cog.Header, err error))

// Headers calls the function.
func (f headerReader) Headers(ctx context.Context, hrefs []string, each func(i int, h *cog.Header, err error)) {
	f(ctx, hrefs, each)
}
