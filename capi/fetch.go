package main

// #include "guard.h"
import "C"

import (
	"context"

	"cogweave/capi/op"
	"cogweave/core"
	"cogweave/core/plan"
	coretable "cogweave/core/table"
)

//export cwgo_fetch
func cwgo_fetch(queue, planHandle C.cw_handle, window *C.cw_window, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return overWindow(queue, planHandle, window, out, errorOut, func(p *planned, w plan.Window) (op.Work, error) {
		return func(ctx context.Context, _ *op.Operation) (op.Result, error) {
			var tiles op.Result
			err := rereading(never, func(last bool) error {
				reads, err := p.Reads(ctx, w, p.headers.reading(running().fetch))
				if err == nil {
					tiles, err = fetchTiles(ctx, reads, p.IgnoreErrors, last)
				}
				return err
			})
			return tiles, err
		}, nil
	})
}

// fetchTiles reads the bytes of all reads into a table. Where errors are ignored, a read that failed is
// null in it; a file that was replaced fails the whole unless this is the last try.
func fetchTiles(ctx context.Context, reads []plan.Read, ignore, last bool) (op.Result, error) {
	if need, limit := coretable.TilesBytes(reads), physicalMemory(); limit > 0 && need > limit {
		return nil, core.Errorf(core.BudgetExceeded, "ResultTooLarge", "the tiles have %d bytes, this machine has %d: fetch them in pieces", need, limit)
	}
	tiles := coretable.NewTilesWriter(reads, &tableMemory)
	defer tiles.Release()
	refs := make([]core.TileRef, len(reads))
	for i := range reads {
		refs[i] = reads[i].Ref
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	source := meterOf(ctx).tiles(running().fetch.Into(tiles))
	var first firstError
	source.Tiles(ctx, refs, func(i int, data []byte, err error) {
		if err == nil {
			err = tiles.Put(i, data)
		}
		ignored := ignore && (last || core.ClassOf(err) != core.AssetChanged)
		if ignored && core.ClassOf(err) != core.Cancelled {
			return
		}
		if first.note(i, core.InBand(err, reads[i].ItemID, reads[i].Band)) {
			stop()
		}
	})
	if err := first.get(); err != nil {
		return nil, err
	}
	batch := tiles.Record()
	return newTable(batch.Schema(), batch), nil
}
