package main

// #include "guard.h"
import "C"

import (
	"context"

	"cogweave/capi/op"
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

// painter reads a window.
func painter(o *op.Operation, p *planned, w plan.Window) cogfile.Paint {
	client := running().fetch
	return func(ctx context.Context, pixels, valid []byte) error {
		m := meterOf(ctx)
		return rereading(never, func(last bool) error {
			source, end := client.ForOneRead()
			defer end()
			options := mosaic.Options{Callable: combining(o), FailChanged: !last, Valid: valid}
			report, err := running().mosaic.Run(ctx, p.Plan, w, p.headers.reading(client), m.tiles(source), pixels, options)
			m.tell(newReport(report, nil))
			return err
		})
	}
}
