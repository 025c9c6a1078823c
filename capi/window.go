package main

// #include "guard.h"
import "C"

import (
	"math"
	"unsafe"

	"cogweave/core"
	"cogweave/core/plan"
)

// mostPositions bounds an axis of a window, and its start and step: sums and products of two of them
// cannot overflow.
const mostPositions = 1 << 31

// windowOf copies a window out of the caller's memory.
func windowOf(w *C.cw_window) (plan.Window, error) {
	if w.struct_size < C.sizeof_cw_window {
		return plan.Window{}, core.Errorf(core.InvalidArgument, "StructSize", "cw_window has %d bytes, this library's %d", w.struct_size, C.sizeof_cw_window)
	}
	out := plan.Window{Pointwise: w.pointwise != 0}
	for _, a := range []struct {
		name string
		from *C.cw_axis
		to   *plan.Axis
	}{{"band", &w.band, &out.Band}, {"time", &w.time, &out.Time}, {"y", &w.row, &out.Row}, {"x", &w.col, &out.Col}} {
		var err error
		if *a.to, err = axisOf(a.name, a.from); err != nil {
			return out, err
		}
	}
	return out, nil
}

func axisOf(name string, a *C.cw_axis) (plan.Axis, error) {
	start, step, count := int64(a.start), int64(a.step), int64(a.count)
	for _, v := range []int64{start, step, count} {
		if v > mostPositions || v < -mostPositions {
			return plan.Axis{}, core.Errorf(core.InvalidArgument, "Index", "%s axis: %d is too large", name, v)
		}
	}
	if count < 0 {
		return plan.Axis{}, core.Errorf(core.InvalidArgument, "Index", "%s axis has %d positions", name, count)
	}
	if a.index == nil {
		return plan.Axis{Start: int(start), Step: int(step), Count: int(count)}, nil
	}
	index := make([]int, count)
	for i, v := range unsafe.Slice((*int64)(a.index), count) {
		index[i] = int(v)
	}
	return plan.Axis{Count: int(count), Index: index}, nil
}

// windowBytes checks a window against a plan and gives the size of its pixels.
func windowBytes(p *plan.Plan, w plan.Window) (int64, error) {
	if !w.Pointwise {
		cells := float64(w.Band.Len()) * float64(w.Time.Len()) * float64(w.Row.Len()) * float64(w.Col.Len())
		if cells > math.MaxInt64/16 {
			return 0, core.Errorf(core.BudgetExceeded, "ResultTooLarge", "the window has %.3g cells: read it in pieces", cells)
		}
	}
	dtype, cells, err := p.CheckWindow(w)
	return int64(cells) * int64(dtype.Size()), err
}
