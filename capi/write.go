package main

// #include "guard.h"
import "C"

import (
	"context"

	"cogweave/capi/op"
	"cogweave/core"
	"cogweave/core/plan"
	"cogweave/mosaic"
	"cogweave/mosaic/cogfile"
)

// writeRequest is the request of cw_write.
type writeRequest struct {
	Path               string `json:"path"`
	OverviewResampling string `json:"overview_resampling"`
}

//export cwgo_write
func cwgo_write(queue, planHandle C.cw_handle, window *C.cw_window, request *C.char, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return overWindow(queue, planHandle, window, out, errorOut, func(p *planned, w plan.Window) (op.Work, error) {
		var r writeRequest
		if err := decode("write", C.GoString(request), &r); err != nil {
			return nil, err
		}
		raster, err := cogfile.Of(p.Plan, w)
		if err != nil {
			return nil, err
		}
		raster.OverviewResampling, raster.Threads = r.OverviewResampling, running().mosaic.Pool.Threads()
		return func(ctx context.Context, o *op.Operation) (op.Result, error) {
			return nil, cogfile.Write(ctx, r.Path, raster, painter(o, p, w))
		}, nil
	})
}

// painter reads rows of a window. With a fill they are read for the second time, to tell which cells are covered: by the same
// items of the same files, or it is an error.
func painter(o *op.Operation, p *planned, w plan.Window) cogfile.Paint {
	client := running().fetch
	first := absences{}
	return func(ctx context.Context, top, rows int, fill *float64, out []byte) error {
		part, m := w, meterOf(ctx)
		part.Row.Start, part.Row.Count = w.Row.Start+top, rows
		again := func() bool { return fill != nil }
		return rereading(again, func(last bool) error {
			options := mosaic.Options{Callable: combining(o), FailChanged: !last, Fill: fill, Outcomes: again() && len(first) > 0}
			source, end := client.ForOneRead()
			defer end()
			report, err := running().mosaic.Run(ctx, p.Plan, part, p.headers.reading(client), m.tiles(source), out, options)
			switch {
			case err != nil:
			case again():
				err = first.differ(report)
			default:
				first.note(report)
			}
			if !again() {
				m.tell(newReport(report, nil))
			}
			return err
		})
	}
}

// absences are the items that count as absent, by time step and id.
type absences map[absence]bool

type absence struct {
	time int
	item string
}

func (a absences) note(r *mosaic.Report) {
	for _, f := range r.Failures {
		a[absence{f.Time, f.Item}] = true
	}
}

// differ tells whether a later read of the same pixels missed other items.
func (a absences) differ(r *mosaic.Report) error {
	for _, f := range r.Failures {
		if !a[absence{f.Time, f.Item}] {
			return f.Err
		}
	}
	for _, o := range r.Outcomes {
		if o.State != mosaic.Unread && a[absence{o.Time, o.Item}] {
			return core.InBand(core.Errorf(core.AssetError, "Unsteady",
				"the file could not be read at first and can be now, so that nothing tells which cells it covers"), o.Item, o.Band)
		}
	}
	return nil
}
