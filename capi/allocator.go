package main

// #include <stdlib.h>
// #include "guard.h"
import "C"

import (
	"sync/atomic"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"cogweave/core"
)

// allocator gives Arrow C memory, so that a table can leave Go without a copy. Unlike arrow-go's own
// it fails with an error (a panic that call and op turn into one) where C's malloc fails.
type allocator struct{ alive atomic.Int64 } // bytes

var _ memory.Allocator = (*allocator)(nil)

// tableMemory is the memory of all tables.
var tableMemory allocator

// wholePages is the size from which memory is mapped: zeroing a table of tiles before the first request
// goes out took a third of the time of fetching it.
const wholePages = 4 << 20

// Allocate gives size zeroed bytes, aligned to 64.
func (a *allocator) Allocate(size int) []byte {
	var p unsafe.Pointer
	if size >= wholePages {
		p = C.cwc_pages(C.size_t(size))
	} else {
		p = C.cwc_alloc(C.size_t(size))
	}
	if p == nil {
		panic(core.Errorf(core.BudgetExceeded, "OutOfMemory", "no memory for %d bytes of a table", size))
	}
	a.alive.Add(int64(max(size, 1)))
	return unsafe.Slice((*byte)(p), max(size, 1))[:size]
}

// Reallocate gives the bytes again in a slice of another size.
func (a *allocator) Reallocate(size int, b []byte) []byte {
	if size <= cap(b) && cap(b) > 0 {
		return b[:size]
	}
	grown := a.Allocate(size)
	copy(grown, b)
	a.Free(b)
	return grown
}

// Free gives the memory back.
func (a *allocator) Free(b []byte) {
	size := cap(b)
	if size == 0 {
		return
	}
	a.alive.Add(-int64(size))
	if p := unsafe.Pointer(unsafe.SliceData(b)); size >= wholePages {
		C.cwc_pages_free(p, C.size_t(size))
	} else {
		C.free(p)
	}
}
