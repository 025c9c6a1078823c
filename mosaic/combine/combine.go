// Package combine makes one value of the values that the items of a time step have for a cell: the
// mosaic methods. Each works on a block of cells, item by item, in the order in which items combine; its
// result depends on that order and on nothing else.
package combine

/*
#cgo CFLAGS: -O3 -Wall -Wextra -Werror
#cgo LDFLAGS: -lm
#cgo noescape combine_convert
#cgo nocallback combine_convert
#cgo noescape combine_place
#cgo nocallback combine_place
#include "combine.h"
*/
import "C"

import (
	"sync"
	"unsafe"

	"cogweave/core"
)

// Accumulator collects the values of a block of cells. It is not safe for concurrent use.
type Accumulator interface {
	// Add combines one item: n values of type src, native-endian, and whether each is valid (not 0). Neither
	// slice is kept. src is a type that dst holds, for methods that give the source's values.
	Add(values []byte, src core.DType, valid []byte)
	// Full tells whether every cell's value is final: for first, when every cell has one; for other methods
	// only where each further item would change nothing.
	Full() bool
	// Valid writes a byte for each cell: 0 where Finish writes the fill, not 0 where it writes a value.
	Valid(valid []byte)
	// Finish writes rows x cols cells to dst, stride cells from row to row, with the fill where no item was valid.
	// Nothing may be added afterwards.
	Finish(dst []byte, stride, rows, cols int)
	// Reset makes the accumulator as new, with another fill.
	Reset(fill float64)
	// Release gives the accumulator's memory to the next one that New makes. It must not be used any more.
	Release()
}

// New makes the accumulator of a method for n cells of type dst. fill, a value of dst, is what cells
// without a valid value get; a valid value that equals it is written like any other.
func New(m core.Method, n int, dst core.DType, fill float64) Accumulator {
	switch m.Name {
	case "mean", "stdev":
		return newMoments(m.Name, n, dst, fill)
	case "sum", "count":
		return newSums(m.Name, n, dst, fill)
	case "median":
		return newStack(0.5, n, dst, fill)
	case "percentile":
		return newStack(m.Param/100, n, dst, fill)
	}
	return newSelection(m.Name, n, dst, fill)
}

// memory is a reused buffer, aligned for any pixel type.
type memory struct{ words []uint64 }

var pool = sync.Pool{New: func() any { return new(memory) }}

// take gives a buffer of n bytes, whose content is undefined.
func take(n int) *memory {
	m := pool.Get().(*memory)
	if words := (n + 7) / 8; cap(m.words) < words {
		m.words = make([]uint64, words)
	}
	m.words = m.words[:(n+7)/8]
	return m
}

func (m *memory) release() {
	if m != nil {
		pool.Put(m)
	}
}

func (m *memory) bytes() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(m.words))), len(m.words)*8)
}

// cells is n elements of the buffer, from a byte on.
func cells[T any](m *memory, from, n int) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(m.bytes()[from:]))), n)
}

func pointer[T any](s []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(s)) }

func bytePointer(s []byte) *C.uint8_t { return (*C.uint8_t)(pointer(s)) }

// convert writes n values of type src as values of type dst.
func convert(src, dst core.DType, in, out []byte, n int) {
	C.combine_convert(C.int(src.Index()), C.int(dst.Index()), pointer(in), pointer(out), C.ptrdiff_t(n))
}

// Place writes the values of one item to rows x cols cells of dst, stride cells from row to row, with fill where they are
// not valid: what first does where nothing comes before or after. src is a type that dtype holds.
func Place(values []byte, src core.DType, valid []byte, fill float64, dst []byte, dtype core.DType, stride, rows, cols int) {
	n, size := rows*cols, dtype.Size()
	if n == 0 {
		return
	}
	if len(values) < n*src.Size() || len(valid) < n || len(dst) < ((rows-1)*stride+cols)*size {
		panic("combine: Place beyond its memory")
	}
	if src != dtype {
		cast := take(n * size)
		defer cast.release()
		convert(src, dtype, values, cast.bytes(), n)
		values = cast.bytes()
	}
	C.combine_place(C.int(size), pointer(values), bytePointer(valid), pointer(dtype.Bytes(fill)), pointer(dst), C.ptrdiff_t(stride), C.ptrdiff_t(rows), C.ptrdiff_t(cols))
}

// store writes cells of one type into rows of another.
func store(dst []byte, dtype core.DType, stride, rows, cols int, in []byte, src core.DType) {
	if cols == 0 {
		return
	}
	for r := range rows {
		convert(src, dtype, in[r*cols*src.Size():], dst[r*stride*dtype.Size():][:cols*dtype.Size()], cols)
	}
}

// repeat fills out with one value.
func repeat(out []byte, dtype core.DType, fill float64) {
	n := copy(out, dtype.Bytes(fill))
	for n > 0 && n < len(out) {
		n += copy(out[n:], out[:n])
	}
}
