//go:build probe

package main

// #include "guard.h"
import "C"

import (
	"context"
	"encoding/json"
	"strconv"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sync/errgroup"

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

// cwgo_probe_ask puts count questions at once, each with its number and an array of four int32 of that
// value, and gives the sum of what was answered and of what the arrays then hold.
//
//export cwgo_probe_ask
func cwgo_probe_ask(queue C.cw_handle, count C.int64_t, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return submit(queue, out, errorOut, func() (op.Work, error) {
		return func(ctx context.Context, o *op.Operation) (op.Result, error) {
			var sum atomic.Int64
			group, ctx := errgroup.WithContext(ctx)
			for i := range int64(count) {
				group.Go(func() error { return probeQuestion(ctx, o, i, &sum) })
			}
			if err := group.Wait(); err != nil {
				return nil, err
			}
			return bytesResult([]byte(strconv.FormatInt(sum.Load(), 10)))
		}, nil
	})
}

func probeQuestion(ctx context.Context, o *op.Operation, i int64, sum *atomic.Int64) error {
	memory, err := newPixels(16)
	if err != nil {
		return err
	}
	defer memory.Release()
	values := unsafe.Slice((*int32)(memory.data), 4)
	for k := range values {
		values[k] = int32(i)
	}
	block := op.Block{Memory: memory, DType: core.Int32, Shape: []int{2, 2}, Writable: true}
	answer, err := o.Ask(ctx, op.Question{Name: "probe", About: i, Blocks: []op.Block{block}})
	if err != nil {
		return err
	}
	var value int64
	if err := json.Unmarshal(answer, &value); err != nil {
		return err
	}
	for _, v := range values {
		value += int64(v)
	}
	sum.Add(value)
	return nil
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
