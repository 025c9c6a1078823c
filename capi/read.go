package main

// #include "guard.h"
import "C"

import (
	"context"
	"sync/atomic"
	"unsafe"

	"cogweave/capi/op"
	"cogweave/core"
	"cogweave/core/plan"
	coretable "cogweave/core/table"
	"cogweave/mosaic"
)

// readRequest is the request of cw_read.
type readRequest struct {
	Steps  bool `json:"steps"`  // tell of each finished time step
	Report bool `json:"report"` // report what became of every item, not of those that failed only
	// Ahead are windows that will be read soon: start, step and count of band, time, y and x.
	Ahead   [][4][3]int64 `json:"ahead"`
	AheadOf int           `json:"ahead_of"` // the most windows that may be looked ahead at before the first of them is read
}

// windowsAhead are the windows that a read names as the next.
func (r *readRequest) windowsAhead(p *planned) ([]plan.Window, error) {
	windows := make([]plan.Window, len(r.Ahead))
	for i, told := range r.Ahead {
		var axes [4]plan.Axis
		for k, a := range told {
			for _, v := range a {
				if v > mostPositions || v < -mostPositions {
					return nil, core.Errorf(core.InvalidArgument, "Index", "ahead: %d is too large", v)
				}
			}
			axes[k] = plan.Axis{Start: int(a[0]), Step: int(a[1]), Count: int(a[2])}
		}
		windows[i] = plan.Window{Band: axes[0], Time: axes[1], Row: axes[2], Col: axes[3]}
		if _, _, err := p.CheckWindow(windows[i]); err != nil {
			return nil, err
		}
	}
	return windows, nil
}

// target is where pixels go: memory of the caller's, or, where data is nil, memory to be made.
type target struct {
	data  unsafe.Pointer
	bytes int64
}

func targetOf(out *C.cw_buffer) (target, error) {
	if out == nil || out.data == nil {
		return target{}, nil
	}
	if out.struct_size < C.sizeof_cw_buffer {
		return target{}, core.Errorf(core.InvalidArgument, "StructSize", "cw_buffer has %d bytes, this library's %d", out.struct_size, C.sizeof_cw_buffer)
	}
	return target{out.data, int64(out.bytes)}, nil
}

// fill runs write on memory for the pixels of a window. The result is the memory, or nil where it is the
// caller's.
func (t target) fill(p *planned, w plan.Window, write func(out []byte) error) (op.Result, error) {
	need, err := windowBytes(p.Plan, w)
	if err != nil {
		return nil, err
	}
	if t.data != nil {
		if t.bytes != need {
			return nil, core.Errorf(core.InvalidArgument, "Buffer", "out has %d bytes, the pixels need %d", t.bytes, need)
		}
		return nil, write(unsafe.Slice((*byte)(t.data), need))
	}
	made, err := newPixels(need)
	if err != nil {
		return nil, err
	}
	filled := false
	defer func() {
		if !filled { // an error, or a panic
			made.Release()
		}
	}()
	if err := write(made.slice()); err != nil {
		return nil, err
	}
	filled = true
	return made, nil
}

// paint runs the mosaic engine over a window.
func paint(ctx context.Context, o *op.Operation, p *planned, w plan.Window, headers plan.HeaderReader, tiles core.TileSource,
	r readRequest, ahead mosaic.Ahead, out target) (op.Result, error) {
	return out.fill(p, w, func(pixels []byte) error {
		m := meterOf(ctx)
		options := mosaic.Options{Callable: combining(o), Ahead: ahead}
		var stepped atomic.Bool
		if r.Steps {
			options.OnStep = func(i int) {
				stepped.Store(true)
				o.Stepped(i)
			}
		}
		var files *fileNotes
		if options.Outcomes = r.Report; r.Report {
			files = &fileNotes{files: map[string]*fileNote{}}
			m.tally.OnFile = files.note
		}
		return rereading(stepped.Load, func(last bool) error {
			options.FailChanged = !last
			report, err := running().mosaic.Run(ctx, p.Plan, w, headers, m.tiles(tiles), pixels, options)
			m.tell(newReport(report, files))
			return err
		})
	})
}

//export cwgo_read
func cwgo_read(queue, planHandle C.cw_handle, window *C.cw_window, request *C.char, buffer *C.cw_buffer, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return overWindow(queue, planHandle, window, out, errorOut, func(p *planned, w plan.Window) (op.Work, error) {
		var r readRequest
		if err := decode("read", C.GoString(request), &r); err != nil {
			return nil, err
		}
		to, err := targetOf(buffer)
		if err != nil {
			return nil, err
		}
		next, err := r.windowsAhead(p)
		if err != nil {
			return nil, err
		}
		return func(ctx context.Context, o *op.Operation) (op.Result, error) {
			client := running().fetch
			source, end := client.ForOneRead()
			defer end()
			ahead := mosaic.Ahead{Windows: next, Of: r.AheadOf, Tiles: client, Room: client.Effective().TileCacheBytes}
			return paint(ctx, o, p, w, p.headers.reading(client), source, r, ahead, to)
		}, nil
	})
}

//export cwgo_mosaic
func cwgo_mosaic(queue, planHandle C.cw_handle, window *C.cw_window, tiles C.cw_handle, buffer *C.cw_buffer, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return overWindow(queue, planHandle, window, out, errorOut, func(p *planned, w plan.Window) (op.Work, error) {
		to, err := targetOf(buffer)
		if err != nil {
			return nil, err
		}
		rows, err := tableOf("tiles", tiles)
		if err != nil {
			return nil, err
		}
		rows.share()
		return func(ctx context.Context, o *op.Operation) (op.Result, error) {
			defer rows.Release()
			known := p.headers.reading(nil)
			reads, err := p.Reads(ctx, w, known)
			if err != nil {
				return nil, err
			}
			source, err := coretable.ParseTiles(rows.batches, reads)
			if err != nil {
				return nil, err
			}
			return paint(ctx, o, p, w, known, source, readRequest{}, mosaic.Ahead{}, to)
		}, nil
	})
}
