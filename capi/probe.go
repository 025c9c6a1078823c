//go:build probe

package main

// #include "guard.h"
import "C"

import (
	"context"

	"cogweave/capi/op"
	"cogweave/core"
)

// The panic probe: what a defect of the engine would do, for the tests of how it is told. These
// functions are in no header, and in no library but the suite's (COGWEAVE_TAGS=probe ./build.sh).

//export cwgo_probe_panic
func cwgo_probe_panic(errorOut **C.char) C.cw_status {
	return call(errorOut, func() error { panic("probe: a panic in an export") })
}

//export cwgo_probe_bounds
func cwgo_probe_bounds(at C.int64_t, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		bytes := make([]byte, 4)
		bytes[at] = 1 // a runtime error, not a value given to panic
		return nil
	})
}

//export cwgo_probe_operation
func cwgo_probe_operation(queue C.cw_handle, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return submit(queue, out, errorOut, func() (op.Work, error) {
		return func(context.Context, *op.Operation) (op.Result, error) { panic("probe: a panic in an operation") }, nil
	})
}

//export cwgo_probe_goroutine
func cwgo_probe_goroutine(queue C.cw_handle, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return submit(queue, out, errorOut, func() (op.Work, error) {
		return func(context.Context, *op.Operation) (op.Result, error) {
			failed := make(chan error)
			core.Go(func() { panic("probe: a panic in a goroutine of an operation") }, func(err error) { failed <- err })
			return nil, <-failed
		}, nil
	})
}

//export cwgo_probe_sleep
func cwgo_probe_sleep(queue C.cw_handle, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return submit(queue, out, errorOut, func() (op.Work, error) {
		return func(ctx context.Context, _ *op.Operation) (op.Result, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, nil
	})
}

//export cwgo_probe_nothing
func cwgo_probe_nothing(queue C.cw_handle, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return submit(queue, out, errorOut, func() (op.Work, error) {
		return func(context.Context, *op.Operation) (op.Result, error) { return nil, nil }, nil
	})
}

//export cwgo_probe_ask
func cwgo_probe_ask(queue C.cw_handle, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return submit(queue, out, errorOut, func() (op.Work, error) {
		return func(ctx context.Context, o *op.Operation) (op.Result, error) {
			answer, err := o.Ask(ctx, map[string]string{"sign": "https://host/a.tif"})
			if err != nil {
				return nil, err
			}
			return bytesResult(answer)
		}, nil
	})
}

//export cwgo_probe_pixels
func cwgo_probe_pixels(queue C.cw_handle, bytes C.int64_t, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return submit(queue, out, errorOut, func() (op.Work, error) {
		return func(context.Context, *op.Operation) (op.Result, error) {
			p, err := newPixels(int64(bytes))
			if err != nil {
				return nil, err
			}
			for i := range p.slice() {
				p.slice()[i] = byte(i)
			}
			return p, nil
		}, nil
	})
}
