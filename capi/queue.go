package main

// #include "guard.h"
import "C"

import (
	"encoding/json"
	"sync/atomic"
	"unsafe"

	"cogweave/capi/handle"
	"cogweave/capi/op"
	"cogweave/core"
)

// An op.Event is copied to the caller as it is: these stop the build if the layouts differ.
var (
	_ [unsafe.Sizeof(op.Event{}) - C.sizeof_cw_event]byte
	_ [C.sizeof_cw_event - unsafe.Sizeof(op.Event{})]byte
	_ [unsafe.Offsetof(op.Event{}.Value) - unsafe.Offsetof(C.cw_event{}.value)]byte
	_ [unsafe.Offsetof(op.Event{}.Status) - unsafe.Offsetof(C.cw_event{}.status)]byte
)

// submitted and completed count operations since the library was loaded.
var submitted, completed atomic.Int64

//export cwgo_queue_open
func cwgo_queue_open(fd *C.int32_t, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		q, err := op.NewQueue(func() { completed.Add(1) })
		if err != nil {
			return err
		}
		if err := give(out, handle.Queue, q); err != nil {
			q.Close()
			return err
		}
		*fd = C.int32_t(q.FD())
		return nil
	})
}

//export cwgo_queue_drain
func cwgo_queue_drain(queue C.cw_handle, events *C.cw_event, capacity C.int64_t) (n C.int64_t) {
	n = -1
	call(nil, func() error {
		q, err := get[*op.Queue](handle.Queue, queue)
		if err == nil {
			told := unsafe.Slice((*op.Event)(unsafe.Pointer(events)), capacity)
			n = C.int64_t(q.Drain(told))
			announce(told[:n])
		}
		return err
	})
	return n
}

// submit starts an operation that completes on a queue. prepare looks at the caller's arguments
// during the call and gives the work that is left.
func submit(queue C.cw_handle, out *C.cw_handle, errorOut **C.char, prepare func() (op.Work, error)) C.cw_status {
	return call(errorOut, func() error {
		q, err := get[*op.Queue](handle.Queue, queue)
		if err != nil {
			return err
		}
		work, err := prepare()
		if err != nil {
			return err
		}
		o := op.New(q)
		if err := give(out, handle.Operation, o); err != nil {
			return err
		}
		o.Handle = handle.Handle(*out)
		submitted.Add(1)
		o.Start(work)
		return nil
	})
}

//export cwgo_cancel_all
func cwgo_cancel_all(errorOut **C.char) C.cw_status {
	return call(errorOut, cancelAll)
}

//export cwgo_op_cancel
func cwgo_op_cancel(h C.cw_handle) C.cw_status {
	return call(nil, func() error {
		o, err := get[*op.Operation](handle.Operation, h)
		if err == nil {
			o.Cancel()
		}
		return err
	})
}

// named is a result that a handle can name: a table or a plan.
type named interface {
	op.Result
	kind() handle.Kind
}

//export cwgo_op_take
func cwgo_op_take(h C.cw_handle, out *C.cw_handle, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		o, err := get[*op.Operation](handle.Operation, h)
		if err != nil {
			return err
		}
		result, err := op.Take[named](o, "a table or a plan: take it with cw_op_take_buffer")
		if err != nil {
			return err
		}
		return give(out, result.kind(), result)
	})
}

//export cwgo_op_take_buffer
func cwgo_op_take_buffer(h C.cw_handle, data *unsafe.Pointer, bytes *C.int64_t, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		o, err := get[*op.Operation](handle.Operation, h)
		if err != nil {
			return err
		}
		buffer, err := op.Take[*pixels](o, "pixels in memory of the library's")
		if err != nil {
			return err
		}
		*data, *bytes = buffer.data, C.int64_t(buffer.bytes)
		return nil
	})
}

//export cwgo_op_error
func cwgo_op_error(h C.cw_handle, out **C.char, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		o, err := get[*op.Operation](handle.Operation, h)
		if err != nil {
			return err
		}
		failed, err := o.Err()
		if err != nil {
			return err
		}
		*out, err = newText(encodeError(failed))
		return err
	})
}

//export cwgo_op_progress
func cwgo_op_progress(h C.cw_handle, out **C.char, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		o, err := get[*op.Operation](handle.Operation, h)
		if err != nil {
			return err
		}
		state := o.Progress()
		if state == nil {
			state = struct{}{}
		}
		return giveJSON(out, state)
	})
}

//export cwgo_op_watch
func cwgo_op_watch(h C.cw_handle) C.cw_status {
	return call(nil, func() error {
		o, err := get[*op.Operation](handle.Operation, h)
		if err == nil {
			o.Watch()
		}
		return err
	})
}

//export cwgo_op_asked
func cwgo_op_asked(h C.cw_handle, number C.int64_t, out **C.char, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		o, err := get[*op.Operation](handle.Operation, h)
		if err != nil {
			return err
		}
		text, err := o.Asked(int64(number))
		if err != nil {
			return err
		}
		*out, err = newText(text)
		return err
	})
}

//export cwgo_op_asked_block
func cwgo_op_asked_block(h C.cw_handle, number, index C.int64_t, data *unsafe.Pointer, bytes *C.int64_t, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		o, err := get[*op.Operation](handle.Operation, h)
		if err != nil {
			return err
		}
		block, n, err := o.AskedBlock(int64(number), int64(index))
		*data, *bytes = block, C.int64_t(n)
		return err
	})
}

//export cwgo_op_answer
func cwgo_op_answer(h C.cw_handle, number C.int64_t, answer *C.char, errorOut **C.char) C.cw_status {
	return call(errorOut, func() error {
		o, err := get[*op.Operation](handle.Operation, h)
		if err != nil {
			return err
		}
		return o.Answer(int64(number), json.RawMessage(C.GoString(answer)))
	})
}

//export cwgo_release
func cwgo_release(h C.cw_handle) C.cw_status {
	return call(nil, func() error {
		value, err := registry.Remove(handle.Handle(h))
		if err != nil {
			return err
		}
		switch v := value.(type) {
		case *op.Queue:
			closeQueue(v)
		case op.Result: // an operation, a table or a plan
			v.Release()
		default:
			return core.Errorf(core.Internal, "", "a handle names a %T", value)
		}
		return nil
	})
}

// closeQueue closes a queue; what still runs on it has nobody left to tell, and ends.
func closeQueue(q *op.Queue) {
	q.Close()
	registry.Each(handle.Operation, func(v any) {
		if o := v.(*op.Operation); o.On(q) {
			o.Release()
		}
	})
}
