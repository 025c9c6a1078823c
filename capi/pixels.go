package main

// #include "guard.h"
import "C"

import (
	"sync"
	"time"
	"unsafe"

	"cogweave/capi/op"
	"cogweave/core"
)

// pixels is the memory of a result: C memory (buffer.c), so that numpy can own it, or the caller's.
type pixels struct {
	data  unsafe.Pointer
	bytes int64
}

var (
	_ op.Result = (*pixels)(nil)
	_ op.Memory = (*pixels)(nil)
)

// newPixels allocates a result. Memory that the machine does not have is refused, not promised.
func newPixels(bytes int64) (*pixels, error) {
	if limit := physicalMemory(); limit > 0 && bytes > limit {
		return nil, core.Errorf(core.BudgetExceeded, "ResultTooLarge",
			"the result needs %d bytes, this machine has %d: read it in pieces", bytes, limit)
	}
	data := C.cwc_buffer_new(C.int64_t(bytes))
	if data == nil {
		return nil, core.Errorf(core.BudgetExceeded, "OutOfMemory", "no memory for a result of %d bytes", bytes)
	}
	if C.cwc_serves_again(C.int64_t(bytes)) != 0 { // others need none of what waits, and must not keep it waiting
		spares().Reset(sparesIdle)
	}
	return &pixels{data, bytes}, nil
}

// spares frees the memory kept for later results, once no result of a size that serves again was asked for during sparesIdle.
var spares = sync.OnceValue(func() *time.Timer {
	return time.AfterFunc(sparesIdle, func() {
		core.Go(func() {
			for C.cwc_spares_free() < 0 { // somebody lets go of one just now
				time.Sleep(time.Millisecond)
			}
		}, nil)
	})
})

// sparesIdle: buffer.c keeps memory for one second, counted in whole ones: up to two, and half a second to be sure.
const sparesIdle = 2500 * time.Millisecond

// slice is the memory as Go sees it; valid while a share is held.
func (p *pixels) slice() []byte { return unsafe.Slice((*byte)(p.data), p.bytes) }

// share takes one share more, which a Release gives back.
func (p *pixels) share() { C.cwc_buffer_retain(p.data) }

// Share takes one share more for the caller of the library.
func (p *pixels) Share() (data unsafe.Pointer, bytes int64) {
	p.share()
	return p.data, p.bytes
}

// Release gives a share back.
func (p *pixels) Release() { C.cw_buffer_release(p.data) }

// pixelsAlive is the number of bytes of results that are alive, the caller's shares included.
func pixelsAlive() int64 { return int64(C.cwc_buffer_total()) }
